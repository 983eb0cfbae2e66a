"""The verdict of a run: all checks for all steps, and the one sentence that decides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

from chaos import extensions
from chaos.checks import availability, clone, continuity, effect, facts, findings, recovery, replication, words
from chaos.history import BASELINE, History, Step
from chaos.scenario import vocabulary
from chaos.verdict import CheckResult, Verdict, merge


class _Check(Protocol):
    NAME: str

    def check(self, history: History, step: Step) -> CheckResult: ...


_BUILT_IN: tuple[_Check, ...] = (effect, recovery, availability, continuity, replication, clone)
_NAMED = 2
"""So many findings of the deciding check are in the sentence, if it has more."""

WEIGHT = (continuity.NAME, clone.NAME, replication.NAME, recovery.NAME, availability.NAME, effect.NAME)
"""Which of several failed checks names the reason: lost data weighs more than a slow recovery."""


def weight(name: str) -> float:
    """The place of a check's name in `WEIGHT`; one of an extension comes before `effect`, after all others."""
    return WEIGHT.index(name) if name in WEIGHT else WEIGHT.index(effect.NAME) - 0.5


@cache
def checks() -> tuple[_Check, ...]:
    """All checks, those of extensions last. Raises HachaosError for one that is none.

    They are loaded when they are needed: they import from this package themselves.
    """
    added = []
    for each in extensions.found(extensions.CHECKS):
        if not callable(getattr(each.value, "check", None)):
            raise each.wrong("it has no function `check`")
        if getattr(each.value, "NAME", "") != each.name:
            raise each.wrong("its NAME is another")
        if each.name in WEIGHT:
            raise each.wrong("a check is called so already; give it another name")
        if each.name not in vocabulary.CHECKS:
            raise each.wrong(f"no CHECKS of {extensions.WORDS} tells what it is")
        added.append(cast("_Check", each.value))
    return (*_BUILT_IN, *added)


@dataclass(frozen=True)
class StepJudgement:
    """One step's verdict, and what each check said."""

    step: Step
    verdict: Verdict
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True)
class Judgement:
    """A run's verdict; `reason` is the sentence that decides it."""

    verdict: Verdict
    steps: tuple[StepJudgement, ...]
    reason: str


def judge(history: History, *, only: Collection[str] = ()) -> Judgement:
    """Judge a history, whatever became of its run. A run that did not come to its end never passes.

    `only` names the checks to judge by; without any, all do.
    """
    raw = [(step, _checked(history, step, only)) for step in history.steps]
    known = findings.keys(next((checks for step, checks in raw if step.index == BASELINE), ()))
    steps = tuple(_judgement(step, checks, known) for step, checks in raw)
    stopped = _stopped_by(history, steps)
    cut_short = _cut_short(history, steps, stopped) + ([] if only else _not_judged(history))
    verdicts = [step.verdict for step in steps] + [Verdict.UNKNOWN for _ in cut_short]
    verdict = merge(verdicts)
    reason = _reason(verdict, steps, cut_short, stopped)
    ended = history.ended
    if verdict is Verdict.FAIL and ended is not None and ended.how == "aborted":
        reason += f"; the run was aborted ({ended.detail})"
    return Judgement(verdict, steps, reason)


def judge_step(history: History, step: Step) -> StepJudgement:
    """Judge one step, or the baseline, by what is in the history so far."""
    baseline = facts.baseline_before(history, step)
    known = {} if baseline is None else findings.keys(_checked(history, baseline))
    return _judgement(step, _checked(history, step), known)


def _checked(history: History, step: Step, only: Collection[str] = ()) -> tuple[CheckResult, ...]:
    return tuple(_result(check, history, step) for check in checks() if not only or check.NAME in only)


def _result(check: _Check, history: History, step: Step) -> CheckResult:
    """What a check says; one that breaks off has shown nothing, and keeps no other from its say."""
    try:
        return check.check(history, step)
    except Exception as error:  # noqa: BLE001
        return CheckResult(check.NAME, Verdict.UNKNOWN, f"the check itself broke off, please report: {error!r}")


