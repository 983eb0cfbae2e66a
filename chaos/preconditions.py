"""What has to be so before the first fault. Everything here only looks; whatever is not so refuses the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from chaos import extensions, rights, undo_notes
from chaos.actions import ACTIONS as CODE
from chaos.actions.workload import takes_volumes
from chaos.checks import judge
from chaos.cluster.api import Api
from chaos.cluster.target import Target
from chaos.errors import ClusterError, StackError, UsageError
from chaos.scenario.plan import Needs, Plan, Suite, plans_of
from chaos.scenario.vocabulary import ACTIONS
from chaos.stack.roles import part
from chaos.stack.source import Source
from chaos.stack.stack import Stack
from chaos.undo import recovery


def require_allowed(
    item: Plan | Suite,
    *,
    allow_nodes: bool,
    allow_destructive: bool = False,
    local: bool = True,
    baseline: str = "",
) -> None:
    """Refuse what the command line has to allow, `baseline` being its own word. Raises UsageError.

    On a cluster that is there, no file alone lets a run break a stack that is not well already.
    """
    said = {item.baseline} if item.baseline else {plan.baseline for plan in plans_of([item])}
    if "record" in said and not local and not baseline:
        raise UsageError(
            f"{item.path}: `baseline: record` breaks a stack even if it is not well before the first fault",
            hint="--baseline record says that this is meant on this cluster; --baseline stop overrules the file",
        )
    for plan in plans_of([item]):
        if plan.destructive and not local and not allow_destructive:
            raise UsageError(
                f"{plan.path}: {plan.name} takes data that nothing can bring back, and the target is not local",
                hint="--allow-destructive says that this is meant",
            )
        for step in plan.steps:
            if ACTIONS[step.action].nodes and not allow_nodes:
                raise UsageError(
                    f"{plan.path}: step {step.index + 1} ({step.name}): {step.action} changes a node, which is not the "
                    "stack's alone",
                    hint="--allow-nodes says that this is meant",
                )


def require_extensions() -> None:
    """Refuse extensions that are broken, before anything is touched. Raises HachaosError."""
    for each in extensions.found(extensions.ACTIONS):
        if each.name not in ACTIONS:
            raise each.wrong(f"no ACTIONS of {extensions.WORDS} tell what it is")
    for name in ACTIONS:
        assert CODE[name]
    known = {check.NAME for check in judge.checks()}
    for each in extensions.found(extensions.WORDS):
        for name in getattr(each.value, "CHECKS", {}):
            if name not in known:
                raise each.wrong(f"no {extensions.CHECKS} has the code of {name!r}")


def require_rights(plans: Sequence[Plan], stacks: Source, api: Api, *, outside: bool) -> None:
    """Refuse to run plans on a borrowed stack without all the rights that they need. Nothing is touched, only asked.

    A stack of ours is not asked about: who deploys it is an administrator. `outside` as in `rights.needed`. Raises
    ClusterError with every right that is missing.
    """
    if not stacks.borrowed:
        return
    namespace = stacks.named.namespace
    lacking = rights.missing(api.in_namespace(namespace), rights.needed(plans, stacks, outside=outside))
    if lacking:
        number = f"{len(lacking)} right{'s are' if len(lacking) > 1 else ' is'}"
        files = " ".join(dict.fromkeys(plan.path for plan in plans))
        raise ClusterError(
            f"{number} missing in namespace {namespace}: {', '.join(map(str, lacking))}",
            hint=f"hachaos rbac {files} --stack {stacks.spec} prints the Role that has them; nothing was touched",
        )


def require_put_back(stack: Stack, spec: str) -> None:
    """Refuse a stack that bears the notes of a run that was cut off: what it changed would be taken for how it was.

    `spec` names the stack on a command line. Raises StackError with those runs.
    """
    runs = dict.fromkeys(each.run for each in undo_notes.on_workloads(stack))
    if runs:
        raise StackError(
            f"{spec}: what {', '.join(runs)} changed was never put back; nothing was broken",
            hint=f"first: {recovery(stack, spec)}",
        )


def require_fit(plans: Sequence[Plan], stacks: Source, target: Target) -> None:
    """Refuse plans one of which can't be carried out on a borrowed stack, as `require` does. Nothing is touched.

    A stack of ours may not be there yet: what it lacks is seen once it is.
    """
    if stacks.borrowed:
        require(plans, stacks.attach(target), nodes=target.nodes)


def require(plans: Sequence[Plan], stack: Stack, *, nodes: int) -> None:
    """Refuse plans one of which can't be carried out on this stack.

    Raises StackError with what the cluster or the stack lacks, a line for each plan that lacks something.
    """
    lines = []
    for plan in plans:
        lacking = [*_nodes(plan, nodes), *_roles(plan, stack), *_pods(plan, stack), *_volumes(plan, stack)]
        if lacking := [*lacking, *_scaled(plan, stack)]:
            lines.append(f"{plan.name} cannot be run here: {'; '.join(lacking)}")
    if lines:
        raise StackError("\n".join(dict.fromkeys(lines)), hint="no fault was begun")


def _nodes(plan: Plan, nodes: int) -> Iterator[str]:
    if 0 < nodes < plan.needs.nodes:  # 0: this user may not look at them
        yield f"it needs {plan.needs.nodes} nodes, and the cluster has {nodes} (hachaos cluster up --nodes)"


def _roles(plan: Plan, stack: Stack) -> Iterator[str]:
    there = stack.binding.controllers
    for step in plan.steps:
        if ACTIONS[step.action].breaks and part(step.target) not in there:
            yield f"step {step.index + 1} ({step.name}) aims at {step.target}, which the stack does not have"
    if plan.workload.file_reads_per_s > 0 and "files" not in there and "site" not in there:
        yield "it reads files, and the stack has no site"


def _pods(plan: Plan, stack: Stack) -> Iterator[str]:
    """Too few ready pods of a part, and replicas that a step aims at but nobody has."""
    for each in fields(Needs):
        if each.name == "nodes" or each.name not in stack.binding.controllers:
            continue
        wanted = getattr(plan.needs, each.name)
        ready = sum(pod.ready and not pod.terminating for pod in stack.pods(each.name))
        if ready < wanted:
            yield f"it needs {wanted} ready pods of {each.name}, and there are {ready}"
    for target in dict.fromkeys(step.target for step in plan.steps if "/" in step.target):
        if part(target) in stack.binding.controllers and not any(pod.ready for pod in stack.pods(target)):
            yield f"it aims at {target}, and no such pod is ready"


def _volumes(plan: Plan, stack: Stack) -> Iterator[str]:
    """With reclaim policy Retain a deleted claim's data would stay behind on the volume, for nobody to clean up."""
    if not any(step.action == "delete-volume" for step in plan.steps):
        return
    for claim in stack.api.list("PersistentVolumeClaim", stack.binding.controller("database").selector):
        name = claim["spec"].get("volumeName")
        volume = stack.api.get("PersistentVolume", name) if name else None
        if volume is not None and volume["spec"].get("persistentVolumeReclaimPolicy") == "Retain":
            yield (
                f"volume {name} of claim {claim['metadata']['name']} has the reclaim policy Retain, so delete-volume "
                "would leave its data behind (a policy of Delete, or another scenario)"
            )


def _scaled(plan: Plan, stack: Stack) -> Iterator[str]:
    """Steps that would cost volumes without a word of it in the scenario."""
    for step in plan.steps:
        if not plan.destructive and takes_volumes(stack, step):
            known = stack.binding.controller(step.target)
            yield (
                f"step {step.index + 1} ({step.name}): {known.kind} {known.name} has whenScaled: Delete, so "
                f"{step.action} would delete the volumes of the pods that it takes away, which nothing brings back "
                "(destructive: true in the scenario says that this is meant)"
            )
