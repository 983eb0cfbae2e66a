"""How each kind of answer is told, against real servers on loopback: available is content, acknowledged is 201."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast
from xmlrpc.client import Fault, dumps, loads

import pytest

from chaos.stack.binding import SiteBinding
from chaos.stack.http import NoAnswer, NotSent, exchange
from chaos.stack.site import NotSignedIn, Seen, Site, digest, upload_content
from chaos.stack.stack import Picture, Stack
from chaos.stack.written import Written

MARKER = "hachaos 0123456789abcdef"
PIXELS = b"picture"
Talk = Callable[[socket.socket, bytes], None]


class Server:
    """Accepts connections on loopback, reads a request, and lets `talk` do the rest."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.requests: list[bytes] = []
        self.talk: Talk = lambda connection, request: None
        self.over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            request = connection.recv(65536)
            self.requests.append(request)
            try:
                self.talk(connection, request)
            except OSError:
                return

    def answer(self, status: str, body: str, *headers: str) -> None:
        head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers, "", ""])
        self.talk = lambda connection, request: connection.sendall(head.encode() + body.encode())


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.over.set()
    made.socket.close()


def make(posts: str, *, fresh: bool = False) -> Site:
    known = SimpleNamespace(admin_user="hachaos", admin_password="pass & word", application_password="secret word")
    seed = SimpleNamespace(marker=MARKER, picture=Picture(13, "/up/picture.png", hashlib.sha256(PIXELS).hexdigest()))
    binding = SimpleNamespace(
        site=SiteBinding(host="wordpress.test", posts=cast("Any", posts), static="/style.css", fresh=fresh)
    )
    stack = SimpleNamespace(credentials=known, seed=seed, binding=binding, site_host="wordpress.test")
    return Site(cast("Stack", stack))


@pytest.fixture
def site() -> Site:
    return make("rest")


@pytest.fixture
def xml_site() -> Site:
    return make("xmlrpc")


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def wait(server: Server) -> None:
    server.over.wait(30)


