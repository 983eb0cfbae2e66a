"""A suite goes on from scenario to scenario within its budget, and its report is there whatever ends it."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fake_api import FakeApi

from chaos import session, stop
from chaos.checks.judge import Judgement
from chaos.cluster import lease
from chaos.cluster.elsewhere import Elsewhere
from chaos.cluster.target import Target
from chaos.errors import ClusterError, ExitCode, HachaosError, HostError, StackError, UndoIncomplete
from chaos.report.suite import SuiteReport, SuiteRun, report_of
from chaos.scenario.plan import Needs, Plan, Suite, Workload
from chaos.session import Options
from chaos.stack.source import Source
from chaos.stop import Interrupted
from chaos.verdict import Verdict
from tests.unit.actions.acted_cluster import BINDING

WORKLOAD = Workload(reads_per_s=5, pod_reads_per_s=1, writes_per_s=5, posts_per_s=1, deadline_s=2)


def plan(name: str, baseline: str = "stop") -> Plan:
    return Plan(name, f"{name} holds", f"{name}.yaml", "", WORKLOAD, (), baseline)


def suite(*names: str, budget_s: float = 60, baseline: str = "") -> Suite:
    return Suite("all", "all of it holds", "all.yaml", "", budget_s, 0, tuple(map(plan, names)), baseline)


@dataclass
class Bench:
    """A session whose scenarios only say what they were given; `ends` are their verdicts or what they raise."""

    reports: Path
    patch: pytest.MonkeyPatch
    ends: dict[str, Any] = field(default_factory=dict)
    heals: bool = False
    stopped: dict[str, Any] = field(default_factory=dict)
    ran: list[Plan] = field(default_factory=list)
    written: list[list[SuiteRun]] = field(default_factory=list)

    def ready(self, wanted: Plan) -> Any:
        end = self.ends.get(wanted.name)
        if isinstance(end, StackError):
            raise end
        return None

    def carried_out(self, wanted: Plan, stack: Any, folder: Path, stop_at: float) -> session._Ran:
        self.ran.append(wanted)
        end = self.ends.get(wanted.name, Verdict.PASS)
        problem = end if isinstance(end, BaseException) else None
        verdict = Verdict.FAIL if problem else end
        judgement = Judgement(verdict, (), "so it was")
        run = SuiteRun(wanted.name, wanted.claim, folder.name, None, judgement)
        return session._Ran(verdict, run, problem, **self.stopped)

    def run(self, wanted: Suite) -> Verdict:
        made = session._Session(cast("Source", None), cast("Target", None), Options(reports=self.reports, quiet=True))
        made.ready = self.ready  # type: ignore[method-assign]
        made.carried_out = self.carried_out  # type: ignore[assignment, method-assign]
        self.patch.setattr(session, "deployed_again", lambda *_, **__: self.heals)
        return made.suite(wanted)

    def last(self) -> dict[str, str]:
        """What the suite's last report says of each scenario: its verdict, or why it was not run."""
        return {run.name: run.judgement.verdict.value if run.judgement else run.not_run for run in self.written[-1]}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path, monkeypatch)

    def write(folder: Path, wanted: Suite, stack: str, runs: list[SuiteRun]) -> SuiteReport:
        made.written.append(list(runs))
        return report_of(wanted, stack, runs)

    monkeypatch.setattr(session.report, "write_suite", write)
    return made


def test_the_worst_verdict_is_the_suites(bench: Bench) -> None:
    bench.ends = {"b": Verdict.FAIL, "c": Verdict.UNKNOWN}
    assert bench.run(suite("a", "b", "c")) is Verdict.FAIL
    assert bench.last() == {"a": "pass", "b": "fail", "c": "unknown"}


def test_each_scenario_has_a_numbered_folder_in_the_suites(bench: Bench) -> None:
    bench.run(suite("a", "b"))
    (folder,) = bench.reports.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["01-a", "02-b"]


