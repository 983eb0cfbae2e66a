"""Recovery: what the step waited for came, and everything that it took was put back."""

from __future__ import annotations

from typing import Any

from chaos.checks import facts, findings, words
from chaos.checks.findings import Finding
from chaos.history import History, PodSaid, Step, UndoDone, UndoPlanned, WaitEnded
from chaos.verdict import CheckResult, Verdict

NAME = "recovery"

STEADY = "steady"
NO_ANSWERS = "no steady good answers to "
"""How a wait for steady answers begins, and how its detail does, which then names the streams."""

NO_POD = "no pod"
"""Whose the words are that tell why there is none."""

_SHOWN = 80
"""So many characters of what a pod said are in the sentence."""


def check(history: History, step: Step) -> CheckResult:
    """Fail when something did not come in time after the fault; unknown when the step was cut short otherwise."""
    before, after = facts.waits(history, step)
    missed = [wait for wait in after if not wait.satisfied and not wait.unknown]
    unknown = [f"there was no fault: {_missed(wait)}" for wait in before if not wait.satisfied]
    unknown += [f"whether {wait.condition} came in time is not known ({wait.detail})" for wait in after if wait.unknown]
    if not unknown and not missed and (step.problem or not step.ended):
        unknown.append(f"the step was cut short: {step.problem or 'it did not end'}")
    if not unknown and not after:
        unknown.append(f"nothing was waited for {facts.where(step) if facts.quiet(step) else 'after the fault'}")
    unknown += _undo(history, step)
    said: dict[str, list[str]] = {}
    for record in history.of(PodSaid, step=step.index):
        said.setdefault(record.pod or NO_POD, []).extend(record.lines)
    figures: dict[str, Any] = {
        wait.condition: {"came": wait.satisfied, "took_s": wait.took_s} for wait in (*before, *after)
    }
    if said:
        figures["pods_said"] = said
    if missed:
        advice = "look at the pods that are not well: their events and logs of that time"
        found = [one for wait in missed for one in _findings(wait)]
        if said:
            found[-1] = Finding(found[-1].key, f"{found[-1].text}; {_said(said)}")
        return findings.failed(NAME, found, figures, advice=advice)
    if unknown:
        return CheckResult(NAME, Verdict.UNKNOWN, "; ".join(unknown), figures)
    came = ", ".join(f"{wait.condition} came after {words.seconds(wait.took_s)}" for wait in after)
    return CheckResult(NAME, Verdict.PASS, came, figures)


def _findings(wait: WaitEnded) -> list[Finding]:
    """One for each stream that did not become steady, or for the part that was not ready."""
    if not wait.condition.startswith(STEADY):
        return [Finding(f"not-ready:{facts.root(wait.condition)}", _missed(wait))]
    named, _, streams = wait.detail.partition(NO_ANSWERS)
    if named or not streams:
        return [Finding("not-steady", _missed(wait))]
    return [
        Finding(
            f"not-steady:{stream.strip()}",
            f"steady good answers to {stream.strip()} did not come within {_within(wait)}",
        )
        for stream in streams.split(",")
    ]


def _said(said: dict[str, list[str]]) -> str:
    """One line of each pod: the first is its phase, the second what its first unwell container, or an event, says."""
    pods: dict[str, list[str]] = {}
    for pod, lines in sorted(said.items()):
        if pod != NO_POD or len(said) == 1:
            pods.setdefault((lines[1:2] or lines or ["it said nothing"])[0].strip()[:_SHOWN], []).append(pod)
    return ", ".join(f"{words.names(who)}: {line}" for line, who in pods.items())


def _within(wait: WaitEnded) -> str:
    return f"{wait.took_s:.0f} s"


def _missed(wait: WaitEnded) -> str:
    detail = f" ({wait.detail})" if wait.detail else ""
    return f"{wait.condition} did not come within {_within(wait)}{detail}"


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
