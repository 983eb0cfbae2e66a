"""report.md: a run in few lines for a pull-request comment and a CI job's summary: verdict, figures, what to change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from chaos.redact import plain
from chaos.report import cells, claims, words
from chaos.report.claims import Claim
from chaos.report.json_ import versions
from chaos.report.summary import StepSummary, Summary
from chaos.verdict import CheckResult, Verdict

_HEAD: Final = ("Step", "Verdict", "Reads out", "Writes out", "Acknowledged", "Lost", "Clone", "Recovered in")

_MARK: Final = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.UNKNOWN: "❔"}

_LONGEST: Final = 600
"""A sentence of a check is cut after so many characters: the whole text is in report.html."""

_MOST: Final = 60_000
"""GitHub refuses a comment of more than 65,536 characters."""


def render(summary: Summary) -> str:
    """The text of report.md for one run. It shows whatever the cluster said and obeys none of it."""
    run, verdict = summary.run, summary.judgement.verdict
    profile = str(run.stack.get("profile", "unnamed"))
    row = claims.of(run.claim, run.scenario, profile, summary.judgement)
    parts = [
        f"## {_MARK[verdict]} {_text(run.scenario)}: {verdict.value}",
        f"> {_text(words.sentence(run.claim))}",
        f"**{words.SENTENCE[verdict]}** {_text(words.sentence(summary.judgement.reason))}",
    ]
    if already := claims.already_broken(summary.judgement):
        parts.append(f"**The stack was broken before the first fault already:** {_text(already)}")
    if row.change:
        parts.append(f"**To change:** {_text(words.sentence(row.change), code=True)}")
    parts.append(_table((_step_name(step), step) for step in summary.steps) if summary.steps else "No step began.")
    parts += _problems(summary.steps)
    if summary.run.stack.get("reach") == "port-forward":
        parts.append("Measured through a port-forward: kube-proxy and the load balancer have no part in it.")
    said = ", ".join(f"{name} {version}" for name, version in versions(summary).items() if name != "report")
    parts.append(
        f"<sub>Outages from their lower to their upper bound. Stack {_text(profile)}, run {_text(run.run)}, "
        f"{words.day(run.started_at)}, {words.seconds(summary.duration_s)}; {_text(said)}.</sub>"
    )
    return _whole(parts)


def suite(
    name: str, verdict: Verdict, sentence: str, rows: Iterable[Claim], runs: Iterable[tuple[str, Summary | None]]
) -> str:
    """The text of report.md for a suite: the claims table, then the steps of each scenario that was run."""
    parts = [
        f"## {_MARK[verdict]} {_text(name)}: {verdict.value}",
        _text(sentence),
        _harmless(claims.markdown(rows).rstrip()),
    ]
    steps = [
        (f"{_text(scenario)} · {_step_name(step)}", step)
        for scenario, summary in runs
        if summary is not None
        for step in summary.steps
    ]
    if steps:
        parts.append(f"<details><summary>Steps</summary>\n\n{_table(steps)}\n\n</details>")
    return _whole(parts)


def _whole(parts: list[str]) -> str:
    """All parts, or as many as fit into a comment, with a word on the rest."""
    kept, length = [], 0
    for part in parts:
        length += len(part) + 2
        if length > _MOST:
            kept.append("What does not fit here is in report.html.")
            break
        kept.append(part)
    return "\n\n".join(kept) + "\n"


def _step_name(step: StepSummary) -> str:
    return _text(words.step(step.step))


def _table(steps: Iterable[tuple[str, StepSummary]]) -> str:
    lines = [f"| {' | '.join(_HEAD)} |", "|---|---|---|---|---:|---:|---|---|"]
    for name, step in steps:
        lost = cells.number(step.lost)
        row = (
            name,
            f"{_MARK[step.verdict]} {step.verdict.value}",
            cells.outage(step.reads),
            cells.writes(step),
            cells.number(step.acknowledged),
            f"**{lost}**" if step.lost else lost,
            _text(step.clone or "–"),
            cells.recovery(step),
        )
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def _problems(steps: Iterable[StepSummary]) -> list[str]:
    """What did not pass in each step, a list each; when the API server was away."""
    found = []
    for step in steps:
        lines = [f"- {_problem(check)}" for check in step.checks if check.verdict is not Verdict.PASS]
        lines += [f"- {_text(words.sentence(phrase))}" for phrase in step.api_server_away]
        if lines:
            found.append("\n".join([f"**{_step_name(step)}**", "", *lines]))
    return found


def _problem(check: CheckResult) -> str:
    said = f"{_MARK[check.verdict]} {check.name}: {_text(words.sentence(check.reason))}"
    return said + (f" {_text(words.sentence(check.advice), code=True)}" if check.advice else "")


def _text(text: str, *, code: bool = False) -> str:
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    return _harmless(claims.markdown_of(cut, code=code))


def _harmless(text: str) -> str:
    # A word joiner: a name after a bare @ calls its bearer, a number after # links to an issue that is none of ours.
    return re.sub(r"[@#](?=\w)", "\\g<0>\N{WORD JOINER}", plain(text))
