"""Whether the latest passing run alone was slow: a night that stands out is told the next morning, not after five.

It is held against the runs that `rule` holds the last five against, so that four slow nights before it hide nothing. A
figure stands out by its distance from their median in units of their spread, of which neither is moved far by a few
outliers among them (the modified z-score of Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993). Outages
have long tails, on which such a score alone would alarm too often; so the run has to be the slowest of all as well,
which one of 31 is, however they are distributed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

from chaos.past import rule
from chaos.past.runs import FIGURES, PAGES, Run

BOUND, BOUND_PAGES = 3.5, 2.5
"""Units of spread above the median: the first is Iglewicz and Hoaglin's; what pages take has no long tail."""
LEAST: Final = 15
"""Passing runs that there have to be before the last five."""

_OF_MEDIAN: Final = 1.4826
_OF_MEAN: Final = 1.2533
"""What makes a standard deviation of the median and of the mean distance, where values are normal."""
_LEAST_S, _LEAST_PAGES_S = 0.05, 0.001
"""Seconds by which figures differ that were alike: of outages what lies between two requests at 20 a second."""


@dataclass(frozen=True)
class Slow:
    """One figure that stands out: the median before and the latest value in seconds, and the modified z-score."""

    figure: str
    before_s: float
    latest_s: float
    z: float


@dataclass(frozen=True)
class Judged:
    """What stands out of the latest passing run against `before` others; `why_not` says why that was not judged."""

    slow: tuple[Slow, ...] = ()
    before: int = 0
    why_not: str = ""


def judge(runs: Sequence[Run]) -> Judged:
    """Judge the latest passing run of one scenario on one stack; `runs` are in the order of time."""
    same = rule.alike(runs)
    before = same[-rule.LAST - rule.MOST : -rule.LAST]
    if len(before) < LEAST:
        return Judged(
            why_not=f"only {len(before)} of the {LEAST} passing runs that it needs before the last {rule.LAST}"
        )
    found = [_slow(figure, getattr(same[-1], figure), [getattr(run, figure) for run in before]) for figure in FIGURES]
    return Judged(tuple(one for one in found if one), len(before))


def _slow(figure: str, latest: float | None, before: Sequence[float | None]) -> Slow | None:
    others = [value for value in before if value is not None]
    if latest is None or len(others) < LEAST or latest <= max(others):
        return None
    bound, least = (BOUND_PAGES, _LEAST_PAGES_S) if figure == PAGES else (BOUND, _LEAST_S)
    z = (latest - median(others)) / _spread(others, least)
    return Slow(figure, median(others), latest, z) if z > bound else None


def _spread(values: Sequence[float], least: float) -> float:
    """By the median of the distances from the median; by their mean, where that is more, as it is with many zeros."""
    far = [abs(value - median(values)) for value in values]
    return max(_OF_MEDIAN * median(far), _OF_MEAN * fmean(far), least)
