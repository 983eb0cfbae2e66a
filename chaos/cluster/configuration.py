"""Where an API server is, and what says to it who asks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from kubernetes import config
from kubernetes.client import Configuration

from chaos.errors import ClusterError


def of_kubeconfig(path: Path, context: str | None) -> Configuration:
    """What a kubeconfig says, and the token file or helper program that it names. Raises ClusterError."""
    load = partial(config.load_kube_config, config_file=str(path), context=context)
    return _loaded(load, str(path), hint="is it a kubeconfig, and is the context in it?")


def of_pod() -> Configuration:
    """What the pod has in which this process runs. Raises ClusterError outside of one."""
    hint = "--context NAME is for a cluster from outside of it"
    return _loaded(config.load_incluster_config, "this is no pod with a service account", hint=hint)


def _loaded(load: Callable[..., None], problem: str, *, hint: str) -> Configuration:
    found = Configuration()
    found.connection_pool_maxsize = 32
    try:
        load(client_configuration=found)
    except (config.ConfigException, OSError) as error:
        raise ClusterError(f"{problem}: {error}", hint=hint) from error
    return found
