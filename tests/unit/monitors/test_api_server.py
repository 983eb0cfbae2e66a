"""An API server that does not answer is told once, with both bounds, and again when it is back."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import cast

import pytest

from chaos.clock import Clock
from chaos.errors import ClusterError
from chaos.history import ApiServerSeen, Record
from chaos.monitors import api_server
from chaos.monitors.api_server import ApiServer
from chaos.stack.stack import Stack


class World:
    """An API server that answers, or does not, and what was written of it."""

    def __init__(self) -> None:
        self.away = False
        self.asked = threading.Semaphore(0)
        self.records: list[Record] = []
        stack = SimpleNamespace(api=SimpleNamespace(ping=self._ping))
        self.monitor = ApiServer(cast("Stack", stack), Clock(), self.records.append)

    def _ping(self, timeout_s: float) -> None:
        self.asked.release()
        if self.away:
            raise ClusterError("no answer from the API server")

    def let_it_be_asked(self) -> None:
        """Wait for three questions: the answer to the second is looked at by then."""
        for _ in range(3):
            assert self.asked.acquire(timeout=20)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(api_server, "_ASK_EVERY_S", 0.01)
    return World()


def test_one_that_always_answers_is_not_mentioned(world: World) -> None:
    world.monitor.start()
    world.let_it_be_asked()
    assert world.monitor.await_answer(0)
    world.monitor.stop()
    assert world.records == []


def test_when_it_did_not_answer_has_both_bounds(world: World) -> None:
    world.monitor.start()
    world.let_it_be_asked()
    world.away = True
    world.let_it_be_asked()
    assert not world.monitor.await_answer(0)
    world.away = False
    assert world.monitor.await_answer(20)
    world.monitor.stop()
    away, back = world.records
    assert isinstance(away, ApiServerSeen)
    assert isinstance(back, ApiServerSeen)
    assert (away.answers, away.reason, back.answers) == (False, "no answer from the API server", True)
    assert away.before < away.at <= back.before < back.at