def _judgement(step: Step, results: tuple[CheckResult, ...], known: Mapping[str, frozenset[str]]) -> StepJudgement:
    checks = tuple(findings.marked(result, step, known) for result in results)
    return StepJudgement(step, merge(check.verdict for check in checks), checks)


def _stopped_by(history: History, steps: tuple[StepJudgement, ...]) -> StepJudgement | None:
    """The baseline, where it did not pass and the run stopped at it, as its plan wanted."""
    if facts.plan(history).get("baseline", "stop") != "stop" or any(one.step.of_plan for one in steps):
        return None
    return next((one for one in steps if one.verdict is not Verdict.PASS), None)


def _cut_short(history: History, steps: tuple[StepJudgement, ...], stopped: StepJudgement | None) -> list[str]:
    """Why the run as a whole can't pass, a phrase each."""
    found = []
    ended = history.ended
    if ended is None:
        found.append("the run did not come to its end")
    elif ended.how != "finished":
        found.append(f"the run was {ended.how}" + (f" ({ended.detail})" if ended.detail else ""))
    planned, begun = len(facts.planned_steps(history)), sum(one.step.of_plan for one in steps)
    if planned > begun and stopped is None:
        found.append(f"{begun} of {words.count(planned, 'step')} were begun")
    elif begun == 0 and stopped is None:
        found.append("no step was begun, so nothing was shown")
    return found


def _not_judged(history: History) -> list[str]:
    """The limits that no check here knows, a phrase each: the run was made where an extension had one for them."""
    limits = {name: step for step in reversed(history.steps) for name in step.limits.others}
    return [
        f"the limit on {name} in step {step.index + 1} was not judged: the extension that knows it is not installed"
        for name, step in limits.items()
        if name not in vocabulary.LIMITS
    ]


def _reason(
    verdict: Verdict, steps: tuple[StepJudgement, ...], cut_short: list[str], stopped: StepJudgement | None
) -> str:
    deciding = [
        (step, check) for step in steps for check in step.checks if check.verdict is verdict is not Verdict.PASS
    ]
    if verdict is Verdict.UNKNOWN and cut_short:
        return "; ".join(cut_short)
    if not deciding:
        return _all_held(steps)
    step, check = min(
        deciding, key=lambda found: (_order(*found), weight(found[1].name), found[0].step.index == BASELINE)
    )
    said = f"{check.name}: {_gist(step, check)}"
    if stopped is not None:
        well = "was not well" if verdict is Verdict.FAIL else "could not be shown to be well"
        return f"the stack {well} before the first fault, and nothing was broken by this run: {said}"
    number = sum(one.step.of_plan for one in steps)
    where = "" if number == 1 else f"in step {step.step.index + 1} ({step.step.name}) "
    if not step.step.of_plan:
        where = f"{facts.where(step.step)} "
    already = "not well before the first fault already: " if _order(step, check) else ""
    return f"{already}{where}{said}"


def _gist(step: StepJudgement, check: CheckResult) -> str:
    """A check's reason, of many findings the first ones: it has to be read at a glance."""
    found = check.figures.get("findings", ())
    more = len(found) - _NAMED
    if more <= 0:
        return check.reason
    old = "" if step.step.index == BASELINE else findings.SO_BEFORE
    texts = [one["text"] + (old if one["before"] else "") for one in found[:_NAMED]]
    return f"{'; '.join(texts)}; and {words.count(more, 'more finding')} of {check.name}"


def _order(step: StepJudgement, check: CheckResult) -> int:
    """0 for what decides first: what came with a fault. 1 for a check that fails by what was so before alone."""
    old = check.verdict is Verdict.FAIL and (step.step.index == BASELINE or not findings.any_new(check))
    return int(old)


def _all_held(steps: tuple[StepJudgement, ...]) -> str:
    begun = sum(one.step.of_plan for one in steps)
    where = "the step" if begun == 1 else f"all {begun} steps"
    held = [check for step in steps for check in step.checks if check.name == continuity.NAME]
    if not held:
        return f"in {where} {words.names({check.name for step in steps for check in step.checks})} held"
    last = next((check for check in reversed(held) if check.figures.get("pods_read")), held[-1])
    return f"in {where} every limit held, and {last.reason}"
