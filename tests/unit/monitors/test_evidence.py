"""What is read with the writers stopped: every pod at its own address, and a pod that can't be read says so."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.clock import Clock
from chaos.errors import ClusterError
from chaos.history import (
    FIRST_READING,
    TOO_LARGE,
    Contents,
    Heartbeat,
    Record,
    ReplicaSeen,
    SiteContents,
    Write,
    from_json,
)
from chaos.monitors.evidence import Evidence
from chaos.stack.profile import Profile
from chaos.stack.roles import Pod
from chaos.stack.site import digest
from chaos.stack.stack import Article, Picture, Seed, Stack
from tests.unit.monitors.fake_database import FakeDatabase, Rows

PROFILE = b'<input type="text" id="user_login" value="admin">'
PIXELS = b"\x89PNG picture"
SEED = Seed(
    marker="marker",
    posts=(Article(11, "first", "the first text", "/?p=11"),),
    page=Article(12, "page", "the page's text", "/?page_id=12"),
    picture=Picture(13, "/picture.png", hashlib.sha256(PIXELS).hexdigest()),
)


@dataclass
class Data:
    """What one database holds."""

    primary: bool
    gtid: str = "0-1-7"
    rows: tuple[tuple[int, str], ...] = ((1, "t-row-1"), (2, "t-row-2"))
    posts: tuple[tuple[int, str], ...] = ((11, "first"), (21, "t-post-1"))
    attachments: tuple[tuple[int, str], ...] = ((31, "t-upload-1"),)
    hashes: dict[str, str] = field(default_factory=dict)
    beats: bool = True
    broken: str = ""
    dropped: str = ""
    sizes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("ledger", "lineage"), 9))

    def answer(self, statement: str) -> Rows | int | None:
        if self.dropped and self.dropped in statement:
            return 1146
        if self.broken and self.broken in statement:
            return None
        if "read_only" in statement:
            return [{"it": int(not self.primary)}]
        if "gtid_current_pos" in statement:
            return [{"it": self.gtid}]
        if "REPLICA STATUS" in statement:
            return [] if self.primary else [{"Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes"}]
        if "information_schema.columns" in statement:
            return [column("ledger", "token", ""), *(column(table, "id", "PRI") for table in self.sizes)]
        if "information_schema.tables" in statement:
            sizes = sorted(self.sizes.items(), key=lambda item: item[1])
            return [{"s": "hachaos", "t": name, "n": size} for name, size in sizes]
        if "AS chunk" in statement:
            return [{"n": len(self.rows), "x": len(self.rows), "k": len(self.rows)}]
        if "WHERE token" in statement:
            return [{"it": 1}] if self.beats else []
        if "`hachaos`.`ledger`" in statement:
            after = int(statement.split("id > ")[1].split(maxsplit=1)[0])
            return [{"id": number, "token": token} for number, token in self.rows if number > after]
        if "'attachment'" in statement:
            return [{"ID": number, "post_title": title} for number, title in self.attachments]
        if "post_type" in statement:
            return [{"ID": number, "post_title": title} for number, title in self.posts]
        return [{"n": 1, "x": 0xABC if "IN (11)" in statement else 0xDEF}]


def column(table: str, name: str, key: str) -> dict[str, str]:
    return {"s": "hachaos", "t": table, "c": name, "d": "bigint", "k": key}


class Page(BaseHTTPRequestHandler):
    """Serves the pages; whoever has the cookie is `admin` on his profile. A path in `hung` is never answered."""

    pages: dict[str, bytes]
    hung: set[str]
    over: threading.Event
    logins: list[str]
    broken: Counter[tuple[str, str]]

    def do_GET(self) -> None:
        if self.path in self.hung:
            self.over.wait(60)
            return
        body = self.pages.get(self.path)
        if self.path == "/wp-admin/profile.php" and self.headers["Cookie"] != "wordpress_logged_in_1=c":
            body = None
        broken = (self.connection.getsockname()[0], self.path)
        if self.broken[broken]:
            self.broken[broken] -= 1
            self.send_response(500)
        else:
            self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def do_POST(self) -> None:
        self.logins.append(self.path)
        self.send_response(302 if self.path in self.pages else 200)
        self.send_header("Set-Cookie", "wordpress_logged_in_1=c" if self.path in self.pages else "other=1")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


class World:
    """Three databases and two site pods on loopback addresses, with claims and volumes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data = {f"mysql-{n}": Data(primary=n == 0) for n in range(3)}
        self.pages = {SEED.posts[0].path: b"<p>the first text", SEED.page.path: b"the page's text"}
        self.pages |= {SEED.picture.path: PIXELS, "/wp-login.php": b"", "/wp-admin/profile.php": PROFILE}
        self.hung: set[str] = set()
        self.broken: Counter[tuple[str, str]] = Counter()
        self.logins: list[str] = []
        self.over = threading.Event()
        self.api_error = ""
        self.ips = {name: f"127.0.0.{n}" for n, name in enumerate(self.data, start=2)}
        self.site_ips = {"web-0": "127.0.0.2", "web-1": "127.0.0.3"}
        self.databases: dict[str, FakeDatabase] = {}
        port = 0
        for name, data in self.data.items():
            self.databases[name] = FakeDatabase(self.ips[name], port, data.answer)
            port = self.databases[name].port
        self.database_port = port
        shared = {
            "pages": self.pages,
            "hung": self.hung,
            "broken": self.broken,
            "over": self.over,
            "logins": self.logins,
        }
        handler = type("Handler", (Page,), shared)
        self.web: list[ThreadingHTTPServer] = []
        port = 0
        for ip in self.site_ips.values():
            self.web.append(ThreadingHTTPServer((ip, port), handler))
            self.web[-1].daemon_threads = True
            port = self.web[-1].server_address[1]
            threading.Thread(target=self.web[-1].serve_forever, args=(0.01,), daemon=True).start()
        self.site_port = port
        self.records: list[Record] = []
        self.evidence = Evidence(self.stack(), Clock(), self.records.append)

    def close(self) -> None:
        self.over.set()
        for database in self.databases.values():
            database.close()
        for web in self.web:
            web.shutdown()
            web.server_close()

    def stack(self) -> Stack:
        def pods(role: str) -> list[Pod]:
            if self.api_error:
                raise ClusterError(self.api_error)
            if role == "site":
                return [pod(name, "site", ip) for name, ip in self.site_ips.items()]
            roles = {name: "primary" if data.primary else "replica" for name, data in self.data.items()}
            return [pod(name, f"database/{roles[name]}", ip) for name, ip in self.ips.items()]

        binding = Profile.load("hardened").binding
        binding = replace(
            binding,
            database=replace(binding.database, port=self.database_port),
            site=replace(binding.site, port=self.site_port),
        )
        known = SimpleNamespace(
            ledger_user="hachaos",
            ledger_password="secret word",
            ledger_database="hachaos",
            admin_user="admin",
            admin_password="another word",
            application_password="word",
        )
        parts = {
            "pods": pods,
            "binding": binding,
            "credentials": known,
            "seed": SEED,
            "site_host": "test",
            "site_address": lambda: f"127.0.0.2:{self.site_port}",
        }
        return cast("Stack", SimpleNamespace(**parts))

    def collect(self, timeout_s: float = 0.0) -> list[Record]:
        """What one reading writes, of a run whose login and uploads are kept."""
        self.records.clear()
        self.evidence.collect(0, timeout_s)
        return list(self.records)

    def sites(self) -> dict[str, SiteContents]:
        return {record.pod: record for record in self.collect() if isinstance(record, SiteContents)}

    def heartbeat(self) -> Heartbeat:
        (found,) = [record for record in self.collect() if isinstance(record, Heartbeat)]
        return found

    def contents(self) -> dict[str, Contents]:
        return {record.pod: record for record in self.collect() if isinstance(record, Contents)}


