"""Scenario files are pytest's tests with --hachaos, and nothing at all without it; their runs are made up here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sample

from chaos import report, session
from chaos.cluster import protected
from chaos.cluster import target as targets
from chaos.debug import LOG
from chaos.errors import ClusterError, ExitCode, HachaosError, UndoIncomplete
from chaos.journal import Journal
from chaos.past import webhook
from chaos.past.index import past
from chaos.past.runs import MISSING
from chaos.pytest_plugin import child, collect, runs
from chaos.stack import source
from chaos.stop import Interrupted
from chaos.verdict import EXIT

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[3]

PAGE = (ROOT / "docs/pytest.md").read_text()

SCENARIO = """\
apiVersion: hachaos/v1
name: {name}
claim: {name} holds
{more}steps:
  - name: break nothing
    action: {action}
"""
SUITE = """\
apiVersion: hachaos/v1
name: all
claim: all of it holds
budget: {budget}
between: 0s
baseline: record
scenarios: [{names}]
"""
FAKE = """\
import json, os, signal, sys, time
told, order = sys.argv[1], json.loads(sys.argv[2])
here = os.environ["FAKE_RUNS"]
with open(here + "/orders.jsonl", "a") as file:
    file.write(json.dumps(order) + "\\n")
name = os.path.basename(order.get("path", "stack")).removesuffix(".yaml")
end = json.load(open(f"{here}/{name}.json"))
if end.get("waits"):
    signal.signal(signal.SIGINT, lambda *_: None)
    open(here + "/waiting", "w").close()
    signal.pause()
if end.get("dies"):
    os.kill(os.getpid(), signal.SIGKILL)
with open(told, "a") as file:
    file.write(json.dumps(end["said"]) + "\\n")
