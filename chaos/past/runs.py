"""One run as the history knows it: read from what its folder holds, in a few figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from chaos.report import NOT_YET

MISSING: Final = "missing"
"""Beside the verdicts: a run that could not start, or that was due and did not come."""

PAGES: Final = "pages_s"
FIGURES: Final = {
    "reads_s": "reads out",
    "writes_s": "writes out",
    "recovered_s": "recovered in",
    PAGES: "pages in",
}
"""The figures that are followed from run to run, and what they are called."""

NOT_RUN: Final = "not-run.json"
REPORT: Final = "report.json"
JOURNAL: Final = "journal.jsonl"

REPORT_FORMAT: Final = 1
JOURNAL_FORMAT: Final = 2
NOT_RUN_FORMAT: Final = 1
"""The newest versions that are understood here."""


@dataclass(frozen=True)
class Run:
    """One run of a scenario. `folder` is relative to the reports, `began` is Unix seconds.

    `verdict` is pass, fail, unknown or missing. `ended` says how: finished, aborted, interrupted, failed, recovered,
    cut off. The figures are seconds: the longest outage of readers and of writers of all steps, each by its upper bound
    (0: none), the slowest recovery, and the time in which the quickest twentieth of pages was answered before the first
    fault, which is what a page takes when nothing gets in its way; None where one was not measured or its end was not
    seen. `plan` is a digest of what the scenario does: only runs of the same are compared.
    """

    folder: str
    scenario: str
    stack: str
    target: str
    began: float
    verdict: str
    ended: str = "finished"
    reason: str = ""
    plan: str = ""
    reads_s: float | None = None
    writes_s: float | None = None
    recovered_s: float | None = None
    pages_s: float | None = None

    @property
    def counts(self) -> bool:
        """Whether it came to an end of its own, so that its verdict says something of the stack."""
        return self.verdict != MISSING and self.ended in {"finished", "aborted", "failed"}


class Newer(Exception):
    """A file of a version that this hachaos does not know yet."""


def read(path: Path, folder: str) -> list[Run]:
    """The runs that one file tells of: report.json of a run or a suite, not-run.json, or a journal without a report.

    None at all for a suite whose runs all have folders of their own, and for a file that is still being written.
    Raises Newer, OSError, and ValueError, LookupError, TypeError or AttributeError for what is none of these files.
    """
    if path.name == JOURNAL:
        with path.open(encoding="utf-8", errors="replace") as lines:
            first = lines.readline()
        return [_unreported(json.loads(first), folder)] if first.endswith("\n") else []
    values = json.loads(path.read_text(encoding="utf-8"))
    newest = NOT_RUN_FORMAT if path.name == NOT_RUN else REPORT_FORMAT
    if values["format"] > newest:
        raise Newer
    if path.name == NOT_RUN:
        return [_not_run(values, folder)]
    return _left_out(values, folder) if "scenarios" in values else [_reported(values, folder)]


def _reported(report: Mapping[str, Any], folder: str) -> Run:
    steps = report["steps"]
    recoveries = [step["time_to_recovery"] for step in steps]
    recovered = [one["recovered_s"] for one in recoveries if one["fault_at_s"] is not None]
    return Run(
        folder=folder,
        scenario=report["scenario"],
        began=datetime.fromisoformat(report["began"]).timestamp(),
        verdict=report["verdict"],
        ended=report["ended"]["how"],
        reason=report["reason"],
        reads_s=_out(steps, "reads"),
        writes_s=_out(steps, "writes"),
        recovered_s=_most(recovered),
        pages_s=next((step["reads"].get("p5_s") for step in steps if step.get("action") == "baseline"), None),
        **_where(report["stack"], report["plan"]),
    )


def _out(steps: list[Mapping[str, Any]], stream: str) -> float | None:
    """Seconds of the longest outage, by its upper bound: that one is never less than what users met."""
    if not any(step[stream]["attempts"] for step in steps):
        return None
    outages = [step[stream]["longest_outage"] for step in steps]
    return _most([outage["no_longer_than_s"] if outage else 0.0 for outage in outages])


def _most(values: list[float | None]) -> float | None:
    return None if None in values else max((value for value in values if value is not None), default=None)


def _where(stack: Mapping[str, Any], plan: Mapping[str, Any]) -> dict[str, Any]:
    does = json.dumps([plan.get("workload"), plan.get("steps")], sort_keys=True)
    return {
        "stack": str(stack.get("source") or stack.get("profile", "")),
        "target": str(stack.get("target", "")),
        "plan": sha256(does.encode(errors="replace")).hexdigest()[:12],
    }


def _unreported(begun: Mapping[str, Any], folder: str) -> Run:
    if begun["format"] > JOURNAL_FORMAT:
        raise Newer
    return Run(
        folder=folder,
        scenario=begun["scenario"],
        began=begun["started_at"],
        verdict="unknown",
        ended="cut off",
        reason="there is no report: it was killed, or is still running",
        **_where(begun["stack"], begun["plan"]),
    )


def _not_run(note: Mapping[str, Any], folder: str) -> Run:
    return Run(
        folder=folder,
        scenario=note["scenario"],
        stack=note["stack"],
        target=note["target"],
        began=note["at"],
        verdict=MISSING,
        ended="not begun",
        reason=note["reason"],
    )


def _left_out(suite: Mapping[str, Any], folder: str) -> list[Run]:
    """Those of a suite that were not run. Their target is where the suite's others ran, which the caller knows."""
    at = datetime.fromisoformat(suite["written"]).timestamp()
    return [
        Run(folder, row["scenario"], suite["stack"], "", at, MISSING, "not begun", row["not_run"])
        for row in suite["scenarios"]
        if not row["folder"] and row["not_run"] not in ("", NOT_YET)
    ]


def placed(runs: list[Run]) -> list[Run]:
    """The runs in the order of time; those without a target get that of their suite's others, else of their stack's."""
    known: dict[str, str] = {}
    for run in sorted(runs, key=lambda run: run.began):
        if run.target:
            known[run.stack] = run.target
            known[run.folder.rpartition("/")[0]] = run.target
    made = [
        run if run.target else replace(run, target=known.get(run.folder) or known.get(run.stack, "")) for run in runs
    ]
    return sorted(made, key=lambda run: (run.began, run.folder))


def note_not_run(reports: Path, scenario: str, stack: str, target: str, at: float, reason: str) -> Path:
    """Leave a folder that says that a run could not start, and name it. Raises OSError."""
    began = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%S")
    folder = reports / f"{began}.{int(at % 1 * 1000):03}Z-{scenario}-not-run"
    folder.mkdir(parents=True)
    note = {
        "format": NOT_RUN_FORMAT,
        "scenario": scenario,
        "stack": stack,
        "target": target,
        "at": at,
        "reason": reason,
    }
    temporary = folder / f".{NOT_RUN}"
    temporary.write_text(json.dumps(note, ensure_ascii=False) + "\n", encoding="utf-8", errors="replace")
    temporary.replace(folder / NOT_RUN)
    return folder
