"""What a client sees of a connection by port-forward, against a local server that plays the API server and kubelet."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes.client import Configuration

from chaos.cluster import reach
from chaos.cluster.api import Api, Link
from chaos.cluster.port_forward import PortForward
from chaos.stack import http
from chaos.stack.clients import NotYet, WordPress
from chaos.stack.database import Database, NoDatabase

Object = dict[str, Any]
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE = 8


class Kubelet:
    """One port-forward as kubelet serves it: bytes and errors by channel, and an end that is good or a cut."""

    def __init__(self, request: BaseHTTPRequestHandler, pod: str, port: int) -> None:
        self.pod, self.port = pod, port
        self._request = request
        for channel in (0, 1):
            self.send(channel, struct.pack("<H", port))

    def send(self, channel: int, data: bytes) -> None:
        self._frame(2, bytes([channel]) + data)

    def close(self) -> None:
        self._frame(_CLOSE, struct.pack(">H", 1000))

    def cut(self) -> None:
        self._request.connection.shutdown(socket.SHUT_RDWR)

    def receive(self) -> bytes | None:
        """What the client sent next on the channel for data; None once it said goodbye or went away."""
        try:
            first, second = self._request.rfile.read(2)
        except ValueError:
            return None
        size = second & 127
        if size == 126:
            (size,) = struct.unpack(">H", self._request.rfile.read(2))
        mask, data = self._request.rfile.read(4), self._request.rfile.read(size)
        plain = bytes(byte ^ mask[number % 4] for number, byte in enumerate(data))
        if first & 15 == _CLOSE:
            return None
        assert plain[0] == 0
        return plain[1:]

    def _frame(self, opcode: int, data: bytes) -> None:
        size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
        self._request.wfile.write(bytes([128 | opcode]) + size + data)
        self._request.wfile.flush()


class Cluster:
    """Objects by plural name, and what is done with each port-forward that is opened."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Object]] = {"pods": [], "services": [], "endpointslices": []}
        self.serve: Callable[[Kubelet], None] = echo
        self.refuse = 0
        self.opens = threading.Event()
        self.opens.set()
        self.hold = threading.Event()
        self.opened: list[str] = []
        cluster = self

        class Handle(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                words = url.path.split("/")
                if words[-1] == "portforward":
                    cluster.forward(self, words[-2], int(parse_qs(url.query)["ports"][0]))
                elif "watch=true" in url.query:
                    self.answer(200, {})
                    cluster.hold.wait(30)
                else:
                    version = {"resourceVersion": "1"}
                    self.answer(200, {"metadata": version, "items": cluster.objects[words[-1]]})

            def answer(self, status: int, body: Object) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handle)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def forward(self, request: Any, pod: str, port: int) -> None:
        request.close_connection = True
        self.opens.wait(30)
        if self.refuse:
            request.answer(self.refuse, {"message": "so it was said"})
            return
        assert request.headers["sec-websocket-protocol"] == "v4.channel.k8s.io"
        self.opened.append(f"{pod}:{port}")
        key = (request.headers["sec-websocket-key"] + _GUID).encode()
        request.send_response(101)
        request.send_header("Upgrade", "websocket")
        request.send_header("Connection", "Upgrade")
        request.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key).digest()).decode())
        request.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
        request.end_headers()
        with contextlib.suppress(ConnectionError):  # A client may go away at once.
            self.serve(Kubelet(request, pod, port))

    def api(self) -> Api:
        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{self.server.server_port}"
        return Api(Link(lambda: configuration), "blog")

    def end(self) -> None:
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()


def echo(kubelet: Kubelet) -> None:
    while (data := kubelet.receive()) is not None:
        kubelet.send(0, b"you said " + data)


