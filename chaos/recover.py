"""Finds what unfinished runs have left, from their folders and from what stands on the stack, and puts it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from chaos import journal, report, run_lock, undo_notes
from chaos.actions import delete_volume
from chaos.actions.action import wait_until
from chaos.checks.judge import Judgement, judge
from chaos.clock import Clock
from chaos.cluster import lease
from chaos.cluster import target as targets
from chaos.cluster.elsewhere import Elsewhere
from chaos.cluster.local import cluster as embedded
from chaos.cluster.target import Target
from chaos.errors import ClusterError, HachaosError, StackError, UsageError, raise_each
from chaos.history import History, Note, RunBegun, RunEnded, UndoDone, UndoPlanned
from chaos.journal import Journal
from chaos.paths import is_binding
from chaos.progress import progress
from chaos.scenario.plan import PUT_BACK_TIMEOUT_S
from chaos.stack import deploy, source
from chaos.stack.credentials import Credentials
from chaos.stack.source import Source
from chaos.stack.stack import Stack, no_seed, uid_of, unready
from chaos.undo import (
    Carrier,
    anothers_wish,
    by_hand,
    deployed_again,
    in_order,
    left_to_do,
    put_back,
    recovery,
    unfinished,
)

Say = Callable[[str], None]
_Given = TypeVar("_Given")

_OURS = ("hardened", "published")
"""The profiles of which one may stand in the namespace when nothing says which."""


_ANEW = "its namespace {} was made anew since, and all changes are gone with it"
_GONE = "the stack {} is gone, and all changes with it"

_READY_TIMEOUT_S = 120.0
"""What the parts of a stack get to come back in that were not themselves changed."""


def recover(
    reports: Path,
    *,
    stack: str,
    cluster: str,
    elsewhere: Elsewhere | None = None,
    quiet: bool = False,
    dry_run: bool = False,
    say: Say | None = None,
) -> list[str]:
    """Put back what unfinished runs have changed, the latest first, then give back what they borrowed.

    Runs are found by their folders in `reports`; one whose folder is lost by what it wrote on the stack that `stack`
    names. `say` is told a line for each thing that will be done, before anything is, and one for each that was;
    `dry_run` does none of it. Returns these lines; there are none where nothing was left. A run that had no end gets
    one, and a report. Raises UndoIncomplete when something could not be put back.
    """
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        if say is not None:
            say(line)

    place = elsewhere.place if elsewhere else f"local/{cluster}"
    runs, unread = _runs(reports)
    for line in _elsewhere(runs, place):
        tell(line)
    runs = [run for run in runs if run.is_on(place)]
    if elsewhere and not runs and not is_binding(stack):
        tell(f"no run in {reports} is left on {place}; whose folder is not there is only found with --stack FILE")
    doing = _Recovery(runs, stack, cluster, elsewhere, quiet, tell, say or (lambda _: None))
    try:
        doing.carry_out(dry_run=dry_run)
    except HachaosError:
        for error in unread:
            tell(str(error))
        raise
    finally:
        for line in _suites_again(doing.ended):
            tell(line)
    raise_each(unread)
    return lines


def is_gone(cluster: str) -> bool:
    """Whether there is no embedded cluster of that name."""
    return embedded.find(cluster) is None


def target_of(cluster: str, elsewhere: Elsewhere | None = None, *, quiet: bool) -> Target | None:
    """The target; None for an embedded cluster that is gone: it took all that was changed with it, so none is made."""
    if elsewhere is not None:
        return targets.of(elsewhere, cluster, None, quiet=quiet)
    if is_gone(cluster):
        return None
    if trouble := embedded.trouble(cluster):
        raise ClusterError(
            f"cluster {cluster} is broken ({trouble}), so nothing can be put back",
            hint=f"`hachaos cluster down --name {cluster}` takes it away with all that runs have changed",
        )
    return targets.local(cluster, None, quiet=quiet)


@dataclass(frozen=True)
class _Run:
    """A run of which something is left: an undo, or its end."""

    name: str
    folder: Path
    history: History
    undos: Sequence[UndoPlanned]
    settled: Sequence[UndoPlanned] = ()
    """Undos whose note is gone from what they would change: it is as somebody wants it."""

    void: Sequence[UndoPlanned] = ()
    """Undos of what is gone altogether."""

    why: str = ""
    """Why its stack is gone; empty where it is not."""

    @property
    def stack(self) -> dict[str, Any]:
        """What its first record says of the stack."""
        begun = next(iter(self.history.of(RunBegun)), None)
        return begun.stack if begun else {}

    @property
    def spec(self) -> str:
        """What names its stack: a profile, or the path of a binding's file."""
        return _absolute(str(self.stack.get("source", "hardened")))

    def is_on(self, place: str) -> bool:
        """Whether it ran there. One that does not say where ran on an embedded cluster: there was no other then."""
        known = self.stack.get("target")
        return place.startswith("local/") if known is None else str(known) == place

    def anew(self) -> _Run | None:
        """What is left of it now: nothing, if somebody else has put it back since."""
        return _run(self.name, self.folder, journal.read(self.folder))

    def looked_at(self, stack: Stack) -> _Run:
        """The same, without what bears no note of it any more.

        The note is there before the change, and goes with its undo, also with one by hand. What was changed after that
        was changed by somebody else. Journals that know no uid are older than the notes.
        """
        if not self.stack.get("namespace_uid"):
            return self
        name = undo_notes.run_of(self.folder)
        settled = [
            undo for alike in in_order(self.undos) if not undo_notes.is_noted(stack, name, alike) for undo in alike
        ]
        return replace(self, undos=[undo for undo in self.undos if undo not in settled], settled=settled)

    def voided(self, why: str) -> _Run:
        """The same where its stack is gone, for the reason `why`: of what it changed only the nodes are there still."""
        nodes = [_without_pods(undo) for undo in self.undos if undo.undo.get("kind") == "Node"]
        void = [undo for undo in self.undos if undo.undo.get("kind") != "Node"]
        return replace(self, undos=nodes, void=void, why=why + (", but those to nodes" if nodes else ""))

    def settle(self) -> None:
        """Write that what bears no note any more, or is gone altogether, needs no undo."""
        if done := [*self.settled, *self.void]:
            with Journal(self.folder) as again:
                for undo in done:
                    again.write(UndoDone(self.history.last_time, undo.id, verified=True), sync=True)

    def end(self, how: str, *, void: bool = False) -> None:
        """Write that it was put back, or (`void`) that what it changed is gone, and a report if there is none.

        All of it is said to be of the last moment that was recorded, so that no outage lasts until it was recovered.
        """
        at = self.history.last_time
        with Journal(self.folder) as again:
            again.write(Note(at, f"hachaos recover at {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}: {how}"))
            for undo in self.undos if void else ():
                again.write(UndoDone(at, undo.id, verified=True), sync=True)
            if self.history.ended is None:
                again.write(RunEnded(at, "recovered", f"it was cut off; {how}"), sync=True)
        if self.history.of(RunBegun) and not (self.folder / report.FILES[0]).exists():
            history = journal.read(self.folder)
            report.write(self.folder, history, judge(history))


