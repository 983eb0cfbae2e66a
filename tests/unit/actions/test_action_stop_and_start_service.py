"""stop-service remembers in the cluster how many pods there were; start-service and the undo go by that."""

from __future__ import annotations

import pytest
from acted_cluster import ActedCluster

from chaos.actions.start_service import StartService
from chaos.actions.stop_service import StopService
from chaos.actions.workload import REPLICAS
from chaos.errors import ClusterError, StackError
from chaos.stack.stack import Stack

STOP, START = StopService(), StartService()


def stopped(cluster: ActedCluster) -> tuple[Stack, dict[str, object]]:
    stack = cluster.stack()
    aim = STOP.aim(stack, "files", {})
    STOP.inject(stack, aim)
    return stack, aim.undo


def workload(cluster: ActedCluster) -> tuple[int, str | None]:
    found = cluster.get("StatefulSet", "nfs") or {}
    return found["spec"]["replicas"], found["metadata"].get("annotations", {}).get(REPLICAS)


def test_stopping_leaves_no_pod_and_a_note_of_how_many_there_were() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = STOP.aim(stack, "files", {})
    STOP.inject(stack, aim)
    assert STOP.effect(stack, aim, 1) == (True, {"pods of files": [1, 0]})
    assert workload(cluster) == (0, "1")


def test_a_server_that_stays_means_that_it_was_not_stopped() -> None:
    cluster = ActedCluster()
    cluster.stuck = True
    stack = cluster.stack()
    aim = STOP.aim(stack, "files", {})
    STOP.inject(stack, aim)
    assert STOP.effect(stack, aim, 0.1) == (False, {"pods of files": [1, 1]})


def test_starting_brings_back_as_many_as_the_note_says_and_removes_it() -> None:
    cluster = ActedCluster()
    stack, _ = stopped(cluster)
    aim = START.aim(stack, "files", {})
    START.inject(stack, aim)
    assert START.effect(stack, aim, 1) == (True, {"ready pods of files": [0, 1]})
    assert workload(cluster) == (1, None)


def test_a_server_that_does_not_become_ready_has_not_been_started() -> None:
    cluster = ActedCluster()
    stack, _ = stopped(cluster)
    aim = START.aim(stack, "files", {})
    START.inject(stack, aim)
    cluster.unready("nfs-0")
    assert START.effect(stack, aim, 0.1) == (False, {"ready pods of files": [0, 0]})


def test_the_undo_of_stopping_starts_it_and_removes_the_note() -> None:
    cluster = ActedCluster()
    stack, undo = stopped(cluster)
    STOP.put_back(stack, undo, 1)
    assert workload(cluster) == (1, None)
    assert stack.ready("files")


def test_the_undo_after_start_service_touches_nothing() -> None:
    cluster = ActedCluster()
    stack, undo = stopped(cluster)
    START.inject(stack, START.aim(stack, "files", {}))
    cluster.calls.clear()
    STOP.put_back(stack, undo, 1)
    assert cluster.calls == []


def test_an_undo_that_does_not_hold_says_what_is_left_to_do() -> None:
    cluster = ActedCluster()
    stack, undo = stopped(cluster)
    cluster.stuck = True
    with pytest.raises(ClusterError, match=r"statefulset/nfs: 0 of 1 pods are ready after 0\.1 s") as caught:
        STOP.put_back(stack, undo, 0.1)
    assert caught.value.hint == (
        "kubectl -n wordpress scale statefulset/nfs --replicas=1 && "
        "kubectl -n wordpress annotate statefulset/nfs hachaos.dev/replicas-"
    )


def test_what_is_stopped_cannot_be_stopped_nor_what_runs_be_started() -> None:
    cluster = ActedCluster()
    with pytest.raises(StackError, match="StatefulSet nfs was not stopped by stop-service"):
        START.aim(cluster.stack(), "files", {})
    stack, _ = stopped(cluster)
    with pytest.raises(StackError, match="StatefulSet nfs is stopped already"):
        STOP.aim(stack, "files", {})


def test_what_somebody_else_stopped_is_not_started_since_nobody_knows_how_many_pods_it_had() -> None:
    cluster = ActedCluster()
    cluster.patch("StatefulSet", "nfs", {"spec": {"replicas": 0}})
    with pytest.raises(StackError, match="was not stopped by stop-service"):
        START.aim(cluster.stack(), "files", {})
