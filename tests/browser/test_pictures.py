"""What people see of a report, looked at as a picture: wide and narrow, by day and by night."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest
import sample
from chrome import Chrome

pytestmark = pytest.mark.browser

# The picture is made small, so that a spot of it stands for all that is around.
LOOK = """(async () => {
  const image = new Image();
  image.src = 'data:image/png;base64,%s';
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 256});
  const ink = canvas.getContext('2d');
  ink.drawImage(image, 0, 0, 64, 256);
  const dots = ink.getImageData(0, 0, 64, 256).data, seen = new Map();
  let light = 0;
  for (let n = 0; n < dots.length; n += 4) {
    light += .2126 * dots[n] + .7152 * dots[n + 1] + .0722 * dots[n + 2];
    const colour = `${dots[n]} ${dots[n + 1]} ${dots[n + 2]}`;
    seen.set(colour, (seen.get(colour) || 0) + 1);
  }
  return [image.naturalWidth, image.naturalHeight, light / (dots.length / 4) / 255,
          Math.max(...seen.values()) / (dots.length / 4)];
})()"""

# A step's name begins 6 pixels within its box.
CUT = """[...document.querySelectorAll('.step-name')].filter(name =>
  name.getComputedTextLength() && name.getComputedTextLength() + 6 > name.parentElement.width.baseVal.value
).map(name => name.textContent)"""

TOUCHING = """(() => {
  const names = [...document.querySelectorAll('.spreads .tick')].map(e => [e.textContent, e.getBoundingClientRect()]);
  const touch = (a, b) =>
    a.left < b.right + 2 && b.left < a.right + 2 && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
  return names.flatMap(([one, a], n) => names.slice(n + 1).filter(([_, b]) => touch(a, b)).map(([two]) => [one, two]));
})()"""


@dataclass(frozen=True)
class Seen:
    """A picture's size in pixels, its mean brightness (1: white), and the share of it that is of one colour."""

    width: int
    height: int
    light: float
    empty: float


@pytest.fixture(scope="module")
def pages(reports_of, tmp_path_factory):
    found = reports_of(passing=sample.passing(), failing=sample.failing(), baseline=sample.with_baseline())
    found["blank"] = tmp_path_factory.mktemp("blank") / "report.html"
    found["blank"].write_text("<!doctype html><html lang=en><title>x</title><body style='height: 3000px'>")
    found["wide"] = tmp_path_factory.mktemp("wide") / "report.html"
    found["wide"].write_text("<!doctype html><html lang=en><title>x</title><body><p style='width: 2000px'>x</p>")
    return found


def seen(chrome: Chrome) -> Seen:
    return Seen(*chrome.evaluate(LOOK % base64.b64encode(chrome.picture()).decode()))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["passing", "failing"])
def test_a_report_is_drawn_as_wide_as_its_window_and_light_or_dark(chrome, pages, name, width, dark):
    chrome.open(pages[name], width=width, dark=dark)
    found = seen(chrome)
    assert found.width == width
    assert found.height > 2000
    assert found.empty < 0.9
    assert found.light < 0.25 if dark else found.light > 0.8


def test_a_page_that_is_blank_too_wide_or_not_dark_is_seen_to_be_so(chrome, pages):
    chrome.open(pages["blank"], dark=True)
    blank = seen(chrome)
    assert (blank.light, blank.empty) == (pytest.approx(1), 1)
    chrome.open(pages["wide"])
    assert seen(chrome).width > 1280


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["passing", "failing", "baseline"])
def test_no_name_in_a_drawing_is_cut_or_runs_into_another(chrome, pages, name, width):
    chrome.open(pages[name], width=width)
    assert chrome.evaluate(CUT) == []
    assert chrome.evaluate(TOUCHING) == []


def test_names_that_are_cut_or_run_into_each_other_are_seen(chrome, pages):
    chrome.open(pages["passing"])
    chrome.evaluate("[...document.querySelectorAll('.step-name.wide')].forEach(e => e.textContent += 'x'.repeat(200))")
    assert len(chrome.evaluate(CUT)) == 2
    chrome.evaluate("[...document.querySelectorAll('.spreads .tick')].forEach(e => e.setAttribute('x', 0))")
    assert chrome.evaluate(TOUCHING)
