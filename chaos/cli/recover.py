"""`hachaos recover`: put back what unfinished runs have changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.cli.targets import elsewhere_options

if TYPE_CHECKING:
    from chaos.cluster.elsewhere import Elsewhere


@click.command()
@click.option(
    "--reports", default="reports", show_default=True, type=click.Path(path_type=Path), help="Where run folders are."
)
@click.option("--stack", default="hardened", metavar="FILE", help="A stack that was borrowed by a run that was killed.")
@click.option("--name", "cluster", default="hachaos", show_default=True, help="The embedded cluster's name.")
@elsewhere_options
def recover(reports: Path, stack: str, cluster: str, elsewhere: Elsewhere | None) -> int:
    """Put back what runs that never ended (killed, power lost) have changed; safe to call again.

    What they wrote into a stack that was only borrowed (run --stack FILE) is removed.
    """
    from chaos.recover import recover as put_back

    lines = put_back(reports, stack=stack, cluster=cluster, elsewhere=elsewhere)
    for line in lines or ["nothing to recover: every run in this folder was put back"]:
        click.echo(line)
    return 0
