"""What the cluster did not answer is not known: it is neither well nor broken, whatever was asked."""

from __future__ import annotations

import pytest
from histories import STEADY, a, change, drop, result, story

from chaos.history import ActionEnded, Contents, Record, ReplicaSeen, SiteContents, VolumeSeen, WaitEnded
from chaos.verdict import Verdict

AWAY = "GET api/v1/namespaces/wordpress/pods: no answer from the API server after 10.0 s"


def test_pods_that_could_not_be_listed_are_not_no_pods() -> None:
    records: list[Record] = drop(story(), lambda r: isinstance(r, Contents | SiteContents) and r.step == 0)
    records.append(Contents(STEADY, 0, "", primary=False, error=AWAY))
    for check in ("continuity", "replication"):
        assert result(records, check).verdict is Verdict.UNKNOWN, check


def test_volumes_of_pods_that_could_not_be_listed_are_not_none() -> None:
    records = drop(story(), lambda r: isinstance(r, VolumeSeen) and r.when == "after")
    records.append(VolumeSeen(STEADY, 0, "after", "", "", "", "", "", error=AWAY))
    assert result(records, "clone").verdict is Verdict.UNKNOWN


def test_a_volume_on_which_no_command_ends_is_not_another_one() -> None:
    records = change(
        story(), lambda r: isinstance(r, VolumeSeen) and r.when == "after" and r.pod == "mysql-0",
        error="sh in mysql-0/mysql: no end after 10 s", born=None, provenance=None, marks=None, mark="",
    )  # fmt: skip
    assert result(records, "clone").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("cls", [Contents, SiteContents])
def test_one_pod_that_could_not_be_read_is_not_one_that_holds_nothing(cls: type[Contents] | type[SiteContents]) -> None:
    first = next(r for r in story() if isinstance(r, cls) and r.step == 0)
    empty = {"rows": (), "posts": (), "tables": {}} if cls is Contents else {"uploads": ()}
    records = change(
        story(), lambda r: isinstance(r, cls) and r.step == 0 and r.pod == first.pod, error=AWAY, baseline={}, **empty
    )
    assert result(records, "continuity").verdict is Verdict.UNKNOWN


def test_a_replica_that_was_not_asked_is_not_one_that_does_not_replicate() -> None:
    records = change(
        story(), a(ReplicaSeen), error="timed out", io_running=None, sql_running=None, gtid=None, read_only=None
    )
    assert result(records, "replication").verdict is Verdict.UNKNOWN


def test_a_fault_whose_effect_nobody_could_look_for_is_neither_in_nor_out() -> None:
    assert result(change(story(), a(ActionEnded), happened=None, effect={}), "effect").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("satisfied", [True, False])
def test_what_nobody_could_look_at_when_its_time_was_over_may_have_come_in_time(satisfied: bool) -> None:
    records = change(
        story(), lambda r: isinstance(r, WaitEnded) and r.condition == "database/ready",
        satisfied=satisfied, unknown=True, detail=AWAY,
    )  # fmt: skip
    found = result(records, "recovery")
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason.startswith("whether database/ready came in time is not known (GET")


def test_what_was_looked_at_and_did_not_come_fails() -> None:
    records = change(story(), lambda r: isinstance(r, WaitEnded) and r.condition == "database/ready", satisfied=False)
    assert result(records, "recovery").verdict is Verdict.FAIL
