"""Slow (A1): answers that came, but later than the step allows. What was bad, or hung in an outage, is out instead.

A percentile is that of all good answers of the step by nearest rank, each measured from when it was due. A request that
hung to its deadline is counted with them, as late as that, unless its outage surely lasted for as long as it waited:
left out, the slowest of all would make a stream look quick. It says something once there are as many answers as to have
one beyond it: 2 for p50, 20 for p95, 100 for p99; and if so many were never sent that they alone may be those beyond
it, nothing.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.checks import facts, words
from chaos.checks.findings import Finding
from chaos.checks.outages import Attempt
from chaos.checks.streams import Stream
from chaos.history import History, Step
from chaos.verdict import Outage

HUNG = "timeout"
"""The reason of a request that had no answer by its deadline."""


@dataclass
class Judged:
    """What one stream came to: a finding for the percentiles that are over their limits; the others are phrases."""

    failed: Finding | None = None
    unknown: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)


def nearest_rank(ordered: Sequence[float], percentile: float) -> float:
    """The percentile of ordered values by the nearest-rank method: always a value that was measured."""
    return ordered[max(math.ceil(percentile / 100 * len(ordered)), 1) - 1]


def taken(attempts: Iterable[Attempt]) -> list[float]:
    """Seconds from when each was due to its end, sorted."""
    return sorted([one.end - one.due for one in attempts])


def judge(history: History, step: Step, stream: Stream, limits: Mapping[int, float]) -> Judged:
    """Judge a stream by the step's limits: the percentile, and the seconds that it may take."""
    out = _surely_out(stream)
    answers, unsent = _answers(step, stream, out), _unsent(step, stream, out)
    baseline = facts.baseline_before(history, step)
    before = _answers(baseline, stream, out) if baseline is not None else []
    judged, broken, label = Judged(), list[int](), stream.name.label
    for wanted in sorted(limits):
        if len(answers) < (enough := _enough(wanted)):
            only = f"only {words.count(len(answers), 'good answer')} {facts.where(step)}, {enough} wanted"
            judged.unknown.append(f"p{wanted} of {label}: {only}")
        elif nearest_rank(answers, wanted) > limits[wanted]:
            broken.append(wanted)
        elif unsent * 100 > (100 - wanted) * (len(answers) + unsent):
            never = f"{unsent} of {words.count(len(answers) + unsent, 'request')} were never sent"
            judged.unknown.append(f"p{wanted} of {label}: {never}, and may have been the slowest")
        else:
            judged.passed.append(f"{label}: {_said(answers, wanted, limits)}")
    if broken:
        late = sum(one > min(limits[wanted] for wanted in broken) for one in answers)
        said = ", ".join(_said(answers, wanted, limits) for wanted in broken)
        text = f"{label} were slow: {said}; {late} of {words.count(len(answers), 'answer')} came later"
        were = all(
            len(before) >= _enough(wanted) and nearest_rank(before, wanted) > limits[wanted] for wanted in broken
        )
        judged.failed = Finding(f"slow:{label}", text, before=were)
    return judged


def _said(answers: Sequence[float], wanted: int, limits: Mapping[int, float]) -> str:
    found = words.seconds(nearest_rank(answers, wanted))
    return f"p{wanted} {found} of at most {words.seconds(limits[wanted])} allowed"


def _surely_out(stream: Stream) -> list[Outage]:
    """The outages that surely lasted for as long as each of their requests waited: so these are judged as outages.

    Of a shorter one nobody knows whether service was out, or single requests hung while others were served.
    """
    found, since = [], -math.inf
    for one in stream.outages:
        if not one.attempts:
            continue
        bad = [each for each in stream.within(since, one.last_bad) if not each.good and each.start > since]
        since = one.last_bad
        if one.no_shorter_than_s >= max((each.end - each.start for each in bad), default=0.0):
            found.append(one)
    return found


def _answers(step: Step, stream: Stream, out: Sequence[Outage]) -> list[float]:
    """Seconds that the good answers took, and how long those waited that hung while service was not surely out.

    Without good answers on both sides it may be the edge of an outage.
    """
    within = stream.within(facts.since(step), step.end)
    seen = [one for one in stream.outages if one.attempts]
    until = [one.last_bad for one in seen]

    def hung(attempt: Attempt) -> bool:
        if attempt.good or attempt.reason != HUNG:
            return False
        its = seen[bisect.bisect_left(until, attempt.start)]
        return its.no_longer_than_s is not None and its not in out

    return taken(one for one in within if one.good or hung(one))


def _unsent(step: Step, stream: Stream, out: Sequence[Outage]) -> int:
    """How many requests of the step were due and never left, without those of outages that are surely some."""

    def lies_in(due: float, one: Outage) -> bool:
        return (one.last_good is None or one.last_good < due) and (one.first_good is None or due < one.first_good)

    due = stream.skipped_within(facts.since(step), step.end)
    return sum(not any(lies_in(at, one) for one in out) for at in due)


def _enough(wanted: int) -> int:
    return math.ceil(100 / (100 - wanted))
