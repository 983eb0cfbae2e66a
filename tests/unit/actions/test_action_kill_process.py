"""kill-process signals the server of one container, from the node where it can, else from within where that works."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from acted_cluster import ActedCluster

from chaos.actions.kill_process import KillProcess, _Process, server
from chaos.cluster.api import Output
from chaos.cluster.local import containers
from chaos.errors import ClusterError, StackError

ACTION = KillProcess()


def stat(pid: int, name: str, parent: int, *, began: int = 100, resident: int = 1) -> str:
    """A line of /proc/PID/stat."""
    return f"{pid} ({name}) S {parent} " + "0 " * 17 + f"{began} 0 {resident} " + "0 " * 28


HARDENED = [
    stat(1, "bash", 0, resident=800),
    stat(46, "mariadbd", 1, began=777, resident=50000),
    stat(90, "bash", 0, resident=900),
    stat(91, "mariadb", 90, resident=99999),
]
"""As in the hardened database's container: a probe's processes are there as well, and not below process 1."""


def processes(lines: list[str]) -> list[_Process]:
    return [_Process.of(line) for line in lines]


@pytest.mark.parametrize(
    ("lines", "served_by"),
    [
        ([stat(1, "mysqld", 0)], "mysqld"),
        ([stat(1, "apache2", 0), stat(9, "apache2", 1, resident=9000)], "apache2"),
        (HARDENED, "mariadbd"),
        ([stat(1, "tini", 0), stat(7, "bash", 1, resident=900), stat(8, "ncat", 7)], "ncat"),
        ([stat(1, "start.sh", 0), stat(7, "sleep", 1), stat(8, "socat", 1, resident=2)], "socat"),
        ([stat(1, "bash", 0)], "bash"),
        ([stat(1, "odd) (name", 0)], "odd) (name"),
    ],
)
def test_the_server_is_process_1_or_the_largest_below_a_launcher(lines: list[str], served_by: str) -> None:
    assert server(processes(lines), 1).name == served_by


def test_process_1_itself_is_taken_and_not_its_largest_worker() -> None:
    assert server(processes([stat(1, "apache2", 0), stat(9, "apache2", 1, resident=9000)]), 1).pid == 1


def test_below_a_launcher_the_first_of_a_servers_workers_is_taken_too() -> None:
    workers = [stat(9, "apache2", 8, resident=9000), stat(10, "apache2", 8, resident=9100)]
    assert server(processes([stat(1, "apache2ctl", 0), stat(8, "apache2", 1, resident=5000), *workers]), 1).pid == 8


def test_a_container_without_a_process_1_of_its_own_is_refused() -> None:
    with pytest.raises(StackError, match="has no process 1 of its own"):
        server(processes([stat(7, "mysqld", 3)]), 0)


# Within the container, on a cluster that is not the embedded one.


def inside(lines: list[str], *then: Output) -> ActedCluster:
    cluster = ActedCluster()
    cluster.answers = [Output(0, "\n".join(lines), ""), *then]
    return cluster


def test_from_within_the_process_that_was_found_is_signalled_and_only_if_it_is_still_that_one() -> None:
    cluster = inside(HARDENED, Output(0, "", ""), Output(0, "", ""))
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database/primary", {"signal": "TERM"})
    assert [words[-3:] for words in cluster.executed[1:]] == [["46", "777", "0"]], "only signal 0 while aiming"
    ACTION.inject(stack, aim)
    assert cluster.executed[-1][:2] == ["mysql-0", "mysql"]
    assert cluster.executed[-1][-3:] == ["46", "777", "TERM"]
    assert aim.objects == ("pod/mysql-0",)
    assert aim.detail == "SIGTERM to mariadbd in mysql-0/mysql on node-1"


def test_from_within_process_1_cannot_be_killed_and_that_is_said_before_the_fault() -> None:
    with pytest.raises(StackError, match="mysqld is process 1 of mysql-0/mysql") as caught:
        ACTION.aim(inside([stat(1, "mysqld", 0)]).stack(), "database/primary", {})
    assert caught.value.hint == "delete-pod with grace: 0s ends the whole pod as hard"


def test_a_container_without_a_shell_is_refused() -> None:
    cluster = ActedCluster()
    cluster.answers = [Output(127, "", "sh: not found")]
    with pytest.raises(StackError, match="no shell in mysql-0/mysql: sh: not found"):
        ACTION.aim(cluster.stack(), "database/primary", {})


def test_a_process_that_may_not_be_signalled_is_refused_before_the_fault() -> None:
    cluster = inside(HARDENED, Output(1, "", "Operation not permitted"))
    with pytest.raises(StackError, match=r"nobody in the container may signal mariadbd: .*Operation not permitted"):
        ACTION.aim(cluster.stack(), "database/primary", {})


def test_a_process_that_has_gone_since_is_no_fault() -> None:
    cluster = inside(HARDENED, Output(0, "", ""), Output(3, "", ""))
    aim = ACTION.aim(cluster.stack(), "database/primary", {})
    with pytest.raises(ClusterError, match="process 46 of mysql-0/mysql is gone"):
        ACTION.inject(cluster.stack(), aim)


# From the node of the embedded cluster.


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A node on which mysql-0's container has its processes under the host's numbers, and what was sent to them."""
    found: dict[str, Any] = {"sent": [], "handles": set(), "first": 1001}
    lines = {1001: stat(1001, "bash", 5), 1046: stat(1046, "mariadbd", 1001, began=777, resident=50000)}
    monkeypatch.setattr(containers, "processes", lambda cluster, node, container: found.setdefault("lines", lines))
    monkeypatch.setattr(containers, "inner_pid", lambda pid: 1 if pid == found["first"] else pid - 1000)
    monkeypatch.setattr(containers, "handles", lambda pid, number: number in found["handles"])
    monkeypatch.setattr(containers, "send", lambda *what: found["sent"].append(what))
    return found


