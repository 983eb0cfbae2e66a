"""`hachaos claims`: the page of claims, from suites that were run."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("reports", metavar="REPORT...", nargs=-1, required=True, type=click.Path(path_type=Path))
def claims(reports: tuple[Path, ...]) -> None:
    """Print a page in Markdown of the claims that the suites' report.json files REPORT proved or refuted."""
    from chaos.report import claims_page

    click.echo(claims_page.render([claims_page.read(path) for path in reports]), nl=False)
