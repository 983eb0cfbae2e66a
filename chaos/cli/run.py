"""`hachaos run`: run scenarios and suites one after another; the exit code is the worst verdict's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.cli.colors import no_color
from chaos.cli.targets import elsewhere_options, scenarios_argument, stack_option
from chaos.paths import CLUSTER

if TYPE_CHECKING:
    from chaos.cluster.elsewhere import Elsewhere


@click.command()
@scenarios_argument
@stack_option
@click.option(
    "--baseline",
    type=click.Choice(["stop", "record"]),
    help="What a stack that is not well before the first fault does: stop the run, or be written down. "
    "Overrules the scenario.",
)
@click.option(
    "--allow-destructive", is_flag=True, help="Allow scenarios that destroy data on a target that is not local."
)
@click.option("--allow-nodes", is_flag=True, help="Allow scenarios that change a node (drain-node), on any target.")
@click.option("--yes", is_flag=True, help="Agree to what a run on a cluster that is there prints that it will touch.")
@click.option("--nodes", type=click.IntRange(1, 5), help="Nodes of the embedded cluster, if it has to be started (3).")
@click.option("--name", "cluster", default=CLUSTER, show_default=True, help="The embedded cluster's name.")
@elsewhere_options
@click.option(
    "--reports", default="reports", show_default=True, type=click.Path(path_type=Path), help="Where run folders go."
)
@click.option(
    "--webhook",
    default="",
    metavar="URL",
    envvar="HACHAOS_WEBHOOK",
    help="Tell this address when a verdict is another than the last time. Better in $HACHAOS_WEBHOOK: it is a secret.",
)
@click.option(
    "--webhook-format",
    type=click.Choice(["json", "slack"]),
    default="json",
    show_default=True,
    envvar="HACHAOS_WEBHOOK_FORMAT",
    help="As plain JSON, or as Slack wants it.",
)
@click.option("--debug", is_flag=True, help="Write each API call and command into debug.log in the run folder.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors; the exit code says the verdict.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print each report.json as one line to standard output, and nothing else.",
)
@no_color
def run(
    scenario: tuple[Path, ...],
    stack: str,
    baseline: str | None,
    nodes: int | None,
    cluster: str,
    reports: Path,
    elsewhere: Elsewhere | None,
    webhook: str,
    webhook_format: str,
    *,
    allow_destructive: bool,
    allow_nodes: bool,
    yes: bool,
    debug: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run SCENARIO and suite files on the embedded cluster, which is built and started if need be; judge each step.

    On a cluster that is there (--context, --in-cluster) only a stack that a file binds is run on.

    Exit code: 0 pass, 1 fail, 2 unknown, 3 the tool or the cluster failed, 4 usage, 5 undo incomplete, 130 interrupted.
    """
    from chaos.scenario.load import load_any

    items = [load_any(path) for path in scenario]  # what is wrong with a file is said before the heavy imports

    from chaos import session
    from chaos.debug import DebugLog
    from chaos.past.after import told
    from chaos.scenario.plan import plans_of

    log = DebugLog() if debug else None
    options = session.Options(
        stack=stack,
        cluster=cluster,
        elsewhere=elsewhere,
        yes=yes,
        nodes=nodes,
        reports=reports,
        quiet=quiet,
        as_json=as_json,
        baseline=baseline or "",
        allow_destructive=allow_destructive,
        allow_nodes=allow_nodes,
        debug=log,
    )
    names = [plan.name for plan in plans_of(items)]
    with told(reports, names, stack, options.place, webhook, webhook_format, log):
        return int(session.run(items, options))
