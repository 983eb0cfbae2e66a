"""Effect (A2): the fault really happened. A step whose fault had no effect proves nothing."""

from __future__ import annotations

from chaos.checks import facts, words
from chaos.history import ActionBegun, ActionEnded, History, PodSeen, Step, VolumeSeen
from chaos.verdict import CheckResult, Verdict

NAME = "effect"
CLAIM = "persistentvolumeclaim"
_CONTROLLERS = ("statefulset", "deployment")


def check(history: History, step: Step) -> CheckResult:
    """Pass when the action saw its effect and the watch on the pods saw it too; never a fail."""
    begun, ended = history.of(ActionBegun, step=step.index), history.of(ActionEnded, step=step.index)
    seen, unseen = _seen(history, step, begun)
    figures = {
        "objects": [name for action in begun for name in action.objects],
        "effect": {what: found for action in ended for what, found in action.effect.items()},
        "pods": seen,
    }
    if facts.quiet(step):
        errors = ", ".join(action.error for action in ended if action.error)
        if errors:
            return CheckResult(NAME, Verdict.UNKNOWN, f"{step.action} could not be carried out ({errors})", figures)
        return CheckResult(NAME, Verdict.PASS, "nothing was to be broken", figures)
    problem = _problem(begun, ended, unseen)
    if problem:
        return CheckResult(NAME, Verdict.UNKNOWN, problem, figures)
    return CheckResult(NAME, Verdict.PASS, f"the fault took hold: {words.names(seen) or step.action}", figures)


def _problem(begun: list[ActionBegun], ended: list[ActionEnded], unseen: list[str]) -> str:
    errors = [action.error for action in ended if action.error]
    problems = (
        (not begun, "no fault was put in"),
        (errors, f"the fault could not be put in ({', '.join(errors)})"),
        (len(ended) < len(begun), "it was not written down whether the fault took hold"),
        (any(action.happened is False for action in ended), "the fault had no effect"),
        (any(action.happened is None for action in ended), "nobody looked whether the fault had an effect"),
        (unseen, f"the action says that the fault took hold, but {words.names(unseen)} was not seen to change"),
    )
    return next((f"{problem}, so this step proves nothing" for holds, problem in problems if holds), "")


def _seen(history: History, step: Step, begun: list[ActionBegun]) -> tuple[list[str], list[str]]:
    """What was seen to change of what the actions touched, a phrase each; and the names of what was not."""
    records = [record for record in history.of(PodSeen) if record.at <= step.end]
    seen, unseen = [], []
    for action in begun:
        for object_ in action.objects:
            kind, _, rest = object_.partition("/")
            name = rest.partition("/")[0]
            if kind == "pod" and action.action == "kill-process":
                found = _restarted(records, name, action.at)
            elif kind == "pod":
                found = _replaced(records, name, action.at)
            elif kind in _CONTROLLERS:
                found = _resized(history, step, action.at)
            elif kind == CLAIM:
                found = _renewed(history, step, name)
            else:
                continue
            seen += [found] if found else []
            unseen += [] if found else [facts.root(step.target) if kind in _CONTROLLERS else name]
    return seen, unseen


def _replaced(records: list[PodSeen], pod: str, at: float) -> str:
    of_pod = [record for record in records if record.name == pod]
    before = {record.uid for record in of_pod if record.at <= at and record.change != "deleted"}
    before -= {record.uid for record in of_pod if record.at <= at and record.change == "deleted"}
    later = [record for record in of_pod if record.at > at]
    if any(record.uid not in before for record in later) and before:
        return f"{pod} was replaced by a new pod"
    return f"{pod} was deleted" if any(r.uid in before and r.change == "deleted" for r in later) else ""


def _restarted(records: list[PodSeen], pod: str, at: float) -> str:
    """A container of that very pod was started again: the pod stayed, and its restarts rose."""
    of_pod = [record for record in records if record.name == pod]
    before = [record for record in of_pod if record.at <= at and record.change != "deleted"]
    if not before:
        return ""
    last = before[-1]
    rose = any(r.at > at and r.uid == last.uid and r.restarts > last.restarts for r in of_pod)
    return f"a container of {pod} was started again" if rose else ""


def _resized(history: History, step: Step, at: float) -> str:
    role = facts.root(step.target)
    before, after = facts.pods(history, role, at), facts.pods(history, role, step.end)
    if before is None or after is None or len(before) == len(after):
        return ""
    return f"{role} went from {words.count(len(before), 'pod')} to {len(after)}"


def _renewed(history: History, step: Step, claim: str) -> str:
    """The claim has another uid than before. Without a pod on it nobody can look, and the action is believed."""
    looks = [look for look in history.of(VolumeSeen) if look.claim == claim and look.claim_uid]
    before = [look for look in looks if look.step < step.index or (look.step, look.when) == (step.index, "before")]
    after = [look for look in looks if (look.step, look.when) == (step.index, "after")]
    if not after:
        return f"claim {claim} was deleted"
    return f"claim {claim} is a new one" if before and before[-1].claim_uid != after[-1].claim_uid else ""
