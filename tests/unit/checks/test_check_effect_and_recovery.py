"""Effect: a step whose fault did nothing proves nothing. Recovery: what was waited for came, and all was put back."""

from __future__ import annotations

from typing import Any

import pytest
from histories import END, FAULT, STEADY, a, change, drop, pod, result, story

from chaos.history import ActionBegun, ActionEnded, PodSeen, Record, StepEnded, UndoDone, WaitEnded
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
