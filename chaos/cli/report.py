"""`hachaos report`: copy the reports of nightly runs out of the cluster in which they ran."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.cli import targets
from chaos.cli.targets import elsewhere_options
from chaos.errors import UsageError
from chaos.paths import CLUSTER
from chaos.redact import plain

if TYPE_CHECKING:
    from chaos.cluster.elsewhere import Elsewhere
    from chaos.past.from_cluster import Copied
    from chaos.progress import Task

_SHOWN_AFTER_S = 2.0


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--from-cluster", is_flag=True, help="From the volume of manifests/nightly in the cluster.")
@click.option("--namespace", default="hachaos", show_default=True, metavar="NS", help="Where the nightly run is.")
@click.option("--claim", default="hachaos-reports", show_default=True, metavar="NAME", help="The claim of its volume.")
@click.option(
    "--to", default="reports", show_default=True, type=click.Path(path_type=Path), metavar="DIR", help="Where to."
)
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the last N runs there.")
@click.option("--name", "cluster", default=CLUSTER, show_default=True, help="The embedded cluster's name.")
@elsewhere_options
def report(
    runs: tuple[str, ...],
    namespace: str,
    claim: str,
    to: Path,
    last: int | None,
    cluster: str,
    elsewhere: Elsewhere | None,
    *,
    from_cluster: bool,
) -> None:
    """Copy the folders of nightly runs out of the cluster, all or those that are named; one that is here is left.

    A pod of the nightly run's image is started for it, which may only read, and is removed afterwards. A run that has
    no report, as it is at work or was cut off, is copied only by its name.

    Exit code: 0 all are here, whatever their verdicts; 3 no run yet, no pod, not all came; 4 no such claim or run; 5
    the pod may still be there.
    """
    if not from_cluster:
        raise UsageError(
            "report copies reports: from where?", hint="--from-cluster; `check --write RUN` draws one again"
        )
    if runs and last:
        raise UsageError("--last and the names of runs: only one of them can be", hint="leave one of them out")
    from chaos.stack.bound_file import is_name

    for option, name in (("--namespace", namespace), ("--claim", claim)):
        if not is_name(name):
            raise UsageError(f"{option}: {name!r} is no name of an object", hint="lower-case letters, digits, dashes")
    from chaos import stop
    from chaos.past.from_cluster import Asked, copy

    api = targets.require_api(cluster, elsewhere)
    found: list[Copied] = []
    try:
        with stop.by_signals(), ExitStack() as shown:
            asked = Asked(claim, runs, last)
            left = copy(api.in_namespace(namespace), asked, to, task=_Late(shown), copied=found.append)
    finally:
        # Not before: bars would take what goes to standard output for theirs.
        for each in found:
            click.echo(plain(f"{each.verdict:7}  {each.path}"))
    for name in left.unfinished:
        click.echo(
            plain(f"{name}: no report yet, it is at work or was cut off; not copied unless it is named"), err=True
        )
    if left.here:
        click.echo(
            plain(f"{len(left.here)} of them {'was' if len(left.here) == 1 else 'were'} in {to} already"), err=True
        )


class _Late:
    """A display that begins only once the work has taken a while."""

    def __init__(self, shown: ExitStack) -> None:
        self._shown, self._began = shown, time.monotonic()
        self._task: Task | None = None

    def update(self, note: str | None = None, *, done: float | None = None, total: float | None = None) -> None:
        if self._task is None and time.monotonic() - self._began > _SHOWN_AFTER_S:
            from chaos.progress import progress

            self._task = self._shown.enter_context(self._shown.enter_context(progress()).task("copying reports"))
        if self._task is not None:
            self._task.update(note, done=done, total=total)
