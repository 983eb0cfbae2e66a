"""However a run ends, what it changed is put back, judged and reported, and the user is told in one line."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos import bugs, journal, report, session, stop
from chaos.clock import Clock
from chaos.cluster.target import Target
from chaos.errors import ClusterError, ExitCode, HachaosError, UndoIncomplete
from chaos.history import Note, Record, RunBegun, RunEnded, UndoDone, UndoPlanned
from chaos.journal import Journal, JournalFull
from chaos.scenario.plan import Abort, Plan, Workload
from chaos.session import Options
from chaos.stack.source import Source
from chaos.stack.stack import Stack
from chaos.stop import Interrupted
from chaos.verdict import EXIT, Verdict

WORKLOAD = Workload(reads_per_s=5, pod_reads_per_s=1, writes_per_s=5, posts_per_s=1, deadline_s=2)
PLAN = Plan("p", "it holds", "p.yaml", "", WORKLOAD, (), abort=Abort())


@dataclass
class FakeRunner:
    """Changes one thing, does what a test wants, and puts it back as the real one does."""

    plan: Plan
    stack: Stack
    journal: Journal
    clock: Clock
    stop_at: float
    lease: Any
    during: Callable[[FakeRunner], None] = lambda runner: None
    undo: Callable[[FakeRunner], None] = lambda runner: None
    undone: bool = False
    left: list[UndoPlanned] = field(default_factory=list)

    def run(self) -> None:
        planned = UndoPlanned(1.0, 0, 0, "noop", {})
        self.journal.write(planned)
        self.left.append(planned)
        try:
            with bugs.into(self.journal.path.parent):
                self.during(self)
        finally:
            self.put_everything_back()

    def put_everything_back(self) -> None:
        with stop.undoing():
            if self.undone:
                return
            self.undo(self)
            self.undone = True
            self.left.clear()
            self.journal.write(UndoDone(2.0, 0, verified=True), sync=True)


class Bench:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = monkeypatch
        begun = RunBegun(2, "r", "p", "it holds", 1.0, PLAN.to_json(), {"profile": "hardened"}, {})
        monkeypatch.setattr(session._Session, "_begun", lambda *_: begun)

    def run(
        self,
        during: Callable[[FakeRunner], None] = lambda runner: None,
        undo: Callable[[FakeRunner], None] = lambda runner: None,
        plan: Plan = PLAN,
    ) -> session._Ran:
        def make(*given: Any) -> FakeRunner:
            return FakeRunner(*given, during=during, undo=undo)

        self._patch.setattr(session, "Runner", make)
        made = session._Session(cast("Source", None), cast("Target", None), Options(reports=self.folder, quiet=True))
        stack = cast(
            "Stack", SimpleNamespace(api=SimpleNamespace(namespace="wordpress"), local_cluster="", elsewhere=None)
        )
        return made.carried_out(plan, stack, self.folder)

    def kinds(self) -> list[str]:
        return [record.kind for record in journal.read(self.folder)]

    def ended(self) -> RunEnded:
        found = journal.read(self.folder).ended
        assert found is not None
        return found


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with stop.by_signals():
        yield Bench(tmp_path, monkeypatch)


PUT_BACK = [RunBegun.kind, UndoPlanned.kind, UndoDone.kind, RunEnded.kind]


def fail(error: BaseException) -> Callable[[FakeRunner], None]:
    def raise_(runner: FakeRunner) -> None:
        raise error

    return raise_


def test_a_run_that_ends_by_itself_is_finished(bench: Bench) -> None:
    ran = bench.run()
    assert (ran.problem, ran.aborted, bench.ended().how) == (None, "", "finished")


def test_what_aborts_it_is_in_the_end_record_and_it_is_judged_and_never_passes(bench: Bench) -> None:
    def during(runner: FakeRunner) -> None:
        stop.ask("http: down")
        time.sleep(10)

    ran = bench.run(during)
    assert (ran.problem, ran.aborted, ran.verdict) == (None, "http: down", Verdict.UNKNOWN)
    assert (bench.ended().how, bench.ended().detail) == ("aborted", "http: down")
    assert ran.run.judgement is not None
    assert ran.run.judgement.reason.startswith("the run was aborted (http: down)")
    assert bench.kinds() == PUT_BACK
    assert (bench.folder / "report.html").exists()


def test_an_abort_that_comes_with_the_run_s_end_is_one_as_well(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    exposed, asked = stop.exposed, list[str]()

    @contextmanager
    def left_late() -> Iterator[None]:
        with exposed():
            yield
        if not asked:
            asked.append("just then")
            stop.ask("just then")
            time.sleep(0.01)

    monkeypatch.setattr(stop, "exposed", left_late)
    ran = bench.run()
    assert (ran.problem, ran.aborted, bench.ended().how) == (None, "just then", "aborted")


def test_a_wall_time_aborts_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = bench.run(lambda runner: time.sleep(20), plan=Plan("p", "c", "", "", WORKLOAD, (), abort=Abort(0.2)))
    assert ran.aborted == "wall_time: the run took longer than 200ms"


def test_a_signal_ends_it_after_the_undo_with_a_report(bench: Bench) -> None:
    def during(runner: FakeRunner) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(10)

    ran = bench.run(during)
    assert isinstance(ran.problem, Interrupted)
    assert (bench.ended().how, bench.kinds()) == ("interrupted", PUT_BACK)
    assert (bench.folder / "report.html").exists()


def test_ctrl_c_twice_leaves_the_rest_and_says_so(bench: Bench) -> None:
    def press(runner: FakeRunner) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    ran = bench.run(press, press)
    assert isinstance(ran.problem, UndoIncomplete)
    assert ran.problem.exit_code is ExitCode.UNDO_INCOMPLETE
    assert UndoDone.kind not in bench.kinds()


@pytest.mark.parametrize(("how", "aborted"), [("interrupted", ""), ("aborted", "http: down")])
def test_an_undo_that_does_not_hold_does_not_hide_what_stopped_the_run(bench: Bench, how: str, aborted: str) -> None:
    def during(runner: FakeRunner) -> None:
        if aborted:
            stop.ask(aborted)
        else:
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    ran = bench.run(during, fail(UndoIncomplete("1 pod is out")))
    assert isinstance(ran.problem, UndoIncomplete)
    assert (bench.ended().how, ran.aborted, ran.interrupted) == (how, aborted, how == "interrupted")


def test_a_stop_that_comes_just_before_the_undo_does_not_skip_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = FakeRunner.put_everything_back
    calls = []

    def late(runner: FakeRunner) -> None:
        calls.append(1)
        if len(calls) == 1:
            stop.ask("http: down")
            time.sleep(10)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        real(runner)

    monkeypatch.setattr(FakeRunner, "put_everything_back", late)
    with pytest.raises(Interrupted):
        bench.run()
    assert (bench.kinds(), bench.ended().how) == (PUT_BACK, "aborted")
    assert (bench.folder / "report.html").exists()


def test_an_error_of_the_clusters_ends_it_after_the_undo(bench: Bench) -> None:
    ran = bench.run(fail(ClusterError("no answer")))
    assert str(ran.problem) == "no answer"
    assert (bench.ended().how, bench.kinds()) == ("failed", PUT_BACK)


def test_a_bug_is_one_line_after_the_undo_and_its_traceback_is_in_the_folder(bench: Bench) -> None:
    ran = bench.run(fail(ZeroDivisionError("a bug")))
    assert isinstance(ran.problem, HachaosError)
    assert ran.problem.exit_code is ExitCode.TROUBLE
    path = bench.folder / "internal-error.txt"
    assert (str(ran.problem), ran.problem.hint) == (
        "internal error: ZeroDivisionError('a bug')",
        f"please report it with {path}",
    )
    assert "Traceback" in path.read_text()
    assert (bench.ended().how, bench.kinds()) == ("failed", PUT_BACK)


BUG = "internal error: ZeroDivisionError('a bug') (please report it with {folder}/internal-error.txt); "


def test_a_bug_and_what_is_left_undone_are_both_told(bench: Bench) -> None:
    ran = bench.run(fail(ZeroDivisionError("a bug")), fail(UndoIncomplete("1 pod is out", hint="kubectl get pods")))
    assert isinstance(ran.problem, UndoIncomplete)
    assert ran.problem.exit_code is ExitCode.UNDO_INCOMPLETE
    assert str(ran.problem) == BUG.format(folder=bench.folder) + "1 pod is out"
    assert ran.problem.hint == "kubectl get pods"
    assert "ZeroDivisionError: a bug" in (bench.folder / "internal-error.txt").read_text()
    assert bench.ended().detail == str(ran.problem)


def press_twice(runner: FakeRunner) -> None:
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
    time.sleep(10)


def test_an_undo_that_ctrl_c_twice_stops_says_what_is_left(bench: Bench) -> None:
    ran = bench.run(undo=press_twice)
    assert isinstance(ran.problem, UndoIncomplete)
    assert str(ran.problem) == "1 change(s) were not put back"


def test_a_bug_whose_undo_is_stopped_by_ctrl_c_twice_is_told_with_what_is_left(bench: Bench) -> None:
    ran = bench.run(fail(ZeroDivisionError("a bug")), press_twice)
    assert isinstance(ran.problem, UndoIncomplete)
    assert str(ran.problem) == BUG.format(folder=bench.folder) + "1 change(s) were not put back"


def test_a_bug_is_not_made_good_by_a_new_deployment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "deployed_again", lambda *_, **__: True)
    made = session._Session(cast("Source", None), cast("Target", None), Options(reports=bench.folder, quiet=True))
    ran = bench.run(undo=fail(UndoIncomplete("1 pod is out")))
    assert made._made_good(ran, bench.folder)
    ran = bench.run(fail(ZeroDivisionError("a bug")), fail(UndoIncomplete("1 pod is out")))
    assert not made._made_good(ran, bench.folder)


def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the disk takes no more."""

    def put(written: Journal, data: bytes, *, sync: bool) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Journal, "_put", put)

    def replace(path: Path, text: str) -> None:
        raise HachaosError("report.json: No space left on device")

    monkeypatch.setattr(report, "_replace", replace)


