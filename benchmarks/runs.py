"""Warm runs of kill-master: the run beside what the stack itself needs, and the outage of writes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.table import CLUSTER, Row, seconds

_TIMES = 5


def measure() -> list[Row]:
    """Repeat kill-master on a running stack."""
    seconds("cluster", "up", "--name", CLUSTER, "--nodes", "3")
    seconds("stack", "up", "--name", CLUSTER)
    over: list[float] = []
    out: list[float] = []
    lost: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(_TIMES):
            reports = Path(folder) / str(number)
            options = ("--name", CLUSTER, "--reports", str(reports))
            took = seconds("run", "scenarios/kill-master.yaml", *options, codes=(0, 1, 2))
            report = json.loads(next(reports.glob("*/report.json")).read_text())
            over.append(took - _recovery_s(report))
            out.append(max((o["no_longer_than_s"] or 0 for o in report["outages"] if o["kind"] != "reads"), default=0))
            lost.append(_lost(report))
    seconds("cluster", "down", "--name", CLUSTER)
    return [
        Row("warm run of kill-master, less the stack's recovery", tuple(over), "s", "<= 15 s"),
        Row("writes out when the master's pod is deleted (upper bound)", tuple(out), "s", "<= 5 s"),
        Row("acknowledged writes missing", tuple(lost), "", "0"),
    ]


def _recovery_s(report: dict[str, Any]) -> float:
    recovery = _fault(report)["time_to_recovery"]
    return float(recovery.get("ready_s") or recovery.get("first_good_answer_s") or 0)


def _fault(report: dict[str, Any]) -> dict[str, Any]:
    """The first step after the baseline."""
    found: dict[str, Any] = next(step for step in report["steps"] if step["index"] == 0)
    return found


def _lost(report: dict[str, Any]) -> float:
    checks = {check["name"]: check for check in _fault(report)["checks"]}
    return float(checks["continuity"]["figures"]["lost"])
