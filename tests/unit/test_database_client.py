"""What becomes of a row that is tried, and how the dialects' words for replication are read."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pymysql
import pytest

from chaos.stack import database as sql
from chaos.stack.credentials import Credentials
from chaos.stack.database import Database
from chaos.stack.profile import Profile
from chaos.stack.written import Written

OK = b"\0\0\0\2\0\0\0"


def greeting(version: str = "10.11.11-MariaDB-log") -> bytes:
    return (
        b"\x0a"
        + version.encode()
        + b"\0"
        + b"\1\0\0\0"
        + b"12345678\0"
        + b"\xff\xf7"
        + b"\x21"
        + b"\2\0"
        + b"\xff\x81"
        + b"\x15"
        + b"\0" * 10
        + b"123456789012\0"
        + b"mysql_native_password\0"
    )


def packet(number: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def error(number: int, code: int, text: str) -> bytes:
    return packet(number, b"\xff" + code.to_bytes(2, "little") + b"#HY000" + text.encode())


class Server:
    """Speaks enough of MySQL's protocol to let a client in; then `on_query` answers each command."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.queries: list[bytes] = []
        self.on_query: Callable[[socket.socket], None] = lambda c: c.sendall(packet(1, b"\0\1\x2a\2\0\0\0"))
        self.greet = True
        self.over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            try:
                if not self.greet:
                    self.over.wait(30)
                    return
                connection.sendall(packet(0, greeting()))
                connection.recv(65536)
                connection.sendall(packet(2, OK))
                while command := connection.recv(65536):
                    if command[4:5] == b"\3" and b"INSERT" in command:
                        self.queries.append(command[5:])
                        self.on_query(connection)
                    else:
                        connection.sendall(packet(1, OK))
            except OSError:
                return


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.over.set()
    made.socket.close()


@pytest.fixture
def database() -> Database:
    known = SimpleNamespace(ledger_user="hachaos", ledger_password="secret word", ledger_database="hachaos")
    return Database(cast("Credentials", known), Profile.load("hardened").binding)


def wait(server: Server) -> None:
    server.over.wait(30)


def insert(database: Database, address: str, deadline_s: float = 5) -> Written:
    return database.insert(address, "token-1", "rows", 1, deadline_s)


def test_a_row_that_the_server_committed_is_acknowledged_with_its_id(server: Server, database: Database) -> None:
    assert insert(database, server.address) == Written("ok", key=42)
    assert b"'token-1'" in server.queries[0]


def test_nobody_there_is_a_fail_since_nothing_was_sent(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    assert insert(database, address) == Written("fail", "refused")


def test_a_server_that_never_greets_is_a_fail_by_time_out_within_the_deadline(
    server: Server, database: Database
) -> None:
    server.greet = False
    began = time.monotonic()
    assert insert(database, server.address, 1).outcome == "fail"
    assert time.monotonic() - began < 10
    assert server.queries == []


def test_a_statement_whose_answer_never_came_may_have_happened(server: Server, database: Database) -> None:
    server.on_query = lambda connection: wait(server)
    assert insert(database, server.address, 0.5).outcome == "info"


def test_a_connection_that_broke_after_the_statement_may_have_happened(server: Server, database: Database) -> None:
    server.on_query = lambda connection: connection.shutdown(socket.SHUT_RDWR)
    assert insert(database, server.address).outcome == "info"


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        (1290, "fail", "read-only"),
        (1062, "fail", "error 1062"),
        (1064, "fail", "error 1064"),
        (1205, "fail", "error 1205"),
        (1213, "fail", "error 1213"),
        (1836, "fail", "error 1836"),
        (1053, "info", "error 1053"),
        (1105, "info", "error 1105"),
        (1180, "info", "error 1180"),
        (1317, "info", "error 1317"),
        (1927, "info", "error 1927"),
    ],
)
def test_a_refusal_is_a_fail_and_an_interruption_is_not(
    server: Server, database: Database, code: int, outcome: str, reason: str
) -> None:
    server.on_query = lambda connection: connection.sendall(error(1, code, "no"))
    assert insert(database, server.address) == Written(outcome, reason)


@pytest.mark.parametrize("answer", [packet(9, OK), packet(1, b""), packet(1, b"\xff"), packet(1, b"\0\xfc")])
def test_an_answer_that_makes_no_sense_may_hide_a_commit(server: Server, database: Database, answer: bytes) -> None:
    def answer_and_leave(connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    server.on_query = answer_and_leave
    assert insert(database, server.address).outcome == "info"


def test_a_server_that_trickles_is_cut_at_the_deadline(server: Server, database: Database) -> None:
    def trickle(connection: socket.socket) -> None:
        for byte in packet(1, b"\0\1\x2a\2\0\0\0"):
            server.over.wait(1)
            connection.sendall(bytes([byte]))

    server.on_query = trickle
    began = time.monotonic()
    assert insert(database, server.address, 1) == Written("info", "timeout")
    assert time.monotonic() - began < 8


def test_an_address_without_a_host_is_not_this_machine(database: Database) -> None:
    assert insert(database, ":3306") == Written("fail", "no address")


def test_an_address_of_version_6_is_understood(database: Database) -> None:
    assert insert(database, "[::1]:1").reason in {"refused", "unreachable", "OSError", "error 2003"}


def test_a_row_is_sent_once_whatever_comes_of_it(server: Server, database: Database) -> None:
    server.on_query = lambda connection: connection.sendall(error(1, 1053, "shutdown"))
    insert(database, server.address)
    assert len(server.queries) == 1


def test_no_reason_carries_the_password(database: Database) -> None:
    denied = pymysql.OperationalError(1045, "Access denied for user (using password: secret word)")
    assert sql.reason(denied) == "error 1045"


def test_a_table_that_its_server_cannot_read_is_told_from_a_server_that_cannot_be_asked() -> None:
    gone = pymysql.ProgrammingError(1932, "Table 'wordpress.wp_users' doesn't exist in engine")
    assert sql.reason(gone) == "broken table, error 1932"
