"""Slow (A1): answers that came, but later than the step allows. What was bad, or hung in an outage, is out instead.

A percentile is that of all good answers of the step by nearest rank, each measured from when it was due. A request that
hung to its deadline alone, with good answers around it, is counted with them, as late as that: left out, the slowest of
all would make a stream look quick. It says something once there are as many answers as to have one beyond it: 2 for
p50, 20 for p95, 100 for p99.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.checks import facts, words
from chaos.checks.findings import Finding
from chaos.checks.outages import Attempt
from chaos.checks.streams import Stream
from chaos.history import History, Step

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
    answers = _answers(step, stream)
    baseline = facts.baseline_before(history, step)
    before = _answers(baseline, stream) if baseline is not None else []
    judged, broken, label = Judged(), list[int](), stream.name.label
    for wanted in sorted(limits):
        if len(answers) < (enough := _enough(wanted)):
            only = f"only {words.count(len(answers), 'good answer')} {facts.where(step)}, {enough} wanted"
            judged.unknown.append(f"p{wanted} of {label}: {only}")
        elif nearest_rank(answers, wanted) > limits[wanted]:
            broken.append(wanted)
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


def _answers(step: Step, stream: Stream) -> list[float]:
    within = stream.within(facts.since(step), step.end)
    # Without good answers on both sides it may be the edge of an outage.
    alone = {one.last_bad for one in stream.outages if one.attempts == 1 and one.no_longer_than_s is not None}
    return taken(one for one in within if one.good or (one.reason == HUNG and one.start in alone))


def _enough(wanted: int) -> int:
    return math.ceil(100 / (100 - wanted))
