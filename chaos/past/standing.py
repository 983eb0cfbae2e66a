"""How a scenario stands on a stack: sound, flaky or broken, how long its outages are, whether it got slower."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median, quantiles
from typing import Any, Final

from chaos.past import rule, slow_run
from chaos.past.runs import FIGURES, MISSING, Run

MOST: Final = 30
"""The latest runs that a word on flaky or broken is said of."""

_UNLIKELY: Final = 0.01
_EARLY: Final = 0.5

SOUND, DOUBTFUL, FLAKY, BROKEN, UNJUDGED = "sound", "doubtful", "flaky", "broken", "not judged"

ABOUT: Final = {
    SOUND: "passes",
    DOUBTFUL: "did not pass; too early to tell flaky from broken",
    FLAKY: "passes and does not, in turns",
    BROKEN: "has not passed since its first bad run",
    UNJUDGED: "no run came to an end of its own",
}


@dataclass(frozen=True)
class Spread:
    """Seconds of one figure over the latest passing runs: median, quartiles, and how many there were."""

    median_s: float
    lower_s: float
    upper_s: float
    runs: int


@dataclass(frozen=True)
class Standing:
    """One scenario on one stack and target: `runs` in the order of time, those that are missing among them."""

    scenario: str
    stack: str
    target: str
    runs: tuple[Run, ...]
    state: str
    first_bad: Run | None
    spreads: dict[str, Spread]
    judged: rule.Judged
    latest: slow_run.Judged

    @property
    def regressed(self) -> bool:
        """Whether it got worse: slower by either rule, or broken after it had passed."""
        passed = any(run.verdict == "pass" for run in self.runs)
        return bool(self.judged.slower or self.latest.slow) or (self.state == BROKEN and passed)

    @property
    def missing(self) -> bool:
        """Whether its latest run did not come or could not start."""
        return self.runs[-1].verdict == MISSING


def standings(runs: Iterable[Run], *, every_s: float | None = None, now: float = 0.0) -> list[Standing]:
    """How each scenario stands on each stack and target, in the order of their names.

    With `every_s`, a run is due in each such time up to `now` (Unix seconds); those that did not come are missing.
    """

    def key(run: Run) -> tuple[str, str, str]:
        return run.scenario, run.stack, run.target

    grouped = groupby(sorted(runs, key=lambda run: (key(run), run.began)), key)
    return [_standing(*names, with_missed(list(of), every_s, now)) for names, of in grouped]


def with_missed(runs: Sequence[Run], every_s: float | None, now: float) -> tuple[Run, ...]:
    """The runs of one scenario, and one that is missing for each time in which one was due and none began.

    A run may come late by half of that time.
    """
    if every_s is None or not runs:
        return tuple(runs)
    found: list[Run] = []
    for run, until in zip(runs, [*(run.began for run in runs[1:]), now], strict=True):
        missed = int((until - run.began) / every_s - _EARLY)
        found += [run, *(_missed(run, run.began + each * every_s) for each in range(1, missed + 1))]
    return tuple(found)


def _missed(run: Run, due: float) -> Run:
    return Run("", run.scenario, run.stack, run.target, due, MISSING, "not begun", "it was due and did not come")


def _standing(scenario: str, stack: str, target: str, runs: tuple[Run, ...]) -> Standing:
    state, first_bad = _state([run for run in runs if run.counts])
    same = rule.alike(runs)[-MOST:]
    spreads = {
        figure: _spread(values)
        for figure in FIGURES
        if (values := [value for run in same if (value := getattr(run, figure)) is not None])
    }
    return Standing(scenario, stack, target, runs, state, first_bad, spreads, rule.judge(runs), slow_run.judge(runs))


def _state(runs: Sequence[Run]) -> tuple[str, Run | None]:
    """Whether it is sound, flaky or broken by the latest `MOST`, and the first of all the bad runs that it ends with.

    Broken: so many bad runs at the end are less likely than `_UNLIKELY`, if each was as likely to be bad as the rule of
    succession (Laplace) makes of the runs before them; or none ever passed, of two or more. Flaky: else, when bad runs
    stand apart from each other with a pass between.
    """
    if not runs:
        return UNJUDGED, None
    bad = [run.verdict != "pass" for run in runs]
    streak = next((number for number, one in enumerate(reversed(bad)) if not one), len(bad))
    first = runs[-streak] if streak else None
    bad, streak = bad[-MOST:], min(streak, MOST)
    before = bad[: len(bad) - streak]
    likely = (sum(before) + 1) / (len(before) + 2)
    if streak and (likely**streak <= _UNLIKELY or (not before and streak > 1)):
        return BROKEN, first
    if sum(1 for is_bad, _ in groupby(bad) if is_bad) > 1:
        return FLAKY, first
    return (DOUBTFUL if streak else SOUND), first


def _spread(values: Sequence[float]) -> Spread:
    if len(values) == 1:
        return Spread(values[0], values[0], values[0], 1)
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    return Spread(median(values), lower, upper, len(values))


def to_json(one: Standing, last: int) -> dict[str, Any]:
    """The standing as JSON values, with its latest runs. Times are seconds, moments Unix seconds."""
    return {
        "scenario": one.scenario,
        "stack": one.stack,
        "target": one.target,
        "state": one.state,
        "regressed": one.regressed,
        "first_bad": one.first_bad.folder if one.first_bad else None,
        "figures": {name: vars(spread) for name, spread in one.spreads.items()},
        "rule": {
            "slower": [vars(slower) for slower in one.judged.slower],
            "runs": one.judged.runs,
            "before": one.judged.before,
            "why_not": one.judged.why_not,
        },
        "slow_run": {
            "slow": [vars(slow) for slow in one.latest.slow],
            "before": one.latest.before,
            "why_not": one.latest.why_not,
        },
        "number_of_runs": len(one.runs),
        "runs": [vars(run) for run in one.runs[-last:]],
    }
