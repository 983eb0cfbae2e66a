"""The claims table: what was claimed, whether it held, by which fact, and what to change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chaos.checks import continuity
from chaos.checks.judge import Judgement, StepJudgement, weight
from chaos.history import BASELINE, INSTALL_PAGE
from chaos.report import advice, words
from chaos.verdict import CheckResult, Verdict

_FOLLOWS_EMPTY = ("out", "pod-out", "not-steady", "install-offered")
_OF_AN_EMPTY_DATABASE = (INSTALL_PAGE, "error 1146")
"""WordPress offers to install itself; the table is not there."""


@dataclass(frozen=True)
class Claim:
    """One row of the table. `fact` is the sentence that decides; `change` is empty where nothing has to be."""

    claim: str
    scenario: str
    verdict: Verdict
    fact: str
    change: str = ""

    def to_json(self) -> dict[str, str]:
        """The row as JSON values."""
        return asdict(self) | {"verdict": self.verdict.value}


def of(claim: str, scenario: str, profile: str, judgement: Judgement) -> Claim:
    """The row of a scenario that was run on a profile's stack (or on another, by its own name)."""
    if judgement.verdict is not Verdict.FAIL:
        return Claim(claim, scenario, judgement.verdict, _fact(judgement))
    found = next(iter(_ordered(judgement.steps)), None)
    if found is None:
        return Claim(claim, scenario, judgement.verdict, judgement.reason)
    step, check, finding = found
    action = step.step.action
    return Claim(
        claim,
        scenario,
        judgement.verdict,
        _where(step, judgement, before=finding["before"]) + finding["text"],
        advice.change(profile, finding["key"], action) or check.advice or "",
    )


def changes(step: StepJudgement, profile: str) -> list[tuple[str, list[str]]]:
    """What to change after a step, each with the findings that it is for, in the order of their weight.

    What nobody knows how to change is left out. What came of a database that started empty
    has no cause of its own: it is told with that.
    """
    found: dict[str, list[str]] = {}
    ordered = _ordered([step])
    empty = next((finding for _, _, finding in ordered if finding["key"].startswith("empty")), None)
    cause = advice.change(profile, empty["key"], step.step.action) if empty and _for_want_of_data(step) else ""
    for _, check, finding in ordered:
        if cause and not finding["before"] and finding["key"].partition(":")[0] in _FOLLOWS_EMPTY:
            found.setdefault(cause, []).append(finding["text"])
        elif said := advice.change(profile, finding["key"], step.step.action) or check.advice:
            found.setdefault(said, []).append(finding["text"])
    return list(found.items())


def _for_want_of_data(step: StepJudgement) -> bool:
    """Whether most of the bad answers were those of a stack whose database is empty."""
    reasons: Counter[str] = Counter()
    for check in step.checks:
        for outage in check.outages:
            reasons.update(outage.reasons)
    return sum(reasons[each] for each in _OF_AN_EMPTY_DATABASE) * 2 > reasons.total()


def already_broken(judgement: Judgement) -> str:
    """What was broken before the first fault, the first finding of each check; empty where nothing was.

    Empty as well where it decides the run, whose reason says so itself.
    """
    baseline = next((step for step in judgement.steps if step.step.index == BASELINE), None)
    if baseline is None or baseline.verdict is not Verdict.FAIL:
        return ""
    if not any(not finding["before"] for _, _, finding in _ordered(judgement.steps)):
        return ""
    found = sorted((check for check in baseline.checks if check.verdict is Verdict.FAIL), key=_weight)
    first = [next((each["text"] for each in check.figures.get("findings", ())), check.reason) for check in found]
    left = sum(len(check.figures.get("findings", ())) or 1 for check in found) - len(first)
    return "; ".join(first) + (f"; and {words.count(left, 'more finding')}" if left else "")


def deciding(step: StepJudgement) -> list[str]:
    """The facts that decide a step's verdict: of a failure its findings, the one that weighs most first.

    Of an unknown why it is, of a pass what was found of the data and of the time that it took.
    """
    findings = [finding["text"] for _, _, finding in _ordered([step])]
    if step.verdict is Verdict.FAIL and findings:
        return findings
    heavy = sorted((check for check in step.checks if check.verdict is step.verdict), key=_weight)
    return [check.reason for check in heavy[: 1 if step.verdict is Verdict.UNKNOWN else None]]


