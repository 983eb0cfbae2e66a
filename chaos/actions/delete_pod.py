"""delete-pod: delete the pods of a role; their controller makes new ones."""

from __future__ import annotations

from typing import Any

from chaos.actions.action import Aim, Params, Undo, wait_until
from chaos.errors import ClusterError, StackError
from chaos.stack.stack import Stack


class DeletePod:
    """Deletes one pod of the target role, with its own grace period or with `grace_s`.

    Only the pod whose uid was aimed at is ever deleted: a successor that has taken its name is left alone.
    """

    name = "delete-pod"

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        pods = [pod for pod in stack.pods(target) if not pod.terminating]
        if not pods:
            raise StackError(f"delete-pod: the stack has no pod of role {target} to delete")
        pod = pods[0]
        role = target.split("/", maxsplit=1)[0]
        grace = params.get("grace_s")
        return Aim(
            objects=(f"pod/{pod.name}",),
            before={"name": pod.name, "uid": pod.uid, "node": pod.node},
            undo={"role": role, "ready": sum(p.ready for p in stack.pods(role))},
            detail=f"{pod.name} on {pod.node}" + (f", grace {grace:g} s" if grace is not None else ""),
            params=params,
        )

    def inject(self, stack: Stack, aim: Aim) -> None:
        grace = aim.params.get("grace_s")
        grace_s = None if grace is None else int(grace)
        if not stack.api.delete_exactly("Pod", aim.before["name"], aim.before["uid"], grace_s=grace_s):
            raise ClusterError(f"delete-pod: {aim.before['name']} was gone or replaced before it could be deleted")

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        uid, name = str(aim.before["uid"]), str(aim.before["name"])
        after = uid

        def gone() -> bool:
            nonlocal after
            pod = stack.api.get("Pod", name)
            after = pod["metadata"]["uid"] if pod else "gone"
            return after != uid

        happened = wait_until(gone, timeout_s)
        return happened, {f"uid of pod/{name}": [uid, after]}

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        role, wanted = str(undo["role"]), int(undo["ready"])

        def as_many() -> bool:
            return sum(pod.ready and not pod.terminating for pod in stack.pods(role)) >= wanted

        if not wait_until(as_many, timeout_s):
            names = ", ".join(pod.name for pod in stack.pods(role) if not pod.ready) or "none"
            raise ClusterError(
                f"{role}: fewer than {wanted} pods are ready after {timeout_s:g} s (not ready: {names})",
                hint=f"kubectl -n {stack.api.namespace} get pods",
            )
