"""What a run hands to whoever started it: words, JSON alone, or nothing; and the summary of a CI job."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from test_session_ends import PLAN, FakeRunner, fail

from chaos import session, stop
from chaos.cluster.target import Target
from chaos.errors import ClusterError
from chaos.history import RunBegun
from chaos.scenario.plan import Suite
from chaos.session import Options
from chaos.stack.source import Source

SUITE = Suite("all", "all of it holds", "all.yaml", "", 60, 0, (PLAN, PLAN))

Start = Callable[..., session._Session]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    begun = RunBegun(2, "r", "p", "it holds", 1.0, PLAN.to_json(), {"profile": "hardened"}, {})
    stack = SimpleNamespace(api=SimpleNamespace(namespace="wordpress"), local_cluster="", context="")
    monkeypatch.setattr(session._Session, "_begun", lambda *_: begun)
    monkeypatch.setattr(session._Session, "ready", lambda *_: stack)
    monkeypatch.setattr(session, "Runner", FakeRunner)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    def made(**options: Any) -> session._Session:
        given = Options(reports=tmp_path / "reports", **options)
        return session._Session(cast("Source", None), cast("Target", None), given)

    with stop.by_signals():
        yield made


def test_json_is_one_line_for_each_and_all_that_standard_output_gets(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(as_json=True).all([PLAN, SUITE])
    one, all_ = map(json.loads, capsys.readouterr().out.splitlines())
    assert (one["scenario"], one["verdict"]) == ("p", "unknown")
    assert (all_["suite"], [each["scenario"] for each in all_["scenarios"]]) == ("all", ["p", "p"])


def test_json_alone_is_what_json_and_quiet_say(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    start(as_json=True, quiet=True).scenario(PLAN)
    said = capsys.readouterr()
    assert json.loads(said.out)["verdict"] == "unknown"
    assert said.err == ""


def test_words_are_told_else_and_nothing_when_quiet(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    start().all([PLAN, SUITE])
    said = capsys.readouterr().out
    assert said.count("? unknown: ") == 4
    assert "=== 2 of 2: p: it holds" in said
    start(quiet=True).all([PLAN, SUITE])
    assert capsys.readouterr() == ("", "")


def test_a_run_that_ended_before_its_end_is_told_as_json_too(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "Runner", lambda *given: FakeRunner(*given, during=fail(ClusterError("no answer"))))
    with pytest.raises(ClusterError):
        start(as_json=True).scenario(PLAN)
    assert json.loads(capsys.readouterr().out)["ended"] == {"how": "failed", "detail": "no answer"}


def test_a_jobs_summary_gets_a_run_and_a_suite_once_each(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    start(quiet=True).all([PLAN, SUITE])
    heads = [line for line in (tmp_path / "summary.md").read_text().splitlines() if line.startswith("## ")]
    assert heads == ["## ❔ p: unknown", "## ❔ all on hardened: unknown"]
