"""The cluster that a run touches."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.cluster.api import Api, connect
from chaos.cluster.local import cluster
from chaos.progress import progress


@dataclass(frozen=True)
class Target:
    """A cluster, its API, and what runs it. `local` is the embedded cluster, whose network this process has joined."""

    name: str
    local: bool
    nodes: int
    api: Api
    versions: dict[str, str]


def local(name: str, nodes: int | None, *, quiet: bool) -> Target:
    """The embedded cluster of that name, started if need be.

    Moves the calling process into the cluster's network, so it must be called before any thread is started.
    `nodes` None takes a running cluster as it is, and makes a new one with three.
    """
    running = cluster.find(name)
    wanted = nodes or (len(running.nodes) if running else 3)
    with progress(quiet=quiet) as shown:
        found = cluster.up(name=name, nodes=wanted, progress=shown)
    cluster.join(found)
    return Target(
        name=f"local/{name}",
        local=True,
        nodes=len(found.nodes),
        api=connect(found.kubeconfig),
        versions=dict(found.versions),
    )
