"""The baseline: judged like a step, broken by nobody, and what was wrong in it is told from what came with a fault."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import FAULT, PLAN, STEADY, a, change, drop, keys, result, story

from chaos.checks.judge import Judgement, judge, judge_step
from chaos.history import (
    BASELINE,
    FIRST_READING,
    ActionBegun,
    ActionEnded,
    Contents,
    History,
    Record,
    ReplicaSeen,
    RunEnded,
    StepBegun,
    StepEnded,
    WaitEnded,
    Write,
)
from chaos.verdict import Verdict

RECORD = PLAN | {"baseline": "record"}


def judged(records: list[Record]) -> Judgement:
    return judge(History(records))


def only_the_baseline(records: list[Record]) -> list[Record]:
    """The records of a run that ended at its baseline."""
    kept = [r for r in records if getattr(r, "step", BASELINE) < 0 and getattr(r, "index", BASELINE) < 0]
    kept = [
        r
        for r in kept
        if isinstance(r, RunEnded) or getattr(r, "at", getattr(r, "start", 0.0)) < 0 or r.kind == "run-begun"
    ]
    return [r for r in kept if getattr(r, "start", -1.0) < 0]


def lost(records: list[Record], *, step: int, what: str = "rows", number: int = 5) -> list[Record]:
    """The records with the first acknowledged rows (or posts) gone from all pods in one step's reading."""
    return [
        replace(r, **{what: (getattr(r, what)[0], *getattr(r, what)[1 + number :])})
        if isinstance(r, Contents) and r.step == step
        else r
        for r in records
    ]


def writable(records: list[Record], pod: str) -> list[Record]:
    return change(records, a(ReplicaSeen, pod=pod), read_only=False)


def test_a_stack_that_is_well_passes_in_the_baseline_and_in_the_step() -> None:
    found = judged(story(baseline=True))
    assert found.verdict is Verdict.PASS
    assert [step.step.index for step in found.steps] == [BASELINE, 0]
    assert found.reason.startswith("in the step every limit held")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("effect", "nothing was to be broken"),
        ("recovery", "steady came after 2.00 s"),
        ("availability", "reads were never out (381 requests); rows were never out"),
        ("continuity", "all 301 acknowledged writes and the seed content are on mysql-0, mysql-1, mysql-2"),
        ("replication", "mysql-1, mysql-2 replicate and hold what mysql-0 holds (lag 0 s)"),
        ("clone", "nothing was to be replaced"),
    ],
)
def test_no_check_asks_for_a_fault_in_the_baseline(name: str, says: str) -> None:
    found = result(story(baseline=True), name, BASELINE)
    assert found.verdict is Verdict.PASS
    assert found.reason.startswith(says)


@pytest.mark.parametrize(
    ("what", "name", "says"),
    [
        ("post", "continuity", "no post was acknowledged in the baseline"),
        ("post", "availability", "posts: no request left in the baseline"),
    ],
)
def test_a_baseline_that_saw_nothing_of_a_kind_is_unknown(what: str, name: str, says: str) -> None:
    records = drop(story(baseline=True), lambda r: isinstance(r, Write) and r.what == what and r.start < 0)
    records = [
        replace(r, posts=tuple(p for p in r.posts if "early" not in p[1])) if isinstance(r, Contents) else r
        for r in records
    ]
    found = result(records, name, BASELINE)
    assert found.verdict is Verdict.UNKNOWN
    assert says in found.reason


def test_what_left_a_moment_before_the_baseline_belongs_to_it() -> None:
    records = change(story(baseline=True), a(StepBegun, index=BASELINE), at=-3.9)
    assert [check.verdict for check in judged(records).steps[0].checks] == [Verdict.PASS] * 6


def test_too_few_good_answers_in_the_baseline_are_unknown() -> None:
    records = change(
        story(baseline=True), lambda r: isinstance(r, Write) and r.what == "post" and -18.5 < r.start < 0,
        outcome="info",
    )  # fmt: skip
    found = result([r for r in records if getattr(r, "at", 0) < 20], "availability", BASELINE)
    assert found.verdict is Verdict.FAIL
    one = drop(story(baseline=True), lambda r: isinstance(r, Write) and r.what == "row" and -18.9 < r.start < 0)
    found = result(one, "availability", BASELINE)
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN, "rows: only 2 good answers in the baseline, 3 wanted",
    )  # fmt: skip


