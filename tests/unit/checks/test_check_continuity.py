"""Continuity: each acknowledged write on every pod, once, and nothing that was not written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import FAULT, READING, READY, SEED, STEADY, a, change, drop, first_step, result, story
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.checks import named
from chaos.checks.continuity import check
from chaos.history import (
    FIRST_READING,
    Contents,
    Heartbeat,
    History,
    PodSeen,
    Read,
    Record,
    SiteContents,
    WaitEnded,
    Write,
)
from chaos.verdict import CheckResult, Verdict


def continuity(records: list[Record]) -> CheckResult:
    return result(records, "continuity")


def with_rows(records: list[Record], pods: tuple[str, ...], edit: Any, *, what: str = "rows") -> list[Record]:
    """The records with the rows (or posts) of some pods at the step's end put through `edit`."""
    return [
        replace(r, **{what: tuple(edit(list(getattr(r, what))))})
        if isinstance(r, Contents) and r.step == 0 and r.pod in pods
        else r
        for r in records
    ]


ALL = ("mysql-0", "mysql-1", "mysql-2")


def test_all_acknowledged_writes_on_all_pods_pass() -> None:
    found = continuity(story())
    assert found.verdict is Verdict.PASS
    assert found.figures["lost"] == 0
    assert found.figures["missing_on"] == dict.fromkeys(ALL, 0)
    assert found.figures["acknowledged"] == 155


@pytest.mark.parametrize("what", ["rows", "posts"])
def test_acknowledged_writes_missing_everywhere_are_lost(what: str) -> None:
    found = continuity(with_rows(story(), ALL, lambda rows: rows[:-3], what=what))
    assert found.verdict is Verdict.FAIL
    assert (found.figures["lost"], found.figures["lost_everywhere"]) == (3, 3)
    assert found.figures["missing_on"] == dict.fromkeys(ALL, 3)
    assert len(found.figures["lost_tokens"]) == len(found.figures["lost_ids"]) == 3
    assert found.figures["lost_acknowledged_first_s"] < found.figures["lost_acknowledged_last_s"] < READING
    assert "no pod holds them" in (found.advice or "")


def spelled_out(ids: str) -> list[int]:
    found: list[int] = []
    for each in ids.split(", "):
        if each.startswith("... "):
            found += range(found[-1] + found[-1] - found[-2], int(each[4:]) + 1, found[-1] - found[-2])
        else:
            low, _, high = each.partition("-")
            found += range(int(low), int(high or low) + 1)
    return found


@given(st.sets(st.integers(1, 60), min_size=1) | st.sets(st.integers(1, 60).map(lambda n: 3 * n), min_size=1))
def test_ids_are_told_in_few_words_and_none_is_left_out(numbers: set[int]) -> None:
    assert spelled_out(", ".join(named.ranges(numbers))) == sorted(numbers)


def test_ids_at_equal_distances_are_told_by_their_first_and_last() -> None:
    assert ", ".join(named.ranges({*range(7, 297, 2), 400, 401, 403})) == "7, 9, ... 295, 400-401, 403"


def test_every_lost_write_is_named_however_many_they_are() -> None:
    records = with_rows(story(), ("mysql-0",), lambda rows: [*rows[:50], *rows[52:100]])
    found = continuity(with_rows(records, ("mysql-0",), lambda posts: posts[:-1], what="posts")).figures
    of_rows, of_posts = found["lost_writes"]["row"], found["lost_writes"]["post"]
    assert (of_rows["number"], of_posts["number"]) == (44, 1)
    gone = {write.key for write in records if isinstance(write, Write) and write.what == "row" and write.key}
    (held,) = (one.rows for one in records if isinstance(one, Contents) and one.step == 0 and one.pod == "mysql-0")
    gone -= {number for number, _ in held}
    assert spelled_out(of_rows["ids"]) == sorted(gone)
    assert of_rows["first_at_s"] < of_rows["last_at_s"] < READING


def test_nothing_lost_is_nothing_named() -> None:
    assert "lost_writes" not in continuity(story()).figures