def pod(name: str, role: str, ip: str) -> Pod:
    return Pod(name=name, uid=f"uid-{name}", role=role, node="node-1", ip=ip, ready=True, terminating=False)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(monkeypatch)
    yield made
    made.close()


def test_each_database_is_read_at_its_own_address(world: World) -> None:
    world.data["mysql-2"].rows = ((1, "t-row-1"),)
    found = world.contents()
    assert [(name, one.primary, one.error) for name, one in found.items()] == [
        ("mysql-0", True, ""),
        ("mysql-1", False, ""),
        ("mysql-2", False, ""),
    ]
    assert found["mysql-1"].rows == ((1, "t-row-1"), (2, "t-row-2"))
    assert found["mysql-2"].rows == ((1, "t-row-1"),)
    assert found["mysql-0"].posts == ((11, "first"), (21, "t-post-1"))
    assert found["mysql-0"].uploads == ((31, "t-upload-1"),)
    assert found["mysql-0"].gtid == "0-1-7"
    assert found["mysql-0"].baseline == {
        "seed 11": "1:abc",
        "seed 12": "1:def",
        "picture": "1:def",
        "options": "1:def",
        "users": "1:def",
    }


def test_whole_tables_are_summed_up_but_the_one_that_differs_on_purpose(world: World) -> None:
    world.data["mysql-2"].rows = ((1, "t-row-1"),)
    found = world.contents()
    assert found["mysql-1"].tables == {"hachaos.ledger": "2:2"}
    assert found["mysql-2"].tables == {"hachaos.ledger": "1:1"}


