"""What actions on whole workloads share, and the note on one that is stopped."""

from __future__ import annotations

from chaos.cluster.api import Object
from chaos.cluster.rights import Rights, may
from chaos.errors import StackError
from chaos.scenario.plan import PlannedStep
from chaos.scenario.vocabulary import ACTIONS
from chaos.stack.binding import Binding
from chaos.stack.roles import deletes_volumes, part
from chaos.stack.stack import Stack

REPLICAS = "hachaos.dev/replicas"
"""Annotation of a stopped workload: how many pods it had. In the cluster, so that any later process can start it."""


def rights_to(binding: Binding, target: str, verbs: str, action: str, *, sub: str = "") -> Rights:
    """The rights to the workload that keeps the target's pods alive; `verbs` is like `get patch`."""
    controller = binding.controller(target)
    return may(verbs, controller.kind, controller.name, sub=sub, why=action)


def workload_of(stack: Stack, action: str, target: str) -> tuple[str, str, Object]:
    """Kind, name and state of what keeps the target's pods alive. Raises StackError when it is not there."""
    kind, name = stack.controller(target)
    workload = stack.api.get(kind, name)
    if workload is None:
        raise StackError(f"{action}: there is no {kind} {name} in namespace {stack.api.namespace}")
    return kind, name, workload


def replicas_of(workload: Object) -> int:
    """How many pods it is to have."""
    return int(workload["spec"].get("replicas", 1))


def takes_volumes(stack: Stack, step: PlannedStep) -> bool:
    """Whether a step takes pods away whose StatefulSet then deletes their claims, and with these their data."""
    if not ACTIONS[step.action].scales or part(step.target) not in stack.binding.controllers:
        return False
    known = stack.binding.controller(step.target)
    workload = stack.api.get(known.kind, known.name) or {"spec": {"replicas": 0}}
    return deletes_volumes(workload) and int(step.params.get("replicas", 0)) < replicas_of(workload)


def remembered(workload: Object) -> str:
    """How many pods it had before it was stopped; empty for one that is not."""
    return str((workload["metadata"].get("annotations") or {}).get(REPLICAS, ""))


def stop(stack: Stack, kind: str, name: str, replicas: int) -> None:
    """Scale it to none. One patch: whoever finds it stopped finds the number too."""
    body = {"metadata": {"annotations": {REPLICAS: str(replicas)}}, "spec": {"replicas": 0}}
    stack.api.patch(kind, name, body)


def start(stack: Stack, kind: str, name: str, replicas: int) -> None:
    """The reverse of `stop`."""
    stack.api.patch(kind, name, {"metadata": {"annotations": {REPLICAS: None}}, "spec": {"replicas": replicas}})


def ready_pods(stack: Stack, role: str) -> int:
    """How many pods of a role are ready and not ending."""
    return sum(pod.ready and not pod.terminating for pod in stack.pods(role))
