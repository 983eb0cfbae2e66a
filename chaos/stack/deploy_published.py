"""The published stack's deployment: in the tutorial's own order, then installed as a visitor would."""

from __future__ import annotations

import time
from contextlib import closing

from chaos.cluster.api import Object
from chaos.errors import StackError
from chaos.progress import Task
from chaos.stack import credentials, install, install_published
from chaos.stack.clients import NotYet, WordPress, connect, run
from chaos.stack.credentials import Credentials
from chaos.stack.profile import fill_in
from chaos.stack.rollout import Rollout, is_controller
from chaos.stack.stack import Stack, pods, service_address

_SITE_PODS = 3
"""What the tutorial says to scale the site to."""
_SERVING_TIMEOUT_S = 120.0
_LOOK_EVERY_S = 0.5


def deploy(rollout: Rollout, objects: list[Object], version: str) -> None:
    """Apply the objects in their order, and wait for each part before the next is applied; scale up; install.

    Says to the user what this order does to the stack. Raises StackError or ClusterError when a part does not come up.
    """
    api, profile = rollout.api, rollout.profile
    with rollout.progress.task("stack: namespace and secrets") as task:
        rollout.own_namespace(task)
        rollout.remove_volumes(task)
        secrets = credentials.ensure_published(api)
    roles = {role: profile.controller(role) for role in ("database", "files", "site")}
    for item in objects:
        if rollout.is_given(item):
            continue
        if item["kind"] == "PersistentVolume":
            address = service_address(api, roles["files"].service).rpartition(":")[0]
            fill_in([item], {("PersistentVolume", item["metadata"]["name"]): (("spec", "nfs", "server"), address)})
        fill_in([item], {})
        rollout.apply(item)
        for role, controller in roles.items():
            if is_controller(item, controller):
                rollout.await_part(role)
                if role == "database":
                    _make_ledger(rollout, secrets)
    with rollout.progress.task("stack: WordPress copies itself to the shared files") as task:
        _await_serving(rollout, task)
    site = roles["site"]
    api.patch(site.kind, site.name, {"spec": {"replicas": _SITE_PODS}}, subresource="scale")
    rollout.await_part("site")
    with rollout.progress.task("stack: install WordPress and its seed content as a visitor") as task:
        _await_serving(rollout, task)
        address = service_address(api, site.service)
        seed, notes = install_published.install(api, secrets, address, profile.binding.site.host, task)
        stack = Stack(profile.binding, api, secrets, seed)
        notes += install_published.look(stack)
        install_published.keep(api, seed, notes)
    for note in notes:
        rollout.progress.say(f"so the tutorial's order does it: {note}")
    rollout.complete(version)


def _make_ledger(rollout: Rollout, secrets: Credentials) -> None:
    binding = rollout.profile.binding
    (first,) = pods(rollout.api, binding, "database/primary")
    address = f"{first.ip}:{binding.database.port}"
    with closing(connect(address, secrets.ledger_user, secrets.ledger_password, "mysql")) as primary:
        run(primary, f"CREATE DATABASE IF NOT EXISTS {secrets.ledger_database}")
    install.make_ledger(address, secrets)


def _await_serving(rollout: Rollout, task: Task) -> None:
    """Wait until every site pod answers; ready they are at once, as they have no probe."""
    binding = rollout.profile.binding
    deadline = time.monotonic() + _SERVING_TIMEOUT_S
    waiting = {pod.name: f"{pod.ip}:{binding.site.port}" for pod in pods(rollout.api, binding, "site")}
    while waiting:
        for name, address in list(waiting.items()):
            try:
                WordPress(address, binding.site.host, timeout_s=10.0).request("GET", "/wp-admin/install.php")
                del waiting[name]
            except NotYet as error:
                task.update(f"{name}: {error}")
                if time.monotonic() >= deadline:
                    raise StackError(f"{name} does not answer after {_SERVING_TIMEOUT_S:g} s: {error}") from error
        if waiting:
            time.sleep(_LOOK_EVERY_S)