def test_writes_that_only_the_primary_lacks_are_lost_and_the_advice_names_who_has_them() -> None:
    found = continuity(with_rows(story(), ("mysql-0",), lambda rows: rows[:100]))
    assert found.verdict is Verdict.FAIL
    assert found.figures["lost"] == 42
    assert found.figures["lost_everywhere"] == 0
    assert len(found.figures["lost_tokens"]) == 20
    assert "mysql-1" in (found.advice or "")


def test_writes_that_only_a_replica_lacks_fail_without_being_lost() -> None:
    found = continuity(with_rows(story(), ("mysql-2",), lambda rows: rows[:-2]))
    assert found.verdict is Verdict.FAIL
    assert found.figures["lost"] == 0
    assert found.figures["missing_on"]["mysql-2"] == 2


def test_without_the_primarys_reading_lost_means_missing_on_all_that_could_be_read() -> None:
    records = change(story(), a(Contents, step=0, pod="mysql-0"), error="timeout", rows=())
    found = continuity(with_rows(records, ("mysql-1", "mysql-2"), lambda rows: rows[:-2]))
    assert (found.verdict, found.figures["lost"]) == (Verdict.FAIL, 2)


def test_a_write_that_nobody_tried_is_a_phantom() -> None:
    found = continuity(with_rows(story(), ALL, lambda rows: [*rows, (999, "who")]))
    assert (found.verdict, found.figures["phantom"]) == (Verdict.FAIL, 1)
    assert found.figures["phantom_tokens"] == ["row who"]


def test_on_a_stack_that_is_only_borrowed_the_posts_of_others_are_no_phantoms() -> None:
    borrowed = change(story(), lambda r: r.kind == "run-begun", stack={"database_pods": 3, "source": "my-stack.yaml"})
    found = continuity(with_rows(borrowed, ALL, lambda posts: [*posts, (999, "News of the day")], what="posts"))
    assert (found.verdict, found.figures["phantom"]) == (Verdict.PASS, 0)
    ours = continuity(with_rows(borrowed, ALL, lambda posts: [*posts, (999, "post-4711")], what="posts"))
    assert (ours.verdict, ours.figures["phantom"]) == (Verdict.FAIL, 1)


def test_what_was_there_before_the_run_is_no_phantom_and_must_stay() -> None:
    assert continuity(story()).figures["phantom"] == 0
    found = continuity(with_rows(story(), ("mysql-1",), lambda rows: rows[1:]))
    assert found.verdict is Verdict.FAIL
    assert found.figures["older_missing_on"] == {"mysql-1": 1}


def failed_token(records: list[Record], outcome: str) -> str:
    return next(r.token for r in records if isinstance(r, Write) and r.outcome == outcome and r.what == "row")


def test_a_failed_write_that_is_present_is_resurrected() -> None:
    records = story()
    token = failed_token(records, "fail")
    found = continuity(with_rows(records, ALL, lambda rows: [*rows, (999, token)]))
    assert (found.verdict, found.figures["resurrected"]) == (Verdict.FAIL, 1)
    assert found.figures["phantom"] == 0


@pytest.mark.parametrize("pods", [ALL, ("mysql-1",)])
def test_one_token_under_two_ids_is_a_duplicate_on_one_pod_or_between_pods(pods: tuple[str, ...]) -> None:
    edit = (
        (lambda rows: [*rows, (999, rows[-1][1])]) if pods == ALL else (lambda rows: [*rows[:-1], (999, rows[-1][1])])
    )
    found = continuity(with_rows(story(), pods, edit))
    assert (found.verdict, found.figures["duplicated"]) == (Verdict.FAIL, 1)


def test_of_duplicates_it_is_said_how_many_were_never_answered() -> None:
    records = story()
    token = failed_token(records, "info")
    found = continuity(with_rows(records, ALL, lambda rows: [*rows, (998, token), (999, token)]))
    assert (found.verdict, found.reason) == (
        Verdict.FAIL, "there is 1 row under two ids, all of them without an answer",
    )  # fmt: skip


