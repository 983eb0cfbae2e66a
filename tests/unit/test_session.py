"""A suite goes on from scenario to scenario within its budget, and its report is there whatever ends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from chaos import session
from chaos.checks.judge import Judgement
from chaos.cluster.target import Target
from chaos.errors import ClusterError, StackError, UndoIncomplete
from chaos.report.suite import SuiteReport, SuiteRun, report_of
from chaos.scenario.plan import Plan, Suite, Workload
from chaos.session import Options
from chaos.stack.source import Source
from chaos.stop import Interrupted
from chaos.verdict import Verdict

WORKLOAD = Workload(reads_per_s=5, pod_reads_per_s=1, writes_per_s=5, posts_per_s=1, deadline_s=2)


def plan(name: str, baseline: str = "stop") -> Plan:
    return Plan(name, f"{name} holds", f"{name}.yaml", "", WORKLOAD, (), baseline)


def suite(*names: str, budget_s: float = 60, baseline: str = "") -> Suite:
    return Suite("all", "all of it holds", "all.yaml", "", budget_s, 0, tuple(map(plan, names)), baseline)


@dataclass
class Bench:
    """A session whose scenarios only say what they were given; `ends` are their verdicts or what they raise."""

    reports: Path
    ends: dict[str, Any] = field(default_factory=dict)
    heals: bool = False
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
        return session._Ran(verdict, SuiteRun(wanted.name, wanted.claim, folder.name, None, judgement), problem)

    def run(self, wanted: Suite) -> Verdict:
        made = session._Session(cast("Source", None), cast("Target", None), Options(reports=self.reports, quiet=True))
        made.ready = self.ready  # type: ignore[method-assign]
        made.carried_out = self.carried_out  # type: ignore[assignment, method-assign]
        made._made_good = lambda problem, _: isinstance(problem, UndoIncomplete) and self.heals  # type: ignore[method-assign]
        return made.suite(wanted)

    def last(self) -> dict[str, str]:
        """What the suite's last report says of each scenario: its verdict, or why it was not run."""
        return {run.name: run.judgement.verdict.value if run.judgement else run.not_run for run in self.written[-1]}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)

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


def test_the_report_is_written_anew_after_each_scenario(bench: Bench) -> None:
    bench.run(suite("a", "b"))
    assert [[bool(run.judgement) for run in runs] for runs in bench.written[:2]] == [[True, False], [True, True]]


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


def test_a_scenario_for_which_no_stack_can_be_had_is_not_run_and_the_others_are(bench: Bench) -> None:
    bench.ends = {"a": StackError("needs 3 ready pods of database, and there are 1")}
    assert bench.run(suite("a", "b")) is Verdict.UNKNOWN
    assert bench.last() == {"a": "needs 3 ready pods of database, and there are 1", "b": "pass"}


def test_a_suites_word_on_baselines_overrules_its_scenarios(bench: Bench) -> None:
    bench.run(suite("a", baseline="record"))
    assert [each.baseline for each in bench.ran] == ["record"]
    bench.run(suite("b"))
    assert bench.ran[-1].baseline == "stop"
