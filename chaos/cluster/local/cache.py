"""What is built once and kept: one folder an artefact, named by its versions and the hash of its recipe.

An entry appears under its name only when it is whole: it is made in a temporary folder beside it and renamed, and a
list of its files' sizes tells later whether something was lost from it. Whatever a cut-off build left is swept away by
the next one, which holds the lock.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos import paths
from chaos.errors import HostError
from chaos.progress import Progress

_CONTENTS = ".contents.json"
_UNFINISHED = ".unfinished"
_KEY_LENGTH = 12
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def root() -> Path:
    """The cache's folder."""
    return paths.cache_root()


def key(*parts: str | Path) -> str:
    """A name for what is made from `parts`: texts, files and whole folders (relative names, contents, x bits)."""
    digest = hashlib.sha256()

    def add(data: bytes) -> None:
        # The length keeps ("ab", "c") apart from ("a", "bc").
        digest.update(f"{len(data)}:".encode())
        digest.update(data)

    for part in parts:
        if isinstance(part, str):
            add(part.encode())
            continue
        files = sorted(file for file in part.rglob("*") if file.is_file()) if part.is_dir() else [part]
        for file in files:
            if "__pycache__" in file.parts:
                continue
            add(str(file.relative_to(part)).encode() if part.is_dir() else part.name.encode())
            add(b"x" if os.access(file, os.X_OK) else b"-")
            add(file.read_bytes())
    return digest.hexdigest()[:_KEY_LENGTH]


def entry(name: str, entry_key: str) -> Path:
    """Where the artefact `name` with this key is, or will be."""
    return root() / f"{name}-{entry_key}"


def is_whole(path: Path) -> bool:
    """Whether the entry is there with every file that it was made with, of the same size."""
    try:
        contents: dict[str, int] = json.loads((path / _CONTENTS).read_text())
        return all((path / name).stat().st_size == size for name, size in contents.items())
    except (OSError, ValueError, AttributeError):
        return False


@contextmanager
def building(path: Path, *, watch: Callable[[Path], bool] = lambda _: True) -> Iterator[Path]:
    """A folder to make the entry in. It gets the entry's name when the block ends well, else it is removed.

    Files for which `watch` is true are listed with their sizes, for `is_whole`. Raises HostError when the disk is full.
    """
    temporary = path.with_name(f"{path.name}{_UNFINISHED}")
    remove(temporary)
    remove(path)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        contents = {
            str(file.relative_to(temporary)): file.stat().st_size
            for file in temporary.rglob("*")
            if file.is_file() and not file.is_symlink() and watch(file)
        }
        (temporary / _CONTENTS).write_text(json.dumps(contents, indent=1))
        temporary.rename(path)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise HostError(
            f"cannot write {temporary}: {os.strerror(error.errno)}",
            hint=f"Make room on the disk of {root()}, then try again; what is whole is kept.",
        ) from error
    finally:
        remove(temporary)


def remove(path: Path) -> None:
    """Remove a folder and all that is in it, if it is there."""
    shutil.rmtree(path, ignore_errors=not path.exists())


def sweep() -> None:
    """Remove what cut-off builds left. Only for the holder of the lock."""
    for leftover in root().glob(f"*{_UNFINISHED}"):
        remove(leftover)


@contextmanager
def lock(progress: Progress, *, poll_s: float = 0.2) -> Iterator[None]:
    """Keep other builds out for the length of the block; wait for one that runs, saying so and for whom."""
    root().mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root() / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _try_lock(descriptor):
            with progress.task("wait for another build") as task:
                while not _try_lock(descriptor):
                    task.update(os.pread(descriptor, 200, 0).decode(errors="replace").strip())
                    time.sleep(poll_s)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, since {time.strftime('%H:%M:%S')}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
