from __future__ import annotations

import hashlib
import itertools
import re
import time
from collections import Counter
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
import sample
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.history import ClusterEvent, Contents, History, Read, ReplicaSeen
from chaos.report import html, reproduce, svg, words
from chaos.report.summary import summarise
from chaos.verdict import CheckResult, Outage, Verdict

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
    assert ids == ["claims", "timeline", "steps", "details", "latency", "recovery", "reproduce"]


def recovered(history, judgement) -> list[list[str]]:
    """The rows of the section on time to recovery, cell by cell."""
    text = html.render(summarise(history, judgement), "folder").split('<h2 id="recovery">')[1].split("</section>")[0]
    rows = re.findall(r"<tr.*?</tr>", text)[1:]
    return [[re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


def test_the_time_to_recovery_is_split_into_its_parts():
    first, second = recovered(*sample.passing())
    assert first[0].endswith("fault at 0:14.0, followed on mysql-0")
    assert first[1:] == ["+0.05 s", "+0.80 s", "not seen", "not seen", "+1.90 s", "+3.00 s", "+3.15 s", "3.60 s"]
    assert second[7] == "never stopped"


def test_a_part_of_the_recovery_that_was_not_seen_is_said_to_be_so():
    [row] = recovered(*sample.unknown())
    assert row[5:8] == ["+1.90 s", "not seen", "not seen"]
    assert row[8].startswith("not ")


def test_a_step_without_a_fault_has_no_time_to_recovery():
    names = [row[0] for row in recovered(*sample.with_baseline())]
    assert len(names) == 1
    assert "delete the master's pod".replace("'", "&#x27;") in names[0].replace("&#39;", "&#x27;")
    history, judgement = sample.passing()
    quiet = replace(judgement, steps=())
    assert "There was no fault to recover from." in page(history, quiet).said()


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
    for state in ("being terminated", "pending", "running, not ready", "ready"):
        assert f"<title>mysql-0: {state}" in text


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


def test_an_hour_in_which_everything_flaps_is_still_a_small_page():
    history, judgement = sample.passing(sample.Shape(until=3600.0, faults=(14.0, 1800.0), rate=1.0))
    pods = [f"wordpress-{n:02}" for n in range(30)]
    streams = [("reads", "service"), ("writes", "row"), ("writes", "post"), *(("reads", pod) for pod in pods)]
    outages = tuple(
        replace(sample._outage(kind, via, 10 + 2 * n, 0.3, 0.05)) for kind, via in streams for n in range(1500)
    )
    first = judgement.steps[0]
    check = CheckResult("availability", Verdict.PASS, "often out", {}, outages)
    judged = replace(judgement, steps=(replace(first, checks=(check,)),))
    more = [Read(pod, at, at, at + 0.1, True) for pod in pods for at in (20.0, 3500.0)]
    for n in range(1800):
        more += [sample._pod(2.0 * n, pod, pod, "site", "node-1", "Running", ready=n % 2 == 0) for pod in pods]
        more.append(ReplicaSeen(2.0 * n, "mysql-1", "", True, "Yes" if n % 2 else "No", "Yes", n, "", "", ""))
    text = html.render(summarise(History([*history, *more]), judged), "folder")
    assert len(text.encode()) < 1_000_000
    assert "too close to be drawn apart" in text


@given(st.lists(st.tuples(st.floats(0, 3600), st.floats(0.001, 50)), min_size=1, max_size=100))
@settings(deadline=None, max_examples=20)
def test_the_longest_answer_is_named_in_the_drawing(answers):
    reads = [Read("service", due, due, due + took, True) for due, took in answers]
    history = History([*(r for r in sample.records() if not isinstance(r, Read)), *reads])
    text = svg.timeline(summarise(history, sample.passing()[1]))[1]
    longest = max(read.end - read.due for read in reads)
    assert f"<title>Reads: the longest took {words.latency(longest)}, at " in text


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 5)), max_size=40, unique_by=lambda one: one[0]))
@settings(deadline=None, max_examples=20)
def test_no_outage_is_missing_from_the_drawing(found):
    history, judgement = sample.passing()
    outages = tuple(Outage("writes", "row", at, at, at + lasts, at + lasts, 2) for at, lasts in found)
    first = judgement.steps[0]
    check = CheckResult("availability", Verdict.PASS, "", {}, outages)
    summary = summarise(history, replace(judgement, steps=(replace(first, checks=(check,)),)))
    text = svg.timeline(summary)[1]
    bars = [attrs for tag, attrs, _ in Page(text).items if tag == "rect" and attrs["class"] in ("certain", "flapping")]
    drawn = [(percent(bar["x"]), percent(bar["x"]) + percent(bar["width"])) for bar in bars]
    for at, lasts in found:
        left, right = (min(moment / summary.duration_s, 1) * 100 for moment in (at, at + lasts))
        assert any(begin <= left + 0.01 and right <= end + 0.01 for begin, end in drawn)


