"""How each kind of answer is told, against real servers on loopback: available is content, acknowledged is 201."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from chaos.stack.http import NoAnswer, exchange
from chaos.stack.site import Seen, Site, Written
from chaos.stack.stack import Stack

MARKER = "hachaos 0123456789abcdef"
Talk = Callable[[socket.socket, bytes], None]


class Server:
    """Accepts connections on loopback, reads a request, and lets `talk` do the rest."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.requests: list[bytes] = []
        self.talk: Talk = lambda connection, request: None
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
            request = connection.recv(65536)
            self.requests.append(request)
            try:
                self.talk(connection, request)
            except OSError:
                return

    def answer(self, status: str, body: str, *headers: str) -> None:
        head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers, "", ""])
        self.talk = lambda connection, request: connection.sendall(head.encode() + body.encode())


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.over.set()
    made.socket.close()


@pytest.fixture
def site() -> Site:
    known = SimpleNamespace(admin_user="hachaos", application_password="secret word")
    stack = SimpleNamespace(credentials=known, seed=SimpleNamespace(marker=MARKER), site_host="wordpress.test")
    return Site(cast("Stack", stack))


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def wait(server: Server) -> None:
    server.over.wait(30)


def reset(connection: socket.socket, request: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def test_a_page_with_this_installations_marker_is_available(server: Server, site: Site) -> None:
    server.answer("200 OK", f"<title>{MARKER}</title></html>")
    assert site.read_front(server.address, 5) == Seen(ok=True, status=200)
    assert b"Host: wordpress.test\r\n" in server.requests[0]


@pytest.mark.parametrize(
    ("status", "body", "headers", "reason"),
    [
        ("200 OK", "<title>another site</title>", (), "wrong-content"),
        ("200 OK", "", (), "wrong-content"),
        ("200 OK", f"<title>{MARKER}</title><body>the first ha", (), "wrong-content"),
        ("200 OK", '<form id="setup" method="post" action="install.php?step=2">', (), "install-page"),
        ("302 Found", "", ("Location: http://wordpress.test/wp-admin/install.php",), "install-page"),
        ("500 Internal Server Error", "<h1>Error establishing a database connection</h1>", (), "database-error"),
        ("200 OK", "<h1>Error establishing a database connection</h1>", (), "database-error"),
        ("503 Service Unavailable", MARKER, (), "status"),
        ("302 Found", "", ("Location: /elsewhere",), "status"),
    ],
)
def test_a_status_alone_makes_no_page_available(
    server: Server, site: Site, status: str, body: str, headers: tuple[str, ...], reason: str
) -> None:
    server.answer(status, body, *headers)
    seen = site.read_front(server.address, 5)
    assert (seen.ok, seen.reason, seen.status) == (False, reason, int(status[:3]))


def test_nobody_there_is_refused(site: Site) -> None:
    assert site.read_front(free_port(), 5).reason == "refused"


def test_a_connection_that_is_reset_is_reset(server: Server, site: Site) -> None:
    server.talk = reset
    assert site.read_front(server.address, 5).reason == "reset"


def test_a_server_that_says_nothing_is_cut_at_the_deadline(server: Server, site: Site) -> None:
    server.talk = lambda connection, request: wait(server)
    began = time.monotonic()
    assert site.read_front(server.address, 0.4).reason == "timeout"
    assert 0.3 < time.monotonic() - began < 10


def test_a_server_that_trickles_is_cut_at_the_deadline_too(server: Server, site: Site) -> None:
    def trickle(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.over.wait(0.05):
            connection.sendall(b"x")

    server.talk = trickle
    began = time.monotonic()
    assert site.read_front(server.address, 0.5).reason == "timeout"
    assert time.monotonic() - began < 10


def test_an_address_without_a_host_is_not_this_machine(site: Site) -> None:
    assert site.read_front(":80", 5).reason == "unreachable"
    assert site.create_post(":80", "token-1", 5) == Written("fail", "unreachable")


@pytest.mark.parametrize("said", [b"", b"hello\r\n\r\n", b"HTTP/1.1 \xb2\xb2\xb2 odd\r\n\r\n", b"HTTP/1.1\r\n\r\n"])
def test_what_is_no_http_is_no_answer(server: Server, site: Site, said: bytes) -> None:
    server.talk = lambda connection, request: connection.sendall(said)
    assert site.read_front(server.address, 5) == Seen(ok=False, reason="reset")
    assert site.create_post(server.address, "token-1", 5) == Written("info", "reset")


def test_an_answer_that_ends_before_its_length_is_no_answer(server: Server) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    server.talk = lambda connection, request: connection.sendall(head)
    with pytest.raises(NoAnswer, match="reset"):
        exchange(server.address, "GET", "/", {}, deadline_s=5)


def test_a_post_with_an_id_is_acknowledged(server: Server, site: Site) -> None:
    server.answer("201 Created", json.dumps({"id": 42}))
    assert site.create_post(server.address, "token-1", 5) == Written("ok", key=42)
    (request,) = server.requests
    assert request.startswith(b"POST /?rest_route=/wp/v2/posts HTTP/1.0\r\n")
    assert b'"title": "token-1"' in request


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        ("200 OK", "Error establishing a database connection", "info"),
        ("201 Created", "not json", "info"),
        ("201 Created", "[]", "info"),
        ("401 Unauthorized", "{}", "fail"),
        ("403 Forbidden", "{}", "fail"),
        ("302 Found", "", "fail"),
        ("500 Internal Server Error", "Error establishing a database connection", "info"),
        ("502 Bad Gateway", "", "info"),
        ("503 Service Unavailable", "", "info"),
    ],
)
def test_only_what_certainly_did_not_happen_is_a_fail(
    server: Server, site: Site, status: str, body: str, outcome: str
) -> None:
    server.answer(status, body)
    assert site.create_post(server.address, "token-1", 5).outcome == outcome


def test_a_post_to_nobody_failed_and_one_whose_answer_was_lost_may_have_happened(server: Server, site: Site) -> None:
    assert site.create_post(free_port(), "token-1", 5) == Written("fail", "refused")
    server.talk = reset
    assert site.create_post(server.address, "token-1", 5) == Written("info", "reset")


def test_a_write_is_sent_once_whatever_comes_of_it(server: Server, site: Site) -> None:
    server.answer("500 Internal Server Error", "")
    site.create_post(server.address, "token-1", 5)
    assert len(server.requests) == 1
