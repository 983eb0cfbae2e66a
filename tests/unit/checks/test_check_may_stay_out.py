"""What may stay out at a step's end is not failed there: the step in which it comes back judges the whole outage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from histories import DATABASES, PAGES, SEED, TABLES, a, change, drop, heartbeat, keys, pod, reads, replica, result

from chaos.checks.judge import judge
from chaos.history import (
    FIRST_READING,
    ActionBegun,
    ActionEnded,
    Contents,
    Heartbeat,
    History,
    PodSeen,
    Record,
    ReplicaSeen,
    RunBegun,
    RunEnded,
    SiteContents,
    StepBegun,
    StepEnded,
    VolumeSeen,
    WaitEnded,
    Write,
)
from chaos.verdict import CheckResult, Verdict

WORKLOAD = {"reads_per_s": 20.0, "writes_per_s": 10.0, "posts_per_s": 10.0}
OUT = {"writes": {"may_stay_out": True}}
DOWN, UP = 10.0, 33.0
ENDS = (19.0, 40.0)


def shrink(
    first: dict[str, Any], second: dict[str, Any], *, wanted: int = 1, up: float = UP, one_step: bool = False
) -> list[Record]:
    """The database goes to `wanted` pods at 10 s and back to 3 at 30 s; nothing is acknowledged from 10 s to `up`."""
    left = DATABASES[:wanted]
    steps = [
        {"index": n, "action": "scale", "target": "database", "params": {"replicas": number}}
        for n, number in enumerate((wanted, 3))
    ]
    plan = {"workload": WORKLOAD, "steps": steps[:1] if one_step else steps}
    records: list[Record] = [
        RunBegun(2, "r", "mysql-shrink", "", 1000.0, plan, {"database_pods": 3}, {}),
        *(pod(0.0, name, "database/primary" if n == 0 else "database/replica") for n, name in enumerate(DATABASES)),
        *(pod(0.0, name, "site") for name in ("site-a", "site-b")),
        StepBegun(0.1, 0, "down", "scale", "database", first),
        WaitEnded(8.0, 0, "steady before the fault", True, 2.0),
        *looks(0, "before", 9.0, DATABASES, "old"),
        ActionBegun(DOWN, 0, "scale", ("statefulset/mysql",)),
        *(pod(11.0, name, "database/replica", change="deleted") for name in DATABASES[wanted:]),
        ActionEnded(12.0, 0, "scale", True, {"replicas": [3, wanted]}),
        WaitEnded(13.0, 0, "database/ready", True, 1.0),
        WaitEnded(15.0, 0, "steady after the fault", True, 2.0),
        *(replica(n, 17.0) for n in range(wanted)),
        *looks(0, "after", 18.5, left, "old"),
        StepEnded(ENDS[0], 0),
        StepBegun(20.0, 1, "up", "scale", "database", second),
        *looks(1, "before", 28.0, left, "old"),
        WaitEnded(29.0, 1, "steady before the fault", True, 2.0),
        ActionBegun(30.0, 1, "scale", ("statefulset/mysql",)),
        *(pod(31.0, name, "database/replica", uid="new") for name in DATABASES[wanted:]),
        ActionEnded(32.0, 1, "scale", True, {"replicas": [wanted, 3]}),
        WaitEnded(33.0, 1, "database/ready", True, 2.0),
        WaitEnded(36.0, 1, "steady after the fault", True, 2.0),
        *(replica(n, 37.5) for n in range(3)),
        *looks(1, "after", 39.0, left, "old"),
        *looks(1, "after", 39.0, DATABASES[wanted:], "new"),
        StepEnded(ENDS[1], 1),
        RunEnded(41.0, "finished"),
        *reads("service", 20, 40.0, 99, 99),
        *work("row", up),
        *work("post", up),
    ]
    if one_step:
        records = [r for r in records if isinstance(r, (RunBegun, RunEnded)) or moment(r) < 20]
    held = [(FIRST_READING, -1.0, DATABASES), (0, 18.0, left), (1, 38.0, DATABASES)]
    for n, at, pods in held:
        if not one_step or n < 1:
            records += read(records, n, at, pods)
    return records


def moment(record: Record) -> float:
    return float(getattr(record, "at", getattr(record, "start", 0.0)))


def looks(step: int, when: str, at: float, pods: Iterable[str], uid: str) -> list[VolumeSeen]:
    return [
        VolumeSeen(at, step, when, name, f"{name}-{uid}", f"data-{name}", f"claim-{name}", f"pv-{name}", 500.0)
        for name in pods
    ]


def work(what: str, up: float) -> list[Write]:
    """Ten writes a second, at rest while the pods are read; those between `DOWN` and `up` hang to their deadline."""
    found = []
    for n in range(360):
        due = n / 10
        bad = DOWN <= due < up
        if 17.0 < due < 19.5:
            continue
        outcome, reason = ("info", "timeout") if bad else ("ok", "")
        end = due + (5.0 if bad else 0.02)
        found.append(Write(what, what, n, f"{what}-{n}", due, due, end, outcome, reason, None if bad else n + 1))
    return found


def read(records: list[Record], step: int, at: float, pods: Iterable[str]) -> list[Record]:
    done = [r for r in records if isinstance(r, Write) and r.outcome == "ok" and r.end <= at]
    rows = tuple((w.seq + 1, w.token) for w in done if w.what == "row")
    posts = tuple((w.seq + 1, w.token) for w in done if w.what == "post")
    beats = [heartbeat(step, at - 0.2)] if step > FIRST_READING and tuple(pods) else []
    rows += tuple((beat.key or 0, beat.token) for beat in [*(r for r in records if isinstance(r, Heartbeat)), *beats])
    return [
        *beats,
        *(Contents(at, step, p, p == "mysql-0", "", "0-100-50", rows, posts, dict(SEED), dict(TABLES)) for p in pods),
        *(SiteContents(at, step, site, "", dict(PAGES)) for site in ("site-a", "site-b")),
    ]


def availability(records: list[Record], step: int) -> CheckResult:
    return result(records, "availability", step)


def test_writes_that_may_stay_out_pass_the_step_and_the_whole_run() -> None:
    records = shrink(OUT, {})
    found = judge(History(records))
    assert found.verdict is Verdict.PASS, found.reason
    assert "rows were out at the step's end, as they may be" in availability(records, 0).reason


def test_writes_that_may_not_stay_out_fail() -> None:
    found = availability(shrink({}, {}), 0)
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["out:rows", "out:posts"])
    assert "hung)" in found.reason


def test_the_step_in_which_they_come_back_judges_the_whole_outage() -> None:
    low = {"writes": {"longest_outage_s": 10.0, "may_stay_out": True}}
    assert availability(shrink(low, {"writes": {"longest_outage_s": 60.0}}), 0).verdict is Verdict.PASS
    found = availability(shrink(low, {"writes": {"longest_outage_s": 15.0}}), 1)
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["out:rows", "out:posts"])
    assert found.reason.startswith("rows were out for 17.9 s to 23.1 s of at most 15.0 s allowed")


def test_where_that_step_has_no_limit_the_one_that_let_them_stay_out_has() -> None:
    low = {"writes": {"longest_outage_s": 15.0, "may_stay_out": True}}
    found = availability(shrink(low, {}), 1)
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["out:rows", "out:posts"])
    assert "of at most 15.0 s allowed" in found.reason
    high = {"writes": {"longest_outage_s": 60.0, "may_stay_out": True}}
    assert availability(shrink(high, {}), 1).verdict is Verdict.PASS


def test_that_limit_is_not_for_an_outage_of_that_step_s_own() -> None:
    low = {"writes": {"longest_outage_s": 4.0, "may_stay_out": True}}
    records = shrink(low, {}, up=11.0)
    records = [
        replace(r, outcome="fail", reason="refused", key=None) if isinstance(r, Write) and 30 <= r.start < 35 else r
        for r in records
    ]
    assert availability(records, 1).verdict is Verdict.PASS


def test_the_step_in_which_they_should_come_back_fails_when_they_do_not() -> None:
    found = availability(shrink(OUT, {}, up=99.0), 1)
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["out:rows", "out:posts"])
    assert "still out at the step's end" in found.reason


@pytest.mark.parametrize(
    ("limit", "verdict", "says"),
    [
        (None, Verdict.PASS, "as they may be"),
        (1.0, Verdict.FAIL, "of at most 1.00 s allowed"),
        (60.0, Verdict.UNKNOWN, "the outage's end was not seen"),
    ],
)
def test_an_outage_that_nobody_saw_end_is_judged_in_the_last_step(
    limit: float | None, verdict: Verdict, says: str
) -> None:
    expect = {"writes": {"may_stay_out": True} | ({} if limit is None else {"longest_outage_s": limit})}
    found = availability(shrink(expect, {}, one_step=True), 0)
    assert found.verdict is verdict
    assert says in found.reason


def test_no_good_answer_of_that_kind_is_asked_for_after_the_fault_and_of_others_it_is() -> None:
    assert result(shrink(OUT, {}), "continuity", 0).verdict is Verdict.PASS
    found = result(shrink({}, {}), "continuity", 0)
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN, "no post was acknowledged after the fault; no row was acknowledged after the fault",
    )  # fmt: skip
    no_reads = drop(shrink(OUT, {}), lambda r: r.kind == "read" and DOWN < getattr(r, "start", 0) < 20)
    assert availability(no_reads, 0).verdict is Verdict.UNKNOWN


def test_a_stream_that_is_so_slow_that_nothing_left_while_it_may_stay_out_is_not_asked_for() -> None:
    records = drop(shrink(OUT, {}), lambda r: isinstance(r, Write) and r.what == "post" and r.start < 20)
    records = [replace(r, posts=()) if isinstance(r, Contents) and r.step == 0 else r for r in records]
    assert availability(records, 0).verdict is Verdict.PASS


def test_the_next_step_asks_for_no_good_answer_before_its_fault() -> None:
    assert availability(shrink(OUT, {}), 1).verdict is Verdict.PASS
    found = availability(shrink({}, {}), 1)
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN,
        "rows: only 0 good answers before the fault, 3 wanted; posts: only 0 good answers before the fault, 3 wanted",
    )


def test_where_no_writes_may_come_no_pod_has_to_take_them() -> None:
    records = change(shrink(OUT, {}), lambda r: isinstance(r, ReplicaSeen) and r.at < 20, read_only=True)
    assert result(records, "replication", 0).verdict is Verdict.PASS
    records = change(shrink({}, {}), lambda r: isinstance(r, ReplicaSeen) and r.at < 20, read_only=True)
    assert keys(result(records, "replication", 0)) == ["no-writable"]


ALL_OUT = OUT | {"reads": {"may_stay_out": True}}


@pytest.mark.parametrize("check", ["effect", "recovery", "availability", "continuity", "replication", "clone"])
def test_with_no_database_pod_wanted_nothing_can_be_read_and_the_step_passes(check: str) -> None:
    found = result(shrink(ALL_OUT, {}, wanted=0), check, 0)
    assert found.verdict is Verdict.PASS, found.reason
    if check in ("continuity", "replication", "clone"):
        assert found.reason == "no database pod is wanted in this step, so nothing can be read; a later step reads them"


def test_when_the_pods_are_back_all_is_judged() -> None:
    found = judge(History(shrink(ALL_OUT, {"clone": "resume"}, wanted=0)))
    assert found.verdict is Verdict.PASS, found.reason
    assert found.reason.startswith("in all 2 steps every limit held, and all 2")
    lost = change(shrink(ALL_OUT, {}, wanted=0), a(Contents, step=1), rows=())
    assert judge(History(lost)).verdict is Verdict.FAIL


@pytest.mark.parametrize("check", ["continuity", "replication", "clone"])
def test_with_no_pod_wanted_and_none_to_come_it_is_unknown(check: str) -> None:
    found = result(shrink(ALL_OUT, {}, wanted=0, one_step=True), check, 0)
    assert found.verdict is Verdict.UNKNOWN


def test_pods_that_are_gone_without_being_unwanted_are_no_excuse() -> None:
    records = shrink(ALL_OUT, {}, wanted=0)
    began = next(r for r in records if isinstance(r, RunBegun))
    steps = [dict(step, action="delete-pod", params={}) for step in began.plan["steps"]]
    records[0] = replace(began, plan=began.plan | {"steps": steps})
    assert result(records, "continuity", 0).verdict is Verdict.UNKNOWN


def test_while_reads_may_stay_out_what_the_site_serves_is_not_judged() -> None:
    records = change(shrink(ALL_OUT, {}, wanted=0), a(SiteContents, step=0), baseline={"seed 1": "missing (500)"})
    assert result(records, "continuity", 0).verdict is Verdict.PASS
    assert result(change(records, a(SiteContents, step=0), error="timeout"), "continuity", 0).verdict is Verdict.PASS
    records = change(shrink(OUT, {}), a(SiteContents, step=0), baseline={"seed 1": "missing (500)"})
    assert keys(result(records, "continuity", 0)) == ["seed:site", "picture:site"]


def test_a_pod_that_is_gone_and_one_that_was_never_wanted_are_not_mixed_up() -> None:
    records = drop(shrink(OUT, {}), lambda r: isinstance(r, PodSeen) and r.name == "mysql-1" and r.at > 20)
    records = [r for r in records if not (isinstance(r, (Contents, ReplicaSeen)) and r.pod == "mysql-1" and r.at > 20)]
    assert keys(result(records, "replication", 1)) == ["missing-pods:database"]


def test_pods_that_a_step_would_have_brought_back_are_not_missed_where_its_fault_was_never_put_in() -> None:
    records = shrink(OUT, {}, up=99.0)
    records = drop(records, lambda r: isinstance(r, (ActionBegun, ActionEnded)) and r.step == 1)
    records = [r for r in records if not (isinstance(r, PodSeen) and r.at > 20)]
    records = [r for r in records if getattr(r, "pod", "") not in DATABASES[1:] or moment(r) < 20]
    assert result(records, "replication", 1).figures["expected_pods"] == 1
    assert result(records, "replication", 1).verdict is Verdict.PASS
    assert judge(History(records)).verdict is Verdict.UNKNOWN
