"""Effect: a step whose fault did nothing proves nothing. Recovery: what was waited for came, and all was put back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import END, FAULT, STEADY, a, change, drop, keys, pod, result, story

from chaos.history import (
    ActionBegun,
    ActionEnded,
    PodSaid,
    PodSeen,
    Record,
    StepBegun,
    StepEnded,
    UndoDone,
    VolumeSeen,
    WaitEnded,
)
from chaos.verdict import Verdict


def test_a_pod_that_was_replaced_shows_the_effect() -> None:
    found = result(story(), "effect")
    assert (found.verdict, found.reason) == (Verdict.PASS, "the fault took hold: mysql-0 was replaced by a new pod")


def test_a_pod_that_was_deleted_for_good_shows_the_effect() -> None:
    records = drop(story(), lambda r: isinstance(r, PodSeen) and r.uid == "mysql-0-new")
    assert result(records, "effect").reason == "the fault took hold: mysql-0 was deleted"


@pytest.mark.parametrize("back", [False, True])
def test_a_number_of_pods_that_changed_shows_the_effect_of_scaling(back: bool) -> None:
    records = change(story(), a(ActionBegun), objects=("statefulset/mysql",), action="scale")
    assert result(records, "effect").verdict is Verdict.UNKNOWN
    records.append(pod(FAULT + 1, "mysql-2", "database/replica", change="deleted"))
    assert result(records, "effect").reason == "the fault took hold: database went from 3 pods to 2"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"happened": False}, "the fault had no effect, so this step proves nothing"),
        ({"happened": None}, "nobody looked whether the fault had an effect"),
        ({"happened": None, "error": "forbidden"}, "the fault could not be put in (forbidden)"),
    ],
)
def test_a_fault_without_an_effect_is_unknown(changes: dict[str, Any], says: str) -> None:
    found = result(change(story(), a(ActionEnded), **changes), "effect")
    assert found.verdict is Verdict.UNKNOWN
    assert says in found.reason


@pytest.mark.parametrize("cls", [ActionBegun, ActionEnded])
def test_a_fault_that_was_not_written_down_is_unknown(cls: type[Record]) -> None:
    assert result(drop(story(), a(cls)), "effect").verdict is Verdict.UNKNOWN


def test_an_effect_that_no_pod_shows_is_unknown() -> None:
    found = result(drop(story(), lambda r: isinstance(r, PodSeen) and r.at > FAULT), "effect")
    assert found.verdict is Verdict.UNKNOWN
    assert "mysql-0 was not seen to change" in found.reason


def test_an_action_on_what_is_no_pod_is_believed() -> None:
    records = drop(story(), lambda r: isinstance(r, PodSeen) and r.at > FAULT)
    assert result(change(records, a(ActionBegun), objects=("network/x",)), "effect").verdict is Verdict.PASS


def test_what_was_waited_for_came() -> None:
    found = result(story(), "recovery")
    assert found.verdict is Verdict.PASS
    assert found.figures["database/ready"] == {"came": True, "took_s": 4.0}


def test_what_did_not_come_in_time_fails() -> None:
    found = result(change(story(), a(WaitEnded, condition="database/ready"), satisfied=False, took_s=180.0), "recovery")
    assert (found.verdict, found.reason) == (Verdict.FAIL, "database/ready did not come within 180 s")


def test_answers_that_did_not_become_steady_fail_with_who_it_was() -> None:
    records = change(story(), a(WaitEnded, at=STEADY), satisfied=False, detail="no steady good answers to posts")
    assert result(records, "recovery").reason == "steady good answers to posts did not come within 3 s"


def test_a_stack_that_was_not_steady_before_the_fault_is_unknown() -> None:
    records = drop(story(), a(ActionBegun))
    records = change(records, a(WaitEnded, condition="steady before the fault"), satisfied=False)
    found = result(records, "recovery")
    assert found.verdict is Verdict.UNKNOWN
    assert "there was no fault" in found.reason


def test_a_step_that_was_cut_short_is_unknown() -> None:
    assert (
        result(change(story(), a(StepEnded), problem="delete-pod could not be aimed"), "recovery").verdict
        is Verdict.UNKNOWN
    )
    assert result(drop(story(), a(StepEnded)), "recovery").verdict is Verdict.UNKNOWN


def test_nothing_waited_for_is_unknown() -> None:
    assert result(drop(story(), a(WaitEnded)), "recovery").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("changes", [{"error": "2 of 3 ready", "verified": False}, {"verified": False}])
def test_an_undo_that_did_not_hold_is_unknown_and_a_later_one_that_held_mends_it(changes: dict[str, Any]) -> None:
    records = change(story(), a(UndoDone), **changes)
    found = result(records, "recovery")
    assert found.verdict is Verdict.UNKNOWN
    assert "could not be put back" in found.reason
    assert result([*records, UndoDone(END + 9, 0, True)], "recovery").verdict is Verdict.PASS


def test_an_undo_that_never_came_is_unknown() -> None:
    assert "was not put back" in result(drop(story(), a(UndoDone)), "recovery").reason


def acted(records: list[Record], action: str, *objects: str, target: str = "database") -> list[Record]:
    """The records with another action on other objects."""
    records = change(records, a(ActionBegun), action=action, objects=objects)
    return change(records, a(StepBegun), action=action, target=target)


def test_of_several_pods_each_has_to_be_seen_to_go() -> None:
    records = acted(story(), "delete-pod", "pod/mysql-0", "pod/mysql-1")
    found = result(records, "effect")
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN,
        "the action says that the fault took hold, but mysql-1 was not seen to change, so this step proves nothing",
    )
    records.append(pod(FAULT + 2, "mysql-1", "database/replica", uid="new"))
    found = result(records, "effect")
    assert found.figures["pods"] == ["mysql-0 was replaced by a new pod", "mysql-1 was replaced by a new pod"]


@pytest.mark.parametrize("object_", ["pod/mysql-1", "pod/mysql-1/mysql"])
def test_a_killed_process_shows_as_a_restart_within_the_same_pod(object_: str) -> None:
    records = acted(story(), "kill-process", object_)
    assert result(records, "effect").verdict is Verdict.UNKNOWN
    again = replace(pod(FAULT + 2, "mysql-1", "database/replica"), restarts=1)
    found = result([*records, again], "effect")
    assert (found.verdict, found.reason) == (
        Verdict.PASS, "the fault took hold: a container of mysql-1 was started again",
    )  # fmt: skip
    other_pod = replace(again, uid="another")
    assert result([*records, other_pod], "effect").verdict is Verdict.UNKNOWN


def test_a_deleted_volume_shows_as_a_new_claim_and_a_new_pod() -> None:
    records = acted(story(), "delete-volume", "pod/mysql-0", "persistentvolumeclaim/data-mysql-0")
    found = result(records, "effect")
    assert found.verdict is Verdict.UNKNOWN
    assert "data-mysql-0 was not seen to change" in found.reason
    renewed = change(records, a(VolumeSeen, when="after", pod="mysql-0"), claim_uid="new")
    found = result(renewed, "effect")
    assert (found.verdict, found.reason) == (
        Verdict.PASS,
        "the fault took hold: claim data-mysql-0 is a new one, mysql-0 was replaced by a new pod",
    )
    same_pod = drop(renewed, lambda r: isinstance(r, PodSeen) and r.at > FAULT)
    assert result(same_pod, "effect").verdict is Verdict.UNKNOWN


def test_a_deleted_volume_without_a_pod_on_it_is_believed() -> None:
    records = acted(story(), "delete-volume", "persistentvolumeclaim/data-mysql-5")
    found = result(records, "effect")
    assert (found.verdict, found.reason) == (Verdict.PASS, "the fault took hold: claim data-mysql-5 was deleted")


def test_a_service_that_was_stopped_shows_as_no_pod_of_it() -> None:
    records = acted(story(), "stop-service", "deployment/nfs-server", target="files")
    records.append(pod(0.1, "nfs-server-x", "files"))
    assert result(records, "effect").verdict is Verdict.UNKNOWN
    stopped = [*records, pod(FAULT + 1, "nfs-server-x", "files", change="deleted")]
    assert result(stopped, "effect").reason == "the fault took hold: files went from 1 pod to 0"
    started = acted(stopped, "start-service", "deployment/nfs-server", target="files")
    started = [r for r in started if not (isinstance(r, PodSeen) and r.role == "files")]
    started += [pod(1.0, "nfs-server-x", "files"), pod(2.0, "nfs-server-x", "files", change="deleted")]
    started.append(pod(FAULT + 3, "nfs-server-y", "files", uid="new"))
    assert result(started, "effect").reason == "the fault took hold: files went from 0 pods to 1"


def test_a_roll_out_has_to_replace_every_pod() -> None:
    records = acted(story(), "rolling-restart", "pod/site-a", "pod/site-b", target="site")
    records.append(pod(FAULT + 1, "site-a", "site", change="deleted"))
    assert "site-b was not seen to change" in result(records, "effect").reason
    records.append(pod(FAULT + 2, "site-b", "site", change="deleted"))
    assert result(records, "effect").reason == "the fault took hold: site-a was deleted, site-b was deleted"


def test_what_unwell_pods_said_is_in_the_figures_and_one_line_of_each_in_the_reason() -> None:
    records = change(story(), a(WaitEnded, condition="database/ready"), satisfied=False, took_s=180.0)
    lines = ("Running on node-1", "mysql: waiting CrashLoopBackOff, 3 restarts", "  no donor", "BackOff: restarting")
    records += [PodSaid(END, 0, "mysql-2", lines), PodSaid(END, 1, "mysql-1", ("of another step",))]
    found = result(records, "recovery")
    assert found.reason == (
        "database/ready did not come within 180 s; mysql-2: mysql: waiting CrashLoopBackOff, 3 restarts"
    )
    assert found.figures["pods_said"] == {"mysql-2": list(lines)}
    more = [PodSaid(END, 0, "", ("FailedCreate: quota",)), PodSaid(END, 0, "x", ()), PodSaid(END, 0, "mysql-1", lines)]
    several = result([*records, *more], "recovery").reason
    assert several.endswith("; mysql-1, mysql-2: mysql: waiting CrashLoopBackOff, 3 restarts, x: it said nothing")
    alone = [r for r in records if not isinstance(r, PodSaid)]
    assert result([*alone, more[0]], "recovery").reason.endswith("; no pod: FailedCreate: quota")
    assert keys(found) == ["not-ready:database"]


def test_a_wait_for_answers_that_does_not_name_streams_is_one_finding() -> None:
    found = result(change(story(), a(WaitEnded, at=STEADY), satisfied=False, detail="the API is away"), "recovery")
    assert keys(found) == ["not-steady"]
