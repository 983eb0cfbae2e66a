"""The section on how each fault was got over, part by part: what a mean time to recovery is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chaos.report import cells, words
from chaos.report.page import table
from chaos.report.summary import StepSummary, of_role
from chaos.report.words import markup as _e

_HEAD: Final = (
    *("Step", "Noticed", "Scheduled", "Volume attached", "Image pulled", "Container started", "Ready"),
    *("First good answer", "Recovered"),
)

_WHAT: Final = (
    "Times are since the fault. Noticed: a pod of the role that was hit stopped being ready. Scheduled: the new pod "
    "has a node. Attached, pulled, started: the last of its volumes, images and containers, as the cluster's events "
    "tell. Ready: its probe says so. First good answer: the role that was hit serves again. Recovered: the pod is "
    "ready, and reads, rows, posts and uploads are answered."
)


def section(steps: Iterable[tuple[str, StepSummary]]) -> str:
    """The page's section on time to recovery, of the steps with a fault, each with the HTML that names it."""
    rows = [_row(name, step) for name, step in steps if step.recovery.fault_at_s is not None]
    shown = table(_WHAT, _HEAD, rows, kind="recovery") if rows else "<p>There was no fault to recover from.</p>"
    return f'<section>\n<h2 id="recovery">Time to recovery</h2>\n{shown}\n</section>'


def _row(name: str, step: StepSummary) -> tuple[str, ...]:
    found = step.recovery
    answered = _part(found.first_good_answer_s)
    if found.first_good_answer_s is None and not of_role(step.step, step.outages):
        answered = "never stopped"
    pod = f", followed on {_e(found.pod)}" if found.pod else ""
    started = found.started_s if found.container_started_s is None else found.container_started_s
    parts = (found.noticed_s, found.scheduled_s, found.attached_s, found.pulled_s, started, found.ready_s)
    return (
        f"{name} <small>fault at {words.clock(found.fault_at_s or 0.0)}{pod}</small>",
        *map(_part, parts),
        answered,
        _e(cells.recovery(step)),
    )


def _part(value: float | None) -> str:
    return "not seen" if value is None else f"+{words.seconds(value)}"
