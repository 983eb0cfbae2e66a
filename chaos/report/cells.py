"""The figures of a step as the tables say them, on a terminal and on a page."""

from __future__ import annotations

from chaos.report import words
from chaos.report.summary import StepSummary, Stream

MANY = 3
"""With more outages than these a stream went in and out, and its longest outage does not tell how much was bad."""


def outage(stream: Stream) -> str:
    """A stream's longest outage in a step, in words; how much was bad of one that went in and out."""
    if not stream.attempts:
        return words.NOT_MEASURED
    if stream.longest is None:
        told = "none"
    elif stream.outages > MANY:
        told = (
            f"{bad(stream.bad, stream.attempts)} in {stream.outages:,} outages, longest {words.bounds(stream.longest)}"
        )
    else:
        told = words.bounds(stream.longest)
    if stream.out_at_end and stream.longest is not None and stream.longest.first_good is not None:
        told += ", not back at the end"
    worst = stream.worst_pod
    return f"{told}; {words.short(worst.via)} {words.bounds(worst)}" if worst else told


def bad(number: int, of: int) -> str:
    """`481 of 1,812 bad`."""
    return f"{number:,} of {of:,} bad"


def writes(step: StepSummary) -> str:
    """The longest outage of writers in a step; rows and posts apart where one of them went in and out."""
    out = {what: one for what, one in step.written.items() if one.longest is not None}
    if len(out) > 1 and any(one.outages > MANY for one in out.values()):
        return "; ".join(f"{what}s {outage(one)}" for what, one in out.items())
    return outage(step.writes)


def recovery(step: StepSummary) -> str:
    """How long a step's recovery took, in words."""
    found = step.recovery
    if found.fault_at_s is None:
        return "no fault"
    if found.recovered_s is not None:
        return words.seconds(found.recovered_s)
    missed = [wait.took_s for wait in step.waits if not wait.satisfied and not wait.unknown]
    if missed:
        return f"not within {words.seconds(max(missed))}"
    return "not seen" if found.pod or found.noticed_s is not None else "–"


def number(value: int | None) -> str:
    """A count, or that nobody counted."""
    return "unknown" if value is None else f"{value:,}"
