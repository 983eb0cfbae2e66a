"""The invariant that a finding breaks is named in the terminal, in report.html and in report.json."""

from __future__ import annotations

import io
from dataclasses import replace

import jsonschema
import pytest
import sample
from rich.console import Console
from test_report_baseline import SCHEMA

from chaos.checks.findings import Finding
from chaos.checks.judge import Judgement
from chaos.report import html, json_, terminal
from chaos.report.summary import summarise
from chaos.verdict import CheckResult, Verdict

LOST = Finding("lost-row", "3 rows were lost", items=({"what": "row", "token": "t", "at_s": 1.5, "on": []},))


@pytest.fixture
def judged():
    history, judgement = sample.with_baseline()
    return history, with_finding(judgement)


def with_finding(judgement: Judgement) -> Judgement:
    """The judgement with a last step that fails by one finding."""
    *earlier, step = judgement.steps
    failed = CheckResult("continuity", Verdict.FAIL, LOST.text, {"findings": [LOST.to_json() | {"before": False}]})
    return replace(judgement, steps=(*earlier, replace(step, checks=(failed,))))


def test_it_stands_before_the_key_on_the_page(judged):
    assert "<code>D1 lost-row</code>" in html.render(summarise(*judged), "x")


@pytest.mark.parametrize("in_terminal", [True, False])
def test_it_stands_beside_the_check_in_the_terminal(judged, in_terminal, tmp_path):
    out = io.StringIO()
    console = Console(file=out, force_terminal=in_terminal, width=200, markup=False, highlight=False)
    terminal.summary(*judged, tmp_path, console=console)
    assert "continuity [D1]: " in out.getvalue()


def test_report_json_has_it_and_the_writes_that_it_is_about(judged):
    report = json_.render(summarise(*judged))
    jsonschema.validate(report, SCHEMA)
    (found,) = [
        one
        for check in report["steps"][-1]["checks"]
        for one in check["figures"].get("findings", ())
        if one["key"] == "lost-row"
    ]
    assert (found["invariant"], found["items"][0]["token"]) == ("D1", "t")
