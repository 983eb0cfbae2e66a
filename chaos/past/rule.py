"""Whether a scenario got slower: the one statistical rule by which figures of runs are judged.

The last `LAST` passing runs are held against the up to `MOST` passing ones before them, by the rank sum of each figure
(Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the other", Annals of
Mathematical Statistics 18, 1947), one-sided, with mid-ranks for ties. How much that is by chance is told by permuting
the runs as wholes and taking the greatest of their figures' rank sums each time (the single-step maxT of Westfall and
Young, "Resampling-Based Multiple Testing", 1993): so all figures of a scenario together give a false alarm in at most
`ALPHA` of judgements, however they hang together, and nothing is asked of how outages are distributed. All that is
assumed is that healthy runs could have come in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random
from statistics import fmean, median, pstdev
from typing import Final

from chaos.past.runs import FIGURES, PAGES, Run

ALPHA: Final = 1 / 40
LAST: Final = 5
LEAST: Final = 8
"""Passing runs that there have to be before the last ones, for a judgement."""
MOST: Final = 30

RANKED: Final = tuple(figure for figure in FIGURES if figure != PAGES)
"""What pages take differs by so little that ranks alarm on a drift of a tenth, as posts pile up: no regression."""

_PERMUTATIONS: Final = 1999
_ALIKE: Final = 1e-9


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
    same = alike(runs)
    if len(same) < LEAST + LAST:
        return Judged(why_not=f"only {len(same)} of the {LEAST + LAST} passing runs that the rule needs")
    figures = [figure for figure in RANKED if _known(same[-LAST:], figure) == LAST]
    figures = [figure for figure in figures if _known(same, figure) >= LEAST + LAST]
    same = [run for run in same if all(getattr(run, figure) is not None for figure in figures)][-LAST - MOST :]
    if not figures or len(same) < LEAST + LAST:
        return Judged(why_not=f"too few of the passing runs have the same figures: the rule needs {LEAST + LAST}")
    columns = {figure: [float(getattr(run, figure)) for run in same] for figure in figures}
    chances = grown(list(columns.values()))
    slower = [
        Slower(figure, median(values[:-LAST]), median(values[-LAST:]), p)
        for (figure, values), p in zip(columns.items(), chances, strict=True)
        if p <= ALPHA
    ]
    return Judged(tuple(slower), LAST, len(same) - LAST)


def alike(runs: Sequence[Run]) -> list[Run]:
    """The passing runs that do what the latest of them does."""
    passed = [run for run in runs if run.verdict == "pass" and run.ended == "finished"]
    return [run for run in passed if run.plan == passed[-1].plan]


def grown(columns: Sequence[Sequence[float]]) -> list[float]:
    """Of each figure, in a value for each run, how likely the growth of its last `LAST` is by chance; 1.0: above ALPHA.

    The permutations are the same each time, so that a history is always judged alike. The observed order is counted as
    one of them, without which the level would not hold (Phipson and Smyth, 2010); they end as soon as no figure can
    come to ALPHA any more (Besag and Clifford, 1991), which changes no decision.
    """
    scored = [_scores(column) for column in columns]
    seen = [sum(scores[-LAST:]) for scores in scored]
    as_much = [1] * len(columns)
    enough = ALPHA * (_PERMUTATIONS + 1)
    places = range(len(columns[0])) if columns else range(0)
    draw = Random(0)
    for _ in range(_PERMUTATIONS):
        if min(as_much, default=enough + 1) > enough:
            break
        chosen = draw.sample(places, LAST)
        greatest = max(sum([scores[place] for place in chosen]) for scores in scored)
        for number, sum_ in enumerate(seen):
            as_much[number] += greatest >= sum_ - _ALIKE
    return [1.0 if count > enough else count / (_PERMUTATIONS + 1) for count in as_much]


def _known(runs: Sequence[Run], figure: str) -> int:
    return sum(getattr(run, figure) is not None for run in runs)


def _scores(values: Sequence[float]) -> list[float]:
    """Mid-ranks, so centred and scaled that the rank sums of all figures can be compared. All 0 where all are alike."""
    ordered = sorted(values)
    ranks = {value: ordered.index(value) + (ordered.count(value) - 1) / 2 for value in set(values)}
    middle, spread = fmean(ranks[value] for value in values), pstdev([ranks[value] for value in values])
    scale = spread * sqrt(LAST) or 1.0
    return [(ranks[value] - middle) / scale for value in values]
