"""Which rights it takes to use a stack that is there, whatever is done to it."""

from __future__ import annotations

from collections.abc import Iterable

from chaos.cluster.rights import Rights, execute, may
from chaos.stack.binding import Binding

CONFIG_MAP = "hachaos"
"""What says, in a borrowed stack's namespace, that something of ours is in it."""


def rights(binding: Binding, secrets: Iterable[str]) -> Rights:
    """The rights to look at the stack's objects, to sign in, and to take away what was written into it."""
    found = [*may("get", "Namespace", binding.namespace, why="whether it is there, and not protected")]
    for part, controller in binding.controllers.items():
        found += may("get", controller.kind, controller.name, why=f"the state of the {part}")
        if controller.service:
            found += may("get", "Service", controller.service, why=f"where the {part} answers")
    for name in secrets:
        found += may("get", "Secret", name, why="to sign in to the site and the database")
    return (
        *found,
        *may("list", "Pod", why="which pods the stack has"),
        *execute("to look for uploads that were left, and to remove them"),
        *may("get create patch delete", "ConfigMap", CONFIG_MAP, why="the note of what is written into the stack"),
    )
