"""The arguments and options by which commands are told what to run, on which stack and on which cluster."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chaos.cli import completion
from chaos.cluster.elsewhere import Elsewhere
from chaos.cluster.elsewhere import elsewhere as named
from chaos.errors import ClusterError
from chaos.paths import CLUSTER

if TYPE_CHECKING:
    from chaos.cluster.api import Api
    from chaos.cluster.local.cluster import Cluster

scenarios_argument = click.argument(
    "scenario", nargs=-1, required=True, type=click.Path(path_type=Path), shell_complete=completion.scenarios
)
stack_option = click.option(
    "--stack",
    default="hardened",
    show_default=True,
    metavar="PROFILE|FILE",
    shell_complete=completion.stacks,
    help="The stack: a profile (a folder in manifests/) or the .yaml file that binds one which is there.",
)


def elsewhere_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --context, --kubeconfig and --in-cluster; what they name is its parameter `elsewhere`."""

    @click.option("--context", metavar="NAME", help="A cluster that is there: this context of the kubeconfig.")
    @click.option(
        "--kubeconfig", metavar="FILE", help="The kubeconfig that --context is in ($KUBECONFIG, else ~/.kube/config)."
    )
    @click.option("--in-cluster", is_flag=True, help="The cluster in whose pod this runs, as its service account.")
    @functools.wraps(command)
    def told(context: str | None, kubeconfig: str | None, *, in_cluster: bool, **others: Any) -> Any:
        found = named(context or "", kubeconfig or "", in_cluster=in_cluster)
        return command(elsewhere=found, **others)

    return told


def name_option(name: str) -> str:
    """What a command has to be given so that it means the embedded cluster of this name: nothing for the usual one."""
    return "" if name == CLUSTER else f" --name {name}"


def existing(name: str, made_by: str) -> Cluster:
    """The embedded cluster of this name. Raises ClusterError, which names the command that makes it, without one."""
    from chaos.cluster.local import cluster as local
    from chaos.cluster.local.host import require_root
    from chaos.cluster.local.layout import check_name

    check_name(name)
    require_root()
    found = local.find(name)
    if found is None:
        raise ClusterError(f"there is no cluster {name}", hint=f"hachaos {made_by}{name_option(name)}")
    return found


def api(name: str, elsewhere: Elsewhere | None) -> Api | None:
    """The API of the cluster that the command line named; None where that is an embedded one which is not there."""
    if elsewhere is not None:
        from chaos.cluster import target

        return target.of(elsewhere, name, None, quiet=True).api
    from chaos.cluster.api import connect
    from chaos.cluster.local import cluster as local
    from chaos.cluster.local.host import require_root

    require_root()
    found = local.find(name)
    if found is None:
        return None
    local.join(found)
    return connect(found.kubeconfig)


def require_api(name: str, elsewhere: Elsewhere | None) -> Api:
    """The same. Raises ClusterError where it is not there."""
    found = api(name, elsewhere)
    if found is None:
        raise ClusterError(f"there is no cluster {name}", hint=f"hachaos cluster up --name {name}")
    return found
