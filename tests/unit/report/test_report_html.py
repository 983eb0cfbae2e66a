from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import sample

from chaos.history import ClusterEvent, Contents, History, Read
from chaos.report import html, svg
from chaos.report.summary import summarise

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x00]]>"
VOID = {"meta", "link", "br", "img", "hr", "input", "path", "rect", "line", "circle", "polyline"}
NOT_CLOSED = {"meta", "link", "br", "img", "hr", "input"}
MARKS = {"rect", "line", "text", "svg"}


class Page(HTMLParser):
    """What a page is made of; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.items: list[tuple[str, dict[str, str | None], int]] = []
        self.open: list[str] = []
        self.text: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.items.append((tag, dict(attrs), self.open.count("svg")))
        if tag not in NOT_CLOSED:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.items.append((tag, dict(attrs), self.open.count("svg")))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.text.append((self.open[-1], data))

    def said(self) -> str:
        return " ".join(data for tag, data in self.text if tag != "style")


def page(history, judgement) -> Page:
    return Page(html.render(summarise(history, judgement), "folder"))


@pytest.fixture(params=[sample.passing, sample.failing, sample.unknown], ids=["passing", "failing", "unknown"])
def run(request):
    return request.param()


def test_there_is_one_h1_and_no_heading_skips_a_level(run):
    levels = [int(tag[1]) for tag, _, _ in page(*run).items if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_sections_come_in_the_order_of_a_readers_questions(run):
    ids = [attrs["id"] for tag, attrs, _ in page(*run).items if tag == "h2"]
    assert ids == ["claims", "steps", "timeline", "details", "latency", "reproduce"]


def test_every_header_cell_says_what_it_heads(run):
    heads = [attrs for tag, attrs, _ in page(*run).items if tag == "th"]
    assert heads
    assert all(attrs.get("scope") in ("row", "col") for attrs in heads)


def test_the_drawing_has_a_title_and_a_description(run):
    found = page(*run)
    drawing = next(attrs for tag, attrs, _ in found.items if tag == "svg" and "timeline" in (attrs.get("class") or ""))
    ids = {attrs.get("id") for tag, attrs, _ in found.items if tag in ("title", "desc")}
    assert set(drawing["aria-labelledby"].split()) <= ids


def test_ids_are_unique_and_links_lead_somewhere(run):
    found = page(*run)
    ids = [attrs["id"] for _, attrs, _ in found.items if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert all(attrs["href"][1:] in ids for tag, attrs, _ in found.items if tag == "a")


def test_nothing_is_asked_of_anywhere(run):
    found = page(*run)
    assert not found.tags.keys() & {"script", "img", "iframe", "object", "embed", "form", "base"}
    for _, attrs, _ in found.items:
        assert not [name for name in attrs if name.startswith("on")]
        for name in ("src", "href", "data", "action"):
            assert (attrs.get(name) or "#").startswith(("#", "data:,"))
    text = html.render(summarise(*run), "folder")
    assert "@import" not in text
    assert all(link.startswith("#") for link in re.findall(r"url\(([^)]*)\)", text))


def test_the_verdict_is_a_word_and_a_sign_not_only_a_colour():
    for run, word, sign in (
        (sample.passing, "passed", "✓"),
        (sample.failing, "failed", "✗"),
        (sample.unknown, "unknown", "?"),
    ):
        said = page(*run()).said()
        assert word in said
        assert sign in said


def test_a_failing_report_tells_what_was_lost_and_what_to_do():
    said = page(*sample.failing()).said()
    assert "57 acknowledged writes were lost." in said
    assert "let ordinal 0 clone from a replica as well" in said
    assert "row-00000000" in said
    assert "and 37 more, in report.json" in said


def test_text_from_the_cluster_stays_text():
    history, judgement = sample.failing(EVIL)
    records = [*history, ClusterEvent(15.0, f"pod/{EVIL}", EVIL, EVIL)]
    evil = [Read(EVIL, 15.0, 15.0, 15.1, False, EVIL)]
    found = page(History([*records, *evil]), judgement)
    assert not found.tags.keys() & {"script", "img"}
    assert not [attrs for _, attrs, _ in found.items for name in attrs if name.startswith("on")]
    assert "<script>alert(1)</script>" in found.said()
    assert "\x00" not in html.render(summarise(History(records), judgement), EVIL)


def percent(value: str) -> float:
    assert value.endswith("%"), value
    return float(value[:-1])


def test_every_mark_lies_within_the_drawing(run):
    text = svg.timeline(summarise(*run))[1]
    height = float(re.search(r'height="(\d+)"', text)[1])
    for tag, attrs, depth in Page(text).items:
        if tag not in MARKS or depth != 1:
            continue
        for name in ("x", "x1", "x2"):
            if (attrs.get(name) or "0") != "0":
                assert 0 <= percent(attrs[name]) <= 100
        if (attrs.get("width") or "").endswith("%"):
            left = 0 if attrs["x"] == "0" else percent(attrs["x"])
            assert left + percent(attrs["width"]) <= 100.01
        for name in ("y", "y1", "y2"):
            if name in attrs:
                assert 0 <= float(attrs[name]) <= height
        if "height" in attrs and "y" in attrs:
            assert float(attrs["y"]) + float(attrs["height"]) <= height


def test_labels_are_as_high_as_the_drawing(run):
    labels, text = svg.timeline(summarise(*run))
    assert sum(label.height for label in labels) == int(re.search(r'height="(\d+)"', text)[1])


def test_an_outage_is_drawn_certain_between_its_inner_bounds_and_possible_out_to_the_outer_ones():
    history, judgement = sample.passing()
    text = svg.timeline(summarise(history, judgement))[1]
    reads = [attrs for tag, attrs, _ in Page(text).items if tag == "rect" and attrs["class"] in ("possible", "certain")]
    before, after, certain = (attrs for attrs in reads[:3])
    at = lambda attrs: percent(attrs["x"]) * 0.68  # noqa: E731
    assert at(before) == pytest.approx(13.96, abs=0.01)
    assert at(certain) == pytest.approx(14.16, abs=0.01)
    assert at(after) == pytest.approx(16.075, abs=0.01)
    assert at(after) + percent(after["width"]) * 0.68 == pytest.approx(16.125, abs=0.01)


def test_a_pods_life_is_drawn_state_by_state():
    text = svg.timeline(summarise(*sample.passing()))[1]
    for words in ("mysql-0: being terminated", "mysql-0: pending", "mysql-0: running, not ready", "mysql-0: ready"):
        assert f"<title>{words}" in text


def test_an_hour_of_200_000_records_is_drawn_small_and_soon():
    shape = sample.Shape(until=3600.0, rate=36.0)
    history = History(sample.records(shape))
    assert len(history.records) > 200_000
    # A site that flaps all the time must not make the drawing any bigger.
    flapping = [
        Read("service", n / 2, n / 2, n / 2 + 0.01, n % 2 == 0, "refused" if n % 2 else "") for n in range(3600 * 2)
    ]
    history = History([*history, *flapping])
    judgement = sample.passing(shape)[1]
    began = time.process_time()
    text = html.render(summarise(history, judgement), "folder")
    assert time.process_time() - began < 15
    assert len(text.encode()) < 2_000_000


def test_many_outages_are_drawn_merged_and_counted_whole():
    history, judgement = sample.passing(sample.Shape(until=3600.0, faults=(14.0, 1800.0)))
    outages = tuple(sample._outage("reads", "service", 100 + n, 0.3, 0.05) for n in range(3000))
    first = judgement.steps[0]
    check = type(first.checks[0])("availability", first.verdict, "often out", {}, outages)
    judged = type(judgement)(judgement.verdict, (type(first)(first.step, first.verdict, (check,)),), "")
    summary = summarise(history, judged)
    assert len(summary.outages) == 3000
    text = html.render(summary, "folder")
    assert "3,000 outages in this step" in text
    assert len(text.encode()) < 1_000_000


def test_what_a_pod_holds_never_gets_into_the_page():
    history, judgement = sample.passing()
    held = Contents(60.0, 1, "mysql-0", True, "", "0-1-9", tuple((n, f"secret-token-{n}") for n in range(10)))
    assert "secret-token" not in html.render(summarise(History([*history, held]), judgement), "folder")


def test_figures_that_say_the_same_of_several_streams_stand_side_by_side():
    history, judgement = sample.passing()
    streams = {name: {"requests": n, "good": n, "outages": 0} for n, name in enumerate(("reads", "rows", "posts"))}
    first = judgement.steps[0]
    check = type(first.checks[0])("availability", first.verdict, "", {**streams, "limit_s": 30.0})
    judged = type(judgement)(judgement.verdict, (type(first)(first.step, first.verdict, (check,)),), "")
    text = html.render(summarise(history, judged), "folder")
    assert '<th scope="col">reads</th><th scope="col">rows</th><th scope="col">posts</th>' in text
    assert '<th scope="row">requests</th><td>0</td><td>1</td><td>2</td>' in text
    assert '<th scope="row">limit</th><td>30.0 s</td>' in text


def test_figures_that_came_by_port_forward_say_so():
    history, judgement = sample.passing()
    assert "port-forward" not in page(history, judgement).said()
    begun = history.run
    way = replace(begun, stack=begun.stack | {"reach": "port-forward"})
    forwarded = History([way if record is begun else record for record in history.records])
    assert "by a port-forward through the API server" in page(forwarded, judgement).said()
