"""Carries out a plan: the baseline, for each step the fault, the wait, the evidence; then the undo, and the end."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from chaos import bugs, stop, undo_notes
from chaos.actions import ACTIONS, Aim
from chaos.actions.action import wait_until
from chaos.checks.judge import judge_step
from chaos.clock import Clock
from chaos.cluster import protected
from chaos.cluster.api import CALL_TIMEOUT_S
from chaos.cluster.lease import Held, LeaseLost
from chaos.cluster.reach import NO_WAY
from chaos.errors import ClusterError, HachaosError, StackError, Unreachable, UsageError
from chaos.history import (
    BASELINE,
    END,
    FIRST_READING,
    ActionBegun,
    ActionEnded,
    Limits,
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
from chaos.monitors.evidence import Evidence, pods_say
from chaos.monitors.monitors import Monitors
from chaos.monitors.reads import SERVICE_STREAM
from chaos.scenario.plan import (
    DRAIN_TIMEOUT_S,
    EFFECT_TIMEOUT_S,
    PUT_BACK_TIMEOUT_S,
    STEADY_TIMEOUT_S,
    Plan,
    PlannedStep,
)
from chaos.scenario.vocabulary import KINDS
from chaos.stack.stack import Stack
from chaos.undo import incomplete, put_back
from chaos.verdict import Verdict

STEADY_S = 2.0
"""Seconds of nothing but good answers that count as steady, before a fault and after recovery."""

RECORDED_S = 8.0
"""How long a baseline that is only recorded lasts at least: writers must have had the time to show what is wrong."""

RECORDED_TIMEOUT_S = 20.0
"""How long it waits for a stack that may never be steady."""

API_SERVER_TIMEOUT_S = 90.0
"""How long an API server that does not answer is waited for before a fault and before a reading, with work going on."""

ANSWERED_TIMEOUT_S = 10.0
"""After a reading a good answer on each stream is waited for: one bad answer just before it would have no end."""

RESTS = 3
"""How often at most the writers are stopped before a reading, when the last answers to them were not good."""

PUT_BACK_LATE_S = 120.0
"""What a stack gets to be put back in that has had a step's whole time to come back by itself, and did not."""

_KINDS = {"reads": "reads", "rows": "writes", "posts": "writes", "uploads": "uploads"}
"""Of which kind (see `Limits.may_stay_out`) each stream is."""


class Steady:
    """Tells for how long each stream of requests has had nothing but good answers. Listens to the journal."""

    def __init__(self, clock: Clock, streams: tuple[str, ...]) -> None:
        self._clock = clock
        self._since: dict[str, float | None] = dict.fromkeys(streams)
        self._no_way: set[str] = set()
        self._forgot = -math.inf
        self._lock = threading.Lock()

    def see(self, record: Record) -> None:
        """Take note of one record."""
        if isinstance(record, Read) and record.via == "service":
            self._note("reads", record.start, good=record.ok)
        elif isinstance(record, Write):
            self._note(f"{record.what}s", record.start, good=record.outcome == "ok")
        elif isinstance(record, Skipped) and record.reason == NO_WAY:
            stream = "reads" if record.stream == SERVICE_STREAM else record.stream
            self._note(stream, record.due, good=False, seen=False)

    def _note(self, stream: str, at: float, *, good: bool, seen: bool = True) -> None:
        with self._lock:
            if stream in self._since and (at >= self._forgot or not good):
                self._since[stream] = (self._since[stream] or at) if good else None
                (self._no_way.discard if seen else self._no_way.add)(stream)

    def forget(self) -> None:
        """Begin anew: only good answers to requests that leave from now on count.

        One that had left before does not show that what has happened since was over by then.
        """
        with self._lock:
            self._forgot = self._clock.now()
            self._since = dict.fromkeys(self._since)

    def unseen(self, streams: Collection[str]) -> bool:
        """Whether of each of these streams the last request never left, since nothing led to the cluster."""
        with self._lock:
            return bool(streams) and self._no_way.issuperset(streams)

    def silent(self, excused: Collection[str] = ()) -> list[str]:
        """The streams whose last answer was not good, or that have none yet, without those that are excused."""
        with self._lock:
            return [name for name, since in self._since.items() if name not in excused and since is None]

    def missing(self, excused: Collection[str] = ()) -> list[str]:
        """The streams that are not steady, without those that are excused."""
        now = self._clock.now()
        with self._lock:
            return [
                name
                for name, since in self._since.items()
                if name not in excused and (since is None or now - since < STEADY_S)
            ]


