"""Where the parts of a running cluster lie on the host, and which addresses it gives out.

The anchor `/run/hachaos/NAME` is the same for every user and every HOME, so that `down` finds the cluster whoever
started it. What needs room lies in the state folder, under the cache, because image layers are shared from there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from chaos import paths
from chaos.errors import UsageError

RUN = Path("/run/hachaos")
DEFAULT_NAME = "hachaos"
MAX_NODES = 5

SUBNET = IPv4Network("172.30.0.0/24")
"""The network of the machines: control plane, nodes, switch and load-balancer addresses."""
PODS = IPv4Network("10.244.0.0/16")
SERVICES = IPv4Network("10.96.0.0/16")
API_SERVICE = IPv4Address("10.96.0.1")
DNS_SERVICE = IPv4Address("10.96.0.10")
SWITCH_ADDRESS = IPv4Address("172.30.0.254")
CONTROL_PLANE_ADDRESS = IPv4Address("172.30.0.1")
LOAD_BALANCER_ADDRESSES = tuple(IPv4Address("172.30.0.200") + offset for offset in range(50))
API_SERVER = f"https://{CONTROL_PLANE_ADDRESS}:6443"

SWITCH = "switch"
CONTROL_PLANE = "control-plane"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


def check_name(name: str) -> str:
    """The name, if it can name a cluster. Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a cluster",
            hint="Use at most 20 lower-case letters, digits and dashes, with no dash at either end.",
        )
    return name


def check_nodes(nodes: int) -> int:
    """The number, if a cluster can have so many nodes. Raises UsageError."""
    if not 1 <= nodes <= MAX_NODES:
        raise UsageError(f"a cluster cannot have {nodes} nodes", hint=f"--nodes takes a number from 1 to {MAX_NODES}")
    return nodes


@dataclass(frozen=True)
class NodePlan:
    """A node's name and addresses. `index` counts from 1."""

    index: int

    @property
    def name(self) -> str:
        return f"node-{self.index}"

    @property
    def address(self) -> IPv4Address:
        return SUBNET.network_address + 10 + self.index

    @property
    def pods(self) -> IPv4Network:
        """The addresses of its pods."""
        return IPv4Network((int(PODS.network_address) + (self.index << 8), 24))


def plan(nodes: int) -> tuple[NodePlan, ...]:
    """The nodes of a cluster of that size. Raises UsageError."""
    return tuple(NodePlan(index) for index in range(1, check_nodes(nodes) + 1))


@dataclass(frozen=True)
class Places:
    """The host's paths of one cluster: `run` is small and host-wide, `state` holds what needs room."""

    name: str
    state: Path

    @classmethod
    def of(cls, name: str) -> Places:
        """Where a new cluster of that name would lie for this user."""
        return cls(check_name(name), paths.cache_root() / "clusters" / name)

    @property
    def run(self) -> Path:
        return RUN / self.name

    @property
    def anchor(self) -> Path:
        return self.run / "cluster.json"

    @property
    def lock(self) -> Path:
        """Held by the command that changes the cluster. Not in `run`, which goes with the cluster."""
        return RUN.with_name(f"hachaos-{self.name}.lock")

    @property
    def group(self) -> str:
        """The path of its cgroup within each hierarchy."""
        return f"hachaos/{self.name}"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def volumes(self) -> Path:
        """The "network disks": every machine sees this folder."""
        return self.state / "volumes"

    @property
    def heartbeat(self) -> Path:
        return self.run / "load-balancer.json"

    def netns(self, machine: str) -> Path:
        """The file that a machine's network namespace is bound to."""
        return self.run / "net" / machine

    def stage(self, machine: str) -> Path:
        """An empty folder that a machine's own /run is put together on."""
        return self.run / "stage" / machine

    def pid(self, machine: str, unit: str) -> Path:
        """The file with the process id of one of a machine's daemons."""
        return self.run / "pids" / f"{machine}.{unit}"

    def machine(self, machine: str) -> Path:
        """A machine's folder on disk; it sees it as /run/hachaos/machine."""
        return self.state / "machines" / machine

    def log(self, machine: str, unit: str) -> Path:
        return self.machine(machine) / "log" / f"{unit}.log"


INSIDE = Path("/run/hachaos")
"""What a machine sees of the cluster: `kube` (the binary), `machine` (its folder), `volumes`."""
