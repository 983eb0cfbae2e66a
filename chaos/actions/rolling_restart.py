"""rolling-restart: replace all pods of a workload by a roll-out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chaos.actions.action import Aim, Params, Undo, kubectl, wait_until
from chaos.actions.workload import replicas_of, rights_to, workload_of
from chaos.cluster.api import Object
from chaos.cluster.rights import Rights, may
from chaos.errors import ClusterError, StackError
from chaos.scenario.plan import ROLL_OUT_TIMEOUT_S
from chaos.stack.binding import Binding
from chaos.stack.stack import Stack

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""Annotation of the pod template that `kubectl rollout restart` sets (kubectl pkg/polymorphichelpers)."""

_EACH_POD_S = 60.0
"""`ROLL_OUT_TIMEOUT_S` of the plan is this for as many pods as a scenario may ask for."""


class RollingRestart:
    """Changes the pod template by an annotation alone, as `kubectl rollout restart` does.

    Its effect may take 60 s for each pod: a StatefulSet replaces one at a time.
    """

    name = "rolling-restart"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:  # noqa: ARG002
        return (*rights_to(binding, target, "get patch", self.name), *may("list", "Pod", why=self.name))

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        kind, name, workload = workload_of(stack, self.name, target)
        _refuse_what_rolls_nothing(kind, name, workload)
        pods = {pod.name: pod.uid for pod in stack.pods(target) if not pod.terminating}
        if not pods:
            raise StackError(f"rolling-restart: {kind} {name} has no pod to replace")
        return Aim(
            objects=tuple(f"pod/{pod}" for pod in pods),
            before={"role": target, "kind": kind, "name": name, "uids": pods},
            undo={"role": target, "kind": kind, "name": name},
            detail=f"{kind.lower()}/{name}: {', '.join(pods)}",
            params=params,
        )

    def inject(self, stack: Stack, aim: Aim) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        body = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: now}}}}}
        stack.api.patch(aim.before["kind"], aim.before["name"], body)

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        kind, name, role = aim.before["kind"], aim.before["name"], aim.before["role"]
        before: dict[str, str] = aim.before["uids"]
        deadline = min(max(timeout_s, len(before) * _EACH_POD_S), ROLL_OUT_TIMEOUT_S)

        def left() -> list[str]:
            return [pod.name for pod in stack.pods(role) if pod.uid in before.values()]

        happened = wait_until(lambda: _complete(stack, kind, name) and not left(), deadline)
        replaced = len(before) - len(left())
        return happened, {
            "pods replaced": [0, replaced],
            f"uids of {role}": [sorted(before.values()), sorted(pod.uid for pod in stack.pods(role))],
        }

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        kind, name = undo["kind"], undo["name"]
        if not wait_until(lambda: _complete(stack, kind, name), timeout_s):
            raise ClusterError(
                f"{kind.lower()}/{name}: the roll-out is not complete after {timeout_s:g} s",
                hint=" ".join(self.by_hand(undo, stack.api.namespace)),
            )

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:
        return (kubectl(namespace, "rollout", "status", f"{undo['kind'].lower()}/{undo['name']}", "--timeout=5m"),)


def _refuse_what_rolls_nothing(kind: str, name: str, workload: Object) -> None:
    spec = workload["spec"]
    strategy = spec.get("updateStrategy") or {}
    reason = ""
    if strategy.get("type") == "OnDelete":
        reason = "its updateStrategy is OnDelete"
    elif (strategy.get("rollingUpdate") or {}).get("partition"):
        reason = "its updateStrategy has a partition"
    elif spec.get("paused"):
        reason = "its roll-outs are paused"
    if reason:
        raise StackError(f"rolling-restart: {kind} {name} would not replace all of its pods, as {reason}")


def _complete(stack: Stack, kind: str, name: str) -> bool:
    """Whether all pods are of the newest template and ready, and none is there beside them."""
    workload = stack.api.get(kind, name)
    if workload is None:
        return False
    status, wanted = workload.get("status", {}), replicas_of(workload)
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas")]
    return status.get("observedGeneration", 0) >= workload["metadata"]["generation"] and counts == [wanted] * 3
