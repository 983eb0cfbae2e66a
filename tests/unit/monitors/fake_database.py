"""A database server on loopback that answers statements with rows chosen by the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.unit.test_database_client import OK, error, greeting, packet

Rows = Sequence[Mapping[str, Any]]
Answers = Callable[[str], Rows | int | None]
"""The rows that a statement gives; the number of an error; None for an error 1105, which can mean anything."""

_EOF = b"\xfe\0\0\2\0"


class FakeDatabase:
    """Listens at an address of its own on one port; closed by `close`."""

    def __init__(self, ip: str, port: int, answers: Answers, version: str = "10.11.11-MariaDB-log") -> None:
        self._answers, self._greeting = answers, greeting(version)
        self._socket = socket.create_server((ip, port))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(packet(0, self._greeting))
                connection.recv(65536)
                connection.sendall(packet(2, OK))
                while command := connection.recv(65536):
                    connection.sendall(self._answer(command[5:].decode()))
            except OSError:
                return

    def _answer(self, statement: str) -> bytes:
        if not statement.startswith(("SELECT", "SHOW")):
            return packet(1, OK)
        rows = self._answers(statement)
        if rows is None or isinstance(rows, int):
            return error(1, 1105 if rows is None else rows, "an error")
        names = list(rows[0]) if rows else ["nothing"]
        payloads = [bytes([len(names)]), *(_column(name, rows[0][name] if rows else None) for name in names), _EOF]
        payloads += [b"".join(_text(row[name]) for name in names) for row in rows] + [_EOF]
        return b"".join(packet(number % 256, payload) for number, payload in enumerate(payloads, start=1))


def _column(name: str, example: Any) -> bytes:
    kind = b"\x08" if isinstance(example, int) else b"\xfd"
    strings = b"".join(_text(each) for each in ("def", "", "", "", name, name))
    return strings + b"\x0c" + (33).to_bytes(2, "little") + b"\xff\0\0\0" + kind + b"\0\0\0\0\0"


def _text(value: Any) -> bytes:
    if value is None:
        return b"\xfb"
    encoded = str(value).encode()
    assert len(encoded) < 251
    return bytes([len(encoded)]) + encoded
