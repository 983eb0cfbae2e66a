"""Two runs side by side: where their verdicts differ, and which figures do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from chaos.report import cells, json_, words
from chaos.report.summary import StepSummary, Summary
from chaos.verdict import CheckResult

_T = TypeVar("_T")

ABSENT = "–"


@dataclass(frozen=True)
class Line:
    """One thing that both runs have a word on; `judged` = the word is a verdict. `where` is a step, or empty."""

    where: str
    what: str
    one: str
    other: str
    judged: bool = False

    @property
    def same(self) -> bool:
        """Whether both runs say the same."""
        return self.one == self.other


@dataclass(frozen=True)
class Comparison:
    """All lines of two runs, in the order of the report."""

    lines: tuple[Line, ...]

    @property
    def same_verdicts(self) -> bool:
        """Whether the runs, their steps and their checks have the same verdicts."""
        return all(line.same for line in self.lines if line.judged)


def compare(one: Summary, other: Summary) -> Comparison:
    """Put the lines of two runs beside each other; steps are matched by their numbers.

    A baseline or an end that one of them does not have, as runs of earlier versions, makes no verdict another.
    """
    lines = [*_runs(one, other)]
    steps = [{step.step.index: step for step in run.steps} for run in (one, other)]
    for index in sorted(steps[0].keys() | steps[1].keys()):
        lines += _steps(steps[0].get(index), steps[1].get(index))
    return Comparison(tuple(lines))


def _runs(one: Summary, other: Summary) -> Iterator[Line]:
    yield Line("", "scenario", one.run.scenario, other.run.scenario)
    yield Line("", "stack", str(one.run.stack.get("profile", ABSENT)), str(other.run.stack.get("profile", ABSENT)))
    yield Line("", "scenario file (sha256)", _digest(one), _digest(other))
    versions = [json_.versions(run) for run in (one, other)]
    for name in sorted(versions[0].keys() | versions[1].keys()):
        if name != "report":
            yield Line("", f"version of {name}", versions[0].get(name, ABSENT), versions[1].get(name, ABSENT))
    images = [_images(run) for run in (one, other)]
    for name in sorted(images[0].keys() | images[1].keys()):
        yield Line("", f"image {name}", images[0].get(name, ABSENT), images[1].get(name, ABSENT))
    yield Line("", "verdict", one.judgement.verdict.value, other.judgement.verdict.value, judged=True)
    yield Line("", "reason", one.judgement.reason, other.judgement.reason)


def _digest(run: Summary) -> str:
    return hashlib.sha256(run.run.scenario_text.encode(errors="replace")).hexdigest()[:12]


def _images(run: Summary) -> dict[str, str]:
    found = run.run.stack.get("images")
    return {str(name): str(image) for name, image in found.items()} if isinstance(found, dict) else {}


def _steps(one: StepSummary | None, other: StepSummary | None) -> Iterator[Line]:
    known = one or other
    if known is None:
        return
    where = words.step(known.step)
    judged = known.step.of_plan or (one is not None and other is not None)
    if one is not None and other is not None:
        yield Line(where, "step", words.step(one.step), words.step(other.step))
    yield Line(where, "verdict", *_both(one, other, lambda each: each.verdict.value), judged=judged)
    left, right = _checks(one), _checks(other)
    for name in dict.fromkeys([*left, *right]):
        checks = (left.get(name), right.get(name))
        verdicts = Line(where, name, *_both(*checks, lambda check: check.verdict.value), judged=judged)
        yield verdicts
        if not verdicts.same:
            yield Line(where, f"{name}, why", *_both(*checks, lambda check: check.reason))
    figures = (_figures(one), _figures(other))
    for name in dict.fromkeys([*figures[0], *figures[1]]):
        yield Line(where, name, figures[0].get(name, ABSENT), figures[1].get(name, ABSENT))


def _both(one: _T | None, other: _T | None, say: Callable[[_T], str]) -> tuple[str, str]:
    return ABSENT if one is None else say(one), ABSENT if other is None else say(other)


def _checks(step: StepSummary | None) -> dict[str, CheckResult]:
    return {check.name: check for check in step.checks} if step else {}


def _figures(step: StepSummary | None) -> dict[str, str]:
    if step is None:
        return {}
    return {
        "reads out": cells.outage(step.reads),
        "writes out": cells.writes(step),
        "uploads out": cells.outage(step.uploads),
        "acknowledged": cells.number(step.acknowledged),
        "lost": cells.number(step.lost),
        "clone": step.clone or ABSENT,
        "recovered in": cells.recovery(step),
    }
