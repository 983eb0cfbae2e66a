"""The journal on disk: one JSON object a line, append-only; what must survive a crash is synced before it counts."""

from __future__ import annotations

import gc
import itertools
import json
import os
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from chaos.errors import HachaosError, InputError, UsageError
from chaos.history import (
    FORMAT,
    KINDS,
    ActionBegun,
    ActionEnded,
    ApiServerSeen,
    ClusterEvent,
    Contents,
    Heartbeat,
    History,
    Note,
    PodSaid,
    Read,
    Record,
    ReplicaSeen,
    RunBegun,
    RunEnded,
    SiteContents,
    StepBegun,
    StepEnded,
    UndoDone,
    UndoPlanned,
    VolumeSeen,
    WaitEnded,
    Write,
    from_json,
)
from chaos.redact import redact_value

NAME = "journal.jsonl"

ROOM = "make room there, or name another folder with --reports"

_DAMAGED = "the file was changed or damaged since: copy the run's folder anew from where it ran, or leave that run out"

_SYNCED = (RunBegun, UndoPlanned)


class JournalFull(HachaosError):
    """What has to be on the disk before something is done cannot be written: it must not be done."""


class Journal:
    """Writes records from any thread, in the order in which it is given them.

    Whoever listens is called with each record after it was written, in the thread that wrote it. What text of a record
    came from outside is redacted first, for the listeners as well.

    A disk that takes no more breaks off nobody's work but what must not begin without its record: `problem` has the
    first error, `failed` is called with it once, and what can be written later still is. Raises JournalFull where it
    cannot be begun.
    """

    def __init__(self, folder: Path, failed: Callable[[OSError], None] | None = None) -> None:
        self.path = folder / NAME
        self.problem: OSError | None = None
        self._failed = failed
        self._listeners: list[Callable[[Record], None]] = []
        try:
            _mend(self.path)
            # Without a buffer: what a run that is killed had seen is there to be judged.
            self._file = self.path.open("ab", buffering=0)
        except OSError as error:
            raise JournalFull(self.said(error), hint=ROOM) from error
        self._size = os.fstat(self._file.fileno()).st_size
        self._lock = threading.Lock()

    def write(self, record: Record, *, sync: bool = False) -> None:
        """Append one record. Undo records (and any with `sync`) are on the disk when this returns.

        Raises JournalFull where that is not so for an undo record, or for the one that begins the run.
        """
        record = _redacted(record)
        ahead = isinstance(record, _SYNCED)
        error = self._append(record, sync=sync or ahead)
        if error is not None and ahead:
            raise JournalFull(self.said(error), hint=ROOM) from error
        for listener in self._listeners:
            try:
                listener(record)
            except Exception as broken:  # noqa: BLE001
                self._note(record, broken)

    def said(self, error: OSError) -> str:
        """An error of the disk's as the user is told of it."""
        return f"{self.path}: {error.strerror or error}"

    def _append(self, record: Record, *, sync: bool = False) -> OSError | None:
        data = json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"
        try:
            with self._lock:
                self._put(data, sync=sync)
        except OSError as error:
            first, self.problem = self.problem is None, self.problem or error
            if first and self._failed is not None:
                self._failed(error)
            return error
        return None

    def _put(self, data: bytes, *, sync: bool) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError:
            # A part of a line would be glued to the next one that finds room.
            with suppress(OSError):
                os.ftruncate(self._file.fileno(), self._size)
            raise
        self._size += len(data)
        if sync:
            os.fsync(self._file.fileno())

    def _note(self, record: Record, error: Exception) -> None:
        """Write down that a listener broke off: whoever wrote the record has nothing to do with it."""
        at = next((at for name in ("at", "end", "due") if (at := getattr(record, name, None)) is not None), 0.0)
        self._append(_redacted(Note(at, f"the tool broke off over a record ({record.kind}): {error!r}")))

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
                try:
                    os.fsync(self._file.fileno())
                except OSError as error:
                    self.problem = self.problem or error
                self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_FROM_OUTSIDE: dict[type[Record], tuple[str, ...]] = {
    ApiServerSeen: ("reason",),
    RunBegun: ("claim", "plan", "scenario_text"),
    RunEnded: ("detail",),
    StepBegun: ("name",),
    StepEnded: ("problem",),
    ActionBegun: ("detail",),
    ActionEnded: ("effect", "error"),
    UndoDone: ("error",),
    WaitEnded: ("detail",),
    Write: ("reason",),
    ClusterEvent: ("message",),
    ReplicaSeen: ("error", "last_error"),
    VolumeSeen: ("provenance", "error"),
    Contents: ("error",),
    Heartbeat: ("reason", "unasked"),
    SiteContents: ("error", "baseline"),
    PodSaid: ("lines",),
    Note: ("text",),
}
"""Which fields may quote what a server, a pod, a library or a user's file says. All others are the tool's own words."""


