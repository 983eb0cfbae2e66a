"""report.html in a real browser that can reach nothing."""

from __future__ import annotations

import pytest
import sample
import test_report_injection

pytestmark = pytest.mark.browser

CONTRAST = """(() => {
  const lum = c => { const [r,g,b] = c.map(v => (v/=255) <= .03928 ? v/12.92 : ((v+.055)/1.055)**2.4);
    return .2126*r + .7152*g + .0722*b; };
  const rgb = s => (s.match(/[\\d.]+/g) || []).map(Number);
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
  const bad = [];
  for (const e of document.querySelectorAll('main *, footer')) {
    if (e.closest('svg') || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const a = lum(rgb(getComputedStyle(e).color).slice(0, 3)), b = lum(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push([e.tagName, e.className, e.textContent.slice(0, 30), ratio]);
  }
  return bad; })()"""


@pytest.fixture(scope="module")
def pages(reports_of):
    evil = f"<script>document.title='owned'</script><img src=http://x.test/ onerror=alert(1)>{'x' * 120}"
    return reports_of(
        passing=sample.passing(),
        failing=sample.failing(),
        unknown=sample.unknown(),
        hostile=sample.failing(evil),
        spoilt=test_report_injection.hostile(),
    )


@pytest.mark.parametrize("name", ["passing", "failing", "unknown", "hostile", "spoilt"])
def test_a_report_asks_for_nothing_and_the_console_stays_empty(chrome, pages, name):
    chrome.open(pages[name])
    assert [url for url in chrome.requests() if not url.startswith("data:")] == [pages[name].resolve().as_uri()]
    assert chrome.complaints() == []
    assert chrome.evaluate("document.title") != "owned"
    assert chrome.evaluate("document.querySelectorAll('script, img, iframe, [onload], [onerror]').length") == 0


@pytest.mark.parametrize("name", ["passing", "failing", "unknown", "hostile"])
@pytest.mark.parametrize("width", [1280, 768, 390])
def test_the_page_never_scrolls_sideways(chrome, pages, name, width):
    chrome.open(pages[name], width=width)
    assert chrome.evaluate("document.querySelectorAll('details').forEach(d => d.open = true) || 1") == 1
    assert chrome.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["passing", "failing", "unknown"])
def test_letters_stand_out_from_what_is_behind_them(chrome, pages, name, dark):
    chrome.open(pages[name], dark=dark)
    assert chrome.evaluate("document.querySelectorAll('details').forEach(d => d.open = true) || 1") == 1
    assert chrome.evaluate(CONTRAST) == []


def test_dark_mode_is_followed(chrome, pages):
    chrome.open(pages["passing"], dark=True)
    dark = chrome.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    chrome.open(pages["passing"], dark=False)
    assert dark != chrome.evaluate("getComputedStyle(document.documentElement).backgroundColor")


def test_labels_line_up_with_their_rows(chrome, pages):
    chrome.open(pages["passing"])
    apart = chrome.evaluate(
        "(() => { const b = q => document.querySelector(q).getBoundingClientRect();"
        "return [b('.labels').top - b('.timeline').top, b('.labels').bottom - b('.timeline').bottom]; })()"
    )
    assert apart == pytest.approx([0, 0], abs=1)


def test_a_check_opens_by_keyboard(chrome, pages):
    chrome.open(pages["passing"])
    assert chrome.evaluate("document.querySelector('.check').open") is False
    chrome.evaluate("document.querySelector('.check > summary').focus()")
    for kind in ("keyDown", "keyUp"):
        chrome.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13)
    assert chrome.evaluate("document.querySelector('.check').open") is True


def test_paper_shows_what_is_folded_on_the_screen(chrome, pages):
    chrome.open(pages["passing"], media="print")
    assert chrome.evaluate("document.querySelector('.check .inside').getBoundingClientRect().height") > 0


def test_paper_is_light_even_where_the_screen_is_dark(chrome, pages):
    chrome.open(pages["failing"], media="print", dark=True)
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert chrome.evaluate(ground) == "rgb(255, 255, 255)"
    assert chrome.evaluate(CONTRAST) == []


@pytest.mark.parametrize("name", ["passing", "failing", "hostile"])
def test_nothing_is_cut_off_at_the_edge_of_a_sheet(chrome, pages, name):
    chrome.open(pages[name], media="print", width=700)
    right = "[...document.querySelectorAll('table, .figure, pre')].map(e => e.getBoundingClientRect().right)"
    assert max(chrome.evaluate(right)) <= 701


@pytest.mark.parametrize("width", [1280, 390])
def test_the_ids_of_lost_writes_have_room(chrome, pages, width):
    chrome.open(pages["failing"], width=width)
    assert chrome.evaluate("document.querySelector('.lost td:last-child').getBoundingClientRect().width") > 200


def test_the_page_is_walked_through_by_keyboard(chrome, pages):
    chrome.open(pages["failing"])
    seen = []
    for _ in range(6):
        for kind in ("rawKeyDown", "keyUp"):
            chrome.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        seen.append(chrome.evaluate("document.activeElement.textContent.slice(0, 40)"))
    assert seen[0] == "Skip to the timeline"
    assert "57" in seen
    assert any("delete the master's pod" in each for each in seen)


@pytest.mark.parametrize("name", ["passing", "failing", "unknown"])
def test_the_timeline_is_whole_on_a_phone(chrome, pages, name):
    chrome.open(pages[name], width=390)
    assert (
        chrome.evaluate(
            "(() => { const f = document.querySelector('.figure'); return f.scrollWidth - f.clientWidth; })()"
        )
        <= 1
    )