def page(kubelet: Kubelet) -> None:
    """A web server that answers one request and ends the connection."""
    kubelet.receive()
    body = b"x" * 100_000
    kubelet.send(0, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for start in range(0, len(body), 30_000):
        kubelet.send(0, body[start : start + 30_000])
    kubelet.close()


def nobody_listens(kubelet: Kubelet) -> None:
    kubelet.send(1, b"error forwarding port: dial tcp4 127.0.0.1:81: connect: connection refused")
    kubelet.close()


def hangs(kubelet: Kubelet) -> None:
    while kubelet.receive() is not None:
        pass


def pod(name: str, ip: str, phase: str = "Running", created: str = "2026-01-01T00:00:00Z") -> Object:
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": "1", "creationTimestamp": created}
    return {"metadata": metadata, "status": {"podIP": ip, "phase": phase}}


def endpoint(pod: str, *, ready: bool, serving: bool = False) -> Object:
    conditions = {"ready": ready, "serving": ready or serving}
    return {"targetRef": {"kind": "Pod", "name": pod}, "conditions": conditions}


def service(cluster: Cluster, *endpoints: Object) -> None:
    def metadata(name: str) -> Object:
        return {"name": name, "uid": f"uid-{name}", "resourceVersion": "1"}

    ports = [{"name": "metrics", "port": 9100}, {"name": "http", "port": 80, "targetPort": "web"}]
    balanced = {"loadBalancer": {"ingress": [{"ip": "192.0.2.80"}]}}
    cluster.objects["services"] = [
        {"metadata": metadata("front"), "spec": {"clusterIP": "10.96.0.8", "ports": ports}, "status": balanced}
    ]
    labels = {"labels": {"kubernetes.io/service-name": "front"}}
    slice_ports = [{"name": "metrics", "port": 9100}, {"name": "http", "port": 8080}]
    cluster.objects["endpointslices"] = [
        {"metadata": metadata("front-a") | labels, "ports": slice_ports, "endpoints": list(endpoints)}
    ]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    made.objects["pods"] = [pod("web-1", "10.0.0.1"), pod("web-2", "10.0.0.2"), pod("db-0", "10.0.0.9")]
    service(made, endpoint("web-1", ready=True), endpoint("web-2", ready=True))
    yield made
    reach.direct()
    made.end()


@pytest.fixture
def forwarded(cluster: Cluster) -> Cluster:
    reach.forwarded(cluster.api())
    return cluster


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("forward-")]


def test_bytes_go_to_the_pod_with_the_address_and_come_back(forwarded: Cluster) -> None:
    with reach.connect("10.0.0.1", 80, 5) as connection:
        for word in (b"one", b"two"):
            connection.sendall(word)
            assert connection.recv(100) == b"you said " + word
    assert forwarded.opened == ["web-1:80"]
    until(lambda: not alive())


def test_a_page_comes_whole_and_a_kept_answer_ends_where_the_server_ended(forwarded: Cluster) -> None:
    forwarded.serve = page
    assert len(http.exchange("10.0.0.1:80", "GET", "/", {}, deadline_s=5).body) == 100_000
    assert WordPress("10.0.0.2:80", "blog").request("GET", "/").status_code == 200
    until(lambda: not alive())