def test_an_unanswered_write_may_be_everywhere_or_nowhere_but_not_both() -> None:
    records = story()
    token = failed_token(records, "info")
    assert continuity(records).figures["indeterminate"]["absent"] > 0
    everywhere = continuity(with_rows(records, ALL, lambda rows: [*rows, (999, token)]))
    assert everywhere.verdict is Verdict.PASS
    assert everywhere.figures["indeterminate"]["present"] == 1
    split = continuity(with_rows(records, ("mysql-1",), lambda rows: [*rows, (999, token)]))
    assert (split.verdict, split.figures["indeterminate"]["differing"]) == (Verdict.FAIL, 1)


def test_an_entry_without_a_token_is_torn() -> None:
    found = continuity(with_rows(story(), ALL, lambda posts: [*posts, (999, "")], what="posts"))
    assert (found.verdict, found.figures["torn"]) == (Verdict.FAIL, 3)


def test_a_torn_entry_is_named_by_its_id_with_the_write_that_was_given_it_and_the_pods_around_it() -> None:
    """row-5 was given id 6; mysql-1 has that id without its token, mysql-2 does not have it."""
    records = with_rows(story(), ("mysql-1",), lambda rows: [*((n, "" if n == 6 else t) for n, t in rows), (800, "")])
    records = with_rows(records, ("mysql-2",), lambda rows: tuple((n, t) for n, t in rows if n != 6))
    (torn,) = [one for one in continuity(records).figures["findings"] if one["key"] == "torn-row:mysql-1"]
    write = next(one for one in records if isinstance(one, Write) and one.token == "row-5")
    known = {"token": "row-5", "outcome": "ok", "at_s": write.end, "id": 6, "held_as": [6]}
    assert torn["items"] == [
        {"what": "row", "on": ["mysql-0"], "torn_on": ["mysql-1"], "not_on": ["mysql-2"]} | known,
        {
            "what": "row",
            "token": "",
            "held_as": [800],
            "on": [],
            "torn_on": ["mysql-1"],
            "not_on": ["mysql-0", "mysql-2"],
        },
    ]


def test_a_torn_entry_that_nobody_wrote_is_called_what_another_pod_has_under_its_id() -> None:
    records = with_rows(story(), ("mysql-1",), lambda rows: tuple((n, "" if t == "older row" else t) for n, t in rows))
    (torn,) = [one for one in continuity(records).figures["findings"] if one["key"] == "torn-row:mysql-1"]
    (item,) = torn["items"]
    assert (item["token"], item["held_as"], item["on"]) == ("older row", [900], ["mysql-0", "mysql-2"])
    assert "outcome" not in item


@pytest.mark.parametrize(
    "baseline", [SEED | {"seed 1": "1:zz"}, {"seed 1": SEED["seed 1"]}, SEED | {"seed 3": "new"}, {}]
)
def test_seed_content_that_changed_in_a_database_fails(baseline: dict[str, str]) -> None:
    found = continuity(change(story(), a(Contents, step=0, pod="mysql-2"), baseline=baseline))
    assert found.verdict is Verdict.FAIL
    assert list(found.figures["baseline_changed"]) == ["mysql-2"]


def test_seed_content_that_a_site_pod_does_not_serve_fails() -> None:
    found = continuity(change(story(), a(SiteContents, step=0, pod="site-b"), baseline={"seed 1": "missing (404)"}))
    assert found.verdict is Verdict.FAIL
    assert list(found.figures["baseline_changed"]) == ["site-b"]


@pytest.mark.parametrize("cls", [Contents, SiteContents])
def test_a_pod_that_could_not_be_read_is_unknown(cls: type[Record]) -> None:
    pod = "mysql-1" if cls is Contents else "site-a"
    found = continuity(change(story(), a(cls, step=0, pod=pod), error="timeout"))
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason == f"{pod} could not be read (timeout)"


def test_a_pod_whose_server_cannot_read_its_own_tables_fails() -> None:
    found = continuity(change(story(), a(Contents, step=0, pod="mysql-1"), error="broken table, error 1932"))
    assert found.verdict is Verdict.FAIL
    assert [(one["key"], one["invariant"]) for one in found.figures["findings"]] == [("unreadable:mysql-1", "D6")]
    assert "mysql-1 has tables that its own server can't read (broken table, error 1932)" in found.reason


