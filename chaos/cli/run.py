"""`hachaos run`: run scenarios one after another; the exit code is the worst verdict's."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("scenario", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--stack", "profile", default="hardened", show_default=True, help="The stack's profile (a folder in manifests/)."
)
@click.option("--nodes", type=click.IntRange(1, 5), help="Nodes of the embedded cluster, if it has to be started (3).")
@click.option("--name", "cluster", default="hachaos", show_default=True, help="The embedded cluster's name.")
@click.option(
    "--reports", default="reports", show_default=True, type=click.Path(path_type=Path), help="Where run folders go."
)
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors; the exit code says the verdict.")
def run(
    scenario: tuple[Path, ...], profile: str, nodes: int | None, cluster: str, reports: Path, *, quiet: bool
) -> int:
    """Run SCENARIO files on the embedded cluster, which is built and started if need be, and judge each step.

    Exit code: 0 pass, 1 fail, 2 unknown, 3 the tool or the cluster failed, 4 usage, 5 undo incomplete, 130 interrupted.
    """
    from chaos.scenario.load import load

    plans = [load(path) for path in scenario]  # what is wrong with a file is said before the heavy imports

    from chaos import session

    options = session.Options(profile=profile, cluster=cluster, nodes=nodes, reports=reports, quiet=quiet)
    return int(session.run(plans, options))