class _AtTheEnd(Clock):
    """Stands still at the last moment of a run."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self._at = history.last_time

    def now(self) -> float:
        return self._at


@dataclass(frozen=True)
class _Lost:
    """The undo records of a run whose folder is lost, as they stand on the stack."""

    run: str
    undos: tuple[UndoPlanned, ...]
    what: str


@dataclass
class _There:
    """One stack, and what is left in it. Where it is not there (`is_there`), what it has left on nodes."""

    source: Source
    stack: Stack
    runs: list[_Run]
    lost: list[_Lost]
    is_there: bool
    holder: str
    """Who has the stack's Lease; empty where there is none."""

    are_nodes_hidden: bool
    """Whether a node that is drained still would not be found, unless a run's folder told of it."""


@dataclass(frozen=True)
class _Recovery:
    runs: list[_Run]
    spec: str
    cluster: str
    elsewhere: Elsewhere | None
    quiet: bool
    tell: Say
    remark: Say
    """As `tell`, of what is no work."""

    ended: list[_Run] = field(default_factory=list)
    """Runs that were given an end."""

    def carry_out(self, *, dry_run: bool) -> None:
        """Do all that can be done, then raise the first of what kept a stack from being looked at."""
        specs = self._specs()
        if not self.runs and self.elsewhere is None and is_gone(self.cluster):
            return
        target = target_of(self.cluster, self.elsewhere, quiet=self.quiet)
        if target is None:
            self._void(
                self.runs, f"the embedded cluster {self.cluster} is gone, and all changes with it", dry_run=dry_run
            )
            return
        if self.elsewhere is None:
            run_lock.hold(self.cluster)
        blocked: list[HachaosError] = []
        with ExitStack() as held:
            found = self._looked(lambda spec: self._look(target, source.of(spec)), specs, blocked)
            if not dry_run:
                self._hold(found, held)
                # A run that was alive may have put all back itself, until its Lease could be had.
                found = self._looked(lambda there: self._look(target, there.source, there.holder), found, blocked)
            for there in found:
                self._plan(there)
            if not dry_run:
                self._put_back(target, found)
        if blocked:
            raise blocked[0]

    def _looked(
        self, look: Callable[[_Given], _There], given: list[_Given], blocked: list[HachaosError]
    ) -> list[_There]:
        """What is found at each place; one that cannot be looked at, for what is wrong with it alone, is only said."""
        found = []
        for each in given:
            try:
                found.append(look(each))
            except (StackError, UsageError) as error:
                blocked.append(error)
                self.tell(f"{error}; that stack is left as it is")
        seen: set[str] = set()
        for there in sorted(found, key=lambda each: not each.is_there):
            # What is noted on nodes is of a namespace, whichever of our stacks was in it.
            if not there.is_there and there.stack.api.namespace in seen:
                there.lost, there.are_nodes_hidden = [], False
            seen.add(there.stack.api.namespace)
        return found

    def _hold(self, found: list[_There], held: ExitStack) -> None:
        """Hold each stack's Lease, where something may have to be done. Raises HostError when a run is alive."""
        seen = set()
        for there in found:
            stack = there.stack
            if not there.is_there or stack.api.namespace in seen:
                continue
            if there.runs or there.lost or there.holder or there.source.borrowed:
                seen.add(stack.api.namespace)
                held.enter_context(lease.hold(stack.api, "recover"))

    def _specs(self) -> list[str]:
        """What names the stacks to look at: those of the runs, and the one that was asked for."""
        of_runs = [run.spec for run in self.runs if run.undos or not is_binding(run.spec) or Path(run.spec).is_file()]
        asked: tuple[str, ...] = _OURS if self.spec in _OURS else (_absolute(self.spec),)
        if self.elsewhere is not None:
            asked = tuple(spec for spec in asked if is_binding(spec))  # no profile is deployed there
        return list(dict.fromkeys([*of_runs, *asked]))

    def _look(self, target: Target, stacks: Source, holder: str | None = None) -> _There:
        runs = [run for each in self.runs if each.spec == stacks.spec and (run := each.anew()) is not None]
        is_there = True
        try:
            stack = stacks.attach(target)
        except StackError:
            if stacks.borrowed or (
                runs and deploy.deployed(target.api.in_namespace(_namespace(runs[0]))) == stacks.spec
            ):
                raise
            is_there, stack = False, _nothing(target, stacks)
        # Nodes that a run drained are put back as well: they outlive the stack and its namespace.
        stack = stack.fenced(allow_nodes=True)
        gone = [run for run in runs if not is_there or _is_of_another(run, stack)]
        if target.local:
            why = _ANEW.format(stack.api.namespace) if is_there else _GONE.format(stacks.spec)
            runs = [run.voided(why) if run in gone else run for run in runs]
        else:
            # Of another's kubeconfig the same name may lead to another cluster, where all is as it was left.
            runs = [run for run in runs if run not in gone]
            if holder is None:
                for run in gone:
                    self.tell(
                        f"{run.name}: was not on this namespace {stack.api.namespace} of {target.name}: another "
                        "cluster has that name, or it was made anew: it is left as it is"
                    )
        runs = [run.looked_at(stack) for run in runs]
        nodes = undo_notes.on_nodes(stack)
        are_hidden = nodes is None and not any(undo.undo.get("kind") == "Node" for run in runs for undo in run.undos)
        noted = [*(undo_notes.on_workloads(stack) if is_there else ()), *(nodes or ())]
        lost = _lost(noted, runs, gone, is_there=is_there)
        if holder is None:
            held = stack.api.get("Lease", lease.NAME) if is_there else None
            holder = str(held["spec"].get("holderIdentity") or "nobody") if held else ""
        return _There(stacks, stack, runs, lost, is_there, holder, are_hidden)

    def _plan(self, there: _There) -> None:
        """Say what will be done, a line each."""
        if there.are_nodes_hidden:
            self.remark(
                f"namespace {there.stack.api.namespace}: nodes may not be looked at, so one that is still drained by a "
                "run whose folder is not here would not be found"
            )
        for run in there.runs:
            if run.why:
                self.tell(f"{run.name}: {run.why}")
            for line in [*_planned(there.stack, run.undos), *_unplanned(run.settled)]:
                self.tell(f"{run.name}: {line}")
            if not run.undos and not run.settled and not run.why:
                self.tell(f"{run.name}: nothing to put back, but it has no end: it is given one, and a report")
        for lost in there.lost:
            for line in _planned(there.stack, lost.undos):
                self.tell(f"{lost.run} ({lost.what}): {line}")
        for what in there.source.left(there.stack):
            self.tell(f"{there.source.spec}: {what} is taken out of the stack that was only borrowed")
        if there.holder:
            self.tell(f"namespace {there.stack.api.namespace}: the Lease that {there.holder} has left is taken away")

    def _put_back(self, target: Target, found: list[_There]) -> None:
        problems: list[str] = []
        commands: list[str] = []
        again = ""
        for there in found:
            for run in there.runs:
                if wrong := self._of_run(target, there.source, there.stack, run):
                    problems += wrong
                    left = unfinished(journal.read(run.folder))
                    commands += by_hand(there.stack, undo_notes.run_of(run.folder), left)
            for lost in there.lost:
                if wrong := self._of_lost(there.stack, lost):
                    problems += wrong
                    commands += by_hand(there.stack, lost.run, lost.undos)
            again = recovery(there.stack) if problems else ""
            if there.is_there and not problems and (there.lost or any(run.undos for run in there.runs)):
                self._await_ready(there.stack)
            self._release(there.source, there.stack)
        if problems:
            raise left_to_do(problems, commands, again)

    def _await_ready(self, stack: Stack) -> None:
        """Wait for all parts: one that did without another (the site without its files) comes back after it."""
        with progress(quiet=self.quiet) as shown, shown.task("stack: wait until all of its pods are ready"):
            ready = wait_until(lambda: stack.ready("stack"), _READY_TIMEOUT_S)
        if not ready:
            parts = {role: unready(stack.api, stack.binding, role) for role in stack.binding.controllers}
            said = "; ".join(f"{role}: {why}" for role, why in parts.items() if why)
            self.tell(f"all is put back, but after {_READY_TIMEOUT_S:g} s not all of the stack is ready: {said}")

    def _of_lost(self, stack: Stack, lost: _Lost) -> list[str]:
        """Put back what a run has left whose folder is lost; what could not be."""
        carrier = Carrier(stack, lost.run, lost.undos)
        tried = [carrier.carry_out(alike, PUT_BACK_TIMEOUT_S) for alike in in_order(lost.undos)]
        wrong = [problem for problem in tried if problem]
        if not wrong:
            self.tell(f"{lost.run}: {len(lost.undos)} change(s) put back")
        return wrong

    def _of_run(self, target: Target, stacks: Source, stack: Stack, run: _Run) -> list[str]:
        """Put back what one run has left; what could not be."""
        run.settle()
        if not run.undos:
            self._end(run, run.why or "nothing was left to be put back")
            if not run.why:
                self.tell(f"{run.name}: ended, and reported as far as it went")
            return []
        with Journal(run.folder) as again:
            wrong = put_back(stack, list(run.undos), again, _AtTheEnd(run.history), PUT_BACK_TIMEOUT_S)
        if wrong and (run.why or not deployed_again(stacks, target, run.folder, quiet=self.quiet)):
            return wrong
        self._end(run, f"{len(run.undos)} change(s) were put back")
        self.tell(f"{run.name}: {len(run.undos)} change(s) put back")
        return []

    def _end(self, run: _Run, how: str, *, void: bool = False) -> None:
        run.end(how, void=void)
        self.ended.append(run)

    def _void(self, runs: list[_Run], why: str, *, dry_run: bool) -> None:
        for run in runs:
            self.tell(f"{run.name}: {why}")
            if not dry_run:
                self._end(run, why, void=True)

    def _release(self, stacks: Source, stack: Stack) -> None:
        if not stacks.borrowed:
            return
        with progress(quiet=self.quiet) as shown:
            if stacks.release(stack, shown):
                self.tell(f"{stacks.spec}: the rows, posts and uploads of a run that was killed are removed")