@dataclass
class Runner:
    """One run of a plan on a stack. `run` may be called once.

    After `stop_at` (of `time.monotonic`) no further step is begun. Without `lease` no fault is put in, where there is
    one: it is renewed before each. Nor is one in a namespace that is protected by then.
    """

    plan: Plan
    stack: Stack
    journal: Journal
    clock: Clock
    stop_at: float = float("inf")
    lease: Held | None = None
    _never_steady: frozenset[str] = frozenset()
    _may_be_out: frozenset[str] = frozenset()
    _came_back: bool = True
    _begun: list[PlannedStep] = field(default_factory=list)
    _undos: list[UndoPlanned] = field(default_factory=list)
    _put_back: set[int] = field(default_factory=set)
    _was_undone: bool = False

    @property
    def left(self) -> list[UndoPlanned]:
        """What was changed and not put back, whether or not the journal could be written."""
        return [undo for undo in self._undos if undo.id not in self._put_back]

    @property
    def _run(self) -> str:
        return undo_notes.run_of(self.journal.path.parent)

    def _note_undo(self, record: Record) -> None:
        if isinstance(record, UndoDone) and record.verified:
            self._put_back.add(record.id)

    def run(self) -> None:
        """Carry out all steps; put everything back at the end, also when it ends by an exception.

        Raises UndoIncomplete when something could not be put back, InternalError for what nobody foresaw.
        """
        streams = {
            "reads": self.plan.workload.reads_per_s,
            "rows": self.plan.workload.writes_per_s,
            "posts": self.plan.workload.posts_per_s,
            "uploads": self.plan.workload.uploads_per_s,
        }
        self._steady = Steady(self.clock, tuple(name for name, rate in streams.items() if rate > 0))
        self.journal.listen(self._steady.see)
        self.journal.listen(self._note_undo)
        self._evidence = Evidence(self.stack, self.clock, self.journal.write)
        self.journal.listen(self._evidence.see)
        self._evidence.collect(FIRST_READING, DRAIN_TIMEOUT_S)
        with Monitors(self.stack, self.clock, self.journal.write, self.plan.workload) as self._monitors:
            try:
                # Here already, so that an undo that does not hold can't hide a bug.
                with bugs.into(self.journal.path.parent):
                    if not self._baseline():
                        return
                    self._steps()
            finally:
                self.put_everything_back()
            if self._came_back:
                self._end()

    def _steps(self) -> None:
        for step in self.plan.steps:
            if time.monotonic() >= self.stop_at:
                self._note("the time that was allowed for the run was over")
                return
            if not self._step(step):
                return

    def _baseline(self) -> bool:
        """Watch and read the stack before anything is broken, and judge it. Whether the first fault may come."""
        recorded = self.plan.baseline == "record"
        began = self.clock.now()
        self.journal.write(StepBegun(began, BASELINE, "baseline", "baseline", "stack", {}))
        if recorded:
            wait_until(lambda: self.clock.now() - began >= RECORDED_S, 2 * RECORDED_S)
        steady = self._await_steady(BASELINE, "steady", RECORDED_TIMEOUT_S if recorded else STEADY_TIMEOUT_S)
        if recorded:
            self._never_steady = frozenset(self._steady.missing())
        self._collect(BASELINE)
        problem = "" if steady or recorded else "the stack was not steady"
        self.journal.write(StepEnded(self.clock.now(), BASELINE, problem), sync=True)
        if recorded:
            return True
        history = self.journal.history()
        (step,) = [step for step in history.steps if step.index == BASELINE]
        return judge_step(history, step).verdict is Verdict.PASS

    def _step(self, step: PlannedStep) -> bool:
        write = self.journal.write
        # What was answered in the step before does not show that this one begins with good answers.
        self._steady.forget()
        self._begun.append(step)
        write(StepBegun(self.clock.now(), step.index, step.name, step.action, step.target, step.expect))
        problem = self._fault_and_evidence(step)
        write(StepEnded(self.clock.now(), step.index, problem), sync=True)
        return not problem

    def _fault_and_evidence(self, step: PlannedStep) -> str:
        """The step's work; what cut it short, or nothing."""
        if not self._await_steady(step.index, "steady before the fault", STEADY_TIMEOUT_S):
            return "the stack was not steady before the fault, so nothing was broken"
        if not self._monitors.await_api_server(API_SERVER_TIMEOUT_S):
            return "the API server did not answer before the fault, so nothing was broken"
        self._may_be_out = _streams_of(Limits.from_json(step.expect).may_stay_out)
        try:
            self._evidence.volumes(step.index, "before")
            aim = ACTIONS[step.action].aim(self.stack, step.target, step.params)
        except HachaosError as error:
            return f"{step.action} could not be aimed: {error}"
        if not self._inject(step, aim):
            problem = f"{step.action} could not be put in"
        else:
            ready = self._await_ready(step)
            longest = max(STEADY_TIMEOUT_S, step.wait.timeout_s)
            steady = self._await_steady(step.index, "steady after the fault", longest)
            problem = "" if ready and steady else "the stack did not recover in time"
        if problem:
            self._came_back = False
            self._ask_the_pods(step)
        self._collect(step.index)
        return problem

    def _may_break(self, step: PlannedStep) -> bool:
        """Whether the stack is still ours alone, and not protected by now. Raises Aborted where it is not."""
        looked = "whether the namespace is protected is not known"
        try:
            protected.refuse(self.stack.api, self.stack.api.namespace)
            looked = "the Lease could not be renewed"
            if self.lease is not None:
                self.lease.require()
        except (LeaseLost, UsageError) as error:
            raise stop.Aborted(str(error)) from error
        except ClusterError as error:
            self._note(f"{step.action} was not begun, since {looked}: {error}")
            return False
        return True

    def _is_lost(self) -> bool:
        """Whether another has taken the Lease: who may have put back what this run changed, and have changed it since.

        Raises Unreachable where the cluster does not say: it may be taken just then.
        """
        if self.lease is None or self.lease.lost:
            return self.lease is not None
        try:
            self.lease.require()
        except LeaseLost:
            return True
        except Unreachable:
            raise
        except ClusterError:
            return False  # A Lease that may not be written any more must not keep what was changed from being put back.
        return False

    def _inject(self, step: PlannedStep, aim: Aim) -> bool:
        action, write = ACTIONS[step.action], self.journal.write
        if not self._may_break(step):
            return False
        undo = UndoPlanned(self.clock.now(), len(self._undos), step.index, step.action, aim.undo)
        self._undos.append(undo)
        write(undo)
        try:
            undo_notes.note(self.stack, self._run, undo)
        except HachaosError as error:
            self._note(f"the undo of {step.action} could not be written on what it changes: {error}")
            return False
        write(ActionBegun(self.clock.now(), step.index, step.action, aim.objects, aim.detail))
        self._steady.forget()
        try:
            action.inject(self.stack, aim)
        except (ClusterError, StackError) as error:
            write(ActionEnded(self.clock.now(), step.index, step.action, None, {}, str(error)))
            return False
        try:
            happened, effect = action.effect(self.stack, aim, EFFECT_TIMEOUT_S)
        except (ClusterError, StackError) as error:
            # It is in: what becomes of the stack is watched all the same.
            self._note(f"the effect of {step.action} could not be looked for: {error}")
            happened, effect = None, {}
        write(ActionEnded(self.clock.now(), step.index, step.action, happened, effect))
        return True

    def _await_ready(self, step: PlannedStep) -> bool:
        role = step.wait.condition.split("/", maxsplit=1)[0]
        began = self.clock.now()
        timeout_s, detail, unknown = step.wait.timeout_s, "", False
        try:
            satisfied = wait_until(lambda: self.stack.ready(role), timeout_s)
        except ClusterError as error:
            satisfied, unknown, detail = False, True, str(error)
        took_s = self.clock.now() - began
        if satisfied and took_s > timeout_s + CALL_TIMEOUT_S:
            unknown, detail = True, "the API server did not answer when the time was over"
        write = self.journal.write
        write(WaitEnded(began + took_s, step.index, step.wait.condition, satisfied, round(took_s, 3), detail, unknown))
        return satisfied

    def _await_steady(self, step: int, condition: str, timeout_s: float) -> bool:
        """Wait for good answers on all streams but those that need not be there, or never were."""
        excused = self._may_be_out | self._never_steady
        began = self.clock.now()
        satisfied = wait_until(lambda: not self._steady.missing(excused), timeout_s)
        missing = [] if satisfied else self._steady.missing(excused)
        unknown = self._steady.unseen(missing)
        detail = "no steady good answers to " + ", ".join(missing) if missing else ""
        detail += ": nothing led to the cluster" if unknown else ""
        now = self.clock.now()
        self.journal.write(WaitEnded(now, step, condition, satisfied, round(now - began, 3), detail, unknown))
        return satisfied

    def _ask_the_pods(self, step: PlannedStep) -> None:
        """Write down what the pods that are not well say for themselves, while they still can."""
        for role in self.stack.binding.controllers:
            pods_say(self.stack, self.clock, step.index, role, self.journal.write)

    def _collect(self, step: int) -> None:
        if not self._monitors.await_api_server(API_SERVER_TIMEOUT_S):
            self._note("the API server did not answer when the evidence was taken")
        in_flight = self._rest_writers()
        if in_flight:
            self._note(f"{in_flight} writes were still in flight when the evidence was taken")
        try:
            self._evidence.collect(step, DRAIN_TIMEOUT_S)
            self._evidence.volumes(step, "after")
        finally:
            self._steady.forget()
            self._monitors.resume_writers()
        self._await_answers()

    def _note(self, text: str) -> None:
        self.journal.write(Note(self.clock.now(), text))

    def _rest_writers(self) -> int:
        """Stop the writers after good answers; how many writes are in flight nevertheless.

        A write that left last and was answered badly would be an outage for as long as the reading takes.
        """
        excused = self._may_be_out | self._never_steady | {"reads"}
        for _ in range(RESTS):
            in_flight = self._monitors.pause_writers(DRAIN_TIMEOUT_S)
            if in_flight or not self._came_back or not self._steady.silent(excused):
                break
            self._monitors.resume_writers()
            wait_until(lambda: not self._steady.missing(excused), ANSWERED_TIMEOUT_S)
        return in_flight

    def _await_answers(self) -> None:
        excused = self._may_be_out | self._never_steady
        wait_until(lambda: not self._steady.silent(excused), ANSWERED_TIMEOUT_S)

    def _end(self) -> None:
        """Watch and read the stack once more when all was put back: that may have cost data, or an answer, as well.

        Outages are held to the limits of the step that was begun last.
        """
        index, last = len(self.plan.steps), self._begun[-1:]
        limits = {
            kind: {"longest_outage_s": limit}
            for step in last
            for kind in KINDS
            if (limit := step.expect.get(kind, {}).get("longest_outage_s")) is not None
        }
        self._may_be_out = frozenset()
        self.journal.write(StepBegun(self.clock.now(), index, "the end", END, "stack", limits))
        self._monitors.await_api_server(API_SERVER_TIMEOUT_S)
        self._evidence.volumes(index, "before")
        self._monitors.await_answers(2 * self.plan.workload.deadline_s)
        self._steady.forget()
        longest = max([STEADY_TIMEOUT_S, *(step.wait.timeout_s for step in last)])
        steady = self._await_steady(index, "steady", longest)
        self._collect(index)
        problem = "" if steady else "the stack was not steady"
        self.journal.write(StepEnded(self.clock.now(), index, problem), sync=True)
        # A request that left last may be answered badly now, and would be an outage without an end.
        self._monitors.await_answers(2 * self.plan.workload.deadline_s)
        self._steady.forget()
        self._await_answers()

    def put_everything_back(self) -> None:
        """Undo all that was done, once. Raises UndoIncomplete with what is left."""
        with stop.undoing():
            if self._was_undone:
                return
            timeout_s = PUT_BACK_TIMEOUT_S if self._came_back else PUT_BACK_LATE_S
            left = put_back(self.stack, self._undos, self.journal, self.clock, timeout_s, is_lost=self._is_lost)
            self._was_undone = True
            if left:
                raise incomplete(self.stack, self._run, left, self.left)


def _streams_of(kinds: frozenset[str]) -> frozenset[str]:
    return frozenset(stream for stream, kind in _KINDS.items() if kind in kinds)
