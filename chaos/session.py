"""One run from start to end: the only place that knows everybody.

YAML -> plan -> target -> stack -> runner -> journal -> history -> checks -> verdict -> reports
"""

from __future__ import annotations

import platform
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from chaos import __version__, blast_radius, bugs, extensions, journal, preconditions, report, run_lock, stop
from chaos.checks.judge import judge
from chaos.clock import Clock
from chaos.cluster import lease, protected, reach
from chaos.cluster import target as targets
from chaos.cluster.elsewhere import Elsewhere
from chaos.cluster.target import Target
from chaos.debug import LOG, DebugLog
from chaos.errors import ExitCode, HachaosError, StackError, UndoIncomplete, UsageError
from chaos.history import FORMAT, Contents, Read, Record, ReplicaSeen, RunBegun, RunEnded, Skipped, Write
from chaos.journal import Journal, JournalFull
from chaos.monitors.abort import Watch
from chaos.output import that_may_close
from chaos.progress import Progress, progress
from chaos.report import live, terminal, usual
from chaos.report.suite import SuiteRun
from chaos.runner import Runner
from chaos.scenario.plan import Plan, Suite, plans_of
from chaos.stack import fingerprint, source
from chaos.stack.source import Source
from chaos.stack.stack import Stack, uid_of
from chaos.undo import deployed_again, incomplete, recovery
from chaos.undo_notes import run_of
from chaos.verdict import EXIT, Verdict, merge


@dataclass(frozen=True)
class Options:
    """What a run is told beside its scenario.

    `stack` is a profile's name or the path of a binding's file; `baseline` overrules the scenarios' own where it is
    not empty. `as_json` prints reports as JSON to standard output instead of in words. `elsewhere` is a cluster that
    is not the embedded one; `yes` agrees to what a run touches there. With `debug` each run folder has a debug log, and
    what came before the first folder, or after the last, waits in it for the caller. `began` is called with the folder
    of each scenario that is run by itself.
    """

    stack: str = "hardened"
    cluster: str = "hachaos"
    nodes: int | None = None
    reports: Path = Path("reports")
    quiet: bool = False
    as_json: bool = False
    baseline: str = ""
    allow_destructive: bool = False
    debug: DebugLog | None = None
    allow_nodes: bool = False
    elsewhere: Elsewhere | None = None
    yes: bool = False
    began: Callable[[Path], None] | None = None

    @property
    def place(self) -> str:
        """What journals call the cluster."""
        return self.elsewhere.place if self.elsewhere else f"local/{self.cluster}"


def run(items: Sequence[Plan | Suite], options: Options) -> ExitCode:
    """Run scenarios and suites one after another, each with its own report; the exit code says the worst verdict.

    Raises HachaosError when there is no verdict: no cluster, no stack, an undo that did not hold.
    """
    stacks = source.of(options.stack)
    source.require_bound(stacks, options.elsewhere)
    preconditions.require_extensions()
    for item in items:
        preconditions.require_allowed(
            item,
            allow_nodes=options.allow_nodes,
            allow_destructive=options.allow_destructive,
            local=options.elsewhere is None,
            baseline=options.baseline,
        )
    debug = options.debug
    with that_may_close(), stop.by_signals(), debug.kept() if debug else nullcontext(), bugs.into(options.reports):
        target = targets.of(options.elsewhere, options.cluster, options.nodes, quiet=options.quiet)
        preconditions.require_rights(plans_of(items), stacks, target.api, outside=target.reach == "port-forward")
        protected.refuse(target.api, stacks.namespace)
        preconditions.require_fit(plans_of(items), stacks, target)
        if target.local:
            run_lock.hold(options.cluster)
        else:
            blast_radius.agreed(blast_radius.of(items, target, stacks), yes=options.yes, quiet=options.quiet)
        session = _Session(stacks, target, options, debug=debug)
        try:
            with bugs.into(options.reports):
                verdicts = session.all(items)
        except stop.Aborted as error:
            raise HachaosError(f"the run was stopped: {error}") from error
        finally:
            session.release()
    return EXIT[merge(verdicts)]