print("what the run printed")
sys.exit(end["code"])
"""
MADE = {"pass": sample.passing, "fail": sample.failing, "unknown": sample.unknown}


@dataclass
class Bench:
    """A project with scenarios, and what becomes of the run of each."""

    pytester: pytest.Pytester
    fakes: Path

    def scenario(self, name: str, verdict: str = "pass", **more: Any) -> None:
        steps = "noop"
        head = ""
        if more.pop("destructive", False):
            head, steps = "destructive: true\n", "delete-volume\n    target: database/replica"
        folder = self.pytester.path / "scenarios"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(SCENARIO.format(name=name, more=head, action=steps))
        run = self.fakes / f"run-of-{name}"
        run.mkdir()
        history, judgement = MADE[verdict]()
        with Journal(run) as journal:
            for record in history.records:
                journal.write(record)
        report.write(run, history, judgement)
        said = {"folder": str(run), "ended": 0}
        (self.fakes / f"{name}.json").write_text(json.dumps({"code": EXIT[judgement.verdict], "said": said} | more))

    def suite(self, *names: str, budget: str = "1h") -> None:
        text = SUITE.format(names=", ".join(f"{name}.yaml" for name in names), budget=budget)
        (self.pytester.path / "scenarios/all.yaml").write_text(text)

    def run(self, *arguments: str) -> pytest.RunResult:
        # The plugin is imported here already, before that pytest can see to its assertions (it has none).
        quiet = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
        return self.pytester.runpytest_inprocess("-p", "chaos.pytest_plugin", "--strict-markers", *quiet, *arguments)

    @property
    def orders(self) -> list[dict[str, Any]]:
        path = self.fakes / "orders.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def ran(self) -> list[str]:
        return [Path(order["path"]).stem for order in self.orders]


@pytest.fixture
def bench(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    script = fakes / "fake.py"
    script.write_text(FAKE)
    monkeypatch.setenv("FAKE_RUNS", str(fakes))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(runs, "CHILD", (sys.executable, str(script)))
    return Bench(pytester, fakes)


def test_without_the_option_no_file_is_collected_and_no_module_but_the_plugin_is_imported(bench: Bench) -> None:
    bench.scenario("a")
    bench.pytester.makepyfile(
        test_own="""
        import sys
        def test_nothing_came_along():
            assert {name for name in sys.modules if name.split(".")[0] == "chaos"} <= {"chaos", "chaos.pytest_plugin"}
            assert not {"yaml", "requests", "kubernetes", "rich", "click"} & set(sys.modules)
        """
    )
    done = bench.pytester.runpytest_subprocess("-p", "chaos.pytest_plugin")
    done.assert_outcomes(passed=1)
    assert bench.orders == []


def test_a_scenario_is_one_test_that_passes_with_its_verdict(bench: Bench) -> None:
    bench.scenario("a")
    done = bench.run("--hachaos", "-v", "-rP")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(
        [
            "scenarios/a.yaml::a PASSED*",
            "*- Captured hachaos call -*",
            "delete the master's pod: pass; reads out: * s; writes out: * s; acknowledged: *; lost: 0; clone: resume",
            f"report: {bench.fakes}/run-of-a/report.html",
            "*= hachaos =*",
            f"✓ a: pass; reads out: * s; writes out: * s; lost writes: 0; {bench.fakes}/run-of-a/report.html",
        ]
    )


@pytest.mark.parametrize("verdict", ["fail", "unknown"])
def test_what_is_no_pass_fails_with_the_verdicts_reason_and_no_traceback(bench: Bench, verdict: str) -> None:
    bench.scenario("a", verdict)
    done = bench.run("--hachaos")
    done.assert_outcomes(failed=1)
    reason = MADE[verdict]()[1].reason
    text = done.stdout.str()
    assert f"\n{verdict}: {reason}" in text
    assert "Traceback" not in text
    assert ".py:" not in text
    assert "what the run printed" in text
    assert "report: " in text


def test_junit_says_of_an_unknown_that_it_failed_and_where_the_report_is(bench: Bench) -> None:
    bench.scenario("a", "unknown")
    bench.scenario("b")
    bench.run("--hachaos", "--junitxml=out.xml")
    cases = {case.get("name"): case for case in ET.parse(bench.pytester.path / "out.xml").iter("testcase")}
    failure = cases["a"].find("failure")
    assert failure is not None
    assert (failure.text or "").startswith("unknown: ")
    said = {each.get("name"): each.get("value") for each in cases["a"].iter("property")}
    assert said["hachaos_verdict"] == "unknown"
    assert said["hachaos_report"] == str(bench.fakes / "run-of-a/report.html")
    assert cases["b"].find("failure") is None


def test_x_stops_k_chooses_and_collect_only_touches_nothing(bench: Bench) -> None:
    bench.scenario("a", "fail")
    bench.scenario("b")
    done = bench.run("--hachaos", "--collect-only", "-q")
    done.stdout.fnmatch_lines(["scenarios/a.yaml::a", "scenarios/b.yaml::b"])
    assert bench.orders == []
    bench.run("--hachaos", "-x")
    assert bench.ran == ["a"]
    bench.run("--hachaos", "-k", "b")
    assert bench.ran == ["a", "b"]


def test_the_mark_of_what_takes_data_can_be_left_out(bench: Bench) -> None:
    bench.scenario("a", destructive=True)
    bench.scenario("b")
    bench.run("--hachaos", "-m", "hachaos and not hachaos_destructive")
    assert bench.ran == ["b"]


def test_a_suite_that_is_named_is_a_test_for_each_scenario_by_its_word_on_baselines(bench: Bench) -> None:
    bench.scenario("a")
    bench.scenario("b", "unknown")
    bench.suite("b", "a")
    done = bench.run("--hachaos", "-v", "scenarios/all.yaml")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["scenarios/all.yaml::b FAILED*", "scenarios/all.yaml::a PASSED*"])
    assert [order["baseline"] for order in bench.orders] == ["record", "record"]


def test_a_suite_that_is_found_runs_no_scenario_twice(bench: Bench) -> None:
    bench.scenario("a")
    bench.suite("a")
    bench.run("--hachaos")
    assert bench.ran == ["a"]


def test_a_suites_scenario_whose_budget_is_over_is_unknown_and_not_begun(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.scenario("a")
    bench.scenario("b")
    bench.suite("a", "b", budget="1s")
    clock = iter([0.0, 1.0])
    monkeypatch.setattr(collect, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=None))
    done = bench.run("--hachaos", "scenarios/all.yaml")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["unknown: not begun: the suite's budget of 1s was over"])
    assert bench.ran == ["a"]


def test_other_yaml_files_are_left_alone_unless_the_ini_file_says_so(bench: Bench) -> None:
    bench.scenario("a")
    (bench.pytester.path / "deploy.yaml").write_text("kind: Deployment\n")
    bench.run("--hachaos").assert_outcomes(passed=1)
    bench.pytester.makeini("[pytest]\nhachaos_files = chaos/*.yaml\n")
    bench.run("--hachaos").assert_outcomes()


def test_a_wrong_file_is_one_line_with_its_place(bench: Bench) -> None:
    bench.scenario("a")
    path = bench.pytester.path / "scenarios/a.yaml"
    path.write_text(path.read_text().replace("noop", "nop"))
    done = bench.run("--hachaos")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"{path}:6:13: *did you mean 'noop'*"])
    assert "Traceback" not in done.stdout.str()


def test_what_the_command_line_says_comes_to_the_run(bench: Bench) -> None:
    bench.scenario("a")
    bench.run(
        *("--hachaos", "--hachaos-stack=my.yaml", "--hachaos-context=c", "--hachaos-kubeconfig=k", "--hachaos-yes"),
        *("--hachaos-reports=out", "--hachaos-name=n", "--hachaos-nodes=2", "--hachaos-baseline=stop"),
        *("--hachaos-allow-nodes", "--hachaos-allow-destructive", "--hachaos-debug"),
    )
    here = bench.pytester.path
    (order,) = bench.orders
    assert order.pop("parent") == os.getpid()
    assert order == {
        "what": "run",
        "path": str(here / "scenarios/a.yaml"),
        "stack": str(here / "my.yaml"),
        "context": "c",
        "kubeconfig": "k",
        "in_cluster": False,
        "yes": True,
        "reports": str(here / "out"),
        "cluster": "n",
        "nodes": 2,
        "baseline": "stop",
        "allow_nodes": True,
        "allow_destructive": True,
        "debug": True,
    }


def test_a_run_without_a_verdict_fails_with_what_went_wrong_and_the_hint(bench: Bench) -> None:
    bench.scenario("a", code=3, said={"problem": "no cluster", "hint": "make one"})
    done = bench.run("--hachaos")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["no cluster", "hint: make one", "! a: no verdict"])


@pytest.mark.parametrize(
    "end", [{"code": 5, "said": {"problem": "1 pod is out", "hint": "hachaos recover"}}, {"dies": True}]
)
def test_nothing_more_is_broken_once_something_was_left_undone(bench: Bench, end: dict[str, Any]) -> None:
    bench.scenario("a", **end)
    bench.scenario("b")
    done = bench.run("--hachaos")
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines(["hint: hachaos recover*", "unknown: not begun: a left something undone"])
    assert bench.ran == ["a"]


def test_nothing_more_is_begun_after_a_run_that_was_aborted(bench: Bench) -> None:
    bench.scenario("a", "unknown")
    bench.scenario("b")
    path = bench.fakes / "run-of-a/report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ended": {"how": "aborted", "detail": "http: down"}}))
    done = bench.run("--hachaos")
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines(["unknown: not begun: a was aborted"])
    assert bench.ran == ["a"]


def test_ctrl_c_ends_the_run_which_is_waited_for(bench: Bench) -> None:
    bench.scenario("a", "unknown", waits=True)
    code = f"""