def test_samples_that_a_full_disk_does_not_take_end_the_run_and_undo_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Record] = []

    def during(runner: FakeRunner) -> None:
        runner.journal.listen(seen.append)
        full(monkeypatch)
        runner.journal.write(Note(1.0, "a sample"))
        time.sleep(10)

    with pytest.raises(JournalFull, match=r"No space left on device; .* what it changed was put back"):
        bench.run(during)
    assert [(record.id, record.verified) for record in seen if isinstance(record, UndoDone)] == [(0, True)]


def test_an_undo_record_that_a_full_disk_does_not_take_refuses_the_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    injected = []

    def during(runner: FakeRunner) -> None:
        full(monkeypatch)
        runner.journal.write(UndoPlanned(1.0, 1, 0, "noop", {}))
        injected.append("a fault")

    with pytest.raises(JournalFull, match="No space left"):
        bench.run(during)
    assert injected == []


def test_what_a_full_disk_and_a_failed_undo_leave_is_said_as_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undo(runner: FakeRunner) -> None:
        raise UndoIncomplete("1 pod is out", hint="kubectl get pods")

    with pytest.raises(UndoIncomplete, match="1 pod is out"):
        bench.run(lambda runner: full(monkeypatch), undo)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 64 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_that_really_fills_up_ends_the_run_and_its_journal_can_be_read(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undone = []

    def during(runner: FakeRunner) -> None:
        for number in range(100_000):
            runner.journal.write(Note(float(number), "a sample of a monitor's"))

    def never_stopped(runner: FakeRunner) -> None:
        with pytest.raises(JournalFull):
            runner.journal.write(UndoPlanned(1.0, 1, 0, "noop", {"much": "x" * 5000}))
        undone.append("undo")

    with stop.by_signals(), pytest.raises(JournalFull, match=r"journal\.jsonl: No space left on device; the run was"):
        Bench(small, monkeypatch).run(during, never_stopped)
    found = journal.read(small)
    assert undone == ["undo"]
    assert 100 < len(found.of(Note)) < 2000
    assert [note.at for note in found.of(Note)] == [float(number) for number in range(len(found.of(Note)))]
    assert not list(small.glob(".report*"))


def test_a_lease_that_another_took_aborts_the_run_which_puts_back_and_says_who_has_it(bench: Bench) -> None:
    lost = "the Lease in namespace 'n' was taken over from this run, last renewed 42 s ago: b has it since 12:00"
    ran = bench.run(fail(stop.Aborted(lost)))
    assert (ran.problem, ran.aborted, EXIT[ran.verdict]) == (None, lost, ExitCode.UNKNOWN)
    assert (bench.ended().how, bench.ended().detail, bench.kinds()) == ("aborted", lost, PUT_BACK)
    assert ran.run.judgement is not None
    assert lost in ran.run.judgement.reason
