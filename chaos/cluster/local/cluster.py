"""The embedded cluster as the rest of hachaos sees it: `up`, `find`, `join`, `down`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.cluster.local import lock, namespaces, state
from chaos.cluster.local.layout import DEFAULT_NAME, SWITCH, Places, check_name, check_nodes, plan
from chaos.errors import UsageError
from chaos.progress import Progress

_RECOVER_S = 30.0


@dataclass(frozen=True)
class Node:
    """A node of a running cluster."""

    name: str
    address: str


@dataclass(frozen=True)
class Cluster:
    """A running cluster. `kubeconfig` is the administrator's; its server is reached from within `switch_netns`.

    `versions` has kubernetes, etcd, coredns and containerd.
    """

    name: str
    nodes: tuple[Node, ...]
    kubeconfig: Path
    switch_netns: Path
    versions: dict[str, str]


def find(name: str = DEFAULT_NAME) -> Cluster | None:
    """The cluster of that name, if its start was completed. It may have fallen ill since: `up` looks at that."""
    anchor = state.read(Places.of(name))
    return _cluster(anchor) if anchor is not None and anchor.phase == "up" else None


def trouble(name: str = DEFAULT_NAME) -> str:
    """What is wrong with a cluster that was started, after 30 s to come right; empty for one that is sound."""
    from chaos.cluster.local import health

    anchor = state.read(Places.of(name))
    if anchor is None or anchor.phase != "up":
        return "it is not there"
    return health.wait(anchor, timeout_s=_RECOVER_S) or ""


def join(cluster: Cluster) -> None:
    """Move this process into the cluster's network, from where machines, pods and Services are reached.

    Raises HostError if the process has started threads already.
    """
    namespaces.move_process(cluster.switch_netns)


def up(*, name: str = DEFAULT_NAME, nodes: int = 3, progress: Progress) -> Cluster:
    """The cluster of that name with so many Ready nodes: the one that is there if it is sound, else a new one.

    Raises UsageError when it runs with another number of nodes, HostError and ClusterError.
    """
    from chaos.cluster.local import health, teardown

    check_nodes(nodes)
    with _changing(name, "up", progress):
        anchor = state.read(Places.of(name))
        if anchor is not None and anchor.phase == "up":
            if anchor.nodes != nodes:
                raise UsageError(
                    f"cluster {name} has {anchor.nodes} nodes, not {nodes}",
                    hint=f"`hachaos cluster down --name {name}` takes it away.",
                )
            trouble = health.wait(anchor, timeout_s=_RECOVER_S)
            if trouble is None:
                _keep(anchor)
                return _cluster(anchor)
            progress.say(f"cluster {name} is broken ({trouble}): making it anew")
        if teardown.traces(name):
            with progress.task(f"remove what is left of cluster {name}"):
                teardown.remove(name)
        return _make(name, nodes, progress)


def down(name: str = DEFAULT_NAME, progress: Progress | None = None) -> bool:
    """Take the cluster away with every trace. False when there was none. Raises HostError and ClusterError."""
    from chaos.cluster.local import teardown
    from chaos.progress import NoProgress

    progress = progress or NoProgress()
    with _changing(name, "down", progress):
        if not teardown.traces(name):
            return False
        with progress.task(f"take cluster {name} down"):
            teardown.remove(name)
    return True


def _make(name: str, nodes: int, progress: Progress) -> Cluster:
    from chaos.cluster.local import artifacts, host, versions
    from chaos.cluster.local.start import start

    host.require(host.read(), nodes, artifacts.disk_needed())
    made = artifacts.ensure(progress)
    with progress.task(f"start cluster {name}") as task:
        anchor = state.Anchor(
            name=name,
            nodes=nodes,
            state=str(Places.of(name).state),
            kube=str(made.kube),
            phase="starting",
            versions={
                "kubernetes": versions.KUBERNETES,
                "etcd": versions.ETCD,
                "coredns": versions.COREDNS,
                "containerd": host.containerd_version(),
            },
        )
        state.write(anchor)
        start(anchor.places, plan(nodes), made, task)
        anchor = replace(anchor, phase="up")
        state.write(anchor)
    return _cluster(anchor)


def _keep(anchor: state.Anchor) -> None:
    """Start the load balancer's loop anew if it has ended: all else of the cluster does without it."""
    from chaos.cluster.local import health
    from chaos.cluster.local.machine import KEEPER

    control = health.machines(anchor.places, anchor.nodes)[0]
    if control.ended(KEEPER):
        from chaos.cluster.local.start import start_keeper

        start_keeper(control, anchor.nodes)


def _changing(name: str, action: str, progress: Progress) -> AbstractContextManager[None]:
    from chaos.cluster.local.host import require_root

    check_name(name)
    require_root()
    return lock.hold(Places.of(name).lock, action, on_wait=lambda holder: progress.say(f"waiting for {holder}"))


def _cluster(anchor: state.Anchor) -> Cluster:
    return Cluster(
        name=anchor.name,
        nodes=tuple(Node(node.name, str(node.address)) for node in plan(anchor.nodes)),
        kubeconfig=anchor.places.kubeconfig,
        switch_netns=anchor.places.netns(SWITCH),
        versions=dict(anchor.versions),
    )