def _redacted(record: Record) -> Record:
    changed = {
        name: new
        for name in _FROM_OUTSIDE.get(type(record), ())
        if (old := getattr(record, name)) and (new := redact_value(old)) != old
    }
    return replace(record, **changed) if changed else record


def _mend(path: Path) -> None:
    """Cut off a torn last line, to which the next one would be glued; one that lacks only its end is given that."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        tail, size = b"", _TAIL
        while end > len(tail) and b"\n" not in tail:
            file.seek(max(end - size, 0))
            tail = file.read()
            # What a pod holds is one line, of many megabytes after a long run.
            size *= 2
        torn = tail.rpartition(b"\n")[2]
        if not torn:
            return
        try:
            json.loads(torn)
        except ValueError:
            file.truncate(end - len(torn))
        else:
            file.seek(end)
            file.write(b"\n")
        os.fsync(file.fileno())


def read(folder: Path) -> History:
    """The history in a run folder. A torn last line (the writer died) is left out.

    Raises UsageError for a journal that is missing or of a newer format, InputError for one that is broken elsewhere
    than in its last line.
    """
    path = folder / NAME
    try:
        with path.open("rb") as file, without_collector():
            return History(itertools.chain.from_iterable(_blocks(path, file)))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="a run folder holds a journal.jsonl") from error


def torn(folder: Path) -> bool:
    """Whether the last line of a run folder's journal lacks its end: the writer died, or is at it right now."""
    with (folder / NAME).open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _blocks(path: Path, file: BinaryIO) -> Iterator[Iterable[Record]]:
    """The records of the journal, many at once."""
    reader, number = _Reader(), 1
    while block := file.readlines(_BLOCK):
        records = reader.block(block)
        yield _one_by_one(path, block, number, reader) if records is None else records
        number += len(block)
        if not block[-1].endswith(b"\n"):
            # What is written to it meanwhile is no line of its own.
            return


def _one_by_one(path: Path, lines: Iterable[bytes], first: int, reader: _Reader) -> Iterator[Record]:
    """The records of lines of which the first has this number. Raises as `read` does."""
    for number, line in enumerate(lines, start=first):
        if line in (b"\n", b"\r\n"):
            continue
        try:
            record = reader.record(line)
        except (ValueError, TypeError, AttributeError) as error:
            if not line.endswith(b"\n"):
                return
            column, why = (error.colno, error.msg) if isinstance(error, json.JSONDecodeError) else (1, str(error))
            raise InputError(str(path), number, column, f"not a journal line: {why}", hint=_DAMAGED) from error
        if isinstance(record, RunBegun) and record.format > FORMAT:
            raise UsageError(
                f"{path}: journal format {record.format} is newer than this hachaos reads ({FORMAT})",
                hint=f"hachaos {record.versions.get('hachaos', '')} made it: judge it with that, or a later one",
            )
        if record is not None:
            yield record


