"""`hachaos history` and `hachaos trend`: how scenarios stand over all runs whose folders lie under the reports."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chaos.errors import ExitCode, UsageError
from chaos.suggest import instead_of

if TYPE_CHECKING:
    from chaos.past.index import Past
    from chaos.past.standing import Standing

_FORMAT = 1
_DAY_S = 24 * 3600.0


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from chaos import units

        days = value.removesuffix("d")
        try:
            seconds = int(days) * _DAY_S if days != value and days.isdecimal() else units.duration(value)
        except ValueError as error:
            self.fail(f"{str(error).partition('; ')[0]}; write one like 24h or 7d", param, ctx)
        if seconds <= 0:
            self.fail(f"{value}: no time at all", param, ctx)
        return seconds


_scenarios = click.argument("scenarios", metavar="[SCENARIO]...", nargs=-1)
_reports = click.option(
    "--reports", default="reports", show_default=True, type=click.Path(path_type=Path), help="Where run folders are."
)
_every = click.option(
    "--every",
    metavar="DURATION",
    type=_Duration(),
    help="A run is due in each such time (24h, 7d); one that did not come is missing.",
)


@click.command()
@_scenarios
@_reports
@_every
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="How many runs to show of each.")
@click.option(
    "--fail-on",
    type=click.Choice(["regression", "missing"]),
    multiple=True,
    help="End with 1 if a scenario got slower or broken, or if its latest run is missing (a folder that cannot be "
    "read counts as missing, and so does no run at all where one is due by --every).",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def history(
    scenarios: tuple[str, ...],
    reports: Path,
    every: float | None,
    last: int,
    fail_on: tuple[str, ...],
    *,
    as_json: bool,
) -> int:
    """Show how each scenario stands on each stack: its last verdicts, outages and recovery, whether it got worse.

    Reads the run folders below --reports, each once: an index is kept there, which can be deleted at any time.

    Exit code: 0; with --fail-on 1 if that is so; 4 usage.
    """
    from chaos.past import lines
    from chaos.past.standing import to_json

    past, found = _found(scenarios, reports, every)
    if as_json:
        values = {
            "format": _FORMAT,
            "scenarios": [to_json(one, last) for one in found],
            "unreadable": past.unreadable,
            "newer": past.newer,
        }
        click.echo(json.dumps(values, ensure_ascii=False, indent=2))
    else:
        click.echo(lines.text(found, past, last))
    regressed = "regression" in fail_on and any(one.regressed for one in found)
    # Which scenario an unreadable folder is of is not known, nor so whether the latest run of this one came.
    missing = "missing" in fail_on and (past.unread or any(one.missing for one in found))
    if "missing" in fail_on and every is not None and not past.runs and not past.unread:
        click.echo("No run at all, although one is due (--every): it counts as missing (--fail-on missing).", err=True)
        missing = True
    return ExitCode.FAIL if regressed or missing else ExitCode.PASS


@click.command()
@_scenarios
@_reports
@_every
@click.option(
    "--html",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    is_flag=False,
    flag_value=Path("trend.html"),
    required=True,
    metavar="[FILE]",
    help="Write the page to FILE: trend.html in the reports if none is named.",
)
def trend(scenarios: tuple[str, ...], reports: Path, every: float | None, file: Path) -> None:
    """Draw how outages and recovery of each scenario went from run to run: one HTML file that opens offline."""
    from chaos.past import trend as drawn

    past, found = _found(scenarios, reports, every)
    path = reports / file if file == Path("trend.html") else file
    try:
        path.write_text(drawn.render(found, past, reports, path), encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="--html names a file that can be written") from error
    click.echo(path)


def _found(scenarios: tuple[str, ...], reports: Path, every: float | None) -> tuple[Past, list[Standing]]:
    """Raises UsageError for a scenario that no run is of, and for a folder that is not there."""
    from chaos.past.index import past
    from chaos.past.standing import standings

    all_ = past(reports)
    known = {run.scenario for run in all_.runs}
    for name in scenarios:
        if name not in known:
            raise UsageError(f"{reports}: no run of {name!r}", hint=instead_of(name, sorted(known)))
    runs = [run for run in all_.runs if not scenarios or run.scenario in scenarios]
    return all_, standings(runs, every_s=every, now=time.time())
