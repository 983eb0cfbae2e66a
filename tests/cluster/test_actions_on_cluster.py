"""Each action on the hardened stack: it does to the cluster what it says, it sees that, and it is put back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos.actions import ACTIONS, Aim
from chaos.actions.workload import REPLICAS
from chaos.errors import ClusterError, StackError
from chaos.stack.stack import Stack
from embedded import sql

EFFECT_S = 90.0
BACK_S = 240.0

Effect = dict[str, Any]


def carry_out(stack: Stack, name: str, target: str, params: dict[str, Any] | None = None) -> tuple[Aim, Effect]:
    """Aim, put in, and see the effect."""
    action = ACTIONS[name]
    aim = action.aim(stack, target, params or {})
    action.inject(stack, aim)
    happened, effect = action.effect(stack, aim, EFFECT_S)
    assert happened is True, effect
    return aim, effect


def put_back(stack: Stack, name: str, aim: Aim) -> None:
    """Put back from what the journal would have, twice, as `hachaos recover` may do."""
    undo = json.loads(json.dumps(aim.undo))
    for _ in range(2):
        ACTIONS[name].put_back(stack, undo, BACK_S)
    await_(lambda: stack.ready("stack"), "the whole stack")


def await_(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + BACK_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {BACK_S:g} s for {what}"
        time.sleep(0.2)


def uids(stack: Stack, role: str) -> dict[str, str]:
    return {pod.name: pod.uid for pod in stack.pods(role)}


def restarts(stack: Stack, role: str) -> dict[str, int]:
    """How often each container of the role's pods was started again, by `pod/container`."""
    return {
        f"{item['metadata']['name']}/{each['name']}": each["restartCount"]
        for item in stack.api.list("Pod", stack.binding.controller(role).selector)
        for each in item["status"]["containerStatuses"]
    }


def claims(stack: Stack) -> dict[str, str]:
    found = stack.api.list("PersistentVolumeClaim", "app=mysql")
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in found}


def answer(stack: Stack, pod: str) -> str:
    """Whether the server of a database pod answers, and with the data of this stack."""
    return sql(stack, pod, "SELECT COUNT(*) FROM stack.identity")


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if after.get(name) != before[name]}


def test_delete_pod_replaces_all_the_pods_it_was_told_to_at_once(stack: Stack) -> None:
    before, others = uids(stack, "database"), uids(stack, "site")
    aim, _ = carry_out(stack, "delete-pod", "database", {"count": 3, "grace_s": 0})
    put_back(stack, "delete-pod", aim)
    assert changed(before, uids(stack, "database")) == {"mysql-0", "mysql-1", "mysql-2"}
    assert uids(stack, "site") == others


def test_delete_pod_by_its_ordinal_leaves_the_others(stack: Stack) -> None:
    before = uids(stack, "database")
    aim, _ = carry_out(stack, "delete-pod", "database/replica", {"ordinal": 2})
    put_back(stack, "delete-pod", aim)
    assert changed(before, uids(stack, "database")) == {"mysql-2"}


@pytest.mark.parametrize(
    ("role", "params", "restarted", "process"),
    [
        # Below the shell that is process 1, and process 1 itself.
        ("database/primary", {}, "mysql-0/mysql", "SIGKILL to mariadbd"),
        ("database/replica", {"ordinal": 2, "signal": "TERM"}, "mysql-2/mysql", "SIGTERM to mariadbd"),
        ("database/replica", {"ordinal": 1, "signal": "SEGV"}, "mysql-1/mysql", "SIGSEGV to mariadbd"),
        ("files", {}, "nfs-0/nfs", "SIGKILL to ganesha.nfsd"),
        # A container without a probe: it has to end by itself when its server is gone.
        ("database/replica", {"container": "xtrabackup"}, "mysql-1/xtrabackup", "SIGKILL to socat"),
    ],
)
def test_kill_process_ends_the_server_and_kubelet_starts_it_again_in_the_same_pod(
    stack: Stack, role: str, params: dict[str, Any], restarted: str, process: str
) -> None:
    before, pods = restarts(stack, role), uids(stack, role)
    aim, _ = carry_out(stack, "kill-process", role, params)
    assert aim.detail.startswith(process)
    put_back(stack, "kill-process", aim)
    assert changed(before, restarts(stack, role)) == {restarted}
    assert uids(stack, role) == pods


