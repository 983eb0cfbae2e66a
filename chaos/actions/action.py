"""What every action is: it aims, it is put in, its effect is looked for, and it is put back."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from chaos.cluster.rights import Rights
from chaos.errors import ClusterError
from chaos.stack.binding import Binding
from chaos.stack.stack import Stack

Params = dict[str, Any]
Undo = dict[str, Any]
"""JSON values from which `Action.put_back` restores the stack, in another process if need be.

`restores` names the thing that is restored as a whole, where it is one: of several undos of it only the first counts.
`kind` and `name` are of the object that is changed for longer than a moment, where there is one: it is annotated.
`replicas` and `set` are how many pods it was to have before the action and after it, where the action changes that.
"""

LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Aim:
    """What an action will touch, found out without touching it.

    `objects` are named like `pod/mysql-0`; `before` is what the effect is measured against; `undo` goes into the
    journal before anything is touched.
    """

    objects: tuple[str, ...]
    before: dict[str, Any]
    undo: Undo
    detail: str = ""
    params: Params = field(default_factory=dict)


class Action(Protocol):
    """One fault. All methods raise ClusterError when the cluster does not answer."""

    name: str

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:
        """What a caller of the API has to be allowed to do for the rest of this."""

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        """Find the target. Raises StackError when there is none to be hit."""

    def inject(self, stack: Stack, aim: Aim) -> None:
        """Put the fault in. Returns as soon as the cluster has accepted it."""

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool | None, dict[str, Any]]:
        """Look for the fault's effect, `timeout_s` at most: was it seen, and `{what: [before, after]}`.

        None of an action that has no effect to look for. One that takes longer by its nature has a deadline of its own.
        """

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        """Restore what the action changed and look whether it holds; safe to call again.

        Raises ClusterError with what is left to do when it does not hold within `timeout_s`.
        """

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:
        """The shell commands with which a person puts it back, in their order; none where there is nothing to do."""


def kubectl(namespace: str, *words: str) -> str:
    """A kubectl command in a namespace, quoted for a shell."""
    return shlex.join(["kubectl", "-n", namespace, *words])


def on_its_cluster(stack: Stack, command: str) -> str:
    """A kubectl command for the cluster of a stack: the current context of whoever reads it may be another's."""
    return f"{_kubectl(stack)} {command.removeprefix('kubectl ')}"


def _kubectl(stack: Stack) -> str:
    """How kubectl is called for this cluster."""
    if stack.local_cluster:
        return f"hachaos cluster kubectl --name {stack.local_cluster} --"
    if stack.elsewhere is None or not stack.elsewhere.context:
        return "kubectl"
    files, context = stack.elsewhere.kubeconfig, stack.elsewhere.context
    if os.pathsep in files:  # which only the variable takes
        return f"KUBECONFIG={shlex.quote(files)} {shlex.join(['kubectl', '--context', context])}"
    return shlex.join(["kubectl", *(["--kubeconfig", files] if files else []), "--context", context])


def wait_until(condition: Callable[[], bool], timeout_s: float, *, every_s: float = LOOK_EVERY_S) -> bool:
    """Look each `every_s` until the condition holds; False when it did not in `timeout_s`.

    A look that the cluster does not answer counts as not yet; the last one raises ClusterError then: nobody knows. A
    look that was begun in time counts, however late its answer was.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if condition():
                return True
        except ClusterError:
            if time.monotonic() >= deadline:
                raise
        if time.monotonic() >= deadline:
            return False
        time.sleep(every_s)
