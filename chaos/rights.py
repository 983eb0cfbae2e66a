"""Which rights a run needs, computed from its plans and its stack: all that it uses, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from chaos.actions import ACTIONS
from chaos.cluster.api import Api, Object
from chaos.cluster.rights import Right, Rights, may, merged, port_forward
from chaos.monitors import events, evidence, pods, volumes
from chaos.scenario.plan import Plan
from chaos.stack import unwell
from chaos.stack.roles import part
from chaos.stack.source import Source

_AT_ONCE = 8
_LEASE = "hachaos"
_WATCHING = (*pods.RIGHTS, *events.RIGHTS, *volumes.RIGHTS, *evidence.RIGHTS, *unwell.RIGHTS)
_HOLDING = (
    *may("create", "Lease", why="that no two runs overlap (a right to create can't be limited to a name)"),
    *may("get update delete", "Lease", _LEASE, why="that no two runs overlap"),
)
_OUTSIDE = (
    *may("list watch", "Pod", why="from outside: which pod has an address"),
    *may("list watch", "Service", why="from outside: which Service has an address"),
    *may("list watch", "EndpointSlice", why="from outside: to which pods a Service leads"),
    *port_forward("from outside: connections to the site and the database"),
)
_NOTED = "the note on what is changed of how it is put back"


def needed(plans: Iterable[Plan], stacks: Source, *, outside: bool) -> Rights:
    """All rights that running these plans on that stack takes, each once, sorted.

    `outside` = from where the stack's addresses can only be reached by port-forward.
    """
    found = [*stacks.rights, *_WATCHING, *_HOLDING]
    if outside:
        found += _OUTSIDE
    for plan in plans:
        found += _of_steps(plan, stacks)
    found += _of_notes(found)
    return merged(found)


def _of_steps(plan: Plan, stacks: Source) -> Iterator[Right]:
    binding = stacks.named
    for step in plan.steps:
        # A stack that lacks the part is refused with words of its own (see `preconditions`).
        if part(step.target) in binding.controllers:
            yield from ACTIONS[step.action].rights(binding, step.target, step.params)


def _of_notes(rights: Sequence[Right]) -> list[Right]:
    """What it takes to write an undo record on each workload that is changed, and to take it off again."""
    found: list[Right] = []
    for right in rights:
        workload = right.resource.partition("/")[0]
        if right.group == "apps" and right.verb == "patch":
            found += (replace(right, resource=workload, verb=verb, why=_NOTED) for verb in ("get", "patch"))
        if workload == "deployments" and right.verb == "patch":
            # Its controller copies the note to them, and never takes it away there.
            found += may("list patch", "ReplicaSet", why=f"{_NOTED}: a Deployment's ReplicaSets get copies")
    return found


def missing(api: Api, rights: Rights) -> list[Right]:
    """Those of the rights that the caller does not have in the API's namespace; each is asked for, many at once.

    An administrator is asked for but one: whether he may do everything.
    """
    if api.allows({"group": "*", "resource": "*", "verb": "*"}):
        return []
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="rights") as pool:
        allowed = pool.map(lambda right: api.allows(_attributes(right, api.namespace)), rights)
        return [right for right, has in zip(rights, allowed, strict=True) if not has]


def _attributes(right: Right, namespace: str) -> Object:
    resource, _, sub = right.resource.partition("/")
    found = {"group": right.group, "resource": resource, "verb": right.verb, "name": right.name, "subresource": sub}
    return found | ({} if right.cluster else {"namespace": namespace})
