"""Connections that are kept carry many reads; one that the server had ended is replaced, and no answer is made up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chaos.stack.http import NoAnswer, NotSent
from chaos.stack.kept import KeptConnections

Reply = Callable[[socket.socket, int], bool]
"""Answers the so-many-eth request of a connection; whether it stays open."""


class Server:
    """Loopback. Counts connections, and what each of them asked."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.asked: list[list[bytes]] = []
        self.reply: Reply = answers(b"page")
        self.ended = threading.Condition()
        self.open = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.open += 1
            asked: list[bytes] = []
            self.asked.append(asked)
            threading.Thread(target=self._talk, args=(connection, asked), daemon=True).start()

    def _talk(self, connection: socket.socket, asked: list[bytes]) -> None:
        with connection:
            try:
                while request := connection.recv(65536):
                    asked.append(request)
                    if not self.reply(connection, len(asked)):
                        break
            except OSError:
                pass
        with self.ended:
            self.open -= 1
            self.ended.notify_all()

    def await_ended(self, still_open: int) -> None:
        with self.ended:
            assert self.ended.wait_for(lambda: self.open == still_open, 10)


def answers(body: bytes, *headers: bytes, ends_after: int = 1000) -> Reply:
    def reply(connection: socket.socket, number: int) -> bool:
        length = b"Content-Length: %d" % len(body)
        connection.sendall(b"\r\n".join([b"HTTP/1.1 200 OK", length, *headers, b"", b""]) + body)
        return number < ends_after

    return reply


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.socket.close()


@pytest.fixture
def kept() -> Iterator[KeptConnections]:
    made = KeptConnections()
    yield made
    made.close()


def get(kept: KeptConnections, server: Server, deadline_s: float = 5.0) -> bytes:
    return kept.get(server.address, "/", {"Host": "site.test"}, deadline_s=deadline_s).body


def test_one_connection_carries_one_read_after_another(server: Server, kept: KeptConnections) -> None:
    assert [get(kept, server) for _ in range(5)] == [b"page"] * 5
    assert [len(asked) for asked in server.asked] == [5]
    assert server.asked[0][0] == b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n"


def test_two_reads_at_once_have_a_connection_each(server: Server, kept: KeptConnections) -> None:
    together = threading.Barrier(2, timeout=10)

    def reply(connection: socket.socket, number: int) -> bool:
        together.wait()
        return answers(b"page")(connection, number)

    server.reply = reply
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: get(kept, server), range(2))) == [b"page"] * 2
    assert [len(asked) for asked in server.asked] == [1, 1]


def test_a_page_in_chunks_is_put_together_and_the_connection_goes_on(server: Server, kept: KeptConnections) -> None:
    def chunked(connection: socket.socket, number: int) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\npa\r\n2\r\nge\r\n0\r\n\r\n")
        return True

    server.reply = chunked
    assert [get(kept, server), get(kept, server)] == [b"page", b"page"]
    assert len(server.asked) == 1


def test_status_headers_and_cookies_are_told(server: Server, kept: KeptConnections) -> None:
    server.reply = answers(b"", b"Location: /x", b"Set-Cookie: a=1; path=/", b"Set-Cookie: b=2")
    answer = kept.get(server.address, "/", {}, deadline_s=5)
    assert (answer.status, answer.headers["location"], answer.cookies) == (200, "/x", {"a": "1", "b": "2"})


def test_one_that_the_server_ended_meanwhile_is_replaced(server: Server, kept: KeptConnections) -> None:
    server.reply = answers(b"page", ends_after=1)
    assert get(kept, server) == b"page"
    server.await_ended(0)
    assert get(kept, server) == b"page"
    assert [len(asked) for asked in server.asked] == [1, 1]


def test_one_that_says_that_it_will_end_is_not_used_again(server: Server, kept: KeptConnections) -> None:
    server.reply = answers(b"page", b"Connection: close")
    assert [get(kept, server), get(kept, server)] == [b"page", b"page"]
    assert [len(asked) for asked in server.asked] == [1, 1]


def test_an_answer_that_breaks_off_is_none_and_is_not_asked_for_again(server: Server, kept: KeptConnections) -> None:
    def breaks(connection: socket.socket, number: int) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npa")
        return False

    assert get(kept, server) == b"page"
    server.reply = breaks
    with pytest.raises(NoAnswer, match="reset"):
        get(kept, server)
    assert [len(asked) for asked in server.asked] == [2]


def test_a_new_connection_that_ends_without_a_word_is_no_answer(server: Server, kept: KeptConnections) -> None:
    server.reply = lambda connection, number: False
    with pytest.raises(NoAnswer, match="reset"):
        get(kept, server)
    assert len(server.asked) == 1


def test_what_hangs_ends_at_the_deadline_and_is_handed_over(server: Server, kept: KeptConnections) -> None:
    over = threading.Event()

    def hangs(connection: socket.socket, number: int) -> bool:
        return over.wait(10) and False

    server.reply, handed = hangs, list[socket.socket]()
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="timeout"):
        kept.get(server.address, "/", {}, deadline_s=0.3, on_hang=handed.append)
    assert time.monotonic() - began < 5
    over.set()
    (connection,) = handed
    connection.close()


def test_a_server_that_trickles_gets_no_more_than_the_deadline(server: Server, kept: KeptConnections) -> None:
    def trickles(connection: socket.socket, number: int) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b".")
            time.sleep(0.02)
        return False

    server.reply = trickles
    with pytest.raises(NoAnswer, match="timeout"):
        get(kept, server, deadline_s=0.3)


def test_where_nobody_listens_nothing_was_sent(server: Server, kept: KeptConnections) -> None:
    server.socket.shutdown(socket.SHUT_RDWR)
    server.socket.close()
    with pytest.raises(NotSent, match="refused"):
        get(kept, server)


def test_closed_it_leaves_no_connection_open(server: Server, kept: KeptConnections) -> None:
    get(kept, server)
    kept.close()
    server.await_ended(0)
    assert get(kept, server) == b"page"
    server.await_ended(0)
