"""What an API client may change once a stack is there: against a server that counts what reaches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chaos.cluster.api import Api, Fenced
from chaos.cluster.fence import Fence
from tests.contract.test_api_client import FakeServer, answer

REVIEW = "apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    fake.answers = {verb: [answer(200, {})] for verb in ("GET", "POST", "PATCH", "DELETE")}
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


def manifest(kind: str, **metadata: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "x", **metadata}}


INSIDE: list[Callable[[Api], object]] = [
    lambda api: api.patch("Deployment", "wordpress", {}),
    lambda api: api.delete("Pod", "mysql-0"),
    lambda api: api.create(manifest("Lease")),
    lambda api: api.apply(manifest("ConfigMap", namespace="wordpress")),
    lambda api: api.in_namespace("elsewhere").get("Pod", "x"),
    lambda api: api.get("Node", "node-1"),
]

OUTSIDE: list[Callable[[Api], object]] = [
    lambda api: api.in_namespace("elsewhere").patch("Deployment", "wordpress", {}),
    lambda api: api.in_namespace("elsewhere").delete_exactly("Pod", "mysql-0", "uid"),
    lambda api: api.in_namespace("elsewhere").create(manifest("Pod")),
    lambda api: api.apply(manifest("ConfigMap", namespace="kube-system")),
    lambda api: api.delete("Namespace", "wordpress"),
    lambda api: api.delete("PersistentVolume", "x"),
    lambda api: api.patch("Node", "node-1", {"spec": {"unschedulable": True}}),
    lambda api: api.patch("Pod", "../../elsewhere/pods/mysql-0", {}),
    lambda api: api.patch("Pod", "%2e%2e/x", {}),
    lambda api: api.delete("Pod", "../../elsewhere"),
    lambda api: api.in_namespace("elsewhere").execute("mysql-0", "mysql", ["true"], timeout_s=1),
    lambda api: api.in_namespace("elsewhere").port_forward("mysql-0", 3306),
]


@pytest.mark.parametrize("call", INSIDE)
def test_what_lies_in_the_stacks_namespace_is_sent(server: FakeServer, call: Callable[[Api], object]) -> None:
    call(server.api().fenced())
    assert len(server.asked) == 1


@pytest.mark.parametrize("call", OUTSIDE)
def test_what_lies_outside_is_refused_and_never_sent(server: FakeServer, call: Callable[[Api], object]) -> None:
    with pytest.raises(Fenced, match="outside of the stack's namespace wordpress"):
        call(server.api().fenced())
    assert server.asked == []


def test_without_a_fence_all_is_sent(server: FakeServer) -> None:
    for call in OUTSIDE[:7]:
        call(server.api())
    assert len(server.asked) == 7


def test_nodes_are_changed_only_where_that_was_allowed(server: FakeServer) -> None:
    cordon = {"spec": {"unschedulable": True}}
    with pytest.raises(Fenced) as caught:
        server.api().fenced().patch("Node", "node-1", cordon)
    assert "--allow-nodes" in str(caught.value.hint)
    opened = server.api().fenced(allow_nodes=True)
    opened.patch("Node", "node-1", cordon)
    opened.evict("mysql-0", "uid")
    elsewhere = opened.in_namespace("elsewhere")
    for call in (
        lambda: opened.delete("Node", "node-1"),
        lambda: elsewhere.delete("Pod", "x"),
        lambda: elsewhere.evict("x", "uid"),
    ):
        asked = len(server.asked)
        with pytest.raises(Fenced):
            call()
        assert len(server.asked) == asked


def test_what_one_may_do_can_be_asked() -> None:
    Fence("wordpress").require("POST", REVIEW)
    for path in (f"{REVIEW}/x", REVIEW.replace("self", ""), "api/v1/namespaces", "api/v1/namespaces/wordpress/"):
        with pytest.raises(Fenced):
            Fence("wordpress").require("POST", path)
