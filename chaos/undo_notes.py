"""Undo records on the objects that are changed, so that a run whose folder is lost can be put back too."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from chaos.actions import ACTIONS
from chaos.actions.action import Undo
from chaos.cluster.api import ApiRefused, Object
from chaos.errors import StackError
from chaos.history import UndoPlanned
from chaos.stack.stack import Stack

UNDO = "hachaos.dev/undo"
"""What the annotations on a changed object begin with: one for each undo record that touches it (see `key_of`)."""

_CLEAN_LOOKS = 3
_LOOK_EVERY_S = 0.2


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


def key_of(run: str, planned: UndoPlanned) -> str:
    """The annotation of one record of a run, which no other's has: whoever takes it away takes nothing else.

    A node may bear those of runs on other stacks, which are in other namespaces.
    """
    whose = f"{run} in {planned.undo.get('namespace', '')}"
    return f"{UNDO}-{sha256(whose.encode()).hexdigest()[:10]}-{planned.id}"


def note(stack: Stack, run: str, planned: UndoPlanned) -> None:
    """Write the undo record on the object that is about to be changed, if it is one that stays changed.

    Raises StackError when something else than records stands there, ClusterError when the cluster does not answer.
    """
    workload = _workload(stack, planned.undo)
    if workload is None:
        return
    _noted(workload)
    record = Noted(run, planned.id, planned.step, planned.action, planned.undo)
    _annotate(stack, planned.undo, {key_of(run, planned): json.dumps(asdict(record), separators=(",", ":"))})


def forget(stack: Stack, run: str, done: Collection[UndoPlanned]) -> None:
    """Take away the records of undos that were carried out, and what a Deployment's ReplicaSets copied of them.

    Raises ClusterError when the cluster does not answer.
    """
    on: dict[str, list[UndoPlanned]] = defaultdict(list)
    for planned in done:
        on[place(planned.undo)].append(planned)
    for (first, *_), keys in ((there, keys_of(run, there)) for there in on.values()):
        workload = _workload(stack, first.undo)
        if workload is None:
            continue
        if there := _annotations(workload).keys() & keys:
            _annotate(stack, first.undo, dict.fromkeys(there))
        if first.undo["kind"] == "Deployment":
            _clean_replica_sets(stack, str(first.undo["name"]), keys)


def keys_of(run: str, undos: Iterable[UndoPlanned]) -> list[str]:
    """The annotations of these records of a run."""
    return [key_of(run, planned) for planned in undos]


def is_noted(stack: Stack, run: str, alike: Collection[UndoPlanned]) -> bool:
    """Whether one of these records of a run, which restore one thing, stands on it still.

    So it is too where nobody can tell: it is on no object, or that is not there, or may not be looked at. Raises
    ClusterError when the cluster does not answer.
    """
    for planned in alike:
        try:
            workload = _workload(stack, planned.undo)
        except ApiRefused:
            return True
        if workload is None or key_of(run, planned) in _annotations(workload):
            return True
    return False


def on_workloads(stack: Stack) -> list[Noted]:
    """All records on the stack's workloads; those of one run in the order of writing. Raises as `note` does."""
    records: list[Noted] = []
    for controller in stack.binding.controllers.values():
        workload = stack.api.get(controller.kind, controller.name)
        if workload is not None:
            records += _noted(workload | {"kind": controller.kind})
    return records


def on_nodes(stack: Stack) -> list[Noted] | None:
    """All records on nodes that are of this stack; None where one may not look at nodes. Raises as `note` does."""
    try:
        nodes = stack.api.list("Node")
    except ApiRefused as error:
        if error.status == 403:
            return None
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
    """The records on an object. Raises StackError for one that hachaos did not write."""
    here = f"{workload['kind'].lower()}/{workload['metadata']['name']}"
    records = []
    for key, text in _annotations(workload).items():
        if key != UNDO and not key.startswith(f"{UNDO}-"):
            continue
        try:
            each = Noted(**json.loads(text))
            # What stands on one object must not lead to a change of another.
            is_ours = (
                isinstance(each.run, str)
                and isinstance(each.id, int)
                and isinstance(each.step, int)
                and each.action in ACTIONS
                and place(each.undo) == here
                and key == key_of(each.run, each.planned)
            )
        except (ValueError, TypeError, AttributeError):
            is_ours = False
        if not is_ours:
            raise StackError(
                f"{here}: annotation {key} is not what hachaos writes: {str(text)[:200]!r}",
                hint="of an extension that is not installed here? If not, look what it was for, then: "
                f"kubectl annotate {here} {key}-",
            )
        records.append(each)
    return sorted(records, key=lambda each: (each.run, each.id))


def _annotations(item: Object) -> Mapping[str, str]:
    return item["metadata"].get("annotations") or {}


def _annotate(stack: Stack, undo: Undo, annotations: Mapping[str, str | None]) -> None:
    stack.api.patch(undo["kind"], undo["name"], {"metadata": {"annotations": dict(annotations)}})


def _clean_replica_sets(stack: Stack, deployment: str, keys: Collection[str]) -> None:
    """A Deployment's controller copies annotations to its ReplicaSets, but never takes one away there.

    It may copy once more what it had read before the Deployment was cleaned, so this looks more than once.
    """
    clean = 0
    while clean < _CLEAN_LOOKS:
        clean += 1
        for item in stack.api.list("ReplicaSet"):
            metadata = item["metadata"]
            is_owned = any(each["name"] == deployment for each in metadata.get("ownerReferences") or ())
            there = _annotations(item).keys() & set(keys)
            if is_owned and there:
                clean = 0
                stack.api.patch("ReplicaSet", metadata["name"], {"metadata": {"annotations": dict.fromkeys(there)}})
        if clean < _CLEAN_LOOKS:
            time.sleep(_LOOK_EVERY_S)
