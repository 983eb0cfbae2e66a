"""How long a run is expected to take is what earlier ones took."""

from __future__ import annotations

import json
from pathlib import Path

from chaos.report import usual


def ran(reports: Path, folder: str, took: float, scenario: str = "kill", profile: str = "own", how: str = "finished"):
    path = reports / folder / "report.json"
    path.parent.mkdir(parents=True)
    values = {"scenario": scenario, "duration_s": took, "ended": {"how": how}, "stack": {"profile": profile}}
    path.write_text(json.dumps(values))


def test_nobody_knows_before_the_first_run(tmp_path):
    assert usual.duration_s(tmp_path / "none", "kill", "own") is None
    assert usual.duration_s(tmp_path, "kill", "own") is None


def test_it_is_the_median_of_the_latest_five(tmp_path):
    for number, took in enumerate([900.0, 900.0, 900.0, 60.0, 61.0, 70.0, 62.0, 300.0]):
        ran(tmp_path, f"2026112{number}T000000Z-kill", took)
    assert usual.duration_s(tmp_path, "kill", "own") == 62.0


def test_runs_of_suites_count_and_others_do_not(tmp_path):
    ran(tmp_path, "20261120T000000Z-go-live/02-kill", 50.0)
    ran(tmp_path, "20261121T000000Z-never-kill", 1.0, scenario="never-kill")
    ran(tmp_path, "20261122T000000Z-kill", 2.0, profile="published")
    ran(tmp_path, "20261123T000000Z-kill", 3.0, how="aborted")
    assert usual.duration_s(tmp_path, "kill", "own") == 50.0


def test_a_report_that_cannot_be_read_does_not_count(tmp_path):
    ran(tmp_path, "20261120T000000Z-kill", 50.0)
    for number, text in enumerate(["", "{", "[]", "\x00"]):
        ran(tmp_path, f"2026112{number + 1}T000000Z-kill", 1.0)
        (tmp_path / f"2026112{number + 1}T000000Z-kill/report.json").write_text(text)
    assert usual.duration_s(tmp_path, "kill", "own") == 50.0
