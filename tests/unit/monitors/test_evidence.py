"""What is read with the writers stopped: every pod at its own address, and a pod that can't be read says so."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.clock import Clock
from chaos.cluster.api import Output
from chaos.errors import ClusterError
from chaos.history import Contents, Record, ReplicaSeen, SiteContents, VolumeSeen
from chaos.monitors import evidence
from chaos.stack.profile import Profile
from chaos.stack.roles import Pod
from chaos.stack.stack import Article, Picture, Seed, Stack
from tests.unit.monitors.fake_database import FakeDatabase, Rows

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
    hashes: dict[str, str] = field(default_factory=dict)
    broken: str = ""
    dropped: str = ""

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
        if "`hachaos`.`ledger`" in statement:
            after = int(statement.split("id > ")[1].split(maxsplit=1)[0])
            return [{"id": number, "token": token} for number, token in self.rows if number > after]
        if "post_type" in statement:
            return [{"ID": number, "post_title": title} for number, title in self.posts]
        return [{"n": 1, "x": 0xABC if "IN (11)" in statement else 0xDEF}]


class Page(BaseHTTPRequestHandler):
    pages: dict[str, bytes]

    def do_GET(self) -> None:
        body = self.pages.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: Any) -> None:
        pass


class World:
    """Three databases and two site pods on loopback addresses, with claims and volumes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data = {f"mysql-{n}": Data(primary=n == 0) for n in range(3)}
        self.pages = {SEED.posts[0].path: b"<p>the first text", SEED.page.path: b"the page's text"}
        self.pages |= {SEED.picture.path: PIXELS}
        self.said = Output(0, '1700000000\n{"how": "clone", "donor": "mysql-1"}', "")
        self.exec_error = ""
        self.api_error = ""
        self.ips = {name: f"127.0.0.{n}" for n, name in enumerate(self.data, start=2)}
        self.site_ips = {"web-0": "127.0.0.2", "web-1": "127.0.0.3"}
        self.databases: dict[str, FakeDatabase] = {}
        port = 0
        for name, data in self.data.items():
            self.databases[name] = FakeDatabase(self.ips[name], port, data.answer)
            port = self.databases[name].port
        self.database_port = port
        handler = type("Handler", (Page,), {"pages": self.pages})
        self.web: list[ThreadingHTTPServer] = []
        port = 0
        for ip in self.site_ips.values():
            self.web.append(ThreadingHTTPServer((ip, port), handler))
            port = self.web[-1].server_address[1]
            threading.Thread(target=self.web[-1].serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(evidence, "HTTP_PORT", port)

    def close(self) -> None:
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

        def get(kind: str, name: str) -> dict[str, Any]:
            return {"metadata": {"uid": f"uid-{name}"}, "spec": {"volumeName": f"pv-{name}"}}

        def execute(pod: str, container: str, command: list[str], *, timeout_s: float) -> Output:
            if self.exec_error:
                raise ClusterError(self.exec_error)
            return self.said

        binding = Profile.load("hardened").binding
        binding = replace(binding, database=replace(binding.database, port=self.database_port))
        known = SimpleNamespace(
            ledger_user="hachaos",
            ledger_password="secret word",
            ledger_database="hachaos",
            admin_user="admin",
            admin_password="another word",
            application_password="word",
        )
        api = SimpleNamespace(get=get, execute=execute)
        parts = {"pods": pods, "api": api, "binding": binding, "credentials": known, "seed": SEED, "site_host": "test"}
        return cast("Stack", SimpleNamespace(**parts))

    def collect(self, timeout_s: float = 0.0) -> list[Record]:
        records: list[Record] = []
        evidence.collect(self.stack(), Clock(), 0, records.append, timeout_s)
        return records

    def contents(self) -> dict[str, Contents]:
        return {record.pod: record for record in self.collect() if isinstance(record, Contents)}

    def volumes(self) -> list[VolumeSeen]:
        records: list[Record] = []
        evidence.volumes(self.stack(), Clock(), 0, "after", records.append)
        return [record for record in records if isinstance(record, VolumeSeen)]


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
    assert found["mysql-0"].gtid == "0-1-7"
    assert found["mysql-0"].baseline == {
        "seed 11": "1:abc",
        "seed 12": "1:def",
        "picture": "1:def",
        "options": "1:def",
        "users": "1:def",
    }


def test_a_ledger_of_several_batches_is_read_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.stack.database._BATCH", 3)
    data = world.data["mysql-0"]
    data.rows = tuple((number, f"t-row-{number}") for number in range(1, 9))
    whole = data.answer
    world.databases["mysql-0"]._answers = lambda statement: (whole(statement) or [])[:3]
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

    def slow(statement: str) -> Rows | None:
        time.sleep(0.3 if "`hachaos`.`ledger`" in statement else 0)
        return answer(statement)

    world.databases["mysql-0"]._answers = slow
    records: list[Record] = []
    clock = Clock()
    evidence.collect(world.stack(), clock, 0, records.append, 0)
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


def test_each_site_pod_is_asked_for_the_seed_content(world: World) -> None:
    del world.pages[SEED.page.path]
    found = [record for record in world.collect() if isinstance(record, SiteContents)]
    assert [record.pod for record in found] == ["web-0", "web-1"]
    assert found[0].baseline["seed 12"] == "missing (404)"
    assert found[0].baseline["picture"] == hashlib.sha256(PIXELS).hexdigest()[:16]
    assert not found[0].baseline["seed 11"].startswith("missing")


def test_a_site_pod_that_refuses_is_an_error(world: World) -> None:
    world.site_ips["web-1"] = "127.0.0.9"
    found = {record.pod: record for record in world.collect() if isinstance(record, SiteContents)}
    assert (found["web-0"].error, found["web-1"].error) == ("", "refused")


def test_a_cluster_that_does_not_answer_is_an_error_in_the_evidence(world: World) -> None:
    world.api_error = "no answer from the API server"
    (contents,) = world.collect()
    (volume,) = world.volumes()
    assert isinstance(contents, Contents)
    assert (contents.error, volume.error) == (world.api_error, world.api_error)


def test_a_volume_is_told_by_claim_birth_and_what_the_clone_left(world: World) -> None:
    first = world.volumes()[0]
    assert (first.pod, first.claim, first.claim_uid, first.volume) == (
        "mysql-0",
        "data-mysql-0",
        "uid-data-mysql-0",
        "pv-data-mysql-0",
    )
    assert (first.born, first.provenance, first.error) == (1700000000.0, {"how": "clone", "donor": "mysql-1"}, "")


@pytest.mark.parametrize("birth", ["0", "-", "?", ""])
def test_a_file_system_that_keeps_no_births_gives_none_and_not_1970(world: World, birth: str) -> None:
    world.said = Output(1, f"{birth}\n", "")
    assert {(seen.born, seen.provenance, seen.error) for seen in world.volumes()} == {(None, None, "")}


@pytest.mark.parametrize(
    "said",
    [
        Output(3, "", "stat: cannot stat '/data/mysql'"),
        Output(0, '1700000000\n{"how": "cl', ""),
        Output(0, "1\n[]", ""),
    ],
    ids=["no data folder", "half a file", "no object"],
)
def test_a_volume_that_cannot_be_told_is_an_error_with_its_claim(world: World, said: Output) -> None:
    world.said = said
    seen = world.volumes()[0]
    assert seen.error
    assert (seen.born, seen.provenance, seen.claim_uid) == (None, None, "uid-data-mysql-0")


def test_a_pod_in_which_nothing_can_run_still_tells_its_claim(world: World) -> None:
    world.exec_error = "stat in mysql-0/mysql: no end after 10 s"
    assert {(seen.error, seen.volume[:3]) for seen in world.volumes()} == {(world.exec_error, "pv-")}


def test_all_of_the_evidence_survives_the_journal(world: World) -> None:
    for record in (*world.collect(), *world.volumes()):
        assert json.loads(json.dumps(record.to_json()))["kind"] == record.kind
