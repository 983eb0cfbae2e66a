"""drain-node cordons one node and evicts the stack's pods from it, and no others; the node is put back as it was."""

from __future__ import annotations

from typing import Any

import pytest
from acted_cluster import ActedCluster

from chaos import undo_notes
from chaos.actions import drain_node
from chaos.actions.drain_node import DrainNode
from chaos.cluster.api import ApiRefused
from chaos.errors import ClusterError, StackError
from chaos.history import UndoPlanned

ACTION = DrainNode()
OWN = {"mysql-0", "mysql-1", "mysql-2", "nfs-0"}


def cordon(cluster: ActedCluster, node: str) -> None:
    cluster.change("Node", node, spec={"unschedulable": True})


def is_cordoned(cluster: ActedCluster, node: str) -> bool:
    found = cluster.get("Node", node)
    assert found is not None
    return bool(found["spec"].get("unschedulable"))


def move(cluster: ActedCluster, pod: str, node: str) -> None:
    cluster.change("Pod", pod, spec={"nodeName": node})


def test_it_cordons_the_node_of_the_target_and_evicts_all_pods_of_the_stack_from_it() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    move(cluster, "mysql-1", "node-2")
    aim = ACTION.aim(stack, "database/primary", {})
    assert aim.objects[0] == "node/node-1"
    assert len(aim.objects) == 1 + 6
    ACTION.inject(stack, aim)
    assert (is_cordoned(cluster, "node-1"), is_cordoned(cluster, "node-2")) == (True, False)
    assert "mysql-1" not in cluster.evictions
    happened, effect = ACTION.effect(stack, aim, 5)
    assert happened is True
    assert effect["pods on node/node-1"] == [6, 0]
    assert {pod.node for pod in stack.pods("database")} == {"node-2"}


def test_pods_that_are_not_the_stacks_are_left_on_the_node() -> None:
    cluster = ActedCluster()
    cluster._put({
        "kind": "Pod", "metadata": {"name": "stranger", "uid": "s", "labels": {"app": "else"}},
        "spec": {"nodeName": "node-1"}, "status": {"phase": "Running"},
    })  # fmt: skip
    aim = ACTION.aim(cluster.stack(), "database/primary", {})
    ACTION.inject(cluster.stack(), aim)
    assert "stranger" not in cluster.evictions
    assert set(cluster.evictions) > OWN


def test_the_target_and_its_ordinal_say_which_node() -> None:
    cluster = ActedCluster()
    move(cluster, "mysql-2", "node-2")
    aim = ACTION.aim(cluster.stack(), "database/replica", {"ordinal": 2})
    assert aim.objects == ("node/node-2", "pod/mysql-2")


def test_without_another_node_that_takes_pods_it_refuses() -> None:
    cluster = ActedCluster()
    cordon(cluster, "node-2")
    with pytest.raises(StackError, match="no other node than node-1 would take its pods"):
        ACTION.aim(cluster.stack(), "database/primary", {})


def test_a_pod_without_a_node_is_no_target() -> None:
    cluster = ActedCluster()
    move(cluster, "mysql-0", "")
    with pytest.raises(StackError, match="mysql-0 is on no node yet"):
        ACTION.aim(cluster.stack(), "database/primary", {})


def test_a_pod_that_its_budget_keeps_is_named_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_node, "EVICT_TIMEOUT_S", 0.3)
    cluster = ActedCluster()
    cluster.kept = {"mysql-1"}
    with pytest.raises(ClusterError, match=r"mysql-1 could not be evicted from node-1 within 0\.3 s: a disruption"):
        ACTION.inject(cluster.stack(), ACTION.aim(cluster.stack(), "database/primary", {}))
    assert "mysql-0" in cluster.evictions


def test_pods_that_stay_mean_that_it_did_not_happen() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database/primary", {})
    cluster.stuck = True
    ACTION.inject(stack, aim)
    happened, effect = ACTION.effect(stack, aim, 0.1)
    assert happened is False
    assert effect["pods on node/node-1"] == [7, 7]


def test_it_is_put_back_when_the_node_takes_pods_and_as_many_of_each_part_are_ready() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "site", {})
    ACTION.inject(stack, aim)
    ACTION.put_back(stack, aim.undo, 1)
    ACTION.put_back(stack, aim.undo, 1)
    assert cluster.get("Node", "node-1")["spec"] == {}  # type: ignore[index]
    cluster.unready("nfs-0")
    with pytest.raises(ClusterError, match="files: fewer than 1 pods are ready"):
        ACTION.put_back(stack, aim.undo, 0.1)


def test_a_node_that_was_cordoned_before_stays_so() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    cordon(cluster, "node-1")
    aim = ACTION.aim(stack, "database/primary", {})
    ACTION.inject(stack, aim)
    ACTION.put_back(stack, aim.undo, 1)
    assert is_cordoned(cluster, "node-1")


def test_a_node_that_stays_cordoned_is_said_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database/primary", {})
    ACTION.inject(stack, aim)

    def patch(kind: str, name: str, body: Any, *, subresource: str = "") -> Any:
        return {}

    monkeypatch.setattr(cluster, "patch", patch)
    with pytest.raises(ClusterError, match=r"node/node-1: takes no new pods after 0\.1 s") as caught:
        ACTION.put_back(stack, aim.undo, 0.1)
    assert caught.value.hint == "kubectl uncordon node-1"


def test_a_node_that_is_gone_needs_no_putting_back() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database/primary", {})
    ACTION.inject(stack, aim)
    cluster._held.pop(("Node", "node-1"))
    cluster._pod = lambda workload, name: None  # type: ignore[method-assign]
    ACTION.put_back(stack, aim.undo, 1)


def test_by_hand_it_is_uncordoned_unless_it_was_so_before() -> None:
    cluster = ActedCluster()
    undo = ACTION.aim(cluster.stack(), "database/primary", {}).undo
    assert ACTION.by_hand(undo, "blog") == ("kubectl uncordon node-1", "kubectl -n blog get pods")
    cordon(cluster, "node-1")
    undo = ACTION.aim(cluster.stack(), "database/primary", {}).undo
    assert ACTION.by_hand(undo, "blog") == ("kubectl -n blog get pods",)


def test_its_undo_stands_on_the_node_and_is_found_for_this_stack_alone() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    ours = ACTION.aim(stack, "database/primary", {}).undo
    undo_notes.note(stack, "reports/a", UndoPlanned(0, 0, 0, "drain-node", ours))
    undo_notes.note(stack, "reports/b", UndoPlanned(0, 0, 0, "drain-node", ours | {"namespace": "elsewhere"}))
    assert [(each.run, each.undo) for each in undo_notes.on_nodes(stack) or ()] == [("reports/a", ours)]
    undo_notes.forget(stack, "reports/a", [UndoPlanned(0, 0, 0, "drain-node", ours)])
    assert undo_notes.on_nodes(stack) == []
    assert "elsewhere" in str(cluster.get("Node", "node-1"))


def test_who_may_not_look_at_nodes_does_not_take_it_for_none_that_is_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = ActedCluster()
    listed = cluster.list

    def refuse(kind: str, selector: str = "") -> Any:
        if kind == "Node":
            raise ApiRefused(403, "nodes is forbidden")
        return listed(kind, selector)

    monkeypatch.setattr(cluster, "list", refuse)
    assert undo_notes.on_nodes(cluster.stack()) is None
