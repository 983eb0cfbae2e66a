"""Slow (A1): answers that came, but later than the step allows. What did not come, or was bad, is out and not slow.

A percentile is that of all good answers of the step by nearest rank, each measured from when it was due. It says
something once there are as many answers as to have one beyond it: 2 for p50, 20 for p95, 100 for p99.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.checks import facts, words
from chaos.checks.findings import Finding
from chaos.checks.outages import Attempt
from chaos.checks.streams import Stream
from chaos.history import BASELINE, History, Step


@dataclass
class Judged:
    """What one stream came to: a finding for the percentiles that are over their limits; the others are phrases."""

    failed: Finding | None = None
    unknown: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)


def percentile(taken: Sequence[float], wanted: int) -> float:
    """The nearest rank of at least one sorted number."""
    return taken[max(math.ceil(wanted / 100 * len(taken)), 1) - 1]


def taken(attempts: Iterable[Attempt]) -> list[float]:
    """Seconds from when each was due to its end, sorted."""
    return sorted([one.end - one.due for one in attempts])


def judge(history: History, step: Step, stream: Stream, limits: Mapping[int, float]) -> Judged:
    """Judge a stream by the step's limits: the percentile, and the seconds that it may take."""
    answers = _good(step, stream)
    baseline = next((one for one in history.steps if one.index == BASELINE != step.index), None)
    before = _good(baseline, stream) if baseline is not None else []
    judged, broken, label = Judged(), list[int](), stream.name.label
    for wanted in sorted(limits):
        if len(answers) < (enough := _enough(wanted)):
            only = f"only {words.count(len(answers), 'good answer')} {facts.where(step)}, {enough} wanted"
            judged.unknown.append(f"p{wanted} of {label}: {only}")
        elif percentile(answers, wanted) > limits[wanted]:
            broken.append(wanted)
        else:
            judged.passed.append(f"{label}: {_said(answers, wanted, limits)}")
    if broken:
        late = sum(one > min(limits[wanted] for wanted in broken) for one in answers)
        said = ", ".join(_said(answers, wanted, limits) for wanted in broken)
        text = f"{label} were slow: {said}; {late} of {words.count(len(answers), 'good answer')} came later"
        were = all(len(before) >= _enough(wanted) and percentile(before, wanted) > limits[wanted] for wanted in broken)
        judged.failed = Finding(f"slow:{label}", text, before=were)
    return judged


def _said(answers: Sequence[float], wanted: int, limits: Mapping[int, float]) -> str:
    found = words.seconds(percentile(answers, wanted))
    return f"p{wanted} {found} of at most {words.seconds(limits[wanted])} allowed"


def _good(step: Step, stream: Stream) -> list[float]:
    return taken(one for one in stream.within(facts.since(step), step.end) if one.good)


def _enough(wanted: int) -> int:
    return math.ceil(100 / (100 - wanted))