def test_kill_process_hits_one_pod_of_a_deployment(stack: Stack) -> None:
    before = restarts(stack, "site")
    aim, _ = carry_out(stack, "kill-process", "site")
    put_back(stack, "kill-process", aim)
    assert changed(before, restarts(stack, "site")) == {f"{aim.before['pod']}/wordpress"}


def test_kill_process_works_from_within_where_the_server_is_not_process_1(stack: Stack) -> None:
    elsewhere = replace(stack, local_cluster="")
    before = restarts(stack, "database")
    aim, _ = carry_out(elsewhere, "kill-process", "database/replica", {"ordinal": 2})
    put_back(elsewhere, "kill-process", aim)
    assert changed(before, restarts(stack, "database")) == {"mysql-2/mysql"}


def test_kill_process_from_within_refuses_process_1_before_it_touches_anything(stack: Stack) -> None:
    before = restarts(stack, "files")
    with pytest.raises(StackError, match=r"ganesha\.nfsd is process 1 of nfs-0/nfs"):
        ACTIONS["kill-process"].aim(replace(stack, local_cluster=""), "files", {})
    assert restarts(stack, "files") == before


def test_a_container_that_has_been_started_again_is_not_signalled_by_an_old_aim(stack: Stack) -> None:
    aim, _ = carry_out(stack, "kill-process", "database/replica", {"ordinal": 2})
    put_back(stack, "kill-process", aim)
    before = restarts(stack, "database")
    with pytest.raises(ClusterError, match="is gone"):
        ACTIONS["kill-process"].inject(stack, aim)
    assert restarts(stack, "database") == before


@pytest.mark.parametrize("role", ["database/primary", "database/replica"])
def test_delete_volume_gives_the_new_pod_a_new_claim_which_is_filled_from_another(stack: Stack, role: str) -> None:
    before, pods = claims(stack), uids(stack, "database")
    aim, _ = carry_out(stack, "delete-volume", role)
    (pod,) = aim.before["pods"]
    put_back(stack, "delete-volume", aim)
    assert changed(before, claims(stack)) == {f"data-{pod}"}
    assert changed(pods, uids(stack, "database")) == {pod}
    assert answer(stack, pod) == "1"


def test_delete_volume_takes_claims_that_a_scale_down_has_left(stack: Stack) -> None:
    before = claims(stack)
    scaled, _ = carry_out(stack, "scale", "database", {"replicas": 1})
    deleted, _ = carry_out(stack, "delete-volume", "database/replica", {"count": 2})
    assert set(claims(stack)) == {"data-mysql-0"}
    put_back(stack, "delete-volume", deleted)
    ACTIONS["scale"].put_back(stack, scaled.undo, BACK_S)
    await_(lambda: stack.ready("stack"), "the whole stack")
    assert changed(before, claims(stack)) == {"data-mysql-1", "data-mysql-2"}
    assert [answer(stack, pod) for pod in ("mysql-1", "mysql-2")] == ["1", "1"]


@pytest.mark.parametrize(
    ("role", "interrupt", "killed"),
    [
        ("database/replica", "itself", "mysql-1"),
        ("database/replica", "primary", "mysql-0"),
        ("database/primary", "itself", "mysql-0"),
    ],
)
def test_delete_volume_catches_the_clone_and_kills_in_the_middle_of_it(
    stack: Stack, role: str, interrupt: str, killed: str
) -> None:
    before = uids(stack, "database")
    aim, effect = carry_out(stack, "delete-volume", role, {"interrupt": interrupt})
    victim, _ = effect[f"uid of the killed pod/{killed}"]
    assert "-> CLONE" in effect["clone"][1]
    put_back(stack, "delete-volume", aim)
    (emptied,) = aim.before["pods"]
    now = uids(stack, "database")
    assert changed(before, now) == {emptied, killed}
    assert now[killed] != victim
    assert answer(stack, emptied) == "1"


