"""Capacity: at every moment of a step as many site pods are ready as `expect` wants."""

from __future__ import annotations

from chaos.checks import facts, words
from chaos.checks.findings import Finding, failed
from chaos.history import ApiServerSeen, History, PodSeen, Step
from chaos.verdict import CheckResult, Verdict

NAME = "capacity"


def check(history: History, step: Step) -> CheckResult:
    """Fails where fewer were ready at a moment; unknown where nobody saw the pods throughout."""
    wanted = step.limits.others.get("capacity")
    if wanted is None:
        return CheckResult(NAME, Verdict.PASS, "no number of site pods was asked for")
    seen = _ready(history, step)
    if not seen:
        return CheckResult(NAME, Verdict.UNKNOWN, f"nobody had seen the site pods before {facts.this(step)}")
    least, at = min(seen)
    figures = {"wanted": wanted, "least": least, "at": at}
    if least < wanted:
        text = f"{least} of {wanted} wanted site pods {words.were(least)} ready at {at:.1f} s"
        return failed(NAME, [Finding("capacity:site", text, invariant="R7")], figures)
    if any(not each.answers and step.begin <= each.at <= step.end for each in history.of(ApiServerSeen)):
        return CheckResult(NAME, Verdict.UNKNOWN, "the API server was away, so nobody saw all of it", figures)
    return CheckResult(NAME, Verdict.PASS, f"never fewer than {words.count(least, 'site pod')} ready", figures)


def _ready(history: History, step: Step) -> list[tuple[int, float]]:
    """How many site pods were ready, and since when: as the step began, and after each change in it.

    Nothing where nobody watched as it began: then the first pods that are seen would look like too few.
    """
    before = facts.pods(history, "site", step.begin)
    if before is None:
        return []
    ready = {pod.uid for pod in before.values() if pod.ready and not pod.terminating}
    counts = [(len(ready), step.begin)]
    for pod in history.of(PodSeen):
        if step.begin < pod.at <= step.end and facts.is_role(pod.role, "site"):
            (ready.add if pod.ready and not pod.terminating else ready.discard)(pod.uid)
            counts.append((len(ready), pod.at))
    return counts