@dataclass(frozen=True)
class _Ran:
    """What became of one scenario; `problem` is what ended it before its end, or left it undone.

    `aborted` says why it stopped itself, where it did, and `interrupted` that a signal ended it: then nothing more is
    to be broken either.
    """

    verdict: Verdict
    run: SuiteRun
    problem: BaseException | None = None
    aborted: str = ""
    interrupted: bool = False


@dataclass(frozen=True)
class _Ended:
    """How a run ended (`RunEnded.how`), what ended it before its end or left it undone, and why it was aborted."""

    how: str
    problem: BaseException | None
    aborted: str


@dataclass
class _Session:
    """The scenarios of one call, on one target and with one source of stacks."""

    stacks: Source
    target: Target
    options: Options
    held: ExitStack = field(default_factory=ExitStack)
    debug: DebugLog | None = None
    aborted: str = ""
    _stack: Stack | None = None
    _lease: lease.Held | None = None

    def all(self, items: Sequence[Plan | Suite]) -> list[Verdict]:
        """Run one after another; what comes after one that was aborted is not begun, and unknown."""
        verdicts: list[Verdict] = []
        for item in items:
            if self.aborted:
                verdicts.append(Verdict.UNKNOWN)
            else:
                verdicts.append(self.suite(item) if isinstance(item, Suite) else self.scenario(item).verdict)
        return verdicts

    def scenario(self, plan: Plan) -> _Ran:
        """Run one plan into a folder of its own under the reports. Raises what ended it before its end."""
        stack = self.ready(plan)
        folder = _folder(self.options.reports, plan.name)
        if self.options.began is not None:
            self.options.began(folder)
        ran = self.carried_out(plan, stack, folder)
        self._told(folder)
        if ran.problem is not None:
            raise ran.problem
        self.aborted = ran.aborted
        return ran

    @property
    def _in_words(self) -> bool:
        """Whether standard output is for people."""
        return not self.options.quiet and not self.options.as_json

    def _told(self, folder: Path) -> None:
        """Hand the report in the folder, a run's or a suite's, to whoever started hachaos."""
        if self.options.as_json:
            print(report.one_line(folder), flush=True)
        report.add_step_summary(folder)

    def carried_out(self, plan: Plan, stack: Stack, folder: Path, stop_at: float = float("inf")) -> _Ran:
        """Run one plan on a stack that is fit for it, judge it, write its report into the folder.

        It can be stopped while it runs; what it left is then put back, judged and reported all the same.
        """
        if self.options.baseline:
            plan = replace(plan, baseline=self.options.baseline)
        with stop.sealed():
            ended = self._carry_out(plan, stack, folder, stop_at)
            try:
                with bugs.into(folder):
                    history = journal.read(folder)
                    judgement = judge(history)
                    report.write(folder, history, judgement)
                    if self._in_words:
                        terminal.summary(history, judgement, folder)
            except HachaosError as error:
                # What is left undone, or what filled the disk, has to be said before it.
                raise ended.problem or error from error
        run = SuiteRun(plan.name, plan.claim, folder.name, history, judgement)
        return _Ran(judgement.verdict, run, ended.problem, ended.aborted, ended.how == "interrupted")

    def suite(self, suite: Suite) -> Verdict:
        """Run a suite's scenarios into one folder; its report is written before the first and after each.

        One that would begin after the budget is over is not begun, nor one for which no fit stack can be had; that
        makes the verdict unknown. A stack of ours in which something could not be put back is deployed again. Whatever
        else ends a scenario before its end ends the suite.
        """
        folder = _folder(self.options.reports, suite.name)
        stop_at = time.monotonic() + suite.budget_s
        waiting = dict(enumerate(suite.plans, start=1))
        runs: list[SuiteRun] = []
        reason = "the suite ended before it"
        ended: BaseException | None = None
        # Of a suite that is killed in its first scenario it is known what it was.
        report.write_suite(folder, suite, self.options.stack, _not_run(waiting, report.NOT_YET))
        try:
            for number, plan in list(waiting.items()):
                if number > 1 and time.monotonic() + suite.between_s < stop_at:
                    time.sleep(suite.between_s)
                if time.monotonic() >= stop_at:
                    reason = f"the suite's budget of {suite.budget_s:g} s was over"
                    break
                inner = folder / f"{number:02}-{plan.name}"
                wanted = replace(plan, baseline=suite.baseline) if suite.baseline else plan
                if self._in_words:
                    terminal.scenario_begins(number, len(suite.plans), plan.name, plan.claim)
                ran = None
                try:
                    stack = self.ready(wanted)
                except StackError as error:
                    runs.append(SuiteRun(plan.name, plan.claim, "", None, None, str(error)))
                else:
                    ran = self.carried_out(wanted, stack, _make(inner), stop_at)
                    runs.append(ran.run)
                    self.aborted = ran.aborted
                del waiting[number]
                if ran and ran.problem is not None and not self._made_good(ran, inner):
                    raise ran.problem
                report.write_suite(folder, suite, self.options.stack, [*runs, *_not_run(waiting, report.NOT_YET)])
                if self.aborted:
                    reason = f"{plan.name} was aborted: {self.aborted}"
                    break
        except BaseException as error:
            reason = f"the suite was ended: {str(error) or type(error).__name__}"
            ended = error
            raise
        finally:
            runs += _not_run(waiting, reason)
            try:
                written = report.write_suite(folder, suite, self.options.stack, runs)
                self._told(folder)
            except HachaosError as error:
                # What ended the suite has to be said before what became of its report.
                raise ended or error from error
            if self._in_words:
                terminal.suite_summary(written, folder)
        return written.verdict

    def ready(self, plan: Plan) -> Stack:
        """The stack, fit for the plan, and ours alone. Raises before anything is broken."""
        try:
            protected.refuse(self.target.api, self.stacks.namespace)
        except UsageError as error:
            # Since the call began, which was not wrong then; earlier scenarios may have broken something.
            raise StackError(str(error), hint=error.hint) from error
        if self.stacks.borrowed:
            self._hold_lease(plan)
        with progress(quiet=self.options.quiet) as shown:
            self._stack = stack = self.stacks.ensure(self.target, shown).fenced(allow_nodes=self.options.allow_nodes)
        self._hold_lease(plan)
        preconditions.require_put_back(stack, self.stacks.spec)
        preconditions.require([plan], stack, nodes=self.target.nodes)
        return stack

    def _hold_lease(self, plan: Plan) -> None:
        """Hold the stack's Lease until all runs are over. Raises HostError with who has it."""
        if self._lease is None:
            api = self.target.api.in_namespace(self.stacks.namespace)
            held = lease.hold(api, f"run {plan.name}", stop.ask, stays=self.stacks.borrowed)
            self._lease = self.held.enter_context(held)

    def _made_good(self, ran: _Ran, folder: Path) -> bool:
        """Whether what a run could not put back holds once the stack, if it is ours, is deployed again.

        Nobody has asked for that who has stopped the run, and a bug that ended it has to be told.
        """
        if ran.interrupted or ran.aborted or not isinstance(ran.problem, UndoIncomplete):
            return False
        if isinstance(ran.problem, bugs.BugAndIncomplete):
            return False
        return deployed_again(self.stacks, self.target, folder, quiet=self.options.quiet)

    def release(self) -> None:
        """Take away what only the runs needed, the Lease last. Raises UndoIncomplete when Ctrl-C stops that."""
        with stop.undoing(), self.held:
            self.held.callback(reach.direct)
            try:
                with progress(quiet=self.options.quiet) as shown:
                    self._give_back(shown)
            except stop.UndoStopped as error:
                raise UndoIncomplete(
                    f"{self.stacks.spec}: what the run wrote into it was not all removed",
                    hint=recovery(self._stack, self.stacks.spec),
                ) from error

    def _give_back(self, shown: Progress) -> None:
        if self._stack is not None:
            self.stacks.release(self._stack, shown)
        elif self.stacks.borrowed and self._lease is not None and not self._lease.lost:
            # It was cut off while it was being borrowed; one that was not fit for that has nothing of ours.
            with suppress(HachaosError):
                self.stacks.release(self.stacks.attach(self.target), shown)

    def _carry_out(self, plan: Plan, stack: Stack, folder: Path, stop_at: float) -> _Ended:
        """Run the plan with the journal open."""
        clock = Clock()
        problem: BaseException | None = None
        how, aborted = "finished", ""
        with (
            Journal(folder, lambda error: stop.ask(f"{folder / journal.NAME}: {error.strerror}")) as written,
            ExitStack() as open_,
        ):
            if self.debug is not None:
                path = open_.enter_context(self.debug.into(folder))
                if not self.options.quiet:
                    print(f"debug log: {path}", file=sys.stderr)
                written.listen(_decided)
            begun = self._begun(plan, stack, folder, clock)
            usual_s = usual.duration_s(self.options.reports, plan.name, str(begun.stack["profile"]))
            shown = live.display(plan.to_json(), quiet=self.options.quiet, usual_s=usual_s)
            written.listen(open_.enter_context(shown))
            written.write(begun)
            runner = Runner(plan, stack, written, clock, stop_at, self._lease)
            try:
                with Watch(plan.abort, clock, written, stop.ask), stop.exposed(), bugs.into(folder):
                    runner.run()
            except stop.Interrupted as error:
                how, problem = "interrupted", error
            except stop.Aborted as error:
                how, aborted = "aborted", str(error)
            except HachaosError as error:
                how, problem = "failed", error
                # An undo that did not hold does not hide what had ended the run before it.
                if isinstance(error.__context__, stop.Interrupted):
                    how = "interrupted"
                elif isinstance(error.__context__, stop.Aborted):
                    how, aborted = "aborted", str(error.__context__)
            if not aborted and (aborted := stop.taken_back()) and problem is None:
                how = "aborted"
            bug = bugs.led_to(problem)
            if not isinstance(problem, stop.UndoStopped):
                problem = _undone_late(runner) or problem
            left = runner.left
            if left and not isinstance(problem, UndoIncomplete):
                problem = incomplete(stack, run_of(folder), [f"{len(left)} change(s) were not put back"], left)
            if isinstance(problem, UndoIncomplete):
                problem = bugs.told_with(problem, bug)
            if written.problem is not None and problem is None:
                problem = JournalFull(
                    f"{written.said(written.problem)}; the run was stopped, and what it changed was put back",
                    hint=journal.ROOM,
                )
            written.write(RunEnded(clock.now(), how, aborted or str(problem or "")), sync=True)
        return _Ended(how, problem, aborted)

    def _begun(self, plan: Plan, stack: Stack, folder: Path, clock: Clock) -> RunBegun:
        return RunBegun(
            format=FORMAT,
            run=folder.name,
            scenario=plan.name,
            claim=plan.claim,
            started_at=clock.started_at,
            plan=plan.to_json(),
            stack={
                "profile": stack.binding.name,
                "source": self.stacks.spec,
                "namespace": stack.api.namespace,
                "namespace_uid": uid_of(stack),
                "target": self.target.name,
                "nodes": self.target.nodes,
                "reach": self.target.reach,
                "database_pods": len(stack.pods("database")),
                "site_pods": len(stack.pods("site")),
                "images": stack.images(),
                "image_digests": fingerprint.digests(stack),
                "manifests_sha256": fingerprint.manifests(self.stacks.spec),
            },
            versions={"hachaos": __version__, "python": platform.python_version()}
            | self.target.versions
            | extensions.versions(),
            scenario_text=plan.text,
        )


def _decided(record: Record) -> None:
    """Note in the debug log what a record says, but not each request's and each look's."""
    if not isinstance(record, Read | Write | Skipped | ReplicaSeen | Contents):
        LOG.debug("journal: %s", record)


def _not_run(waiting: dict[int, Plan], reason: str) -> list[SuiteRun]:
    return [SuiteRun(plan.name, plan.claim, "", None, None, reason) for plan in waiting.values()]


def _folder(reports: Path, name: str) -> Path:
    began = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = reports / f"{began}-{name}"
    if folder.exists():
        folder = reports / f"{began}-{secrets.token_hex(2)}-{name}"
    return _make(folder)


def _make(folder: Path) -> Path:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except OSError as error:
        raise UsageError(
            f"{folder}: {error.strerror}", hint="--reports names a folder that can be written to"
        ) from error
    return folder


def _undone_late(runner: Runner) -> HachaosError | stop.UndoStopped | None:
    """Put back what a stop between the last step and the undo has left; what is wrong with it, if anything is."""
    try:
        runner.put_everything_back()
    except (HachaosError, stop.UndoStopped) as error:
        return error
    return None