def _suites_again(runs: Iterable[_Run]) -> Iterator[str]:
    """Draw the reports of the suites anew that these runs are of; a line for each."""

    def judged(folder: Path) -> tuple[History, Judgement]:
        history = journal.read(folder)
        return history, judge(history)

    for suite in dict.fromkeys(run.folder.parent for run in runs):
        try:
            if report.redraw_suite(suite, judged, "the suite was cut off before it"):
                yield f"{suite.name}: its report is drawn anew"
        except HachaosError as error:
            yield f"the suite's report could not be drawn anew: {error}"


def _runs(reports: Path) -> tuple[list[_Run], list[UsageError]]:
    """The runs of which something is left, the latest first; and what is wrong with journals that cannot be read."""
    runs, unread = [], []
    for folder in reversed(journal.folders(reports)):
        try:
            history = journal.read(folder)
        except UsageError as error:
            unread.append(error)
            continue
        run = _run(str(folder.relative_to(reports)), folder, history)
        if run is not None:
            runs.append(run)
    return runs, unread


def _run(name: str, folder: Path, history: History) -> _Run | None:
    undos = unfinished(history)
    is_left = undos or (history.ended is None and len(history.of(RunBegun)) > 0)
    return _Run(name, folder, history, undos) if is_left else None


def _is_of_another(run: _Run, stack: Stack) -> bool:
    """Whether a run was on another namespace of the same name: of another cluster, or one that was made anew since."""
    known = run.stack.get("namespace_uid")
    return bool(known) and known != uid_of(stack)


