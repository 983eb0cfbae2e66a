"""What is measured goes on while the API server is away: nothing but what only it can tell waits for it."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlparse

import pytest
from kubernetes.client import Configuration

from chaos.clock import Clock
from chaos.cluster.api import Api, Link
from chaos.history import ApiServerSeen, PodSeen, Read, Record, ReplicaSeen
from chaos.monitors import api_server
from chaos.monitors.monitors import Monitors
from chaos.scenario.plan import Workload
from chaos.stack.credentials import Credentials
from chaos.stack.profile import Profile
from chaos.stack.stack import Stack

WORKLOAD = Workload(reads_per_s=20, pod_reads_per_s=5, writes_per_s=0, posts_per_s=0, deadline_s=1)


def pod(name: str, app: str) -> dict[str, Any]:
    metadata = {"name": name, "uid": f"uid-{name}", "labels": {"app": app}, "resourceVersion": "4"}
    status = {"phase": "Running", "podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": metadata, "spec": {"nodeName": "node-1"}, "status": status}


SERVICE = {"spec": {"clusterIP": "127.0.0.1", "ports": [{"port": 1}]}}
PODS = [pod("web-1", "wordpress"), pod("mysql-0", "mysql")]


class ApiServer:
    """One that knows a Service and two pods, and can be away: then nobody is at its address."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.port = 0
        self._server: ThreadingHTTPServer | None = None
        self.start()

    def start(self) -> None:
        stopped = self.stopped = threading.Event()

        class Handle(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlparse(self.path)
                if "watch" in parse_qs(path.query):
                    self.send_response(200)
                    self.end_headers()
                    stopped.wait(60)
                    return
                items = PODS if path.path.endswith("/pods") else []
                listed = {"metadata": {"resourceVersion": "5"}, "items": items}
                body = json.dumps(SERVICE if "/services/" in path.path else listed).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handle)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.stopped.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._server = None


@pytest.fixture
def api() -> Iterator[ApiServer]:
    made = ApiServer()
    yield made
    made.stop()


class Sink:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self._changed = threading.Condition()

    def write(self, record: Record) -> None:
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()

    def wait_for(self, enough: Callable[[list[Record]], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.records), 60), self.records[-5:]


def test_reads_leave_on_schedule_and_no_pod_is_gone_while_the_api_server_is_away(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "_ASK_EVERY_S", 0.05)
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{api.port}"
    known = Credentials("u", "p", "ledger", "p", "admin", "p", "p", "site")
    seed = SimpleNamespace(marker="marker", picture=SimpleNamespace(path="/p", sha256=""))
    binding = Profile.load("hardened").binding
    # Nobody is at these ports: that nothing is answered is as good a measurement.
    binding = replace(binding, site=replace(binding.site, port=1), database=replace(binding.database, port=1))
    stack = Stack(binding, Api(Link(lambda: configuration), "wordpress"), known, cast("Any", seed))
    sink = Sink()

    def of(cls: type[Record]) -> int:
        return sum(isinstance(record, cls) for record in sink.records)

    with Monitors(stack, Clock(), sink.write, WORKLOAD):
        sink.wait_for(lambda _: of(PodSeen) == 2 and of(Read) > 5 and of(ReplicaSeen) > 0)
        api.stop()
        sink.wait_for(lambda _: of(ApiServerSeen) == 1)
        seen = {cls: of(cls) for cls in (Read, ReplicaSeen)}
        sink.wait_for(lambda _: of(Read) > seen[Read] + 40 and of(ReplicaSeen) > seen[ReplicaSeen] + 1)
        assert of(ApiServerSeen) == 1
        api.start()
        sink.wait_for(lambda _: of(ApiServerSeen) == 2)
    assert [one.answers for one in sink.records if isinstance(one, ApiServerSeen)] == [False, True]
    for via in ("service", "web-1"):
        left = sorted(one.start for one in sink.records if isinstance(one, Read) and one.via == via)
        assert max(b - a for a, b in itertools.pairwise(left)) < 2
    assert [one.change for one in sink.records if isinstance(one, PodSeen)] == ["added", "added"]
