"""What the API client must do with each kind of answer, against a local HTTP server that plays the API server."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import Configuration

from chaos.cluster import channel, link, watch
from chaos.cluster.api import Api, ApiRefused, Link, connect
from chaos.cluster.configuration import of_kubeconfig, within
from chaos.debug import DebugLog
from chaos.errors import ClusterError
from chaos.redact import plain

Handler = Callable[[BaseHTTPRequestHandler], None]


class FakeServer:
    """Answers each request with the next of the answers given for its method; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: dict[str, list[Handler]] = {}
        fake = self

        class Handle(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                fake.asked.append((self.command, self.path, body))
                queue = fake.answers[self.command]
                (queue.pop(0) if len(queue) > 1 else queue[0])(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handle)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def api(self) -> Api:
        return at(f"http://127.0.0.1:{self.server.server_port}")


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Handler:
    return whole(json.dumps(body).encode(), status=status, headers=headers)


def whole(data: bytes, *, status: int = 200, pretended: int = 0, headers: dict[str, str] | None = None) -> Handler:
    """These bytes, of which there should be `pretended` if given; then the connection ends."""

    def handle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("content-length", str(pretended or len(data)))
        request.end_headers()
        request.wfile.write(data)
        request.close_connection = bool(pretended)

    return handle


MISSING = answer(404, {"kind": "Status", "reason": "NotFound", "message": "pods not found"})


def trickle(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("content-length", "100000")
    request.end_headers()
    try:
        for _ in range(200):
            request.wfile.write(b" ")
            time.sleep(0.05)
    except OSError:
        request.close_connection = True


def upgrade(hold: threading.Event | None, frames: bytes) -> Handler:
    """Begin a command in a pod, send these bytes of its channel, and then nothing, or the end of the connection."""

    def handle(request: BaseHTTPRequestHandler) -> None:
        key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        request.send_response(101)
        request.send_header("upgrade", "websocket")
        request.send_header("connection", "Upgrade")
        request.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        request.send_header("sec-websocket-protocol", "v4.channel.k8s.io")
        request.end_headers()
        request.wfile.write(frames)
        if hold:
            hold.wait(30)
        request.close_connection = True

    return handle


@contextmanager
def silent() -> Iterator[str]:
    """A server whose connections come about and on which nobody ever says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def at(host: str) -> Api:
    configuration = Configuration()
    configuration.host = host
    return Api(Link(lambda: configuration), "wordpress")


def stream(*events: dict[str, Any], hold: threading.Event | None = None) -> Handler:
    def handle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("transfer-encoding", "chunked")
        request.end_headers()
        for event in events:
            line = json.dumps(event).encode() + b"\n"
            request.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        if hold:
            hold.wait(30)
        request.wfile.write(b"0\r\n\r\n")

    return handle


def drop(request: BaseHTTPRequestHandler) -> None:
    request.connection.close()
    request.close_connection = True


def pod(name: str, version: str, uid: str = "") -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": name, "uid": uid or f"uid-{name}", "resourceVersion": version}}


def listing(version: str, *pods: dict[str, Any]) -> Handler:
    return answer(200, {"metadata": {"resourceVersion": version}, "items": list(pods)})


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


def test_an_object_that_is_not_there_is_none(server: FakeServer) -> None:
    server.answers["GET"] = [MISSING]
    assert server.api().get("Pod", "mysql-0") is None


def test_an_object_is_asked_for_in_its_namespace(server: FakeServer) -> None:
    server.answers["GET"] = [answer(200, pod("mysql-0", "1"))]
    found = server.api().get("Pod", "mysql-0")
    assert found is not None
    assert found["metadata"]["name"] == "mysql-0"
    assert server.asked[0][1] == "/api/v1/namespaces/wordpress/pods/mysql-0"


def test_a_refusal_carries_its_status_and_the_servers_words(server: FakeServer) -> None:
    server.answers["GET"] = [answer(403, {"message": "pods is forbidden"})]
    with pytest.raises(ApiRefused, match="403 pods is forbidden") as caught:
        server.api().list("Pod")
    assert caught.value.status == 403


@pytest.mark.parametrize("trouble", [answer(503, {"message": "starting"}), answer(429, {"message": "slow down"}), drop])
def test_a_read_is_tried_again_when_the_server_has_trouble(server: FakeServer, trouble: Handler) -> None:
    server.answers["GET"] = [trouble, trouble, listing("7", pod("a", "1"))]
    assert [item["metadata"]["name"] for item in server.api().list("Pod")] == ["a"]
    assert len(server.asked) == 3


def test_a_deletion_is_sent_once(server: FakeServer) -> None:
    server.answers["DELETE"] = [answer(503, {"message": "starting"})]
    with pytest.raises(ClusterError, match="503"):
        server.api().delete("Pod", "mysql-0")
    assert len(server.asked) == 1


def test_a_deletion_by_uid_says_so_when_another_pod_has_the_name(server: FakeServer) -> None:
    server.answers["DELETE"] = [answer(409, {"message": "the UID in the precondition does not match"})]
    assert server.api().delete_exactly("Pod", "mysql-0", "uid-1") is False
    assert server.asked[0][2]["preconditions"] == {"uid": "uid-1"}


def test_an_object_is_replaced_once_and_only_in_the_version_that_was_seen(server: FakeServer) -> None:
    server.answers["PUT"] = [answer(409, {"message": "the object has been modified"})]
    lease = {"kind": "Lease", "metadata": {"name": "hachaos", "resourceVersion": "7"}}
    with pytest.raises(ApiRefused, match="modified"):
        server.api().replace(lease)
    assert [(verb, body) for verb, _, body in server.asked] == [("PUT", lease)]


def test_a_deletion_can_be_of_one_version_alone(server: FakeServer) -> None:
    server.answers["DELETE"] = [answer(200, {})]
    assert server.api().delete_exactly("Lease", "hachaos", "u", version="7")
    assert server.asked[0][2]["preconditions"] == {"uid": "u", "resourceVersion": "7"}


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (drop, "no answer from the API server"),
        (answer(500, {"message": "etcd is away"}), "500 etcd is away"),
        (answer(503, {"message": "starting"}), "503 starting"),
        (answer(429, {"message": "slow down"}), "429 slow down"),
        (answer(404, {"message": "no page"}), "404 no page"),
        (whole(b"404 page not found", status=404), "404 404 page not found"),
        (whole(b'{"metadata": {}, "items": [{"meta', pretended=400), "broke off"),
        (whole(b'{"metadata": {}, "items": [{"meta'), "not whole"),
        (answer(200, {"metadata": {}}), "no list"),
        (answer(200, {"metadata": {}, "items": None}), "no list"),
        (answer(200, []), "no object of the API"),
    ],
)
def test_no_answer_is_an_error_and_never_an_empty_list(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, trouble: Handler, said: str
) -> None:
    monkeypatch.setattr(link, "_REACH_FOR_S", 0.3)
    monkeypatch.setattr(link, "_RETRY_FOR_S", 0.3)
    server.answers["GET"] = [trouble]
    with pytest.raises(ClusterError, match=said):
        server.api().list("Pod")


@pytest.mark.parametrize(
    "trouble",
    [
        drop,
        answer(500, {"message": "etcd is away"}),
        answer(404, {"message": "no page"}),
        whole(b"404 page not found", status=404),
        whole(b'{"metadata": {"na'),
    ],
)
def test_no_answer_is_an_error_and_never_an_object_that_is_not_there(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, trouble: Handler
) -> None:
    monkeypatch.setattr(link, "_REACH_FOR_S", 0.3)
    monkeypatch.setattr(link, "_RETRY_FOR_S", 0.3)
    server.answers["GET"] = [trouble]
    with pytest.raises(ClusterError):
        server.api().get("Pod", "mysql-0")


def test_what_broke_off_is_asked_for_again(server: FakeServer) -> None:
    half = whole(b'{"metadata": {}, "items": [{"meta', pretended=400)
    server.answers["GET"] = [half, half, listing("7", pod("a", "1"))]
    assert [item["metadata"]["name"] for item in server.api().list("Pod")] == ["a"]


def test_an_answer_that_trickles_has_a_deadline(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_REACH_FOR_S", 0.1)
    monkeypatch.setattr(link, "_BODY_S", 0.5)
    monkeypatch.setattr(link, "CALL_TIMEOUT_S", 0.4)
    server.answers["GET"] = [trickle]
    began = time.monotonic()
    with pytest.raises(ClusterError, match="too long"):
        server.api().list("Pod")
    assert time.monotonic() - began < 5


def test_a_server_that_takes_the_connection_and_says_nothing_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_REACH_FOR_S", 0.1)
    monkeypatch.setattr(link, "CALL_TIMEOUT_S", 0.3)
    with silent() as host:
        began = time.monotonic()
        with pytest.raises(ClusterError, match="no answer from the API server"):
            at(host).list("Pod")
        assert time.monotonic() - began < 5


def test_a_server_that_is_away_for_a_while_is_waited_for(server: FakeServer) -> None:
    server.answers["GET"] = [listing("7", pod("a", "1"))]
    address = server.server.server_address
    api = server.api()
    server.server.shutdown()
    server.server.server_close()
    late: list[ThreadingHTTPServer] = []

    def come_back() -> None:
        late.append(ThreadingHTTPServer(address, server.server.RequestHandlerClass))
        late[0].daemon_threads = True
        late[0].serve_forever(0.05)

    threading.Timer(0.7, come_back).start()
    assert len(api.list("Pod")) == 1
    late[0].shutdown()
    late[0].server_close()


def test_one_that_has_answered_before_is_waited_for_longer(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_REACH_FOR_S", 0.0)
    good, trouble = listing("7", pod("a", "1")), answer(503, {"message": "starting"})
    api = server.api()
    server.answers["GET"] = [trouble, good]
    with pytest.raises(ClusterError, match="503"):
        api.list("Pod")
    server.answers["GET"] = [good, trouble, good]
    assert [len(api.list("Pod")), len(api.in_namespace("other").list("Pod"))] == [1, 1]


def test_the_wait_that_a_server_asks_for_is_kept(server: FakeServer) -> None:
    server.answers["GET"] = [answer(429, {"message": "slow down"}, {"Retry-After": "1"}), listing("7")]
    began = time.monotonic()
    assert server.api().list("Pod") == []
    assert time.monotonic() - began >= 1


def test_a_wait_beyond_the_deadline_is_not_begun(server: FakeServer) -> None:
    server.answers["GET"] = [answer(429, {"message": "slow down"}, {"Retry-After": "3600"}), listing("7")]
    began = time.monotonic()
    with pytest.raises(ClusterError, match="429 slow down"):
        server.api().list("Pod")
    assert time.monotonic() - began < 5


def test_a_server_that_has_just_been_started_and_knows_no_rights_yet_is_asked_again(server: FakeServer) -> None:
    server.answers["GET"] = [drop, answer(403, {"message": "forbidden: role not found"}), listing("7", pod("a", "1"))]
    assert len(server.api().list("Pod")) == 1


def test_a_deletion_by_uid_whose_answer_was_lost_counts_when_the_pod_is_gone(server: FakeServer) -> None:
    gone = [MISSING, answer(409, {"message": "the UID in the precondition does not match"})]
    for trouble, done in ((drop, True), (answer(429, {"message": "slow down"}), False)):
        for now in gone:
            server.answers["DELETE"] = [trouble, now]
            assert server.api().delete_exactly("Pod", "mysql-0", "uid-1") is done


def needs(token: str, then: Handler) -> Handler:
    def handle(request: BaseHTTPRequestHandler) -> None:
        known = request.headers.get("authorization") == f"Bearer {token}"
        (then if known else answer(401, {"message": "Unauthorized"}))(request)

    return handle


def with_token(server: FakeServer, folder: Path, token: str) -> Path:
    (folder / "token").write_text(token)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{server.server.server_port}"}}],
        "users": [{"name": "it", "user": {"tokenFile": str(folder / "token")}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    return folder / "kubeconfig"


def test_a_token_that_has_expired_is_read_anew(server: FakeServer, tmp_path: Path) -> None:
    server.answers["GET"] = [needs("new", listing("7", pod("a", "1")))]
    api = connect(with_token(server, tmp_path, "old"))
    (tmp_path / "token").write_text("new")
    assert len(api.list("Pod")) == 1
    assert len(server.asked) == 2
    assert len(api.in_namespace("other").list("Pod")) == 1
    assert len(server.asked) == 3, "all of them have the new token"


def test_a_token_that_stays_expired_is_said_at_once(server: FakeServer, tmp_path: Path) -> None:
    server.answers["GET"] = [needs("new", listing("7"))]
    with pytest.raises(ApiRefused, match="does not take the credentials: 401 Unauthorized") as caught:
        connect(with_token(server, tmp_path, "old")).list("Pod")
    assert caught.value.hint
    assert len(server.asked) == 1


def with_helper(server: FakeServer, folder: Path, says: str) -> Path:
    """A kubeconfig whose helper program does what `says`; `$1` is the folder."""
    path = with_token(server, folder, "")
    told = json.loads(path.read_text())
    helper = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", says, "sh", str(folder)]}
    told["users"][0]["user"] = {"exec": helper | {"interactiveMode": "Never"}}
    path.write_text(json.dumps(told))
    (folder / "token").write_text("old")
    return path


TELLS = """
echo x >> "$1/runs"
printf '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "%s", \
"expirationTimestamp": "2026-01-01T00:00:00Z"}}' "$(cat "$1/token")"
"""
HANGS = 'while [ -e "$1/hang" ]; do sleep 0.05; done;'


def test_a_helper_program_is_run_when_its_token_is_not_taken_any_more_and_not_before(
    server: FakeServer, tmp_path: Path
) -> None:
    server.answers["GET"] = [needs("old", listing("7"))] * 2 + [needs("new", listing("7", pod("a", "1")))]
    api = connect(with_helper(server, tmp_path, TELLS))
    assert [api.list("Pod"), api.list("Pod")] == [[], []]
    (tmp_path / "token").write_text("new")
    assert len(api.list("Pod")) == 1
    assert (tmp_path / "runs").read_text() == "x\nx\n"


def test_a_helper_program_that_hangs_is_waited_for_once_however_many_ask(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_RENEW_S", 1.0)
    server.answers["GET"] = [needs("new", listing("7", pod("a", "1")))]
    api = connect(with_helper(server, tmp_path, HANGS + TELLS))
    (tmp_path / "hang").touch()
    (tmp_path / "token").write_text("new")
    began = threading.Barrier(8)

    def refused(_: int) -> bool:
        began.wait(10)
        with pytest.raises(ApiRefused, match="does not take the credentials"):
            api.list("Pod")
        return True

    since = time.monotonic()
    try:
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(refused, range(8)))
        assert time.monotonic() - since < 8 * 1.0
    finally:
        (tmp_path / "hang").unlink()
    assert len(api.list("Pod")) == 1


def test_reading_credentials_has_a_deadline_and_tells_what_is_wrong_with_them_within_it() -> None:
    never = threading.Event()

    def hangs() -> Configuration:
        never.wait(60)
        return Configuration()

    with pytest.raises(ClusterError, match=r"could not be read within 0.2 s"):
        within(0.2, hangs)
    never.set()

    def fails() -> Configuration:
        raise ClusterError("no such context")

    with pytest.raises(ClusterError, match="no such context"):
        within(60, fails)


def test_a_helper_program_that_fails_takes_no_credentials_away(server: FakeServer, tmp_path: Path) -> None:
    server.answers["GET"] = [needs("new", listing("7", pod("a", "1")))]
    api = connect(with_helper(server, tmp_path, '[ ! -e "$1/fail" ] || exit 1;' + TELLS))
    (tmp_path / "fail").touch()
    with pytest.raises(ApiRefused, match="does not take the credentials"):
        api.list("Pod")
    assert len(server.asked) == 1, "nothing is asked without credentials, as somebody else"
    (tmp_path / "fail").unlink()
    (tmp_path / "token").write_text("new")
    assert len(api.list("Pod")) == 1


def test_a_part_of_a_kubeconfig_is_none_or_says_so(tmp_path: Path) -> None:
    data = base64.b64encode(b"a certificate").decode()
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": data}
    told = {
        "apiVersion": "v1",
        "clusters": [{"name": "it", "cluster": cluster}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "users": [{"name": "it", "user": {"token": "abc", "client-key-data": data}}],
        "current-context": "it",
    }
    wrong: list[str] = []
    for order in (told, dict(reversed(told.items()))):
        text = yaml.safe_dump(order, sort_keys=False)
        for size in range(len(text)):
            (tmp_path / "config").write_text(text[:size])
            try:
                of_kubeconfig(tmp_path / "config", "it")
            except ClusterError as error:
                wrong.append(str(error))
    assert len(wrong) > 200
    assert all(each.startswith(f"{tmp_path / 'config'}: ") for each in wrong)


def test_a_kubeconfig_that_is_being_rewritten_keeps_the_credentials_that_are_there(
    server: FakeServer, tmp_path: Path
) -> None:
    server.answers["GET"] = [needs("new", listing("7", pod("a", "1")))]
    path = with_token(server, tmp_path, "old")
    whole = path.read_text()
    api = connect(path)
    for size in range(0, len(whole), 7):
        path.write_text(whole[:size])
        with pytest.raises(ApiRefused, match="does not take the credentials"):
            api.list("Pod")
    path.write_text(whole)
    (tmp_path / "token").write_text("new")
    assert len(api.list("Pod")) == 1


def test_a_watch_goes_on_with_a_new_token(server: FakeServer, tmp_path: Path) -> None:
    hold = threading.Event()
    server.answers["GET"] = [
        needs("old", listing("5", pod("a", "4"))),
        needs("new", stream()),
        needs("new", stream({"type": "MODIFIED", "object": pod("a", "6")}, hold=hold)),
    ]
    api = connect(with_token(server, tmp_path, "old"))
    (tmp_path / "token").write_text("new")
    stop, seen = threading.Event(), []
    for change, item in api.watch("Pod", stop=stop):
        seen.append((change, item["metadata"]["resourceVersion"]))
        if len(seen) == 2:
            stop.set()
            hold.set()
    assert seen == [("ADDED", "4"), ("MODIFIED", "6")]


def test_a_sign_of_life_is_asked_for_once(server: FakeServer) -> None:
    server.answers["GET"] = [answer(200, "ok"), answer(403, {"message": "forbidden"}), answer(500, {"message": "etcd"})]
    api = server.api()
    api.ping(1)
    api.ping(1)
    with pytest.raises(ClusterError, match="500 etcd"):
        api.ping(1)
    assert [path for _, path, _ in server.asked] == ["/readyz"] * 3


def test_a_command_in_a_pod_that_never_begins_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_CHANNEL_TIMEOUT_S", 0.3)
    with silent() as host:
        began = time.monotonic()
        with pytest.raises(ClusterError, match="sh in mysql-0/mysql: "):
            at(host).execute("mysql-0", "mysql", ["sh"], timeout_s=1)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("frames", [b"", b"\x82\x7e\x00"])
def test_a_command_in_a_pod_that_hangs_has_a_deadline(server: FakeServer, frames: bytes) -> None:
    hold = threading.Event()
    server.answers["GET"] = [upgrade(hold, frames)]
    began = time.monotonic()
    with pytest.raises(ClusterError, match=r"no end after 0\.5 s|the connection broke"):
        server.api().execute("mysql-0", "mysql", ["sleep", "9"], timeout_s=0.5)
    assert time.monotonic() - began < 5
    hold.set()


def test_a_command_whose_connection_breaks_has_no_output(server: FakeServer) -> None:
    server.answers["GET"] = [upgrade(None, b"\x82\x04\x01all")]
    with pytest.raises(ClusterError, match="the connection broke"):
        server.api().execute("mysql-0", "mysql", ["cat", "all"], timeout_s=5)


def frame(number: int, data: bytes) -> bytes:
    """A frame of a channel."""
    size = bytes([len(data) + 1]) if len(data) < 125 else b"\x7e" + (len(data) + 1).to_bytes(2, "big")
    return b"\x82" + size + bytes([number]) + data


def status(**said: str) -> bytes:
    return frame(3, json.dumps(said).encode())


BYE = b"\x88\x02\x03\xe8"


def test_what_a_command_streams_comes_as_it_is(server: FakeServer) -> None:
    data = bytes(range(256)) * 4
    frames = frame(1, b"") + frame(1, data) + frame(2, b"a warning") + frame(1, b"\xff") + status(status="Success")
    server.answers["GET"] = [upgrade(None, frames + BYE)]
    assert list(server.api().stream("reader", "reader", ["tar", "-c"], timeout_s=5)) == [data, b"\xff"]
    assert "exec?container=reader&stdout=true&stderr=true&command=tar&command=-c" in server.asked[0][1]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (frame(1, b"all"), "tar in reader/reader: the connection broke"),
        (frame(1, b"all") + BYE, "tar in reader/reader: the connection ended before the command did"),
        (frame(1, b"all") + status(status="Failure", message="exit code 2") + BYE, "tar in reader/reader: exit code 2"),
        (frame(2, b"tar: a\ntar: no such file\n") + status(status="Failure") + BYE, "reader/reader: tar: no such file"),
        (frame(3, b"no JSON") + BYE, "tar in reader/reader: no JSON"),
    ],
)
def test_what_a_command_streams_is_the_whole_or_an_error(server: FakeServer, frames: bytes, message: str) -> None:
    server.answers["GET"] = [upgrade(None, frames)]
    with pytest.raises(ClusterError, match=message):
        list(server.api().stream("reader", "reader", ["tar"], timeout_s=5))


@pytest.mark.parametrize("frames", [frame(1, b"all"), b"\x82\x7e\x00"])
def test_a_stream_on_which_nothing_comes_has_a_deadline(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, frames: bytes
) -> None:
    monkeypatch.setattr(channel, "_CHANNEL_TIMEOUT_S", 0.3)
    hold = threading.Event()
    server.answers["GET"] = [upgrade(hold, frames)]
    with pytest.raises(ClusterError, match="the connection broke"):
        list(server.api().stream("reader", "reader", ["tar"], timeout_s=5))
    hold.set()


def test_apply_is_server_side_and_forced(server: FakeServer) -> None:
    server.answers["PATCH"] = [answer(200, {"kind": "Secret"})]
    server.api().apply({"kind": "Secret", "metadata": {"name": "mysql", "namespace": "other"}})
    method, path, _ = server.asked[0]
    assert method == "PATCH"
    assert path == "/api/v1/namespaces/other/secrets/mysql?fieldManager=hachaos&force=true"


def test_a_watch_begins_with_what_is_there_and_goes_on_with_changes(server: FakeServer) -> None:
    hold = threading.Event()
    changes = stream({"type": "MODIFIED", "object": pod("a", "6")}, hold=hold)
    server.answers["GET"] = [listing("5", pod("a", "4")), changes]
    stop = threading.Event()
    seen = []
    for change, item in server.api().watch("Pod", stop=stop):
        seen.append((change, item["metadata"]["resourceVersion"]))
        if len(seen) == 2:
            stop.set()
            hold.set()
    assert seen == [("ADDED", "4"), ("MODIFIED", "6")]
    assert "resourceVersion=5" in server.asked[1][1]


def test_an_expired_watch_is_begun_anew_and_tells_what_went_away_in_between(server: FakeServer) -> None:
    expired = stream({"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}})
    hold = threading.Event()
    server.answers["GET"] = [
        listing("5", pod("a", "4"), pod("b", "4")),
        expired,
        listing("9", pod("b", "8"), pod("c", "9")),
        stream(hold=hold),
    ]
    stop = threading.Event()
    seen = []
    for change, item in server.api().watch("Pod", stop=stop):
        seen.append((change, item["metadata"]["name"]))
        if len(seen) == 5:
            stop.set()
            hold.set()
    assert seen == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a"), ("MODIFIED", "b"), ("ADDED", "c")]


@pytest.mark.parametrize(
    "trouble",
    [
        drop,
        answer(500, {"message": "etcd is away"}),
        answer(429, {"message": "slow down"}),
        answer(200, {"metadata": {"resourceVersion": "9"}}),
        whole(b'{"metadata": {"resourceVersion": "9"}, "items": ['),
    ],
)
def test_a_list_that_fails_says_nothing_of_what_a_watch_knows(server: FakeServer, trouble: Handler) -> None:
    hold = threading.Event()
    server.answers["GET"] = [
        listing("5", pod("a", "4")),
        answer(410, {"message": "too old resource version"}),
        trouble,
        listing("9", pod("a", "8")),
        stream(hold=hold),
    ]
    stop, seen = threading.Event(), []
    for change, item in server.api().watch("Pod", stop=stop):
        seen.append((change, item["metadata"]["name"]))
        if len(seen) == 2:
            stop.set()
            hold.set()
    assert seen == [("ADDED", "a"), ("MODIFIED", "a")]


def test_a_watch_that_breaks_off_in_the_middle_of_a_change_tells_it_later(server: FakeServer) -> None:
    hold = threading.Event()
    half = json.dumps({"type": "DELETED", "object": pod("a", "6")}).encode()[:40]
    server.answers["GET"] = [
        listing("5", pod("a", "4")),
        whole(half, pretended=400),
        listing("9", pod("a", "8")),
        stream(hold=hold),
    ]
    stop, seen = threading.Event(), []
    for change, _ in server.api().watch("Pod", stop=stop):
        seen.append(change)
        if len(seen) == 2:
            stop.set()
            hold.set()
    assert seen == ["ADDED", "MODIFIED"]


def test_a_watch_that_is_silent_for_too_long_is_begun_anew(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_SILENT_S", 0.3)
    hold = threading.Event()
    server.answers["GET"] = [listing("5", pod("a", "4")), stream(hold=hold), listing("9"), stream(hold=hold)]
    stop, seen = threading.Event(), []
    for change, _ in server.api().watch("Pod", stop=stop):
        seen.append(change)
        if len(seen) == 2:
            stop.set()
            hold.set()
    assert seen == ["ADDED", "DELETED"]


def test_a_watch_on_which_nothing_happens_ends_soon_after_stop(server: FakeServer) -> None:
    hold = threading.Event()
    server.answers["GET"] = [listing("5"), stream(hold=hold)]
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    assert list(server.api().watch("Pod", stop=stop)) == []
    assert time.monotonic() - began < 10
    hold.set()


def test_a_watch_survives_a_server_that_is_away_for_a_while(server: FakeServer) -> None:
    server.answers["GET"] = [answer(503, {"message": "away"}), listing("5", pod("a", "4")), stream()]
    stop = threading.Event()
    for change, item in server.api().watch("Pod", stop=stop):
        assert (change, item["metadata"]["name"]) == ("ADDED", "a")
        stop.set()


def test_an_eviction_names_the_uid_and_tells_a_budgets_no_from_trouble(server: FakeServer) -> None:
    server.answers["POST"] = [
        answer(201, {}),
        answer(429, {"message": "Cannot evict pod as it would violate the pod's disruption budget."}),
        MISSING,
        answer(409, {"message": "the uid differs"}),
        answer(503, {"message": "overloaded"}),
        answer(403, {"message": "may not"}),
    ]
    api = server.api()
    assert [api.evict("mysql-0", "u") for _ in range(4)] == [True, False, True, True]
    for message in ("503 overloaded", "403 may not"):
        with pytest.raises(ClusterError, match=message):
            api.evict("mysql-0", "u")
    method, path, body = server.asked[0]
    assert (method, path) == ("POST", "/api/v1/namespaces/wordpress/pods/mysql-0/eviction")
    assert (body["kind"], body["deleteOptions"]) == ("Eviction", {"preconditions": {"uid": "u"}})


def test_the_debug_log_has_each_call_and_never_the_token(server: FakeServer, tmp_path: Path) -> None:
    token = "s3cr3t-t0ken-of-this-test"
    server.answers["GET"] = [answer(200, {"items": []}), answer(403, {"message": f"no such token: {token}"}), drop]
    api = server.api()
    api._link.configuration.api_key = {"BearerToken": token}
    api._link.configuration.api_key_prefix = {"BearerToken": "Bearer"}
    log = DebugLog()
    with log.kept(), log.into(tmp_path) as path:
        api.list("Pod")
        with pytest.raises(ApiRefused) as caught:
            api.list("Pod")
    assert plain(str(caught.value)).endswith("403 no such token: [redacted]")
    lines = [line.split(" ", 2)[2] for line in path.read_text().splitlines()]
    assert [re.sub(r"\d+ ms", "N ms", line) for line in lines] == [
        "GET api/v1/namespaces/wordpress/pods: 200, N ms",
        "GET api/v1/namespaces/wordpress/pods: 403, N ms",
    ]
