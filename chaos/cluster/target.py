"""The cluster that a run touches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chaos.cluster.api import Api, ApiRefused, connect, connect_in_cluster
from chaos.cluster.elsewhere import Elsewhere
from chaos.cluster.local import cluster
from chaos.progress import progress

Reach = Literal["direct", "port-forward"]


@dataclass(frozen=True)
class Target:
    """A cluster, its API, and what runs it. `local` is the embedded cluster, whose network this process has joined.

    `nodes` is 0 where one may not look at them. `reach` is how its pods and Services are reached. `elsewhere` is what
    named one that is not local.
    """

    name: str
    local: bool
    nodes: int
    api: Api
    versions: dict[str, str]
    reach: Reach = "direct"
    elsewhere: Elsewhere | None = None


def of(elsewhere: Elsewhere | None, name: str, nodes: int | None, *, quiet: bool) -> Target:
    """The cluster that the command line named; without a word of another the embedded one of that name."""
    if elsewhere is None:
        return local(name, nodes, quiet=quiet)
    return remote(elsewhere.kubeconfig, elsewhere.context) if elsewhere.context else in_cluster()


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


def remote(kubeconfig: Path | str, context: str) -> Target:
    """The cluster of a kubeconfig's context, whose pods are reached by port-forward.

    Raises ClusterError when the file can't be used or the API server does not answer.
    """
    api = connect(Path(kubeconfig), context=context)
    return _found(Elsewhere(context, str(kubeconfig)), api, "port-forward")


def in_cluster() -> Target:
    """The cluster in one of whose pods this process runs, as the pod's service account; in its network already.

    Raises ClusterError outside of a pod, and when the API server does not answer.
    """
    return _found(Elsewhere(), connect_in_cluster(), "direct")


def _found(elsewhere: Elsewhere, api: Api, reach: Reach) -> Target:
    versions = {"kubernetes": str(api.version().get("gitVersion", "unknown")).removeprefix("v")}
    try:
        nodes = len(api.list("Node"))
    except ApiRefused as error:
        if error.status != 403:
            raise
        nodes = 0
    return Target(elsewhere.place, False, nodes, api, versions, reach, elsewhere)
