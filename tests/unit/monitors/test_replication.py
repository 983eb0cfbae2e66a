"""The replicas' state: each pod is asked once a second, and no pod's silence is an answer or delays another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from chaos.clock import Clock
from chaos.history import Record, ReplicaSeen
from chaos.monitors.pods import Pods
from chaos.monitors.replication import Replication
from chaos.stack.credentials import Credentials
from chaos.stack.database import Database
from chaos.stack.profile import Profile
from chaos.stack.roles import Pod
from tests.unit.monitors.fake_database import FakeDatabase, Rows


def pod(name: str, ip: str) -> Pod:
    return Pod(name=name, uid=f"uid-{name}", role="database/replica", node="n", ip=ip, ready=True, terminating=False)


def answers(statement: str) -> Rows | None:
    if "read_only" in statement:
        return [{"it": 1}]
    if "gtid" in statement:
        return [{"it": "0-1-7"}]
    return [
        {
            "Slave_IO_Running": "Connecting",
            "Slave_SQL_Running": "Yes",
            "Seconds_Behind_Master": None,
            "Master_Host": "mysql-repl",
            "Last_IO_Error": "error connecting",
        }
    ]


class Watched:
    """Runs the monitor on pods named by the test and waits for what it writes."""

    def __init__(self, server: FakeDatabase, pods: Callable[[], list[Pod]]) -> None:
        known_pods = cast("Pods", SimpleNamespace(of=lambda role: pods()))
        self.records: list[ReplicaSeen] = []
        self._changed = threading.Condition()
        known = SimpleNamespace(ledger_user="hachaos", ledger_password="secret word", ledger_database="hachaos")
        self.clock = Clock()
        binding = Profile.load("hardened").binding
        binding = replace(binding, database=replace(binding.database, port=server.port))
        self.monitor = Replication(known_pods, Database(cast("Credentials", known), binding), self.clock, self._write)

    def _write(self, record: Record) -> None:
        assert isinstance(record, ReplicaSeen)
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()

    def of(self, name: str) -> list[ReplicaSeen]:
        return [record for record in self.records if record.pod == name]

    def until(self, enough: Callable[[], bool]) -> None:
        self.monitor.start()
        with self._changed:
            assert self._changed.wait_for(enough, 20), self.records
        self.monitor.stop()


@pytest.fixture
def server() -> Iterator[FakeDatabase]:
    made = FakeDatabase("127.0.0.2", 0, answers)
    yield made
    made.close()


def test_a_replica_is_written_down_with_its_own_words(server: FakeDatabase) -> None:
    watched = Watched(server, lambda: [pod("mysql-1", "127.0.0.2")])
    watched.until(lambda: len(watched.records) >= 1)
    seen = watched.records[0]
    assert (seen.error, seen.read_only, seen.io_running, seen.sql_running) == ("", True, "Connecting", "Yes")
    assert (seen.lag_s, seen.gtid, seen.source, seen.last_error) == (None, "0-1-7", "mysql-repl", "error connecting")


def test_a_pod_that_refuses_is_an_error_and_its_state_unknown(server: FakeDatabase) -> None:
    watched = Watched(server, lambda: [pod("mysql-2", "127.0.0.9")])
    watched.until(lambda: len(watched.records) >= 1)
    assert watched.records[0] == ReplicaSeen(watched.records[0].at, "mysql-2", error="refused")


def test_a_pod_that_says_nothing_delays_no_other(server: FakeDatabase) -> None:
    release = threading.Event()

    def silent(statement: str) -> Rows | None:
        release.wait(30)
        return None

    hung = FakeDatabase("127.0.0.3", server.port, silent)
    try:
        watched = Watched(server, lambda: [pod("mysql-2", "127.0.0.3"), pod("mysql-1", "127.0.0.2")])
        watched.until(lambda: len(watched.of("mysql-2")) >= 1)
    finally:
        release.set()
        hung.close()
    assert watched.of("mysql-2")[0].error == "timeout"
    assert len(watched.of("mysql-1")) >= 2


def test_a_pod_that_was_not_there_at_first_is_asked_when_it_is_known(server: FakeDatabase) -> None:
    looks: list[int] = []

    def pods() -> list[Pod]:
        looks.append(1)
        return [pod("mysql-1", "127.0.0.2")] if len(looks) > 1 else [pod("mysql-1", "")]

    watched = Watched(server, pods)
    watched.until(lambda: len(watched.records) >= 1)
    assert watched.records[0].error == ""
    assert len(looks) >= 2


def test_a_pod_takes_writes_when_it_last_said_so(server: FakeDatabase) -> None:
    watched = Watched(server, lambda: [pod("mysql-1", "127.0.0.2")])
    assert not watched.monitor.takes_writes("mysql-1"), "nobody knows yet"
    said = [1]
    server._answers = lambda statement: [{"it": said[0]}] if "read_only" in statement else answers(statement)

    def enough() -> bool:
        said[0] = 0
        return len(watched.records) >= 3

    watched.until(enough)
    assert watched.monitor.takes_writes("mysql-1")


def test_an_answer_that_makes_no_sense_is_an_error_and_the_pod_is_asked_again(server: FakeDatabase) -> None:
    server._answers = lambda statement: [{"it": "perhaps"}]
    watched = Watched(server, lambda: [pod("mysql-1", "127.0.0.2")])
    watched.until(lambda: len(watched.records) >= 2)
    assert {seen.error for seen in watched.records} == {"ValueError"}