def test_which_tables_are_too_large_is_for_the_primary_to_say_or_for_the_first_that_answers(world: World) -> None:
    large, small = {"ledger": 9, "events": 65 << 20}, {"ledger": 9, "events": 63 << 20}
    for primary, others, left_out in ((large, small, True), (small, large, False)):
        for data in world.data.values():
            data.sizes = primary if data.primary else others
        read = {pod: one.tables["hachaos.events"] == TOO_LARGE for pod, one in world.contents().items()}
        assert read == dict.fromkeys(world.data, left_out)
    world.data["mysql-0"].broken = "information_schema.tables"
    assert {one.tables.get("hachaos.events") for one in world.contents().values()} == {None, TOO_LARGE}


def test_a_table_of_several_chunks_is_summed_up_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.stack.tables.CHUNK", 3)
    data = world.data["mysql-0"]
    whole = data.answer
    chunks = {"(SELECT * FROM `hachaos`.`ledger`  ORDER": (3, 0b011, 3), "WHERE `id` > 3": (2, 0b101, 5)}

    def answer(statement: str) -> Rows | int | None:
        for part, (count, xor, last) in chunks.items():
            if part in statement:
                return [{"n": count, "x": xor, "k": last}]
        return whole(statement)

    world.databases["mysql-0"]._answers = answer
    assert world.contents()["mysql-0"].tables == {"hachaos.ledger": f"5:{0b110:x}"}


def test_pods_are_read_again_when_somebody_wrote_between_two_readings(world: World) -> None:
    whole, asked = world.data["mysql-2"].answer, 0

    def writing(statement: str) -> Rows | int | None:
        nonlocal asked
        asked += "AS chunk" in statement
        if "gtid_current_pos" in statement and asked == 0:
            return [{"it": "0-1-6"}]
        return whole(statement)

    world.databases["mysql-2"]._answers = writing
    found = world.contents()
    assert {one.gtid for one in found.values()} == {"0-1-7"}
    assert asked == 2


def test_a_server_that_never_rests_has_no_position_that_anything_could_be_compared_at(world: World) -> None:
    whole, number = world.data["mysql-1"].answer, 0

    def busy(statement: str) -> Rows | int | None:
        nonlocal number
        if "gtid_current_pos" in statement:
            number += 1
            return [{"it": f"0-1-{number}"}]
        return whole(statement)

    world.databases["mysql-1"]._answers = busy
    found = world.contents()["mysql-1"]
    assert (found.gtid, found.error) == ("", "")


def test_a_fresh_row_is_written_and_seen_on_each_replica(world: World) -> None:
    found = world.heartbeat()
    assert (found.pod, found.outcome, found.unasked) == ("mysql-0", "ok", {})
    assert found.arrived.keys() == {"mysql-1", "mysql-2"}
    assert all(after is not None and after >= 0 for after in found.arrived.values())


