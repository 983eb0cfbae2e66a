"""The documentation's site in a real browser that can reach nothing, opened as files."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import axe
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from test_docs_site import build

pytestmark = pytest.mark.browser

PAGES = ["index.html", "reference/actions.html"]
SEARCH = "document.querySelector('[data-md-component=search-query]')"
FOUND = "document.querySelector('[data-md-component=search-result]').textContent"
DEADLINE_S = 30


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


def wait_for(chrome, expression):
    deadline = time.monotonic() + DEADLINE_S
    while not chrome.evaluate(expression):
        assert time.monotonic() < deadline, f"{expression} did not come true; {chrome.complaints()}"
        time.sleep(0.05)


@pytest.mark.parametrize("page", PAGES)
def test_the_site_is_searched_from_files_asks_for_nothing_from_elsewhere_and_the_console_stays_empty(
    chrome, site, page
):
    chrome.open(site / page)
    chrome.evaluate(f"{SEARCH}.focus()")
    chrome.call("Input.insertText", text="interrupt")
    wait_for(chrome, f"{FOUND}.includes('matching documents')")
    links = "[...document.querySelectorAll('.md-search-result__link')].map(a => a.href.split(/[?#]/)[0])"
    assert (site / "reference/actions.html").resolve().as_uri() in chrome.evaluate(links)
    asked = [url for url in chrome.requests() if not url.startswith(("data:", "about:", f"{site.resolve().as_uri()}/"))]
    assert asked == []
    assert chrome.complaints() == []


@pytest.mark.parametrize("page", [*PAGES, "verdicts.html", "troubleshooting.html", "reference/cli.html"])
def test_the_site_never_scrolls_sideways_on_a_phone(chrome, site, page):
    chrome.open(site / page, width=390)
    assert chrome.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_site_follows_light_and_dark(chrome, site):
    scheme = "document.body.dataset.mdColorScheme"
    chrome.open(site / PAGES[0], dark=True)
    wait_for(chrome, f"{scheme} === 'slate'")
    chrome.open(site / PAGES[0], dark=False)
    wait_for(chrome, f"{scheme} === 'default'")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing_serious_in_the_site(chrome, site, page, dark):
    chrome.open(site / page, dark=dark)
    wait_for(chrome, f"document.body.dataset.mdColorScheme === '{'slate' if dark else 'default'}'")
    assert axe.grave(axe.findings(chrome)) == []
