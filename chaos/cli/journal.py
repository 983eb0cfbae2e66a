"""`hachaos journal`: read a run's journal for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chaos.cli import completion, run_folders
from chaos.errors import UsageError, raise_each
from chaos.redact import plain
from chaos.report import words

if TYPE_CHECKING:
    from chaos.history import History, Record

_SAMPLES = ("read", "write", "skipped", "replica", "volume", "contents", "site-contents", "heartbeat", "cluster-event")
"""Kinds of records that were only seen, and that there are very many of."""


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.option("--all", "everything", is_flag=True, help="Every record, each request and sample too.")
@click.option("--undo", "only_undo", is_flag=True, help="Only the undo records, and whether each was put back.")
@click.option("--json", "as_json", is_flag=True, help="The records as JSON lines.")
def journal(run: Path, *, everything: bool, only_undo: bool, as_json: bool) -> int:
    """Print what is in the journal of RUN, a line a record: time, what it is, its details.

    RUN is a run's folder, or one that holds such. By default only what was done and decided is shown, and the pods'
    changes. Needs no cluster. Exit code: 0, or 4 where there is no journal or one is broken (it is named, and all
    others are printed).
    """
    from chaos.journal import NAME, torn
    from chaos.report import words

    folders = run_folders.find([run])
    unread: list[UsageError] = []
    for folder, history in run_folders.each(folders, unread):
        shown = _chosen(history, everything=everything, only_undo=only_undo)
        if as_json:
            for record in shown:
                click.echo(json.dumps(record.to_json(), ensure_ascii=False))
            continue
        if len(folders) > 1:
            click.echo(f"{folder}:")
        lines = _undo_lines(history) if only_undo else ((_at(record), *_told(record)) for record in shown)
        for at, kind, text in lines:
            click.echo(plain(f"{words.clock(at):>9}  {kind:<13}  {text}").replace("\n", " ").rstrip())
        if torn(folder):
            click.echo(f"{folder / NAME}: the last line is torn (the run was cut off) and is left out", err=True)
        if history.ended is None:
            click.echo(f"{folder / NAME}: the run has no end: it goes on, or was killed (hachaos recover)", err=True)
    raise_each(unread)
    return 0


def _chosen(history: History, *, everything: bool, only_undo: bool) -> Iterator[Record]:
    for record in history:
        if only_undo:
            if record.kind in ("undo-planned", "undo-done"):
                yield record
        elif everything or record.kind not in _SAMPLES:
            yield record


def _undo_lines(history: History) -> Iterator[tuple[float, str, str]]:
    """Each undo record, and what became of it."""
    from chaos.history import UndoDone, UndoPlanned

    done = {record.id: record for record in history.of(UndoDone)}
    for planned in history.of(UndoPlanned):
        last = done.get(planned.id)
        if last is None:
            became = "not put back yet"
        elif last.verified:
            became = f"put back and looked at, {last.at:.1f} s"
        else:
            became = f"NOT put back: {last.error}"
        yield (
            planned.at,
            f"undo {planned.id}",
            f"step {planned.step + 1} {planned.action}: {became}; {_json(planned.undo)}",
        )


def _at(record: Record) -> float:
    for name in ("at", "start", "due"):
        at = getattr(record, name, None)
        if at is not None:
            return float(at)
    return 0.0


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _told(record: Record) -> tuple[str, str]:
    """What a record is, and its details, for a reader."""
    kind = record.kind
    make = _WORDS.get(kind)
    return kind, make(record) if make else _fields(record)


def _fields(record: Record) -> str:
    """All fields of a record that say something, without the times that begin its line."""
    values = record.to_json()
    skipped = ("kind", "at")
    return " ".join(
        f"{key}={_json(value)}" for key, value in values.items() if key not in skipped and value not in ("", None)
    )


def _run_begun(record: Any) -> str:
    stack = record.stack
    return f"{record.run}: {record.scenario} on {stack.get('target', '?')}, stack {stack.get('source', '?')}"


def _step(record: Any) -> str:
    return f"step {record.index + 1}" if record.index >= 0 else "baseline"


def _of_step(record: Any) -> str:
    return f"step {record.step + 1}" if record.step >= 0 else "baseline"


def _action_ended(record: Any) -> str:
    happened = {True: "had its effect", False: "had no effect", None: "no effect looked for"}[record.happened]
    effect = ", ".join(f"{what}: {_change(change)}" for what, change in record.effect.items())
    said = record.error or happened + (f" ({effect})" if effect else "")
    return f"{_of_step(record)} {record.action}: {said}"


def _change(change: Any) -> str:
    return " -> ".join(map(str, change)) if isinstance(change, list | tuple) else str(change)


def _pod(record: Any) -> str:
    state = "ending" if record.terminating else "ready" if record.ready else "not ready"
    containers = ", ".join(f"{name} {state}" for name, state in record.containers.items())
    return f"{record.name} {record.change}: {record.phase}, {state}, {record.restarts} restarts; {containers}"


_WORDS: dict[str, Callable[[Any], str]] = {
    "run-begun": _run_begun,
    "run-ended": lambda r: r.how + (f": {r.detail}" if r.detail else ""),
    "step-begun": lambda r: f"{_step(r)}: {r.name} ({r.action} {r.target})",
    "step-ended": lambda r: f"{_step(r)}: {r.problem or 'done'}",
    "action-begun": lambda r: (
        f"{_of_step(r)} {r.action}: {', '.join(r.objects)}" + (f" ({r.detail})" if r.detail else "")
    ),
    "action-ended": _action_ended,
    "undo-planned": lambda r: f"undo {r.id} of {_of_step(r)} {r.action}: {_json(r.undo)}",
    "undo-done": lambda r: f"undo {r.id}: {'put back and looked at' if r.verified else f'NOT put back: {r.error}'}",
    "wait-ended": lambda r: (
        f"{_of_step(r)}: {r.condition} {words.waited(r)} {r.took_s:.1f} s" + (f": {r.detail}" if r.detail else "")
    ),
    "pod": _pod,
    "pod-said": lambda r: f"{r.pod}: {' | '.join(r.lines)}",
    "note": lambda r: r.text,
}
