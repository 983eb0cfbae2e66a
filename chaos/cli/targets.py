"""The options by which a command is told which cluster to touch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from chaos.cluster.elsewhere import elsewhere as named


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
