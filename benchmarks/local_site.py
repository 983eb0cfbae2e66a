"""A site of the benchmarks' own on loopback, which is out when it is told to, and a stack that leads a reader there."""

from __future__ import annotations

import socket
import threading
import time
from types import SimpleNamespace
from typing import Literal, cast

from chaos.clock import Clock
from chaos.stack.binding import DatabaseBinding, SiteBinding
from chaos.stack.stack import Picture, Stack

Kind = Literal["refused", "hung"]

_MARKER = "hachaos benchmark"
_PAGE = f"<!doctype html><html><title>{_MARKER}</title></html>"
_ANSWER = f"HTTP/1.1 200 OK\r\nContent-Length: {len(_PAGE)}\r\nConnection: close\r\n\r\n{_PAGE}".encode()


class Server:
    """Answers a page on loopback, unless it is out: then nobody listens, or nobody answers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._answers = True
        self._deaf: list[socket.socket] = []
        self._serve()

    def _listen(self, port: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", port), backlog=128)

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        try:
            connection.recv(65536)
            if self._answers:
                connection.sendall(_ANSWER)
                connection.close()
            else:
                self._deaf.append(connection)
        except OSError:
            connection.close()

    def out(self, kind: Kind, seconds: float) -> tuple[float, float]:
        """Be out for so long; when that began and when it was over, by the clock."""
        if kind == "hung":
            began, self._answers = self._clock.now(), False
            time.sleep(seconds)
            self._answers, over = True, self._clock.now()
            while self._deaf:
                self._deaf.pop().close()
            return began, over
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        began = self._clock.now()
        time.sleep(seconds)
        self._listener = self._listen(self.port)
        over = self._clock.now()
        self._serve()
        return began, over

    def close(self) -> None:
        """Listen no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def stack(site: int, database: int = 0) -> Stack:
    """As much of a stack as readers and writers need, by the ports on which its servers listen."""
    known = SimpleNamespace(
        admin_user="", admin_password="", application_password="", ledger_user="hachaos", ledger_password="none"
    )
    seed = SimpleNamespace(marker=_MARKER, picture=Picture(0, "", ""))
    binding = SimpleNamespace(site=SiteBinding(host="localhost"), database=DatabaseBinding(port=database))
    parts = {"credentials": known, "seed": seed, "binding": binding, "site_host": "localhost"}
    return cast("Stack", SimpleNamespace(**parts, site_address=lambda: f"127.0.0.1:{site}"))
