"""A suite that is over, read from its folder, so that its report can be drawn anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from chaos import journal
from chaos.checks.judge import Judgement
from chaos.errors import HachaosError
from chaos.history import History, RunBegun
from chaos.report import NOT_YET
from chaos.report.suite import FORMAT, SuiteReport, SuiteRun, report_of
from chaos.scenario.plan import Suite

Judged = Callable[[Path], tuple[History, Judgement]]
"""Gives what a run's folder holds, and how it is judged."""


def report_in(folder: Path, judged: Judged, cut_off: str = "") -> SuiteReport | None:
    """What a suite's report.json says, each run that has a journal judged anew; None for a folder that is no suite's.

    A run that was not yet over when the report was drawn last is found by its folder. `cut_off` is said of those that
    were never begun. Raises HachaosError for a report or a journal that cannot be read.
    """
    path = folder / "report.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise HachaosError(f"{path}: {error}") from error
    if not isinstance(values, dict) or "suite" not in values:
        return None
    try:
        if values["format"] > FORMAT:
            raise HachaosError(f"{path}: format {values['format']} is newer than this hachaos reads ({FORMAT})")
        suite = Suite(values["suite"], values["claim"], "", values["suite_text"], values["budget_s"], 0.0, ())
        runs = [_run(folder, number, row, judged, cut_off) for number, row in enumerate(values["scenarios"], start=1)]
        return replace(report_of(suite, values["stack"], runs), written=values["written"])
    except (LookupError, TypeError, AttributeError) as error:
        raise HachaosError(f"{path}: not a suite's report: {error!r}") from error


def _run(folder: Path, number: int, row: Mapping[str, Any], judged: Judged, cut_off: str) -> SuiteRun:
    name, claim = str(row["scenario"]), str(row["claim"])
    inner = str(row["folder"]) or f"{number:02}-{name}"
    if (folder / inner / journal.NAME).is_file():
        history, judgement = judged(folder / inner)
        if history.of(RunBegun):
            return SuiteRun(name, claim, inner, history, judgement)
    said = str(row["not_run"]) or "its journal is gone"
    return SuiteRun(name, claim, "", None, None, cut_off if cut_off and said == NOT_YET else said)
