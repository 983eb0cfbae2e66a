"""The cluster's network: a switch and one namespace for each machine, none of it in the host's own namespace.

    switch (bridge br0, 172.30.0.254) -- control-plane (172.30.0.1), node-1 (172.30.0.11), node-2 ...

A process that joins the switch's namespace reaches machines, pods, Services and load-balancer addresses. Services are
routed through the control plane's machine, which runs a kube-proxy of its own: so they are still there for a client
outside when a node is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from chaos.cluster.local.cgroup import Groups
from chaos.cluster.local.layout import (
    CONTROL_PLANE,
    CONTROL_PLANE_ADDRESS,
    SERVICES,
    SUBNET,
    SWITCH,
    SWITCH_ADDRESS,
    NodePlan,
    Places,
)
from chaos.cluster.local.namespaces import unmount

_MACHINE_LINK = "eth0"
_BRIDGE = "br0"


def build(places: Places, nodes: tuple[NodePlan, ...], groups: Groups, group: str) -> None:
    """Make the namespaces, links, addresses and routes, with commands that run in the cgroup `group`.

    Raises ClusterError with what `ip` said.
    """
    machines = [CONTROL_PLANE, *(node.name for node in nodes)]
    places.netns(SWITCH).parent.mkdir(parents=True, exist_ok=True)

    def make(machine: str) -> None:
        places.netns(machine).touch()
        groups.run(group, ["unshare", f"--net={places.netns(machine)}", "true"])

    def configure(machine: str, commands: Iterable[str]) -> None:
        netns = places.netns(machine)
        groups.run(group, ["nsenter", f"--net={netns}", "ip", "-batch", "-"], text="\n".join(commands) + "\n")

    with ThreadPoolExecutor(len(machines) + 1) as pool:
        list(pool.map(make, [SWITCH, *machines]))
        configure(SWITCH, switch_commands(nodes, {machine: places.netns(machine) for machine in machines}))
        work = {CONTROL_PLANE: control_plane_commands(nodes)}
        work.update({node.name: node_commands(node, nodes) for node in nodes})
        list(pool.map(configure, work.keys(), work.values()))


def switch_commands(nodes: tuple[NodePlan, ...], netns: dict[str, Path]) -> list[str]:
    """What `ip -batch` is told in the switch.

    Each cable is made here with its far end in the machine, so that it is never in the host's namespace.
    """
    commands = [
        "link set lo up",
        f"link add {_BRIDGE} type bridge",
        f"address add {SWITCH_ADDRESS}/{SUBNET.prefixlen} dev {_BRIDGE}",
        f"link set {_BRIDGE} up",
    ]
    for machine, file in netns.items():
        commands += [
            f"link add {machine} type veth peer name {_MACHINE_LINK} netns {file}",
            f"link set {machine} master {_BRIDGE} up",
        ]
    return [*commands, *_pod_routes(nodes), f"route add {SERVICES} via {CONTROL_PLANE_ADDRESS}"]


def control_plane_commands(nodes: tuple[NodePlan, ...]) -> list[str]:
    """What `ip -batch` is told on the control plane's machine."""
    return [*_link_up(str(CONTROL_PLANE_ADDRESS)), *_pod_routes(nodes), _service_route()]


def node_commands(node: NodePlan, nodes: tuple[NodePlan, ...]) -> list[str]:
    """What `ip -batch` is told on a node."""
    others = tuple(other for other in nodes if other != node)
    return [*_link_up(str(node.address)), *_pod_routes(others), _service_route()]


def _link_up(address: str) -> list[str]:
    return [
        "link set lo up",
        f"address add {address}/{SUBNET.prefixlen} dev {_MACHINE_LINK}",
        f"link set {_MACHINE_LINK} up",
    ]


def _pod_routes(nodes: Iterable[NodePlan]) -> list[str]:
    return [f"route add {node.pods} via {node.address}" for node in nodes]


def _service_route() -> str:
    # kube-proxy rewrites the destination before anything leaves; without a route the packet would not be made at all.
    # There is no default route on purpose: what is outside the cluster is refused at once, it does not time out.
    return f"route add {SERVICES} dev {_MACHINE_LINK}"


def destroy(run: Path) -> None:
    """Let go of every network namespace that is bound below `run`."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount = line.split()[4]
        if mount.startswith(f"{run}/"):
            unmount(mount)
    for file in (run / "net").glob("*"):
        with suppress(OSError):
            file.unlink()
