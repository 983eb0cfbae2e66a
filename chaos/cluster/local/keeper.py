"""The process that a cluster keeps for itself while it lives: the load balancer's loop, and the bound on its logs.

`up` starts it as `python -m chaos.cluster.local.keeper NAME STATE NODES` on the control plane's machine, so it ends
with the cluster. It says how it fares in the heartbeat file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from chaos.cluster.local import logs
from chaos.cluster.local.layout import (
    CONTROL_PLANE,
    LOAD_BALANCER_ADDRESSES,
    SWITCH,
    Places,
    plan,
)
from chaos.cluster.local.load_balancer import Placement, reconcile
from chaos.cluster.local.rest import Rest
from chaos.errors import ClusterError

PERIOD_S = 1.0
STALE_S = 15.0
_LOGS_EVERY = 30


@dataclass
class NodeLinks:
    """The loopbacks of the nodes, changed with `ip` in each node's network namespace."""

    places: Places
    nodes: tuple[str, ...]
    _held: dict[str, set[IPv4Address]] = field(default_factory=dict)

    def held(self, node: str) -> set[IPv4Address]:
        if node not in self._held:
            shown = json.loads(self._ip(node, "-json", "address", "show", "dev", "lo") or "[]")
            local = {
                IPv4Address(entry["local"])
                for link in shown
                for entry in link["addr_info"]
                if entry["family"] == "inet"
            }
            self._held[node] = local & set(LOAD_BALANCER_ADDRESSES)
        return set(self._held[node])

    def put(self, node: str, address: IPv4Address) -> None:
        self._ip(node, "address", "replace", f"{address}/32", "dev", "lo")
        self._held.setdefault(node, set()).add(address)
        for machine in (SWITCH, CONTROL_PLANE, *self.nodes):
            self._ip(machine, "neighbour", "flush", "to", str(address))

    def take(self, node: str, address: IPv4Address) -> None:
        self._held.pop(node, None)
        self._ip(node, "address", "delete", f"{address}/32", "dev", "lo")

    def _ip(self, machine: str, *arguments: str) -> str:
        command = ["nsenter", f"--net={self.places.netns(machine)}", "ip", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            self._held.pop(machine, None)
            raise ClusterError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout


def beat(path: Path, placed: list[Placement], trouble: str | None) -> None:
    """Say in the heartbeat file that the loop goes round, which node holds what, and what is wrong."""
    temporary = path.with_suffix(".new")
    temporary.write_text(
        json.dumps(
            {
                "at": time.time(),
                "addresses": {str(placement.address): placement.node for placement in placed},
                "trouble": trouble,
            }
        )
    )
    temporary.rename(path)


def run(places: Places, nodes: int) -> None:
    """Loop until killed."""
    names = tuple(node.name for node in plan(nodes))
    links = NodeLinks(places, names)
    placed: list[Placement] = []
    turn = 0
    with Rest(places.machine(CONTROL_PLANE) / "etc", "load-balancer") as rest:
        while True:
            trouble = None
            try:
                placed = reconcile(rest, links, names)
                if turn % _LOGS_EVERY == 0:
                    logs.trim(places.state / "machines")
            except (ClusterError, OSError) as error:
                trouble = str(error)
            # On a full disk it is the heartbeat's age that tells.
            with suppress(OSError):
                beat(places.heartbeat, placed, trouble)
            turn += 1
            time.sleep(PERIOD_S)


if __name__ == "__main__":
    run(Places(sys.argv[1], Path(sys.argv[2])), int(sys.argv[3]))
