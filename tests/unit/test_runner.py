"""What the runner guarantees around a fault: the undo is written first, and carried out whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos import bugs, stop, undo, undo_notes
from chaos import runner as runner_module
from chaos.actions import ACTIONS, Aim
from chaos.bugs import InternalError
from chaos.checks.judge import StepJudgement
from chaos.clock import Clock
from chaos.cluster.api import ApiRefused
from chaos.cluster.lease import LeaseLost
from chaos.cluster.reach import NO_WAY
from chaos.errors import ClusterError, StackError, UndoIncomplete, Unreachable
from chaos.history import (
    END,
    ActionBegun,
    ActionEnded,
    Note,
    Read,
    Record,
    Skipped,
    StepBegun,
    StepEnded,
    UndoDone,
    UndoPlanned,
    WaitEnded,
    Write,
)
from chaos.journal import Journal
from chaos.runner import Runner, Steady
from chaos.scenario.plan import Plan, PlannedStep, Wait, Workload
from chaos.stack.stack import Stack
from chaos.undo import unfinished
from chaos.verdict import Verdict

WORKLOAD = Workload(reads_per_s=10, pod_reads_per_s=1, writes_per_s=10, posts_per_s=0, deadline_s=0.2)


class FakeStack:
    binding = SimpleNamespace(controllers=("database",))
    api = SimpleNamespace(namespace="n", get=lambda kind, name: None)
    local_cluster = ""
    elsewhere = None
    looks: Any = None

    def ready(self, role: str) -> bool:
        return role == "database" if self.looks is None else bool(self.looks())


class FakeEvidence:
    looks: list[tuple[int, str]]

    def __init__(self, *_: object) -> None:
        FakeEvidence.looks = []

    def see(self, record: Record) -> None:
        pass

    def collect(self, step: int, timeout_s: float) -> None:
        pass

    def volumes(self, step: int, when: str) -> None:
        self.looks.append((step, when))


@dataclass
class FakeMonitors:
    """Writes good answers whenever it is asked for anything. One on each stream is enough to be steady."""

    clock: Clock
    write: Any
    good: bool = True
    bad_last: int = 0
    calls: list[str] = field(default_factory=list)
    answers: bool = True

    def await_api_server(self, timeout_s: float) -> bool:
        self.calls.append("await API server")
        return self.answers

    def __enter__(self) -> FakeMonitors:
        self.answer()
        return self

    def __exit__(self, *exc: object) -> None:
        self.calls.append("end")

    def answer(self) -> None:
        at = self.clock.now()
        self.write(Read("service", at, at, at + 0.01, ok=self.good))
        self.write(Write("row", "w", 1, "t", at, at, at + 0.01, "ok" if self.good else "info"))

    def pause_writers(self, timeout_s: float) -> int:
        self.calls.append("pause")
        if self.bad_last:
            at = self.clock.now()
            self.write(Write("row", "w", 1, "t", at, at, at + 0.01, "info", "timeout"))
            self.bad_last -= 1
        return 0

    def await_answers(self, timeout_s: float) -> None:
        self.calls.append("await answers")
        # The streams go on: whoever waits for an answer from now on gets one.
        threading.Timer(0.02, self._answer_late).start()

    def _answer_late(self) -> None:
        with suppress(ValueError):  # The journal is closed by then, where nobody waited.
            self.answer()

    def resume_writers(self) -> None:
        self.answer()


@dataclass
class FakeAction:
    name: str = "fake"
    monitors: list[FakeMonitors] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    fail: dict[str, BaseException] = field(default_factory=dict)
    breaks: bool = False
    restores: str = ""

    def _do(self, what: str) -> None:
        self.calls.append(what)
        if what in self.fail:
            raise self.fail[what]

    def aim(self, stack: Stack, target: str, params: dict[str, Any]) -> Aim:
        self._do("aim")
        undo = {"n": params["n"]} | ({"restores": self.restores} if self.restores else {})
        return Aim(("pod/x",), {}, undo, params=params)

    def inject(self, stack: Stack, aim: Aim) -> None:
        self._do(f"inject {aim.params['n']}")
        self.monitors[0].good = not self.breaks and self.monitors[0].good
        self.monitors[0].answer()

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        if "effect" in self.fail:
            raise self.fail["effect"]
        return True, {}

    def put_back(self, stack: Stack, undo: dict[str, Any], timeout_s: float) -> None:
        self._do(f"put back {undo['n']}")

    def by_hand(self, undo: dict[str, Any], namespace: str) -> tuple[str, ...]:
        return (f"kubectl -n {namespace} fix {undo['n']}",)


@dataclass
class Bench:
    action: FakeAction
    journal: Journal
    monitors: list[FakeMonitors]
    asked: list[str] = field(default_factory=list)
    good: bool = True
    answers: bool = True
    judged: Verdict = Verdict.PASS
    bad_last: int = 0
    stack: FakeStack = field(default_factory=FakeStack)
    wait_s: float = 5
    api_answers: bool = True
    lease: Any = None

    def see(self, record: Record) -> None:
        if self.answers and self.monitors and isinstance(record, StepBegun):
            self.monitors[-1].answer()

    def run(self, steps: int = 1, baseline: str = "stop", expect: Any = None, stop_at: float = float("inf")) -> None:
        planned = tuple(
            PlannedStep(n, f"step {n}", "fake", "database", {"n": n}, Wait("database/ready", self.wait_s), expect or {})
            for n in range(steps)
        )
        plan = Plan("p", "c", "p.yaml", "", WORKLOAD, planned, baseline)
        Runner(plan, cast("Stack", self.stack), self.journal, Clock(), stop_at, self.lease).run()

    def problems(self) -> dict[int, str]:
        return {record.index: record.problem for record in self.journal.history().of(StepEnded)}

    def records(self) -> tuple[Record, ...]:
        return self.journal.history().records


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monitors: list[FakeMonitors] = []
    with Journal(tmp_path) as journal:
        made = Bench(FakeAction(monitors=monitors), journal, monitors)

        def make(stack: Stack, clock: Clock, write: Any, workload: Workload) -> FakeMonitors:
            monitors.append(FakeMonitors(clock, write, made.good, made.bad_last, answers=made.api_answers))
            return monitors[-1]

        monkeypatch.setattr(runner_module, "Monitors", make)
        monkeypatch.setattr(runner_module, "Evidence", FakeEvidence)
        monkeypatch.setattr(runner_module, "pods_say", lambda *args: made.asked.append(args[3]))
        monkeypatch.setattr(runner_module, "judge_step", lambda history, step: StepJudgement(step, made.judged, ()))
        monkeypatch.setattr(runner_module, "STEADY_S", 0.0)
        for name in ("STEADY_TIMEOUT_S", "RECORDED_TIMEOUT_S", "RECORDED_S", "ANSWERED_TIMEOUT_S"):
            monkeypatch.setattr(runner_module, name, 0.3)
        monkeypatch.setitem(ACTIONS, "fake", made.action)
        journal.listen(made.see)
        yield made


def kinds(records: tuple[Record, ...]) -> list[str]:
    return [record.kind for record in records if not isinstance(record, Read | Write | WaitEnded)]


def test_the_undo_is_written_before_the_fault_and_carried_out_at_the_end(bench: Bench) -> None:
    bench.run()
    assert bench.action.calls == ["aim", "inject 0", "put back 0"]
    assert kinds(bench.records()) == [
        "step-begun",
        "step-ended",
        "step-begun",
        UndoPlanned.kind,
        ActionBegun.kind,
        ActionEnded.kind,
        "step-ended",
        UndoDone.kind,
        "step-begun",
        "step-ended",
    ]
    assert unfinished(bench.journal.history()) == []


def test_undos_are_carried_out_last_first(bench: Bench) -> None:
    bench.run(steps=3)
    assert [call for call in bench.action.calls if call.startswith("put back")] == [
        "put back 2",
        "put back 1",
        "put back 0",
    ]


def test_what_left_in_the_last_step_is_answered_before_the_monitors_end(bench: Bench) -> None:
    bench.run()
    calls = [call for call in bench.monitors[0].calls if call != "await API server"]
    assert calls[:3] == ["pause", "pause", "await answers"]
    assert calls[-1] == "end"


@pytest.mark.parametrize(("bad", "pauses"), [(0, 1), (1, 2), (9, runner_module.RESTS)])
def test_writers_rest_for_a_reading_after_good_answers(bench: Bench, bad: int, pauses: int) -> None:
    bench.bad_last, bench.judged = bad, Verdict.FAIL
    bench.run()
    assert bench.monitors[0].calls.count("pause") == pauses


def test_a_stack_that_is_not_steady_is_not_broken(bench: Bench) -> None:
    bench.good, bench.judged = False, Verdict.FAIL
    bench.run()
    assert bench.action.calls == []
    assert bench.problems() == {-1: "the stack was not steady"}


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.UNKNOWN])
def test_a_baseline_that_does_not_pass_ends_the_run_before_the_first_fault(bench: Bench, verdict: Verdict) -> None:
    bench.judged = verdict
    bench.run()
    assert bench.action.calls == []
    assert bench.problems() == {-1: ""}


def test_what_was_answered_before_a_step_does_not_make_it_steady(bench: Bench) -> None:
    bench.answers = False
    bench.run()
    assert bench.problems()[0] == "the stack was not steady before the fault, so nothing was broken"
    assert bench.action.calls == []


def test_a_baseline_that_is_only_recorded_stops_nothing_and_excuses_what_never_was_steady(bench: Bench) -> None:
    bench.good, bench.judged = False, Verdict.FAIL
    bench.run(baseline="record")
    assert bench.action.calls == ["aim", "inject 0", "put back 0"]
    assert bench.problems() == {-1: "", 0: "", 1: ""}


def test_what_may_stay_out_is_not_waited_for_and_what_may_not_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    out = {"reads": {"may_stay_out": True, "longest_outage_s": 9.0}, "writes": {"may_stay_out": True}}
    bench.action.breaks = True
    bench.run(steps=2, expect=out)
    assert bench.problems() == {-1: "", 0: "", 1: "", 2: "the stack was not steady"}
    assert bench.journal.history().of(StepBegun)[-1].expect == {"reads": {"longest_outage_s": 9.0}}


def test_a_stack_that_does_not_recover_is_asked_why_and_broken_no_further(bench: Bench) -> None:
    bench.action.breaks = True
    bench.run(steps=2)
    assert bench.problems() == {-1: "", 0: "the stack did not recover in time"}
    assert bench.asked == ["database"]
    assert bench.action.calls[-1] == "put back 0"


def test_no_step_is_begun_when_the_time_is_over(bench: Bench) -> None:
    bench.run(stop_at=0.0)
    assert bench.action.calls == []
    assert [note.text for note in bench.journal.history().of(Note)] == [
        "the time that was allowed for the run was over"
    ]


def test_a_fault_that_finds_no_target_ends_the_run_with_the_reason(bench: Bench) -> None:
    bench.action.fail["aim"] = StackError("no pod of that role")
    bench.run(steps=2)
    assert bench.problems()[0] == "fake could not be aimed: no pod of that role"
    assert bench.action.calls == ["aim"]


def test_a_fault_that_fails_half_way_is_undone(bench: Bench) -> None:
    bench.action.fail["inject 0"] = ClusterError("no answer")
    bench.run()
    assert bench.action.calls == ["aim", "inject 0", "put back 0"]
    (ended,) = bench.journal.history().of(ActionEnded)
    assert (ended.happened, ended.error) == (None, "no answer")


def test_a_fault_whose_effect_nobody_could_look_for_is_watched_to_its_end_all_the_same(bench: Bench) -> None:
    bench.action.fail["effect"] = ClusterError("no answer")
    bench.run()
    (ended,) = bench.journal.history().of(ActionEnded)
    assert (ended.happened, ended.error) == (None, "")
    assert bench.problems()[0] == ""
    waits = [wait.condition for wait in bench.journal.history().of(WaitEnded) if wait.step == 0]
    assert waits == ["steady before the fault", "database/ready", "steady after the fault"]
    assert [note.text for note in bench.journal.history().of(Note)] == [
        "the effect of fake could not be looked for: no answer"
    ]


def test_without_an_api_server_nothing_is_broken(bench: Bench) -> None:
    bench.api_answers = False
    bench.run()
    assert bench.action.calls == []
    assert bench.problems()[0] == "the API server did not answer before the fault, so nothing was broken"


def waited_for(bench: Bench) -> WaitEnded:
    (wait,) = [wait for wait in bench.journal.history().of(WaitEnded) if wait.condition == "database/ready"]
    return wait


def test_whether_what_nobody_could_look_at_came_is_not_known(bench: Bench) -> None:
    def away() -> bool:
        raise ClusterError("no answer")

    bench.stack.looks, bench.wait_s = away, 0.3
    bench.run()
    wait = waited_for(bench)
    assert (wait.satisfied, wait.unknown, wait.detail) == (False, True, "no answer")


def test_what_was_seen_to_come_long_after_its_time_may_have_come_in_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late() -> bool:
        threading.Event().wait(0.4)
        return True

    monkeypatch.setattr(runner_module, "CALL_TIMEOUT_S", 0.1)
    bench.stack.looks, bench.wait_s = late, 0.2
    bench.run()
    wait = waited_for(bench)
    assert (wait.satisfied, wait.unknown) == (True, True)
    assert wait.detail == "the API server did not answer when the time was over"


def test_what_was_looked_at_and_was_not_there_did_not_come(bench: Bench) -> None:
    bench.stack.looks, bench.wait_s = (lambda: False), 0.3
    bench.run()
    wait = waited_for(bench)
    assert (wait.satisfied, wait.unknown) == (False, False)


@pytest.mark.parametrize(
    ("end", "kind"), [(KeyboardInterrupt(), KeyboardInterrupt), (RuntimeError("a bug"), InternalError)]
)
def test_an_exception_of_any_kind_in_the_middle_ends_in_undo(
    bench: Bench, end: BaseException, kind: type[BaseException]
) -> None:
    bench.action.fail["inject 0"] = end
    with pytest.raises(kind):
        bench.run()
    assert bench.action.calls[-1] == "put back 0"


def test_a_bug_before_an_undo_that_does_not_hold_keeps_its_traceback(bench: Bench) -> None:
    bench.action.fail |= {"inject 0": ZeroDivisionError("a bug"), "put back 0": ClusterError("not ready")}
    with pytest.raises(UndoIncomplete, match="not ready") as caught:
        bench.run()
    assert str(bugs.led_to(caught.value)) == "internal error: ZeroDivisionError('a bug')"
    assert "ZeroDivisionError: a bug" in (bench.journal.path.parent / bugs.NAME).read_text()


def test_a_bug_in_an_undo_is_said_and_its_traceback_kept_while_the_rest_is_put_back(bench: Bench) -> None:
    bench.action.fail["put back 1"] = KeyError("replicas")
    path = bench.journal.path.parent / bugs.NAME
    with pytest.raises(UndoIncomplete) as caught:
        bench.run(steps=2)
    assert str(caught.value) == f"fake: internal error: KeyError('replicas') (please report it with {path})"
    assert "KeyError: 'replicas'" in path.read_text()
    assert bench.action.calls[-1] == "put back 0"


def test_of_several_undos_of_one_thing_only_the_first_is_carried_out_and_all_are_done(bench: Bench) -> None:
    bench.action.restores = "replicas of x"
    bench.run(steps=3)
    assert [call for call in bench.action.calls if call.startswith("put back")] == ["put back 0"]
    assert sorted(done.id for done in bench.journal.history().of(UndoDone) if done.verified) == [0, 1, 2]


def test_what_cannot_be_put_back_is_said_and_stays_unfinished_while_the_rest_is_put_back(bench: Bench) -> None:
    bench.action.fail["put back 1"] = ClusterError("not ready", hint="kubectl get pods")
    with pytest.raises(UndoIncomplete, match="not ready") as caught:
        bench.run(steps=2)
    assert caught.value.hint == "hachaos recover, or by hand:\nkubectl -n n fix 1"
    assert bench.action.calls[-2:] == ["put back 1", "put back 0"]
    assert [undo.undo for undo in unfinished(bench.journal.history())] == [{"n": 1}]


def test_one_bad_answer_makes_a_stream_unsteady_again() -> None:
    clock = Clock()
    steady = Steady(clock, ("reads", "rows"))
    assert steady.missing() == ["reads", "rows"]
    steady.see(Read("service", -9, -9, -9, ok=True))
    steady.see(Write("row", "w", 1, "t", -9, -9, -9, "ok"))
    assert steady.missing() == []
    steady.see(Write("row", "w", 2, "u", -1, -1, -1, "info"))
    assert steady.missing() == ["rows"]
    steady.see(Read("mysql-0", -1, -1, -1, ok=False))
    assert steady.missing() == ["rows"]
    assert steady.missing({"rows"}) == []
    assert steady.silent() == ["rows"]
    assert steady.silent({"rows"}) == []


def test_an_answer_to_what_had_left_before_does_not_end_an_outage() -> None:
    clock = Clock()
    steady = Steady(clock, ("rows",))
    left = clock.now()
    steady.see(Write("row", "w", 1, "t", left - 2, left - 2, left, "info"))
    steady.forget()
    steady.see(Write("row", "w", 2, "u", left - 0.001, left - 0.001, left + 0.05, "ok"))
    assert steady.silent() == ["rows"]
    after = clock.now()
    steady.see(Write("row", "w", 3, "v", after, after, after + 0.05, "ok"))
    assert steady.silent() == []


def test_a_stream_whose_requests_never_left_is_not_steady_and_nobody_knows_how_the_stack_is() -> None:
    steady = Steady(Clock(), ("reads", "rows"))
    steady.see(Read("service", -9, -9, -9, ok=True))
    steady.see(Skipped("read service", -1, NO_WAY))
    steady.see(Skipped("rows", -1, "12 in flight"))
    assert steady.missing() == ["reads", "rows"]
    assert steady.unseen(["reads"])
    assert not steady.unseen(["reads", "rows"])
    assert not steady.unseen([])
    steady.see(Read("service", -1, -1, -1, ok=False))
    assert not steady.unseen(["reads"])


def test_a_stack_to_which_nothing_led_after_the_fault_is_not_known_to_have_failed(bench: Bench) -> None:
    bench.wait_s = 0.3

    def no_way(record: Record) -> None:
        if isinstance(record, ActionEnded):
            for stream in ("read service", "rows", "posts"):
                bench.monitors[-1].write(Skipped(stream, record.at, NO_WAY))

    bench.journal.listen(no_way)
    bench.run()
    after = [wait for wait in bench.journal.history().of(WaitEnded) if wait.condition == "steady after the fault"]
    assert [(wait.satisfied, wait.unknown) for wait in after] == [(False, True)]
    assert after[0].detail.endswith(": nothing led to the cluster")


def test_when_all_was_put_back_the_stack_is_watched_and_read_once_more_as_a_step_of_its_own(bench: Bench) -> None:
    bench.run(steps=2)
    assert FakeEvidence.looks[-2:] == [(2, "before"), (2, "after")]
    begun = bench.journal.history().of(StepBegun)[-1]
    assert (begun.index, begun.action, begun.expect) == (2, END, {})


def test_outages_at_the_end_are_held_to_the_last_step_s_limits(bench: Bench) -> None:
    bench.run(expect={"writes": {"longest_outage_s": 30.0, "p95_s": 2.0}, "clone": "resume"})
    assert bench.journal.history().of(StepBegun)[-1].expect == {"writes": {"longest_outage_s": 30.0}}


def test_a_stack_that_did_not_come_back_is_not_waited_for_at_the_end(bench: Bench) -> None:
    bench.action.breaks = True
    bench.run()
    assert bench.problems().keys() == {-1, 0}


def test_a_fault_whose_undo_cannot_be_written_on_what_it_changes_is_not_put_in(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise StackError("annotation hachaos.dev/undo is not what hachaos writes")

    monkeypatch.setattr(runner_module.undo_notes, "note", refused)
    bench.run()
    assert bench.action.calls == ["aim", "put back 0"]
    assert bench.problems()[0] == "fake could not be put in"
    assert any("is not what hachaos writes" in record.text for record in bench.journal.history().of(Note))


@dataclass
class FakeLease:
    """Is lost, or cannot be asked for, once it was asked for `at` times, and until it was `until` times."""

    error: Exception
    at: int
    until: float = float("inf")
    asked: int = 0
    lost: bool = False

    def require(self) -> None:
        self.asked += 1
        if self.at < self.asked <= self.until:
            self.lost = isinstance(self.error, LeaseLost)
            raise self.error


def test_a_run_that_lost_its_lease_puts_no_further_fault_in_and_puts_its_own_back(bench: Bench) -> None:
    bench.lease = FakeLease(LeaseLost("taken over by b"), at=1)
    with pytest.raises(stop.Aborted, match="taken over by b"):
        bench.run(steps=3)
    assert bench.action.calls == ["aim", "inject 0", "aim", "put back 0"]
    assert [undo.id for undo in bench.journal.history().of(UndoPlanned)] == [0]


def test_what_another_has_put_back_that_took_the_lease_is_left_as_it_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = {0}
    monkeypatch.setattr(undo_notes, "is_noted", lambda stack, run, alike: alike[0].id in noted)
    bench.lease = FakeLease(LeaseLost("taken over by b"), at=2)
    with pytest.raises(stop.Aborted):
        bench.run(steps=3)
    assert [call for call in bench.action.calls if call.startswith("put back")] == ["put back 0"]
    assert unfinished(bench.journal.history()) == []


def test_a_run_that_holds_its_lease_does_not_look_for_notes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo_notes, "is_noted", lambda *_: False)
    bench.lease = FakeLease(LeaseLost(""), at=2)
    bench.run()
    assert bench.action.calls == ["aim", "inject 0", "put back 0"]
    assert bench.lease.asked == 2  # before the fault, and before the undo


def test_a_lease_that_is_lost_between_two_tries_of_an_undo_leaves_what_another_has_put_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(undo_notes, "is_noted", lambda *_: False)
    bench.lease = FakeLease(LeaseLost("taken over by b"), at=2)
    bench.action.fail["put back 0"] = Unreachable("no answer")
    bench.run()
    assert bench.action.calls == ["aim", "inject 0", "put back 0"]
    assert unfinished(bench.journal.history()) == []


def test_a_lease_that_may_not_be_renewed_any_more_keeps_nothing_from_being_put_back(bench: Bench) -> None:
    bench.lease = FakeLease(ApiRefused(403, "leases is forbidden"), at=1)
    bench.run()
    assert bench.action.calls == ["aim", "inject 0", "put back 0"]


def test_an_undo_waits_while_nobody_can_tell_whose_the_lease_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "_FIRST_WAIT_S", 0.01)
    bench.lease = FakeLease(Unreachable("no answer"), at=1, until=4)
    bench.run()
    assert bench.action.calls == ["aim", "inject 0", "put back 0"]
    assert bench.lease.asked == 5


def test_a_lease_that_cannot_be_renewed_before_a_fault_ends_the_run_before_it(bench: Bench) -> None:
    bench.lease = FakeLease(ClusterError("no answer"), at=1)
    bench.run(steps=2)
    assert bench.action.calls == ["aim", "inject 0", "aim", "put back 0"]
    assert bench.problems()[1] == "fake could not be put in"
    assert any("the Lease could not be renewed: no answer" in note.text for note in bench.journal.history().of(Note))


def test_a_namespace_that_is_protected_by_now_gets_no_further_fault_and_all_is_put_back(bench: Bench) -> None:
    looks: list[dict[str, str]] = [{}, {"hachaos.dev/protected": "true"}]
    get = lambda kind, name: {"metadata": {"labels": looks.pop(0)}}  # noqa: E731
    bench.stack.api = SimpleNamespace(namespace="n", get=get)
    with pytest.raises(stop.Aborted, match="namespace n is protected"):
        bench.run(steps=3)
    assert bench.action.calls == ["aim", "inject 0", "aim", "put back 0"]


def test_a_fault_is_not_begun_where_nobody_knows_whether_the_namespace_is_protected(bench: Bench) -> None:
    def get(kind: str, name: str) -> None:
        raise ClusterError("no answer")

    bench.stack.api = SimpleNamespace(namespace="n", get=get)
    bench.run()
    assert bench.action.calls == ["aim"]
    assert bench.problems()[0] == "fake could not be put in"
    assert any("is protected is not known: no answer" in note.text for note in bench.journal.history().of(Note))