import sys, pytest
from chaos.pytest_plugin import runs
runs.CHILD = (sys.executable, {str(bench.fakes / "fake.py")!r})
sys.exit(pytest.main(["-p", "chaos.pytest_plugin", "--hachaos"]))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as started:
        deadline = time.monotonic() + 60
        while not (bench.fakes / "waiting").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        started.send_signal(signal.SIGINT)
        text = started.communicate(timeout=60)[0]
    assert started.returncode == pytest.ExitCode.INTERRUPTED
    assert "hachaos: stopping, and putting back what was changed; Ctrl-C once more stops the undo too" in text
    assert "hachaos: ? a: unknown; " in text


TESTS = """
import pytest
from chaos.history import Write

@pytest.mark.hachaos("scenarios/a.yaml")
def test_history(history):
    assert history.run.scenario == "kill-master"

def test_run(run_scenario):
    ran = run_scenario("scenarios/b.yaml")
    assert not ran.passed
    assert (ran.verdict, ran.report["verdict"]) == ("fail", "fail")
    assert ran.history.of(Write)

def test_stack(stack):
    assert [pod.role for pod in stack.pods if pod.ready] == ["site"]
"""
SEEN: dict[str, Any] = {
    "name": "hardened",
    "namespace": "wordpress",
    "target": "local/hachaos",
    "pods": [{"name": "wordpress-1", "role": "site", "ready": True, "node": "n", "ip": "10.0.0.1"}],
    "images": {},
}