def test_the_bars_of_a_spread_count_every_answer():
    summary = summarise(*sample.passing())
    found = page(*sample.passing())
    said = [data for tag, data in found.text if tag == "title" and re.search(r"answers?$", data)]
    counted = sum(int(re.search(r"([\d,]+) answers?$", data)[1].replace(",", "")) for data in said)
    assert counted == sum(one.answered for one in summary.latencies)


def test_a_run_names_its_claim_what_decided_and_the_line_to_change():
    history, judgement = sample.failing()
    begun = replace(history.run, stack={"profile": "published"})
    known = {"key": "lost-row", "text": "57 rows were lost", "before": False}
    first = judgement.steps[0]
    checks = (CheckResult("continuity", Verdict.FAIL, "x", {"findings": [known], "lost": 57}),)
    step = replace(first, checks=checks, step=replace(first.step, action="delete-volume"))
    said = page(History([begun, *history.records[1:]]), replace(judgement, steps=(step,))).said()
    assert said.count("57 rows were lost.") >= 2
    assert re.search(r"manifests/published/mysql-statefulset\.yaml:\d+", said)
    assert "A failed master comes back by itself with its data." in said


def test_every_lost_write_is_in_the_page_and_nothing_is_where_none_was_lost():
    history, judgement = sample.failing()
    gone = {"row": {"number": 57, "ids": "3-58, 60", "first_at_s": 1.2, "last_at_s": 13.9}}
    first = judgement.steps[0]
    checks = (CheckResult("continuity", Verdict.FAIL, "x", {"lost": 57, "acknowledged": 262, "lost_writes": gone}),)
    text = html.render(summarise(history, replace(judgement, steps=(replace(first, checks=checks),))), "folder")
    assert '<span class="ids">3-58, 60</span>' in text
    assert '<a href="#lost-step-1">57</a>' in text
    assert "Writes that were lost" not in page(*sample.passing()).said()


def test_names_of_outages_hide_neither_each_other_nor_another_outage():
    history, judgement = sample.passing()
    spans = ((10.0, 12.0), (13.0, 13.5), (14.0, 15.0), (40.0, 41.0))
    outages = tuple(Outage("reads", "service", a - 0.1, a, b, b + 0.1, 9) for a, b in spans)
    first = judgement.steps[0]
    check = CheckResult("availability", Verdict.PASS, "", {}, outages)
    text = svg.timeline(summarise(history, replace(judgement, steps=(replace(first, checks=(check,)),))))[1]
    named = [data for tag, data in Page(text).text if tag == "text" and " – " in data]
    assert named == [words.bounds(outages[2]), words.bounds(outages[3])]


def test_the_longest_outage_bears_its_name_on_its_left_where_another_follows_at_once():
    history, judgement = sample.passing()
    spans = ((30.0, 33.0), (33.5, 34.0))
    outages = tuple(Outage("reads", "service", a - 0.1, a, b, b + 0.1, 9) for a, b in spans)
    first = judgement.steps[0]
    check = CheckResult("availability", Verdict.PASS, "", {}, outages)
    text = svg.timeline(summarise(history, replace(judgement, steps=(replace(first, checks=(check,)),))))[1]
    named = [data for tag, data in Page(text).text if tag == "text" and " – " in data]
    assert named == [words.bounds(one) for one in outages]
    assert f'text-anchor="end">{words.bounds(outages[0])}<' in text


def test_an_outage_of_most_of_the_run_bears_its_name_although_another_follows():
    history, judgement = sample.passing()
    outages = (Outage("writes", "row", 9.0, 10.0, 60.0, None, 9), Outage("writes", "row", 9.0, 64.0, 66.0, None, 9))
    first = judgement.steps[0]
    check = CheckResult("availability", Verdict.PASS, "", {}, outages)
    text = svg.timeline(summarise(history, replace(judgement, steps=(replace(first, checks=(check,)),))))[1]
    assert f'class="inside-name" x="{10 / 68 * 100:g}'[:28] in text


def test_what_it_takes_to_run_it_again_is_told():
    history, judgement = sample.passing()
    stack = {
        "profile": "hardened", "source": "my-stack.yaml", "images": {"mysql/mysql": "mysql:8"},
        "image_digests": {"mysql/mysql": "sha256:12ab"}, "manifests_sha256": "34cd",
    }  # fmt: skip
    begun = replace(history.run, stack=stack, plan=history.run.plan | {"baseline": "record"})
    said = page(History([begun, *history.records[1:]]), judgement).said()
    assert "hachaos run scenarios/kill-master.yaml --stack my-stack.yaml --baseline record" in said
    assert "mysql:8 sha256:12ab" in said
    assert "34cd" in said
    assert hashlib.sha256(begun.scenario_text.encode()).hexdigest() in said


