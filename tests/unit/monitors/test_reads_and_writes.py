"""What the streams send: a token of its own for each write, and reads of site pods only while they can be read."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.clock import Clock
from chaos.cluster.reach import NO_WAY
from chaos.history import Note, Read, Record, Skipped, Write
from chaos.monitors import reads, writes
from chaos.monitors.patience import Patience
from chaos.monitors.pods import Pods
from chaos.monitors.primary import Primary
from chaos.monitors.reads import PodReads
from chaos.monitors.replication import Replication
from chaos.monitors.stream import Stream
from chaos.stack.binding import DatabaseBinding
from chaos.stack.database import Database
from chaos.stack.http import OnHang
from chaos.stack.roles import Pod
from chaos.stack.site import Seen, Site, Written
from chaos.stack.stack import Stack

STACK = cast("Stack", SimpleNamespace(site_address=lambda: "site:80"))


def primary() -> str | None:
    return "db:3306"


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


@pytest.mark.parametrize("what", ["row", "post", "upload"])
def test_each_write_has_a_token_of_its_own_that_the_server_was_given(what: str) -> None:
    sink, given = Sink(), []

    def insert(address: str, token: str, writer: str, seq: int, deadline_s: float) -> Written:
        given.append((address, token))
        return Written("ok", key=seq + 100)

    def create(address: str, token: str, deadline_s: float, *more: Any) -> Written:
        given.append((address, token))
        return Written("ok", key=len(given) + 100)

    database = cast("Database", SimpleNamespace(insert=insert))
    site = cast("Site", SimpleNamespace(**{f"create_{what}": create}))
    stream = {
        "row": lambda: writes.rows(primary, database, "0123456789ab", 50, 1, Clock(), sink.write),
        "post": lambda: writes.posts(STACK, site, "0123456789ab", 50, 1, Clock(), sink.write),
        "upload": lambda: writes.uploads(STACK, site, "0123456789ab", 50, 1, Clock(), sink.write),
    }[what]()
    assert stream.name == f"{what}s"
    found = written(sink, stream, 10)
    tokens = [write.token for write in found]
    assert sorted(tokens) == sorted(token for _, token in given), "each was sent once"
    assert len(set(tokens)) == len(tokens)
    assert all(token.startswith(f"0123456789ab-{what}-") and len(token) <= 36 for token in tokens)
    assert [write.seq for write in found] == list(range(1, len(found) + 1))
    assert all(write.what == what and write.key for write in found)


def test_a_request_that_had_no_way_to_the_cluster_was_skipped_and_is_held_against_nobody() -> None:
    sink = Sink()
    site = cast("Site", SimpleNamespace(read_front=lambda *_: Seen(ok=False, reason=NO_WAY)))
    database = cast("Database", SimpleNamespace(insert=lambda *_: Written("fail", NO_WAY)))
    for stream in (
        reads.through_service(STACK, site, 50, 1, Clock(), sink.write),
        writes.rows(primary, database, "0123456789ab", 50, 1, Clock(), sink.write),
    ):
        stream.start()
        sink.wait_for(len(sink.records) + 3)
        stream.stop()
    assert {type(record) for record in sink.records} == {Skipped}
    assert {record.stream for record in sink.records if isinstance(record, Skipped)} == {"read service", "rows"}


def test_what_came_of_a_write_is_written_down_as_it_was_told() -> None:
    sink = Sink()
    database = cast("Database", SimpleNamespace(insert=lambda *_: Written("info", "timeout")))
    found = written(sink, writes.rows(primary, database, "run", 50, 1, Clock(), sink.write), 2)
    assert {(write.outcome, write.reason, write.key) for write in found} == {("info", "timeout", None)}


def test_an_upload_is_written_down_with_its_path_and_its_digest() -> None:
    sink, done = Sink(), Written("ok", key=7, path="/up/t.txt", digest="abc")
    site = cast("Site", SimpleNamespace(create_upload=lambda *_: done))
    found = written(sink, writes.uploads(STACK, site, "run", 50, 1, Clock(), sink.write), 2)
    assert {(write.what, write.key, write.path, write.digest) for write in found} == {("upload", 7, "/up/t.txt", "abc")}


def test_rows_go_to_where_the_primary_is_now_and_nowhere_before_it_is_known() -> None:
    sink, given, asked = Sink(), cast("list[str]", []), cast("list[int]", [])

    def insert(address: str, token: str, writer: str, seq: int, deadline_s: float) -> Written:
        given.append(address)
        return Written("ok", key=seq)

    def move() -> str | None:
        asked.append(1)
        if len(asked) < 5:
            return None
        return "10.0.0.7:3306" if len(asked) < 10 else "10.0.0.8:3306"

    database = cast("Database", SimpleNamespace(insert=insert))
    found = written(sink, writes.rows(move, database, "run", 50, 1, Clock(), sink.write), 10)
    assert found[0].seq == 1
    assert set(given) == {"10.0.0.7:3306", "10.0.0.8:3306"}


DATABASE = cast("Database", SimpleNamespace(address=lambda ip: f"{ip}:3306"))


def database_pod(name: str, ip: str, role: str = "database/replica", *, ending: bool = False) -> Pod:
    return Pod(name=name, uid=f"uid-{name}", role=role, node="n", ip=ip, ready=True, terminating=ending)


def primary_of(there: list[Pod], bound: DatabaseBinding, writable: str = "") -> Primary:
    binding = SimpleNamespace(database=bound)
    stack = SimpleNamespace(binding=binding, database_address=lambda: f"service:{bound.port}")
    pods = cast("Pods", SimpleNamespace(of=lambda role: there))
    replication = cast("Replication", SimpleNamespace(takes_writes=lambda name: name == writable))
    return Primary(cast("Stack", stack), DATABASE, pods, replication)


def test_the_primary_is_reached_through_its_service_where_it_has_one() -> None:
    assert primary_of([], DatabaseBinding()).address() == "service:3306"


def test_the_primary_is_reached_at_the_address_that_it_has_now() -> None:
    there: list[Pod] = []
    primary = primary_of(there, DatabaseBinding(writes="primary"))
    assert primary.address() is None, "nobody knows it yet"
    there += [database_pod("mysql-1", "10.0.0.2"), database_pod("mysql-0", "10.0.0.1", "database/primary")]
    assert primary.address() == "10.0.0.1:3306"
    there[1] = database_pod("mysql-0", "", "database/primary")
    assert primary.address() == ":3306", "it is gone: what is written now fails"
    there[1] = database_pod("mysql-0", "10.0.0.9", "database/primary")
    assert primary.address() == "10.0.0.9:3306"


def test_a_primary_that_is_not_ending_goes_before_one_that_is() -> None:
    there = [
        database_pod("a", "10.0.0.1", "database/primary", ending=True),
        database_pod("b", "10.0.0.2", "database/primary"),
    ]
    assert primary_of(there, DatabaseBinding(writes="primary")).address() == "10.0.0.2:3306"


def test_a_primary_that_only_the_database_can_tell_is_the_one_that_takes_writes() -> None:
    there = [database_pod("db-0", "10.0.0.1", "database"), database_pod("db-1", "10.0.0.2", "database")]
    bound = DatabaseBinding(writes="primary", primary="read-only")
    assert primary_of(there, bound, "db-1").address() == "10.0.0.2:3306"
    assert primary_of(there, bound).address() is None


def test_a_pod_is_read_at_its_own_address_from_when_it_serves_until_it_ends() -> None:
    sink, pods = Sink(), FakePods()
    asked: list[str] = []

    def read_front(address: str, deadline_s: float) -> Seen:
        asked.append(address)
        return Seen(ok=True, status=200)

    site = cast("Site", SimpleNamespace(read_front=read_front))
    monitor = PodReads("page", site, cast("Pods", pods), 50, 1, Clock(), sink.write)
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


def test_a_pod_whose_files_hang_delays_neither_its_pages_nor_other_pods() -> None:
    sink, release = Sink(), threading.Event()

    def hang_on_one(address: str, deadline_s: float, on_hang: OnHang) -> Seen:
        if address == "10.0.0.7:80":
            release.wait(30)
            return Seen(ok=False, reason="timeout")
        return Seen(ok=True, status=200)

    def good(address: str, deadline_s: float) -> Seen:
        return Seen(ok=True, status=200)

    site = cast("Site", SimpleNamespace(read_front=good, read_static=hang_on_one))

    file_pods, page_pods = FakePods(), FakePods()
    files = PodReads("static", site, cast("Pods", file_pods), 20, 0.2, Clock(), sink.write)
    pages = PodReads("page", site, cast("Pods", page_pods), 20, 0.2, Clock(), sink.write)
    for pods in (file_pods, page_pods):
        pods.say("web-1", "10.0.0.7:80")
        pods.say("web-2", "10.0.0.8:80")
    sink.wait_for(80)
    files.hold()
    release.set()
    files.stop()
    pages.stop()
    found = Counter((record.via, record.what) for record in sink.records if isinstance(record, Read) and record.ok)
    assert set(found) == {("web-1", "page"), ("web-2", "page"), ("web-2", "static")}
    assert min(found.values()) > 10
    skipped = {record.stream for record in sink.records if isinstance(record, Skipped)}
    assert skipped == {"static web-1"}, "a bounded number is in flight, and what was not sent is said"


def test_a_file_that_hangs_is_read_again_when_the_first_read_of_it_is_over() -> None:
    sink, pods, ours, theirs = Sink(), FakePods(), *socket.socketpair()
    asked: list[str] = []

    def hang_once(address: str, deadline_s: float, on_hang: OnHang) -> Seen:
        asked.append(address)
        if len(asked) == 1:
            on_hang(ours)
            return Seen(ok=False, reason="timeout")
        return Seen(ok=True, status=200)

    site = cast("Site", SimpleNamespace(read_upload=hang_once))
    monitor = PodReads("upload", site, cast("Pods", pods), 50, 1, Clock(), sink.write)
    pods.say("web-1", "10.0.0.7:80")
    sink.wait_for(10)
    assert len(asked) == 1
    theirs.sendall(b"HTTP/1.1 200 OK")
    sink.wait_for(len(sink.records) + 10)
    monitor.stop()
    theirs.close()
    assert len(asked) > 1
    reasons = {(record.stream, record.reason) for record in sink.records if isinstance(record, Skipped)}
    assert reasons == {("upload web-1", "an earlier one still hangs")}


def test_what_hangs_is_asked_again_after_a_while_and_at_once_when_its_connection_ends() -> None:
    ours, theirs = socket.socketpair()
    patience = Patience(longest_s=0.2)
    assert patience.over()
    patience.keep(ours)
    assert not patience.over()
    until(patience.over)
    theirs.close()

    ours, theirs = socket.socketpair()
    patience = Patience(longest_s=3600)
    patience.keep(ours)
    theirs.close()
    until(patience.over)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


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


def test_a_write_that_breaks_off_inside_the_tool_may_have_happened() -> None:
    def broken(where: str, token: str, deadline_s: float) -> Written:
        raise KeyError("x")

    sink = Sink()
    site = cast("Site", SimpleNamespace(create_post=broken))
    first = written(sink, writes.posts(STACK, site, "r", 50, 1, Clock(), sink.write), 1)[0]
    assert (first.token, first.outcome, first.reason) == ("r-post-1", "info", "tool: KeyError('x')")
