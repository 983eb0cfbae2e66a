"""One command at a time changes a cluster."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chaos.errors import HachaosError, HostError

_POLL_S = 0.1


def holder(path: Path) -> str:
    """Who holds the lock, in words."""
    try:
        said = json.loads(path.read_text())
        return f"`hachaos cluster {said['action']}` (process {said['pid']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another hachaos command"


@contextmanager
def hold(
    path: Path, action: str, *, timeout_s: float = 900.0, on_wait: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Hold the lock at `path` for the length of the block; the file is gone afterwards.

    `on_wait` is called once with the holder's name if there is one. Raises HostError when the lock stays taken for
    `timeout_s` or cannot be made.
    """
    try:
        descriptor = _take(path, timeout_s, on_wait)
    except OSError as error:
        raise HostError(f"cannot lock {path}: {error.strerror}") from error
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "action": action}).encode(), 0)
        yield
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(descriptor)


def _take(path: Path, timeout_s: float, on_wait: Callable[[str], None]) -> int:
    deadline, waited = time.monotonic() + timeout_s, False
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The holder before us unlinks the file: a lock on a file without a name keeps nobody out.
            if _same_file(descriptor, path):
                return descriptor
        except BlockingIOError:
            if not waited:
                on_wait(holder(path))
                waited = True
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise _taken(path) from None
            time.sleep(_POLL_S)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _taken(path: Path) -> HachaosError:
    return HostError(f"{holder(path)} still holds {path}", hint="Wait for it, or end that process.")


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
