"""Carries out a plan: for each step the fault, the wait, the evidence; at the end, whatever happened, the undo."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from chaos.actions import ACTIONS, Aim
from chaos.actions.action import wait_until
from chaos.clock import Clock
from chaos.errors import ClusterError, HachaosError, UndoIncomplete
from chaos.history import (
    FIRST_READING,
    ActionBegun,
    ActionEnded,
    History,
    Note,
    Read,
    Record,
    StepBegun,
    StepEnded,
    UndoDone,
    UndoPlanned,
    WaitEnded,
    Write,
)
from chaos.journal import Journal
from chaos.monitors import evidence
from chaos.monitors.monitors import Monitors
from chaos.scenario.plan import (
    DRAIN_TIMEOUT_S,
    EFFECT_TIMEOUT_S,
    PUT_BACK_TIMEOUT_S,
    STEADY_TIMEOUT_S,
    Plan,
    PlannedStep,
)
from chaos.stack.stack import Stack

STEADY_S = 2.0
"""Seconds of nothing but good answers that count as steady, before a fault and after recovery."""


class Steady:
    """Tells for how long each stream of requests has had nothing but good answers. Listens to the journal."""

    def __init__(self, clock: Clock, streams: tuple[str, ...]) -> None:
        self._clock = clock
        self._since: dict[str, float | None] = dict.fromkeys(streams)
        self._lock = threading.Lock()

    def see(self, record: Record) -> None:
        """Take note of one record."""
        if isinstance(record, Read) and record.via == "service":
            self._note("reads", record.start, good=record.ok)
        elif isinstance(record, Write):
            self._note(f"{record.what}s", record.start, good=record.outcome == "ok")

    def _note(self, stream: str, at: float, *, good: bool) -> None:
        with self._lock:
            if stream in self._since:
                self._since[stream] = (self._since[stream] or at) if good else None

    def forget(self) -> None:
        """Begin anew: only answers from now on count."""
        with self._lock:
            self._since = dict.fromkeys(self._since)

    def missing(self) -> list[str]:
        """The streams that are not steady."""
        now = self._clock.now()
        with self._lock:
            return [name for name, since in self._since.items() if since is None or now - since < STEADY_S]


@dataclass
class Runner:
    """One run of a plan on a stack. `run` may be called once."""

    plan: Plan
    stack: Stack
    journal: Journal
    clock: Clock
    _undos: list[UndoPlanned] = field(default_factory=list)

    def run(self) -> None:
        """Carry out all steps; put everything back at the end, also when it ends by an exception.

        Raises UndoIncomplete when something could not be put back.
        """
        streams = {
            "reads": self.plan.workload.reads_per_s,
            "rows": self.plan.workload.writes_per_s,
            "posts": self.plan.workload.posts_per_s,
        }
        self._steady = Steady(self.clock, tuple(name for name, rate in streams.items() if rate > 0))
        self.journal.listen(self._steady.see)
        evidence.collect(self.stack, self.clock, FIRST_READING, self.journal.write, DRAIN_TIMEOUT_S)
        with Monitors(self.stack, self.clock, self.journal.write, self.plan.workload) as self._monitors:
            try:
                for step in self.plan.steps:
                    if not self._step(step):
                        break
            finally:
                self._put_everything_back()

    def _step(self, step: PlannedStep) -> bool:
        write = self.journal.write
        write(StepBegun(self.clock.now(), step.index, step.name, step.action, step.target, step.expect))
        problem = self._fault_and_evidence(step)
        write(StepEnded(self.clock.now(), step.index, problem), sync=True)
        return not problem

    def _fault_and_evidence(self, step: PlannedStep) -> str:
        """The step's work; what cut it short, or nothing."""
        if not self._await_steady(step, "steady before the fault", STEADY_TIMEOUT_S):
            return "the stack was not steady before the fault, so nothing was broken"
        try:
            evidence.volumes(self.stack, self.clock, step.index, "before", self.journal.write)
            aim = ACTIONS[step.action].aim(self.stack, step.target, step.params)
        except HachaosError as error:
            return f"{step.action} could not be aimed: {error}"
        if not self._inject(step, aim):
            problem = f"{step.action} could not be put in"
        else:
            ready = self._await_ready(step)
            steady = self._await_steady(step, "steady after the fault", max(STEADY_TIMEOUT_S, step.wait.timeout_s))
            problem = "" if ready and steady else "the stack did not recover in time"
        self._collect(step)
        return problem

    def _inject(self, step: PlannedStep, aim: Aim) -> bool:
        action, write = ACTIONS[step.action], self.journal.write
        undo = UndoPlanned(self.clock.now(), len(self._undos), step.index, step.action, aim.undo)
        self._undos.append(undo)
        write(undo)
        write(ActionBegun(self.clock.now(), step.index, step.action, aim.objects, aim.detail))
        self._steady.forget()
        try:
            action.inject(self.stack, aim)
            happened, effect = action.effect(self.stack, aim, EFFECT_TIMEOUT_S)
        except ClusterError as error:
            write(ActionEnded(self.clock.now(), step.index, step.action, None, {}, str(error)))
            return False
        write(ActionEnded(self.clock.now(), step.index, step.action, happened, effect))
        return True

    def _await_ready(self, step: PlannedStep) -> bool:
        role = step.wait.condition.split("/", maxsplit=1)[0]
        began = self.clock.now()
        try:
            satisfied = wait_until(lambda: self.stack.ready(role), step.wait.timeout_s)
            detail = ""
        except ClusterError as error:
            satisfied, detail = False, str(error)
        now = self.clock.now()
        self.journal.write(WaitEnded(now, step.index, step.wait.condition, satisfied, round(now - began, 3), detail))
        return satisfied

    def _await_steady(self, step: PlannedStep, condition: str, timeout_s: float) -> bool:
        began = self.clock.now()
        satisfied = wait_until(lambda: not self._steady.missing(), timeout_s)
        missing = "" if satisfied else "no steady good answers to " + ", ".join(self._steady.missing())
        now = self.clock.now()
        self.journal.write(WaitEnded(now, step.index, condition, satisfied, round(now - began, 3), missing))
        return satisfied

    def _collect(self, step: PlannedStep) -> None:
        write = self.journal.write
        in_flight = self._monitors.pause_writers(DRAIN_TIMEOUT_S)
        if in_flight:
            write(Note(self.clock.now(), f"{in_flight} writes were still in flight when the evidence was taken"))
        try:
            evidence.collect(self.stack, self.clock, step.index, write, DRAIN_TIMEOUT_S)
            evidence.volumes(self.stack, self.clock, step.index, "after", write)
        finally:
            self._steady.forget()
            self._monitors.resume_writers()

    def _put_everything_back(self) -> None:
        left = put_back(self.stack, self._undos, self.journal, self.clock)
        if left:
            raise UndoIncomplete("; ".join(left), hint="hachaos recover")


def put_back(stack: Stack, undos: list[UndoPlanned], journal: Journal, clock: Clock) -> list[str]:
    """Carry out undo records, the last one first, and write down how each went. What is left undone, a line each."""
    left = []
    for undo in sorted(undos, key=lambda undo: undo.id, reverse=True):
        try:
            ACTIONS[undo.action].put_back(stack, undo.undo, PUT_BACK_TIMEOUT_S)
        except ClusterError as error:
            left.append(f"{error}" + (f" (by hand: {error.hint})" if error.hint else ""))
            journal.write(UndoDone(clock.now(), undo.id, verified=False, error=str(error)), sync=True)
        else:
            journal.write(UndoDone(clock.now(), undo.id, verified=True), sync=True)
    return left


def unfinished(history: History) -> list[UndoPlanned]:
    """The undo records of a run that were never carried out, or whose undo did not hold."""
    done = {record.id for record in history.of(UndoDone) if record.verified}
    return [record for record in history.of(UndoPlanned) if record.id not in done]
