"""No source port is used twice within the time for which a gone pod is remembered under it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from chaos.cluster import fresh_ports


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen(64)
        yield made


def ports(listening: socket.socket, number: int) -> list[int]:
    found = []
    for _ in range(number):
        with fresh_ports.connect("127.0.0.1", listening.getsockname()[1], 5) as made:
            found.append(made.getsockname()[1])
            listening.accept()[0].close()
    return found


def test_no_port_is_used_twice(listening: socket.socket) -> None:
    found = ports(listening, 50)
    assert len(set(found)) == len(found)


def test_a_process_that_starts_later_does_not_begin_with_the_ports_of_an_earlier_one(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = ports(listening, 20)
    monkeypatch.setattr(fresh_ports, "_last", 0)
    later = time.monotonic() + 1
    monkeypatch.setattr("time.monotonic", lambda: later)
    assert not {fresh_ports._next() for _ in range(20)} & set(earlier)


def test_a_port_that_somebody_listens_on_is_left_out(listening: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        taken = other.getsockname()[1]
        given = iter([taken, taken, 0])
        monkeypatch.setattr(fresh_ports, "_next", lambda: next(given))
        with fresh_ports.connect("127.0.0.1", listening.getsockname()[1], 5) as made:
            assert made.getsockname()[1] != taken


def test_a_port_at_which_nobody_listens_is_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            fresh_ports.connect("127.0.0.1", unused.getsockname()[1], 5)


def test_a_deadline_that_is_over_is_a_time_out(listening: socket.socket) -> None:
    with pytest.raises(TimeoutError):
        fresh_ports.connect("127.0.0.1", listening.getsockname()[1], 0)
