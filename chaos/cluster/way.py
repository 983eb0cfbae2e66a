"""What leads to the pods and Services of a cluster, whichever way it goes."""

from __future__ import annotations

import socket
from typing import Protocol

NO_WAY = "no-way"
"""In a word, why a request never left: the tool's own way to the cluster was closed. It says nothing of the stack."""


class NoWay(ConnectionError):
    """The API server gave no way to the pod. What is behind it may well be there."""


class Way(Protocol):
    """Makes connections until it is closed, which cuts those that depend on it."""

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """A TCP connection. Raises OSError, and NoWay (which is one) where that says nothing of what is there."""

    def close(self) -> None:
        """Cut every connection that hangs on it."""
