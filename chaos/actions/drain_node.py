"""drain-node: what `kubectl drain` does to the node of a pod of the stack, but to the stack's own pods alone."""

from __future__ import annotations

import shlex
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chaos.actions.action import LOOK_EVERY_S, Aim, Params, Undo, kubectl, wait_until
from chaos.actions.pods import await_enough, chosen, uids_now
from chaos.actions.workload import ready_pods
from chaos.cluster.rights import Rights, may
from chaos.errors import ClusterError, StackError
from chaos.scenario.plan import EVICT_TIMEOUT_S
from chaos.stack.binding import Binding
from chaos.stack.roles import Pod
from chaos.stack.stack import Stack


class DrainNode:
    """Cordons the node of the target's pod and evicts all pods of the stack from it, as disruption budgets let it.

    No pod but the stack's is evicted, whatever else runs there. The node stays cordoned until it is put back.
    """

    name = "drain-node"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:  # noqa: ARG002
        return (
            *may("list get", "Pod", why=self.name),
            *may("create", "Pod", sub="eviction", why=self.name),
            *may("list get patch", "Node", why=f"{self.name}: cordoning, whichever node it is"),
        )

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        (pod,) = chosen(stack, self.name, target, params)
        if not pod.node:
            raise StackError(f"drain-node: {pod.name} is on no node yet")
        nodes = {item["metadata"]["name"]: item for item in stack.api.list("Node")}
        if pod.node not in nodes:
            raise StackError(f"drain-node: there is no node {pod.node}, on which {pod.name} is said to be")
        if all(_is_cordoned(item) for name, item in nodes.items() if name != pod.node):
            raise StackError(f"drain-node: no other node than {pod.node} would take its pods")
        there = [each for each in _all_pods(stack) if each.node == pod.node and not each.terminating]
        return Aim(
            objects=(f"node/{pod.node}", *(f"pod/{each.name}" for each in there)),
            before={"node": pod.node, "uids": {each.name: each.uid for each in there}},
            undo={
                "kind": "Node",
                "name": pod.node,
                "namespace": stack.api.namespace,
                "cordoned": _is_cordoned(nodes[pod.node]),
                "ready": {role: ready_pods(stack, role) for role in stack.binding.controllers},
                "restores": f"schedulable of node/{pod.node}",
            },
            detail=f"{pod.node}, since {pod.name} is there: {', '.join(each.name for each in there)}",
            params=params,
        )

    def inject(self, stack: Stack, aim: Aim) -> None:
        _cordon(stack, aim.before["node"], cordoned=True)
        uids: dict[str, str] = aim.before["uids"]
        deadline = time.monotonic() + EVICT_TIMEOUT_S
        with ThreadPoolExecutor(len(uids)) as pool:
            kept = pool.map(lambda name: _is_kept(stack, name, uids[name], deadline), uids)
            refused = [name for name, is_kept in zip(uids, kept, strict=True) if is_kept]
        if refused:
            raise ClusterError(
                f"drain-node: {', '.join(refused)} could not be evicted from {aim.before['node']} within "
                f"{EVICT_TIMEOUT_S:g} s: a disruption budget does not allow it"
            )

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        before: dict[str, str] = aim.before["uids"]
        node = aim.before["node"]
        now = dict(before)

        def gone() -> bool:
            now.update(uids_now(stack, before))
            return all(now[name] != before[name] for name in before)

        happened = wait_until(gone, timeout_s)
        left = sum(now[name] == before[name] for name in before)
        return happened, {
            f"pods on node/{node}": [len(before), left],
            **{f"uid of pod/{name}": [before[name], now[name]] for name in before},
        }

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        name = str(undo["name"])
        began = time.monotonic()
        if not undo["cordoned"]:
            node = stack.api.get("Node", name)
            if node is not None and _is_cordoned(node):
                _cordon(stack, name, cordoned=False)
            if not wait_until(lambda: not _is_cordoned(stack.api.get("Node", name) or {}), timeout_s):
                raise ClusterError(
                    f"node/{name}: takes no new pods after {timeout_s:g} s", hint=f"kubectl uncordon {name}"
                )
        for role, ready in undo["ready"].items():
            left_s = max(timeout_s - (time.monotonic() - began), 0.0)
            await_enough(stack, {"role": role, "ready": ready}, left_s)

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:
        uncordon = () if undo["cordoned"] else (shlex.join(["kubectl", "uncordon", undo["name"]]),)
        return (*uncordon, kubectl(namespace, "get", "pods"))


def _is_kept(stack: Stack, name: str, uid: str, deadline: float) -> bool:
    """Evict a pod; whether a disruption budget does not allow it until the deadline (of `time.monotonic`)."""
    while not stack.api.evict(name, uid):
        if time.monotonic() >= deadline:
            return True
        time.sleep(LOOK_EVERY_S)
    return False


def _all_pods(stack: Stack) -> list[Pod]:
    return [pod for role in stack.binding.controllers for pod in stack.pods(role)]


def _is_cordoned(node: dict[str, Any]) -> bool:
    return bool(node.get("spec", {}).get("unschedulable"))


def _cordon(stack: Stack, name: str, *, cordoned: bool) -> None:
    # Removed, not set to false: so the node is as it was to the letter.
    stack.api.patch("Node", name, {"spec": {"unschedulable": True if cordoned else None}})
