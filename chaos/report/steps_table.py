"""The table of steps that a run's page and a suite's page have alike."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chaos.report import cells
from chaos.report.page import badge, table
from chaos.report.summary import StepSummary
from chaos.report.words import markup as _e

_SHORT = 24
"""Letters that stay on one line."""

_HEAD = ("Step", "Verdict", "Reads out", "Writes out", "Acknowledged", "Lost", "Clone", "Recovered in")


def section(steps: Iterable[tuple[str, StepSummary]], caption: str) -> str:
    """The page's section on steps, each with the HTML that names it."""
    rows = [_row(name, step) for name, step in steps]
    shown = table(caption, _HEAD, rows, numbers=(4, 5), kind="steps") if rows else "<p>No step began.</p>"
    return f'<section>\n<h2 id="steps">Steps</h2>\n{shown}\n</section>'


def _row(name: str, step: StepSummary) -> tuple[str, ...]:
    lost = _e(cells.number(step.lost))
    return (
        name,
        badge(step.verdict),
        _outage(cells.outage(step.reads), failed=step.reads.failed),
        _outage(cells.writes(step), failed=step.writes.failed),
        _e(cells.number(step.acknowledged)),
        f'<strong class="fail-text">{lost}</strong>' if step.lost else lost,
        _e(step.clone or "–"),
        _e(cells.recovery(step)),
    )


def _outage(told: str, *, failed: bool) -> str:
    """An outage's cell: on one line where it is short, and marked where a check holds it against the stack."""
    css = " ".join(filter(None, ("keep" if len(told) <= _SHORT else "", "fail-text" if failed else "")))
    if len(told) > _SHORT:
        # A number keeps its unit beside it where the cell's line breaks.
        told = re.sub(r"(?<=\d) (?=(s|min)\b)", "\N{NO-BREAK SPACE}", told)
    return f'<span class="{css}">{_e(told)}</span>' if css else _e(told)
