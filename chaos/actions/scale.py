"""scale: give a Deployment or StatefulSet another number of replicas."""

from __future__ import annotations

from typing import Any

from chaos.actions.action import Aim, Params, Undo, kubectl, wait_until
from chaos.actions.workload import replicas_of, rights_to, workload_of
from chaos.cluster.rights import Rights, may
from chaos.errors import ClusterError
from chaos.stack.binding import Binding
from chaos.stack.stack import Stack


class Scale:
    """Sets the replicas of the target role's controller to `replicas`."""

    name = "scale"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:  # noqa: ARG002
        workload = rights_to(binding, target, "get", self.name)
        return (
            *workload,
            *rights_to(binding, target, "patch", self.name, sub="scale"),
            *may("list", "Pod", why=self.name),
        )

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        kind, name, workload = workload_of(stack, self.name, target)
        before = replicas_of(workload)
        return Aim(
            objects=(f"{kind.lower()}/{name}",),
            before={"kind": kind, "name": name, "role": target, "replicas": before},
            undo={
                "kind": kind,
                "name": name,
                "role": target,
                "replicas": before,
                "set": params["replicas"],
                "restores": f"replicas of {kind.lower()}/{name}",
            },
            detail=f"{before} -> {params['replicas']} replicas",
            params=params,
        )

    def inject(self, stack: Stack, aim: Aim) -> None:
        _set(stack, aim.before["kind"], aim.before["name"], aim.params["replicas"])

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        wanted = aim.params["replicas"]
        happened = wait_until(lambda: _holds(stack, aim.before, wanted), timeout_s)
        pods = len(stack.pods(aim.before["role"]))
        return happened and wanted != aim.before["replicas"], {"replicas": [aim.before["replicas"], pods]}

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        kind, name, wanted = undo["kind"], undo["name"], undo["replicas"]
        workload = stack.api.get(kind, name)
        if workload is None or replicas_of(workload) != wanted:
            _set(stack, kind, name, wanted)
        if not wait_until(lambda: _holds(stack, undo, wanted), timeout_s):
            raise ClusterError(
                f"{kind.lower()}/{name}: not at {wanted} ready replicas after {timeout_s:g} s",
                hint=" ".join(self.by_hand(undo, stack.api.namespace)),
            )

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:
        workload = f"{undo['kind'].lower()}/{undo['name']}"
        return (kubectl(namespace, "scale", workload, f"--replicas={undo['replicas']}"),)


def _set(stack: Stack, kind: str, name: str, replicas: int) -> None:
    stack.api.patch(kind, name, {"spec": {"replicas": replicas}}, subresource="scale")


def _holds(stack: Stack, controller: dict[str, Any], wanted: int) -> bool:
    pods = stack.pods(controller["role"])
    return len(pods) == wanted and all(pod.ready and not pod.terminating for pod in pods)
