"""The index of `reports/`: an SQLite file that holds what was read of each run folder, so that it is read once.

The folders are the store: the index can be deleted at any time, and is made anew when it is broken or of another
version. Each look walks the folders and reads only those whose file is another than last time. Two that do so at once
write the same rows, one after the other.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

from chaos.errors import UsageError
from chaos.past.runs import JOURNAL, NOT_RUN, REPORT, Newer, Run, placed, read

FORMAT: Final = 2
"""Version of the index: of its tables, and of what is read from a folder."""

NAME: Final = ".history.sqlite3"

_DEEPEST: Final = 4
_COLUMNS: Final = tuple(field.name for field in fields(Run))
_WAIT_S: Final = 30.0
_NEWER: Final = "newer"
_UNREADABLE: Final = "unreadable"


@dataclass(frozen=True)
class Past:
    """All runs in the order of time; the folders that could not be read, and those that only a newer hachaos can."""

    runs: tuple[Run, ...]
    unreadable: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()

    @property
    def unread(self) -> int:
        """Of how many folders nothing is known."""
        return len(self.unreadable) + len(self.newer)


def past(reports: Path) -> Past:
    """All runs below a folder of reports. Raises UsageError where there is no such folder.

    Where the index cannot be written (a read-only volume, a full disk), it is kept in memory for this one look.
    """
    if not reports.is_dir():
        raise UsageError(f"{reports}: there is no such folder", hint="--reports names the folder that runs go to")
    found = dict(_sources(reports))
    path = reports / NAME
    for attempt in (path, path, ":memory:"):
        try:
            return _through(attempt, reports, found)
        except sqlite3.OperationalError:
            continue  # it cannot be opened, written or waited for
        except sqlite3.DatabaseError:
            with suppress(OSError):
                path.unlink()
    raise AssertionError  # pragma: no cover - a database in memory is always fit


def _sources(reports: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Of each folder that tells of a run: its name below the reports, the file that does, and the stamp of that."""
    waiting = [("", 0)]
    while waiting:
        folder, depth = waiting.pop()
        inside = {}
        with suppress(OSError), os.scandir(reports / folder) as entries:
            inside = {entry.name: entry for entry in entries if not entry.name.startswith(".")}
        for name in (REPORT, JOURNAL, NOT_RUN) if depth else ():
            if name in inside:
                with suppress(OSError):
                    seen = inside[name].stat()
                    yield folder, (name, f"{name}:{seen.st_mtime_ns}:{seen.st_size}")
                break
        if JOURNAL not in inside and depth < _DEEPEST:
            waiting += [
                (f"{folder}/{name}" if folder else name, depth + 1)
                for name, entry in inside.items()
                if entry.is_dir(follow_symlinks=False)
            ]


def _through(path: Path | str, reports: Path, found: dict[str, tuple[str, str]]) -> Past:
    with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as index:
        _require_tables(index)
        known = dict(index.execute("SELECT folder, stamp FROM sources"))
        gone = known.keys() - found.keys()
        changed = [folder for folder, (_, stamp) in found.items() if known.get(folder) != stamp]
        if gone or changed:
            made = [
                (folder, found[folder][1], *_read(reports / folder / found[folder][0], folder)) for folder in changed
            ]
            index.execute("BEGIN IMMEDIATE")
            for folder in [*gone, *changed]:
                index.execute("DELETE FROM sources WHERE folder = ?", (folder,))
                index.execute("DELETE FROM runs WHERE folder = ?", (folder,))
            for folder, stamp, problem, runs in made:
                index.execute("INSERT INTO sources VALUES (?, ?, ?)", (folder, stamp, problem))
                marks = ", ".join("?" * len(_COLUMNS))
                index.executemany(f"INSERT INTO runs VALUES ({marks})", map(astuple, runs))  # noqa: S608
            index.execute("COMMIT")
        rows = [Run(*row) for row in index.execute(f"SELECT {', '.join(_COLUMNS)} FROM runs")]  # noqa: S608
        problems = index.execute("SELECT problem, folder FROM sources WHERE problem <> '' ORDER BY folder").fetchall()
    return Past(
        tuple(placed(rows)),
        tuple(folder for problem, folder in problems if problem == _UNREADABLE),
        tuple(folder for problem, folder in problems if problem == _NEWER),
    )


def _require_tables(index: sqlite3.Connection) -> None:
    if index.execute("PRAGMA user_version").fetchone()[0] == FORMAT:
        return
    index.execute("BEGIN IMMEDIATE")
    if index.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
        index.execute("DROP TABLE IF EXISTS sources")
        index.execute("DROP TABLE IF EXISTS runs")
        index.execute("CREATE TABLE sources (folder TEXT PRIMARY KEY, stamp TEXT, problem TEXT)")
        index.execute(f"CREATE TABLE runs ({', '.join(_COLUMNS)})")
        index.execute("CREATE INDEX runs_of ON runs (folder)")
        index.execute(f"PRAGMA user_version = {FORMAT}")
    index.execute("COMMIT")


def _read(path: Path, folder: str) -> tuple[str, list[Run]]:
    try:
        return "", read(path, folder)
    except Newer:
        return _NEWER, []
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return _UNREADABLE, []
