"""What people and machines get to see of a run: the files of its report, the live display, the closing summary."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.errors import HachaosError

if TYPE_CHECKING:
    from chaos.checks.judge import Judgement
    from chaos.history import History
    from chaos.report.suite import SuiteReport, SuiteRun
    from chaos.report.suite_again import Judged
    from chaos.scenario.plan import Suite

FILES = ("report.json", "report.html", "report.md", "junit.xml", "metrics.prom")

NOT_YET = "not yet run"
"""What a suite's report says, while it goes on, of a scenario whose turn has not come."""

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable in which GitHub Actions names the file whose Markdown is shown on a job's page."""


def write(folder: Path, history: History, judgement: Judgement) -> None:
    """Write the report's `FILES` into the run folder; each appears whole or not at all.

    Raises HachaosError when the folder cannot be written to, LookupError for a history without a beginning.
    """
    from chaos.report import html, json_, junit, markdown, openmetrics
    from chaos.report.summary import summarise

    summary = summarise(history, judgement)
    values = json.dumps(json_.render(summary), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    texts = (
        values,
        html.render(summary, folder.name),
        markdown.render(summary),
        junit.render(summary),
        openmetrics.render([(summary.run.scenario, str(summary.run.stack.get("profile", "")), summary)]),
    )
    for name, text in zip(FILES, texts, strict=True):
        _replace(folder / name, text)


def write_suite(folder: Path, suite: Suite, stack: str, runs: Sequence[SuiteRun]) -> SuiteReport:
    """Write a suite's `FILES` and claims.md into its folder; each appears whole or not at all.

    Raises HachaosError when the folder cannot be written to.
    """
    from chaos.report import suite as suites

    report = suites.report_of(suite, stack, runs)
    _write_suite(folder, report)
    return report


def redraw_suite(folder: Path, judged: Judged, cut_off: str = "") -> bool:
    """Draw a suite's `FILES` and claims.md anew from its runs, as `judged` gives them; False for no suite's folder.

    `cut_off` is said of scenarios whose turn never came. Raises HachaosError when something cannot be read or written.
    """
    from chaos.report.suite_again import report_in

    report = report_in(folder, judged, cut_off)
    if report is not None:
        _write_suite(folder, report)
    return report is not None


def _write_suite(folder: Path, report: SuiteReport) -> None:
    from chaos.report import suite as suites

    for name, text in suites.files(report).items():
        _replace(folder / name, text)


def one_line(folder: Path) -> str:
    """The folder's report.json, a run's or a suite's, on one line of ASCII, which steers no terminal.

    Raises HachaosError where it cannot be read.
    """
    path = folder / "report.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HachaosError(f"{path}: {error}", hint=f"hachaos check --write {folder} draws it anew") from error
    return json.dumps(values)


def add_step_summary(folder: Path) -> None:
    """Append the folder's report.md, a run's or a suite's, to the file that $GITHUB_STEP_SUMMARY names, if it does.

    That it cannot be written is said on standard error and changes nothing: the verdict stands.
    """
    if named := os.environ.get(STEP_SUMMARY):
        try:
            text = (folder / "report.md").read_text(encoding="utf-8")
            with Path(named).open("a", encoding="utf-8") as summary:
                summary.write(f"{text}\n")
        except OSError as error:
            print(f"hachaos: {named}: {error.strerror}: the job's summary lacks this run", file=sys.stderr)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # What came from the cluster may hold lone surrogates, which UTF-8 has no bytes for.
        temporary.write_text(text, encoding="utf-8", errors="replace")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise HachaosError(
            f"{path}: {error.strerror}", hint="make room or name another folder; the journal has it all"
        ) from error
