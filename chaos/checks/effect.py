"""Effect (A2): the fault really happened. A step whose fault had no effect proves nothing."""

from __future__ import annotations

from chaos.checks import facts, words
from chaos.history import ActionBegun, ActionEnded, History, PodSeen, Step
from chaos.verdict import CheckResult, Verdict

NAME = "effect"
_CONTROLLERS = ("statefulset", "deployment")


def check(history: History, step: Step) -> CheckResult:
    """Pass when the action saw its effect and the watch on the pods saw it too; never a fail."""
    begun, ended = history.of(ActionBegun, step=step.index), history.of(ActionEnded, step=step.index)
    seen = [line for action in begun for line in _seen(history, step, action)]
    figures = {
        "objects": [name for action in begun for name in action.objects],
        "effect": {what: found for action in ended for what, found in action.effect.items()},
        "pods": seen,
    }
    problem = _problem(begun, ended, seen)
    if problem:
        return CheckResult(NAME, Verdict.UNKNOWN, problem, figures)
    return CheckResult(NAME, Verdict.PASS, f"the fault took hold: {words.names(seen) or step.action}", figures)


def _problem(begun: list[ActionBegun], ended: list[ActionEnded], seen: list[str]) -> str:
    errors = [action.error for action in ended if action.error]
    watched = any(_of_pods(name) for action in begun for name in action.objects)
    problems = (
        (not begun, "no fault was put in"),
        (errors, f"the fault could not be put in ({', '.join(errors)})"),
        (len(ended) < len(begun), "it was not written down whether the fault took hold"),
        (any(action.happened is False for action in ended), "the fault had no effect"),
        (any(action.happened is None for action in ended), "nobody looked whether the fault had an effect"),
        (watched and not seen, "the action says that the fault took hold, but no pod was seen to change"),
    )
    return next((f"{problem}, so this step proves nothing" for holds, problem in problems if holds), "")


def _of_pods(name: str) -> bool:
    """Whether the watch on the pods can show what was done to this object."""
    return name.partition("/")[0] in ("pod", *_CONTROLLERS)


def _seen(history: History, step: Step, action: ActionBegun) -> list[str]:
    """What changed of the pods that the action touched, a phrase each."""
    records = [record for record in history.of(PodSeen) if record.at <= step.end]
    found = []
    for name in action.objects:
        kind, _, pod = name.partition("/")
        if kind == "pod":
            found += _replaced(records, pod, action.at)
        elif kind in _CONTROLLERS:
            found += _resized(history, step, action.at)
    return found


def _replaced(records: list[PodSeen], pod: str, at: float) -> list[str]:
    of_pod = [record for record in records if record.name == pod]
    before = {record.uid for record in of_pod if record.at <= at and record.change != "deleted"}
    before -= {record.uid for record in of_pod if record.at <= at and record.change == "deleted"}
    later = [record for record in of_pod if record.at > at]
    if any(record.uid not in before for record in later) and before:
        return [f"{pod} was replaced by a new pod"]
    return [f"{pod} was deleted"] if any(r.uid in before and r.change == "deleted" for r in later) else []


def _resized(history: History, step: Step, at: float) -> list[str]:
    role = facts.root(step.target)
    before, after = facts.pods(history, role, at), facts.pods(history, role, step.end)
    if before is None or after is None or len(before) == len(after):
        return []
    return [f"{role} went from {words.count(len(before), 'pod')} to {len(after)}"]