def test_a_fresh_row_that_does_not_arrive_is_written_down_as_such(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaos.monitors.heartbeat._ARRIVES_S", 0.3)
    world.data["mysql-2"].beats = False
    assert world.heartbeat().arrived["mysql-2"] is None


def test_a_replica_that_does_not_replicate_is_not_waited_for(world: World) -> None:
    whole = world.data["mysql-1"].answer

    def stopped(statement: str) -> Rows | int | None:
        if "REPLICA STATUS" in statement:
            return [{"Slave_IO_Running": "Yes", "Slave_SQL_Running": "No"}]
        return whole(statement)

    world.databases["mysql-1"]._answers = stopped
    found = world.heartbeat()
    assert found.unasked == {"mysql-1": "it does not replicate"}
    assert found.arrived.keys() == {"mysql-2"}


def test_a_primary_that_is_not_known_yet_is_waited_for_until_the_deadline(world: World) -> None:
    world.data["mysql-0"].primary = False
    threading.Timer(0.5, setattr, (world.data["mysql-0"], "primary", True)).start()
    records = world.collect(20.0)
    assert [record.pod for record in records if isinstance(record, Heartbeat)] == ["mysql-0"]
    assert [record.pod for record in records if isinstance(record, Contents) and record.primary] == ["mysql-0"]
    world.data["mysql-0"].primary = False
    assert not [record for record in world.collect(0.3) if isinstance(record, Heartbeat)]


def test_nothing_is_written_before_the_first_reading(world: World) -> None:
    world.evidence.collect(FIRST_READING, 0)
    assert not [record for record in world.records if isinstance(record, Heartbeat)]


def test_a_ledger_of_several_batches_is_read_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.stack.database._BATCH", 3)
    data = world.data["mysql-0"]
    data.rows = tuple((number, f"t-row-{number}") for number in range(1, 9))
    whole = data.answer
    world.databases["mysql-0"]._answers = lambda statement: cast("list[Any]", whole(statement) or [])[:3]
    assert world.contents()["mysql-0"].rows == data.rows


@pytest.mark.parametrize("broken", ["`ledger`", "gtid_current_pos", "wp_users"])
def test_a_database_that_does_not_answer_all_is_an_error_and_not_empty(world: World, broken: str) -> None:
    world.data["mysql-1"].broken = broken
    found = world.contents()
    assert found["mysql-1"].error == "error 1105"
    assert not found["mysql-0"].error


@pytest.mark.parametrize(
    ("dropped", "rows", "seed"),
    [("`ledger`", (), "1:abc"), ("`wordpress`", Data(primary=True).rows, "missing (no such table)")],
)
def test_a_server_without_a_table_holds_nothing_of_it_and_what_it_has_is_read(
    world: World, dropped: str, rows: tuple[tuple[int, str], ...], seed: str
) -> None:
    world.data["mysql-0"].dropped = dropped
    found = world.contents()["mysql-0"]
    assert (found.error, found.rows, found.baseline["seed 11"]) == ("", rows, seed)


def test_a_pod_without_an_address_is_an_error_and_not_this_machine(world: World) -> None:
    world.ips["mysql-1"] = ""
    assert world.contents()["mysql-1"].error == "no address"


def test_a_reading_carries_the_time_at_which_it_began(world: World) -> None:
    answer = world.data["mysql-0"].answer

    def slow(statement: str) -> Rows | int | None:
        time.sleep(0.3 if "`hachaos`.`ledger`" in statement else 0)
        return answer(statement)

    world.databases["mysql-0"]._answers = slow
    records: list[Record] = []
    clock = Clock()
    Evidence(world.stack(), clock, records.append).collect(0, 0)
    (primary,) = [record for record in records if isinstance(record, Contents) and record.primary]
    assert primary.at < clock.now() - 0.3, "a write acknowledged meanwhile need not be in it"


def test_the_pods_are_read_when_all_have_what_the_primary_has(world: World) -> None:
    world.data["mysql-2"].gtid = "0-1-5"
    threading.Timer(0.5, lambda: setattr(world.data["mysql-2"], "gtid", "0-1-7")).start()
    seen = [record for record in world.collect(timeout_s=20) if isinstance(record, ReplicaSeen)]
    assert {record.gtid for record in seen} == {"0-1-7"}


def test_replication_that_never_arrives_is_waited_for_no_longer_than_said(world: World) -> None:
    world.data["mysql-2"].gtid = "0-1-5"
    began = time.monotonic()
    records = world.collect(timeout_s=0.5)
    assert 0.4 < time.monotonic() - began < 10
    assert {record.gtid for record in records if isinstance(record, ReplicaSeen)} == {"0-1-5", "0-1-7"}
    assert len([record for record in records if isinstance(record, Contents)]) == 3


def test_replicas_that_will_never_catch_up_are_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.monitors.evidence._SETTLED_S", 0.5)
    world.data["mysql-2"].gtid = "0-1-5"
    began = time.monotonic()
    world.collect(timeout_s=60)
    assert time.monotonic() - began < 30, "nothing moved and nobody was connecting"


def test_a_replica_that_is_connecting_may_still_catch_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.monitors.evidence._SETTLED_S", 0.2)
    world.data["mysql-2"].gtid = "0-1-5"
    whole = world.data["mysql-2"].answer

    def connecting(statement: str) -> Rows | int | None:
        if "REPLICA STATUS" in statement:
            return [{"Slave_IO_Running": "Connecting", "Slave_SQL_Running": "Yes"}]
        return whole(statement)

    world.databases["mysql-2"]._answers = connecting
    threading.Timer(1.0, lambda: setattr(world.data["mysql-2"], "gtid", "0-1-7")).start()
    seen = [record for record in world.collect(timeout_s=20) if isinstance(record, ReplicaSeen)]
    assert {record.gtid for record in seen} == {"0-1-7"}


def test_each_site_pod_is_asked_for_the_seed_content(world: World) -> None:
    del world.pages[SEED.page.path]
    found = world.sites()
    assert list(found) == ["web-0", "web-1"]
    assert found["web-0"].baseline["seed 12"] == "missing (404)"
    assert found["web-0"].baseline["picture"] == digest(PIXELS)
    assert not found["web-0"].baseline["seed 11"].startswith("missing")


@pytest.mark.parametrize(("times", "held"), [(2, True), (20, False)])
def test_a_page_that_a_pod_could_not_make_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch, times: int, held: bool
) -> None:
    monkeypatch.setattr("chaos.monitors.site_contents._AGAIN_S", 0.01)
    for path in (SEED.page.path, "/wp-admin/profile.php"):
        world.broken[world.site_ips["web-0"], path] = times
    found = world.sites()
    assert (found["web-0"].baseline == found["web-1"].baseline) is held
    for name in ("seed 12", "session"):
        assert found["web-0"].baseline[name].startswith("missing (500)") is not held


