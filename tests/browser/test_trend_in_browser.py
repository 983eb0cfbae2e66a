"""The trend page in a real browser that can reach nothing."""

from __future__ import annotations

import pytest
from test_report_in_browser import CONTRAST

pytestmark = pytest.mark.browser


@pytest.fixture
def page(trend_page):
    return trend_page


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
