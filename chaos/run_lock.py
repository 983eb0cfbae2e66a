"""One run at a time on an embedded cluster: two on one stack would judge each other's faults."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from chaos.errors import HostError

_locks: list[IO[str]] = []


def hold(cluster: str) -> None:
    """Hold the cluster's lock for as long as the process lives. Raises HostError with who holds it since when."""
    path = Path("/run/hachaos") / cluster / "run.lock"
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        raise HostError(f"a run is under way on cluster {cluster!r} ({holder})", hint="wait for it to end") from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n")
    lock.flush()
    _locks.append(lock)
