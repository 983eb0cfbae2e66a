"""A suite's report.html in a real browser that can reach nothing."""

from __future__ import annotations

import pytest
import sample
from test_report_in_browser import CONTRAST

from chaos import report
from chaos.report.suite import SuiteRun

pytestmark = pytest.mark.browser

EVIL = f"<script>document.title='owned'</script><img src=http://x.test/ onerror=alert(1)>{'x' * 120}"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    found = {}
    hostile = [SuiteRun(EVIL, EVIL, "01-x", *sample.failing(EVIL)), SuiteRun(EVIL, EVIL, "", None, None, EVIL)]
    for name, stack, runs in (("usual", "published", sample.suite_runs()), ("hostile", EVIL, hostile)):
        folder = tmp_path_factory.mktemp(name)
        report.write_suite(folder, sample.suite(), stack, runs)
        for run in runs:
            if run.folder and run.history and run.judgement:
                (folder / run.folder).mkdir()
                report.write(folder / run.folder, run.history, run.judgement)
        found[name] = folder / "report.html"
    folder = tmp_path_factory.mktemp("baseline")
    report.write(folder, *sample.with_baseline())
    return found | {"baseline": folder / "report.html"}


@pytest.mark.parametrize("name", ["usual", "hostile", "baseline"])
def test_a_suites_page_asks_for_nothing_and_the_console_stays_empty(chrome, pages, name):
    chrome.open(pages[name])
    assert [url for url in chrome.requests() if not url.startswith("data:")] == [pages[name].resolve().as_uri()]
    assert chrome.complaints() == []
    assert "owned" not in chrome.evaluate("document.title")


@pytest.mark.parametrize("name", ["usual", "hostile", "baseline"])
@pytest.mark.parametrize("width", [1280, 768, 390])
def test_a_suites_page_never_scrolls_sideways(chrome, pages, name, width):
    chrome.open(pages[name], width=width)
    assert chrome.evaluate("document.querySelectorAll('details').forEach(d => d.open = true) || 1") == 1
    assert chrome.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["usual", "baseline"])
def test_a_suites_letters_stand_out(chrome, pages, name, dark):
    chrome.open(pages[name], dark=dark)
    assert chrome.evaluate("document.querySelectorAll('details').forEach(d => d.open = true) || 1") == 1
    assert chrome.evaluate(CONTRAST) == []


def test_long_cells_are_wide_enough_to_be_read(chrome, pages):
    width = "(n => document.querySelector(`.claims tbody td:nth-child(${n})`).getBoundingClientRect().width)"
    chrome.open(pages["usual"])
    assert chrome.evaluate(f"{width}(4)") > 200
    assert chrome.evaluate(f"{width}(5)") > 250
    chrome.open(pages["usual"], width=390)
    assert chrome.evaluate(f"{width}(5)") > 300


def test_each_scenarios_link_leads_to_its_own_report(chrome, pages):
    chrome.open(pages["usual"])
    links = chrome.evaluate("[...document.querySelectorAll('.claims a')].map(a => a.href)")
    runs = [run.folder for run in sample.suite_runs() if run.folder]
    assert links == [(pages["usual"].parent / run / "report.html").as_uri() for run in runs]
    assert all((pages["usual"].parent / run / "report.html").is_file() for run in runs)