def test_a_volume_that_would_be_retained_is_refused_before_anything_is_touched(stack: Stack) -> None:
    before = claims(stack)
    claim = stack.api.get("PersistentVolumeClaim", "data-mysql-2") or {}
    volume = claim["spec"]["volumeName"]
    stack.api.patch("PersistentVolume", volume, {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    try:
        with pytest.raises(StackError, match=f"volume {volume} of claim data-mysql-2 has the reclaim policy Retain"):
            ACTIONS["delete-volume"].aim(stack, "database", {"ordinal": 2})
    finally:
        stack.api.patch("PersistentVolume", volume, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})
    assert claims(stack) == before


def test_stop_service_and_start_service_and_the_undo_of_a_stop_that_was_started_again(stack: Stack) -> None:
    stopped, _ = carry_out(stack, "stop-service", "files")
    assert stack.pods("files") == []
    started, _ = carry_out(stack, "start-service", "files")
    assert stack.ready("files")
    before = uids(stack, "files")
    put_back(stack, "start-service", started)
    put_back(stack, "stop-service", stopped)
    assert uids(stack, "files") == before


def test_the_undo_of_stop_service_starts_it_and_leaves_no_note(stack: Stack) -> None:
    aim, _ = carry_out(stack, "stop-service", "files")
    put_back(stack, "stop-service", aim)
    workload = stack.api.get("StatefulSet", "nfs") or {}
    assert REPLICAS not in workload["metadata"].get("annotations", {})


@pytest.mark.parametrize("role", ["database", "site", "files"])
def test_rolling_restart_replaces_every_pod(stack: Stack, role: str) -> None:
    before = uids(stack, role)
    aim, _ = carry_out(stack, "rolling-restart", role)
    after = uids(stack, role)
    assert len(after) == len(before)
    assert not set(after.values()) & set(before.values())
    put_back(stack, "rolling-restart", aim)


def test_scale_down_and_back(stack: Stack) -> None:
    before = uids(stack, "site")
    aim, _ = carry_out(stack, "scale", "site", {"replicas": 1})
    put_back(stack, "scale", aim)
    assert len(set(uids(stack, "site")) & set(before)) == 1


@pytest.mark.parametrize(("name", "params"), [("pause", {"for_s": 1}), ("noop", {})])
def test_pause_and_noop_leave_everything_as_it_is(stack: Stack, name: str, params: dict[str, Any]) -> None:
    roles = ("database", "site", "files")
    before = [(uids(stack, role), restarts(stack, role)) for role in roles]
    action = ACTIONS[name]
    aim = action.aim(stack, "stack", params)
    action.inject(stack, aim)
    assert action.effect(stack, aim, 1) == (None, {})
    put_back(stack, name, aim)
    assert [(uids(stack, role), restarts(stack, role)) for role in roles] == before


def test_drain_node_moves_the_stacks_pods_and_no_others_to_other_nodes(stack: Stack) -> None:
    everywhere = {item["metadata"]["uid"] for item in stack.api.in_namespace("kube-system").list("Pod")}
    aim, _ = carry_out(stack, "drain-node", "database/primary")
    node = aim.before["node"]
    assert stack.api.get("Node", node)["spec"].get("unschedulable") is True  # type: ignore[index]
    await_(lambda: stack.ready("stack"), "the whole stack on the other nodes")
    assert node not in {pod.node for role in stack.binding.controllers for pod in stack.pods(role)}
    put_back(stack, "drain-node", aim)
    assert "unschedulable" not in stack.api.get("Node", node)["spec"]  # type: ignore[index]
    assert everywhere == {item["metadata"]["uid"] for item in stack.api.in_namespace("kube-system").list("Pod")}
