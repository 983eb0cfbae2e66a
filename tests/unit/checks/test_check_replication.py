"""Replication: one pod takes writes, the others replicate and hold the same; words alone prove nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import END, FAULT, PLAN, READING, a, change, drop, keys, pod, result, story

from chaos.history import Contents, PodSeen, Record, ReplicaSeen, StepEnded, WaitEnded
from chaos.verdict import CheckResult, Verdict


def replication(records: list[Record]) -> CheckResult:
    return result(records, "replication")


def gone(records: list[Record], *pods: str) -> list[Record]:
    """The records with some database pods deleted before the reading, and nothing said of them any more."""
    deleted = [
        replace(r, at=FAULT + 1, change="deleted")
        for r in records
        if isinstance(r, PodSeen) and r.name in pods and r.at < 1
    ]
    return [r for r in records if not (isinstance(r, (Contents, ReplicaSeen)) and r.pod in pods)] + list(deleted)


def test_replicas_that_run_and_hold_the_same_pass() -> None:
    found = replication(story())
    assert (found.verdict, found.figures["primary"]) == (Verdict.PASS, "mysql-0")
    assert found.figures["pods"]["mysql-1"]["lacks"] == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"io_running": "Connecting", "last_error": "error 2003"}, "IO Connecting, SQL Yes, lag 0 s: error 2003"),
        ({"sql_running": "No"}, "IO Yes, SQL No"),
        ({"io_running": None, "sql_running": None, "lag_s": None}, "it has no source"),
    ],
)
def test_a_replica_that_does_not_run_fails(changes: dict[str, Any], says: str) -> None:
    found = replication(change(story(), a(ReplicaSeen, pod="mysql-2"), **changes))
    assert found.verdict is Verdict.FAIL
    assert "mysql-2 does not replicate" in found.reason
    assert says in found.reason


def test_a_replica_that_says_it_runs_and_holds_other_content_fails_in_these_words() -> None:
    records = [
        replace(r, rows=(*r.rows[:-2], (998, "x")))
        if isinstance(r, Contents) and (r.step, r.pod) == (0, "mysql-1")
        else r
        for r in story()
    ]
    found = replication(records)
    assert found.verdict is Verdict.FAIL
    assert found.reason == (
        "mysql-1 says that it replicates (IO Yes, SQL Yes, lag 0 s), but holds other content than mysql-0: "
        "it lacks 2 entries, it has 1 entry more"
    )


def test_a_replica_with_other_seed_content_fails() -> None:
    found = replication(change(story(), a(Contents, step=0, pod="mysql-1"), baseline={"seed 1": "2:zz"}))
    assert found.verdict is Verdict.FAIL
    assert "the seed content differs (seed 1, seed 2)" in found.reason


def test_equal_content_at_another_position_is_unknown() -> None:
    records = change(story(), a(ReplicaSeen, pod="mysql-1"), gtid="0-100-49")
    found = replication(change(records, a(Contents, step=0, pod="mysql-1"), gtid="0-100-49"))
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN, "mysql-1 was read at position 0-100-49, mysql-0 at position 0-100-50",
    )  # fmt: skip


def test_a_write_between_two_readings_of_pods_that_had_met_is_no_difference() -> None:
    assert replication(change(story(), a(Contents, step=0, pod="mysql-1"), gtid="0-100-51")).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0-100-9,1-2-3", "1-2-3, 0-100-9"),
        (
            "3E11FA47-71CA-11E1-9E33-C80AA9429562:1-3:4-5",
            "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5",
        ),
        ("binlog.000002:154", "binlog.000002:154"),
    ],
)
def test_positions_that_mean_the_same_are_the_same(one: str, other: str) -> None:
    records = change(story(), a(Contents, step=0), gtid=one)
    assert replication(change(records, a(Contents, step=0, pod="mysql-1"), gtid=other)).verdict is Verdict.PASS


def test_two_writable_pods_fail() -> None:
    found = replication(change(story(), a(ReplicaSeen, pod="mysql-1"), read_only=False))
    assert found.verdict is Verdict.FAIL
    assert "2 pods take writes (mysql-0, mysql-1)" in found.reason


def test_no_writable_pod_fails() -> None:
    found = replication(change(story(), a(ReplicaSeen, pod="mysql-0"), read_only=True))
    assert (found.verdict, found.reason) == (Verdict.FAIL, "no database pod takes writes")


def test_a_writable_pod_that_is_not_the_primary_fails() -> None:
    records = change(story(), a(ReplicaSeen, pod="mysql-0"), read_only=True)
    found = replication(change(records, a(ReplicaSeen, pod="mysql-1"), read_only=False))
    assert found.verdict is Verdict.FAIL
    assert "mysql-1 takes writes, but mysql-0 is the primary" in found.reason


@pytest.mark.parametrize("changes", [{"error": "timeout", "read_only": None}, {"read_only": None}])
def test_a_pod_whose_role_is_not_known_is_unknown(changes: dict[str, Any]) -> None:
    found = replication(change(story(), a(ReplicaSeen, pod="mysql-0"), **changes))
    assert found.verdict is Verdict.UNKNOWN
    assert "whether mysql-0 takes writes is not known" in found.reason


def test_a_pod_whose_content_could_not_be_read_is_unknown() -> None:
    for name in ("mysql-0", "mysql-1"):
        found = replication(change(story(), a(Contents, step=0, pod=name), error="timeout"))
        assert found.verdict is Verdict.UNKNOWN


def test_a_pod_without_a_state_since_the_fault_is_unknown() -> None:
    found = replication(change(story(), a(ReplicaSeen, pod="mysql-1"), at=FAULT - 1))
    assert found.verdict is Verdict.UNKNOWN
    assert "no state was seen after the fault" in found.reason


def test_a_state_from_long_before_the_reading_is_no_state() -> None:
    records = change(story(), a(Contents, step=0), at=READING + 60)
    records = change(records, lambda r: r.kind == "step-ended", at=END + 60)
    assert replication(records).verdict is Verdict.UNKNOWN


def test_one_look_that_timed_out_does_not_take_back_the_one_before() -> None:
    records = [*story(), ReplicaSeen(READING + 0.1, "mysql-1", error="timeout")]
    assert replication(records).verdict is Verdict.PASS


def test_fewer_pods_than_there_were_fail() -> None:
    found = replication(gone(story(), "mysql-2"))
    assert (found.verdict, found.reason) == (Verdict.FAIL, "2 of 3 database pods are there")


def test_scaled_down_to_one_there_are_no_replicas_to_judge() -> None:
    plan = PLAN | {"steps": [{"index": 0, "action": "scale", "target": "database", "params": {"replicas": 1}}]}
    found = replication(gone(story(plan=plan), "mysql-1", "mysql-2"))
    assert (found.verdict, found.reason) == (Verdict.PASS, "mysql-0 takes writes, and no replicas are wanted")


def test_without_the_stacks_figures_as_many_pods_as_before_the_fault_are_expected() -> None:
    records = change(story(), lambda r: r.kind == "run-begun", stack={})
    assert replication(records).figures["expected_pods"] == 3
    assert replication(gone(records, "mysql-2")).verdict is Verdict.FAIL


def test_without_anything_seen_it_is_unknown() -> None:
    records = [r for r in story() if not isinstance(r, (Contents, ReplicaSeen, PodSeen))]
    assert replication(records).verdict is Verdict.UNKNOWN
    records = change(records, lambda r: r.kind == "run-begun", stack={})
    assert "not known how many" in replication(records).reason
    assert replication(drop(story(), a(Contents))).verdict is Verdict.UNKNOWN


def test_a_site_pod_that_is_gone_and_never_comes_back_fails() -> None:
    records = [*story(), pod(FAULT + 1, "site-b", "site", change="deleted")]
    found = replication(records)
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["missing-pods:site"])
    assert found.reason == "1 of 2 site pods are there"
    excused = [*story(expect={"reads": {"may_stay_out": True}}), records[-1]]
    assert replication(excused).verdict is Verdict.PASS
    fewer = {"index": 0, "action": "scale", "target": "site", "params": {"replicas": 1}}
    assert replication([*story(plan=PLAN | {"steps": [fewer]}), records[-1]]).verdict is Verdict.PASS


def test_what_the_pod_before_said_does_not_stand_in_for_the_new_one() -> None:
    records = change(story(), a(ReplicaSeen, pod="mysql-0"), at=FAULT + 0.2)
    found = replication(records)
    assert (found.verdict, found.figures["pods"]["mysql-0"].get("read_only")) == (Verdict.UNKNOWN, None)
    assert "whether mysql-0 takes writes is not known (no state was seen after the fault)" in found.reason


def test_what_takes_time_to_come_back_is_unknown_where_nobody_waited() -> None:
    records = change(gone(story(), "mysql-2"), a(ReplicaSeen, pod="mysql-1"), io_running="No")
    assert keys(replication(records)) == ["missing-pods:database", "not-replicating:mysql-1"]
    hasty = drop(records, lambda r: isinstance(r, WaitEnded) and r.at > FAULT)
    found = replication(hasty)
    assert found.verdict is Verdict.UNKNOWN
    assert "2 of 3 database pods are there, but the stack was not given the time to come back" in found.reason
    cut = drop(records, a(StepEnded, index=0))
    assert replication(cut).verdict is Verdict.UNKNOWN
    split = change(hasty, a(ReplicaSeen, pod="mysql-1"), read_only=False)
    assert keys(replication(split)) == ["two-writable"], "what no waiting mends stays a fault"


BETWEEN = {"post": (77777, "a visitor wrote this"), "row": (5555, "row-late")}
"""What somebody committed between the readings of two pods: after the first, and before the second."""


def one_more(pod: str, gtid: str, what: str = "post", others: str = "0-100-50") -> list[Record]:
    """One more entry on this pod, which was read at this position."""
    records = change(story(), a(Contents, step=0), gtid=others)
    return [
        replace(r, gtid=gtid, **{f"{what}s": (*getattr(r, f"{what}s"), BETWEEN[what])})
        if isinstance(r, Contents) and (r.step, r.pod) == (0, pod)
        else r
        for r in records
    ]


SET = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-"


@pytest.mark.parametrize(
    ("pod", "gtid", "others"),
    [
        ("mysql-0", "0-100-51", "0-100-50"),
        ("mysql-0", "0-102-51", "0-100-50"),
        ("mysql-0", "binlog.000003:4", "binlog.000002:700"),
        ("mysql-1", "0-100-51", "0-100-50"),
        ("mysql-1", SET + "51", SET + "50"),
        ("mysql-1", "binlog.000002:800", "binlog.000002:700"),
        ("mysql-0", "", "0-100-50"),
        ("mysql-1", "", "0-100-50"),
        ("mysql-1", "", ""),
    ],
)
@pytest.mark.parametrize("what", ["row", "post"])
def test_a_commit_by_somebody_else_between_two_readings_is_no_difference(
    pod: str, gtid: str, others: str, what: str
) -> None:
    found = replication(one_more(pod, gtid, what, others))
    assert found.verdict is Verdict.UNKNOWN
    assert "what was written between the two may be all that differs" in found.reason


@pytest.mark.parametrize(
    ("pod", "gtid", "others"),
    [
        ("mysql-1", "0-101-51", "0-100-50"),
        ("mysql-1", SET + "50,4e11fa47-71ca-11e1-9e33-c80aa9429562:1", SET + "50"),
        ("mysql-1", "0-100-49", "0-100-50"),
        ("mysql-0", "0-100-49", "0-100-50"),
        ("mysql-0", "0-100-50", "0-100-50"),
        ("mysql-0", "binlog.000003:4", "0-100-50"),
        ("mysql-1", "word", "0-100-50"),
    ],
    ids=["own", "own set", "more though behind", "primary behind", "one position", "other kinds", "none"],
)
def test_what_positions_do_not_explain_stays_a_difference(pod: str, gtid: str, others: str) -> None:
    found = replication(one_more(pod, gtid, "post", others))
    assert found.verdict is Verdict.FAIL
    assert "differs:mysql-1" in keys(found)


def test_a_replica_that_is_behind_and_lacks_what_was_acknowledged_differs() -> None:
    records = change(story(), a(Contents, step=0, pod="mysql-1"), gtid="0-100-49")
    records = [
        replace(r, rows=r.rows[:-1]) if isinstance(r, Contents) and (r.step, r.pod) == (0, "mysql-1") else r
        for r in records
    ]
    assert keys(replication(records)) == ["differs:mysql-1"]


def test_a_replica_that_is_behind_and_lacks_what_it_held_before_differs() -> None:
    records = change(one_more("mysql-0", "0-100-51"), a(Contents, step=0, pod="mysql-1"), gtid="0-100-50")
    earlier = next(r for r in records if isinstance(r, Contents) and (r.step, r.pod) == (-2, "mysql-1"))
    records[records.index(earlier)] = replace(earlier, posts=(*earlier.posts, BETWEEN["post"]))
    assert "differs:mysql-1" in keys(replication(records))
    other = change(one_more("mysql-0", "0-100-51"), a(Contents, step=0, pod="mysql-2"), baseline={"seed 1": "2:zz"})
    assert keys(replication(other)) == ["differs:mysql-2"]


@pytest.mark.parametrize("positions", [("", "0-100-50"), ("0-100-50", ""), ("", "")])
def test_at_positions_that_are_not_known_tables_alone_leave_it_open_and_acknowledged_writes_do_not(
    positions: tuple[str, str],
) -> None:
    records = change(story(), a(Contents, step=0, pod="mysql-0"), gtid=positions[0])
    records = change(records, a(Contents, step=0, pod="mysql-1"), gtid=positions[1])
    other = change(records, a(Contents, step=0, pod="mysql-1"), tables={"wordpress.wp_options": "9:9"})
    assert replication(other).verdict is Verdict.UNKNOWN
    for lacking in ("mysql-0", "mysql-1"):
        spoilt = [
            replace(r, rows=r.rows[:-1]) if isinstance(r, Contents) and (r.step, r.pod) == (0, lacking) else r
            for r in records
        ]
        assert "differs:mysql-1" in keys(replication(spoilt))


def test_of_an_error_that_quotes_a_whole_statement_the_sentence_has_the_beginning() -> None:
    said = "Error 'Duplicate entry '4' for key 'PRIMARY'' on query. Query: 'INSERT INTO `wp_posts` (" + "`it`, " * 60
    records = change(story(), a(ReplicaSeen, pod="mysql-1"), sql_running="No", last_error=said)
    found = result(records, "replication")
    assert "Duplicate entry '4' for key 'PRIMARY'' on query" in found.reason
    assert len(found.reason) < 400
    assert said in str(found.figures)
