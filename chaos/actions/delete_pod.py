"""delete-pod: delete pods of a role; their controller makes new ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chaos.actions.action import Aim, Params, Undo, wait_until
from chaos.actions.pods import await_enough, chosen, enough, uids_now, watch_enough
from chaos.cluster.rights import Rights, may
from chaos.errors import ClusterError
from chaos.stack.binding import Binding
from chaos.stack.stack import Stack


class DeletePod:
    """Deletes `count` pods of the target role, from `ordinal` on, at once, with their own grace period or `grace_s`.

    Only pods whose uids were aimed at are ever deleted: a successor that has taken a name is left alone.
    """

    name = "delete-pod"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:  # noqa: ARG002
        return may("list get delete", "Pod", why=self.name)

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        pods = chosen(stack, self.name, target, params)
        grace = params.get("grace_s")
        return Aim(
            objects=tuple(f"pod/{pod.name}" for pod in pods),
            before={"uids": {pod.name: pod.uid for pod in pods}},
            undo=enough(stack, target),
            detail=", ".join(f"{pod.name} on {pod.node}" for pod in pods)
            + (f", grace {grace:g} s" if grace is not None else ""),
            params=params,
        )

    def inject(self, stack: Stack, aim: Aim) -> None:
        grace = aim.params.get("grace_s")
        delete_all(stack, self.name, aim.before["uids"], None if grace is None else int(grace))

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        before: dict[str, str] = aim.before["uids"]
        now = dict(before)

        def gone() -> bool:
            now.update(uids_now(stack, before))
            return all(now[name] != before[name] for name in before)

        happened = wait_until(gone, timeout_s)
        return happened, {f"uid of pod/{name}": [before[name], now[name]] for name in before}

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        await_enough(stack, undo, timeout_s)

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:
        return watch_enough(undo, namespace)


def delete_all(stack: Stack, action: str, uids: dict[str, str], grace_s: int | None) -> None:
    """Delete all these pods side by side, each only if it still has its uid. Raises ClusterError when one has not.

    No grace is one second for the API server, as kubectl has it without --force: at 0 it forgets the pod at once, while
    kubelet lets the containers end in their own time (30 s). The successor would run beside them, on the same volume.
    """
    if grace_s is not None:
        grace_s = max(grace_s, 1)
    with ThreadPoolExecutor(len(uids)) as pool:
        deleted = dict(
            zip(
                uids,
                pool.map(
                    lambda name: stack.api.delete_exactly("Pod", name, uids[name], grace_s=grace_s),
                    uids,
                ),
                strict=True,
            )
        )
    missed = ", ".join(name for name, done in deleted.items() if not done)
    if missed:
        raise ClusterError(f"{action}: {missed} was gone or replaced before it could be deleted")