class _Reader:
    """Makes records of a journal's lines: the short way where they are as `Journal` writes them, else by `from_json`.

    Of what is said again and again in a long run, each word and each pair of id and token is kept once.
    """

    def __init__(self) -> None:
        import msgspec  # Late, as the tool starts in less time without it.

        self._not_as_written = msgspec.MsgspecError
        self._of_kind = {cls.kind.encode(): msgspec.json.Decoder(list[cls]).decode for cls in KINDS.values()}  # type: ignore[valid-type]
        self._pairs: dict[tuple[int, str], tuple[int, str]] = {}
        self._lists = b""
        self._rows: tuple[tuple[int, str], ...] = ()
        self._posts: tuple[tuple[int, str], ...] = ()

    def block(self, lines: Sequence[bytes]) -> list[Record] | None:
        """The records of many lines at once; None where one of them has to be looked at by itself."""
        begin = len(_KIND)
        kinds = [line[begin : line.find(b'"', begin)] for line in lines]
        of_kind: dict[bytes, list[bytes]] = defaultdict(list)
        for kind, line in zip(kinds, lines, strict=True):
            of_kind[kind].append(line)
        if not of_kind.keys() <= self._of_kind.keys() - {_BEGUN}:
            return None
        made = {}
        for kind, some in of_kind.items():
            try:
                if kind == _CONTENTS:
                    records = [one for line in some for one in self._contents(line)]
                else:
                    records = self._of_kind[kind](b"[%b]" % b",".join(some))
                    self._keep_once(records)
            except self._not_as_written:
                return None
            if len(records) != len(some):
                return None
            made[kind] = iter(records)
        return [next(made[kind]) for kind in kinds]

    def record(self, line: bytes) -> Record | None:
        """The record; None for a kind that is not known. Raises ValueError, TypeError or AttributeError."""
        kind = line[len(_KIND) : line.find(b'"', len(_KIND))] if line.startswith(_KIND) else b""
        try:
            records = self._of_kind[kind](b"[%b]" % line) if kind in self._of_kind else []
        except self._not_as_written:
            records = []
        if len(records) != 1:
            return from_json(json.loads(line.decode(errors="replace")))
        self._keep_once(records)
        return records[0]

    def _contents(self, line: bytes) -> Sequence[Record]:
        """The record of what a pod holds; what the last one holds as well, as pods do, is not read again but shared."""
        lists = line[line.find(_LISTS[0]) : line.find(_LISTS[2])]
        is_known = lists == self._lists and lists.startswith(_LISTS[0]) and _LISTS[1] in lists
        records = self._of_kind[_CONTENTS](b"[%b]" % (line.replace(lists + b",", b"", 1) if is_known else line))
        self._keep_once(records)
        for one in cast("Sequence[Contents]", records):
            if is_known:
                object.__setattr__(one, "rows", self._rows)
                object.__setattr__(one, "posts", self._posts)
            self._lists, self._rows, self._posts = lists, one.rows, one.posts
        return records

    def _keep_once(self, records: Sequence[Record]) -> None:
        """Make records of one kind share their words and pairs with those that were read before."""
        put = object.__setattr__  # Records are frozen, but these are nobody's yet.
        for name in _WORDS.get(type(records[0]), ()):
            words = map(sys.intern, map(attrgetter(name), records))
            deque(map(put, records, itertools.repeat(name), words), maxlen=0)
        if isinstance(records[0], Write):
            keys = ((one.key, one.token) for one in cast("Sequence[Write]", records) if one.key is not None)
            self._pairs.update(zip(*itertools.tee(keys), strict=True))
        elif isinstance(records[0], Contents):
            for one in cast("Sequence[Contents]", records):
                put(one, "rows", self._once(one.rows))
                put(one, "posts", self._once(one.posts))
                if one.uploads:
                    put(one, "uploads", self._once(one.uploads))

    def _once(self, pairs: tuple[tuple[int, str], ...]) -> tuple[tuple[int, str], ...]:
        return tuple(map(self._pairs.setdefault, pairs, pairs))


_WORDS: dict[type[Record], tuple[str, ...]] = {
    Read: ("via", "what"),
    Write: ("what", "writer", "outcome"),
    ReplicaSeen: ("pod",),
}
"""Which fields have the same few words again and again."""

_LISTS = (b'"rows":[', b'],"posts":[', b',"baseline":{')
"""Where the lists of what a pod holds begin in its line, where the first ends, and where both do."""

_BLOCK = 1 << 19
"""Lines of about so many bytes are read at once."""

_TAIL = 65536
"""So many bytes of a file's end are read first to find where its last line begins, then twice as many, and so on."""

_KIND = b'{"kind":"'
_BEGUN, _CONTENTS = (cls.kind.encode() for cls in (RunBegun, Contents))


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