def test_the_report_is_written_before_the_first_scenario_and_anew_after_each(bench: Bench) -> None:
    bench.run(suite("a", "b"))
    known = [[bool(run.judgement) for run in runs] for runs in bench.written[:3]]
    assert known == [[False, False], [True, False], [True, True]]
    assert [run.not_run for run in bench.written[0]] == ["not yet run"] * 2


def test_what_would_begin_after_the_budget_is_not_begun_and_makes_the_verdict_unknown(bench: Bench) -> None:
    assert bench.run(suite("a", budget_s=0)) is Verdict.UNKNOWN
    assert bench.ran == []
    assert bench.last() == {"a": "the suite's budget of 0 s was over"}


@pytest.mark.parametrize("end", [ClusterError("no answer"), Interrupted("SIGTERM"), UndoIncomplete("1 pod is out")])
def test_what_ends_a_scenario_before_its_end_ends_the_suite_with_a_report(bench: Bench, end: BaseException) -> None:
    bench.ends = {"b": end}
    with pytest.raises(type(end)):
        bench.run(suite("a", "b", "c"))
    assert [each.name for each in bench.ran] == ["a", "b"]
    assert bench.last() == {"a": "pass", "b": "fail", "c": f"the suite was ended: {end}"}


def test_a_suite_goes_on_when_what_was_left_undone_holds_after_the_stack_was_deployed_again(bench: Bench) -> None:
    bench.ends, bench.heals = {"b": UndoIncomplete("1 pod is out")}, True
    assert bench.run(suite("a", "b", "c")) is Verdict.FAIL
    assert bench.last() == {"a": "pass", "b": "fail", "c": "pass"}


@pytest.mark.parametrize("stopped", [{"interrupted": True}, {"aborted": "http: down"}])
def test_a_suite_that_was_stopped_does_not_deploy_the_stack_again_and_go_on(
    bench: Bench, stopped: dict[str, Any]
) -> None:
    bench.ends, bench.heals, bench.stopped = {"a": UndoIncomplete("1 pod is out")}, True, stopped
    with pytest.raises(UndoIncomplete):
        bench.run(suite("a", "b"))
    assert [each.name for each in bench.ran] == ["a"]


def test_a_scenario_for_which_no_stack_can_be_had_is_not_run_and_the_others_are(bench: Bench) -> None:
    bench.ends = {"a": StackError("needs 3 ready pods of database, and there are 1")}
    assert bench.run(suite("a", "b")) is Verdict.UNKNOWN
    assert bench.last() == {"a": "needs 3 ready pods of database, and there are 1", "b": "pass"}


def test_whoever_asked_is_told_the_folder_of_a_scenario_before_it_is_run(bench: Bench) -> None:
    seen: list[tuple[Path, int]] = []
    options = Options(reports=bench.reports, quiet=True, began=lambda folder: seen.append((folder, len(bench.ran))))
    made = session._Session(cast("Source", None), cast("Target", None), options)
    made.ready = bench.ready  # type: ignore[method-assign]
    made.carried_out = lambda plan, stack, folder: bench.carried_out(plan, stack, folder, 0)  # type: ignore[misc, method-assign]
    made.all([plan("a")])
    assert seen == [(next(bench.reports.iterdir()), 0)]


def test_a_suites_word_on_baselines_overrules_its_scenarios(bench: Bench) -> None:
    bench.run(suite("a", baseline="record"))
    assert [each.baseline for each in bench.ran] == ["record"]
    bench.run(suite("b"))
    assert bench.ran[-1].baseline == "stop"