def test_tests_can_run_scenarios_and_look_at_their_histories_and_at_the_stack(bench: Bench) -> None:
    bench.scenario("a")
    bench.scenario("b", "fail")
    (bench.fakes / "stack.json").write_text(json.dumps({"code": 0, "said": {"stack": SEEN, "ended": 0}}))
    bench.pytester.makepyfile(test_own=TESTS)
    done = bench.run("--hachaos", "scenarios/a.yaml", "test_own.py")
    done.assert_outcomes(passed=4)
    assert [Path(order.get("path", "stack")).stem for order in bench.orders] == ["a", "b", "stack"]
    done.stdout.fnmatch_lines(["✓ a: pass;*", "✗ b: fail;*"])


def test_a_marked_test_is_skipped_without_the_option_and_others_say_what_they_need(bench: Bench) -> None:
    bench.scenario("a")
    bench.pytester.makepyfile(test_own=TESTS)
    done = bench.run("test_own.py", "-rs")
    done.assert_outcomes(skipped=1, errors=2)
    done.stdout.fnmatch_lines(["*run_scenario: needs --hachaos*", "*needs --hachaos"])


def test_the_pages_example_is_right_as_it_stands(bench: Bench) -> None:
    bench.scenario("kill-master")
    databases = [SEEN["pods"][0] | {"name": f"mysql-{n}", "role": "database/replica"} for n in range(3)]
    said = {"stack": SEEN | {"pods": [*SEEN["pods"], *databases]}, "ended": 0}
    (bench.fakes / "stack.json").write_text(json.dumps({"code": 0, "said": said}))
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    bench.pytester.makepyfile(test_own=example)
    bench.run("--hachaos", "test_own.py").assert_outcomes(passed=3)
    bench.run("test_own.py").assert_outcomes(skipped=3)


def test_the_page_names_every_option(bench: Bench) -> None:
    options = re.findall(r"^  (--hachaos[a-z-]*)", bench.run("--help").stdout.str(), re.MULTILINE)
    assert set(re.findall(r"--hachaos(?:-[a-z]+)*", PAGE)) == set(options)


def test_a_fixture_fails_its_test_where_the_run_has_no_verdict(bench: Bench) -> None:
    bench.scenario("a", code=4, said={"problem": "no context 'c'", "hint": ""})
    bench.pytester.makepyfile(test_own=TESTS)
    done = bench.run("--hachaos", "test_own.py", "-k", "history")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["no context 'c'"])


def test_the_entry_point_names_the_plugin_and_pytest_stays_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (entry,) = project["entry-points"]["pytest11"].values()
    assert import_module(entry).pytest_collect_file
    assert any(each.startswith("pytest") for each in project["optional-dependencies"]["pytest"])
    assert not any(each.startswith("pytest") for each in project["dependencies"])


ORDER = {
    "what": "run",
    "parent": os.getppid(),
    "path": str(ROOT / "scenarios/kill-master.yaml"),
    "stack": "hardened",
    "cluster": "n",
    "nodes": None,
    "baseline": "record",
    "allow_destructive": False,
    "allow_nodes": True,
    "debug": False,
    "yes": False,
    "context": "",
    "kubeconfig": "",
    "in_cluster": False,
}


def carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    monkeypatch.setattr(child.ctypes, "CDLL", lambda _: SimpleNamespace(prctl=lambda *_: 0))
    told = tmp_path / "told"
    code = child.main([str(told), json.dumps({"reports": str(tmp_path / "reports")} | order)])
    said: dict[str, Any] = {}
    for line in told.read_text().splitlines():
        said |= json.loads(line)
    return code, said


def test_the_process_of_a_run_says_its_folder_and_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def run(items: Any, options: session.Options) -> ExitCode:
        assert options.began is not None
        options.began(tmp_path / "folder")
        seen.append((items[0].name, options.baseline, options.allow_nodes, options.cluster))
        return ExitCode.UNKNOWN

    monkeypatch.setattr(session, "run", run)
    assert carried_out(tmp_path, monkeypatch, ORDER) == (2, {"folder": str(tmp_path / "folder"), "ended": 2})
    assert seen == [("kill-master", "record", True, "n")]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            UndoIncomplete("1 pod is out", hint="hachaos recover"),
            5,
            {"problem": "1 pod is out", "hint": "hachaos recover"},
        ),
        (HachaosError("no", hint="--yes agrees"), 3, {"problem": "no", "hint": "--hachaos-yes agrees"}),
        (Interrupted("SIGINT"), 130, {"problem": "interrupted by SIGINT", "hint": ""}),
    ],
)
def test_the_process_of_a_run_says_why_it_has_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: dict[str, Any]
) -> None:
    def run(*_: object) -> None:
        raise error

    monkeypatch.setattr(session, "run", run)
    assert carried_out(tmp_path, monkeypatch, ORDER) == (code, said)


