"""The trend page in a real browser that can reach nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest
from chrome import Chrome
from test_report_in_browser import CONTRAST

from chaos.past import trend
from chaos.past.index import past
from chaos.past.standing import standings

sys.path.insert(0, str(Path(__file__).parents[1] / "unit/past"))
from made import run, write

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chrome():
    with Chrome() as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Scenarios that are slower, flaky, broken and new, and one whose words are hostile."""
    reports, draw = tmp_path_factory.mktemp("reports"), Random(3)

    def add(number, scenario, verdict="pass", factor=1.0, **also):
        load = factor * draw.lognormvariate(0, 0.2)
        figures = {"reads_s": 2 * load, "writes_s": 3 * load, "recovered_s": 4 * load}
        write(reports, run(number, verdict, folder=f"{scenario}-{number}", scenario=scenario, **figures, **also))

    for number in range(40):
        add(number, "kill-master", factor=1.7 if number > 34 else 1.0)
        add(number, "drain-node", "fail" if number % 4 == 2 else "pass", reason="2 acknowledged writes are lost " * 4)
    for number in range(14):
        add(number, "mysql-shrink", "pass" if number < 11 else "unknown", reason="the site did not come back")
    evil = f"<script>document.title='owned'</script><img src=http://x.test/ onerror=alert(1)>{'x' * 120}"
    add(1, "kill-replica", "fail", stack=evil, reason=evil)
    found = past(reports)
    path = reports / "trend.html"
    path.write_text(
        trend.render(standings(found.runs, every_s=86400.0, now=found.runs[-1].began), found, reports, path)
    )
    return path


def test_the_trend_asks_for_nothing_and_the_console_stays_empty(chrome, page):
    chrome.open(page)
    assert [url for url in chrome.requests() if not url.startswith("data:")] == [page.resolve().as_uri()]
    assert chrome.complaints() == []
    assert chrome.evaluate("document.querySelectorAll('script, img, iframe, [onload], [onerror]').length") == 0


@pytest.mark.parametrize("width", [1280, 768, 390])
def test_the_trend_never_scrolls_sideways(chrome, page, width):
    chrome.open(page, width=width)
    assert chrome.evaluate("document.querySelectorAll('details').forEach(d => d.open = true) || 1") == 1
    assert chrome.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_letters_of_the_trend_stand_out_from_what_is_behind_them(chrome, page, dark):
    chrome.open(page, dark=dark)
    assert chrome.evaluate("document.querySelectorAll('details').forEach(d => d.open = true) || 1") == 1
    assert chrome.evaluate(CONTRAST) == []


def test_every_link_of_the_trend_leads_to_something_named(chrome, page):
    chrome.open(page)
    assert chrome.evaluate("[...document.querySelectorAll('a')].filter(a => !a.textContent.trim()).length") == 0
    inner = "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.querySelector(a.hash)).length"
    assert chrome.evaluate(inner) == 0
