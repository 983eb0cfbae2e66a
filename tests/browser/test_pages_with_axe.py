"""axe-core on every page that hachaos draws, by day and by night, on a desk and on a phone."""

from __future__ import annotations

import axe
import pytest
import sample

from chaos import report

pytestmark = pytest.mark.browser

VIEWS = pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)],
    ids=["desktop", "desktop, dark", "phone", "phone, dark"],
)  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory, trend_page):
    found = {"trend": trend_page}
    for name, run in {
        "passing": sample.passing(), "failing": sample.failing(), "unknown": sample.unknown(),
        "baseline": sample.with_baseline(),
    }.items():  # fmt: skip
        folder = tmp_path_factory.mktemp(name)
        report.write(folder, *run)
        found[name] = folder / "report.html"
    folder = tmp_path_factory.mktemp("suite")
    report.write_suite(folder, sample.suite(), "published", sample.suite_runs())
    return found | {"suite": folder / "report.html"}


@VIEWS
@pytest.mark.parametrize("name", ["passing", "failing", "unknown", "baseline", "suite", "trend"])
def test_axe_finds_nothing(chrome, pages, name, width, dark):
    chrome.open(pages[name], width=width, dark=dark)
    assert axe.findings(chrome) == []


@pytest.mark.parametrize("defect", [
    ("<img src='data:,'>", "image-alt"), ("<button></button>", "button-name"),
    ("<p style='color: #bbb; background: #fff'>hardly to be seen</p>", "color-contrast"),
], ids=lambda defect: defect[1])  # fmt: skip
def test_axe_finds_what_is_wrong_with_a_page(chrome, tmp_path, defect):
    html, rule = defect
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><html lang='en'><title>x</title><main><h1>x</h1>{html}</main>")
    chrome.open(path)
    found = axe.grave(axe.findings(chrome))
    assert len(found) == 1
    assert f" {rule}: " in found[0]


def test_a_sound_page_has_no_findings(chrome, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("<!doctype html><html lang='en'><title>x</title><main><h1>x</h1><p>y</p></main>")
    chrome.open(path)
    assert axe.findings(chrome) == []
