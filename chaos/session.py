"""One run from start to end: the only place that knows everybody.

YAML -> plan -> target -> stack -> runner -> journal -> history -> checks -> verdict -> reports
"""

from __future__ import annotations

import fcntl
import os
import platform
import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO

from chaos import __version__, journal, report
from chaos.checks.judge import judge
from chaos.clock import Clock
from chaos.cluster import target as targets
from chaos.cluster.target import Target
from chaos.errors import ExitCode, HachaosError, HostError, UndoIncomplete, UsageError
from chaos.history import FORMAT, RunBegun, RunEnded
from chaos.journal import Journal
from chaos.progress import progress
from chaos.report import live, terminal
from chaos.runner import Runner, put_back, unfinished
from chaos.scenario.plan import Plan
from chaos.stack import deploy
from chaos.stack.profile import Profile
from chaos.stack.stack import Stack
from chaos.verdict import Verdict, merge

_EXIT = {Verdict.PASS: ExitCode.PASS, Verdict.FAIL: ExitCode.FAIL, Verdict.UNKNOWN: ExitCode.UNKNOWN}


@dataclass(frozen=True)
class Options:
    """What a run is told beside its scenario."""

    profile: str = "hardened"
    cluster: str = "hachaos"
    nodes: int | None = None
    reports: Path = Path("reports")
    quiet: bool = False


class Interrupted(KeyboardInterrupt):
    """A signal asked for the end; its text is the signal's name."""


def run(plans: Sequence[Plan], options: Options) -> ExitCode:
    """Run plans one after another, each with its own report; the exit code says the worst verdict.

    Raises HachaosError when there is no verdict: no cluster, no stack, an undo that did not hold.
    """
    with _signals():
        target = targets.local(options.cluster, options.nodes, quiet=options.quiet)
        _one_run_at_a_time(options.cluster)
        verdicts = [_run_one(plan, target, options) for plan in plans]
    return _EXIT[merge(verdicts)]


def _run_one(plan: Plan, target: Target, options: Options) -> Verdict:
    with progress(quiet=options.quiet) as shown:
        stack = deploy.ensure(target, Profile.load(options.profile), shown)
    folder = _folder(options.reports, plan.name)
    problem = _carry_out(plan, stack, target, folder, quiet=options.quiet)
    history = journal.read(folder)
    judgement = judge(history)
    report.write(folder, history, judgement)
    if not options.quiet:
        terminal.summary(history, judgement, folder)
    if problem is not None:
        raise problem
    return judgement.verdict


def recover(reports: Path, options: Options) -> list[str]:
    """Put back what unfinished runs in `reports` have changed, the latest run first.

    Returns a line for each run that was finished. Raises UndoIncomplete when something could not be put back.
    """
    folders = _unfinished_runs(reports)
    if not folders:
        return []
    target = targets.local(options.cluster, None, quiet=options.quiet)
    _one_run_at_a_time(options.cluster)
    stack = deploy.attach(target, Profile.load(options.profile))
    lines, left = [], []
    for folder in folders:
        undos = unfinished(journal.read(folder))
        clock = Clock()
        with Journal(folder) as again:
            left += put_back(stack, undos, again, clock)
        lines.append(f"{folder.name}: {len(undos)} change(s) put back")
    if left:
        raise UndoIncomplete("; ".join(left))
    return lines


def _carry_out(plan: Plan, stack: Stack, target: Target, folder: Path, *, quiet: bool) -> BaseException | None:
    """Run the plan with the journal open. What ended it before its end, or left it undone, if anything did."""
    clock = Clock()
    with Journal(folder) as written, live.display(plan.to_json(), quiet=quiet) as show:
        written.listen(show)
        written.write(_begun(plan, stack, target, folder, clock))
        how = "finished"
        problem: BaseException | None = None
        try:
            Runner(plan, stack, written, clock).run()
        except Interrupted as error:
            how, problem = "interrupted", error
        except HachaosError as error:
            how, problem = "failed", error
        left = unfinished(written.history())
        if left and not isinstance(problem, UndoIncomplete):
            problem = UndoIncomplete(f"{len(left)} change(s) were not put back", hint="hachaos recover")
        written.write(RunEnded(clock.now(), how, str(problem or "")), sync=True)
    return problem


def _begun(plan: Plan, stack: Stack, target: Target, folder: Path, clock: Clock) -> RunBegun:
    return RunBegun(
        format=FORMAT,
        run=folder.name,
        scenario=plan.name,
        claim=plan.claim,
        started_at=clock.started_at,
        plan=plan.to_json(),
        stack={
            "profile": stack.binding.name,
            "namespace": stack.api.namespace,
            "target": target.name,
            "nodes": target.nodes,
            "database_pods": len(stack.pods("database")),
            "site_pods": len(stack.pods("site")),
            "images": stack.images(),
        },
        versions={"hachaos": __version__, "python": platform.python_version()} | target.versions,
        scenario_text=plan.text,
    )


def _folder(reports: Path, name: str) -> Path:
    began = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = reports / f"{began}-{name}"
    try:
        reports.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            folder = reports / f"{began}-{secrets.token_hex(2)}-{name}"
        folder.mkdir()
    except OSError as error:
        raise UsageError(
            f"{folder}: {error.strerror}", hint="--reports names a folder that can be written to"
        ) from error
    return folder


def _unfinished_runs(reports: Path) -> list[Path]:
    journals = sorted(reports.glob(f"*/{journal.NAME}"), reverse=True)
    return [path.parent for path in journals if unfinished(journal.read(path.parent))]


_locks: list[IO[str]] = []


def _one_run_at_a_time(cluster: str) -> None:
    """Hold a lock for as long as the process lives: two runs on one stack would judge each other's faults."""
    path = Path("/run/hachaos") / cluster / "run.lock"
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        raise HostError(f"a run is under way on cluster {cluster!r} ({holder})", hint="wait for it to end") from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n")
    lock.flush()
    _locks.append(lock)


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
