"""How a cluster fares: its daemons, its API server, its nodes, its load balancer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.cluster.local import cgroup, namespaces
from chaos.cluster.local.layout import CONTROL_PLANE, SWITCH, NodePlan, Places, plan
from chaos.cluster.local.load_balancer import ready_nodes
from chaos.cluster.local.machine import KEEPER, Machine
from chaos.cluster.local.rest import Rest
from chaos.cluster.local.state import Anchor
from chaos.errors import ClusterError

_POLL_S = 0.2


@dataclass(frozen=True)
class Unit:
    """A daemon of a machine: `pid` None when it was never started, `running` whether it lives."""

    machine: str
    name: str
    pid: int | None
    running: bool


def machines(places: Places, nodes: int) -> list[Machine]:
    """The machines of a cluster, the control plane's first."""
    groups = cgroup.Groups(cgroup.mounted(), places.group)
    return [Machine(places, groups, name) for name in (CONTROL_PLANE, *(node.name for node in plan(nodes)))]


def units(machines: Iterable[Machine]) -> list[Unit]:
    """Every daemon that was started."""
    return [
        Unit(machine.name, unit, machine.pid(unit), not machine.ended(unit))
        for machine in machines
        for unit in machine.units()
    ]


def ended(machines: Iterable[Machine], *, but: str = "") -> tuple[Machine, str] | None:
    """The first daemon that was started and is gone. Those named `but` are passed over."""
    for machine in machines:
        for unit in machine.units():
            if unit != but and machine.ended(unit):
                return machine, unit
    return None


def not_ready(rest: Rest, nodes: Sequence[NodePlan]) -> list[str]:
    """The nodes that are not Ready or have not registered."""
    try:
        ready = ready_nodes(rest.get("/api/v1/nodes?resourceVersion=0")["items"])
    except ClusterError:
        ready = set()
    return [node.name for node in nodes if node.name not in ready]


def look(anchor: Anchor) -> str | None:
    """What is wrong with a cluster that was started; None when it is sound. The load balancer is not looked at."""
    places = anchor.places
    if not places.netns(SWITCH).exists():
        return "its network is gone"
    if found := ended(machines(places, anchor.nodes), but=KEEPER):
        return f"{found[1]} of {found[0].name} has ended"

    def ask() -> str | None:
        with Rest(places.machine(CONTROL_PLANE) / "etc", "admin") as rest:
            if not rest.is_ready():
                return "the API server is not ready"
            lacking = not_ready(rest, plan(anchor.nodes))
            return f"not Ready: {', '.join(lacking)}" if lacking else None

    try:
        return namespaces.inside(places.netns(SWITCH), ask)
    except OSError as error:
        return f"its network cannot be entered: {error.strerror}"


def wait(anchor: Anchor, *, timeout_s: float) -> str | None:
    """Like `look`, but gives a cluster that is not sound so long to come back. A daemon that ended stays ended."""
    deadline = time.monotonic() + timeout_s
    while trouble := look(anchor):
        if time.monotonic() > deadline or "ended" in trouble or "gone" in trouble:
            return trouble
        time.sleep(_POLL_S)
    return None


def load_balancer(places: Places, stale_s: float) -> tuple[dict[str, str], str | None]:
    """The load-balancer addresses with the node that holds each, and what is wrong with the load balancer."""
    try:
        said = json.loads(places.heartbeat.read_text())
        age = time.time() - said["at"]
        trouble = f"no sign of life for {age:.0f} s" if age > stale_s else said["trouble"]
        return dict(said["addresses"]), trouble
    except (OSError, ValueError, KeyError, TypeError):
        return {}, "no sign of life yet"