def test_a_site_pod_that_refuses_is_an_error(world: World) -> None:
    world.site_ips["web-1"] = "127.0.0.9"
    found = world.sites()
    assert (found["web-0"].error, found["web-1"].error) == ("", "refused")


def test_all_pods_are_shown_the_cookie_of_the_run_s_one_login(world: World) -> None:
    for _ in range(3):
        assert {one.baseline["session"] for one in world.sites().values()} == {"admin"}
    assert world.logins == ["/wp-login.php"]


def test_a_pod_that_does_not_know_the_session_is_told_from_one_that_does(world: World) -> None:
    world.collect()
    world.pages["/wp-admin/profile.php"] = b"sign in, please"
    assert {one.baseline["session"] for one in world.sites().values()} == {"missing (200)"}


def test_without_a_login_the_session_is_missing_and_the_next_reading_tries_again(world: World) -> None:
    del world.pages["/wp-login.php"]
    assert {one.baseline["session"] for one in world.sites().values()} == {"missing (no login: status 200)"}
    world.pages["/wp-login.php"] = b""
    assert {one.baseline["session"] for one in world.sites().values()} == {"admin"}


def upload(token: str, outcome: str = "ok", what: str = "upload") -> Write:
    return Write(what, what, 1, token, 0, 0, 0, outcome, path=f"/up/{token}.txt", digest="d")


