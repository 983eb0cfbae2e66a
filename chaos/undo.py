"""Puts back what a run has changed, from the undo records in its journal, and looks whether it holds."""

from __future__ import annotations

from pathlib import Path

from chaos import journal as journals
from chaos.actions import ACTIONS
from chaos.clock import Clock
from chaos.cluster.target import Target
from chaos.errors import ClusterError, StackError
from chaos.history import History, UndoDone, UndoPlanned
from chaos.journal import Journal
from chaos.progress import progress
from chaos.scenario.plan import PUT_BACK_TIMEOUT_S
from chaos.stack.source import Source
from chaos.stack.stack import Stack


def put_back(
    stack: Stack, undos: list[UndoPlanned], journal: Journal, clock: Clock, timeout_s: float = PUT_BACK_TIMEOUT_S
) -> list[str]:
    """Carry out undo records, the last one first, and write down how each went. What is left undone, a line each.

    Of several that restore one thing only the first counts: it alone knows how the thing was before the run.
    """
    alike: dict[str, list[UndoPlanned]] = {}
    for undo in sorted(undos, key=lambda undo: undo.id):
        alike.setdefault(str(undo.undo.get("restores") or undo.id), []).append(undo)
    left = []
    for first, *later in sorted(alike.values(), key=lambda found: found[0].id, reverse=True):
        problem = ""
        try:
            ACTIONS[first.action].put_back(stack, first.undo, timeout_s)
        except ClusterError as error:
            problem = str(error)
            left.append(problem + (f" (by hand: {error.hint})" if error.hint else ""))
        for undo in (first, *later):
            journal.write(UndoDone(clock.now(), undo.id, verified=not problem, error=problem), sync=True)
    return left


def unfinished(history: History) -> list[UndoPlanned]:
    """The undo records of a run that were never carried out, or whose undo did not hold."""
    done = {record.id for record in history.of(UndoDone) if record.verified}
    return [record for record in history.of(UndoPlanned) if record.id not in done]


def deployed_again(stacks: Source, target: Target, folder: Path, *, quiet: bool) -> bool:
    """Bring a stack of ours to where it is sound; whether all that a run left undone is back then."""
    if stacks.borrowed:
        return False
    try:
        with progress(quiet=quiet) as shown:
            stack = stacks.ensure(target, shown)
    except StackError:
        return False
    undos = unfinished(journals.read(folder))
    with Journal(folder) as again:
        return not put_back(stack, undos, again, Clock())
