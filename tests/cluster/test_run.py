"""The main job on the real thing: run a scenario, judge it, report it; and tell a stack that lost data."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos import journal
from chaos.cluster.local.cluster import Cluster
from chaos.history import ActionBegun
from chaos.report import FILES
from chaos.stack.stack import Stack
from chaos.undo import unfinished
from embedded import NAME, ROOT, Hachaos, await_in_journal

SCENARIO = "scenarios/kill-master.yaml"

QUIET = """
apiVersion: hachaos/v1
name: quiet
claim: nothing happens
workload: {reads: 5/s, pod_reads: 0.5/s, writes: 10/s, posts: 1/s}
steps:
  - {name: a short while, action: pause, parameters: {for: 4s}, wait: {for: site/ready, timeout: 2m}}
"""


def report_in(reports: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next(reports.glob("*/report.json")).read_text())
    return found


def checks_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (step,) = [step for step in report["steps"] if step["index"] == 0]
    return {check["name"]: check for check in step["checks"]}


Start = Callable[[Path], "subprocess.Popen[str]"]
"""Starts a run that writes into this folder."""


@pytest.fixture
def start() -> Iterator[Start]:
    """Runs that a test need not end: those that it leaves are killed, so that the next test has the cluster."""
    begun: list[subprocess.Popen[str]] = []

    def begin(reports: Path) -> subprocess.Popen[str]:
        # A busy machine may show before the fault already, and these tests are about what comes with it.
        command = [str(ROOT / "hachaos"), "run", SCENARIO, "--baseline", "record", "--name", NAME]
        command += ["--reports", str(reports)]
        running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        begun.append(running)
        return running

    yield begin
    for running in begun:
        if running.poll() is None:
            running.kill()
        running.communicate(timeout=60)


def await_fault(running: subprocess.Popen[str], reports: Path) -> Path:
    """The run's folder, once its journal says that the fault has begun."""
    return await_in_journal(running, reports, lambda text: f'"kind":"{ActionBegun.kind}"' in text)


def test_kill_master_on_the_hardened_stack_passes_and_writes_its_report(
    cluster: Cluster, hachaos: Hachaos, tmp_path: Path
) -> None:
    done = hachaos("run", SCENARIO, "--name", NAME, "--reports", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    report = report_in(tmp_path)
    assert report["verdict"] == "pass"
    assert {name: check["verdict"] for name, check in checks_of(report).items()} == dict.fromkeys(
        ("availability", "continuity", "replication", "clone", "effect", "recovery"), "pass"
    )
    assert checks_of(report)["continuity"]["figures"]["lost"] == 0
    assert [outage for outage in report["outages"] if outage["via"] == "row"], "the master was gone and no row failed"
    (folder,) = tmp_path.glob("2*")
    assert {path.name for path in folder.iterdir()} == {"journal.jsonl", *FILES}


def test_a_suite_runs_its_scenarios_in_one_folder_with_one_report(
    cluster: Cluster, hachaos: Hachaos, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "scenarios" / "kill-replica.yaml", tmp_path)
    (tmp_path / "quiet.yaml").write_text(QUIET)
    suite = tmp_path / "two.yaml"
    suite.write_text(
        "apiVersion: hachaos/v1\nname: two\nclaim: both hold\nbudget: 20m\nbetween: 1s\nbaseline: record\n"
        "scenarios: [kill-replica.yaml, quiet.yaml]\n"
    )
    done = hachaos("run", str(suite), "--name", NAME, "--reports", str(tmp_path / "reports"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 2 claims hold on the hardened stack." in done.stdout
    (folder,) = (tmp_path / "reports").glob("2*")
    assert {path.name for path in folder.iterdir()} == {"01-kill-replica", "02-quiet", *FILES, "claims.md"}
    report = json.loads((folder / "report.json").read_text())
    assert [each["verdict"] for each in report["scenarios"]] == ["pass", "pass"]


def test_a_scenario_that_needs_more_nodes_than_there_are_is_refused_and_nothing_is_run(
    stack: Stack, hachaos: Hachaos, tmp_path: Path
) -> None:
    scenario = tmp_path / "big.yaml"
    scenario.write_text((ROOT / SCENARIO).read_text().replace("steps:", "needs: {nodes: 5}\nsteps:"))
    done = hachaos("run", str(scenario), "--name", NAME, "--reports", str(tmp_path / "reports"))
    assert done.returncode == 3
    assert "it needs 5 nodes, and the cluster has 3" in done.stderr
    assert not list((tmp_path / "reports").glob(f"*/{journal.NAME}"))


def test_a_primary_volume_that_is_swapped_for_an_empty_one_is_seen_as_a_re_clone_where_resume_was_expected(
    stack: Stack, start: Start, tmp_path: Path
) -> None:
    running = start(tmp_path)
    await_fault(running, tmp_path)
    stack.api.delete("PersistentVolumeClaim", "data-mysql-0")
    stack.api.delete("Pod", "mysql-0")
    out, _ = running.communicate(timeout=600)
    assert running.returncode == 1, out
    checks = checks_of(report_in(tmp_path))
    assert checks["clone"]["verdict"] == "fail"
    assert checks["clone"]["figures"]["how"] == "re-clone"
    assert "mysql-0 was to resume, but was cloned anew" in checks["clone"]["reason"]
    assert checks["continuity"]["figures"]["lost"] == 0


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM])
def test_a_signal_in_the_middle_ends_in_undo_a_report_and_130(
    stack: Stack, start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    running = start(tmp_path)
    folder = await_fault(running, tmp_path)
    os.kill(running.pid, number)
    out, _ = running.communicate(timeout=400)
    assert running.returncode == 130, out
    assert unfinished(journal.read(folder)) == []
    assert stack.ready("stack")
    assert (folder / "report.html").exists()


def test_recover_puts_back_what_a_killed_run_left(stack: Stack, start: Start, hachaos: Hachaos, tmp_path: Path) -> None:
    running = start(tmp_path)
    folder = await_fault(running, tmp_path)
    running.kill()
    running.communicate(timeout=60)
    assert len(unfinished(journal.read(folder))) == 1
    done = hachaos("recover", "--name", NAME, "--reports", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert unfinished(journal.read(folder)) == []
    assert stack.ready("database")
    again = hachaos("recover", "--name", NAME, "--reports", str(tmp_path))
    assert again.stdout.startswith("nothing to recover")


def test_a_second_run_at_once_is_refused_and_says_who_holds_the_cluster(
    stack: Stack, start: Start, hachaos: Hachaos, tmp_path: Path
) -> None:
    running = start(tmp_path / "first")
    await_fault(running, tmp_path / "first")
    done = hachaos("run", SCENARIO, "--name", NAME, "--reports", str(tmp_path / "second"))
    assert done.returncode == 3
    assert f"a run is under way on cluster {NAME!r} (process {running.pid} since" in done.stderr
    assert not list((tmp_path / "second").glob(f"*/{journal.NAME}"))
    # The end of it is another test's.
    running.terminate()
    out, _ = running.communicate(timeout=400)
    assert running.returncode == 130, out
