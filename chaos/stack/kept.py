"""GET on connections that stay open between requests, as a browser keeps them: each visit but the first."""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from http.client import HTTPException

from chaos.stack.http import Answer, NoAnswer, OnHang, Reader, answer_of, answer_on, connect, left, reason


class KeptConnections:
    """Safe to use from many threads: each connection carries one request at a time."""

    def __init__(self) -> None:
        self._idle: dict[str, list[socket.socket]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closed = False

    def get(
        self, address: str, path: str, headers: Mapping[str, str], *, deadline_s: float, on_hang: OnHang | None = None
    ) -> Answer:
        """Fetch a page from `IP:port` within `deadline_s` seconds in all. Errors and `on_hang` are those of `exchange`.

        A server may end a connection that is idle whenever it likes. A request that it met so is sent again on a new
        one, within the same deadline: as browsers do, and RFC 9112 (9.3.1) has it for methods that change nothing.
        """
        deadline = time.monotonic() + deadline_s
        request = _request(path, headers)
        while (kept := self._take(address)) is not None:
            try:
                return self._ask(kept, address, request, deadline, on_hang)
            except _Ended:
                continue
        try:
            return self._ask(connect(address, deadline), address, request, deadline, on_hang)
        except _Ended as ended:
            raise NoAnswer("reset") from ended

    def close(self) -> None:
        """End the idle connections, and those in use when their request is over."""
        with self._lock:
            self._closed = True
            idle = [one for several in self._idle.values() for one in several]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _take(self, address: str) -> socket.socket | None:
        with self._lock:
            idle = self._idle[address]
            return idle.pop() if idle else None

    def _ask(
        self, connection: socket.socket, address: str, request: bytes, deadline: float, on_hang: OnHang | None
    ) -> Answer:
        keep = False
        reader = Reader(connection, deadline)
        try:
            connection.settimeout(left(deadline))
            connection.sendall(request)
            response = answer_on(reader, "GET")
            body = response.read()
            keep = not response.will_close
        except TimeoutError as error:
            if on_hang is not None:
                on_hang(connection.dup())
            raise NoAnswer("timeout") from error
        except (OSError, HTTPException) as error:
            if not reader.began:
                raise _Ended from error
            raise NoAnswer(reason(error) if isinstance(error, OSError) else "reset") from error
        finally:
            self._put_back(connection, address, keep=keep)
        return answer_of(response, body)

    def _put_back(self, connection: socket.socket, address: str, *, keep: bool) -> None:
        with self._lock:
            if keep and not self._closed:
                self._idle[address].append(connection)
                return
        connection.close()


class _Ended(Exception):
    """The server ended the connection before it answered anything."""


def _request(path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()