def test_a_stack_that_is_not_steady_fails_in_the_baseline() -> None:
    records = change(
        story(baseline=True), a(WaitEnded, step=BASELINE), satisfied=False, took_s=60.0,
        detail="no steady good answers to posts, rows",
    )  # fmt: skip
    found = result(records, "recovery", BASELINE)
    assert found.verdict is Verdict.FAIL
    assert keys(found) == ["not-steady:posts", "not-steady:rows"]


def test_a_baseline_that_failed_stops_the_run_and_nothing_was_broken() -> None:
    found = judged(only_the_baseline(writable(story(baseline=True), "mysql-1")))
    assert found.verdict is Verdict.FAIL
    assert found.reason == (
        "the stack was not well before the first fault, and nothing was broken by this run: "
        "replication: 2 pods take writes (mysql-0, mysql-1)"
    )


def test_a_baseline_that_shows_nothing_stops_the_run_as_unknown() -> None:
    found = judged(only_the_baseline(drop(story(baseline=True), a(ReplicaSeen, pod="mysql-1"))))
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason.startswith("the stack could not be shown to be well before the first fault, and nothing was")


def test_a_run_that_was_interrupted_in_its_baseline_is_unknown() -> None:
    records = change(only_the_baseline(story(baseline=True)), a(RunEnded), how="interrupted", detail="SIGINT")
    found = judged(records)
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN,
        "the run was interrupted (SIGINT); 0 of 1 step were begun",
    )


def test_a_run_that_ended_after_a_good_baseline_says_so() -> None:
    found = judged(only_the_baseline(story(baseline=True)))
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "0 of 1 step were begun")


def test_what_was_so_before_the_first_fault_still_fails_and_says_so() -> None:
    found = judged(writable(story(baseline=True, plan=RECORD), "mysql-1"))
    assert found.verdict is Verdict.FAIL
    assert found.reason == (
        "not well before the first fault already: "
        "replication: 2 pods take writes (mysql-0, mysql-1) (so it was before the first fault)"
    )
    (one,) = result(writable(story(baseline=True, plan=RECORD), "mysql-1"), "replication").figures["findings"]
    said = {"key": "two-writable", "invariant": "R7", "text": "2 pods take writes (mysql-0, mysql-1)", "before": True}
    assert one == said


def test_in_the_baseline_itself_findings_count_as_from_before_without_saying_so() -> None:
    found = result(writable(story(baseline=True, plan=RECORD), "mysql-1"), "replication", BASELINE)
    assert found.reason == "2 pods take writes (mysql-0, mysql-1)"
    assert [one["before"] for one in found.figures["findings"]] == [True]


def test_what_came_with_the_fault_is_named_first_and_decides() -> None:
    records = writable(story(baseline=True, plan=RECORD), "mysql-1")
    records = change(records, lambda r: isinstance(r, ReplicaSeen) and r.pod == "mysql-2" and r.at > 0, io_running="No")
    found = result(records, "replication")
    assert keys(found) == ["not-replicating:mysql-2", "two-writable"]
    assert found.reason == (
        "mysql-2 does not replicate (IO No, SQL Yes, lag 0 s); "
        "2 pods take writes (mysql-0, mysql-1) (so it was before the first fault)"
    )
    assert judged(records).reason.startswith("replication: mysql-2 does not replicate")


def test_a_new_finding_of_a_lighter_check_decides_before_an_old_one_of_a_heavier() -> None:
    records = story(baseline=True, plan=RECORD, expect={"reads": {"longest_outage_s": 0.5}})
    records = lost(lost(records, step=BASELINE), step=0)
    assert keys(result(records, "continuity")) == ["lost-row"]
    assert judged(records).reason.startswith("availability: reads were out for")


