"""What `hachaos run` leaves for the history when its run cannot start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chaos import session
from chaos.cli.run import run
from chaos.cluster import target as targets
from chaos.errors import ClusterError, UsageError
from chaos.past.index import past
from chaos.past.runs import MISSING
from chaos.stop import Interrupted

SCENARIO = str(Path(__file__).parents[3] / "scenarios/kill-master.yaml")
SCENARIO_AFTER = str(Path(__file__).parents[3] / "scenarios/mysql-shrink.yaml")


def ends(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def raises(*_: Any) -> None:
        raise error

    monkeypatch.setattr(session, "run", raises)


def test_a_run_without_a_cluster_is_missing_in_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, ClusterError("the API server does not answer"))
    arguments = [SCENARIO, "--reports", str(tmp_path), "--name", "nightly", "--stack", "published"]
    done = CliRunner().invoke(run, arguments, standalone_mode=False)
    assert isinstance(done.exception, ClusterError)
    (found,) = past(tmp_path).runs
    assert (found.scenario, found.stack, found.target) == ("kill-master", "published", "local/nightly")
    assert (found.verdict, found.reason) == (MISSING, "the API server does not answer")


def test_a_mistake_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, UsageError("not agreed to"))
    CliRunner().invoke(run, [SCENARIO, "--reports", str(tmp_path / "reports")], standalone_mode=False)
    assert not (tmp_path / "reports").exists()


def test_an_interrupted_start_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, Interrupted("SIGTERM"))
    done = CliRunner().invoke(run, [SCENARIO, SCENARIO_AFTER, "--reports", str(tmp_path)], standalone_mode=False)
    assert done.exit_code != 0
    assert [(one.scenario, one.verdict, one.reason) for one in past(tmp_path).runs] == [
        ("kill-master", MISSING, "interrupted before it began"),
        ("mysql-shrink", MISSING, "interrupted before it began"),
    ]


def test_the_debug_log_of_a_cluster_that_cannot_be_had_lies_beside_the_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_cluster(*_: Any, **__: Any) -> None:
        raise ClusterError("the API server does not answer")

    monkeypatch.setattr(targets, "of", no_cluster)
    for debug in ([], ["--debug"]):
        reports = tmp_path / f"reports{len(debug)}"
        done = CliRunner().invoke(run, [SCENARIO, "--reports", str(reports), *debug], standalone_mode=False)
        assert isinstance(done.exception, ClusterError)
        logs = list(reports.rglob("debug.log"))
        assert [path.read_text().endswith("the API server does not answer\n") for path in logs] == [True] * len(debug)
        assert all((path.parent / "not-run.json").exists() and f"debug log: {path}" in done.output for path in logs)


def test_a_webhook_that_is_none_ends_the_run_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HACHAOS_WEBHOOK", "hooks.example.com")
    ends(monkeypatch, AssertionError("it was run"))
    done = CliRunner().invoke(run, [SCENARIO, "--reports", str(tmp_path)], standalone_mode=False)
    assert isinstance(done.exception, UsageError)
