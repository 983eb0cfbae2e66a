"""The tutorial's stack as it was measured: broken from the start, and its master comes back empty from a lost disk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from histories import FAULT, PLAN, SEED, STARTED_AT, a, change, keys, result, story

from chaos.checks.judge import judge
from chaos.history import ActionBegun, Contents, History, Record, ReplicaSeen, StepBegun, VolumeSeen, Write
from chaos.verdict import Verdict

RECORD = PLAN | {"baseline": "record"}
LEFT = {"kind": "xtrabackup", "how": "clone", "donor": "mysql-0", "gtid": "mysql-bin.000003:154"}
EMPTY = {"kind": "xtrabackup", "how": "bootstrap", "began": STARTED_AT + FAULT + 1}


def published(**more: Any) -> list[Record]:
    """All three pods take writes, no replica replicates, and posts land on whichever pod WordPress came to."""
    records = change(story(baseline=True, plan=RECORD, **more), a(ReplicaSeen), read_only=False)
    for pod in ("mysql-1", "mysql-2"):
        records = change(records, a(ReplicaSeen, pod=pod), io_running="No", sql_running="No", last_error="1062")
    return [_as_it_diverged(r) if isinstance(r, Contents) and r.step >= -1 else r for r in records]


def _as_it_diverged(reading: Contents) -> Contents:
    """Rows are on the master alone, a third of the posts on each pod."""
    number = int(reading.pod[-1])
    rows = reading.rows if reading.primary else reading.rows[:1]
    posts = (reading.posts[0], *(post for n, post in enumerate(reading.posts[1:]) if n % 3 == number))
    return replace(reading, rows=rows, posts=posts)


def lost_disk() -> list[Record]:
    """The same, and the master's claim is deleted: it comes back with nothing, and WordPress with no tables."""
    records = change(published(), a(StepBegun, index=0), action="delete-volume")
    objects = ("pod/mysql-0", "persistentvolumeclaim/data-mysql-0")
    records = change(records, a(ActionBegun), action="delete-volume", objects=objects)
    records = change(records, a(VolumeSeen), provenance=LEFT)
    records = change(
        records, a(VolumeSeen, step=0, when="after", pod="mysql-0"), claim_uid="claim-new", volume="pv-new",
        born=STARTED_AT + FAULT + 1, provenance=EMPTY,
    )  # fmt: skip
    records = change(
        records, lambda r: isinstance(r, Write) and r.start >= FAULT, outcome="fail", reason="error 1146", key=None
    )
    gone = dict.fromkeys(SEED, "missing (no such table)")
    return change(records, a(Contents, step=0, pod="mysql-0"), rows=(), posts=(), baseline=gone)


def test_the_baseline_finds_what_is_wrong_from_the_start() -> None:
    assert keys(result(published(), "replication", -1)) == [
        "two-writable", "not-replicating:mysql-1", "differs:mysql-1", "not-replicating:mysql-2", "differs:mysql-2",
    ]  # fmt: skip
    assert keys(result(published(), "continuity", -1)) == [
        "lost-post", "missing-row:mysql-1", "missing-post:mysql-1", "missing-row:mysql-2", "missing-post:mysql-2",
        "hole-post:mysql-1", "hole-post:mysql-2",
    ]  # fmt: skip


def test_a_fault_that_adds_nothing_new_fails_by_what_was_before() -> None:
    found = judge(History(published()))
    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith("not well before the first fault already: continuity: ")
    listed = [one for check in found.steps[1].checks for one in check.figures["findings"]]
    assert [one for one in listed if not one["before"]] == []


def test_the_lost_disk_is_told_apart_from_what_was_wrong_before() -> None:
    found = judge(History(lost_disk()))
    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith(
        "continuity: 252 of 252 acknowledged rows were lost, none of them missing before the first fault, all "
        "of them gone from every pod"
    )
    (_, step) = found.steps
    new = {one["key"] for check in step.checks for one in check.figures["findings"] if not one["before"]}
    assert new >= {"lost-row", "lost-post", "older-row:mysql-0", "seed:mysql-0", "empty:mysql-0", "out:rows"}
    old = {one["key"] for check in step.checks for one in check.figures["findings"] if one["before"]}
    assert old >= {"two-writable", "not-replicating:mysql-1", "differs:mysql-2"}


def test_where_a_replica_still_has_the_rows_the_advice_names_it() -> None:
    sound = story(baseline=True, plan=RECORD)
    records = [
        next(s for s in sound if isinstance(s, Contents) and (s.step, s.pod) == (r.step, r.pod))
        if isinstance(r, Contents) and r.pod != "mysql-0"
        else r
        for r in lost_disk()
    ]
    found = result(records, "continuity")
    assert ", none of them gone from every pod" in found.reason
    assert found.advice == (
        "mysql-1, mysql-2 each still hold 252 rows and 160 posts that the primary lacks: keep these volumes, and copy "
        "them back from one of them"
    )


def test_a_replica_that_differs_is_not_to_be_cloned_anew_before_what_it_alone_holds_was_copied() -> None:
    advice = result(published(), "replication").advice or ""
    assert "copy from it what it alone holds, then have it cloned anew" in advice
    assert result(story(baseline=True, plan=RECORD), "replication").advice is None
