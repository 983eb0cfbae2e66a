"""The figures of a step as the tables say them, on a terminal and on a page."""

from __future__ import annotations

from chaos.report import words
from chaos.report.summary import StepSummary, Stream


def outage(stream: Stream) -> str:
    """A stream's longest outage in a step, in words."""
    if not stream.attempts:
        return words.NOT_MEASURED
    return words.bounds(stream.longest) if stream.longest else "none"


def recovery(step: StepSummary) -> str:
    """How long a step's recovery took, in words."""
    found = step.recovery
    if found.fault_at_s is None:
        return "no fault"
    if found.recovered_s is not None:
        return words.seconds(found.recovered_s)
    return "not seen" if found.pod or found.noticed_s is not None else "–"


def number(value: int | None) -> str:
    """A count, or that nobody counted."""
    return "unknown" if value is None else f"{value:,}"
