"""How long `hachaos history` takes over a thousand runs, and how long to read their folders for the first time."""

from __future__ import annotations

import json
import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.table import Row, seconds

_RUNS = 1000
_SCENARIOS = 7
_TIMES = 11
_REPORT_CHARACTERS = 40_000


def measure() -> list[Row]:
    """Runs of seven scenarios, with reports of the size that those of kill-master have."""
    with tempfile.TemporaryDirectory() as folder:
        reports = Path(folder)
        for number in range(_RUNS):
            _write(reports, number)
        first = seconds("history", "--reports", folder)
        warm = tuple(1000 * seconds("history", "--reports", folder) for _ in range(_TIMES))
        drawn = tuple(1000 * seconds("trend", "--reports", folder, "--html") for _ in range(_TIMES))
    return [
        Row(f"`hachaos history`, {_RUNS:,} runs, index warm", warm, "ms", "<= 300 ms"),
        Row("the first time: every report is read", (first,), "s"),
        Row(f"`hachaos trend --html`, {_RUNS:,} runs, index warm", drawn, "ms"),
    ]


def _write(reports: Path, number: int) -> None:
    draw = random.Random(number)
    began = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    scenario = f"scenario-{number % _SCENARIOS}"
    folder = reports / f"{began:%Y%m%dT%H%M%SZ}-{scenario}"
    folder.mkdir()

    def stream() -> dict[str, Any]:
        return {"attempts": 99, "longest_outage": {"no_longer_than_s": draw.lognormvariate(1.2, 0.2)}}

    step = {
        "reads": stream(),
        "writes": stream(),
        "time_to_recovery": {"fault_at_s": 9.0, "recovered_s": draw.lognormvariate(1.4, 0.2)},
        "checks": "x" * _REPORT_CHARACTERS,
    }
    report = {
        "format": 1,
        "scenario": scenario,
        "verdict": "fail" if draw.random() < 0.03 else "pass",
        "reason": "so it was",
        "began": f"{began:%Y-%m-%dT%H:%M:%SZ}",
        "ended": {"how": "finished"},
        "steps": [step],
        "plan": {"steps": []},
        "stack": {"source": "hardened", "target": "local/hachaos"},
    }
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "journal.jsonl").write_text("")