@pytest.mark.parametrize("cls", [Contents, SiteContents])
def test_pods_that_nobody_read_are_unknown(cls: type[Record]) -> None:
    assert continuity(drop(story(), a(cls, step=0))).verdict is Verdict.UNKNOWN
    pod = "mysql-1" if cls is Contents else "site-a"
    found = continuity(drop(story(), a(cls, step=0, pod=pod)))
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, f"{pod} was not read")


def test_a_server_that_started_empty_lost_all_though_others_have_it() -> None:
    gone = dict.fromkeys(SEED, "missing (no such table)")
    found = continuity(change(story(), a(Contents, step=0, pod="mysql-0"), rows=(), posts=(), baseline=gone))
    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith("141 of 141 acknowledged rows were lost, none of them gone from every pod; 14 of 14")
    assert found.figures["baseline_changed"]["mysql-0"] == ["seed 1", "seed 2"]


def test_a_finding_weighs_more_than_a_pod_that_could_not_be_read() -> None:
    records = change(story(), a(Contents, step=0, pod="mysql-1"), error="timeout")
    assert continuity(with_rows(records, ("mysql-0",), lambda rows: rows[:-1])).verdict is Verdict.FAIL


def test_a_pod_that_is_gone_need_not_be_read() -> None:
    records = drop(story(), a(Contents, step=0, pod="mysql-2"))
    gone = [replace(r, at=READY, change="deleted") for r in records if isinstance(r, PodSeen) and r.name == "mysql-2"]
    assert continuity([*records, *gone]).verdict is Verdict.PASS


@pytest.mark.parametrize("changes", [{"error": "refused"}, {"baseline": {"seed 1": "missing (503)"}}])
def test_a_site_pod_that_is_ending_need_not_answer(changes: dict[str, Any]) -> None:
    records = change(story(), a(SiteContents, step=0, pod="site-a"), **changes)
    assert continuity(records).verdict is not Verdict.PASS
    ending = [replace(r, at=READY, terminating=True) for r in records if isinstance(r, PodSeen) and r.name == "site-a"]
    assert continuity([*records, *ending]).verdict is Verdict.PASS


def test_without_a_reading_from_before_the_step_the_seed_content_is_unknown() -> None:
    records = drop(story(), lambda r: isinstance(r, SiteContents) and r.step == FIRST_READING)
    found = continuity(records)
    assert found.verdict is Verdict.UNKNOWN
    assert "the seed content of the site pods was not read before" in found.reason


def test_no_write_acknowledged_before_the_fault_is_unknown() -> None:
    records = drop(story(), lambda r: isinstance(r, Write) and r.what == "post" and r.start < FAULT)
    records = with_rows(records, ALL, lambda posts: [p for p in posts if p[0] > 10], what="posts")
    assert "no post was acknowledged before the fault" in continuity(records).reason
    assert continuity(records).verdict is Verdict.UNKNOWN


def test_no_write_acknowledged_after_the_fault_is_unknown() -> None:
    records = change(story(), lambda r: isinstance(r, Write) and r.start >= FAULT, outcome="info")
    found = continuity(records)
    assert found.verdict is Verdict.UNKNOWN
    assert "no row was acknowledged after the fault" in found.reason


def test_no_write_tried_while_the_fault_lasted_is_unknown() -> None:
    records = drop(story(), lambda r: isinstance(r, Write) and FAULT <= r.start <= STEADY)
    wanted = {r.token for r in records if isinstance(r, Write) and r.outcome == "ok"}
    wanted |= {"older row", "older post", "beat-0"}
    for what in ("rows", "posts"):
        records = with_rows(records, ALL, lambda found: [f for f in found if f[1] in wanted], what=what)
    found = continuity(records)
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason.startswith("no write was tried between the fault and the recovery; ")


