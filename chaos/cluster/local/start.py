"""Starts a cluster's machines and daemons. What does not wait for something else runs beside it."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import chaos
from chaos.cluster.local import addons, cgroup, health, host, images, namespaces, network
from chaos.cluster.local.artifacts import Artifacts
from chaos.cluster.local.control_plane import ControlPlane
from chaos.cluster.local.layout import CONTROL_PLANE, DNS_SERVICE, SWITCH, NodePlan, Places
from chaos.cluster.local.machine import KEEPER, Machine
from chaos.cluster.local.node import Node
from chaos.cluster.local.pki import Authority
from chaos.cluster.local.rest import Rest
from chaos.errors import ClusterError
from chaos.progress import Task

_API_READY_S = 90.0
_NODES_READY_S = 120.0
_DNS_READY_S = 60.0
_DNS_PORT = 53
_CONNECT_S = 1.0
_POLL_S = 0.05


def start(places: Places, nodes: tuple[NodePlan, ...], made: Artifacts, task: Task) -> None:
    """Start everything and wait until every node is Ready and DNS answers. Raises HostError and ClusterError."""
    _Start(places, nodes, made, task).run()


def start_keeper(machine: Machine, nodes: int) -> None:
    """Start the load balancer's loop on the control plane's machine. Raises ClusterError."""
    places = machine.places
    command = [sys.executable, "-m", "chaos.cluster.local.keeper", places.name, str(places.state), str(nodes)]
    machine.spawn_outside(KEEPER, command, {"PYTHONPATH": str(Path(chaos.__file__).parent.parent)})


class _Start:
    def __init__(self, places: Places, nodes: tuple[NodePlan, ...], made: Artifacts, task: Task) -> None:
        self._places, self._plan, self._made, self._task = places, nodes, made, task
        self._groups = cgroup.Groups(cgroup.mounted(), places.group)
        self._control = ControlPlane(Machine(places, self._groups, CONTROL_PLANE))
        pause, restrict = images.reference("pause"), not host.can_lower_oom_score()
        self._nodes = [Node(node, Machine(places, self._groups, node.name), pause, restrict) for node in nodes]
        self._given_up = Event()

    def run(self) -> None:
        self._places.volumes.mkdir(parents=True, exist_ok=True)
        maker = f"{self._places.group}/up"
        for group in (maker, *(f"{machine.group}/system" for machine in self._machines())):
            self._groups.create(group)
        authority = Authority(f"hachaos-{self._places.name}")
        with ThreadPoolExecutor(len(self._nodes) + 2) as pool:
            wired = pool.submit(network.build, self._places, self._plan, self._groups, maker)
            serving: Future[None] = Future()
            work: list[Future[None]] = [wired, pool.submit(self._control_plane, authority, wired, serving)]
            work += [pool.submit(self._node, node, authority, wired, serving) for node in self._nodes]
            try:
                _finish(work)
            finally:
                self._given_up.set()
                serving.cancel()

    def _machines(self) -> list[Machine]:
        return [self._control.machine, *(node.machine for node in self._nodes)]

    def _control_plane(self, authority: Authority, wired: Future[None], serving: Future[None]) -> None:
        control = self._control
        control.prepare(authority)
        wired.result()
        control.machine.start(self._made.kube)
        control.start_etcd()
        control.start_api_server()
        self._task.update("API server")
        namespaces.inside(self._places.netns(SWITCH), lambda: self._set_up(serving))

    def _set_up(self, serving: Future[None]) -> None:
        control = self._control
        with Rest(control.machine.folder / "etc", "admin") as rest:
            self._await(rest.is_ready, _API_READY_S, "the API server is not ready")
            serving.set_result(None)
            control.start_controllers()
            control.start_scheduler()
            addons.apply(rest, len(self._nodes), images.reference("coredns"))
            control.start_proxy()
            start_keeper(control.machine, len(self._nodes))
            self._task.update("nodes")
            self._await(lambda: not health.not_ready(rest, self._plan), _NODES_READY_S, "a node is not Ready")
            # The Service of the DNS answers only when its pods, their network and kube-proxy work.
            self._task.update("DNS")
            self._await(_dns_answers, _DNS_READY_S, "DNS does not answer")

    def _node(self, node: Node, authority: Authority, wired: Future[None], serving: Future[None]) -> None:
        node.prepare(authority, self._made.template)
        wired.result()
        node.machine.start(self._made.kube, template=self._made.template, mount_nfs=self._made.mount_nfs)
        node.start_containerd()
        # A kubelet that finds no API server waits longer each time before it asks again.
        serving.result()
        node.start_kubelet()
        node.start_proxy()

    def _await(self, condition: Callable[[], bool], timeout_s: float, trouble: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if ended := health.ended(self._machines()):
                machine, unit = ended
                raise ClusterError(
                    f"{unit} of {machine.name} ended: {machine.last_words(unit)}",
                    hint=f"Its log is {self._places.log(machine.name, unit)}.",
                )
            if self._given_up.is_set() or time.monotonic() > deadline:
                raise ClusterError(
                    f"{trouble} after {timeout_s:.0f} s", hint=f"Logs: {self._places.state}/machines/*/log/*.log"
                )
            time.sleep(_POLL_S)


def _dns_answers() -> bool:
    try:
        socket.create_connection((str(DNS_SERVICE), _DNS_PORT), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True


def _finish(work: list[Future[None]]) -> None:
    """Wait for all; at the first that fails raise what it failed of."""
    done, _ = wait(work, return_when=FIRST_EXCEPTION)
    for future in work:
        if future in done and future.exception() is not None:
            future.result()
    for future in work:
        future.result()
