"""Verification: a stack is sound by what it serves and holds, and each way to be unsound is told apart."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from fake_api import FakeApi, pod

from chaos.cluster.api import Api
from chaos.errors import StackError
from chaos.stack import credentials, verify, verify_published
from chaos.stack.clients import NotYet, WordPress
from chaos.stack.credentials import Credentials
from chaos.stack.profile import Profile
from chaos.stack.roles import Pod
from chaos.stack.stack import Article, Picture, Seed, Stack

PICTURE = b"\x89PNG bytes"
POSTS = tuple(Article(n, f"title {n}", f"text {n}", f"/?p={n}") for n in (1, 2))
PAGE = Article(9, "about", "about text", "/?page_id=9")
SEED = Seed("hachaos 0123", POSTS, PAGE, Picture(5, "/up/p.png", hashlib.sha256(PICTURE).hexdigest()))
INSTALL_PAGE = "/wp-admin/install.php"


class FakeSite:
    """Answers like a sound site; `answers` overrides (status, body) by path or REST route."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {
            "/": (200, b"<title>hachaos 0123</title>"),
            "/wp/v2/posts": (200, posts(POSTS)),
            "/?page_id=9": (200, b"<p>about text</p>"),
            "/up/p.png": (200, PICTURE),
        }
        self.hosts: set[str] = set()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.hosts.add(self.headers["Host"])
                route = parse_qs(urlsplit(self.path).query).get("rest_route", [self.path])[0]
                status, body = fake.answers[route]
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", INSTALL_PAGE)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"


def posts(articles: tuple[Article, ...]) -> bytes:
    found = [
        {"id": a.id, "title": {"rendered": a.title}, "content": {"rendered": f"<p>{a.text}</p>"}} for a in articles
    ]
    return json.dumps(found).encode()


