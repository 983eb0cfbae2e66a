"""The load balancer: gives each Service of that type an address and has one Ready node answer for it.

An address of the machines' subnet is put on the loopback of a node: the node then answers ARP for it, and kube-proxy
there serves it. When the node is lost the address moves to another: what a load balancer in layer-2 mode does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Protocol

from chaos.cluster.local.layout import LOAD_BALANCER_ADDRESSES
from chaos.cluster.local.rest import Rest

Object = dict[str, Any]


class Links(Protocol):
    """What the load balancer does to the network."""

    def held(self, node: str) -> set[IPv4Address]:
        """The load-balancer addresses that are on the node."""

    def put(self, node: str, address: IPv4Address) -> None:
        """Put the address on the node and make every neighbour ask anew where it is."""

    def take(self, node: str, address: IPv4Address) -> None:
        """Take the address from the node."""


@dataclass(frozen=True)
class Placement:
    """Which node holds an address."""

    address: IPv4Address
    node: str


def assign(services: Sequence[Object]) -> dict[str, IPv4Address]:
    """The address of each Service of type LoadBalancer, by `namespace/name`: the one that it has, else a free one.

    `spec.loadBalancerIP` is honoured when it is free. Services beyond the range's size get none.
    """
    wanting = sorted(
        (service for service in services if service["spec"].get("type") == "LoadBalancer"),
        key=lambda service: (service["metadata"].get("creationTimestamp") or "", key(service)),
    )
    given: dict[str, IPv4Address] = {}
    for service in wanting:
        has = current_address(service)
        if has is not None and has in LOAD_BALANCER_ADDRESSES and has not in given.values():
            given[key(service)] = has
    for service in wanting:
        if key(service) in given:
            continue
        free = [address for address in LOAD_BALANCER_ADDRESSES if address not in given.values()]
        asked = service["spec"].get("loadBalancerIP")
        chosen = next((address for address in free if str(address) == asked), free[0] if free else None)
        if chosen is not None:
            given[key(service)] = chosen
    return given


def place(
    addresses: Iterable[IPv4Address], held: Mapping[str, set[IPv4Address]], ready: Sequence[str]
) -> list[Placement]:
    """Which node is to hold each address: the Ready one that does, else the Ready one with the fewest."""
    placed: list[Placement] = []
    load = dict.fromkeys(ready, 0)
    homeless = []
    for address in sorted(addresses):
        home = next((node for node in ready if address in held.get(node, ())), None)
        if home is None:
            homeless.append(address)
        else:
            placed.append(Placement(address, home))
            load[home] += 1
    for address in homeless:
        if load:
            home = min(load, key=lambda node: (load[node], node))
            placed.append(Placement(address, home))
            load[home] += 1
    return placed


def reconcile(rest: Rest, links: Links, nodes: Sequence[str]) -> list[Placement]:
    """Look once, and put right what differs. Raises ClusterError."""
    services = rest.get("/api/v1/services?resourceVersion=0")["items"]
    given = assign(services)
    held = {node: links.held(node) for node in nodes}
    if not given and not any(held.values()):
        return []
    ready = ready_nodes(rest.get("/api/v1/nodes?resourceVersion=0")["items"])
    placed = place(given.values(), held, [node for node in nodes if node in ready])
    homes = {placement.address: placement.node for placement in placed}
    for node, addresses in held.items():
        for address in addresses:
            # An address whose nodes are all away stays where it is: it has no better place.
            if homes.get(address, node if address in given.values() else None) != node:
                links.take(node, address)
    for placement in placed:
        if placement.address not in held[placement.node]:
            links.put(placement.node, placement.address)
    for service in services:
        own = given.get(key(service))
        if own is not None and current_address(service) != own:
            name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
            body = {"status": {"loadBalancer": {"ingress": [{"ip": str(own), "ipMode": "VIP"}]}}}
            rest.merge(f"/api/v1/namespaces/{namespace}/services/{name}/status", body)
    return placed


def key(service: Object) -> str:
    """`namespace/name`."""
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"


def current_address(service: Object) -> IPv4Address | None:
    """The address that the Service's status names."""
    for ingress in service.get("status", {}).get("loadBalancer", {}).get("ingress") or ():
        if "ip" in ingress:
            return IPv4Address(ingress["ip"])
    return None


def ready_nodes(nodes: Sequence[Object]) -> set[str]:
    """The names of the nodes whose Ready condition is true."""
    return {
        node["metadata"]["name"]
        for node in nodes
        for condition in node.get("status", {}).get("conditions") or ()
        if condition["type"] == "Ready" and condition["status"] == "True"
    }
