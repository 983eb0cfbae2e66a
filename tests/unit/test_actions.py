"""Each action: it aims without touching, it hits only what it aimed at, it sees its effect, and it is put back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from chaos.actions import ACTIONS
from chaos.errors import ClusterError, StackError
from chaos.scenario import vocabulary
from chaos.stack.roles import Pod
from chaos.stack.stack import Stack

PRIMARY = Pod("mysql-0", "uid-0", "database/primary", "node-1", "10.0.0.1", ready=True, terminating=False)
REPLICA = Pod("mysql-1", "uid-1", "database/replica", "node-2", "10.0.0.2", ready=True, terminating=False)


@dataclass
class FakeCluster:
    """Holds pods and one controller; a deleted pod gets a successor, a scaled controller its pods, unless `stuck`."""

    found: list[Pod] = field(default_factory=lambda: [PRIMARY, REPLICA])
    replicas: int = 2
    stuck: bool = False
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    namespace: str = "wordpress"

    @property
    def api(self) -> FakeCluster:
        return self

    def pods(self, role: str) -> list[Pod]:
        return [pod for pod in self.found if role in (pod.role, pod.role.split("/")[0])]

    def controller(self, role: str) -> tuple[str, str]:
        assert role == "database"
        return "StatefulSet", "mysql"

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        if kind == "Pod":
            uids = [pod.uid for pod in self.found if pod.name == name]
            return {"metadata": {"uid": uids[0]}} if uids else None
        return {"spec": {"replicas": self.replicas}}

    def delete_exactly(self, kind: str, name: str, uid: str, *, grace_s: int | None = None) -> bool:
        self.calls.append(("delete", kind, name, uid, grace_s))
        if uid not in [pod.uid for pod in self.found]:
            return False
        if not self.stuck:
            self.found = [replace(pod, uid=uid + "-next") if pod.uid == uid else pod for pod in self.found]
        return True

    def patch(self, kind: str, name: str, body: dict[str, Any], *, subresource: str = "") -> None:
        self.calls.append(("patch", kind, name, body, subresource))
        self.replicas = body["spec"]["replicas"]
        if not self.stuck:
            self.found = [
                replace(PRIMARY, name=f"mysql-{n}", uid=f"uid-{n}", role="database/replica" if n else PRIMARY.role)
                for n in range(self.replicas)
            ]


def stack(cluster: FakeCluster) -> Stack:
    return cast("Stack", cluster)


def test_every_word_of_the_vocabulary_has_an_action_and_every_action_a_word() -> None:
    assert set(ACTIONS) == set(vocabulary.ACTIONS)


@pytest.mark.parametrize(("name", "params"), [("delete-pod", {}), ("scale", {"replicas": 1})])
def test_aiming_changes_nothing(name: str, params: dict[str, Any]) -> None:
    cluster = FakeCluster()
    ACTIONS[name].aim(stack(cluster), "database", params)
    assert cluster.calls == []


def test_delete_pod_hits_the_pod_of_its_role_and_sees_the_successor() -> None:
    cluster = FakeCluster()
    action = ACTIONS["delete-pod"]
    aim = action.aim(stack(cluster), "database/primary", {"grace_s": 0})
    action.inject(stack(cluster), aim)
    assert cluster.calls == [("delete", "Pod", "mysql-0", "uid-0", 0)]
    assert action.effect(stack(cluster), aim, 5) == (True, {"uid of pod/mysql-0": ["uid-0", "uid-0-next"]})


def test_delete_pod_leaves_a_successor_of_its_target_alone() -> None:
    cluster = FakeCluster()
    action = ACTIONS["delete-pod"]
    aim = action.aim(stack(cluster), "database/primary", {})
    cluster.found = [replace(PRIMARY, uid="uid-of-another")]
    with pytest.raises(ClusterError, match="gone or replaced before it could be deleted"):
        action.inject(stack(cluster), aim)


def test_delete_pod_that_deleted_nothing_says_so() -> None:
    cluster = FakeCluster(stuck=True)
    action = ACTIONS["delete-pod"]
    aim = action.aim(stack(cluster), "database/primary", {})
    action.inject(stack(cluster), aim)
    happened, _ = action.effect(stack(cluster), aim, 0.1)
    assert happened is False


def test_delete_pod_does_not_aim_at_a_pod_that_is_ending() -> None:
    cluster = FakeCluster(found=[replace(PRIMARY, terminating=True)])
    with pytest.raises(StackError, match="no pod of role database/primary"):
        ACTIONS["delete-pod"].aim(stack(cluster), "database/primary", {})


def test_delete_pod_is_put_back_when_as_many_pods_are_ready_as_before() -> None:
    cluster = FakeCluster()
    action = ACTIONS["delete-pod"]
    undo = action.aim(stack(cluster), "database/primary", {}).undo
    action.put_back(stack(cluster), undo, 1)
    cluster.found = [PRIMARY, replace(REPLICA, ready=False)]
    with pytest.raises(ClusterError, match=r"fewer than 2 pods are ready after 0\.1 s \(not ready: mysql-1\)"):
        action.put_back(stack(cluster), undo, 0.1)


def test_scale_is_put_back_to_what_was_there_before() -> None:
    cluster = FakeCluster()
    action = ACTIONS["scale"]
    aim = action.aim(stack(cluster), "database", {"replicas": 1})
    action.inject(stack(cluster), aim)
    assert action.effect(stack(cluster), aim, 1) == (True, {"replicas": [2, 1]})
    action.put_back(stack(cluster), aim.undo, 1)
    assert cluster.replicas == 2
    assert len(cluster.found) == 2


def test_scale_to_what_is_there_already_had_no_effect() -> None:
    cluster = FakeCluster()
    aim = ACTIONS["scale"].aim(stack(cluster), "database", {"replicas": 2})
    ACTIONS["scale"].inject(stack(cluster), aim)
    happened, _ = ACTIONS["scale"].effect(stack(cluster), aim, 1)
    assert happened is False


def test_scale_that_did_not_take_hold_says_what_is_left_to_do() -> None:
    cluster = FakeCluster(stuck=True)
    action = ACTIONS["scale"]
    aim = action.aim(stack(cluster), "database", {"replicas": 1})
    action.inject(stack(cluster), aim)
    cluster.found = [PRIMARY]
    with pytest.raises(ClusterError, match="not at 2 ready replicas") as caught:
        action.put_back(stack(cluster), aim.undo, 0.1)
    assert caught.value.hint == "kubectl -n wordpress scale statefulset/mysql --replicas=2"


def test_putting_back_twice_touches_nothing_the_second_time() -> None:
    cluster = FakeCluster()
    action = ACTIONS["scale"]
    undo = action.aim(stack(cluster), "database", {"replicas": 1}).undo
    action.put_back(stack(cluster), undo, 1)
    assert cluster.calls == []
