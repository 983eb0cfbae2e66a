"""start-service: start the server that stop-service has stopped."""

from __future__ import annotations

from typing import Any

from chaos.actions.action import Aim, Params, Undo, wait_until
from chaos.actions.workload import ready_pods, remembered, replicas_of, rights_to, start, workload_of
from chaos.cluster.rights import Rights, may
from chaos.errors import StackError
from chaos.stack.binding import Binding
from chaos.stack.stack import Stack


class StartService:
    """Gives the target's workload as many pods as it had before stop-service."""

    name = "start-service"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:  # noqa: ARG002
        return (*rights_to(binding, target, "get patch", self.name), *may("list", "Pod", why=self.name))

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        kind, name, workload = workload_of(stack, self.name, target)
        before = remembered(workload)
        if replicas_of(workload) != 0 or not before:
            raise StackError(
                f"start-service: {kind} {name} was not stopped by stop-service",
                hint=f"one that somebody else stopped: kubectl -n {stack.api.namespace} scale {kind.lower()}/{name}",
            )
        return Aim(
            objects=(f"{kind.lower()}/{name}",),
            before={"role": target, "kind": kind, "name": name, "replicas": int(before)},
            undo={},
            detail=f"0 -> {before} replicas",
            params=params,
        )

    def inject(self, stack: Stack, aim: Aim) -> None:
        start(stack, aim.before["kind"], aim.before["name"], aim.before["replicas"])

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        role, wanted = aim.before["role"], aim.before["replicas"]
        happened = wait_until(lambda: ready_pods(stack, role) == wanted, timeout_s)
        return happened, {f"ready pods of {role}": [0, ready_pods(stack, role)]}

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        pass

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()
