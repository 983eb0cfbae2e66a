"""Puts back what a run has changed, from undo records, and looks whether it holds."""

from __future__ import annotations

import random
import shlex
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos import bugs, undo_notes
from chaos import journal as journals
from chaos.actions import ACTIONS
from chaos.actions.action import kubectl, on_its_cluster
from chaos.actions.workload import replicas_of
from chaos.clock import Clock
from chaos.cluster.api import ApiRefused
from chaos.cluster.target import Target
from chaos.errors import ClusterError, HachaosError, StackError, UndoIncomplete, Unreachable
from chaos.history import History, UndoDone, UndoPlanned
from chaos.journal import Journal
from chaos.paths import CLUSTER
from chaos.progress import progress
from chaos.scenario.plan import PUT_BACK_TIMEOUT_S
from chaos.stack.source import Source
from chaos.stack.stack import Stack

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0
_FOR_GOOD = (400, 403, 404, 405, 422)
"""What an API server answers that will answer the same the next time."""


def put_back(
    stack: Stack,
    undos: list[UndoPlanned],
    journal: Journal,
    clock: Clock,
    timeout_s: float = PUT_BACK_TIMEOUT_S,
    *,
    is_lost: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Carry out undo records, the last one first, and write down how each went. What is left undone, a line each.

    Each has `timeout_s`, and is tried again with backoff for as long where the cluster does not answer. Of several that
    restore one thing only the first counts: it alone knows how the thing was before the run. Before each try `is_lost`
    says whether somebody else may have put it back since: what bears no note of the run any more is left as it is then.
    It may raise Unreachable, which is a try that failed.
    """
    carrier = Carrier(stack, undo_notes.run_of(journal.path.parent), undos, journal.path.parent, is_lost)
    left = []
    for alike in in_order(undos):
        problem = carrier.carry_out(alike, timeout_s)
        if problem:
            left.append(problem)
        for undo in alike:
            journal.write(UndoDone(clock.now(), undo.id, verified=not problem, error=problem), sync=True)
    return left


def in_order(undos: Iterable[UndoPlanned]) -> list[list[UndoPlanned]]:
    """Undo records of one run in the order in which they are carried out: the last first, together what restores one
    thing, of which the first is the one that counts.
    """
    alike: dict[str, list[UndoPlanned]] = {}
    for undo in sorted(undos, key=lambda undo: undo.id):
        alike.setdefault(str(undo.undo.get("restores") or undo.id), []).append(undo)
    return sorted(alike.values(), key=lambda found: found[0].id, reverse=True)


@dataclass(frozen=True)
class Carrier:
    """Carries out undos of one run, of which `undos` are all that are known.

    The traceback of what nobody foresaw is kept in `folder`. `is_lost` as in `put_back`.
    """

    stack: Stack
    run: str
    undos: Sequence[UndoPlanned]
    folder: Path | None = None
    is_lost: Callable[[], bool] = lambda: False

    def carry_out(self, alike: Sequence[UndoPlanned], timeout_s: float) -> str:
        """Carry out one undo, given with those that restore the same, and take its records off the object.

        Returns what is wrong. Goes on trying until `timeout_s` is over where the cluster does not answer.
        """
        name = alike[0].action
        began, wait_s = time.monotonic(), _FIRST_WAIT_S
        while True:
            left_s = began + timeout_s - time.monotonic()
            try:
                self._try(alike, max(left_s, 0.0))
            except ApiRefused as error:
                if error.status in _FOR_GOOD:
                    return str(error)
                problem = str(error)
            except Unreachable as error:
                spent = time.monotonic() - began
                problem = f"{name}: not put back: the cluster could not be reached for {spent:.0f} s: {error}"
            except HachaosError as error:
                return str(error)
            except Exception as error:  # noqa: BLE001
                # The others have to be put back whatever is wrong with this one.
                return f"{name}: {self._kept(error)}"
            else:
                return ""
            left_s = began + timeout_s - time.monotonic()
            if left_s <= 0:
                return problem
            time.sleep(min(wait_s * random.uniform(0.5, 1.0), left_s))
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _try(self, alike: Sequence[UndoPlanned], timeout_s: float) -> None:
        first = alike[0]
        # Draining a node had to be allowed; putting it back needs no further word.
        stack = self.stack.fenced(allow_nodes=True) if first.undo.get("kind") == "Node" else self.stack
        if self.is_lost() and not undo_notes.is_noted(stack, self.run, alike):
            return
        if said := anothers_wish(stack, first, self.undos):
            raise StackError(said)
        ACTIONS[first.action].put_back(stack, first.undo, timeout_s)
        undo_notes.forget(stack, self.run, alike)

    def _kept(self, error: Exception) -> str:
        if self.folder is None:
            return repr(error)
        bug = bugs.keep(error, self.folder)
        return f"{bug} ({bug.hint})"


def anothers_wish(stack: Stack, first: UndoPlanned, undos: Iterable[UndoPlanned]) -> str:
    """Why a number of replicas is left as it is: somebody else has set it. Empty where the undo may change it.

    It is so where the number is neither one that the run found, nor one that it set, in any of its `undos`. Raises
    ClusterError when the cluster does not answer.
    """
    kind, name = first.undo.get("kind"), first.undo.get("name")
    steps = [each.undo for each in undos if (each.undo.get("kind"), each.undo.get("name")) == (kind, name)]
    ours = {undo[key] for undo in steps for key in ("replicas", "set") if key in undo}
    if "set" not in first.undo or (workload := stack.api.get(str(kind), str(name))) is None:
        return ""
    now, found = replicas_of(workload), first.undo["replicas"]
    if now in ours:
        return ""
    known = ", ".join(str(number) for number in sorted(ours - {found}))
    return (
        f"{undo_notes.place(first.undo)}: somebody else has set its replicas to {now} (the run found {found} and set "
        f"{known}), so they are left: by hand, kubectl scale puts {found} back, kubectl annotate alone keeps {now}"
    )


def unfinished(history: History) -> list[UndoPlanned]:
    """The undo records of a run that were never carried out, or whose undo did not hold."""
    done = {record.id for record in history.of(UndoDone) if record.verified}
    return [record for record in history.of(UndoPlanned) if record.id not in done]


def by_hand(stack: Stack, run: str, undos: Collection[UndoPlanned]) -> list[str]:
    """The shell commands that carry out undo records of a run, in the order in which they have to be given.

    The last ones take the records off the objects, and no other run's.
    """
    namespace = stack.api.namespace
    commands: list[str] = []
    noted: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for alike in in_order(undos):
        first = alike[0]
        if first.action in ACTIONS:
            commands += ACTIONS[first.action].by_hand(first.undo, namespace)
        keys = [f"{key}-" for key in undo_notes.keys_of(run, alike)]
        if place := undo_notes.place(first.undo):
            noted[place,] += keys
        if first.undo.get("kind") == "Deployment":
            # Its controller hands annotations on.
            noted["replicasets", "-l", stack.binding.controller(first.undo["role"]).selector] += keys
    commands += [kubectl(namespace, "annotate", *which, *keys) for which, keys in noted.items()]
    return [on_its_cluster(stack, command) for command in commands]


def recovery(stack: Stack | None, spec: str = "") -> str:
    """The command that puts back what is left, or removes what was written, on the cluster of a stack."""
    words = ["hachaos recover"]
    if spec:
        words.append(shlex.join(["--stack", spec]))
    if stack is not None and stack.elsewhere is not None:
        words.append(stack.elsewhere.option)
    elif stack is not None and stack.local_cluster not in ("", CLUSTER):
        words.append(shlex.join(["--name", stack.local_cluster]))
    return " ".join(words)


def incomplete(stack: Stack, run: str, problems: Iterable[str], undos: Collection[UndoPlanned]) -> UndoIncomplete:
    """The error for what a run left undone, with the commands that do it, one a line."""
    return left_to_do(problems, by_hand(stack, run, undos), recovery(stack))


def left_to_do(problems: Iterable[str], commands: Collection[str], recover: str) -> UndoIncomplete:
    """As `incomplete`, of commands that are known already."""
    hint = recover + (", or by hand:\n" + "\n".join(commands) if commands else "")
    return UndoIncomplete("; ".join(problems), hint=hint)


def deployed_again(stacks: Source, target: Target, folder: Path, *, quiet: bool) -> bool:
    """Bring a stack of ours to where it is sound; whether all that a run left undone is back then.

    Nothing is ever deployed on a cluster that is not the embedded one, nor over what somebody else has set.
    """
    if stacks.borrowed or not target.local:
        return False
    undos = unfinished(journals.read(folder))
    try:
        if _are_anothers(stacks, target, undos):
            return False
        with progress(quiet=quiet) as shown:
            stack = stacks.ensure(target, shown)
    except (ClusterError, StackError):
        return False
    with Journal(folder) as again:
        return not put_back(stack, undos, again, Clock())


def _are_anothers(stacks: Source, target: Target, undos: Collection[UndoPlanned]) -> bool:
    try:
        stack = stacks.attach(target)
    except StackError:
        return False  # What is not whole is nobody's wish.
    return any(anothers_wish(stack, each, undos) for each in undos)
