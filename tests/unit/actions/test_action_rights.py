"""What an action says that it needs is what it calls the API for, no less and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from chaos.actions import ACTIONS
from chaos.cluster.api import Output
from chaos.cluster.rights import Right, execute, may
from tests.unit.actions.acted_cluster import BINDING, ActedCluster, Object

SHELL = "41 (mysqld) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0 900"
FIRST = "1 (sh) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 700 0 90"


class Recorded(ActedCluster):
    """Notes for each call the right that an API server would ask for."""

    def __init__(self) -> None:
        self.used: set[Right] = set()
        super().__init__()
        self.used.clear()

    def get(self, kind: str, name: str) -> Object | None:
        self.used.update(may("get", kind, name))
        return super().get(kind, name)

    def list(self, kind: str, selector: str = "") -> list[Object]:
        self.used.update(may("list", kind))
        return super().list(kind, selector)

    def patch(self, kind: str, name: str, body: Object, *, subresource: str = "") -> Object:
        self.used.update(may("patch", kind, name, sub=subresource))
        return super().patch(kind, name, body, subresource=subresource)

    def delete_exactly(self, kind: str, name: str, uid: str, *, grace_s: int | None = None) -> bool:
        self.used.update(may("delete", kind, name))
        return super().delete_exactly(kind, name, uid, grace_s=grace_s)

    def evict(self, pod: str, uid: str) -> bool:
        self.used.update(may("create", "Pod", sub="eviction"))
        return super().evict(pod, uid)

    def logs(self, pod: str, container: str, *, tail: int | None = None, previous: bool = False) -> str:
        self.used.update(may("get", "Pod", pod, sub="log"))
        return super().logs(pod, container, tail=tail, previous=previous)

    def execute(
        self, pod: str, container: str, command: Sequence[str], *, timeout_s: float, stdin: str | None = None
    ) -> Output:
        self.used.update(execute(""))
        return super().execute(pod, container, command, timeout_s=timeout_s, stdin=stdin)


def covered(right: Right, by: set[Right] | Sequence[Right]) -> bool:
    return any(
        (each.group, each.resource, each.verb) == (right.group, right.resource, right.verb)
        and each.name in ("", right.name)
        for each in by
    )


@pytest.mark.parametrize(
    ("name", "target", "params"),
    [
        ("scale", "site", {"replicas": 1}),
        ("scale", "database", {"replicas": 1}),
        ("delete-pod", "database/primary", {}),
        ("kill-process", "database/primary", {}),
        ("delete-volume", "database/replica", {}),
        ("stop-service", "files", {}),
        ("start-service", "files", {}),
        ("rolling-restart", "database", {}),
        ("rolling-restart", "site", {}),
        ("drain-node", "database/primary", {}),
        ("pause", "stack", {"for_s": 0}),
        ("noop", "stack", {}),
    ],
)
def test_an_action_says_all_the_rights_that_it_uses_and_no_other(name: str, target: str, params: Any) -> None:
    cluster, action = Recorded(), ACTIONS[name]
    stack = cluster.stack()
    if name == "start-service":
        before = ACTIONS["stop-service"].aim(stack, target, {})
        ACTIONS["stop-service"].inject(stack, before)
        cluster.used.clear()
    if name == "kill-process":
        cluster.answers = [Output(0, f"{FIRST}\n{SHELL}\n", ""), Output(0, "", ""), Output(0, "", "")]
    aim = action.aim(stack, target, params)
    action.inject(stack, aim)
    if name == "kill-process":
        cluster.restart("mysql-0", "mysql")
    happened, _ = action.effect(stack, aim, 1)
    assert happened is not False
    action.put_back(stack, aim.undo, 1)

    said = action.rights(BINDING, target, params)
    assert [str(right) for right in cluster.used if not covered(right, said)] == []
    used = [right for right in said if any(covered(each, [right]) for each in cluster.used)]
    assert list(said) == used


def test_catching_a_clone_takes_the_log_where_that_shows_it() -> None:
    action, log = ACTIONS["delete-volume"], may("get", "Pod", sub="log")[0]
    with_log = action.rights(BINDING, "database/replica", {"interrupt": "itself"})
    assert log in with_log
    assert log not in action.rights(BINDING, "database/replica", {})


def test_only_what_has_a_name_that_is_known_before_is_limited_to_it() -> None:
    for name, target in (("scale", "site"), ("rolling-restart", "database"), ("stop-service", "files")):
        for right in ACTIONS[name].rights(BINDING, target, {}):
            assert bool(right.name) == (right.resource.partition("/")[0] in ("deployments", "statefulsets"))