def test_a_part_that_was_ready_at_once_leaves_writes_to_be_tried_until_the_last_wait() -> None:
    records = change(story(), a(WaitEnded, step=0, condition="database/ready"), at=FAULT + 0.03)
    records = drop(records, lambda r: isinstance(r, Write) and r.what == "row" and FAULT <= r.start <= FAULT + 0.05)
    records = drop(records, lambda r: isinstance(r, Write) and r.what == "post" and FAULT <= r.start <= FAULT + 0.05)
    assert continuity(records).verdict is Verdict.PASS


def test_without_any_write_or_fault_it_is_unknown() -> None:
    records = [r for r in story(plan={"workload": {}}) if not isinstance(r, (Write, Heartbeat))]
    records = with_rows(with_rows(records, ALL, lambda rows: rows[:1]), ALL, lambda rows: rows[:1], what="posts")
    assert continuity(records).reason == "no write was tried"
    assert continuity(drop(story(), lambda r: r.kind == "action-begun")).verdict is Verdict.UNKNOWN


def test_writes_of_later_steps_are_not_missed_in_an_earlier_reading() -> None:
    later = [Write("row", "row", 500 + n, f"later-{n}", 30, 30, 30.1, "ok", "", 600 + n) for n in range(3)]
    assert continuity([*story(), *later]).verdict is Verdict.PASS


def test_writes_of_earlier_steps_are_still_missed() -> None:
    found = continuity(with_rows(story(), ALL, lambda rows: [rows[0], *rows[20:]]))
    assert found.figures["lost"] == 19


OTHERS = [r for r in story() if not isinstance(r, (Read, Write, Heartbeat, Contents))]
OUTCOMES = st.sampled_from(["ok", "fail", "info"])
PRESENCE = st.lists(st.sampled_from(["", "once", "twice"]), min_size=3, max_size=3)


@settings(max_examples=200, deadline=None)
@given(
    tried=st.lists(st.tuples(OUTCOMES, st.sampled_from(["row", "post"]), PRESENCE), max_size=12),
    untried=st.lists(st.tuples(st.sampled_from(["row", "post"]), PRESENCE), max_size=4),
)
def test_the_check_agrees_with_a_slow_and_obvious_oracle(tried: list[Any], untried: list[Any]) -> None:
    records: list[Record] = []
    held: list[tuple[str, str, int, int]] = []  # (what, token, pod, copies)
    for n, (outcome, what, presence) in enumerate(tried):
        records.append(Write(what, "w", n, f"t{n}", 5.0, 5.0, 5.1, outcome, "", n))
        held += [(what, f"t{n}", pod, ("", "once", "twice").index(copies)) for pod, copies in enumerate(presence)]
    for n, (what, presence) in enumerate(untried):
        held += [(what, f"u{n}", pod, ("", "once", "twice").index(copies)) for pod, copies in enumerate(presence)]

    def pairs(what: str, pod: int) -> tuple[tuple[int, str], ...]:
        mine = [(each[1], each[3]) for each in held if each[0] == what and each[2] == pod]
        return tuple((1000 * copy + int(t[1:]) + (500 if t[0] == "u" else 0), t) for t, n in mine for copy in range(n))

    records += [Contents(READING, 0, f"mysql-{n}", n == 0, "", "", pairs("row", n), pairs("post", n)) for n in range(3)]
    figures = check(*first_step([*OTHERS, *records])).figures

    def copies(what: str, token: str) -> list[int]:
        return [sum(each[3] for each in held if each[:3] == (what, token, pod)) for pod in range(3)]

    lost = missing = resurrected = duplicated = split = phantom = 0
    for n, (outcome, what, _) in enumerate(tried):
        there = copies(what, f"t{n}")
        lost += outcome == "ok" and there[0] == 0
        missing += outcome == "ok" and max(there) == 0
        resurrected += outcome == "fail" and max(there) > 0
        duplicated += max(there) > 1
        split += outcome == "info" and 0 in there and max(there) > 0
    for n, (what, _) in enumerate(untried):
        phantom += max(copies(what, f"u{n}")) > 0
    assert (figures["lost"], figures["lost_everywhere"]) == (lost, missing)
    assert (figures["phantom"], figures["resurrected"], figures["duplicated"]) == (phantom, resurrected, duplicated)
    assert figures["indeterminate"]["differing"] == split


