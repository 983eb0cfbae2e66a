"""A suite's report: one folder, the claims table first, then each scenario in a few figures with a link to its own."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from chaos import __version__
from chaos.checks.judge import Judgement
from chaos.history import History
from chaos.redact import redact
from chaos.report import claims, claims_table, junit, markdown, openmetrics, page, steps_table, words
from chaos.report.claims import Claim
from chaos.report.page import badge
from chaos.report.summary import Summary, summarise
from chaos.report.words import markup as _e
from chaos.scenario.plan import Suite
from chaos.verdict import Verdict, merge

FORMAT = 1
"""Version of the suite's report.json."""


@dataclass(frozen=True)
class SuiteRun:
    """One scenario of a suite. `folder` is its run's, within the suite's; `not_run` says why there is no judgement."""

    name: str
    claim: str
    folder: str
    history: History | None
    judgement: Judgement | None
    not_run: str = ""


@dataclass(frozen=True)
class SuiteReport:
    """All that a suite's reports show. `written` is when it was drawn first; empty: now."""

    suite: Suite
    stack: str
    runs: Sequence[SuiteRun]
    rows: tuple[Claim, ...]
    verdict: Verdict
    written: str = ""


def report_of(suite: Suite, stack: str, runs: Sequence[SuiteRun]) -> SuiteReport:
    """Work it out; `stack` is what `--stack` named. What the suite's file and its scenarios' say is redacted."""
    suite = replace(suite, claim=redact(suite.claim), text=redact(suite.text))
    runs = [replace(run, claim=redact(run.claim), not_run=redact(run.not_run)) for run in runs]
    rows = tuple(_row(run, stack) for run in runs)
    return SuiteReport(suite, stack, runs, rows, merge(row.verdict for row in rows))


def _row(run: SuiteRun, stack: str) -> Claim:
    if run.judgement is None:
        return claims.not_run(run.claim, run.name, run.not_run)
    return claims.of(run.claim, run.name, stack, run.judgement)


def files(report: SuiteReport) -> dict[str, str]:
    """The texts of the report's files by their names."""
    summaries = _summaries(report)
    named = [(run.name, summary) for run, summary in zip(report.runs, summaries, strict=True)]
    stack = Path(report.stack).name
    whole = f"{report.suite.name} on {stack}"
    return {
        "report.json": json.dumps(_json(report, summaries), indent=2, ensure_ascii=False) + "\n",
        "report.html": _html(report, summaries),
        "report.md": markdown.suite(whole, report.verdict, sentence(report), report.rows, named),
        "junit.xml": _junit(report, summaries),
        "metrics.prom": openmetrics.render((name, stack, summary) for name, summary in named),
        "claims.md": _markdown(report),
    }


def sentence(report: SuiteReport) -> str:
    """The suite's verdict in one sentence."""
    by = {verdict: [row for row in report.rows if row.verdict is verdict] for verdict in Verdict}
    total, name = len(report.rows), Path(report.stack).name
    if not total:
        return f"No claim was put to the test on the {name} stack."
    if len(by[Verdict.PASS]) == total:
        return f"{f'All {total} claims hold' if total > 1 else 'The claim holds'} on the {name} stack."
    parts = [f"{len(by[Verdict.PASS])} of {words.count(total, 'claim')} hold on the {name} stack"]
    for verdict, one, many in (
        (Verdict.FAIL, "does not", "do not"),
        (Verdict.UNKNOWN, "is not proven either way", "are not proven either way"),
    ):
        if by[verdict]:
            parts.append(f"{len(by[verdict])} {one if len(by[verdict]) == 1 else many}")
    return ", ".join(parts) + "."


def _summaries(report: SuiteReport) -> list[Summary | None]:
    return [summarise(run.history, run.judgement) if run.history and run.judgement else None for run in report.runs]


def _json(report: SuiteReport, summaries: list[Summary | None]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "suite": report.suite.name,
        "claim": report.suite.claim,
        "stack": report.stack,
        "verdict": report.verdict.value,
        "sentence": sentence(report),
        "written": report.written or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "budget_s": report.suite.budget_s,
        "versions": {"hachaos": __version__, "python": platform.python_version()}
        | next((dict(each.run.versions) for each in summaries if each), {}),
        "scenarios": [
            row.to_json()
            | {
                "folder": run.folder,
                "not_run": run.not_run,
                "duration_s": round(each.duration_s, 3) if each else None,
                "acknowledged": _most(each, "acknowledged"),
                "lost": _most(each, "lost"),
            }
            for run, row, each in zip(report.runs, report.rows, summaries, strict=True)
        ],
        "suite_text": report.suite.text,
    }


def _most(summary: Summary | None, name: str) -> int | None:
    if summary is None:
        return None
    return max((value for step in summary.steps if (value := getattr(step, name)) is not None), default=None)


def _markdown(report: SuiteReport) -> str:
    head = claims.markdown_of(f"{report.suite.name} on {Path(report.stack).name}: {report.verdict.value}")
    return f"# {head}\n\n{claims.markdown_of(sentence(report))}\n\n{claims.markdown(report.rows)}"


def _html(report: SuiteReport, summaries: list[Summary | None]) -> str:
    styles = resources.files("chaos.report").joinpath("report.css").read_text(encoding="utf-8")
    began = next((run.history.run.started_at for run in report.runs if run.history), None)
    over = f"<span>{_e(report.suite.name)}</span><span>stack {_e(Path(report.stack).name)}</span>"
    over += f"<span>{_e(words.day(began))}</span>" if began is not None else ""
    header = (
        f'<header class="{report.verdict.value}">\n<p class="over">{over}</p>\n'
        f"<h1>{badge(report.verdict)} {_e(sentence(report))}</h1>\n"
        f'<blockquote class="claim"><p>{_e(words.sentence(report.suite.claim))}</p></blockquote>\n</header>'
    )
    claimed = claims_table.section((row, _link(run)) for run, row in zip(report.runs, report.rows, strict=True))
    sections = [header, claimed, _steps(report, summaries)]
    title = f"{words.MARK[report.verdict]} {words.WORD[report.verdict]}: {report.suite.name}"
    return page.whole(title, styles, "claims", "\n".join(sections), f"hachaos {__version__}")


def _link(run: SuiteRun) -> str:
    return f'<a href="{_e(run.folder)}/report.html">{_e(run.name)}</a>' if run.folder else _e(run.name)


def _steps(report: SuiteReport, summaries: list[Summary | None]) -> str:
    named = (
        (f"{_link(run)} · {_e(words.step(step.step))}", step)
        for run, summary in zip(report.runs, summaries, strict=True)
        for step in (summary.steps if summary else ())
    )
    return steps_table.section(named, "Outages are the longest of each step, from its lower to its upper bound.")


def _junit(report: SuiteReport, summaries: list[Summary | None]) -> str:
    return junit.whole(
        report.suite.name,
        [
            junit.suite(summary) if summary is not None else junit.not_run(run.name, row.fact)
            for run, row, summary in zip(report.runs, report.rows, summaries, strict=True)
        ],
    )
