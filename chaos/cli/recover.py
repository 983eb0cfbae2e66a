"""`hachaos recover`: put back what unfinished runs have changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.cli.targets import elsewhere_options
from chaos.paths import CLUSTER
from chaos.redact import plain

if TYPE_CHECKING:
    from chaos.cluster.elsewhere import Elsewhere


@click.command()
@click.option(
    "--reports", default="reports", show_default=True, type=click.Path(path_type=Path), help="Where run folders are."
)
@click.option(
    "--stack",
    default="hardened",
    metavar="STACK",
    help="The stack to look at for what a run has left whose folder is lost: a profile, or a binding's file.",
)
@click.option("--name", "cluster", default=CLUSTER, show_default=True, help="The embedded cluster's name.")
@elsewhere_options
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
def recover(reports: Path, stack: str, cluster: str, elsewhere: Elsewhere | None, *, dry_run: bool) -> int:
    """Put back what runs that never ended (killed, power lost) have changed; safe to call again.

    Runs are found by their folders, and by the annotations that they left on what they changed. What they wrote into a
    stack that was only borrowed (run --stack FILE) is removed. Exit code: 0 all is put back, 5 something is not.
    """
    from chaos.recover import recover as put_back

    lines = put_back(
        reports,
        stack=stack,
        cluster=cluster,
        elsewhere=elsewhere,
        dry_run=dry_run,
        say=lambda line: click.echo(plain(line)),
    )
    if not lines:
        there = "" if reports.is_dir() else f" (by the stack alone: there is no folder {plain(str(reports))})"
        click.echo(f"nothing to recover: every run was put back{there}")
    return 0