def test_without_a_baseline_nothing_was_so_before() -> None:
    found = result(writable(story(), "mysql-1"), "replication")
    assert [one["before"] for one in found.figures["findings"]] == [False]
    assert "before the first fault" not in found.reason


def test_rows_lost_with_the_fault_are_counted_apart_from_those_lost_before() -> None:
    found = result(lost(story(baseline=True), step=0, number=20), "continuity")
    assert found.reason == (
        "20 of 292 acknowledged rows were lost, none of them missing before the first fault, all of them gone "
        "from every pod"
    )
    assert (found.figures["lost"], found.figures["lost_before"]) == (20, 0)
    both = lost(lost(story(baseline=True, plan=RECORD), step=BASELINE, number=5), step=0, number=20)
    found = result(both, "continuity")
    assert found.reason.startswith("20 of 292 acknowledged rows were lost, 5 of them missing before the first fault")
    assert [one["before"] for one in found.figures["findings"]] == [False]
    assert (
        result(both, "continuity", BASELINE).reason
        == "5 of 151 acknowledged rows were lost, all of them gone from every pod"
    )


def test_rows_that_are_lost_where_others_had_been_late_are_new() -> None:
    late = lost(story(baseline=True, plan=RECORD), step=BASELINE)
    records = [replace(r, rows=r.rows[:-9]) if isinstance(r, Contents) and r.step == 0 else r for r in late]
    (one,) = result(records, "continuity").figures["findings"]
    assert (one["key"], one["before"]) == ("lost-row", False)
    assert one["text"].startswith("9 of 292 acknowledged rows were lost, none of them missing before the first fault")


def test_losses_that_go_on_as_they_were_are_not_new() -> None:
    def drop_posts(r: Record) -> Record:
        return replace(r, posts=r.posts[:1]) if isinstance(r, Contents) and r.step >= BASELINE else r

    found = result([drop_posts(r) for r in story(baseline=True, plan=RECORD)], "continuity")
    assert keys(found) == ["lost-post"]
    assert [one["before"] for one in found.figures["findings"]] == [True]
    assert found.reason.endswith("(so it was before the first fault)")


def test_what_a_replica_had_and_lacks_now_is_new_though_it_lacked_other_rows_before() -> None:
    def without(records: list[Record], *tokens: str) -> list[Record]:
        return [
            replace(r, rows=tuple(row for row in r.rows if row[1] not in tokens))
            if isinstance(r, Contents) and r.pod == "mysql-2"
            else r
            for r in records
        ]

    records = without(story(baseline=True, plan=RECORD), "row-early-3", "row-early-4")
    found = result(records, "continuity").figures["findings"]
    assert [(one["key"], one["before"]) for one in found] == [("missing-row:mysql-2", True), ("hole-row:mysql-2", True)]
    at_the_end = [r for r in records if not isinstance(r, Contents) or r.step == 0]
    earlier = [r for r in records if isinstance(r, Contents) and r.step != 0]
    worse, _ = result([*earlier, *without(at_the_end, "row-early-9")], "continuity").figures["findings"]
    assert (worse["key"], worse["before"]) == ("missing-row:mysql-2", False)


@pytest.mark.parametrize("well", [True, False])
def test_an_unanswered_write_on_some_pods_is_nothing_new_where_these_lacked_acknowledged_ones(*, well: bool) -> None:
    records = story(baseline=True, plan=RECORD)
    if not well:
        records = [
            replace(r, posts=r.posts[:1]) if isinstance(r, Contents) and r.pod == "mysql-2" else r for r in records
        ]
    lone = Write("post", "post", 700, "lone", FAULT, FAULT, FAULT + 1, "info", "timeout")
    there = [
        replace(r, posts=(*r.posts, (700, "lone")))
        if isinstance(r, Contents) and r.pod == "mysql-1" and not r.step
        else r
        for r in records
    ]
    found = result([lone, *there], "continuity").figures["findings"]
    assert {one["key"]: one["before"] for one in found}["split-post"] is not well


