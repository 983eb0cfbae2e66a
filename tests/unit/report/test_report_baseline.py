"""The baseline, quiet steps and the streams beside reads, rows and posts, in all reports of a run."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import sample
from rich.console import Console

from chaos.history import BASELINE, History, Read, StepBegun, StepEnded, WaitEnded
from chaos.report import cells, html, json_, junit, live, markdown, svg, terminal
from chaos.report.summary import summarise
from chaos.verdict import CheckResult, Outage, Verdict

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schemas/report-v1.json").read_text())


@pytest.fixture(scope="module")
def summary():
    return summarise(*sample.with_baseline())


@pytest.fixture(scope="module")
def page(summary):
    return html.render(summary, "x")


def test_the_page_calls_it_baseline_and_leads_there(page):
    assert '<a href="#baseline">Baseline</a>' in page
    assert '<h3 id="baseline">Baseline ' in page
    assert "step-0" not in page
    assert not re.search(r"step 0|Step 0|>0  baseline", page)
    anchors = set(re.findall(r'href="#([^"]+)"', page))
    assert anchors <= set(re.findall(r'\bid="([^"]+)"', page))


def test_nothing_is_said_to_have_been_planned_where_nothing_is_to_be_broken(page):
    assert "Nothing yet: this is how it was before the first fault." in page
    assert "Nothing was broken in this step." in page
    assert "never done" not in page


def test_findings_are_marked_as_new_or_old_and_none_in_the_baseline(page):
    baseline, first = page.split('<h3 id="baseline">')[1].split('<h3 id="step-1">')
    assert '<b class="new">new</b> 57 of 262' in first
    assert '<b class="old">before the first fault</b> mysql-1 does not replicate. <code>not-replicating:' in first
    assert "Mysql-1" not in first
    assert '<ul class="findings"><li>mysql-1 does not replicate. <code>' in baseline


def test_what_a_pod_said_is_shown_and_not_obeyed(page):
    assert "What mysql-0 said when the step gave up waiting, at 0:40.0" in page
    assert "waiting:CrashLoopBackOff\n&lt;b&gt;Killed" in page


def test_what_may_stay_out_is_told(page):
    assert "Uploads are out for at most 9 s." in page
    assert "Uploads may still be out at its end; a later step judges that outage." in page


def test_uploads_and_files_are_no_readers_and_no_writers(summary):
    plain = summarise(*sample.failing())
    with_more, alone = summary.steps[1], plain.steps[0]
    assert (with_more.reads, with_more.writes) == (alone.reads, alone.writes)
    assert with_more.uploads.attempts == 40
    assert with_more.uploads.longest.via == "upload"
    for stream in ("reads", "rows", "posts"):
        assert [one for one in summary.latencies if one.stream == stream] == [
            one for one in plain.latencies if one.stream == stream
        ]
    pods = (*sample.SITE, "service")
    assert {way: summary.reads[way] for way in pods} == {way: plain.reads[way] for way in pods}
    assert summary.reads["static of service"] == {"ok": 40, "failed": 0, "reasons": {}}
    assert summary.reads[f"upload of {sample.SITE[1]}"]["failed"] == 30


def test_uploads_that_never_came_back_are_no_recovery(summary):
    assert summary.steps[1].recovery.recovered_s is None


def test_each_kind_of_read_has_rows_of_its_own_in_the_timeline(summary):
    labels, drawing = svg.timeline(summary)
    texts = [label.text for label in labels]
    assert texts.count(sample.SITE[1]) == 3
    for text in ("Writes, uploads", "Picture of each pod", "Uploads"):
        assert text in texts
    assert "Baseline" in drawing
    assert drawing.count('class="fault"') == 1


def test_a_quiet_step_has_no_fault(summary):
    assert [cells.recovery(step) for step in summary.steps] == ["no fault", "not seen", "no fault"]


def test_the_json_keeps_the_number_and_fits_the_schema(summary):
    values = json.loads(json.dumps(json_.render(summary), allow_nan=False))
    jsonschema.Draft202012Validator(SCHEMA).validate(values)
    assert [step["index"] for step in values["steps"]] == [-1, 0, 1]
    assert values["steps"][2]["expected"]["may_stay_out"] == ["uploads"]
    assert values["steps"][1]["uploads"]["attempts"] == 40


def test_junit_names_it(summary):
    classes = [case.get("classname") for case in ET.fromstring(junit.render(summary)).iter("testcase")]
    assert classes[0] == "kill-master.Baseline"
    assert classes[1] == "kill-master.1 delete the master's pod"


@pytest.mark.parametrize("tty", [True, False])
def test_the_closing_summary_names_it(tty):
    out = io.StringIO()
    console = Console(file=out, force_terminal=tty, width=120, highlight=False, markup=False, color_system=None)
    terminal.summary(*sample.with_baseline(), Path("x"), console=console)
    assert re.search("^(Baseline|✗ baseline)", out.getvalue(), re.MULTILINE)
    assert "step 0" not in out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("tty", [True, False])
def test_the_live_display_counts_it_among_no_steps(monkeypatch, tty):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal() if tty else io.StringIO()
    with live.display(sample.PLAN | {"longest_s": 300.0}, quiet=False, out=out) as see:
        see(StepBegun(1.0, BASELINE, "baseline", "baseline", "stack", {}))
        see(StepEnded(2.0, BASELINE))
    text = out.getvalue()
    assert "0:01.0  baseline\n" in text
    assert "0:02.0  the baseline is over\n" in text
    assert "step 0" not in text


def test_the_panel_says_where_the_run_is():
    state = live._State(sample.PLAN)
    assert state.where() == "before the first step"
    state.see(StepBegun(1.0, BASELINE, "baseline", "baseline", "stack", {}))
    assert state.where() == "baseline"
    state.see(StepBegun(1.0, 1, "x", "delete-pod", "site", {}))
    assert state.where() == "step 2 of 2: delete a WordPress pod"


def test_a_pod_that_was_made_late_is_not_drawn_as_out_before():
    history, judgement = sample.with_baseline()
    late = [Read("new-pod", 30 + n / 2, 30 + n / 2, 30.1 + n / 2, n > 3, "refused") for n in range(9)]
    out = Outage("reads", "new-pod", None, 30.1, 31.5, 32.1, 4)
    check = CheckResult("availability", Verdict.FAIL, "x", {}, (out,))
    steps = (replace(judgement.steps[0], checks=(check,)), *judgement.steps[1:])
    history = History([*history.records, *late])
    drawing = svg.timeline(summarise(history, replace(judgement, steps=steps)))[1]
    bar = re.search(r'<rect class="possible" x="([\d.]+)%"[^>]*><title>reads via new-pod', drawing)
    assert float(bar[1]) == pytest.approx(30 / history.last_time * 100, abs=0.1)


def test_what_was_broken_before_the_first_fault_is_said_under_the_verdict():
    text = html.render(summarise(*sample.with_baseline()), "folder")
    line = text.partition("</h1>")[2].partition("</p>")[0]
    assert '<a href="#baseline">before the first fault</a> already:</b> mysql-1 does not replicate.' in line
    wanted = "**The stack was broken before the first fault already:** mysql-1 does not replicate"
    assert wanted in markdown.render(summarise(*sample.with_baseline()))
    for run in (sample.failing(), sample.passing()):
        assert wanted not in markdown.render(summarise(*run))
        assert 'class="already"' not in html.render(summarise(*run), "folder")


def test_a_run_that_is_decided_by_what_was_broken_before_does_not_say_so_twice():
    history, judgement = sample.with_baseline()
    old = replace(judgement, steps=judgement.steps[:1])
    assert 'class="already"' not in html.render(summarise(history, old), "folder")


def test_how_long_something_was_waited_for_is_told_apart_from_how_long_after_the_fault_it_came():
    history, judgement = sample.passing()
    records = [replace(r, took_s=1.5) if isinstance(r, WaitEnded) and r.took_s == 3.0 else r for r in history.records]
    text = html.render(summarise(History(records), judgement), "folder")
    assert "after 1.50 s of waiting, 3.00 s after the fault" in text
    assert "Steady before the fault: after 2.00 s." in text
