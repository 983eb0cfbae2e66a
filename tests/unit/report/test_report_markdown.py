"""report.md, for a pull-request comment: short, whole, and nothing that the cluster said is obeyed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sample

from chaos import report
from chaos.checks.judge import Judgement
from chaos.history import History
from chaos.report import markdown, suite
from chaos.report.summary import summarise
from chaos.verdict import CheckResult, Verdict


def of(history, judgement) -> str:
    return markdown.render(summarise(history, judgement))


def test_the_verdict_comes_first_then_why_what_to_change_and_the_steps():
    lines = of(*sample.failing()).splitlines()
    assert lines[0] == "## ❌ kill-master: fail"
    text = "\n".join(lines)
    order = [
        "**The claim did not hold.** 57 acknowledged writes were lost.",
        "**To change:** mysql-0 came back empty: let ordinal 0 clone from a replica as well.",
        "| 1 · delete the master's pod | ❌ fail | 6.82 – 7.07 s | 6.19 – 6.49 s | 262 | **57** | empty | 7.03 s |",
        "- ❔ replication: mysql-2 did not answer.",
        "kubernetes v1.35.0",
    ]
    assert [text.index(what) for what in order] == sorted(text.index(what) for what in order)


def test_a_pass_lists_no_problem():
    text = of(*sample.passing())
    assert text.startswith("## ✅ kill-master: pass\n")
    assert "\n- " not in text


def test_an_unknown_is_never_shown_as_passed():
    text = of(*sample.unknown())
    assert text.startswith("## ❔ kill-master: unknown\n")
    assert "✅" not in text
    assert "| unknown | unknown | – | not within 25.0 s |" in text


def test_a_run_without_steps_has_no_table():
    text = of(History(sample.records()[:1]), Judgement(Verdict.UNKNOWN, (), "no step was begun"))
    assert "No step began." in text
    assert "|---|" not in text


def test_what_the_cluster_says_is_shown_and_not_obeyed():
    text = of(*sample.failing("<script>\n# x | y ![p](http://x) @everybody fixes #12"))
    assert "<script" not in text
    assert "\n# x" not in text
    assert "![p]" not in text
    assert "@everybody" not in text
    assert "#12" not in text
    rows = [line for line in text.splitlines() if line.startswith("| 1 ·")]
    assert [row.replace("\\|", "").count("|") for row in rows] == [9]


def test_a_port_forward_is_said():
    history, judgement = sample.passing()
    far = replace(history.run, stack=history.run.stack | {"reach": "port-forward"})
    text = of(History([far, *history.records[1:]]), judgement)
    assert "Measured through a port-forward" in text
    assert "port-forward" not in of(history, judgement)


def test_it_fits_into_a_comment_however_much_there_is_to_say():
    history, judgement = sample.failing()
    long = tuple(CheckResult(f"check-{n}", Verdict.FAIL, f"x{n} " * 2000) for n in range(200))
    text = of(history, replace(judgement, steps=(replace(judgement.steps[0], checks=long),)))
    assert len(text) < 65_536
    assert "What does not fit here is in report.html." in text


def test_a_suite_has_the_claims_first_and_its_steps_folded():
    text = suite.files(suite.report_of(sample.suite(), "published", sample.suite_runs()))["report.md"]
    assert text.startswith("## ❌ go-live on published: fail\n\n1 of 4 claims hold on the published stack")
    assert text.index("| stop-nfs | unknown | not run: the budget was used up |") < text.index("<details>")
    assert "| failing · 1 · delete the master's pod | ❌ fail |" in text


@pytest.fixture
def job(tmp_path, monkeypatch):
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def test_a_jobs_summary_gets_each_report_one_after_another(tmp_path, job):
    report.write(tmp_path, *sample.failing())
    report.add_step_summary(tmp_path)
    report.write_suite(tmp_path, sample.suite(), "published", sample.suite_runs())
    report.add_step_summary(tmp_path)
    heads = [line for line in job.read_text().splitlines() if line.startswith("## ")]
    assert heads == ["## ❌ kill-master: fail", "## ❌ go-live on published: fail"]


def test_without_the_variable_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    report.write(tmp_path, *sample.failing())
    report.add_step_summary(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(report.FILES)


def test_a_summary_that_cannot_be_written_is_said_and_changes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    report.write(tmp_path, *sample.failing())
    report.add_step_summary(tmp_path)
    assert "Is a directory: the job's summary lacks this run" in capsys.readouterr().err
