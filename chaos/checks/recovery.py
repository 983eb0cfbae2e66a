"""Recovery: what the step waited for came, and everything that it took was put back."""

from __future__ import annotations

from typing import Any

from chaos.checks import facts, words
from chaos.history import History, Step, UndoDone, UndoPlanned, WaitEnded
from chaos.verdict import CheckResult, Verdict

NAME = "recovery"


def check(history: History, step: Step) -> CheckResult:
    """Fail when something did not come in time after the fault; unknown when the step was cut short otherwise."""
    before, after = facts.waits(history, step)
    missed = [wait for wait in after if not wait.satisfied]
    unknown = [f"there was no fault: {_missed(wait)}" for wait in before if not wait.satisfied]
    if not unknown and not missed and (step.problem or not step.ended):
        unknown.append(f"the step was cut short: {step.problem or 'it did not end'}")
    if not unknown and not after:
        unknown.append("nothing was waited for after the fault")
    unknown += _undo(history, step)
    figures: dict[str, Any] = {
        wait.condition: {"came": wait.satisfied, "took_s": wait.took_s} for wait in (*before, *after)
    }
    if missed:
        advice = "look at the pods that are not ready: their events and logs of that time"
        return CheckResult(NAME, Verdict.FAIL, "; ".join(_missed(wait) for wait in missed), figures, advice=advice)
    if unknown:
        return CheckResult(NAME, Verdict.UNKNOWN, "; ".join(unknown), figures)
    came = ", ".join(f"{wait.condition} came after {words.seconds(wait.took_s)}" for wait in after)
    return CheckResult(NAME, Verdict.PASS, came, figures)


def _missed(wait: WaitEnded) -> str:
    detail = f" ({wait.detail})" if wait.detail else ""
    return f"{wait.condition} did not come within {wait.took_s:.0f} s{detail}"


def _undo(history: History, step: Step) -> list[str]:
    """What of this step was not put back, a phrase each."""
    done = {record.id: record for record in history.of(UndoDone)}
    found = []
    for planned in history.of(UndoPlanned, step=step.index):
        undo = done.get(planned.id)
        if undo is None:
            found.append(f"{planned.action} was not put back")
        elif undo.error or not undo.verified:
            found.append(f"{planned.action} could not be put back ({undo.error or 'it does not hold'})")
    return found
