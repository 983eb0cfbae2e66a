"""What actions on pods share: which pods are meant, whether they were replaced, whether as many are ready again."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chaos.actions.action import Params, Undo, kubectl, wait_until
from chaos.errors import ClusterError, StackError
from chaos.stack.roles import Pod, part
from chaos.stack.stack import Stack


def ordinal_of(name: str) -> int:
    """The number at the end of a StatefulSet's pod or claim: `mysql-2` -> 2; -1 where there is none."""
    found = re.search(r"-(\d+)$", name)
    return int(found[1]) if found else -1


def chosen(stack: Stack, action: str, target: str, params: Params) -> list[Pod]:
    """The pods of the target that `ordinal` and `count` mean, those that are ending left out.

    Without `ordinal` the first `count` of them by name; with it the one of that number and those that follow. Raises
    StackError when there are not as many.
    """
    kind, _ = stack.controller(target)
    pods = [pod for pod in stack.pods(target) if not pod.terminating]
    first, count = params.get("ordinal"), params.get("count") or 1
    if kind == "StatefulSet":
        pods.sort(key=lambda pod: ordinal_of(pod.name))
    if first is not None:
        if kind != "StatefulSet":
            raise StackError(
                f"{action}: the pods of {target} have no ordinals, being those of a {kind}",
                hint="leave `ordinal` out; `count` says how many",
            )
        pods = [pod for pod in pods if first <= ordinal_of(pod.name) < first + count]
    if len(pods) < count:
        which = f" from ordinal {first} on" if first is not None else ""
        there = ", ".join(pod.name for pod in pods) or "none"
        raise StackError(f"{action}: {count} pods of {target}{which} are wanted, and there are: {there}")
    return pods[:count]


def uids_now(stack: Stack, names: Iterable[str]) -> dict[str, str]:
    """The uid of each of these pods now; `gone` where there is none of that name."""
    found = {name: stack.api.get("Pod", name) for name in names}
    return {name: str(item["metadata"]["uid"]) if item else "gone" for name, item in found.items()}


def enough(stack: Stack, target: str) -> Undo:
    """The undo of an action after which the controller heals by itself: as many ready pods of the part as now."""
    role = part(target)
    kind, name = stack.controller(role)
    ready = sum(pod.ready and not pod.terminating for pod in stack.pods(role))
    return {"role": role, "ready": ready, "controller": f"{kind.lower()}/{name}"}


def has_enough(stack: Stack, undo: Undo) -> bool:
    """Whether what `enough` said is so now."""
    ready = sum(pod.ready and not pod.terminating for pod in stack.pods(str(undo["role"])))
    return ready >= int(undo["ready"])


def await_enough(stack: Stack, undo: Undo, timeout_s: float) -> None:
    """Wait until what `enough` said is so. Raises ClusterError when it is not within `timeout_s`."""
    role, wanted = str(undo["role"]), int(undo["ready"])
    if not wait_until(lambda: has_enough(stack, undo), timeout_s):
        names = ", ".join(pod.name for pod in stack.pods(role) if not pod.ready) or "none"
        raise ClusterError(
            f"{role}: fewer than {wanted} pods are ready after {timeout_s:g} s (not ready: {names})",
            hint=f"kubectl -n {stack.api.namespace} get pods",
        )


def watch_enough(undo: Undo, namespace: str) -> tuple[str, ...]:
    """The command that waits for what `enough` said: there is nothing to be changed by hand, but to be looked at."""
    controller = undo.get("controller")
    words = ("rollout", "status", str(controller), "--timeout=5m") if controller else ("get", "pods")
    return (kubectl(namespace, *words),)