def test_a_scenario_that_was_aborted_ends_the_suite_with_a_verdict_and_the_call_as_well(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = bench.carried_out

    def aborted(wanted: Plan, stack: Any, folder: Path, stop_at: float) -> session._Ran:
        return replace(ran(wanted, stack, folder, stop_at), aborted="http: down" if wanted.name == "b" else "")

    monkeypatch.setattr(bench, "carried_out", aborted)
    assert bench.run(suite("a", "b", "c")) is Verdict.UNKNOWN
    assert [each.name for each in bench.ran] == ["a", "b"]
    assert bench.last()["c"] == "b was aborted: http: down"


def test_what_ended_the_suite_is_said_before_a_report_that_cannot_be_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        if bench.ran:
            raise HachaosError("report.html: No space left on device")

    monkeypatch.setattr(session.report, "write_suite", full)
    bench.ends = {"a": UndoIncomplete("1 pod is out")}
    with pytest.raises(UndoIncomplete, match="1 pod is out"):
        bench.run(suite("a"))


@dataclass
class Lent:
    """A source whose stack is fit at once; `seen` is what was done, and whether the Lease was held then."""

    api: FakeApi
    borrowed: bool
    namespace: str = "wordpress"
    spec: str = "lent.yaml"
    seen: list[tuple[str, bool]] = field(default_factory=list)

    def ensure(self, target: Any, progress: Any) -> Any:
        self.seen.append(("ensure", self.api.get("Lease", lease.NAME) is not None))
        return SimpleNamespace(fenced=lambda **_: SimpleNamespace(elsewhere=None, local_cluster=""))

    def attach(self, target: Any) -> Any:
        pod = SimpleNamespace(ready=True, terminating=False)
        return SimpleNamespace(binding=BINDING, pods=lambda role: [pod], api=self.api)

    def release(self, stack: Any, progress: Any) -> bool:
        self.seen.append(("release", self.api.get("Lease", lease.NAME) is not None))
        return True


def no_preconditions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("require", "require_put_back"):
        monkeypatch.setattr(session.preconditions, name, lambda *_, **__: None)


def lent(api: FakeApi, *, borrowed: bool) -> tuple[Lent, session._Session]:
    source_ = Lent(api, borrowed)
    target = cast("Target", SimpleNamespace(api=api, local=False, nodes=3))
    return source_, session._Session(cast("Source", source_), target, Options(quiet=True))


THERE = cast("Elsewhere", SimpleNamespace(option="--context prod-like"))


@pytest.mark.parametrize(
    ("lacking", "allow", "said"),
    [
        (replace(plan("b"), destructive=True), False, "b takes data that nothing can bring back"),
        (replace(plan("b"), needs=Needs(nodes=3)), False, "b cannot be run here: it needs 3 nodes"),
        (replace(plan("b"), needs=Needs(database=2)), False, "b cannot be run here: it needs 2 ready pods of database"),
        (replace(plan("b"), destructive=True), True, ""),
    ],
)
def test_what_a_suite_may_not_or_cannot_do_on_a_borrowed_stack_is_refused_before_the_lease_and_any_write(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lacking: Plan, allow: bool, said: str
) -> None:
    api = FakeApi()
    source_ = Lent(api, borrowed=True)
    target = SimpleNamespace(api=api, local=False, nodes=1, reach="direct")
    monkeypatch.setattr(session.source, "of", lambda spec: source_)
    monkeypatch.setattr(session.targets, "of", lambda *_, **__: target)
    monkeypatch.setattr(session.preconditions, "require_rights", lambda *_, **__: None)
    monkeypatch.setattr(session.blast_radius, "of", lambda *_: [])
    begun: list[object] = []
    monkeypatch.setattr(session._Session, "all", lambda self, items: [begun.append(items) or Verdict.PASS])
    options = Options(reports=tmp_path, quiet=True, elsewhere=THERE, yes=True, allow_destructive=allow)
    wanted = replace(suite("a"), plans=(plan("a"), lacking))
    if said:
        with pytest.raises(HachaosError, match=said):
            session.run([wanted], options)
    else:
        assert session.run([wanted], options) is ExitCode.PASS
    assert begun == ([] if said else [[wanted]])
    assert (source_.seen, api.calls, list(tmp_path.iterdir())) == ([], [], [])


@pytest.mark.parametrize("borrowed", [True, False])
def test_the_lease_of_a_borrowed_stack_is_held_from_before_it_is_touched_and_of_a_deployed_one_once_it_is_there(
    monkeypatch: pytest.MonkeyPatch, *, borrowed: bool
) -> None:
    no_preconditions(monkeypatch)
    api = FakeApi()
    source_, made = lent(api, borrowed=borrowed)
    for _ in range(2):
        made.ready(plan("a"))
    assert api.get("Lease", lease.NAME) is not None
    made.release()
    assert source_.seen == [("ensure", borrowed), ("ensure", True), ("release", True)]
    assert api.get("Lease", lease.NAME) is None


def test_a_namespace_that_was_protected_since_the_last_scenario_is_not_touched_again(
    monkeypatch: pytest.MonkeyPatch, bench: Bench
) -> None:
    no_preconditions(monkeypatch)
    api = FakeApi({"kind": "Namespace", "metadata": {"name": "wordpress"}})
    source_, made = lent(api, borrowed=True)
    made.options = replace(made.options, reports=bench.reports)

    def carried_out(wanted: Plan, stack: Any, folder: Path, stop_at: float) -> session._Ran:
        api.patch("Namespace", "wordpress", {"metadata": {"annotations": {"hachaos.dev/protected": "true"}}})
        return bench.carried_out(wanted, stack, folder, stop_at)

    made.carried_out = carried_out  # type: ignore[assignment, method-assign]
    assert made.suite(suite("a", "b")) is Verdict.UNKNOWN
    made.release()
    assert bench.last()["a"] == "pass"
    assert bench.last()["b"].startswith("namespace wordpress is protected")
    assert [what for what, _ in source_.seen] == ["ensure", "release"]


def test_a_stack_whose_lease_another_holds_is_not_touched() -> None:
    api = FakeApi()
    source_, made = lent(api, borrowed=True)
    held = {"kind": "Lease", "metadata": {"name": lease.NAME}, "spec": {"holderIdentity": "other", "renewTime": "1"}}
    api.apply(held)
    threading.Timer(0.2, lambda: api.patch("Lease", lease.NAME, {"spec": {"renewTime": "2"}})).start()
    with pytest.raises(HostError, match="other since"):
        made.ready(plan("a"))
    made.release()
    assert source_.seen == []


@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_while_the_stack_is_given_back_does_not_keep_the_lease(
    monkeypatch: pytest.MonkeyPatch, signals: int
) -> None:
    no_preconditions(monkeypatch)
    api = FakeApi()
    source_, made = lent(api, borrowed=True)

    def release(stack: Any, progress: Any) -> bool:
        for _ in range(signals):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        return True

    monkeypatch.setattr(source_, "release", release)
    with stop.by_signals():
        made.ready(plan("a"))
        with pytest.raises(Interrupted if signals == 1 else UndoIncomplete) as caught:
            made.release()
    assert api.get("Lease", lease.NAME) is None
    if signals == 2:
        assert isinstance(caught.value, UndoIncomplete)
        assert (str(caught.value), caught.value.hint) == (
            "lent.yaml: what the run wrote into it was not all removed",
            "hachaos recover --stack lent.yaml",
        )


def test_a_signal_while_the_lease_is_given_back_does_not_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    no_preconditions(monkeypatch)
    api = FakeApi()
    _, made = lent(api, borrowed=True)
    real = threading.Thread.join

    def join(thread: threading.Thread, timeout: float | None = None) -> None:
        if thread.name == "lease":
            os.kill(os.getpid(), signal.SIGTERM)
        real(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", join)
    with stop.by_signals():
        made.ready(plan("a"))
        with pytest.raises(Interrupted):
            made.release()
    assert api.get("Lease", lease.NAME) is None


def test_what_is_half_borrowed_is_not_given_back_once_another_has_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    no_preconditions(monkeypatch)
    monkeypatch.setattr(lease, "RENEW_EVERY_S", 60.0)
    api = FakeApi()
    source_, made = lent(api, borrowed=True)

    def ensure(target: Any, progress: Any) -> Any:
        api.apply({"kind": "Lease", "metadata": {"name": lease.NAME}, "spec": {"holderIdentity": "other"}})
        assert made._lease
        made._lease.require()

    monkeypatch.setattr(source_, "ensure", ensure)
    with pytest.raises(HostError, match="other has it"):
        made.ready(plan("a"))
    made.release()
    assert source_.seen == []