def _nothing(target: Target, stacks: Source) -> Stack:
    """The place of a profile's stack that is not there: it leads to what is around it, and signs in nowhere."""
    api, nobody = target.api.in_namespace(stacks.namespace), Credentials("", "", "", "", "", "", "", "")
    return Stack(stacks.named, api, nobody, no_seed(""), target.name.removeprefix("local/"))


def _without_pods(planned: UndoPlanned) -> UndoPlanned:
    """The undo of a change to a node where the stack of before is gone: no pods of it are waited for."""
    return replace(planned, undo=planned.undo | {"ready": {}})


def _lost(
    noted: Iterable[undo_notes.Noted], runs: Iterable[_Run], gone: Iterable[_Run], *, is_there: bool
) -> list[_Lost]:
    """What is noted and is told by none of `runs`, the latest run first.

    Where the stack is not there, and of runs that are `gone` with the one of before, it is of nodes alone.
    """
    known = {(undo_notes.run_of(run.folder), undo.id) for run in runs for undo in (*run.undos, *run.settled)}
    before = {undo_notes.run_of(run.folder) for run in gone}
    lost: dict[str, list[UndoPlanned]] = {}
    for each in noted:
        if (each.run, each.id) not in known:
            is_over = each.run in before or not is_there
            lost.setdefault(each.run, []).append(_without_pods(each.planned) if is_over else each.planned)
    said = {run: "whose stack is gone" if run in before else "whose folder is not here" for run in lost}
    return [_Lost(run, tuple(lost[run]), said[run]) for run in reversed(lost)]


