"""The installation against a WordPress that is a dict behind a loopback server: whole, resumed, and refused."""

from __future__ import annotations

import base64
import json
import random
import threading
import xmlrpc.client
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from fake_api import FakeApi

from chaos.cluster.api import Api
from chaos.errors import StackError
from chaos.progress import NoProgress, Task
from chaos.stack import credentials, install, install_published
from chaos.stack.stack import Seed

Answer = tuple[int, Any, dict[str, str]]


class FakeWordPress:
    """Knows the few addresses that an installation uses. `asked` are the requests that change something."""

    def __init__(self) -> None:
        self.title, self.admin = "", ""
        self.content: dict[str, dict[str, Any]] = {}
        self.passwords: dict[str, tuple[str, str]] = {}
        self.asked: list[str] = []
        self.broken = 0
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with fake._lock:
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    status, answer, headers = fake.answer(self, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        if self.broken:
            self.broken -= 1
            return 500, b"<h1>Error establishing a database connection</h1>", {}
        parts = urlsplit(request.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if request.command != "GET":
            self.asked.append(f"{request.command} {query.get('rest_route', parts.path)}")
        if "rest_route" in query:
            return self.rest(request, query, body)
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        if parts.path == "/wp-admin/install.php":
            self.title, self.admin = form["weblog_title"], form["admin_password"]
            return 200, b"Success!", {}
        if parts.path == "/wp-login.php":
            good = form["pwd"] == self.admin
            return (302, b"", {"Location": "/", "Set-Cookie": "in=yes; path=/"}) if good else (200, b"wrong", {})
        if parts.path == "/wp-admin/admin-ajax.php":
            return (200, b"nonce", {}) if "in=yes" in request.headers.get("Cookie", "") else (400, b"0", {})
        if not self.title:
            return 302, b"", {"Location": "http://the.host/wp-admin/install.php"}
        return 200, f"<title>{self.title}</title>".encode(), {}

    def rest(self, request: BaseHTTPRequestHandler, query: dict[str, str], body: bytes) -> Answer:
        route = query["rest_route"]
        basic = request.headers.get("Authorization", "").removeprefix("Basic ")
        known = base64.b64decode(basic).decode().partition(":")[2] in [value for _, value in self.passwords.values()]
        if not known and request.headers.get("X-WP-Nonce") != "nonce":
            return 401, {"code": "rest_not_logged_in"}, {}
        if route == "/wp/v2/users/me":
            return 200, {}, {}
        if route.startswith("/wp/v2/users/me/application-passwords"):
            return self.application_passwords(request.command, route.rpartition("/")[2], body)
        kind = route.rpartition("/")[2]
        if request.command == "GET":
            slugs = query["slug"].split(",")
            return 200, [each for each in self.content.values() if each["slug"] in slugs and each["kind"] == kind], {}
        made = query if kind == "media" else json.loads(body)
        number = len(self.content) + 1
        link = f"http://the.host/?p={number}"
        self.content[made["slug"]] = made | {"kind": kind, "id": number, "link": link, "source_url": link + "&file"}
        return 201, self.content[made["slug"]], {}

    def application_passwords(self, command: str, last: str, body: bytes) -> Answer:
        if command == "GET":
            return 200, [{"uuid": uuid, "name": name} for uuid, (name, _) in self.passwords.items()], {}
        if command == "DELETE":
            del self.passwords[last]
            return 200, {}, {}
        uuid = f"uuid-{len(self.passwords)}"
        self.passwords[uuid] = (json.loads(body)["name"], f"app-{uuid}")
        return 201, {"uuid": uuid, "password": f"app-{uuid}"}, {}


@pytest.fixture
def site() -> Iterator[FakeWordPress]:
    fake = FakeWordPress()
    thread = threading.Thread(target=fake.server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()
    thread.join()


@pytest.fixture
def api() -> FakeApi:
    made = FakeApi()
    credentials.ensure(cast("Api", made))
    return made


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that reached the database, which has no WordPress tables but those in `FOUND`."""
    said: list[str] = []

    class Connection:
        def __enter__(self) -> Connection:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    def run(_: object, statement: str) -> tuple[tuple[Any, ...], ...]:
        said.append(statement)
        if statement.startswith("SHOW TABLES"):
            return tuple((name,) for name in FOUND)
        return USERS if "wp_users LIMIT" in statement else ()

    FOUND.clear()
    monkeypatch.setattr(install, "connect", lambda *_: Connection())
    monkeypatch.setattr(install, "run", run)
    monkeypatch.setattr(install, "_INSTALL_TIMEOUT_S", 2.0)
    return said


FOUND: list[str] = []
USERS: tuple[tuple[int], ...] = ((1,),)


def run(api: FakeApi, site: FakeWordPress) -> Seed:
    return install.install(
        cast("Api", api),
        credentials.load(cast("Api", api)),
        site=site.address,
        site_host="the.host",
        database="10.0.0.1:3306",
        task=NoProgress(),
    )


def test_a_fresh_site_gets_its_title_its_content_and_an_application_password(api: FakeApi, site: FakeWordPress) -> None:
    seed = run(api, site)
    assert seed.marker == site.title == f"hachaos {api.secret('wordpress')['SITE_ID']}"
    assert sorted(each["kind"] for each in site.content.values()) == ["media", "pages", *["posts"] * 5]
    assert [post.path for post in seed.posts] == [f"/?p={post.id}" for post in seed.posts]
    assert seed.picture.path == f"/?p={seed.picture.id}&file"
    assert api.secret("wordpress")["APPLICATION_PASSWORD"] == "app-uuid-0"
    assert install.seed_of(cast("Api", api)) == seed


def test_what_is_installed_is_not_installed_again(api: FakeApi, site: FakeWordPress) -> None:
    seed = run(api, site)
    site.asked.clear()
    assert run(api, site) == seed
    assert site.asked == []


def test_content_that_is_missing_is_made_and_no_other(api: FakeApi, site: FakeWordPress) -> None:
    run(api, site)
    del site.content["hachaos-seed-3"], site.content["hachaos-seed-picture"]
    site.asked.clear()
    run(api, site)
    assert sorted(site.asked) == ["POST /wp/v2/media", "POST /wp/v2/posts"]


def test_an_application_password_that_was_made_and_not_stored_is_replaced(api: FakeApi, site: FakeWordPress) -> None:
    run(api, site)
    site.passwords["uuid-theirs"] = ("theirs", "x")
    credentials.keep_application_password(cast("Api", api), "lost")
    run(api, site)
    assert sorted(name for name, _ in site.passwords.values()) == ["hachaos", "theirs"]
    assert api.secret("wordpress")["APPLICATION_PASSWORD"] != "lost"


def test_a_site_that_answers_badly_for_a_moment_is_waited_for(api: FakeApi, site: FakeWordPress) -> None:
    site.broken = 2
    assert run(api, site).marker == site.title


def test_a_site_that_stays_broken_is_an_error_that_quotes_it(api: FakeApi, site: FakeWordPress) -> None:
    site.broken = 1000
    with pytest.raises(StackError, match="Error establishing a database connection"):
        run(api, site)


def test_a_site_of_somebody_else_is_left_alone(api: FakeApi, site: FakeWordPress, tables: list[str]) -> None:
    site.title = "My own blog"
    FOUND.extend(["wp_options", "wp_users"])
    with pytest.raises(StackError, match="My own blog"):
        run(api, site)
    assert site.asked == []
    assert not any(statement.startswith("DROP") for statement in tables)


def test_an_installation_that_ended_before_it_made_a_user_is_cleared_away(
    api: FakeApi, site: FakeWordPress, tables: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.title = "half"
    FOUND.extend(["wp_options", "wp_posts"])

    def drop(_: object, statement: str) -> tuple[tuple[Any, ...], ...]:
        tables.append(statement)
        if statement.startswith("DROP"):
            site.title = ""
            FOUND.clear()
        return tuple((name,) for name in FOUND) if statement.startswith("SHOW") else ()

    monkeypatch.setattr(install, "run", drop)
    assert run(api, site).marker == site.title
    assert "DROP TABLE `wp_options`, `wp_posts`" in tables


def test_an_administrator_with_another_password_is_an_error(api: FakeApi, site: FakeWordPress) -> None:
    run(api, site)
    site.passwords.clear()
    site.admin = "changed"
    with pytest.raises(StackError, match="does not take the password"):
        run(api, site)


class FakePublished(FakeWordPress):
    """A WordPress before three databases that know nothing of each other: each request goes to any of them."""

    def __init__(self) -> None:
        super().__init__()
        self.titles, self.turn, self.faults = ["", "", ""], 0, 0
        self.dice = random.Random(1)

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        parts = urlsplit(request.path)
        self.turn = self.dice.randrange(3)
        if parts.path == "/xmlrpc.php":
            return self.call(body)
        if parts.path == "/wp-admin/install.php" and not self.titles[self.turn]:
            self.titles[self.turn] = parse_qs(body.decode())["weblog_title"][0]
            return 200, b"<h1>Success!</h1>", {}
        if not self.titles[self.turn]:
            return 302, b"", {"Location": "http://the.host/wp-admin/install.php"}
        return 200, f"<title>{self.titles[self.turn]}</title>".encode(), {}

    def call(self, body: bytes) -> Answer:
        (_, user, password, content), method = xmlrpc.client.loads(body)
        assert (user, len(str(password))) == ("hachaos", 32)
        if self.faults:
            self.faults -= 1
            return 200, xmlrpc.client.dumps(xmlrpc.client.Fault(500, "no"), methodresponse=True).encode(), {}
        self.content[str(len(self.content))] = dict(cast("dict[str, Any]", content))
        made: Any = {"id": "7", "url": "http://the.host/up/p.png"} if method == "wp.uploadFile" else "9"
        return 200, xmlrpc.client.dumps((made,), methodresponse=True).encode(), {}


@pytest.fixture
def published() -> Iterator[FakePublished]:
    fake = FakePublished()
    thread = threading.Thread(target=fake.server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()
    thread.join()


def install_as_visitor(fake: FakePublished, monkeypatch: pytest.MonkeyPatch) -> tuple[Seed, list[str]]:
    monkeypatch.setattr(install_published, "_LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(install_published, "_INSTALL_TIMEOUT_S", 2.0)
    api = cast("Api", FakeApi())
    return install_published.install(
        api, credentials.ensure_published(api), fake.address, "the.host", cast("Task", NoProgress())
    )


def test_an_install_page_that_comes_back_is_filled_in_again_until_every_database_knows_the_site(
    published: FakePublished, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed, notes = install_as_visitor(published, monkeypatch)
    assert published.titles == [seed.marker] * 3
    assert notes == ["WordPress's install page came back and was filled in 3 times"]
    assert len(published.content) == 7
    assert (seed.picture.path, seed.posts[0].path, seed.page.path) == ("/up/p.png", "/?p=9", "/?page_id=9")


def test_a_post_that_one_database_refuses_is_written_again(
    published: FakePublished, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.faults = 2
    install_as_visitor(published, monkeypatch)
    assert len(published.content) == 7


def test_a_visitor_who_never_gets_the_site_gives_up_and_says_what_came(
    published: FakePublished, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.titles = ["My own blog"] * 3
    with pytest.raises(StackError, match="could not be installed"):
        install_as_visitor(published, monkeypatch)