def test_each_acknowledged_upload_is_looked_for_on_each_pod_from_another_one_on(world: World) -> None:
    for record in (upload("t-1"), upload("t-2"), upload("t-4", what="post")):
        world.evidence.see(record)
    world.pages["/up/t-1.txt"] = b"one"
    first, second = ("t-1", digest(b"one")), ("t-2", "missing (404)")
    found = {pod: one.uploads for pod, one in world.sites().items()}
    assert found == {"web-0": (first, second), "web-1": (second, first)}


def test_uploads_that_were_not_acknowledged_are_looked_for_where_wordpress_would_have_put_them(world: World) -> None:
    unanswered = [replace(upload(f"t-{n}", outcome), path="") for n, outcome in ((1, "info"), (3, "fail"))]
    world.evidence.see(unanswered[0])
    assert {one.uploads for one in world.sites().values()} == {()}, "nobody knows in which folder"
    for record in (upload("t-2"), unanswered[1], replace(upload("t-5"), path="/next/t-5.txt")):
        world.evidence.see(record)
    world.pages["/up/t-3.txt"] = b"three"
    found = dict(world.sites()["web-0"].uploads)
    assert list(found) == ["t-2", "t-5", "t-1", "t-3"], "the acknowledged ones first"
    assert (found["t-1"], found["t-3"]) == ("missing (404)", digest(b"three"))


def test_only_the_last_uploads_that_were_not_acknowledged_are_looked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaos.monitors.evidence._UNSURE", 3)
    for record in (upload("t-0"), *(upload(f"t-{n}", "fail") for n in range(1, 9))):
        world.evidence.see(record)
    assert sorted(token for token, _ in world.sites()["web-0"].uploads) == ["t-0", "t-6", "t-7", "t-8"]


@pytest.mark.parametrize("late", [True, False])
def test_an_upload_that_is_stored_while_the_pods_are_read_is_looked_for_again(world: World, late: bool) -> None:
    for record in (upload("t-1"), upload("t-2", "info")):
        world.evidence.see(record)
    world.pages["/up/t-2.txt"] = b"two"
    # What serves web-1 gives a 500 as if the file were not there yet, once or for good.
    world.broken[world.site_ips["web-1"], "/up/t-2.txt"] = 1 if late else 99
    found = [dict(one.uploads)["t-2"] for one in world.sites().values()]
    assert found == [digest(b"two"), digest(b"two") if late else "missing (500)"]


def test_files_that_hang_are_missing_and_the_rest_of_the_pod_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaos.monitors.site_contents._FILE_S", 0.4)
    monkeypatch.setattr("chaos.monitors.site_contents._POD_S", 2.0)
    tokens = [f"t-{number}" for number in range(20)]
    for token in tokens:
        world.evidence.see(upload(token))
    world.hung |= {SEED.picture.path, *(f"/up/{token}.txt" for token in tokens)}
    began = time.monotonic()
    found = world.sites()["web-0"]
    assert time.monotonic() - began < 15, "one pod is read for so long in all, whatever hangs"
    assert (found.error, found.baseline["session"]) == ("", "admin")
    assert found.baseline["picture"] == "missing (timeout)"
    assert found.uploads == tuple((token, "missing (timeout)") for token in tokens)


def test_uploads_for_which_no_time_was_left_are_not_called_missing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaos.monitors.site_contents._POD_S", 0.0)
    world.pages["/up/t-1.txt"] = b"one"
    world.evidence.see(upload("t-1"))
    assert world.sites()["web-0"].uploads == ()


def test_a_pod_whose_pages_hang_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.monitors.site_contents._PAGE_S", 0.3)
    world.hung.add(SEED.page.path)
    found = world.sites()["web-0"]
    assert found.error == "timeout"
    assert list(found.baseline) == ["seed 11"], "what it did serve is kept"


def test_a_cluster_that_does_not_answer_is_an_error_in_the_evidence(world: World) -> None:
    world.api_error = "no answer from the API server"
    (contents,) = world.collect()
    assert isinstance(contents, Contents)
    assert contents.error == world.api_error


def test_all_of_the_evidence_survives_the_journal(world: World) -> None:
    world.evidence.see(upload("t-1"))
    for record in world.collect():
        assert from_json(json.loads(json.dumps(record.to_json()))) == record
