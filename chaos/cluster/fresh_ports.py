"""Connections from source ports that were not used lately.

A Service's address is translated for a whole connection, and what was translated to a pod that is gone is remembered
for as long as a first packet may go unanswered: 120 s (nf_conntrack_tcp_timeout_syn_sent; kube-proxy forgets it for UDP
only). A new connection from the same port is sent to the pod that is gone, and hangs: measured, 4 s and longer, beside
connections from other ports that were there at once. The kernel goes through its ports in a minute at the rates of a
run, so a sound stack would seem to be out now and then, long after its primary has come back.
"""

from __future__ import annotations

import errno
import socket
import threading
import time

_PORTS = range(32768, 61000)
_A_SECOND = 200
"""So many ports a second are gone through: none is used again for 141 s, nor by a process that starts later."""

_TRIES = 20
_TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)

_lock = threading.Lock()
_last = 0


def connect(host: str, port: int, timeout_s: float) -> socket.socket:
    """A TCP connection. Raises OSError."""
    deadline = time.monotonic() + timeout_s
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    for _ in range(_TRIES):
        made = _socket(family, deadline)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("", _next()))
            made.connect(address)
        except OSError as error:
            made.close()
            if error.errno not in _TAKEN:
                raise
        except BaseException:
            made.close()
            raise
        else:
            return made
    return socket.create_connection((host, port), timeout=max(deadline - time.monotonic(), 0.001))


def _socket(family: socket.AddressFamily, deadline: float) -> socket.socket:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    made = socket.socket(family, socket.SOCK_STREAM)
    made.settimeout(left)
    return made


def _next() -> int:
    """The next port: at least so far along as the machine's clock is, which all processes have in common."""
    global _last  # noqa: PLW0603
    with _lock:
        _last = max(_last + 1, int(time.monotonic() * _A_SECOND))
        return _PORTS[_last % len(_PORTS)]
