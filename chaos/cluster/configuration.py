"""Where an API server is, and what says to it who asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import yaml
from kubernetes import config
from kubernetes.client import Configuration

from chaos.errors import ClusterError

_OF_A_HALF = (OSError, ValueError, LookupError, TypeError, AttributeError)
"""What the client raises besides its own error for a file that is being written just then."""


def of_kubeconfig(path: Path, context: str | None) -> Configuration:
    """What a kubeconfig says, and the token file or helper program that it names. Raises ClusterError."""
    load = partial(config.load_kube_config, config_file=str(path), context=context)
    return _loaded(load, str(path), hint="is it a kubeconfig, and is the context in it?")


def of_pod() -> Configuration:
    """What the pod has in which this process runs. Raises ClusterError outside of one."""
    hint = "--context NAME is for a cluster from outside of it"
    return _loaded(config.load_incluster_config, "this is no pod with a service account", hint=hint)


def within(timeout_s: float, load: Callable[[], Configuration]) -> Configuration:
    """What `load` gives, which is waited for no longer than that: the client waits for a helper program for ever.

    Raises ClusterError when the time is over, and what `load` raises.
    """
    loaded: Future[Configuration] = Future()

    def work() -> None:
        try:
            loaded.set_result(load())
        except BaseException as error:  # noqa: BLE001
            loaded.set_exception(error)

    # Not one of a pool, which would be waited for when the process ends.
    threading.Thread(target=work, daemon=True, name="credentials").start()
    try:
        return loaded.result(timeout_s)
    except TimeoutError as error:
        raise ClusterError(
            f"the credentials could not be read within {timeout_s:g} s",
            hint="does the helper program that the kubeconfig names answer?",
        ) from error


def _loaded(load: Callable[..., None], problem: str, *, hint: str) -> Configuration:
    found = Configuration()
    found.connection_pool_maxsize = 32
    try:
        load(client_configuration=found)
    except (config.ConfigException, yaml.YAMLError, *_OF_A_HALF) as error:
        raise ClusterError(f"{problem}: {error}", hint=hint) from error
    # It would call a helper program again in the middle of any request, from each thread that makes one.
    found.refresh_api_key_hook = None
    return found
