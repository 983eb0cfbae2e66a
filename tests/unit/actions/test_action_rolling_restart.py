"""rolling-restart changes the template by an annotation, and happened when every pod is another one."""

from __future__ import annotations

from typing import Any

import pytest
from acted_cluster import ActedCluster

from chaos.actions import rolling_restart
from chaos.actions.rolling_restart import RESTARTED_AT, RollingRestart
from chaos.errors import ClusterError, StackError

ACTION = RollingRestart()


@pytest.fixture(autouse=True)
def _no_minute_for_each_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling_restart, "_EACH_POD_S", 0.1)


@pytest.mark.parametrize(
    ("target", "kind", "name"), [("database", "StatefulSet", "mysql"), ("site", "Deployment", "wordpress")]
)
def test_every_pod_is_replaced(target: str, kind: str, name: str) -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, target, {})
    assert len(aim.objects) == 3
    ACTION.inject(stack, aim)
    happened, effect = ACTION.effect(stack, aim, 0.1)
    assert (happened, effect["pods replaced"]) == (True, [0, 3])
    workload = cluster.get(kind, name) or {}
    assert RESTARTED_AT in workload["spec"]["template"]["metadata"]["annotations"]
    ACTION.put_back(stack, aim.undo, 0.1)


def test_a_pod_that_stays_means_that_it_did_not_happen() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database", {})
    happened, effect = ACTION.effect(stack, aim, 0.1)
    assert (happened, effect["pods replaced"]) == (False, [0, 0])


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 0},
        {"updatedReplicas": 2},
        {"readyReplicas": 2},
        {"replicas": 4},
    ],
)
def test_a_roll_out_that_is_not_complete_is_not_put_back(status: dict[str, Any]) -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    undo = ACTION.aim(stack, "database", {}).undo
    whole = (cluster.get("StatefulSet", "mysql") or {})["status"]
    cluster.change("StatefulSet", "mysql", status=whole | status)
    with pytest.raises(ClusterError, match=r"the roll-out is not complete after 0\.1 s") as caught:
        ACTION.put_back(stack, undo, 0.1)
    assert caught.value.hint == "kubectl -n wordpress rollout status statefulset/mysql --timeout=5m"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"updateStrategy": {"type": "OnDelete"}}, "its updateStrategy is OnDelete"),
        ({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}, "has a partition"),
        ({"paused": True}, "its roll-outs are paused"),
    ],
)
def test_a_workload_that_would_not_replace_all_pods_is_refused(spec: dict[str, Any], reason: str) -> None:
    cluster = ActedCluster()
    cluster.change("StatefulSet", "mysql", spec={"replicas": 3} | spec)
    with pytest.raises(StackError, match=reason):
        ACTION.aim(cluster.stack(), "database", {})


def test_a_workload_without_pods_is_refused() -> None:
    cluster = ActedCluster()
    cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": 0}})
    with pytest.raises(StackError, match="StatefulSet mysql has no pod to replace"):
        ACTION.aim(cluster.stack(), "database", {})
