from __future__ import annotations

from collections import defaultdict
from ipaddress import IPv4Address
from typing import Any

import pytest

from chaos.cluster.local.layout import LOAD_BALANCER_ADDRESSES
from chaos.cluster.local.load_balancer import Placement, assign, place, ready_nodes, reconcile

FIRST, SECOND, THIRD = LOAD_BALANCER_ADDRESSES[:3]


def service(name: str, *, kind: str = "LoadBalancer", ip: IPv4Address | None = None, **spec: Any) -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [{"ip": str(ip)}]} if ip else {}}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"type": kind, **spec}, "status": status}


def node(name: str, ready: str = "True") -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def test_only_services_of_the_type_get_an_address_each_its_own() -> None:
    given = assign([service("a"), service("b"), service("c", kind="ClusterIP")])
    assert given == {"default/a": FIRST, "default/b": SECOND}


def test_an_address_that_was_given_stays() -> None:
    assert assign([service("a"), service("b", ip=FIRST)]) == {"default/a": SECOND, "default/b": FIRST}


def test_an_address_that_two_services_claim_is_given_once() -> None:
    assert len(set(assign([service("a", ip=FIRST), service("b", ip=FIRST)]).values())) == 2


def test_an_address_that_is_asked_for_is_given_if_it_is_free() -> None:
    given = assign([service("a", loadBalancerIP=str(THIRD)), service("b", loadBalancerIP=str(THIRD))])
    assert given == {"default/a": THIRD, "default/b": FIRST}


def test_services_beyond_the_range_get_none() -> None:
    many = [service(f"s{number:03}") for number in range(len(LOAD_BALANCER_ADDRESSES) + 1)]
    assert len(assign(many)) == len(LOAD_BALANCER_ADDRESSES)


def test_an_address_stays_on_its_node_while_that_is_ready() -> None:
    assert place([FIRST], {"node-2": {FIRST}}, ["node-1", "node-2"]) == [Placement(FIRST, "node-2")]


def test_an_address_leaves_a_node_that_is_not_ready() -> None:
    assert place([FIRST], {"node-2": {FIRST}}, ["node-1"]) == [Placement(FIRST, "node-1")]


def test_addresses_are_spread() -> None:
    placed = place([FIRST, SECOND, THIRD], {"node-1": {FIRST}}, ["node-1", "node-2"])
    assert sorted(placement.node for placement in placed) == ["node-1", "node-1", "node-2"]


def test_without_a_ready_node_nothing_is_placed() -> None:
    assert place([FIRST], {"node-1": {FIRST}}, []) == []


def test_a_node_is_ready_only_if_its_condition_is_true() -> None:
    assert ready_nodes([node("a"), node("b", "Unknown"), {"metadata": {"name": "c"}}]) == {"a"}


class Api:
    """Services and nodes in memory, behind the calls that the load balancer makes."""

    def __init__(self, services: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> None:
        self.services, self.nodes = services, nodes
        self.patched: dict[str, dict[str, Any]] = {}

    def get(self, path: str) -> dict[str, Any]:
        return {"items": self.nodes if "/nodes" in path else self.services}

    def merge(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.patched[path] = body
        return body


class Links:
    def __init__(self) -> None:
        self.on: dict[str, set[IPv4Address]] = defaultdict(set)

    def held(self, node: str) -> set[IPv4Address]:
        return set(self.on[node])

    def put(self, node: str, address: IPv4Address) -> None:
        self.on[node].add(address)

    def take(self, node: str, address: IPv4Address) -> None:
        self.on[node].remove(address)


@pytest.fixture
def links() -> Links:
    return Links()


def turn(api: Api, links: Links) -> list[Placement]:
    return reconcile(api, links, ["node-1", "node-2"])  # type: ignore[arg-type]


def test_a_new_service_gets_an_address_on_a_node_and_in_its_status(links: Links) -> None:
    api = Api([service("web")], [node("node-1"), node("node-2")])
    assert turn(api, links) == [Placement(FIRST, "node-1")]
    assert links.on["node-1"] == {FIRST}
    body = api.patched["/api/v1/namespaces/default/services/web/status"]
    assert body["status"]["loadBalancer"]["ingress"][0]["ip"] == str(FIRST)


def test_a_lost_node_gives_its_address_to_another(links: Links) -> None:
    links.on["node-1"] = {FIRST}
    turn(Api([service("web", ip=FIRST)], [node("node-1", "Unknown"), node("node-2")]), links)
    assert links.on == {"node-1": set(), "node-2": {FIRST}}


def test_an_address_stays_where_it_is_while_no_node_is_ready(links: Links) -> None:
    links.on["node-1"] = {FIRST}
    turn(Api([service("web", ip=FIRST)], [node("node-1", "Unknown"), node("node-2", "Unknown")]), links)
    assert links.on["node-1"] == {FIRST}


def test_the_address_of_a_removed_service_is_taken_away(links: Links) -> None:
    links.on["node-2"] = {FIRST}
    api = Api([], [node("node-1"), node("node-2")])
    assert turn(api, links) == []
    assert links.on["node-2"] == set()
    assert api.patched == {}


def test_a_service_that_has_its_address_is_not_written_again(links: Links) -> None:
    links.on["node-1"] = {FIRST}
    api = Api([service("web", ip=FIRST)], [node("node-1"), node("node-2")])
    turn(api, links)
    assert api.patched == {}