def test_a_page_is_whole_before_the_connection_ends(forwarded: Cluster) -> None:
    def served(kubelet: Kubelet) -> None:
        asked = kubelet.receive() or b""
        assert asked.startswith(b"GET / HTTP/1.1\r\nConnection: close\r\n")
        kubelet.send(0, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        assert kubelet.receive() is None

    forwarded.serve = served
    assert http.exchange("10.0.0.1:80", "GET", "/", {}, deadline_s=5).body == b"hello"
    until(lambda: not alive())


def test_a_page_that_breaks_off_is_no_answer(forwarded: Cluster) -> None:
    def served(kubelet: Kubelet) -> None:
        kubelet.receive()
        kubelet.send(0, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
        kubelet.close()

    forwarded.serve = served
    with pytest.raises(http.NoAnswer, match="reset"):
        http.exchange("10.0.0.1:80", "GET", "/", {}, deadline_s=5)


@pytest.mark.parametrize("address", ["10.96.0.8", "192.0.2.80"])
def test_a_services_address_leads_to_each_ready_endpoint_on_its_target_port(forwarded: Cluster, address: str) -> None:
    until_all = {"web-1:8080", "web-2:8080"}

    def ask() -> bool:
        reach.connect(address, 80, 5).close()
        until(lambda: len(forwarded.opened) > 0)
        return set(forwarded.opened) == until_all

    until(ask)


def test_an_endpoint_that_is_not_ready_is_left_out_and_one_that_ends_serves_where_there_is_no_other(
    cluster: Cluster,
) -> None:
    service(cluster, endpoint("web-1", ready=False, serving=True), endpoint("web-2", ready=False))
    reach.forwarded(cluster.api())
    for _ in range(10):
        reach.connect("10.96.0.8", 80, 5).close()
    assert set(cluster.opened) == {"web-1:8080"}


def test_a_service_without_an_endpoint_and_an_address_of_nobody_are_refused(cluster: Cluster) -> None:
    service(cluster, endpoint("web-1", ready=False))
    cluster.objects["pods"].append(pod("done", "10.0.0.5", phase="Succeeded"))
    reach.forwarded(cluster.api())
    for address, port in (("10.96.0.8", 80), ("10.96.0.8", 81), ("10.0.0.5", 80), ("10.9.9.9", 80)):
        with pytest.raises(ConnectionRefusedError):
            reach.connect(address, port, 5)
    with pytest.raises(http.NotSent, match="refused"):
        http.exchange("10.9.9.9:80", "GET", "/", {}, deadline_s=5)
    with pytest.raises(NotYet):
        WordPress("10.9.9.9:80", "blog").request("GET", "/")
    assert cluster.opened == []


def test_of_two_pods_that_had_an_address_the_newer_one_is_meant(cluster: Cluster) -> None:
    cluster.objects["pods"].append(pod("web-9", "10.0.0.1", created="2026-02-01T00:00:00Z"))
    reach.forwarded(cluster.api())
    reach.connect("10.0.0.1", 80, 5).close()
    assert cluster.opened == ["web-9:80"]


def test_a_port_on_which_nobody_listens_is_a_reset_and_no_hang(forwarded: Cluster) -> None:
    forwarded.serve = nobody_listens
    began = time.monotonic()
    with pytest.raises(http.NoAnswer, match="reset"):
        http.exchange("10.0.0.1:81", "GET", "/", {}, deadline_s=20)
    assert time.monotonic() - began < 10


def test_a_pod_that_hangs_hangs_to_the_deadline(forwarded: Cluster) -> None:
    forwarded.serve = hangs
    with pytest.raises(http.NoAnswer, match="timeout"):
        http.exchange("10.0.0.1:80", "GET", "/", {}, deadline_s=0.5)
    until(lambda: not alive())


def test_a_port_forward_that_is_cut_is_a_reset_and_the_next_one_goes_through(forwarded: Cluster) -> None:
    def cut(kubelet: Kubelet) -> None:
        kubelet.receive()
        kubelet.send(0, b"HTTP/1.1 200 OK\r\n")
        kubelet.cut()

    forwarded.serve = cut
    with pytest.raises(http.NoAnswer, match="reset"):
        http.exchange("10.0.0.1:80", "GET", "/", {}, deadline_s=5)
    forwarded.serve = page
    assert http.exchange("10.0.0.1:80", "GET", "/", {}, deadline_s=5).status == 200


def test_a_pod_that_is_gone_is_refused_and_an_api_server_that_cannot_is_no_way(forwarded: Cluster) -> None:
    forwarded.refuse = 404
    with pytest.raises(http.NotSent, match="refused"):
        http.exchange("10.0.0.1:80", "GET", "/", {}, deadline_s=5)
    for status in (403, 500, 503):
        forwarded.refuse = status
        with pytest.raises(reach.NoWay, match="so it was said"):
            reach.connect("10.0.0.1", 80, 5)
    with pytest.raises(http.NotSent, match=reach.NO_WAY):
        http.exchange("10.0.0.1:80", "GET", "/", {}, deadline_s=5)


def test_an_api_server_that_opens_none_in_time_is_no_way_and_not_the_pods_time_out(forwarded: Cluster) -> None:
    forwarded.opens.clear()
    with pytest.raises(http.NotSent, match=reach.NO_WAY):
        http.exchange("10.0.0.1:80", "GET", "/", {}, deadline_s=0.3)
    forwarded.opens.set()
    until(lambda: not alive())


def test_a_database_is_reached_the_same_way(forwarded: Cluster) -> None:
    database = object.__new__(Database)
    database._credentials = type("Known", (), {"ledger_user": "root", "ledger_password": ""})  # type: ignore[assignment]
    forwarded.refuse = 503
    with pytest.raises(NoDatabase, match=reach.NO_WAY), database.connect("10.0.0.9:3306", 5):
        pass
    forwarded.refuse, forwarded.serve = 0, nobody_listens
    with pytest.raises(NoDatabase, match="connection lost"), database.connect("10.0.0.9:3306", 5):
        pass
    assert forwarded.opened == ["db-0:3306"]


def test_when_it_ends_every_connection_and_thread_is_gone(forwarded: Cluster) -> None:
    forwarded.serve = hangs
    connection = reach.connect("10.0.0.1", 80, 5)
    assert alive()
    reach.direct()
    assert connection.recv(1) == b""
    connection.close()
    until(lambda: not alive())


def test_a_connection_that_was_just_reset_does_not_keep_the_way_from_being_closed(forwarded: Cluster) -> None:
    way = cast("PortForward", reach._way)
    with socket.socket() as reset:
        way._open.add(reset)
        reach.direct()
    assert not reach.is_forwarded()
