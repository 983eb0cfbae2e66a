"""One run from start to end: the only place that knows everybody.

YAML -> plan -> target -> stack -> runner -> journal -> history -> checks -> verdict -> reports
"""

from __future__ import annotations

import platform
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from chaos import __version__, blast_radius, journal, preconditions, report, run_lock
from chaos.checks.judge import judge
from chaos.clock import Clock
from chaos.cluster import protected
from chaos.cluster import target as targets
from chaos.cluster.elsewhere import Elsewhere
from chaos.cluster.target import Target
from chaos.errors import ExitCode, HachaosError, StackError, UndoIncomplete, UsageError
from chaos.history import FORMAT, RunBegun, RunEnded
from chaos.journal import Journal
from chaos.progress import progress
from chaos.report import live, terminal
from chaos.report.suite import SuiteRun
from chaos.runner import Runner
from chaos.scenario.plan import Plan, Suite, plans_of
from chaos.stack import source
from chaos.stack.source import Source
from chaos.stack.stack import Stack
from chaos.undo import deployed_again, incomplete, unfinished
from chaos.verdict import EXIT, Verdict, merge


@dataclass(frozen=True)
class Options:
    """What a run is told beside its scenario.

    `stack` is a profile's name or the path of a binding's file; `baseline` overrules the scenarios' own where it is
    not empty. `elsewhere` is a cluster that is not the embedded one; `yes` agrees to what a run touches there.
    """

    stack: str = "hardened"
    cluster: str = "hachaos"
    nodes: int | None = None
    reports: Path = Path("reports")
    quiet: bool = False
    baseline: str = ""
    allow_destructive: bool = False
    elsewhere: Elsewhere | None = None
    yes: bool = False
    allow_nodes: bool = False


class Interrupted(KeyboardInterrupt):
    """A signal asked for the end; its text is the signal's name."""


def run(items: Sequence[Plan | Suite], options: Options) -> ExitCode:
    """Run scenarios and suites one after another, each with its own report; the exit code says the worst verdict.

    Raises HachaosError when there is no verdict: no cluster, no stack, an undo that did not hold.
    """
    stacks = source.of(options.stack)
    source.require_bound(stacks, options.elsewhere)
    with _signals():
        target = targets.of(options.elsewhere, options.cluster, options.nodes, quiet=options.quiet)
        preconditions.require_rights(plans_of(items), stacks, target.api, outside=target.reach == "port-forward")
        protected.refuse(target.api, stacks.namespace)
        if target.local:
            run_lock.hold(options.cluster)
        else:
            blast_radius.agreed(blast_radius.of(items, target, stacks), yes=options.yes, quiet=options.quiet)
        session = _Session(stacks, target, options)
        try:
            verdicts = [
                session.suite(item) if isinstance(item, Suite) else session.scenario(item).verdict for item in items
            ]
        finally:
            session.release()
    return EXIT[merge(verdicts)]


@dataclass(frozen=True)
class _Ran:
    """What became of one scenario; `problem` is what ended it before its end, or left it undone."""

    verdict: Verdict
    run: SuiteRun
    problem: BaseException | None = None


