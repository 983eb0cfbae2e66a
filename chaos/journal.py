"""The journal on disk: one JSON object a line, append-only; what must survive a crash is synced before it counts."""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from chaos.errors import InputError, UsageError
from chaos.history import (
    FORMAT,
    KINDS,
    Contents,
    History,
    Note,
    Read,
    Record,
    ReplicaSeen,
    RunBegun,
    UndoPlanned,
    Write,
    from_json,
)

NAME = "journal.jsonl"

_SYNCED = (RunBegun, UndoPlanned)


class Journal:
    """Writes records from any thread, in the order in which it is given them.

    Whoever listens is called with each record after it was written, in the thread that wrote it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._listeners: list[Callable[[Record], None]] = []
        # Line by line: what a run that is killed had seen is there to be judged.
        self._file = self.path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def write(self, record: Record, *, sync: bool = False) -> None:
        """Append one record. Undo records (and any with `sync`) are on the disk when this returns."""
        line = json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            self._file.write(line + "\n")
            if sync or isinstance(record, _SYNCED):
                self._file.flush()
                os.fsync(self._file.fileno())
        for listener in self._listeners:
            try:
                listener(record)
            except Exception as error:  # noqa: BLE001
                self._note(record, error)

    def _note(self, record: Record, error: Exception) -> None:
        """Write down that a listener broke off: whoever wrote the record has nothing to do with it."""
        at = next((at for name in ("at", "end", "due") if (at := getattr(record, name, None)) is not None), 0.0)
        note = Note(at, f"the tool broke off over a record ({record.kind}): {error!r}")
        with self._lock:
            self._file.write(json.dumps(note.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n")

    def listen(self, listener: Callable[[Record], None]) -> None:
        """Call `listener` with every record from now on; it must be quick. Where it raises, a Note says so."""
        self._listeners = [*self._listeners, listener]

    def history(self) -> History:
        """What was written so far, read anew: a run of hours keeps none of it in memory. Errors are those of `read`."""
        return read(self.path.parent)

    def close(self) -> None:
        """Write out and sync everything."""
        with self._lock:
            if not self._file.closed:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read(folder: Path) -> History:
    """The history in a run folder. A torn last line (the writer died) is left out.

    Raises UsageError for a journal that is missing or of a newer format, InputError for one that is broken elsewhere
    than in its last line.
    """
    path = folder / NAME
    try:
        with path.open(encoding="utf-8", errors="replace") as file, without_collector():
            return History(_records(path, file))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="a run folder holds a journal.jsonl") from error


def _records(path: Path, lines: Iterable[str]) -> Iterator[Record]:
    reader = _Reader()
    for number, line in enumerate(lines, start=1):
        if line == "\n":
            continue
        try:
            record = reader.record(line)
        except (ValueError, TypeError, AttributeError) as error:
            if not line.endswith("\n"):
                return
            column, why = (error.colno, error.msg) if isinstance(error, json.JSONDecodeError) else (1, str(error))
            raise InputError(str(path), number, column, f"not a journal line: {why}") from error
        if isinstance(record, RunBegun) and record.format > FORMAT:
            raise UsageError(f"{path}: journal format {record.format} is newer than this hachaos reads ({FORMAT})")
        if record is not None:
            yield record


class _Reader:
    """Makes records of a journal's lines: the short way where a line is as `Journal` writes it, else by `from_json`.

    Of what is said again and again in a long run, each word and each pair of id and token is kept once.
    """

    def __init__(self) -> None:
        import msgspec  # Late, as the tool starts in less time without it.

        self._not_as_written = msgspec.MsgspecError
        self._typed = {kind: msgspec.json.Decoder(cls).decode for kind, cls in KINDS.items()}
        self._pairs: dict[tuple[int, str], tuple[int, str]] = {}

    def record(self, line: str) -> Record | None:
        """The record; None for a kind that is not known. Raises ValueError, TypeError or AttributeError."""
        decode = self._typed.get(line[len(_KIND) : line.find('"', len(_KIND))]) if line.startswith(_KIND) else None
        try:
            record = None if decode is None else decode(line)
        except self._not_as_written:
            record = None
        if record is None:
            return from_json(json.loads(line))
        return self._kept_once(record)

    def _kept_once(self, record: Record) -> Record:
        """The record, its words and pairs those that were read before."""
        put, intern = object.__setattr__, sys.intern  # Records are frozen, but this one is nobody's yet.
        if isinstance(record, Read):
            put(record, "via", intern(record.via))
            put(record, "what", intern(record.what))
        elif isinstance(record, Write):
            put(record, "what", intern(record.what))
            put(record, "writer", intern(record.writer))
            put(record, "outcome", intern(record.outcome))
            if record.key is not None:
                pair = (record.key, record.token)
                self._pairs[pair] = pair
        elif isinstance(record, ReplicaSeen):
            put(record, "pod", intern(record.pod))
            if record.source is not None:
                put(record, "source", intern(record.source))
        elif isinstance(record, Contents):
            put(record, "rows", self._once(record.rows))
            put(record, "posts", self._once(record.posts))
        return record

    def _once(self, pairs: tuple[tuple[int, str], ...]) -> tuple[tuple[int, str], ...]:
        return tuple(map(self._pairs.setdefault, pairs, pairs))


_KIND = '{"kind":"'


@contextmanager
def without_collector() -> Iterator[None]:
    """Look for no garbage in cycles meanwhile, nor ever among what was made: records have none, and are very many."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def folders(path: Path) -> list[Path]:
    """The run folders at a path, or below it: those of a suite, or of a folder of reports. In the order of names."""
    if (path / NAME).is_file():
        return [path]
    return sorted(found.parent for pattern in (f"*/{NAME}", f"*/*/{NAME}") for found in path.glob(pattern))