def _weight(check: CheckResult) -> float:
    return weight(check.name)


def not_run(claim: str, scenario: str, reason: str) -> Claim:
    """The row of a scenario that was not run: nothing is known."""
    return Claim(claim, scenario, Verdict.UNKNOWN, f"not run: {reason}")


def _ordered(steps: Iterable[StepJudgement]) -> list[tuple[StepJudgement, CheckResult, dict[str, Any]]]:
    """All findings, the one that decides first: new before old, by the check's weight, lost data before all else."""
    found = [
        (step, check, finding)
        for step in steps
        for check in step.checks
        for finding in check.figures.get("findings", ())
    ]
    return sorted(found, key=lambda one: (bool(one[2]["before"]), _weight(one[1]), _least(one[2])))


def _least(finding: dict[str, Any]) -> bool:
    return not finding["key"].startswith(("lost-", "empty", "out:"))


def _where(step: StepJudgement, judgement: Judgement, *, before: bool) -> str:
    steps = sum(one.step.of_plan for one in judgement.steps)
    if before:
        return "already before the first fault " if steps else "before the first fault "
    if not step.step.of_plan:
        return "after all was put back: "
    return f"step {step.step.index + 1} ({step.step.name}): " if steps > 1 else ""


def _fact(judgement: Judgement) -> str:
    """Of a pass: how much was put to the test and how long it was out; of an unknown, why."""
    if judgement.verdict is not Verdict.PASS:
        return judgement.reason
    out = [
        f"{label} out for {_how_long(figures)}"
        for label, figures in _longest(judgement.steps).items()
        if figures["longest_no_longer_than_s"] != 0
    ]
    last = next(
        (
            check
            for step in reversed(judgement.steps)
            for check in step.checks
            if check.name == continuity.NAME and check.figures.get("pods_read")
        ),
        None,
    )
    held = last.reason if last else judgement.reason
    return "; ".join([held, *(out or ["neither reads nor writes were ever out"])])


def _how_long(figures: Mapping[str, Any]) -> str:
    """The upper bound of the longest outage; its lower one where it has none."""
    high = figures["longest_no_longer_than_s"]
    return f"{figures['longest_no_shorter_than_s']:.1f} s or longer" if high is None else f"{high:.1f} s at most"


def _longest(steps: Iterable[StepJudgement]) -> dict[str, dict[str, Any]]:
    """Of readers and writers through the front door: the figures of the step in which they were out longest."""
    found: dict[str, dict[str, Any]] = {}
    for step in steps:
        for check in step.checks:
            for label in ("reads", "rows", "posts", "uploads"):
                figures = check.figures.get(label)
                if not isinstance(figures, dict) or "longest_no_longer_than_s" not in figures:
                    continue
                longest = figures["longest_no_longer_than_s"] or 0
                if label not in found or longest > (found[label]["longest_no_longer_than_s"] or 0):
                    found[label] = figures
    return found


def markdown(rows: Iterable[Claim]) -> str:
    """The table in Markdown."""
    lines = ["| claim | scenario | verdict | deciding fact | what to change |", "|---|---|---|---|---|"]
    for row in rows:
        # What is to be changed is said in the tool's own words, which may have code in them.
        said = [markdown_of(cell) for cell in (row.claim, row.scenario, row.verdict.value, row.fact)]
        lines.append("| " + " | ".join([*said, markdown_of(row.change, code=True)]) + " |")
    return "\n".join(lines) + "\n"


def markdown_of(text: str, *, code: bool = False) -> str:
    """Text that Markdown shows on one line, in a cell of a table as well, and never obeys: no tags, links, pictures.

    With `code` its backticks still make code.
    """
    found = re.sub(r"[\\\[\]|]" if code else r"[\\\[\]|`]", r"\\\g<0>", " ".join(words.legal(text).split()))
    return found.replace("&", "&amp;").replace("<", "&lt;")