def test_from_the_node_only_the_aimed_container_is_signalled(node: dict[str, Any]) -> None:
    cluster = ActedCluster()
    stack, uid = cluster.stack("test"), cluster.uid("Pod", "mysql-0")
    aim = ACTION.aim(stack, "database/primary", {})
    assert node["sent"] == []
    ACTION.inject(stack, aim)
    assert node["sent"] == [("test", "node-1", uid, 1046, signal.SIGKILL)]
    assert cluster.executed == []


def test_a_signal_that_the_kernel_would_drop_is_refused(node: dict[str, Any]) -> None:
    stack = ActedCluster().stack("test")
    node["lines"] = {1001: stat(1001, "ganesha.nfsd", 5)}
    with pytest.raises(StackError, match=r"ganesha\.nfsd is process 1 of .* has no handler for SIGSEGV"):
        ACTION.aim(stack, "database/primary", {"signal": "SEGV"})
    ACTION.aim(stack, "database/primary", {"signal": "KILL"})
    node["handles"] = {signal.SIGSEGV}
    ACTION.aim(stack, "database/primary", {"signal": "SEGV"})


# Wherever it comes from.


def aimed(cluster: ActedCluster, node: dict[str, Any]) -> Any:
    assert node
    return ACTION.aim(cluster.stack("test"), "database/primary", {})


def test_it_happened_when_the_container_was_started_again_in_the_same_pod(node: dict[str, Any]) -> None:
    cluster = ActedCluster()
    aim = aimed(cluster, node)
    cluster.restart("mysql-0", "mysql")
    happened, effect = ACTION.effect(cluster.stack(), aim, 1)
    assert happened is True
    assert effect["restarts of mysql-0/mysql"] == [0, 1]


def test_it_did_not_happen_when_the_container_just_runs_on(node: dict[str, Any]) -> None:
    cluster = ActedCluster()
    aim = aimed(cluster, node)
    assert ACTION.effect(cluster.stack(), aim, 0.1)[0] is False


def test_it_did_not_happen_when_somebody_replaced_the_pod(node: dict[str, Any]) -> None:
    cluster = ActedCluster()
    aim = aimed(cluster, node)
    cluster.delete_exactly("Pod", "mysql-0", cluster.uid("Pod", "mysql-0"))
    happened, effect = ACTION.effect(cluster.stack(), aim, 1)
    assert happened is False
    assert len(set(effect["uid of pod/mysql-0"])) == 2


def test_it_is_put_back_when_as_many_pods_are_ready_as_before(node: dict[str, Any]) -> None:
    cluster = ActedCluster()
    undo = aimed(cluster, node).undo
    cluster.unready("mysql-0")
    with pytest.raises(ClusterError, match="fewer than 3 pods are ready"):
        ACTION.put_back(cluster.stack(), undo, 0.1)


def test_an_unknown_container_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(StackError, match="mysql-0 has no container 'mysqld'") as caught:
        ACTION.aim(ActedCluster().stack("test"), "database/primary", {"container": "mysqld"})
    assert caught.value.hint == "containers: mysql"


def test_a_container_that_does_not_run_is_refused() -> None:
    cluster = ActedCluster()
    waiting = {"name": "mysql", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 3}
    cluster.change("Pod", "mysql-0", status={"phase": "Running", "containerStatuses": [waiting]})
    with pytest.raises(StackError, match="container mysql of mysql-0 is not running"):
        ACTION.aim(cluster.stack("test"), "database/primary", {})