def test_a_run_that_cannot_start_is_missing_in_the_history_and_a_webhook_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_cluster(*_: object, **__: object) -> None:
        LOG.debug("GET version")
        raise ClusterError("the API server does not answer")

    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(targets, "of", no_cluster)
    monkeypatch.setattr(webhook, "send", lambda *given: sent.append(given))
    monkeypatch.setenv("HACHAOS_WEBHOOK", "https://hooks.example.com/s3cret")
    monkeypatch.setenv("HACHAOS_WEBHOOK_FORMAT", "slack")
    assert carried_out(tmp_path, monkeypatch, ORDER | {"debug": True})[0] == ExitCode.TROUBLE
    (one,) = past(tmp_path / "reports").runs
    assert (one.scenario, one.stack, one.target) == ("kill-master", "hardened", "local/n")
    assert (one.verdict, one.reason) == (MISSING, "the API server does not answer")
    assert (tmp_path / "reports" / one.folder / "debug.log").exists()
    ((url, values),) = sent
    assert url == "https://hooks.example.com/s3cret"
    assert values["text"].startswith("kill-master on hardened, local/n: *missing* (its first run).")
    monkeypatch.delenv("HACHAOS_WEBHOOK")
    carried_out(tmp_path, monkeypatch, ORDER)
    assert len(sent) == 1


def test_a_webhook_that_is_none_ends_a_run_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "run", lambda *_: pytest.fail("begun"))
    monkeypatch.setenv("HACHAOS_WEBHOOK", "https://hooks.example.com/s3cret")
    monkeypatch.setenv("HACHAOS_WEBHOOK_FORMAT", "teams")
    code, said = carried_out(tmp_path, monkeypatch, ORDER)
    assert (code, "'teams' is none of" in said["problem"]) == (ExitCode.USAGE, True)


@pytest.mark.parametrize("borrowed", [True, False])
def test_a_stack_that_is_borrowed_is_only_looked_at_and_another_made_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, borrowed: bool
) -> None:
    pods = [SimpleNamespace(**SEEN["pods"][0], terminating=False), SimpleNamespace(terminating=True)]
    found = SimpleNamespace(
        binding=SimpleNamespace(name="hardened", controllers={"site": None}),
        api=SimpleNamespace(namespace="wordpress"),
        pods=lambda _: pods,
        images=dict,
    )
    done = []
    made = SimpleNamespace(
        borrowed=borrowed,
        spec="s",
        namespace="wordpress",
        attach=lambda _: done.append("attach") or found,
        ensure=lambda *_: done.append("ensure") or found,
    )
    monkeypatch.setattr(source, "of", lambda _: made)
    monkeypatch.setattr(targets, "of", lambda *_, **__: SimpleNamespace(name="local/hachaos", api=None))
    monkeypatch.setattr(protected, "refuse", lambda *_: done.append("protected?"))
    assert carried_out(tmp_path, monkeypatch, ORDER | {"what": "stack"}) == (0, {"stack": SEEN, "ended": 0})
    assert done == ["protected?", "attach" if borrowed else "ensure"]


def test_a_run_for_a_pytest_that_is_gone_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "run", lambda *_: pytest.fail("begun"))
    code, said = carried_out(tmp_path, monkeypatch, ORDER | {"parent": 0})
    assert (code, said["problem"]) == (130, "interrupted by the end of pytest")


def test_a_run_is_stopped_and_puts_back_when_pytest_is_killed(tmp_path: Path) -> None:
    run = f"""
import os, pathlib, signal
from chaos.pytest_plugin import child
def stopped(*_):
    pathlib.Path({str(tmp_path / "stopped")!r}).touch()
    os._exit(0)
signal.signal(signal.SIGTERM, stopped)
child._end_with(os.getppid())
print("ready", flush=True)
while True:
    signal.pause()
"""
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {run!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        started.kill()
        deadline = time.monotonic() + 60
        while not (tmp_path / "stopped").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_real_process_refuses_a_stack_that_is_not_there(pytester: pytest.Pytester) -> None:
    (pytester.path / "a.yaml").write_text(SCENARIO.format(name="a", more="", action="noop"))
    done = pytester.runpytest_subprocess(
        *("-p", "chaos.pytest_plugin", "-p", "no:hachaos", "--hachaos", "--hachaos-stack=nope", "a.yaml")
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["no stack profile 'nope'"])
