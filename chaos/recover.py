"""Finds what unfinished runs have left, and puts it back."""

from __future__ import annotations

from pathlib import Path

from chaos import journal, run_lock
from chaos.clock import Clock
from chaos.cluster import target as targets
from chaos.cluster.elsewhere import Elsewhere
from chaos.errors import UndoIncomplete
from chaos.history import History, RunBegun
from chaos.journal import Journal
from chaos.progress import progress
from chaos.stack import source
from chaos.undo import deployed_again, put_back, unfinished


def recover(
    reports: Path, *, stack: str, cluster: str, elsewhere: Elsewhere | None = None, quiet: bool = False
) -> list[str]:
    """Put back what unfinished runs in `reports` have changed, the latest first, then give back what they borrowed.

    `stack`, where it is a binding's file, is given back as well: a run may have been killed before it had a
    journal. Returns a line for each thing that was done. Raises UndoIncomplete when something could not be put back.
    """
    runs = [(folder, journal.read(folder)) for folder in reversed(journal.folders(reports))]
    changed = [(folder, history, _spec(history)) for folder, history in runs if unfinished(history)]
    cut_off = [_spec(history) for _, history in runs if history.ended is None]
    specs = [*(spec for *_, spec in changed), *(spec for spec in cut_off if Path(spec).is_file()), stack]
    stacks = {spec: source.of(spec) for spec in specs}
    borrowed = [each for each in stacks.values() if each.borrowed]
    if not borrowed and not changed:
        return []
    target = targets.of(elsewhere, cluster, None, quiet=quiet)
    if elsewhere is None:
        run_lock.hold(cluster)
    lines, left = [], []
    for folder, history, spec in changed:
        undos = unfinished(history)
        attached = stacks[spec].attach(target)
        with Journal(folder) as again:
            problems = put_back(attached, undos, again, Clock())
        if problems and not deployed_again(stacks[spec], target, folder, quiet=quiet):
            left += problems
        lines.append(f"{folder.relative_to(reports)}: {len(undos)} change(s) put back")
    with progress(quiet=quiet) as shown:
        lines += [
            f"{each.spec}: the rows, posts and uploads of a run that was killed are removed"
            for each in borrowed
            if each.release(each.attach(target), shown)
        ]
    if left:
        raise UndoIncomplete("; ".join(left))
    return lines


def _spec(history: History) -> str:
    """What names the stack of a run: a profile, or the path of a binding's file."""
    begun = next(iter(history.of(RunBegun)), None)
    return str(begun.stack.get("source", "hardened")) if begun else "hardened"
