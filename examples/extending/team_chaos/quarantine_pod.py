"""quarantine-pod: take the labels off pods, so that neither the Service nor the Deployment knows them any more."""

from __future__ import annotations

from typing import Any

from chaos.actions.action import Aim, Params, Undo, kubectl, wait_until
from chaos.actions.pods import await_enough, chosen, enough
from chaos.actions.workload import rights_to
from chaos.cluster.rights import Rights, may
from chaos.errors import ClusterError, StackError
from chaos.stack.binding import Binding
from chaos.stack.stack import Stack


class QuarantinePod:
    """Takes the labels of the site's selector off `count` pods; the Deployment makes new ones in their place.

    Not for a StatefulSet: its pod would keep the name that the new one needs.
    """

    name = "quarantine-pod"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:  # noqa: ARG002
        return (
            *rights_to(binding, target, "get patch", self.name),
            *may("get list patch delete", "Pod", why=self.name),
        )

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        kind, name = stack.controller(target)
        if kind != "Deployment":
            raise StackError(f"quarantine-pod: {target} is a {kind}, whose new pod would need the old one's name")
        uids = {pod.name: pod.uid for pod in chosen(stack, self.name, target, params)}
        return Aim(
            objects=tuple(f"pod/{pod}" for pod in uids),
            before={"role": target, "uids": uids},
            # The note of the undo stands on the Deployment, where `hachaos recover` finds it without the run's folder.
            undo=enough(stack, target) | {"kind": kind, "name": name, "uids": uids},
            detail=", ".join(uids),
            params=params,
        )

    def inject(self, stack: Stack, aim: Aim) -> None:
        selector = stack.binding.controller(aim.before["role"]).selector
        off = {pair.partition("=")[0]: None for pair in selector.split(",")}
        for pod, uid in aim.before["uids"].items():
            # The API server refuses a patch that would change the uid: a successor of that name is left alone.
            stack.api.patch("Pod", pod, {"metadata": {"uid": uid, "labels": off}})

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        role, uids = aim.before["role"], set(aim.before["uids"].values())

        def known() -> int:
            return sum(pod.uid in uids for pod in stack.pods(role))

        happened = wait_until(lambda: known() == 0, timeout_s)
        return happened, {f"quarantined pods that count as {role}": [len(uids), known()]}

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        role, uids = undo["role"], undo["uids"]
        outside = set(uids.values()) - {pod.uid for pod in stack.pods(role)}
        for pod, uid in uids.items():
            if uid in outside:
                stack.api.delete_exactly("Pod", pod, uid)

        def gone() -> bool:
            return all((stack.api.get("Pod", pod) or {}).get("metadata", {}).get("uid") not in outside for pod in uids)

        if not wait_until(gone, timeout_s):
            by_hand = " && ".join(self.by_hand(undo, stack.api.namespace))
            raise ClusterError(f"quarantine-pod: {', '.join(uids)} did not go in {timeout_s:g} s", hint=by_hand)
        await_enough(stack, undo, timeout_s)

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:
        return (
            kubectl(namespace, "delete", "pod", "--ignore-not-found", *undo["uids"]),
            kubectl(namespace, "rollout", "status", undo["controller"], "--timeout=5m"),
        )
