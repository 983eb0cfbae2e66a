"""`hachaos validate`, `plan` and `list`: scenarios and suites as files. Nothing of a cluster is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chaos import paths
from chaos.cli import completion
from chaos.cli.targets import elsewhere_options
from chaos.errors import InputError, UsageError
from chaos.history import PERCENTILES
from chaos.scenario.load import ScenarioErrors, load_any, shown_path
from chaos.scenario.plan import Abort, Needs, Plan, PlannedStep, Suite
from chaos.scenario.vocabulary import ACTIONS, KINDS, LIMITS
from chaos.units import write_duration, write_rate

if TYPE_CHECKING:
    from chaos.cluster.elsewhere import Elsewhere

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE, shell_complete=completion.scenarios)
def validate(files: tuple[Path, ...]) -> None:
    """Check scenario and suite FILEs and touch nothing.

    Each mistake is one line, FILE:LINE:COLUMN: what is wrong; what would be right. Exit code 4 when there is any.
    """
    wrong: list[UsageError] = []
    for file in files:
        try:
            found = load_any(file)
        except (InputError, ScenarioErrors) as error:
            wrong.append(error)
        else:
            click.echo(f"{found.path}: ok ({found.name}, {_size(found)})")
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise ScenarioErrors("\n".join(map(str, wrong)))


@click.command()
@click.argument("file", metavar="FILE", type=_FILE, shell_complete=completion.scenarios)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON: times in seconds, rates per second.")
@click.option(
    "--stack", metavar="FILE", help="With --context or --in-cluster: what it would touch of this stack there."
)
@elsewhere_options
def plan(file: Path, stack: str | None, elsewhere: Elsewhere | None, *, as_json: bool) -> None:
    """Show what a run of the scenario or suite FILE would do, within which limits, and for how long; touch nothing.

    With --context and --stack the cluster is looked at, and what a run would touch there is shown as well.
    """
    planned = load_any(file)
    if as_json:
        import json

        click.echo(json.dumps(planned.to_json(), indent=2))
    else:
        lines = _suite_lines(planned) if isinstance(planned, Suite) else _lines(planned)
        lines += _blast_radius(planned, stack or "hardened", elsewhere)
        click.echo("\n".join([*lines, "This was a dry run: nothing was touched."]))


def _blast_radius(planned: Plan | Suite, stack: str, elsewhere: Elsewhere | None) -> list[str]:
    if elsewhere is None:
        return []
    from chaos import blast_radius
    from chaos.cluster import target as targets
    from chaos.stack import source

    stacks = source.of(stack)
    source.require_bound(stacks, elsewhere)
    return ["", *blast_radius.of([planned], targets.of(elsewhere, "", None, quiet=True), stacks), ""]


@click.command("list")
def list_() -> None:
    """List the scenarios and suites that come with hachaos, and the claim that each proves or refutes."""
    found = [load_any(file) for file in sorted(paths.scenarios().glob("*.yaml"))]
    width = max((len(each.name) for each in found), default=0)
    for each in sorted(found, key=lambda one: isinstance(one, Suite)):
        destroys = ", destructive" if isinstance(each, Plan) and each.destructive else ""
        click.echo(f"{each.name:<{width}}  {each.claim}")
        click.echo(f"{'':<{width}}  {_size(each)}{destroys}, {_nearby(Path(each.path))}")


def _size(found: Plan | Suite) -> str:
    return _count(len(found.plans), "scenario") if isinstance(found, Suite) else _count(len(found.steps), "step")


def _nearby(path: Path) -> str:
    """The path as short as it can be typed from here."""
    here = Path.cwd()
    return shown_path(path.relative_to(here) if path.is_relative_to(here) else path)


_BASELINES = {
    "stop": "if the stack is not well before the first fault, nothing is broken",
    "record": "what is not well before the first fault is written down, and the run goes on",
    "": "as each scenario has it",
}


def _suite_lines(suite: Suite) -> list[str]:
    lines = [
        f"{suite.name}: {suite.claim}",
        f"file      {suite.path}",
        f"budget    {write_duration(suite.budget_s)} for all: what has not begun by then is not begun",
        f"between   {write_duration(suite.between_s)} between two",
        f"baseline  {_BASELINES[suite.baseline]}",
        "",
    ]
    for number, each in enumerate(suite.plans, start=1):
        destroys = "; destructive" if each.destructive else ""
        lines += [
            f"{number:2}. {each.name}: {each.claim}",
            f"    {_count(len(each.steps), 'step')}, {write_duration(each.longest_s)} at most{destroys}; {each.path}",
        ]
    return [*lines, "", "hachaos plan FILE tells of each what it would do."]


def _lines(plan: Plan) -> list[str]:
    work = plan.workload
    lines = [
        f"{plan.name}: {plan.claim}",
        f"file      {plan.path}",
        f"reads     {write_rate(work.reads_per_s)} through the Service, {write_rate(work.pod_reads_per_s)} of each pod",
        f"writes    {write_rate(work.writes_per_s)} rows by SQL, {write_rate(work.posts_per_s)} posts by WordPress",
    ]
    if work.uploads_per_s:
        lines.append(f"uploads   {write_rate(work.uploads_per_s)} by WordPress")
    if work.file_reads_per_s:
        lines.append(f"files     {write_rate(work.file_reads_per_s)} of each pod, a static file and the seed picture")
    if work.connections != "new":
        lines.append(f"reuses    {work.connections} connections for reads")
    lines += [
        f"deadline  {write_duration(work.deadline_s)} for each request",
        f"needs     {_needs(plan.needs)}, or the run is refused",
        f"baseline  {_BASELINES[plan.baseline]}",
    ]
    if plan.destructive:
        lines.append("destroys  data that nothing brings back")
    lines += [f"aborts    when {condition}" for condition in _aborts(plan.abort)]
    for step in plan.steps:
        lines += ["", *_step_lines(step)]
    return [
        *lines,
        "",
        "After each step: site availability, data continuity, replication and the clone are checked.",
        f"All of it takes {write_duration(plan.longest_s)} at most once the stack is up, every undo included.",
    ]


def _aborts(abort: Abort) -> Iterator[str]:
    """When a run stops itself, in words."""
    if abort.wall_time_s is not None:
        yield f"the run takes longer than {write_duration(abort.wall_time_s)}"
    for kind, budget_s in abort.error_budget.items():
        yield f"{kind} were out for more than {write_duration(budget_s)} in all"
    if (http := abort.http) is not None:
        yield f"{http.url}, asked every {write_duration(http.every_s)}, fails {http.fails} times in a row"
    if (prometheus := abort.prometheus) is not None:
        lasts = f" for {write_duration(prometheus.for_s)}" if prometheus.for_s else ""
        yield f"{prometheus.query} at {prometheus.url} is {prometheus.limit}{lasts}"


def _needs(needs: Needs) -> str:
    parts = [("database", needs.database), ("site", needs.site), ("files", needs.files)]
    pods = [f"{_count(number, 'ready pod')} of {part}" for part, number in parts]
    return ", ".join([_count(needs.nodes, "node"), *pods])


def _step_lines(step: PlannedStep) -> list[str]:
    words = ACTIONS[step.action]
    given = [
        f"{name} {write_duration(step.params[each.key]) if each.kind == 'seconds' else step.params[each.key]}"
        for name, each in words.parameters.items()
        if each.key in step.params
    ]
    return [
        f"{step.index + 1}. {step.name}",
        f"   does    {' '.join([step.action, step.target, *given])}",
        f"           {words.about}",
        f"   waits   for {step.wait.condition}, {write_duration(step.wait.timeout_s)} at most",
        f"   limits  {'; '.join(_limits(step.expect))}",
        f"   undo    {step.undo}",
        f"   takes   {write_duration(step.longest_s)} at most",
    ]


def _limits(expect: dict[str, Any]) -> list[str]:
    found = []
    for kind in KINDS:
        limits = expect.get(kind, {})
        said = [f"out for {write_duration(limits['longest_outage_s'])} at most"] if "longest_outage_s" in limits else []
        said += [
            f"p{wanted} {write_duration(limits[f'p{wanted}_s'])} at most"
            for wanted in PERCENTILES
            if f"p{wanted}_s" in limits
        ]
        if limits.get("may_stay_out"):
            said.append("may stay out")
        if said:
            found.append(f"{kind} {', '.join(said)}")
    if "clone" in expect:
        found.append(f"clone: {expect['clone']}")
    found += [f"{name}: {expect[name]}" for name in LIMITS if name in expect]
    return found or ["none set: outages are only reported"]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