@pytest.mark.parametrize(
    ("stack", "plan", "told"),
    [
        ({"target": "local/hachaos"}, {}, ""),
        ({"target": "local/nightly"}, {"destructive": True}, " --name nightly"),
        ({"target": "context/team/staging"}, {}, " --context team/staging"),
        ({"target": "context/a b"}, {"destructive": True}, " --context 'a b' --allow-destructive"),
        (
            {"target": "in-cluster"},
            {"baseline": "record", "destructive": True},
            " --in-cluster --baseline record --allow-destructive",
        ),
        ({"target": "local/hachaos"}, {"steps": [{"action": "drain-node"}]}, " --allow-nodes"),
        ({}, {"steps": [{"action": "of-an-extension"}]}, ""),
    ],
)
def test_the_command_that_runs_it_again_has_what_the_run_needed(stack, plan, told):
    history, judgement = sample.passing()
    begun = replace(history.run, stack={"profile": "hardened"} | stack, plan=history.run.plan | plan)
    section = reproduce.section(summarise(History([begun, *history.records[1:]]), judgement), "folder")
    command = re.search(r'aria-label="Command">([^<]*)<', section)
    assert unescape(command[1]) == f"hachaos run scenarios/kill-master.yaml --stack hardened{told}"


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


def test_where_lost_writes_still_are_is_told_with_their_ids_by_pod():
    history, judgement = sample.failing()
    whole = {"first_at_s": 1.0, "last_at_s": 2.0}
    still = [
        {"what": "post", "on": ["mysql-1"], "number": 102, "ids": "7, 9, ... 209"} | whole,
        {"what": "row", "on": ["mysql-1", "mysql-2"], "number": 3, "ids": "1-3"} | whole,
        {"what": "row", "on": [], "number": 137, "ids": "4-140"} | whole,
    ]
    lost = {"row": {"number": 140, "ids": "1-140"} | whole, "post": {"number": 102, "ids": "7, 9, ... 209"} | whole}
    figures = {"lost": 242, "acknowledged": 262, "lost_writes": lost}
    step = judgement.steps[0]
    for more, wanted in (({"lost_still_on": still}, True), ({}, False)):
        checks = (CheckResult("continuity", Verdict.FAIL, "x", figures | more),)
        said = " ".join(page(history, replace(judgement, steps=(replace(step, checks=checks),))).said().split())
        for told in ("Posts 102 only mysql-1 7, 9, ... 209", "SQL rows 3 mysql-1, mysql-2 1-3", "137 no pod 4-140"):
            assert (told in said) == wanted


def test_of_readers_that_were_in_and_out_it_is_said_how_much_was_bad_and_which_pod_was_worst():
    text = html.render(summarise(*sample.flapping()), "folder")
    tile = re.search(r"<div class=bad><dt>Reads</dt><dd>(.*?)</dd>", text)
    assert tile
    assert re.match(r"\d+ of \d+ bad ", tile[1])
    for told in (
        "in 7 outages, longest 0.32 – 0.57 s",
        "not back at the end",
        "one pod, wordpr…9b8-9vjtr: 29.6 s or longer",
    ):
        assert f"<small>{told}</small>" in tile[1]


def test_one_outage_is_told_by_its_bounds_alone_and_is_not_marked_where_it_was_allowed():
    text = html.render(summarise(*sample.passing()), "folder")
    assert "<div><dt>Reads out, longest</dt><dd>1.92 – 2.17 s</dd>" in text
    assert "<div class=bad>" not in text


def test_rows_and_posts_are_told_apart_where_both_were_out():
    text = html.render(summarise(*sample.flapping()), "folder")
    assert "<div class=bad><dt>SQL rows out, longest</dt><dd>19.8 s or longer</dd>" in text
    assert "<div><dt>Posts out, longest</dt><dd>5.34 – 6.54 s</dd>" in text
    assert "<dt>Writes out" not in text
    history, judgement = sample.failing()
    only = tuple(o for o in judgement.steps[0].checks[0].outages if o.via != "post")
    step = replace(judgement.steps[0], checks=(replace(judgement.steps[0].checks[0], outages=only),))
    assert "<dt>Writes out, longest" in html.render(summarise(history, replace(judgement, steps=(step,))), "folder")


def test_the_name_of_a_step_or_a_fault_that_has_no_room_is_shortened_or_left_out_and_never_cut():
    assert svg.fitted("Baseline", 8) == "Baseline"
    assert svg.fitted("Baseline", 4) == ""
    assert svg.fitted("delete the master's pod", 12) == "delete the…"
    drawn = svg.timeline(summarise(*sample.with_baseline()))[1]
    assert ">wait a little</text>" not in drawn
    assert "wait a little</title>" in drawn
