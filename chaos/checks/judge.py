"""The verdict of a run: all checks for all steps, and the one sentence that decides."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.checks import availability, clone, continuity, effect, facts, recovery, replication, words
from chaos.history import History, Step
from chaos.verdict import CheckResult, Verdict, merge

_CHECKS = (effect, recovery, availability, continuity, replication, clone)
_WEIGHT = (continuity.NAME, clone.NAME, replication.NAME, recovery.NAME, availability.NAME, effect.NAME)
"""Which of several failed checks names the reason: lost data weighs more than a slow recovery."""


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


def judge(history: History) -> Judgement:
    """Judge a history, whatever became of its run. A run that did not come to its end never passes."""
    steps = tuple(judge_step(history, step) for step in history.steps)
    cut_short = _cut_short(history, len(steps))
    verdicts = [step.verdict for step in steps] + [Verdict.UNKNOWN for _ in cut_short]
    verdict = merge(verdicts)
    return Judgement(verdict, steps, _reason(verdict, steps, cut_short))


def judge_step(history: History, step: Step) -> StepJudgement:
    """Judge one step, or the baseline, by what is in the history so far."""
    checks = tuple(check.check(history, step) for check in _CHECKS)
    return StepJudgement(step, merge(check.verdict for check in checks), checks)


def _cut_short(history: History, begun: int) -> list[str]:
    """Why the run as a whole can't pass, a phrase each."""
    found = []
    ended = history.ended
    if ended is None:
        found.append("the run did not come to its end")
    elif ended.how != "finished":
        found.append(f"the run was {ended.how}" + (f" ({ended.detail})" if ended.detail else ""))
    planned = facts.plan(history).get("steps")
    number = len(planned) if isinstance(planned, (list, tuple)) else 0
    if number > begun:
        found.append(f"{begun} of {words.count(number, 'step')} were begun")
    return found


def _reason(verdict: Verdict, steps: tuple[StepJudgement, ...], cut_short: list[str]) -> str:
    deciding = [
        (step, check) for step in steps for check in step.checks if check.verdict is verdict is not Verdict.PASS
    ]
    if verdict is Verdict.UNKNOWN and cut_short:
        return "; ".join(cut_short)
    if not steps:
        return "no step was begun, so nothing was shown"
    if not deciding:
        last = next(check for check in steps[-1].checks if check.name == continuity.NAME)
        where = "the step" if len(steps) == 1 else f"all {len(steps)} steps"
        return f"in {where} every limit held, and {last.reason}"
    step, check = min(deciding, key=lambda found: _WEIGHT.index(found[1].name))
    where = "" if len(steps) == 1 else f"in step {step.step.index + 1} ({step.step.name}) "
    return f"{where}{check.name}: {check.reason}"
