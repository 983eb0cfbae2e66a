"""Effect and recovery: a pass needs everything to have been seen, whatever the action or the tool says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from chaos.checks import effect, recovery
from chaos.history import (
    ActionBegun,
    ActionEnded,
    History,
    PodSeen,
    Record,
    RunBegun,
    StepBegun,
    StepEnded,
    UndoDone,
    UndoPlanned,
    WaitEnded,
)
from chaos.verdict import Verdict

PODS = ("a", "b", "c")
FATES = ("replaced", "deleted", "restarted", "modified", "nothing", "seen only later")
SHOWS = {"delete-pod": {"replaced", "deleted"}, "kill-process": {"restarted"}}
"""By which fate of a pod each action is seen to have had its effect."""


@dataclass(frozen=True)
class Fault:
    """An action on some pods, what became of each pod after it, and what the action says."""

    action: str
    fates: tuple[tuple[str, str], ...]
    happened: bool | None
    error: str
    written: bool

    def records(self) -> list[Record]:
        """The fault at 10 s."""
        found: list[Record] = [seen(1.0, pod) for pod, fate in self.fates if fate != "seen only later"]
        found.append(ActionBegun(10.0, 0, self.action, tuple(f"pod/{pod}" for pod, _ in self.fates)))
        for pod, fate in self.fates:
            later = {
                "replaced": [seen(11.0, pod, change="deleted"), seen(12.0, pod, uid="new")],
                "deleted": [seen(11.0, pod, change="deleted")],
                "restarted": [seen(11.0, pod, restarts=1)],
                "modified": [seen(11.0, pod, ready=False)],
                "seen only later": [seen(11.0, pod)],
            }
            found += later.get(fate, [])
        if self.written:
            found.append(ActionEnded(13.0, 0, self.action, self.happened, {}, self.error))
        return found


def seen(at: float, pod: str, *, uid: str = "old", change: str = "modified", restarts: int = 0, ready: bool = True):
    return PodSeen(at, change, pod, f"{pod}-{uid}", "site", "n", "Running", ready, False, restarts, {})


faults = st.builds(
    Fault,
    action=st.sampled_from(sorted(SHOWS)),
    fates=st.lists(
        st.tuples(st.sampled_from(PODS), st.sampled_from(["replaced", *FATES])),
        min_size=1, unique_by=lambda one: one[0],
    ).map(tuple),
    happened=st.sampled_from([True, True, False, None]),
    error=st.sampled_from(["", "", "", "503"]),
    written=st.sampled_from([True, True, True, False]),
)  # fmt: skip


def story(records: list[Record], *, ended: bool = True, problem: str = "") -> History:
    begun = [
        RunBegun(2, "r", "s", "", 0.0, {}, {}, {}),
        StepBegun(0.0, 0, "break", "delete-pod", "site", {}),
    ]
    return History([*begun, *records, *([StepEnded(90.0, 0, problem)] if ended else [])])


@examples
@given(faults)
def test_a_fault_happened_when_the_action_and_the_watch_on_each_pod_say_so(fault: Fault) -> None:
    history = story(fault.records())
    found = effect.check(history, history.steps[0])
    every = all(fate in SHOWS[fault.action] for _, fate in fault.fates)
    if fault.action == "delete-pod":
        # Another pod of that name, of whose first self nobody had seen anything, is no replacement.
        every = every and all(fate != "seen only later" for _, fate in fault.fates)
    happened = fault.written and not fault.error and fault.happened is True and every
    assert found.verdict is (Verdict.PASS if happened else Verdict.UNKNOWN), found.reason


@dataclass(frozen=True)
class Recovery:
    """Waits before a fault and after it (whether each came), undos (whether each held, None: not tried), the end."""

    before: tuple[bool, ...]
    after: tuple[bool, ...]
    undos: tuple[tuple[bool, ...], ...]
    ended: bool
    problem: str

    def history(self) -> History:
        records: list[Record] = [WaitEnded(5.0, 0, "steady before the fault", came, 5.0) for came in self.before]
        records += [UndoPlanned(9.0, number, 0, "delete-pod", {}) for number, _ in enumerate(self.undos)]
        records.append(ActionBegun(10.0, 0, "delete-pod", ()))
        records += [WaitEnded(20.0, 0, "database/ready", came, 10.0) for came in self.after]
        records += [UndoDone(95.0, number, held) for number, tries in enumerate(self.undos) for held in tries]
        return story(records, ended=self.ended, problem=self.problem)


recoveries = st.builds(
    Recovery,
    before=st.lists(st.sampled_from([True, True, True, False]), max_size=2).map(tuple),
    after=st.lists(st.sampled_from([True, True, True, False]), max_size=3).map(tuple),
    undos=st.lists(st.sampled_from([(True,), (True,), (False, True), (False,), ()]), max_size=2).map(tuple),
    ended=st.sampled_from([True, True, False]),
    problem=st.sampled_from(["", "", "cut"]),
)


@examples
@given(recoveries)
def test_a_step_recovered_when_all_that_was_waited_for_came_and_all_that_was_taken_was_put_back(one: Recovery) -> None:
    history = one.history()
    found = recovery.check(history, history.steps[0])
    put_back = all(tries and tries[-1] for tries in one.undos)
    whole = one.ended and not one.problem and all(one.before) and bool(one.after) and put_back
    verdict = Verdict.FAIL if not all(one.after) else Verdict.PASS if whole else Verdict.UNKNOWN
    assert found.verdict is verdict, found.reason
