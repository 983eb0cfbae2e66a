"""Run folders and runs that never were."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.past.runs import Run

DAY_S = 86400.0
BEGAN = 1_700_000_000.0


def run(number: int = 0, verdict: str = "pass", **also: Any) -> Run:
    """A run of the night with this number."""
    known: dict[str, Any] = {
        "folder": f"{number:04}-kill-master",
        "scenario": "kill-master",
        "stack": "hardened",
        "target": "local/hachaos",
        "began": BEGAN + number * DAY_S,
        "verdict": verdict,
        "plan": "p",
        "reads_s": 2.0,
        "writes_s": 3.0,
        "recovered_s": 4.0,
        "pages_s": 0.03,
    }
    return Run(**known | also)


def runs(verdicts: str) -> list[Run]:
    """A run for each sign: + pass, - fail, ? unknown."""
    return [run(number, {"+": "pass", "-": "fail", "?": "unknown"}[sign]) for number, sign in enumerate(verdicts)]


def stamp(began: float) -> str:
    return datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def report(one: Run) -> dict[str, Any]:
    """What a report.json says of it, as far as the history reads it."""

    def stream(out: float | None) -> dict[str, Any]:
        return {"attempts": 9, "longest_outage": {"no_shorter_than_s": 0.5, "no_longer_than_s": out}}

    step = {
        "reads": stream(one.reads_s),
        "writes": stream(one.writes_s),
        "time_to_recovery": {"fault_at_s": 7.0, "recovered_s": one.recovered_s},
    }
    return {
        "format": 1,
        "scenario": one.scenario,
        "verdict": one.verdict,
        "reason": one.reason,
        "began": stamp(one.began),
        "ended": {"how": one.ended, "detail": ""},
        "steps": [{**step, "action": "baseline", "reads": {**step["reads"], "p5_s": one.pages_s}}, step],
        "plan": {"workload": {"reads_per_s": 5}, "steps": [one.plan]},
        "stack": {"source": one.stack, "target": one.target},
    }


def write(reports: Path, one: Run) -> Path:
    """Its folder, with a report and a journal."""
    folder = reports / one.folder
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_text(journal(one))
    (folder / "report.json").write_text(json.dumps(report(one)))
    return folder


def journal(one: Run) -> str:
    begun = {
        "kind": "run-begun",
        "format": 2,
        "scenario": one.scenario,
        "started_at": one.began,
        "plan": {"steps": []},
        "stack": {"source": one.stack, "target": one.target},
    }
    return json.dumps(begun) + "\n"
