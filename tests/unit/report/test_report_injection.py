"""Whatever came from a cluster or from a user's file is shown in every report, and obeyed in none.

Each text of a run is replaced by a hostile one, in turn and all at once: names of pods, images and steps, titles, log
lines, events, messages, versions.
"""

from __future__ import annotations

import dataclasses
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sample
from rich.console import Console
from test_report_html import Page

from chaos.checks.judge import Judgement
from chaos.history import ClusterEvent, History, Note, PodSaid, Record, ReplicaSeen, VolumeSeen, Write
from chaos.report import claims, comparison, html, json_, junit, live, markdown, openmetrics, terminal
from chaos.report import suite as suites
from chaos.report.suite import SuiteRun
from chaos.report.summary import summarise
from chaos.verdict import Verdict

EVIL = (
    "</title></style></text></svg><script>document.title='owned';alert(1)</script>"
    "<img src=x onerror=alert(2)><svg onload=alert(3)>"
    "<a href='javascript:alert(4)'>x</a>\"' onmouseover='alert(5)' &lt;b&gt; &#60;i> ]]> <!-- --> {{7*7}} [b](c) `d`"
    "\x00\x01\x07\x08\x0b\x1b[2J\x1b]0;owned\x07\x1b[31m\x7f\x9b31m\ufffe\uffff\u202e"
)
# What a check or a report takes its way by, and what no cluster and no file can choose.
WORDS = {
    "kind", "action", "change", "how", "outcome", "what", "role", "phase", "when", "condition", "via", "writer",
    "target", "baseline", "expect", "started_at",
}  # fmt: skip