@pytest.fixture
def site() -> Iterator[FakeSite]:
    fake = FakeSite()
    thread = threading.Thread(target=fake.server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()
    thread.join()


def not_served(fake: FakeSite) -> list[str]:
    return list(verify.not_served(WordPress(fake.address, "the.host"), SEED))


def test_a_site_that_serves_the_seed_is_sound_and_is_asked_under_its_own_name(site: FakeSite) -> None:
    assert not_served(site) == []
    assert site.hosts == {"the.host"}


@pytest.mark.parametrize(
    ("where", "answer", "said"),
    [
        ("/", (200, b"<title>Another site</title>"), "a front page without 'hachaos 0123': 200 Another site"),
        ("/", (302, b""), f"a redirect to {INSTALL_PAGE}"),
        ("/", (404, b"hachaos 0123"), "a front page without"),
        ("/wp/v2/posts", (200, posts(POSTS[:1])), "no post 2"),
        ("/wp/v2/posts", (200, posts((POSTS[0], Article(2, "title 2", "other", "")))), "another text as post 2"),
        ("/?page_id=9", (200, b"nothing"), "no page /?page_id=9"),
        ("/up/p.png", (200, PICTURE[:-1]), "another picture at /up/p.png: 200, 9 bytes"),
        ("/up/p.png", (404, PICTURE), "another picture"),
    ],
)
def test_what_is_not_served_is_said(site: FakeSite, where: str, answer: tuple[int, bytes], said: str) -> None:
    site.answers[where] = answer
    (wrong,) = not_served(site)
    assert said in wrong


@pytest.mark.parametrize("where", ["/", "/wp/v2/posts"])
def test_a_site_that_has_no_database_is_an_error_that_quotes_it(site: FakeSite, where: str) -> None:
    site.answers[where] = (500, b"<h1>Error establishing a database connection</h1>")
    with pytest.raises(NotYet, match="500 Error establishing a database connection"):
        not_served(site)


def test_rest_that_is_refused_is_an_error(site: FakeSite) -> None:
    site.answers["/wp/v2/posts"] = (403, b"no")
    with pytest.raises(StackError, match="403 no"):
        not_served(site)


class FakeDatabase:
    """One server: what it answers to the few statements that verification sends."""

    def __init__(self, source: FakeDatabase | None = None) -> None:
        self.source, self.read_only, self.beat = source, int(source is not None), ""
        self.rows = {each.id: f"<p>{each.text}</p>" for each in (*POSTS, PAGE)}

    def close(self) -> None:
        pass

    def run(self, statement: str) -> tuple[tuple[Any, ...], ...]:
        if "read_only" in statement:
            return ((self.read_only,),)
        if "wp_posts" in statement:
            return tuple(self.rows.items())
        if statement.startswith("REPLACE"):
            self.beat = statement.split("'")[1]
            return ()
        return (((self.source or self).beat,),)


class FakeStack:
    """Three database pods and one site pod at a loopback address."""

    credentials = Credentials("hachaos", "p", "hachaos", "p", "a", "p", "p", "0123")
    seed = SEED
    site_host = "the.host"

    def __init__(self, site: str) -> None:
        self.site = site
        primary = FakeDatabase()
        self.servers = {"10.0.0.0": primary, "10.0.0.1": FakeDatabase(primary), "10.0.0.2": FakeDatabase(primary)}
        self.site_ip = "127.0.0.1"

    def pods(self, role: str) -> list[Pod]:
        if role == "site":
            return [Pod("wordpress-x", "u", role, "n", self.site_ip, ready=True, terminating=False)]
        return [Pod(f"mysql-{ip[-1]}", "u", role, "n", ip, ready=True, terminating=False) for ip in self.servers]

    def site_address(self) -> str:
        return self.site

    def database_address(self) -> str:
        return "10.0.0.0:3306"


@pytest.fixture
def stack(site: FakeSite, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    fake = FakeStack(site.address)

    def connect(address: str, *_: str) -> FakeDatabase:
        server = fake.servers[address.split(":", maxsplit=1)[0]]
        if isinstance(server, Exception):
            raise server
        return server

    monkeypatch.setattr(verify, "connect", connect)
    monkeypatch.setattr(verify, "run", lambda server, statement: server.run(statement))
    monkeypatch.setattr(verify, "replication", lambda *_: "IO Connecting, SQL Yes")
    monkeypatch.setattr(verify, "_HEARTBEAT_S", 0.1)
    monkeypatch.setattr(verify, "_HTTP_PORT", int(site.address.split(":")[1]))
    return fake


def problems(stack: FakeStack) -> list[str]:
    return verify.problems(cast("Stack", stack))


def test_a_sound_stack_has_no_problems(stack: FakeStack) -> None:
    assert problems(stack) == []


def test_a_site_pod_that_serves_something_else_is_named(stack: FakeStack, site: FakeSite) -> None:
    site.answers["/up/p.png"] = (404, b"")
    assert [line.split(" serves ")[0] for line in problems(stack)] == ["the Service", "wordpress-x"]


def test_a_pod_without_an_address_is_a_problem(stack: FakeStack) -> None:
    stack.site_ip = ""
    assert problems(stack) == ["wordpress-x has no address"]


def test_a_writable_replica_is_a_problem(stack: FakeStack) -> None:
    stack.servers["10.0.0.2"].read_only = 0
    assert problems(stack) == ["2 database pods are writable (mysql-0, mysql-2)"]


def test_a_read_only_primary_is_a_problem(stack: FakeStack) -> None:
    stack.servers["10.0.0.0"].read_only = 1
    assert problems(stack) == ["0 database pods are writable ()"]


def test_a_replica_that_no_heartbeat_reaches_is_a_problem(stack: FakeStack) -> None:
    stack.servers["10.0.0.1"].source = None
    assert problems(stack) == ["mysql-1 does not replicate: IO Connecting, SQL Yes"]


def test_a_database_without_the_seed_rows_is_a_problem(stack: FakeStack) -> None:
    del stack.servers["10.0.0.2"].rows[2]
    assert problems(stack) == ["mysql-2 lacks the seed's rows [2] of wp_posts"]


def test_a_database_that_does_not_answer_is_a_problem(stack: FakeStack) -> None:
    stack.servers["10.0.0.2"] = NotYet("refused")  # type: ignore[assignment]
    assert problems(stack) == ["mysql-2: refused"]


def test_verification_gives_up_with_what_is_wrong(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    from chaos.progress import NoProgress

    monkeypatch.setattr(FakeStack, "api", type("Api", (), {"namespace": "wordpress"}), raising=False)
    stack.servers["10.0.0.2"].read_only = 0
    with pytest.raises(StackError, match="2 database pods are writable"):
        verify.verify(cast("Stack", stack), NoProgress(), timeout_s=0.0)


class Held:
    """The published stack's databases: what each has for the site's title, and whether the ledger takes a row."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.titles: dict[str, str] = {}
        self.ledger = True
        monkeypatch.setattr(verify_published, "connect", lambda address, *_: nullcontext(address))
        monkeypatch.setattr(verify_published, "closing", lambda it: it)
        monkeypatch.setattr(verify_published, "run", self.run)

    def run(self, address: str, statement: str) -> tuple[tuple[str, ...], ...]:
        if "blogname" in statement:
            return ((self.titles.get(address, SEED.marker),),)
        if not self.ledger:
            raise NotYet("no such table")
        return ()


def published(fake: FakeSite, *, missing: str = "", ip: str = "127.0.0.1") -> Stack:
    profile = Profile.load("published")
    pods = [pod(f"mysql-{n}", {"app": "mysql"}, ip=f"10.0.0.{n}") for n in range(3)] + [
        pod(f"wordpress-{n}", {"app": "wordpress", "tier": "frontend"}, ip=ip) for n in range(3)
    ]
    pods.append(pod("nfs-server-0", {"role": "nfs-server"}))
    port = int(fake.address.rpartition(":")[2])
    service = {"kind": "Service", "metadata": {"name": "wordpress"}}
    api = FakeApi(
        *[each for each in pods if each["metadata"]["name"] != missing],
        service | {"spec": {"clusterIP": "127.0.0.1", "ports": [{"port": port}]}},
    )
    binding = replace(profile.binding, site=replace(profile.binding.site, port=port))
    known = credentials.ensure_published(cast("Api", api))
    return Stack(binding, cast("Api", api), known, SEED)


def test_the_published_stack_is_sound_when_it_serves_and_its_primary_takes_a_row(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    Held(monkeypatch)
    assert verify_published.problems(published(site)) == []


@pytest.mark.parametrize("missing", ["mysql-2", "wordpress-0", "nfs-server-0"])
def test_the_published_stack_needs_all_of_its_pods(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    Held(monkeypatch)
    (wrong,) = verify_published.problems(published(site, missing=missing))
    assert "pods are there" in wrong


def test_a_published_site_that_shows_another_page_is_not_sound(site: FakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    Held(monkeypatch)
    site.answers["/"] = (302, b"")
    wrong = verify_published.problems(published(site))
    assert len(wrong) == 4
    assert all("a redirect to /wp-admin/install.php" in line for line in wrong)


def test_a_database_pod_that_does_not_know_the_published_site_is_named(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    Held(monkeypatch).titles["10.0.0.0:3306"] = "another"
    assert verify_published.problems(published(site)) == ["mysql-0 does not hold the site 'hachaos 0123'"]


def test_a_published_primary_without_the_ledger_is_not_sound(site: FakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    Held(monkeypatch).ledger = False
    assert verify_published.problems(published(site)) == ["the primary takes no row: no such table"]
