"""What the API client must do with each kind of answer, against a local HTTP server that plays the API server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes.client import Configuration

from chaos.cluster import api as api_module
from chaos.cluster.api import Api, ApiRefused
from chaos.errors import ClusterError

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
        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{self.server.server_port}"
        return Api(configuration, "wordpress")


def answer(status: int, body: Any) -> Handler:
    def handle(request: BaseHTTPRequestHandler) -> None:
        data = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("content-length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return handle


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
    server.answers["GET"] = [answer(404, {"message": "pods not found"})]
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


def test_no_answer_is_an_error_and_never_an_empty_list(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "_RETRY_FOR_S", 0.3)
    server.answers["GET"] = [drop]
    with pytest.raises(ClusterError, match="no answer from the API server"):
        server.api().list("Pod")


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
        answer(404, {"message": "not found"}),
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
