"""What the streams send: a token of its own for each write, and reads of site pods only while they can be read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from chaos.clock import Clock
from chaos.history import Note, Read, Record, Write
from chaos.monitors import reads, writes
from chaos.monitors.pods import Pods
from chaos.monitors.reads import PodReads
from chaos.monitors.stream import Stream
from chaos.stack.database import Database
from chaos.stack.site import Seen, Site, Written
from chaos.stack.stack import Stack

STACK = cast("Stack", SimpleNamespace(database_address=lambda: "db:3306", site_address=lambda: "site:80"))


class Sink:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self._changed = threading.Condition()

    def write(self, record: Record) -> None:
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()

    def wait_for(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.records) >= number, 20)


class FakePods:
    """Says which pods can be read; `say` is what the watch would do."""

    def __init__(self) -> None:
        self.there: dict[str, str] = {}
        self._listener: Callable[[str], None] = lambda name: None

    def listen(self, listener: Callable[[str], None]) -> None:
        self._listener = listener

    def serving(self, name: str) -> str | None:
        return self.there.get(name)

    def say(self, name: str, address: str | None) -> None:
        if address is None:
            self.there.pop(name, None)
        else:
            self.there[name] = address
        self._listener(name)


def written(sink: Sink, stream: Stream, number: int) -> list[Write]:
    stream.start()
    sink.wait_for(number)
    stream.stop()
    return sorted((record for record in sink.records if isinstance(record, Write)), key=lambda write: write.seq)


@pytest.mark.parametrize("what", ["row", "post"])
def test_each_write_has_a_token_of_its_own_that_the_server_was_given(what: str) -> None:
    sink, given = Sink(), []

    def insert(address: str, token: str, writer: str, seq: int, deadline_s: float) -> Written:
        given.append((address, token))
        return Written("ok", key=seq + 100)

    def create_post(address: str, token: str, deadline_s: float) -> Written:
        given.append((address, token))
        return Written("ok", key=len(given) + 100)

    database = cast("Database", SimpleNamespace(insert=insert))
    site = cast("Site", SimpleNamespace(create_post=create_post))
    stream = (
        writes.rows(STACK, database, "0123456789ab", 50, 1, Clock(), sink.write)
        if what == "row"
        else writes.posts(STACK, site, "0123456789ab", 50, 1, Clock(), sink.write)
    )
    found = written(sink, stream, 10)
    tokens = [write.token for write in found]
    assert sorted(tokens) == sorted(token for _, token in given), "each was sent once"
    assert len(set(tokens)) == len(tokens)
    assert all(token.startswith(f"0123456789ab-{what}-") and len(token) <= 36 for token in tokens)
    assert [write.seq for write in found] == list(range(1, len(found) + 1))
    assert all(write.what == what and write.key for write in found)


def test_what_came_of_a_write_is_written_down_as_it_was_told() -> None:
    sink = Sink()
    database = cast("Database", SimpleNamespace(insert=lambda *_: Written("info", "timeout")))
    found = written(sink, writes.rows(STACK, database, "run", 50, 1, Clock(), sink.write), 2)
    assert {(write.outcome, write.reason, write.key) for write in found} == {("info", "timeout", None)}


def test_a_pod_is_read_at_its_own_address_from_when_it_serves_until_it_ends() -> None:
    sink, pods = Sink(), FakePods()
    asked: list[str] = []

    def read_front(address: str, deadline_s: float) -> Seen:
        asked.append(address)
        return Seen(ok=True, status=200)

    site = cast("Site", SimpleNamespace(read_front=read_front))
    monitor = PodReads(site, cast("Pods", pods), 50, 1, Clock(), sink.write)
    pods.say("web-1", None)
    assert not asked, "a pod that was never ready is left alone"
    pods.say("web-1", "10.0.0.7:80")
    sink.wait_for(3)
    pods.say("web-1", None)
    pods.say("web-2", "10.0.0.8:80")
    before = len(sink.records)
    sink.wait_for(before + 10)
    monitor.stop()
    vias = [record.via for record in sink.records if isinstance(record, Read)]
    assert set(vias[:3]) == {"web-1"}
    assert set(vias[before + 2 :]) == {"web-2"}, "one may have been under way"
    assert set(asked) == {"10.0.0.7:80", "10.0.0.8:80"}
    assert not any(isinstance(record, Note) for record in sink.records)


def test_a_read_through_the_service_says_what_the_visitor_saw() -> None:
    sink = Sink()
    site = cast("Site", SimpleNamespace(read_front=lambda *_: Seen(ok=False, reason="install-page", status=302)))
    stream = reads.through_service(STACK, site, 50, 1, Clock(), sink.write)
    stream.start()
    sink.wait_for(2)
    stream.stop()
    seen = [record for record in sink.records if isinstance(record, Read)]
    assert {(read.via, read.ok, read.reason, read.status) for read in seen} == {("service", False, "install-page", 302)}
    assert all(read.due <= read.start <= read.end for read in seen)
