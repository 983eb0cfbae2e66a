"""Whether a scenario got slower: the one statistical rule by which figures of runs are judged.

The last `LAST` passing runs are held against the up to `MOST` passing ones before them by the one-sided rank-sum test
of Mann and Whitney ("On a test of whether one of two random variables is stochastically larger than the other", Annals
of Mathematical Statistics 18, 1947), with its exact permutation distribution, ties by mid-ranks. It asks nothing of how
outages are distributed, only that healthy runs could have come in any order. The probability of a false alarm in one
judgement of a scenario is at most `ALPHA`, divided among its figures (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median
from typing import Final

from chaos.past.runs import FIGURES, Run

ALPHA: Final = 0.01
LAST: Final = 5
LEAST: Final = 8
"""Passing runs that there have to be before the last ones, for a judgement."""
MOST: Final = 30

_PLACE: Final = 32


@dataclass(frozen=True)
class Slower:
    """One figure that grew: medians in seconds before and of late, and how likely chance alone does as much."""

    figure: str
    before_s: float
    late_s: float
    p: float


@dataclass(frozen=True)
class Judged:
    """What the rule says. `runs` were judged against `before`; `why_not` says why it could not judge, where so."""

    slower: tuple[Slower, ...] = ()
    runs: int = 0
    before: int = 0
    why_not: str = ""


def judge(runs: Sequence[Run]) -> Judged:
    """Judge runs of one scenario on one stack, in the order of time, by all their figures.

    Runs that did not pass, and those of the scenario before it was changed, have no part in it.
    """
    passed = [run for run in runs if run.verdict == "pass" and run.ended == "finished"]
    same = [run for run in passed if run.plan == passed[-1].plan]
    if len(same) < LEAST + LAST:
        return Judged(why_not=f"{len(same)} of {LEAST + LAST} passing runs that the rule needs")
    late, before = same[-LAST:], same[-LAST - MOST : -LAST]
    found = []
    for figure in FIGURES:
        old, new = ([value for run in part if (value := getattr(run, figure)) is not None] for part in (before, late))
        if len(new) == LAST and len(old) >= LEAST and (p := chance(old, new)) <= ALPHA / len(FIGURES):
            found.append(Slower(figure, median(old), median(new), p))
    return Judged(tuple(found), len(late), len(before))


def chance(before: Sequence[float], late: Sequence[float]) -> float:
    """The share of all ways to choose the late values of both, in which their ranks come to as much or more."""
    values = sorted([*before, *late])
    # Twice the mid-rank of each value, so that it is whole.
    twice = {value: 2 * values.index(value) + values.count(value) + 1 for value in set(values)}
    reached = sum(twice[value] for value in late)
    # A polynomial for each number of chosen values: the coefficient at place s counts the choices whose ranks come to s.
    # Each is kept in one whole number with a field for each place, since a sum of such numbers adds all fields at once.
    ways = [1, *[0] * len(late)]
    for value in values:
        for chosen in range(len(late), 0, -1):
            ways[chosen] += ways[chosen - 1] << (twice[value] * _PLACE)
    as_much = ways[-1] >> (reached * _PLACE)
    count = 0
    while as_much:
        count += as_much & ((1 << _PLACE) - 1)
        as_much >>= _PLACE
    return count / comb(len(values), len(late))
