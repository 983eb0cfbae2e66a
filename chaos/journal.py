"""The journal on disk: one JSON object a line, append-only; what must survive a crash is synced before it counts."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from chaos.errors import InputError, UsageError
from chaos.history import FORMAT, History, Note, Record, RunBegun, UndoPlanned, from_json

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
        self._records: list[Record] = []

    def write(self, record: Record, *, sync: bool = False) -> None:
        """Append one record. Undo records (and any with `sync`) are on the disk when this returns."""
        line = json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            self._records.append(record)
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
            self._records.append(note)
            self._file.write(json.dumps(note.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n")

    def listen(self, listener: Callable[[Record], None]) -> None:
        """Call `listener` with every record from now on; it must be quick. Where it raises, a Note says so."""
        self._listeners = [*self._listeners, listener]

    def history(self) -> History:
        """What was written so far."""
        with self._lock:
            return History(self._records)

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
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="a run folder holds a journal.jsonl") from error
    records: list[Record] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            value = json.loads(line)
            record = from_json(value)
        except (ValueError, TypeError, AttributeError) as error:
            if number >= len(lines) - 1 and not text.endswith("\n"):
                break
            column, why = (error.colno, error.msg) if isinstance(error, json.JSONDecodeError) else (1, str(error))
            raise InputError(str(path), number, column, f"not a journal line: {why}") from error
        if isinstance(record, RunBegun) and record.format > FORMAT:
            raise UsageError(f"{path}: journal format {record.format} is newer than this hachaos reads ({FORMAT})")
        if record is not None:
            records.append(record)
    return History(records)


def folders(path: Path) -> list[Path]:
    """The run folders at a path, or below it: those of a suite, or of a folder of reports. In the order of names."""
    if (path / NAME).is_file():
        return [path]
    return sorted(found.parent for pattern in (f"*/{NAME}", f"*/*/{NAME}") for found in path.glob(pattern))