def evil(value: Any) -> Any:
    """The value with each text in it spoilt; keys of mappings that others choose are spoilt as well."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, dict):
        return {key: each if key in WORDS else evil(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(evil(each) for each in value)
    return value


def spoilt(record: Record) -> Record:
    fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}  # type: ignore[arg-type]
    changed = {name: evil(value) for name, value in fields.items() if name not in WORDS}
    return replace(record, **changed)  # type: ignore[type-var]


EXTRA: list[Record] = [
    PodSaid(15.0, 0, "mysql-0", ("Running on node-1", "mysql: waiting CrashLoopBackOff", "  a line of its log")),
    ClusterEvent(15.0, "pod/mysql-0", "Failed", "Error: pull image"),
    Note(15.0, "a note"),
    ReplicaSeen(15.0, "mysql-1", last_error="Could not execute Write_rows event on table wp_posts", source="mysql-0"),
    VolumeSeen(15.0, 0, "after", "mysql-0", "uid", "data-mysql-0", "uid", "pv", error="no such file"),
    Write("post", "w1", 1, "title", 15.0, 15.0, 15.1, "fail", "status 500", key=None, path="/x"),
]


def hostile() -> tuple[History, Judgement]:
    history, judgement = sample.failing(EVIL)
    records = [spoilt(record) for record in (*history.records[:-1], *EXTRA, history.records[-1])]
    return History(records), judgement


def with_one(record: Record) -> tuple[History, Judgement]:
    history, judgement = sample.failing()
    return History([*history.records, spoilt(record)]), judgement


RUNS = {"all": hostile()} | {type(record).__name__: with_one(record) for record in EXTRA}


@pytest.fixture(params=RUNS, ids=str)
def run(request: pytest.FixtureRequest) -> tuple[History, Judgement]:
    return RUNS[request.param]


def is_obeyed(page: Page) -> list[Any]:
    """What in a page can only come from a text that was taken for markup."""
    links = [attrs.get("href") or "" for _, attrs, _ in page.items]
    return [
        *(page.tags.keys() & {"script", "img", "iframe", "object", "embed", "base", "form", "i"}),
        *(name for _, attrs, _ in page.items for name in attrs if name.startswith("on")),
        *(link for link in links if ":" in link and not link.startswith("data:,")),
    ]


def test_the_page_shows_it(run: tuple[History, Judgement]) -> None:
    text = html.render(summarise(*run), "folder" + EVIL)
    page = Page(text)
    assert is_obeyed(page) == []
    assert "alert(1)" in text
    assert not set(text) & set("\x00\x01\x07\x08\x0b\x1b\ufffe\uffff")


def test_titles_of_the_drawing_and_attributes_show_it() -> None:
    page = Page(html.render(summarise(*hostile()), "folder"))
    titles = [text for tag, text in page.text if tag == "title"]
    assert any("<script>document.title" in text for text in titles)
    attributes = [value or "" for _, attrs, _ in page.items for value in attrs.values()]
    assert any("onerror=alert(2)" in value for value in attributes)


def test_the_ci_systems_file_stays_xml(run: tuple[History, Judgement]) -> None:
    root = ET.fromstring(junit.render(summarise(*run)))
    assert {each.tag for each in root.iter()} <= {
        "testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "system-out",
    }  # fmt: skip


def test_a_comment_in_a_pull_request_obeys_nothing(run: tuple[History, Judgement]) -> None:
    text = markdown.render(summarise(*run))
    assert "<" not in text.replace("<sub>", "").replace("</sub>", "")
    assert "[b](c)" not in text
    assert not set(text) & STEERING


def test_a_metrics_file_has_a_sample_on_each_line(run: tuple[History, Judgement]) -> None:
    text = openmetrics.render([(EVIL, EVIL, summarise(*run))])
    assert all(line.startswith(("hachaos_", "# ")) for line in text.split("\n")[:-1])
    assert not set(text) & STEERING


def test_the_json_is_json(run: tuple[History, Judgement]) -> None:
    assert json.loads(json.dumps(json_.render(summarise(*run)), allow_nan=False))


STEERING = set("\x00\x01\x07\x08\x0b\x1b\x7f\x9b\u202e")


@pytest.mark.parametrize("tty", [True, False])
def test_the_terminal_is_not_steered_by_the_summary(run: tuple[History, Judgement], *, tty: bool) -> None:
    out = io.StringIO()
    # Without colours all that the tool itself has to say to a terminal are line ends.
    console = Console(file=out, force_terminal=tty, width=120, highlight=False, markup=False, color_system=None)
    terminal.summary(*run, Path("folder"), console=console)
    assert not set(out.getvalue()) & STEERING


def test_the_terminal_is_not_steered_while_the_run_lasts(run: tuple[History, Judgement]) -> None:
    out = io.StringIO()
    with live.display(sample.PLAN | {"longest_s": 300.0}, quiet=False, out=out) as see:
        for record in run[0].records:
            see(record)
    assert out.getvalue()
    assert not set(out.getvalue()) & STEERING


def test_the_terminal_is_not_steered_by_checks_or_comparisons(capsys: pytest.CaptureFixture[str]) -> None:
    history, judgement = hostile()
    terminal.checks(history, judgement, Path("folder"))
    terminal.comparison(comparison.compare(summarise(history, judgement), summarise(*sample.failing())))
    said = capsys.readouterr().out
    assert "alert(1)" in said
    assert not set(said) & STEERING


def test_a_suites_reports_show_it(tmp_path: Any) -> None:
    history, judgement = hostile()
    runs = [
        SuiteRun("n" + EVIL, "c" + EVIL, "01-x", history, judgement),
        SuiteRun("m" + EVIL, "d" + EVIL, "", None, None, EVIL),
    ]
    report = suites.report_of(sample.suite("s" + EVIL), "my" + EVIL.replace("/", ""), runs)
    texts = suites.files(report)
    assert is_obeyed(Page(texts["report.html"])) == []
    ET.fromstring(texts["junit.xml"])
    assert "<" not in texts["claims.md"]
    obeyed = texts["report.md"].replace("<details><summary>Steps</summary>", "").replace("</details>", "")
    assert "<" not in obeyed
    assert not set(obeyed + texts["metrics.prom"]) & STEERING
    for line in texts["claims.md"].splitlines():
        if line.startswith("| "):
            assert line.replace("\\|", "").count("|") == 6
    assert not set(texts["claims.md"]) & set("\x00\x01\x07\x08\x0b\x1b")
    out = io.StringIO()
    console = Console(file=out, width=120, highlight=False, markup=False, color_system=None)
    terminal.suite_summary(report, tmp_path, console=console)
    assert not set(out.getvalue()) & STEERING


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("![a](http://x.test/a.png)", "!\\[a\\](http://x.test/a.png)"),
        ("[a](javascript:alert(1))", "\\[a\\](javascript:alert(1))"),
        ("`a`", "\\`a\\`"),
        ("a\\|b", "a\\\\\\|b"),
        ("a\n\n# b", "a # b"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("a & b", "a &amp; b"),
    ],
)
def test_markdown_shows_it(text: str, shown: str) -> None:
    row = claims.markdown([claims.Claim(text, "x", Verdict.PASS, "fact")]).splitlines()[2]
    assert row == f"| {shown} | x | pass | fact |  |"


def test_what_is_to_be_changed_keeps_its_code() -> None:
    row = claims.markdown([claims.Claim("c", "x", Verdict.FAIL, "f", "let `clone` <b>")]).splitlines()[2]
    assert row == "| c | x | fail | f | let `clone` &lt;b> |"
