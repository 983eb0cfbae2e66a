"""A fresh row arrives on every replica, and whole tables are the same; "running, lag 0" is what a replica says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import FAULT, PLAN, a, change, drop, keys, pod, result, story

from chaos.history import TOO_LARGE, Contents, Heartbeat, Record, ReplicaSeen, StepEnded, WaitEnded, Write
from chaos.verdict import CheckResult, Verdict

TABLES = {"hachaos.ledger": "9:aa", "wordpress.wp_posts": "4:bb"}


def beaten(*, expect: dict[str, Any] | None = None, **changes: Any) -> list[Record]:
    """The story with its fresh row changed; one that was not written no pod holds."""
    records = change(story(expect=expect), a(Heartbeat, step=0), **changes)
    if changes.get("outcome", "ok") == "ok":
        return records
    return [
        replace(r, rows=tuple(row for row in r.rows if row[1] != "beat-0")) if isinstance(r, Contents) else r
        for r in records
    ]


OUT = {"writes": {"may_stay_out": True}}
REFUSED: dict[str, Any] = {"outcome": "fail", "reason": "refused", "key": None, "arrived": {}}


def replication(records: list[Record]) -> CheckResult:
    return result(records, "replication")


def test_a_fresh_row_that_arrives_passes_and_says_after_how_long() -> None:
    found = replication(beaten())
    assert found.verdict is Verdict.PASS
    assert found.figures["heartbeat"]["arrived_s"] == {"mysql-1": 0.1, "mysql-2": 0.1}


def test_a_fresh_row_is_one_of_the_run_s_writes() -> None:
    assert result(beaten(), "continuity").verdict is Verdict.PASS
    lacking = [
        replace(r, rows=r.rows[:-1]) if isinstance(r, Contents) and (r.step, r.pod) == (0, "mysql-2") else r
        for r in beaten()
    ]
    found = result(lacking, "continuity")
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["missing-row:mysql-2"])


def test_a_replica_that_says_it_replicates_and_gets_no_fresh_row_fails() -> None:
    found = replication(beaten(arrived={"mysql-1": 0.1, "mysql-2": None}))
    assert found.verdict is Verdict.FAIL
    assert keys(found) == ["no-heartbeat:mysql-2"]
    assert found.reason == "mysql-2 says that it replicates, but a fresh row of mysql-0 did not arrive there"


def test_where_nobody_waited_for_the_stack_a_fresh_row_that_is_late_is_unknown() -> None:
    records = drop(beaten(arrived={"mysql-1": None, "mysql-2": 0.1}), a(WaitEnded, step=0))
    records = change(records, a(StepEnded, index=0), problem="cut short")
    assert replication(records).verdict is Verdict.UNKNOWN


def test_a_fresh_row_that_could_not_be_written_leaves_it_open() -> None:
    found = replication(beaten(**REFUSED))
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "no fresh row could be written to mysql-0 (refused)")


def test_writers_that_may_be_out_need_no_fresh_row() -> None:
    found = replication(beaten(expect={"writes": {"may_stay_out": True}}, **REFUSED))
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize(("expect", "verdict"), [({}, Verdict.UNKNOWN), (OUT, Verdict.PASS)])
def test_without_a_fresh_row_nothing_shows_that_replication_goes_on(expect: dict[str, Any], verdict: Verdict) -> None:
    found = replication(drop(beaten(expect=expect), a(Heartbeat)))
    assert found.verdict is verdict
    if verdict is Verdict.UNKNOWN:
        assert found.reason == "no fresh row was written, so that replication goes on was not shown"


def test_one_pod_alone_needs_no_fresh_row() -> None:
    fewer = {"index": 0, "action": "scale", "target": "database", "params": {"replicas": 1}}
    records = drop(story(plan=PLAN | {"steps": [fewer]}), a(Heartbeat))
    for name in ("mysql-1", "mysql-2"):
        records = drop(records, lambda r, name=name: isinstance(r, (Contents, ReplicaSeen)) and r.pod == name)
        records.append(pod(FAULT + 1, name, "database/replica", change="deleted"))
    assert replication(records).verdict is Verdict.PASS


def tables(**of_mysql_2: str) -> list[Record]:
    records = change(story(), a(Contents, step=0), tables=TABLES)
    named = {name.replace("__", "."): value for name, value in of_mysql_2.items()}
    return change(records, a(Contents, step=0, pod="mysql-2"), tables=TABLES | named)


def test_tables_that_are_the_same_pass() -> None:
    assert replication(tables()).verdict is Verdict.PASS


def test_a_table_that_differs_at_one_position_fails_with_both_sums() -> None:
    found = replication(tables(wordpress__wp_posts="4:bc"))
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["differs:mysql-2"])
    assert "1 table of it is other: wordpress.wp_posts (4:bc, not 4:bb)" in found.reason


def test_the_tables_and_the_seed_content_that_differ_are_listed() -> None:
    records = change(
        tables(wordpress__wp_posts="4:bc", wordpress__wp_more="1:1"),
        a(Contents, step=0, pod="mysql-2"),
        baseline={"seed 1": "1:aa", "seed 2": "1:zz"},
    )
    (one,) = replication(records).figures["findings"]
    assert one["tables"] == [
        {"table": "wordpress.wp_more", "here": "1:1", "on_primary": "missing"},
        {"table": "wordpress.wp_posts", "here": "4:bc", "on_primary": "4:bb"},
    ]
    assert one["seed"] == ["seed 2"]
    assert not one.keys() & {"items", "lacks", "has_more"}


def test_the_entries_that_differ_are_named_with_ids_times_and_pods() -> None:
    records = [
        replace(r, rows=(*(row for row in r.rows if row[0] not in (5, 6, 7)), (990, "who")))
        if isinstance(r, Contents) and (r.step, r.pod) == (0, "mysql-2")
        else r
        for r in story()
    ]
    (one,) = replication(records).figures["findings"]
    assert (one["lacks"], one["has_more"]) == ({"row": "5-7"}, {"row": "990"})
    assert one["items"][0] == {"what": "row", "token": "who", "held_as": [990], "on": ["mysql-2"]} | {
        "not_on": ["mysql-0", "mysql-1"]
    }
    write = next(r for r in records if isinstance(r, Write) and r.token == "row-4")
    assert one["items"][1] == {"what": "row", "token": "row-4", "outcome": "ok", "at_s": write.end, "id": 5} | {
        "held_as": [5], "on": ["mysql-0", "mysql-1"], "not_on": ["mysql-2"]
    }  # fmt: skip


def test_a_table_that_only_one_pod_has_fails() -> None:
    found = replication(tables(wordpress__wp_more="1:1"))
    assert found.verdict is Verdict.FAIL
    assert "wordpress.wp_more (1:1, not missing)" in found.reason


def test_a_table_that_was_too_large_to_be_read_is_named() -> None:
    found = replication(tables(wordpress__wp_posts=TOO_LARGE))
    assert found.verdict is Verdict.PASS
    assert found.figures["not_compared"] == ["wordpress.wp_posts"]
    assert found.reason.endswith("; not compared, as they are too large: wordpress.wp_posts")
    whole = replication(tables())
    assert (whole.figures["not_compared"], "not compared" in whole.reason) == ([], False)


@pytest.mark.parametrize("of_mysql_1", [{}, dict.fromkeys(TABLES, TOO_LARGE)], ids=["no tables", "all too large"])
def test_a_pod_of_which_no_table_was_compared_is_unknown(of_mysql_1: dict[str, str]) -> None:
    found = replication(change(tables(), a(Contents, step=0, pod="mysql-1"), tables=of_mysql_1))
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN, "no table of mysql-1 was compared with those of mysql-0",
    )  # fmt: skip