def _elsewhere(runs: list[_Run], place: str) -> Iterator[str]:
    for run in runs:
        if not run.is_on(place):
            known = run.stack.get("target", "an embedded cluster")
            yield f"{run.name}: was not on {place}, but on {known}: it is left as it is"


def _planned(stack: Stack, undos: Sequence[UndoPlanned]) -> Iterator[str]:
    """What carrying out undo records will do, a line each."""
    for first, *_ in in_order(undos):
        # What a record that is carried out before this one sets is not there yet, but is one that the run found.
        yield f"step {first.step + 1} ({first.action}): {anothers_wish(stack, first, undos) or _words(stack, first)}"


def _unplanned(undos: Sequence[UndoPlanned]) -> Iterator[str]:
    """Why undo records are not carried out, a line each."""
    for first, *_ in in_order(undos):
        yield (
            f"step {first.step + 1} ({first.action}): nothing is noted on {undo_notes.place(first.undo)} any more, so "
            "it was put back or never begun: it is left as it is"
        )


def _words(stack: Stack, planned: UndoPlanned) -> str:
    undo, place = planned.undo, undo_notes.place(planned.undo)
    if planned.action == delete_volume.DeleteVolume.name and (claims := delete_volume.doomed(stack, undo)):
        return (
            f"of {', '.join(claims)}, deleted but for the pod on it, that pod is deleted as well, one after another; "
            f"{undo['ready']} ready pod(s) of {undo['role']} are waited for"
        )
    if place and "replicas" in undo:
        return f"{place} is given {undo['replicas']} replica(s) again, and looked at until they are ready"
    if undo.get("kind") == "Node":
        pods = ", and as many ready pods of each part as before are waited for" if undo.get("ready") else ""
        if undo.get("cordoned"):
            return f"{place} takes no new pods, as before{pods}"
        return f"pods may be placed on {place} again{pods}"
    if "ready" in undo:
        return f"{undo['ready']} ready pod(s) of {undo.get('role')} are waited for"
    return f"the roll-out of {place} is waited for" if place else "nothing to put back"


def _namespace(run: _Run) -> str:
    return str(run.history.run.stack.get("namespace", "wordpress"))


def _absolute(spec: str) -> str:
    """As a source has it, however the path of a binding's file was written."""
    return str(Path(spec).absolute()) if is_binding(spec) else spec
