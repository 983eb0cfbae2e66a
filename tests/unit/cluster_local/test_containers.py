"""Only a process of the very container that is meant is ever found, and only such a one is ever signalled."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.cluster.local import containers
from chaos.errors import ClusterError, UsageError

CONTAINER, OTHER = "ab" * 32, "cd" * 32
POD = "kubepods/burstable/pod1-2-3"


def process(proc: Path, pid: int, *cgroups: str) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "stat").write_text(f"{pid} (x) S 1 ")
    (folder / "cgroup").write_text("".join(f"{n}:c{n}:{path}\n" for n, path in enumerate(cgroups)))


def ours(container: str = CONTAINER, *, cluster: str = "test", node: str = "node-1") -> str:
    return f"/hachaos/{cluster}/{node}/{POD}/{container}"


def test_the_processes_are_those_in_the_containers_cgroup_and_below_it(tmp_path: Path) -> None:
    process(tmp_path, 10, ours(), ours())
    process(tmp_path, 11, ours() + "/init.scope")
    (tmp_path / "meminfo").write_text("")
    assert containers.processes("test", "node-1", CONTAINER, proc=tmp_path) == {10: "10 (x) S 1 ", 11: "11 (x) S 1 "}


@pytest.mark.parametrize(
    "cgroups",
    [
        ("/",),
        (ours(OTHER),),
        (ours(cluster="test2"),),
        (ours(cluster="other"),),
        (ours(node="node-2"),),
        (ours(node="node-11"),),
        (f"/kubepods/burstable/pod1/{CONTAINER}",),
        (f"/elsewhere{ours()}",),
        ("/hachaos/test/node-1/system",),
        (ours()[:-1],),
        (ours() + "0",),
        (ours(), ours(OTHER)),
    ],
)
def test_no_other_process_is_found(tmp_path: Path, cgroups: tuple[str, ...]) -> None:
    process(tmp_path, 10, *cgroups)
    assert containers.processes("test", "node-1", CONTAINER, proc=tmp_path) == {}


def test_a_hierarchy_that_knows_no_containers_does_not_count(tmp_path: Path) -> None:
    process(tmp_path, 10, ours(), "/")
    assert containers.is_in("test", "node-1", CONTAINER, 10, proc=tmp_path)


def test_a_container_without_an_id_has_no_processes(tmp_path: Path) -> None:
    process(tmp_path, 10, ours())
    assert containers.processes("test", "node-1", "", proc=tmp_path) == {}


def test_a_cluster_name_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError):
        containers.group_of("../..", "node-1")


def test_the_number_within_the_container_and_the_signals_that_are_handled(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "status").write_text(f"Name:\tx\nNSpid:\t7\t1\nSigCgt:\t{1 << (signal.SIGTERM - 1):016x}\n")
    assert containers.inner_pid(7, proc=tmp_path) == 1
    assert containers.handles(7, signal.SIGTERM, proc=tmp_path)
    assert not containers.handles(7, signal.SIGSEGV, proc=tmp_path)
    with pytest.raises(ClusterError, match="process 8 is gone"):
        containers.inner_pid(8, proc=tmp_path)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as running:
        yield running
        running.kill()


def test_a_process_of_another_container_is_not_signalled(bystander: subprocess.Popen[bytes]) -> None:
    with pytest.raises(ClusterError, match=f"process {bystander.pid} of container abababababab on node-1 is gone"):
        containers.send("test", "node-1", CONTAINER, bystander.pid, signal.SIGKILL)
    assert bystander.poll() is None


def test_the_cgroup_is_looked_at_again_when_the_signal_is_sent(
    bystander: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def is_in(cluster: str, node: str, container: str, pid: int) -> bool:
        looked.append((cluster, node, container, pid))
        return True

    monkeypatch.setattr(containers, "is_in", is_in)
    containers.send("test", "node-1", CONTAINER, bystander.pid, signal.SIGTERM)
    assert bystander.wait(timeout=10) == -signal.SIGTERM
    assert looked == [("test", "node-1", CONTAINER, bystander.pid)]


def test_a_process_that_has_ended_is_gone_and_not_a_crash() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(ClusterError, match="is gone"):
        containers.send("test", "node-1", CONTAINER, child, signal.SIGKILL)
