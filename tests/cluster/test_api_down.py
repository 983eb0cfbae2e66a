"""A cluster that fails under a run: the API server is away, a kubelet hangs, a node is gone; measuring goes on."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos import journal
from chaos.actions.action import wait_until
from chaos.clock import Clock
from chaos.cluster.local import cgroup
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.local.control_plane import ControlPlane
from chaos.cluster.local.layout import CONTROL_PLANE, Places
from chaos.cluster.local.machine import Machine
from chaos.history import ActionBegun, ApiServerSeen, Contents, PodSeen, Read, Record, ReplicaSeen, VolumeSeen
from chaos.monitors.evidence import Evidence
from chaos.stack.stack import Stack
from chaos.undo import unfinished
from embedded import NAME, ROOT, await_in_journal, cut_off

AWAY_S = 60.0
API_SERVER = "kube-apiserver"


def machine(name: str) -> Machine:
    places = Places.of(NAME)
    return Machine(places, cgroup.Groups(cgroup.mounted(), places.group), name)


def signalled(at: Machine, unit: str, number: signal.Signals) -> None:
    pid = at.pid(unit)
    assert pid is not None
    os.kill(pid, number)


def stopped_and_continued(control: Machine) -> None:
    signalled(control, API_SERVER, signal.SIGSTOP)
    try:
        time.sleep(AWAY_S)
    finally:
        signalled(control, API_SERVER, signal.SIGCONT)


def killed_and_started_again(control: Machine) -> None:
    signalled(control, API_SERVER, signal.SIGKILL)
    try:
        time.sleep(AWAY_S)
    finally:
        ControlPlane(control).start_api_server()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """kill-master under way."""
    command = [str(ROOT / "hachaos"), "run", "scenarios/kill-master.yaml", "--baseline", "record", "--name", NAME]
    command += ["--reports", str(tmp_path)]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    yield run
    if run.poll() is None:
        run.kill()
    run.communicate(timeout=60)


def await_the_end_of_the_master(run: subprocess.Popen[str], reports: Path) -> Path:
    """The run's folder, once its watch has seen that the master is ending: so has kubelet, which sees the same."""

    def is_ending(text: str) -> bool:
        return any(f'"kind":"{PodSeen.kind}"' in line and '"terminating":true' in line for line in text.splitlines())

    return await_in_journal(run, reports, is_ending)


@pytest.mark.parametrize(
    "take_away", [stopped_and_continued, pytest.param(killed_and_started_again, marks=pytest.mark.long)]
)
def test_a_run_outlasts_an_api_server_that_is_away_for_a_minute_and_measures_through_it(
    stack: Stack, running: subprocess.Popen[str], tmp_path: Path, take_away: Callable[[Machine], None]
) -> None:
    folder = await_the_end_of_the_master(running, tmp_path)
    take_away(machine(CONTROL_PLANE))
    out, _ = running.communicate(timeout=600)
    assert running.returncode in (0, 1, 2), out
    assert "Traceback" not in out

    history = journal.read(folder)
    assert history.ended is not None
    assert history.ended.how == "finished"
    assert unfinished(history) == []
    seen = history.of(ApiServerSeen)
    assert [one.answers for one in seen] == [False, True] * (len(seen) // 2)
    away_s = max(back.at - away.at for away, back in zip(seen[::2], seen[1::2], strict=True))
    assert AWAY_S - 10 < away_s < AWAY_S + 60

    left = sorted(read.start for read in history.of(Read) if read.via == "service")
    assert max(b - a for a, b in itertools.pairwise(left)) < 2

    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    out_of = [one for one in report["outages"] if one["via"] in ("service", "row")]
    assert {one["via"] for one in out_of} >= {"row"}
    assert all(None not in (*one["began_between_s"], *one["ended_between_s"]) for one in out_of), out_of
    assert max(one["no_shorter_than_s"] for one in out_of) > AWAY_S / 2, "the master could not come back without it"
    assert "The API server did not answer from" in (folder / "report.html").read_text()
    assert wait_until(lambda: stack.ready("stack"), 120)


def test_a_kubelet_that_hangs_leaves_what_it_should_tell_unknown_and_nothing_else(
    cluster: Cluster, stack: Stack
) -> None:
    (pod,) = [pod for pod in stack.pods("database") if pod.name == "mysql-1"]
    found: list[Record] = []
    evidence = Evidence(stack, Clock(), found.append)
    node = machine(pod.node)
    signalled(node, "kubelet", signal.SIGSTOP)
    try:
        began = time.monotonic()
        evidence.collect(0, 30)
        evidence.volumes(0, "after")
        took_s = time.monotonic() - began
    finally:
        signalled(node, "kubelet", signal.SIGCONT)
    assert took_s < 60
    looks = {one.pod: one for one in found if isinstance(one, VolumeSeen)}
    on_node = {each.name for each in stack.pods("database") if each.node == pod.node}
    assert {name for name, one in looks.items() if one.error} == on_node
    assert (looks["mysql-1"].born, looks["mysql-1"].marks) == (None, None)
    contents = {one.pod: one for one in found if isinstance(one, Contents)}
    assert {one.error for one in contents.values()} == {""}, "the databases answer, whatever kubelet does"
    assert wait_until(lambda: stack.ready("stack"), 120)


QUIET = """
apiVersion: hachaos/v1
name: quiet
claim: nothing is broken by us
baseline: record
workload: {reads: 5/s, writes: 5/s}
steps:
  - {name: a while, action: pause, parameters: {for: 70s}, wait: {for: stack/ready, timeout: 3m}}
"""


@pytest.mark.long
def test_a_run_outlasts_a_node_that_is_gone_for_a_minute_and_says_what_its_pods_did_not(
    cluster: Cluster, stack: Stack, tmp_path: Path
) -> None:
    (pod,) = [pod for pod in stack.pods("database") if pod.name == "mysql-2"]
    (tmp_path / "quiet.yaml").write_text(QUIET)
    command = [str(ROOT / "hachaos"), "run", str(tmp_path / "quiet.yaml"), "--name", NAME, "--reports", str(tmp_path)]

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        try:
            folder = await_in_journal(running, tmp_path, lambda text: f'"kind":"{ActionBegun.kind}"' in text)
            with cut_off(cluster, pod.node):
                time.sleep(AWAY_S)
            out, _ = running.communicate(timeout=600)
        finally:
            running.kill()
    assert running.returncode in (0, 1, 2), out
    assert "Traceback" not in out
    history = journal.read(folder)
    assert history.ended is not None
    assert history.ended.how == "finished"
    left = sorted(read.start for read in history.of(Read) if read.via == "service")
    assert max(b - a for a, b in itertools.pairwise(left)) < 2
    unseen = [one for one in history.of(ReplicaSeen) if one.pod == "mysql-2" and one.error]
    assert unseen, "a pod that cannot be asked is unknown"
    assert all(one.io_running is None and one.lag_s is None for one in unseen)
    assert {one.pod for one in history.of(Contents, step=0) if not one.error} == {"mysql-0", "mysql-1", "mysql-2"}
    assert wait_until(lambda: stack.ready("stack"), 120)
