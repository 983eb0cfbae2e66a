"""The few namespace calls that Python 3.11 lacks."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from chaos.errors import HostError

CLONE_NEWNET = 0x40000000
_MNT_DETACH = 2
_GONE_S = 5.0
_libc = ctypes.CDLL(None, use_errno=True)

T = TypeVar("T")


def enter_network(netns: Path) -> None:
    """Move the calling thread into a network namespace. Raises OSError."""
    descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(netns))
    finally:
        os.close(descriptor)


def move_process(netns: Path) -> None:
    """Move this whole process into a network namespace. Raises HostError if it has threads: they would stay behind.

    One that has ended, and that the kernel has not taken away yet, is waited for.
    """
    deadline = time.monotonic() + _GONE_S
    while threading.active_count() == 1 and _tasks() != 1 and time.monotonic() < deadline:
        time.sleep(0.005)
    if _tasks() != 1 or threading.active_count() != 1:
        raise HostError("the process cannot join the cluster's network any more: it has started threads")
    try:
        enter_network(netns)
    except OSError as error:
        raise HostError(f"cannot join the cluster's network at {netns}: {error.strerror}") from error


def _tasks() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def inside(netns: Path, function: Callable[[], T]) -> T:
    """Call `function` in a thread that has joined the network namespace, and give back what came of it.

    Sockets that it opens belong to that namespace for good; the caller's own thread stays where it is.
    """

    def work() -> T:
        enter_network(netns)
        return function()

    with ThreadPoolExecutor(1, thread_name_prefix=f"in-{netns.name}") as pool:
        return pool.submit(work).result()


def unmount(path: str | Path) -> None:
    """Detach whatever is mounted at `path`. The system call, since umount(8) leaves /run/mount on the host."""
    if _libc.umount2(os.fsencode(path), _MNT_DETACH) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(path))
