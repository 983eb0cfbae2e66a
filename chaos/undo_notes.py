"""Undo records on the objects that are changed, so that a run whose folder is lost can be put back too."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from chaos.actions import ACTIONS
from chaos.actions.action import Undo
from chaos.cluster.api import ApiRefused, Object
from chaos.errors import StackError
from chaos.history import UndoPlanned
from chaos.stack.stack import Stack

UNDO = "hachaos.dev/undo"
"""Annotation of a changed workload: a JSON list of the undo records that touch it, in their order (see `Noted`)."""

_CLEAN_LOOKS = 3
_LOOK_EVERY_S = 0.2
_TRIES = 20


@dataclass(frozen=True)
class Noted:
    """One undo record as it stands on an object. `run` is what `run_of` makes of the run's folder."""

    run: str
    id: int
    step: int
    action: str
    undo: Undo

    @property
    def planned(self) -> UndoPlanned:
        """The record as the journal would have it."""
        return UndoPlanned(0.0, self.id, self.step, self.action, self.undo)


def run_of(folder: Path) -> str:
    """What a run is called on the objects that it changes: the last two parts of its folder's path."""
    whole = folder.resolve()
    return f"{whole.parent.name}/{whole.name}"


def note(stack: Stack, run: str, planned: UndoPlanned) -> None:
    """Write the undo record on the object that is about to be changed, if it is one that stays changed.

    Raises StackError when something else than records stands there, ClusterError when the cluster does not answer.
    """
    new = Noted(run, planned.id, planned.step, planned.action, planned.undo)
    _change(
        stack,
        planned.undo,
        lambda known: [*(each for each in known if (each.run, each.id) != (run, planned.id)), new],
    )


def forget(stack: Stack, run: str, done: Collection[UndoPlanned]) -> None:
    """Take away the records of undos that were carried out, and what a Deployment's ReplicaSets copied of them.

    Raises as `note` does.
    """
    ids = {planned.id for planned in done}
    for planned in done:
        left = _change(
            stack, planned.undo, lambda known: [each for each in known if each.run != run or each.id not in ids]
        )
        if left == [] and planned.undo["kind"] == "Deployment":
            _clean_replica_sets(stack, str(planned.undo["name"]))


def is_noted(stack: Stack, run: str, alike: Collection[UndoPlanned]) -> bool:
    """Whether one of these records of a run, which restore one thing, stands on it still.

    So it is too where nobody can tell: it is on no object, or that is not there, or may not be looked at. Raises as
    `note` does.
    """
    ids = {planned.id for planned in alike}
    for planned in alike:
        try:
            workload = _workload(stack, planned.undo)
        except ApiRefused:
            return True
        if workload is None or any(each.run == run and each.id in ids for each in _noted(workload)):
            return True
    return False


def found(stack: Stack) -> list[Noted]:
    """All records on the stack's workloads, and on nodes that it was drained from; each one's in the order of writing.

    Raises as `note` does.
    """
    return on_workloads(stack) + _on_nodes(stack)


def on_workloads(stack: Stack) -> list[Noted]:
    """Those on the stack's workloads. Raises as `note` does."""
    records: list[Noted] = []
    for controller in stack.binding.controllers.values():
        workload = stack.api.get(controller.kind, controller.name)
        if workload is not None:
            records += _noted(workload | {"kind": controller.kind})
    return records


def _on_nodes(stack: Stack) -> list[Noted]:
    """Those on nodes that are of this stack; none where nobody may look at nodes: then none was drained either."""
    try:
        nodes = stack.api.list("Node")
    except ApiRefused as error:
        if error.status == 403:
            return []
        raise
    noted = [each for item in nodes for each in _noted(item | {"kind": "Node"})]
    return [each for each in noted if each.undo.get("namespace") == stack.api.namespace]


def place(undo: Undo) -> str:
    """The object that an undo record is written on, as `statefulset/mysql`; empty for one that is on none."""
    return f"{undo['kind'].lower()}/{undo['name']}" if "kind" in undo and "name" in undo else ""


def _workload(stack: Stack, undo: Undo) -> Object | None:
    if not place(undo):
        return None
    item = stack.api.get(undo["kind"], undo["name"])
    return item if item is None else item | {"kind": undo["kind"]}


def _noted(workload: Object) -> list[Noted]:
    text = (workload["metadata"].get("annotations") or {}).get(UNDO)
    if text is None:
        return []
    here = f"{workload['kind'].lower()}/{workload['metadata']['name']}"
    try:
        found = json.loads(text)
        records = [Noted(**each) for each in found]
        # What stands on one object must not lead to a change of another.
        is_ours = isinstance(found, list) and all(
            isinstance(each.run, str)
            and isinstance(each.id, int)
            and isinstance(each.step, int)
            and each.action in ACTIONS
            and place(each.undo) == here
            for each in records
        )
    except (ValueError, TypeError, AttributeError):
        is_ours = False
    if not is_ours:
        raise StackError(
            f"{here}: annotation {UNDO} is not what hachaos writes: {str(text)[:200]!r}",
            hint="of an extension that is not installed here? If not, look what it was for, then: "
            f"kubectl annotate {here} {UNDO}-",
        )
    return records


def _change(stack: Stack, undo: Undo, change: Callable[[list[Noted]], list[Noted]]) -> list[Noted] | None:
    """Change the records on an object; which stand there now, None where there is no such object.

    Each write is of the version that was read: a run on another stack may note something on the same node.
    """
    for last in (*[False] * _TRIES, True):
        workload = _workload(stack, undo)
        if workload is None:
            return None
        known = _noted(workload)
        wanted = change(known)
        if wanted == known:
            return wanted
        text = json.dumps([asdict(each) for each in wanted], separators=(",", ":")) if wanted else None
        metadata = {"resourceVersion": workload["metadata"]["resourceVersion"], "annotations": {UNDO: text}}
        try:
            stack.api.patch(undo["kind"], undo["name"], {"metadata": metadata})
        except ApiRefused as error:
            if error.status != 409 or last:
                raise
            time.sleep(random.uniform(0, _LOOK_EVERY_S))
        else:
            return wanted
    raise AssertionError("the last try returns or raises")


def _clean_replica_sets(stack: Stack, deployment: str) -> None:
    """A Deployment's controller copies annotations to its ReplicaSets, but never takes one away there.

    It may copy once more what it had read before the Deployment was cleaned, so this looks more than once.
    """
    clean = 0
    while clean < _CLEAN_LOOKS:
        clean += 1
        for item in stack.api.list("ReplicaSet"):
            metadata = item["metadata"]
            is_owned = any(each["name"] == deployment for each in metadata.get("ownerReferences") or ())
            if is_owned and UNDO in (metadata.get("annotations") or {}):
                clean = 0
                stack.api.patch("ReplicaSet", metadata["name"], {"metadata": {"annotations": {UNDO: None}}})
        if clean < _CLEAN_LOOKS:
            time.sleep(_LOOK_EVERY_S)
