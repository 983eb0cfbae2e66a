"""`hachaos validate`, `plan` and `list`: scenarios as files. Nothing of a cluster is imported or touched."""

from __future__ import annotations

from pathlib import Path

import click

from chaos import paths
from chaos.errors import InputError, UsageError
from chaos.scenario.load import ScenarioErrors, load, shown_path
from chaos.scenario.plan import Plan, PlannedStep
from chaos.scenario.vocabulary import ACTIONS
from chaos.units import write_duration, write_rate

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
def validate(files: tuple[Path, ...]) -> None:
    """Check scenario FILEs and touch nothing.

    Each mistake is one line, FILE:LINE:COLUMN: what is wrong; what would be right. Exit code 4 when there is any.
    """
    wrong: list[UsageError] = []
    for file in files:
        try:
            plan = load(file)
        except (InputError, ScenarioErrors) as error:
            wrong.append(error)
        else:
            click.echo(f"{plan.path}: ok ({plan.name}, {_count(len(plan.steps), 'step')})")
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise ScenarioErrors("\n".join(map(str, wrong)))


@click.command()
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON: times in seconds, rates per second.")
def plan(file: Path, *, as_json: bool) -> None:
    """Show what a run of the scenario FILE would do, within which limits, and for how long at most; touch nothing."""
    planned = load(file)
    if as_json:
        import json

        click.echo(json.dumps(planned.to_json(), indent=2))
    else:
        click.echo("\n".join(_lines(planned)))


@click.command("list")
def list_() -> None:
    """List the scenarios that come with hachaos, and the claim that each proves or refutes."""
    plans = [load(file) for file in sorted(paths.scenarios().glob("*.yaml"))]
    width = max((len(plan.name) for plan in plans), default=0)
    for each in plans:
        click.echo(f"{each.name:<{width}}  {each.claim}")
        click.echo(f"{'':<{width}}  {_count(len(each.steps), 'step')}, {_nearby(Path(each.path))}")


def _nearby(path: Path) -> str:
    """The path as short as it can be typed from here."""
    here = Path.cwd()
    return shown_path(path.relative_to(here) if path.is_relative_to(here) else path)


def _lines(plan: Plan) -> list[str]:
    work = plan.workload
    lines = [
        f"{plan.name}: {plan.claim}",
        f"file      {plan.path}",
        f"reads     {write_rate(work.reads_per_s)} through the Service, {write_rate(work.pod_reads_per_s)} of each pod",
        f"writes    {write_rate(work.writes_per_s)} rows by SQL, {write_rate(work.posts_per_s)} posts by WordPress",
        f"deadline  {write_duration(work.deadline_s)} for each request",
    ]
    for step in plan.steps:
        lines += ["", *_step_lines(step)]
    return [
        *lines,
        "",
        "After each step: site availability, data continuity, replication and the clone are checked.",
        f"All of it takes {write_duration(plan.longest_s)} at most once the stack is up, every undo included.",
        "This was a dry run: nothing was touched.",
    ]


def _step_lines(step: PlannedStep) -> list[str]:
    words = ACTIONS[step.action]
    given = [
        f"{name} {write_duration(step.params[each.key]) if each.kind == 'seconds' else step.params[each.key]}"
        for name, each in words.parameters.items()
        if each.key in step.params
    ]
    return [
        f"{step.index + 1}. {step.name}",
        f"   does    {' '.join([step.action, step.target, *given])}: {words.about}",
        f"   waits   for {step.wait.condition}, {write_duration(step.wait.timeout_s)} at most",
        f"   limits  {'; '.join(_limits(step.expect))}",
        f"   undo    {step.undo}",
        f"   takes   {write_duration(step.longest_s)} at most",
    ]


def _limits(expect: dict[str, dict[str, float] | str]) -> list[str]:
    found = []
    for stream in ("reads", "writes"):
        limit = expect.get(stream)
        if isinstance(limit, dict) and "longest_outage_s" in limit:
            found.append(f"{stream} out for {write_duration(limit['longest_outage_s'])} at most")
    clone = expect.get("clone")
    if isinstance(clone, str):
        found.append(f"clone: {clone}")
    return found or ["none set: outages are only reported"]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
