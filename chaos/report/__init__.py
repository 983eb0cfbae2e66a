"""What people and machines get to see of a run: report.json, report.html, junit.xml, the live display, the summary."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.errors import HachaosError

if TYPE_CHECKING:
    from chaos.checks.judge import Judgement
    from chaos.history import History
    from chaos.report.suite import SuiteReport, SuiteRun
    from chaos.scenario.plan import Suite

FILES = ("report.json", "report.html", "junit.xml")


def write(folder: Path, history: History, judgement: Judgement) -> None:
    """Write report.json, report.html and junit.xml into the run folder; each appears whole or not at all.

    Raises HachaosError when the folder cannot be written to, LookupError for a history without a beginning.
    """
    from chaos.report import html, json_, junit
    from chaos.report.summary import summarise

    summary = summarise(history, judgement)
    values = json.dumps(json_.render(summary), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    for name, text in zip(FILES, (values, html.render(summary, folder.name), junit.render(summary)), strict=True):
        _replace(folder / name, text)


def write_suite(folder: Path, suite: Suite, stack: str, runs: Sequence[SuiteRun]) -> SuiteReport:
    """Write report.html, report.json, junit.xml and claims.md of a suite; each appears whole or not at all.

    Raises HachaosError when the folder cannot be written to.
    """
    from chaos.report import suite as suites

    report = suites.report_of(suite, stack, runs)
    for name, text in suites.files(report).items():
        _replace(folder / name, text)
    return report


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