@dataclass
class _Session:
    """The scenarios of one call, on one target and with one source of stacks."""

    stacks: Source
    target: Target
    options: Options
    _stack: Stack | None = None

    def scenario(self, plan: Plan) -> _Ran:
        """Run one plan into a folder of its own under the reports. Raises what ended it before its end."""
        stack = self.ready(plan)
        ran = self.carried_out(plan, stack, _folder(self.options.reports, plan.name))
        if ran.problem is not None:
            raise ran.problem
        return ran

    def carried_out(self, plan: Plan, stack: Stack, folder: Path, stop_at: float = float("inf")) -> _Ran:
        """Run one plan on a stack that is fit for it, judge it, write its report into the folder."""
        if self.options.baseline:
            plan = replace(plan, baseline=self.options.baseline)
        problem = self._carry_out(plan, stack, folder, stop_at)
        history = journal.read(folder)
        judgement = judge(history)
        report.write(folder, history, judgement)
        if not self.options.quiet:
            terminal.summary(history, judgement, folder)
        return _Ran(judgement.verdict, SuiteRun(plan.name, plan.claim, folder.name, history, judgement), problem)

    def suite(self, suite: Suite) -> Verdict:
        """Run a suite's scenarios into one folder; its report is written anew after each.

        One that would begin after the budget is over is not begun, nor one for which no fit stack can be had; that
        makes the verdict unknown. A stack of ours in which something could not be put back is deployed again. Whatever
        else ends a scenario before its end ends the suite.
        """
        folder = _folder(self.options.reports, suite.name)
        stop_at = time.monotonic() + suite.budget_s
        waiting = dict(enumerate(suite.plans, start=1))
        runs: list[SuiteRun] = []
        reason = "the suite ended before it"
        try:
            for number, plan in list(waiting.items()):
                if number > 1 and time.monotonic() + suite.between_s < stop_at:
                    time.sleep(suite.between_s)
                if time.monotonic() >= stop_at:
                    reason = f"the suite's budget of {suite.budget_s:g} s was over"
                    break
                inner = folder / f"{number:02}-{plan.name}"
                wanted = replace(plan, baseline=suite.baseline) if suite.baseline else plan
                if not self.options.quiet:
                    terminal.scenario_begins(number, len(suite.plans), plan.name, plan.claim)
                problem = None
                try:
                    stack = self.ready(wanted)
                except StackError as error:
                    runs.append(SuiteRun(plan.name, plan.claim, "", None, None, str(error)))
                else:
                    ran = self.carried_out(wanted, stack, _make(inner), stop_at)
                    runs.append(ran.run)
                    problem = ran.problem
                del waiting[number]
                report.write_suite(folder, suite, self.options.stack, [*runs, *_not_run(waiting, "not yet run")])
                if problem is not None and not self._made_good(problem, inner):
                    raise problem
        except BaseException as error:
            reason = f"the suite was ended: {str(error) or type(error).__name__}"
            raise
        finally:
            runs += _not_run(waiting, reason)
            written = report.write_suite(folder, suite, self.options.stack, runs)
            if not self.options.quiet:
                terminal.suite_summary(written, folder)
        return written.verdict

    def ready(self, plan: Plan) -> Stack:
        """The stack, fit for the plan. Raises before anything is broken."""
        with progress(quiet=self.options.quiet) as shown:
            self._stack = stack = self.stacks.ensure(self.target, shown).fenced(allow_nodes=self.options.allow_nodes)
        local = self.target.local
        preconditions.require(
            plan, stack, nodes=self.target.nodes, local=local, allow_destructive=self.options.allow_destructive
        )
        return stack

    def _made_good(self, problem: BaseException, folder: Path) -> bool:
        """Whether what a run could not put back holds once the stack, if it is ours, is deployed again."""
        return isinstance(problem, UndoIncomplete) and deployed_again(
            self.stacks, self.target, folder, quiet=self.options.quiet
        )

    def release(self) -> None:
        """Take away what only the runs needed."""
        if self._stack is not None:
            with progress(quiet=self.options.quiet) as shown:
                self.stacks.release(self._stack, shown)

    def _carry_out(self, plan: Plan, stack: Stack, folder: Path, stop_at: float) -> BaseException | None:
        """Run the plan with the journal open. What ended it before its end, or left it undone, if anything did."""
        clock = Clock()
        with Journal(folder) as written, live.display(plan.to_json(), quiet=self.options.quiet) as show:
            written.listen(show)
            written.write(self._begun(plan, stack, folder, clock))
            how = "finished"
            problem: BaseException | None = None
            try:
                Runner(plan, stack, written, clock, stop_at).run()
            except Interrupted as error:
                how, problem = "interrupted", error
            except HachaosError as error:
                how, problem = "failed", error
            left = unfinished(written.history())
            if left and not isinstance(problem, UndoIncomplete):
                problem = incomplete(stack, [f"{len(left)} change(s) were not put back"], left)
            written.write(RunEnded(clock.now(), how, str(problem or "")), sync=True)
        return problem

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
                "target": self.target.name,
                "nodes": self.target.nodes,
                "reach": self.target.reach,
                "database_pods": len(stack.pods("database")),
                "site_pods": len(stack.pods("site")),
                "images": stack.images(),
            },
            versions={"hachaos": __version__, "python": platform.python_version()} | self.target.versions,
            scenario_text=plan.text,
        )


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


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise Interrupted in the main thread while the block lasts.

    The second one ends the undo as well: it raises again wherever the main thread is.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        print(f"hachaos: {signal.Signals(number).name}: stopping; once more stops the undo too", file=sys.stderr)
        raise Interrupted(signal.Signals(number).name)

    old = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
