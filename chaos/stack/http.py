"""One HTTP exchange with a deadline on the whole of it, on a connection of its own: a browser's first visit."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any, cast

from chaos.cluster import reach

_CHUNK = 65536
_MOST = 4 << 20

OnHang = Callable[[socket.socket], None]
"""Takes over a connection on which an answer may still come; it has to close it."""


class NotSent(Exception):
    """No connection came about, so the server cannot have seen the request. `reason` is one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoAnswer(Exception):
    """The request left, and no whole answer came back. `reason` is one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Answer:
    """A whole answer: status, headers by lower-case name, body, and the cookies that it sets, by name."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Mapping[str, str] = field(default_factory=dict)


def exchange(
    address: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    deadline_s: float,
    on_hang: OnHang | None = None,
) -> Answer:
    """Send one request to `IP:port` and read the answer to its end, all within `deadline_s` seconds.

    A socket's time-out alone would let a server that trickles go on for ever, so each call gets what is left. The
    request is HTTP/1.0: the answer ends with the connection. By port-forward, where containerd passes on the end of a
    connection a second late, it is HTTP/1.1, whose answers say themselves where they end. Of a request that was sent
    and not answered in time, `on_hang` is given the connection. Raises NotSent and NoAnswer.
    """
    deadline = time.monotonic() + deadline_s
    forwarded = reach.is_forwarded()
    with connect(address, deadline) as connection:
        try:
            connection.settimeout(left(deadline))
            connection.sendall(_request(method, path, headers, body, "1.1" if forwarded else "1.0"))
            file = io.BufferedReader(Reader(connection, deadline)) if forwarded else _read(connection, deadline)
            response = _answer_in(file, method)
            return answer_of(response, response.read())
        except HTTPException as error:
            raise NoAnswer("reset") from error
        except OSError as error:
            if on_hang is not None and isinstance(error, TimeoutError):
                on_hang(connection.dup())
            raise NoAnswer(reason(error)) from error


class Reader(io.RawIOBase):
    """Reads a socket with a deadline (by the monotonic clock) on all that is read. `began` once there was something."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline
        self.began = False

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        self._connection.settimeout(left(self._deadline))
        number = self._connection.recv_into(into)
        self.began = self.began or number > 0
        return number


class _File:
    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file

    def makefile(self, _mode: str) -> io.BufferedIOBase:
        return self._file


def answer_on(reader: Reader, method: str) -> HTTPResponse:
    """The answer to a request of HTTP/1.1, its head read. Raises OSError and HTTPException."""
    return _answer_in(io.BufferedReader(reader), method)


def _answer_in(file: io.BufferedIOBase, method: str) -> HTTPResponse:
    # It asks its socket for nothing but a file.
    response = HTTPResponse(cast("Any", _File(file)), method=method)
    response.begin()
    return response


def answer_of(response: HTTPResponse, body: bytes) -> Answer:
    """The whole answer that a response and its body are."""
    fields = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, fields, body, cookies(response.headers.get_all("set-cookie", ())))


def connect(address: str, deadline: float) -> socket.socket:
    """A connection to `IP:port` before the deadline (by the monotonic clock). Raises NotSent."""
    host, _, port = address.rpartition(":")
    if not host:
        # An empty host would mean this machine.
        raise NotSent("unreachable")
    try:
        return reach.connect(host, int(port), left(deadline))
    except OSError as error:
        raise NotSent(reason(error)) from error


def _request(method: str, path: str, headers: Mapping[str, str], body: bytes, version: str) -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _read(connection: socket.socket, deadline: float) -> io.BytesIO:
    """All that comes until the connection ends; of too much the beginning."""
    received = io.BytesIO()
    while received.tell() < _MOST:
        connection.settimeout(left(deadline))
        part = connection.recv(_CHUNK)
        if not part:
            break
        received.write(part)
    received.seek(0)
    return received


def left(deadline: float) -> float:
    """Seconds to a deadline by the monotonic clock. Raises TimeoutError when it is over."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def cookies(values: Iterable[str]) -> dict[str, str]:
    """The cookies in the values of Set-Cookie headers, by name; those that are unset are left out."""
    pairs = (value.partition(";")[0].partition("=") for value in values)
    return {name.strip(): content.strip() for name, _, content in pairs if content.strip()}


def reason(error: OSError) -> str:
    """One word for why a connection failed."""
    if isinstance(error, reach.NoWay):
        return reach.NO_WAY
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "reset"
    return "unreachable"