def test_the_history_that_all_tests_start_from_has_one_step() -> None:
    assert len(History(story()).steps) == 1


def test_site_pods_that_were_all_ending_when_they_were_read_are_unknown() -> None:
    records = change(story(), a(SiteContents, step=0), error="refused", baseline={})
    ending = [replace(r, at=READY, terminating=True) for r in records if isinstance(r, PodSeen) and r.role == "site"]
    found = continuity([*records, *ending])
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "no site pod that stays was read")


@pytest.mark.parametrize(
    ("gtids", "verdict"),
    [
        (("0-100-51", "0-100-50", "0-100-50"), Verdict.UNKNOWN),
        (("0-100-51", "0-100-51", "0-100-50"), Verdict.FAIL),
        (("0-100-50", "0-100-50", "0-100-50"), Verdict.FAIL),
        (("0-100-49", "0-100-50", "0-100-50"), Verdict.FAIL),
        (("0-101-51", "0-100-50", "0-100-50"), Verdict.FAIL),
    ],
)
def test_an_unanswered_write_that_landed_between_two_readings_is_not_split(
    gtids: tuple[str, ...], verdict: Verdict
) -> None:
    late = Write("row", "row", 700, "late", 12.0, 12.0, 13.9, "info", "timeout")
    records: list[Record] = [late]
    for r in story():
        if isinstance(r, Contents) and r.step == 0:
            rows = (*r.rows, (700, "late")) if r.pod == "mysql-0" else r.rows
            records.append(replace(r, rows=rows, gtid=gtids[int(r.pod[-1])]))
        else:
            records.append(r)
    found = result(records, "continuity")
    assert found.verdict is verdict, found.reason
    assert ("may have come between the readings of two pods" in found.reason) == (verdict is Verdict.UNKNOWN)


def test_pods_that_each_hold_some_of_what_the_primary_lost_are_all_named_to_be_kept() -> None:
    """WordPress wrote to either replica, and neither has all of it; rows are missing on both besides."""
    records = with_rows(story(), ("mysql-0",), lambda rows: [*rows[:3], *rows[7:]])
    records = with_rows(records, ("mysql-1",), lambda rows: [*rows[:5], *rows[20:]])
    records = with_rows(records, ("mysql-2",), lambda rows: [*rows[:3], *rows[5:9], *rows[20:]])
    found = continuity(records)
    assert found.figures["lost_held_by"] == ["mysql-1", "mysql-2"]
    where = [(one["what"], one["on"], one["number"], one["ids"]) for one in found.figures["lost_still_on"]]
    assert where == [("row", ["mysql-1"], 2, "2-3"), ("row", ["mysql-2"], 2, "4-5")]
    assert found.advice == (
        "no single pod holds all that the primary lacks and others still have (2 rows only on mysql-1, 2 rows only on "
        "mysql-2): keep all of these volumes (mysql-1, mysql-2), and merge them"
    )


def test_what_no_pod_holds_any_more_is_said_beside_what_can_still_be_copied_back() -> None:
    records = with_rows(story(), ("mysql-0",), lambda rows: [*rows[:3], *rows[7:]])
    found = continuity(with_rows(records, ("mysql-1", "mysql-2"), lambda rows: [*rows[:3], *rows[5:]]))
    assert found.advice == (
        "mysql-1, mysql-2 each still hold 2 rows that the primary lacks: keep these volumes, and copy them back from "
        "one of them; 2 rows are on no pod any more"
    )
    assert [one["on"] for one in found.figures["lost_still_on"]] == [["mysql-1", "mysql-2"], []]


def test_rows_under_an_id_that_another_one_has_are_not_to_be_merged_by_it() -> None:
    records = with_rows(story(), ("mysql-0",), lambda rows: [*rows[:3], (4, "another"), *rows[7:]])
    found = continuity(records)
    assert (found.figures["lost_ids_shared"], found.figures["lost"]) == (1, 4)
    assert "not by their ids: one of these stands for several writes" in (found.advice or "")
    assert continuity(with_rows(story(), ("mysql-0",), lambda rows: rows[:-1])).figures["lost_ids_shared"] == 0