def reset(connection: socket.socket, request: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def test_a_page_with_this_installations_marker_is_available(server: Server, site: Site) -> None:
    server.answer("200 OK", f"<title>{MARKER}</title></html>")
    assert site.read_front(server.address, 5) == Seen(ok=True, status=200)
    assert b"Host: wordpress.test\r\n" in server.requests[0]


def test_a_page_that_names_what_only_this_request_asked_for_is_available(server: Server) -> None:
    def search(connection: socket.socket, request: bytes) -> None:
        word = request.split(b"/?s=")[1].split()[0].decode()
        body = f"<title>{word} - {MARKER}</title></html>"
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    server.talk = search
    site = make("rest", fresh=True)
    assert [site.read_front(server.address, 5).ok for _ in range(2)] == [True, True]
    words = {request.split(b"/?s=")[1].split()[0] for request in server.requests}
    assert len(words) == 2


def test_a_page_that_was_made_for_an_earlier_request_is_stale(server: Server) -> None:
    server.answer("200 OK", f"<title>{MARKER}</title></html>")
    assert make("rest", fresh=True).read_front(server.address, 5) == Seen(ok=False, reason="stale", status=200)


@pytest.mark.parametrize(
    ("status", "body", "headers", "reason"),
    [
        ("200 OK", "<title>another site</title>", (), "wrong-content"),
        ("200 OK", "", (), "wrong-content"),
        ("200 OK", f"<title>{MARKER}</title><body>the first ha", (), "wrong-content"),
        ("200 OK", '<form id="setup" method="post" action="install.php?step=2">', (), "install-page"),
        ("302 Found", "", ("Location: http://wordpress.test/wp-admin/install.php",), "install-page"),
        ("500 Internal Server Error", "<h1>Error establishing a database connection</h1>", (), "database-error"),
        ("200 OK", "<h1>Error establishing a database connection</h1>", (), "database-error"),
        ("503 Service Unavailable", MARKER, (), "status"),
        ("302 Found", "", ("Location: /elsewhere",), "status"),
    ],
)
def test_a_status_alone_makes_no_page_available(
    server: Server, site: Site, status: str, body: str, headers: tuple[str, ...], reason: str
) -> None:
    server.answer(status, body, *headers)
    seen = site.read_front(server.address, 5)
    assert (seen.ok, seen.reason, seen.status) == (False, reason, int(status[:3]))


def test_nobody_there_is_refused(site: Site) -> None:
    assert site.read_front(free_port(), 5).reason == "refused"


def test_a_connection_that_is_reset_is_reset(server: Server, site: Site) -> None:
    server.talk = reset
    assert site.read_front(server.address, 5).reason == "reset"


def test_a_server_that_says_nothing_is_cut_at_the_deadline(server: Server, site: Site) -> None:
    server.talk = lambda connection, request: wait(server)
    began = time.monotonic()
    assert site.read_front(server.address, 0.4).reason == "timeout"
    assert 0.3 < time.monotonic() - began < 10


def test_a_server_that_trickles_is_cut_at_the_deadline_too(server: Server, site: Site) -> None:
    def trickle(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.over.wait(0.05):
            connection.sendall(b"x")

    server.talk = trickle
    began = time.monotonic()
    assert site.read_front(server.address, 0.5).reason == "timeout"
    assert time.monotonic() - began < 10


def test_an_address_without_a_host_is_not_this_machine(site: Site) -> None:
    assert site.read_front(":80", 5).reason == "unreachable"
    assert site.create_post(":80", "token-1", 5) == Written("fail", "unreachable")


@pytest.mark.parametrize("said", [b"", b"hello\r\n\r\n", b"HTTP/1.1 \xb2\xb2\xb2 odd\r\n\r\n", b"HTTP/1.1\r\n\r\n"])
def test_what_is_no_http_is_no_answer(server: Server, site: Site, said: bytes) -> None:
    server.talk = lambda connection, request: connection.sendall(said)
    assert site.read_front(server.address, 5) == Seen(ok=False, reason="reset")
    assert site.create_post(server.address, "token-1", 5) == Written("info", "reset")


def test_an_answer_that_ends_before_its_length_is_no_answer(server: Server) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    server.talk = lambda connection, request: connection.sendall(head)
    with pytest.raises(NoAnswer, match="reset"):
        exchange(server.address, "GET", "/", {}, deadline_s=5)


def test_of_an_answer_without_a_length_all_is_read_to_its_connection_s_end(server: Server) -> None:
    head = b"HTTP/1.0 200 OK\r\nSet-Cookie: a=b; path=/\r\nSet-Cookie: c=\r\n"

    def talk(connection: socket.socket, request: bytes) -> None:
        for part in (head, b"X-Two: 2\r\n\r\nfirst", b" second"):
            connection.sendall(part)
            time.sleep(0.05)

    server.talk = talk
    answer = exchange(server.address, "GET", "/", {}, deadline_s=5)
    assert (answer.status, answer.body, answer.cookies) == (200, b"first second", {"a": "b"})
    assert answer.headers["x-two"] == "2"


def test_of_an_answer_that_never_ends_only_the_beginning_is_read(server: Server) -> None:
    def talk(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(b"x" * 65536)

    server.talk = talk
    body = exchange(server.address, "GET", "/", {}, deadline_s=20).body
    assert set(body) == {ord("x")}
    assert 4 << 20 <= len(body) + 19 < (4 << 20) + 65536


def test_a_post_with_an_id_is_acknowledged(server: Server, site: Site) -> None:
    server.answer("201 Created", json.dumps({"id": 42}))
    assert site.create_post(server.address, "token-1", 5) == Written("ok", key=42)
    (request,) = server.requests
    assert request.startswith(b"POST /?rest_route=/wp/v2/posts HTTP/1.0\r\n")
    assert b'"title": "token-1"' in request


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        ("200 OK", "Error establishing a database connection", "info"),
        ("201 Created", "not json", "info"),
        ("201 Created", "[]", "info"),
        ("401 Unauthorized", "{}", "fail"),
        ("403 Forbidden", "{}", "fail"),
        ("302 Found", "", "fail"),
        ("500 Internal Server Error", "Error establishing a database connection", "info"),
        ("502 Bad Gateway", "", "info"),
        ("503 Service Unavailable", "", "info"),
    ],
)
def test_only_what_certainly_did_not_happen_is_a_fail(
    server: Server, site: Site, status: str, body: str, outcome: str
) -> None:
    server.answer(status, body)
    assert site.create_post(server.address, "token-1", 5).outcome == outcome


def test_a_post_to_nobody_failed_and_one_whose_answer_was_lost_may_have_happened(server: Server, site: Site) -> None:
    assert site.create_post(free_port(), "token-1", 5) == Written("fail", "refused")
    server.talk = reset
    assert site.create_post(server.address, "token-1", 5) == Written("info", "reset")


def test_a_write_is_sent_once_whatever_comes_of_it(server: Server, site: Site) -> None:
    server.answer("500 Internal Server Error", "")
    site.create_post(server.address, "token-1", 5)
    assert len(server.requests) == 1


def fault(code: int) -> str:
    return dumps(Fault(code, "no"), methodresponse=True)


def answered(value: Any) -> str:
    return dumps((value,), methodresponse=True)


def sent(server: Server) -> tuple[Any, str | None]:
    """The parameters and the name of the one call that was made by XML-RPC."""
    (request,) = server.requests
    assert request.startswith(b"POST /xmlrpc.php HTTP/1.0\r\n")
    return loads(request.partition(b"\r\n\r\n")[2].decode(), use_builtin_types=True)


def test_a_post_by_xml_rpc_carries_user_and_password_and_is_acknowledged_by_its_id(
    server: Server, xml_site: Site
) -> None:
    server.answer("200 OK", answered("42"))
    assert xml_site.create_post(server.address, "token-1", 5) == Written("ok", key=42)
    (_, user, password, content), method = sent(server)
    assert (method, user, password) == ("wp.newPost", "hachaos", "pass & word")
    assert (content["post_title"], content["post_status"]) == ("token-1", "publish")


@pytest.mark.parametrize(
    ("status", "body", "written"),
    [
        ("200 OK", fault(401), Written("fail", "fault 401")),
        ("200 OK", fault(403), Written("fail", "fault 403")),
        ("200 OK", fault(-32601), Written("fail", "fault -32601")),
        ("200 OK", fault(500), Written("info", "fault 500")),
        ("200 OK", fault(0), Written("info", "fault 0")),
        ("500 Internal Server Error", fault(500), Written("info", "status 500")),
        ("500 Internal Server Error", "Error establishing a database connection", Written("info", "database-error")),
        ("200 OK", "Error establishing a database connection", Written("info", "database-error")),
        ("403 Forbidden", "", Written("fail", "status 403")),
        ("405 Method Not Allowed", "", Written("fail", "status 405")),
        ("200 OK", "", Written("info", "status 200")),
        ("200 OK", "<methodResponse><params><param><value><str", Written("info", "status 200")),
        ("200 OK", answered("no number"), Written("info", "status 200")),
        ("200 OK", answered({"id": "7"}), Written("info", "status 200")),
        ("200 OK", f"<!DOCTYPE x [<!ENTITY y 'z'>]>{answered('42')}", Written("info", "status 200")),
        ("200 OK", answered("4" * 70000), Written("info", "status 200")),
    ],
)
def test_by_xml_rpc_too_only_what_certainly_did_not_happen_is_a_fail(
    server: Server, xml_site: Site, status: str, body: str, written: Written
) -> None:
    server.answer(status, body)
    assert xml_site.create_post(server.address, "token-1", 5) == written
    assert len(server.requests) == 1, "a write is sent once"


def test_a_site_that_was_lost_refuses_a_write_with_an_alarm(server: Server, site: Site, xml_site: Site) -> None:
    server.answer("302 Found", "", "Location: http://wordpress.test/wp-admin/install.php")
    for each in (site, xml_site):
        assert each.create_post(server.address, "token-1", 5) == Written("fail", "install-page")


def test_a_lost_answer_by_xml_rpc_may_have_happened(server: Server, xml_site: Site) -> None:
    assert xml_site.create_post(free_port(), "token-1", 5) == Written("fail", "refused")
    server.talk = reset
    assert xml_site.create_post(server.address, "token-1", 5) == Written("info", "reset")
    server.talk = lambda connection, request: wait(server)
    assert xml_site.create_post(server.address, "token-1", 0.3) == Written("info", "timeout")


def test_an_upload_is_text_of_4_kib_that_no_other_token_has() -> None:
    one = upload_content("run-upload-1")
    assert len(one) == 4096
    assert one.isascii()
    assert one == upload_content("run-upload-1") != upload_content("run-upload-2")


def test_an_upload_says_where_it_is_and_what_was_sent(server: Server, site: Site) -> None:
    content = upload_content("t-1")
    server.answer("201 Created", json.dumps({"id": 7, "source_url": "http://wordpress.test/wp-content/t-1.txt"}))
    assert site.create_upload(server.address, "t-1", 5) == Written("ok", "", 7, "/wp-content/t-1.txt", digest(content))
    (request,) = server.requests
    assert request.startswith(b"POST /?rest_route=/wp/v2/media HTTP/1.0\r\n")
    assert b'filename="t-1.txt"' in request
    assert request.endswith(b"\r\n\r\n" + content)


def test_an_upload_by_xml_rpc_says_the_same(server: Server, xml_site: Site) -> None:
    content = upload_content("t-1")
    server.answer("200 OK", answered({"id": "7", "url": "http://wordpress.test/wp-content/t-1.txt"}))
    done = xml_site.create_upload(server.address, "t-1", 5)
    assert done == Written("ok", "", 7, "/wp-content/t-1.txt", digest(content))
    (_, _, _, said), method = sent(server)
    assert (method, said) == ("wp.uploadFile", {"name": "t-1.txt", "type": "text/plain", "bits": content})


@pytest.mark.parametrize(("status", "outcome"), [("400 Bad Request", "info"), ("403 Forbidden", "fail")])
def test_a_refused_upload_may_have_left_its_file_where_wordpress_says_400(
    server: Server, site: Site, status: str, outcome: str
) -> None:
    server.answer(status, json.dumps({"code": "db_insert_error"}))
    done = site.create_upload(server.address, "t-1", 5)
    assert (done.outcome, done.digest) == (outcome, digest(upload_content("t-1")))
    server.answer(status, "{}")
    assert site.create_post(server.address, "t-1", 5).outcome == "fail"


def test_an_upload_whose_answer_was_lost_may_have_happened(server: Server, site: Site) -> None:
    server.talk = reset
    assert site.create_upload(server.address, "t-1", 5).outcome == "info"


@pytest.mark.parametrize(
    ("status", "body", "seen"),
    [
        ("200 OK", "body{color:red}", Seen(ok=True, status=200)),
        ("200 OK", "", Seen(ok=False, reason="wrong-content", status=200)),
        ("200 OK", "\n<!DOCTYPE html><html>welcome</html>", Seen(ok=False, reason="wrong-content", status=200)),
        ("200 OK", "<?php echo 1;", Seen(ok=False, reason="wrong-content", status=200)),
        ("404 Not Found", "<html>", Seen(ok=False, reason="status", status=404)),
        ("500 Error", "Error establishing a database connection", Seen(False, "database-error", 500)),
    ],
)
def test_a_static_file_is_good_when_it_is_no_page(
    server: Server, site: Site, status: str, body: str, seen: Seen
) -> None:
    server.answer(status, body)
    assert site.read_static(server.address, 5) == seen
    assert server.requests[0].startswith(b"GET /style.css ")


def test_a_static_file_has_to_stay_as_it_was_when_it_was_first_good(server: Server, site: Site) -> None:
    for body, good in (("<html>", False), ("body{}", True), ("body{ }", False), ("body{}", True)):
        server.answer("200 OK", body)
        assert site.read_static(server.address, 5).ok is good, body


def test_the_seed_picture_is_good_when_it_is_that_byte_for_byte(server: Server, site: Site) -> None:
    for body, good in (("picture", True), ("pictur", False), ("", False)):
        server.answer("200 OK", body)
        assert site.read_upload(server.address, 5).ok is good, body
    assert server.requests[0].startswith(b"GET /up/picture.png ")


def test_of_a_request_that_hangs_the_connection_goes_on(server: Server, site: Site) -> None:
    def answer_late(connection: socket.socket, request: bytes) -> None:
        late.wait(20)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    late, kept = threading.Event(), list[socket.socket]()
    server.talk = answer_late
    assert site.read_upload(server.address, 0.2, kept.append).reason == "timeout"
    assert site.create_upload(server.address, "t-1", 0.2, kept.append).reason == "timeout"
    late.set()
    for connection in kept:
        with connection:
            connection.settimeout(20)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
    assert len(kept) == 2
    server.talk = reset
    assert site.read_static(server.address, 5, kept.append).reason == "reset"
    assert len(kept) == 2, "what ended is not kept"


def test_a_login_gives_the_cookies_of_its_session(server: Server, site: Site) -> None:
    cookies = ("wordpress_1f=a%7Cb; path=/wp-admin; HttpOnly", "wordpress_logged_in_1f=c; path=/", "gone= ; path=/")
    server.answer("302 Found", "", *(f"Set-Cookie: {each}" for each in cookies))
    assert site.sign_in(server.address, 5) == "wordpress_1f=a%7Cb; wordpress_logged_in_1f=c"
    (request,) = server.requests
    assert request.startswith(b"POST /wp-login.php ")
    assert b"log=hachaos&pwd=pass+%26+word" in request


def test_a_login_that_is_not_taken_says_what_came_instead(server: Server, site: Site) -> None:
    server.answer("200 OK", "<p>wrong password</p>", "Set-Cookie: wordpress_test_cookie=1")
    with pytest.raises(NotSignedIn, match="status 200"):
        site.sign_in(server.address, 5)
    server.answer("500 Error", "Error establishing a database connection")
    with pytest.raises(NotSignedIn, match="database-error"):
        site.sign_in(server.address, 5)
    with pytest.raises(NotSent):
        site.sign_in(free_port(), 5)


PROFILE = '<td><input type="text" name="user_login" id="user_login" value="h&amp;chaos" disabled="disabled" /></td>'


@pytest.mark.parametrize(
    ("status", "body", "headers", "whose"),
    [
        ("200 OK", PROFILE, (), "h&chaos"),
        ("302 Found", "", ("Location: http://x/wp-login.php?redirect_to=profile.php",), "missing (asked to sign in)"),
        ("302 Found", "", ("Location: http://x/wp-admin/install.php",), "missing (install-page)"),
        ("500 Error", "Error establishing a database connection", (), "missing (database-error)"),
        ("200 OK", "<html>", (), "missing (200)"),
        ("503 Unavailable", PROFILE, (), "missing (503)"),
    ],
)
def test_a_pod_tells_whom_it_takes_the_bearer_of_a_cookie_for(
    server: Server, site: Site, status: str, body: str, headers: tuple[str, ...], whose: str
) -> None:
    server.answer(status, body, *headers)
    assert site.whose(server.address, "wordpress_logged_in_1f=c", 5) == whose
    assert b"Cookie: wordpress_logged_in_1f=c\r\n" in server.requests[0]
