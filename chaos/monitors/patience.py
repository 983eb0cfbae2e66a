"""What hangs is waited for, not asked again and again.

A request for a file on an NFS server that is away holds one of the web server's processes until that server is back,
even when its client has long gone. A probe that sent on would hold them all, and be the outage that it measures.
"""

from __future__ import annotations

import socket
import threading
import time

from chaos.history import STILL_HANGS, Record, Skipped
from chaos.monitors.stream import Request

LONGEST_S = 20.0
"""After so many seconds another request is sent all the same."""

_KEPT_S = 300.0


class Patience:
    """Keeps the connections of requests that hang. Until one of them is answered or ends, nothing is to be sent."""

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._until = 0.0
        self._lock = threading.Lock()

    def over(self) -> bool:
        """Whether a request may be sent."""
        return time.monotonic() >= self._until

    def keep(self, connection: socket.socket) -> None:
        """Take over the connection of a request whose deadline is over, and wait for its answer."""
        with self._lock:
            self._until = time.monotonic() + self._longest_s
        threading.Thread(target=self._await, args=(connection,), name="patience", daemon=True).start()

    def _await(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.settimeout(_KEPT_S)
                connection.recv(1)
            except OSError:
                # Its end tells as much as an answer.
                pass
        with self._lock:
            self._until = 0.0


def patient(patience: Patience, stream: str, request: Request) -> Request:
    """The request, or the word that it was skipped while an earlier one hangs."""

    def asked(due: float) -> Record | None:
        return request(due) if patience.over() else Skipped(stream, round(due, 6), STILL_HANGS)

    return asked
