"""stop-service: stop a server by scaling its workload to none."""

from __future__ import annotations

from typing import Any

from chaos.actions.action import Aim, Params, Undo, kubectl, wait_until
from chaos.actions.workload import REPLICAS, ready_pods, remembered, replicas_of, rights_to, start, stop, workload_of
from chaos.cluster.rights import Rights, may
from chaos.errors import ClusterError, StackError
from chaos.stack.binding import Binding
from chaos.stack.stack import Stack


class StopService:
    """Scales the target's workload to 0. A pod that has mounted what it serves cannot end while it is away."""

    name = "stop-service"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:  # noqa: ARG002
        return (*rights_to(binding, target, "get patch", self.name), *may("list", "Pod", why=self.name))

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        kind, name, workload = workload_of(stack, self.name, target)
        replicas = replicas_of(workload)
        if replicas == 0:
            raise StackError(f"stop-service: {kind} {name} is stopped already")
        return Aim(
            objects=(f"{kind.lower()}/{name}",),
            before={"role": target, "kind": kind, "name": name, "pods": len(stack.pods(target))},
            undo={"role": target, "kind": kind, "name": name, "replicas": replicas, "set": 0},
            detail=f"{replicas} -> 0 replicas",
            params=params,
        )

    def inject(self, stack: Stack, aim: Aim) -> None:
        stop(stack, aim.before["kind"], aim.before["name"], aim.undo["replicas"])

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        role = aim.before["role"]
        happened = wait_until(lambda: not stack.pods(role), timeout_s)
        return happened, {f"pods of {role}": [aim.before["pods"], len(stack.pods(role))]}

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        kind, name, replicas = undo["kind"], undo["name"], int(undo["replicas"])
        workload = stack.api.get(kind, name)
        if workload is None or replicas_of(workload) != replicas or remembered(workload):
            start(stack, kind, name, replicas)
        if not wait_until(lambda: ready_pods(stack, undo["role"]) == replicas, timeout_s):
            raise ClusterError(
                f"{kind.lower()}/{name}: {ready_pods(stack, undo['role'])} of {replicas} pods are ready "
                f"after {timeout_s:g} s",
                hint=" && ".join(self.by_hand(undo, stack.api.namespace)),
            )

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:
        workload = f"{undo['kind'].lower()}/{undo['name']}"
        return (
            kubectl(namespace, "scale", workload, f"--replicas={undo['replicas']}"),
            kubectl(namespace, "annotate", workload, f"{REPLICAS}-"),
        )
