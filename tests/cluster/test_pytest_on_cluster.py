"""The pytest plugin on the real stack: a scenario is a test, and tests beside it look at what its run observed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from chaos.stack.stack import Stack
from embedded import NAME, ROOT

SCENARIO = ROOT / "scenarios" / "kill-master.yaml"
TESTS = f"""
import pytest
from chaos.history import Write


@pytest.mark.hachaos({str(SCENARIO)!r})
def test_writes_were_acknowledged(history):
    assert any(one.outcome == "ok" for one in history.of(Write))


@pytest.mark.hachaos
def test_there_are_three_database_pods(stack):
    assert [pod.ready for pod in stack.pods if pod.role.startswith("database")] == [True] * 3


@pytest.mark.hachaos({str(SCENARIO)!r})
def test_what_does_not_hold_fails(history):
    assert not history.of(Write)
"""


def test_a_scenario_passes_as_a_test_and_is_run_once_for_the_tests_beside_it(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "test_ours.py").write_text(TESTS)
    command = [sys.executable, "-P", "-m", "pytest", "-v", "--hachaos", "-p", "no:cacheprovider", "--rootdir", tmp_path]
    command += [SCENARIO, "test_ours.py", "--hachaos-name", NAME, "--hachaos-baseline", "record"]
    command += ["--hachaos-reports", tmp_path / "reports"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    assert "✓ kill-master: pass; reads out:" in done.stdout
    assert done.returncode == 1
    assert len(list((tmp_path / "reports").glob("2*"))) == 1
