"""The history reads what reports really say."""

from __future__ import annotations

from pathlib import Path

import pytest
import sample

from chaos import report
from chaos.history import FORMAT
from chaos.past.index import past
from chaos.past.runs import JOURNAL_FORMAT, REPORT_FORMAT
from chaos.report import json_, suite


def test_what_a_real_report_says_is_in_the_history(tmp_path: Path) -> None:
    for name, made in {"1": sample.passing, "2": sample.failing}.items():
        (tmp_path / name).mkdir()
        report.write(tmp_path / name, *made())
    found = past(tmp_path)
    assert found.unreadable == found.newer == ()
    by_folder = {run.folder: run for run in found.runs}
    assert [by_folder[name].verdict for name in ("1", "2")] == ["pass", "fail"]
    assert by_folder["1"].reads_s == pytest.approx(2.165)
    assert by_folder["1"].recovered_s is not None


def test_the_history_knows_the_versions_that_are_written() -> None:
    assert json_.FORMAT == suite.FORMAT == REPORT_FORMAT
    assert FORMAT == JOURNAL_FORMAT