@pytest.mark.parametrize(("down", "new"), [(STEADY - 3.0, False), (FAULT, True)])
def test_an_outage_no_longer_than_those_of_the_baseline_is_not_new(down: float, *, new: bool) -> None:
    records = change(
        story(baseline=True, plan=RECORD),
        lambda r: isinstance(r, Write) and r.what == "post" and (-15 < r.start < -10 or r.start >= down),
        outcome="fail", reason="status 500",
    )  # fmt: skip
    (one,) = result(records, "availability").figures["findings"]
    assert (one["key"], one["before"]) == ("out:posts", not new)


def test_the_runner_can_have_the_baseline_judged_before_the_first_step() -> None:
    history = History([r for r in only_the_baseline(story(baseline=True)) if not isinstance(r, RunEnded)])
    (step,) = history.steps
    assert judge_step(history, step).verdict is Verdict.PASS
    bad = History(writable(list(history), "mysql-2"))
    assert judge_step(bad, bad.steps[0]).verdict is Verdict.FAIL


def test_a_step_judged_alone_is_judged_as_in_the_whole() -> None:
    history = History(writable(story(baseline=True, plan=RECORD), "mysql-1"))
    whole = judge(history)
    assert [judge_step(history, step) for step in history.steps] == list(whole.steps)


@pytest.mark.parametrize("action", ["noop", "pause"])
def test_a_quiet_step_is_judged_like_any_other_and_no_fault_is_asked_for(action: str) -> None:
    def quiet(records: list[Record]) -> list[Record]:
        records = change(records, a(StepBegun, index=0), action=action, target="stack")
        records = change(records, a(ActionBegun), action=action, objects=())
        records = change(records, a(ActionEnded), action=action, happened=None, effect={})
        return [r for r in records if not (r.kind == "pod" and getattr(r, "at", 0) > 1)]

    records = quiet(story(reads_down=0, writes_down=0))
    records = change(records, lambda r: r.kind == "volume", pod_uid="same")
    found = judged(records)
    assert (found.verdict, [check.verdict for check in found.steps[0].checks]) == (Verdict.PASS, [Verdict.PASS] * 6)
    assert result(records, "effect").reason == "nothing was to be broken"
    assert result(quiet(story(reads_down=99)), "availability").verdict is Verdict.FAIL
    error = change(records, a(ActionEnded), error="the API server is away")
    assert result(error, "effect").verdict is Verdict.UNKNOWN
    none = drop(records, lambda r: isinstance(r, Write) and r.what == "post")
    none = change(none, a(Contents), posts=())
    assert "no post was acknowledged in this step" in result(none, "continuity").reason


def test_a_step_that_is_not_well_in_several_steps_is_named_by_its_number() -> None:
    plan: dict[str, Any] = RECORD | {"steps": [*PLAN["steps"], {"index": 1}]}
    records = [*story(baseline=True, plan=plan), StepBegun(30.0, 1, "again", "noop", "stack", {}), StepEnded(31.0, 1)]
    assert judged(lost(records, step=0)).reason.startswith("in step 1 (delete the master) continuity: 5 of")
    assert judged(lost(records, step=BASELINE)).reason.startswith(
        "not well before the first fault already: in the baseline continuity: 5 of 151"
    )


def test_what_was_there_before_the_run_must_stay_though_the_primary_was_first_read_in_the_baseline() -> None:
    unread = {"error": "timeout", "rows": (), "posts": (), "baseline": {}}
    records = change(story(baseline=True), a(Contents, step=FIRST_READING, pod="mysql-0"), **unread)
    assert result(records, "continuity").verdict is Verdict.PASS
    reason = "what the primary held before the run was not read"
    assert result(records, "continuity", BASELINE).reason == reason
    never = change(records, a(Contents, step=BASELINE, pod="mysql-0"), **unread)
    assert (result(never, "continuity").verdict, result(never, "continuity").reason) == (Verdict.UNKNOWN, reason)
    gone = [
        replace(r, rows=tuple(row for row in r.rows if row[1] != "older row"))
        if isinstance(r, Contents) and r.step == 0
        else r
        for r in records
    ]
    assert keys(result(gone, "continuity")) == [f"older-row:mysql-{n}" for n in range(3)]
