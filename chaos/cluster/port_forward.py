"""Connections to pods and Services through the API server, each by a port-forward of its own.

What a client sees: refused at once where no pod has the address or no endpoint is ready; reset where nothing listens on
the port or the port-forward is cut; an end where the server ended. What hangs there hangs here. A Service's
address leads to an endpoint chosen at random for each connection, as kube-proxy does it.

A web socket carries two channels for the port, data and errors; the first frame of each only names the port. See
https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import ssl
import struct
import threading
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as NotInTime

from websocket import ABNF, WebSocket, WebSocketException

from chaos.cluster.api import Api, ApiRefused, Object
from chaos.cluster.way import NoWay
from chaos.errors import ClusterError

_CHUNK = 65536
_DATA, _ERROR = 0, 1
_RESET = struct.pack("ii", 1, 0)
_ENDED = ("Succeeded", "Failed")


class PortForward:
    """The way to the pods and Services of one namespace. Safe to use from many threads."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._directory = _Directory(api)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def leads_to(self, api: Api) -> bool:
        """Whether it is the way to this API's namespace."""
        return (api.server, api.namespace) == (self._api.server, self._api.namespace)

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """A connection to an address, open once the API server has opened the way. Raises OSError."""
        pod, port = self._directory.aim(host, port)
        opened: Future[socket.socket] = Future()
        name = f"forward-{pod}-{port}"
        threading.Thread(target=self._carry, args=(pod, port, opened), name=name, daemon=True).start()
        try:
            connection = opened.result(timeout_s)
        except NotInTime:
            if opened.cancel():
                raise NoWay(f"the API server opened no port-forward to {pod} within {timeout_s:.1f} s") from None
            connection = opened.result()
        connection.settimeout(timeout_s)
        return connection

    def close(self) -> None:
        """Cut every connection, and look after the addresses no more."""
        self._directory.close()
        with self._lock:
            for near in self._open:
                with contextlib.suppress(OSError):  # One that was reset has no other end any more.
                    near.shutdown(socket.SHUT_RDWR)

    def _carry(self, pod: str, port: int, opened: Future[socket.socket]) -> None:
        try:
            far = self._api.port_forward(pod, port)
        except ApiRefused as error:
            gone = error.status == 404
            _fail(opened, ConnectionRefusedError(f"there is no pod {pod}") if gone else NoWay(str(error)))
            return
        except ClusterError as error:
            _fail(opened, NoWay(str(error)))
            return
        near, theirs = _pair()
        try:
            opened.set_result(theirs)
        except InvalidStateError:
            theirs.close()
        with self._lock:
            self._open.add(near)
        try:
            whole = _pump(near, far)
        except (OSError, WebSocketException):
            whole = False
        with self._lock:
            self._open.discard(near)
            if not whole:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            near.close()
        far.shutdown()  # type: ignore[no-untyped-call]


def _fail(opened: Future[socket.socket], error: OSError) -> None:
    # Where that is too late nobody waits for it any more.
    with contextlib.suppress(InvalidStateError):
        opened.set_exception(error)


def _pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection on this machine: unlike those of a socketpair one can be reset."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        theirs = socket.create_connection(listening.getsockname())
        while True:
            near, peer = listening.accept()
            if peer == theirs.getsockname():
                break
            near.close()
    for each in (near, theirs):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, theirs


def _pump(near: socket.socket, far: WebSocket) -> bool:
    """Pass bytes on until one side ends; whether it ended well, and was not cut off or told of an error."""
    begun: set[int] = set()
    wire = far.sock
    assert wire is not None
    poll = select.poll()
    poll.register(near, select.POLLIN)
    poll.register(wire, select.POLLIN)
    while True:
        # What TLS has read and decrypted already is no more to be seen on the socket, from the handshake on.
        ready = {number for number, _ in poll.poll(0 if _has_more(wire) else None)}
        if _has_more(wire):
            ready.add(wire.fileno())
        if near.fileno() in ready:
            data = near.recv(_CHUNK)
            if not data:
                far.send_close()
                return True
            far.send_binary(bytes([_DATA]) + data)
        while wire.fileno() in ready:
            opcode, frame = far.recv_data_frame(control_frame=True)
            if opcode == ABNF.OPCODE_CLOSE:
                return True
            if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
                channel, data = frame.data[0], frame.data[1:]
                if channel not in begun:
                    begun.add(channel)
                elif channel == _ERROR:
                    return False
                else:
                    near.sendall(data)
            if not _has_more(wire):
                break


def _has_more(wire: socket.socket) -> bool:
    return isinstance(wire, ssl.SSLSocket) and wire.pending() > 0


class _Directory:
    """Which pod has an address, and to which pods a Service's leads: looked up once, then followed by watches."""

    def __init__(self, api: Api) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        kinds = ("Pod", "Service", "EndpointSlice")
        self._items = {kind: {each["metadata"]["uid"]: each for each in api.list(kind)} for kind in kinds}
        for kind in kinds:
            threading.Thread(target=self._follow, args=(api, kind), name=f"addresses-{kind}", daemon=True).start()

    def close(self) -> None:
        self._stop.set()

    def aim(self, host: str, port: int) -> tuple[str, int]:
        """The pod and its port that an address leads to now. Raises ConnectionRefusedError where there is none."""
        pods = [each for each in self._all("Pod") if each.get("status", {}).get("podIP") == host]
        alive = [each for each in pods if each["status"].get("phase") not in _ENDED]
        if alive:
            newest = max(alive, key=lambda each: str(each["metadata"].get("creationTimestamp")))
            return str(newest["metadata"]["name"]), port
        service = next((each for each in self._all("Service") if host in _addresses(each)), None)
        if service is None:
            raise ConnectionRefusedError(f"no pod and no Service has the address {host}")
        name = service["metadata"]["name"]
        listed = next((each for each in service["spec"].get("ports") or () if each["port"] == port), None)
        slices = [
            each
            for each in self._all("EndpointSlice")
            if (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
        ]
        found = _endpoints(slices, str((listed or {}).get("name") or "")) if listed else []
        if not found:
            raise ConnectionRefusedError(f"Service {name} has no ready endpoint for port {port}")
        return random.choice(found)

    def _all(self, kind: str) -> list[Object]:
        with self._lock:
            return list(self._items[kind].values())

    def _follow(self, api: Api, kind: str) -> None:
        for change, item in api.watch(kind, stop=self._stop):
            with self._lock:
                if change == "DELETED":
                    self._items[kind].pop(item["metadata"]["uid"], None)
                else:
                    self._items[kind][item["metadata"]["uid"]] = item


def _addresses(service: Object) -> set[str]:
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    balanced = {each.get(key) for each in ingress for key in ("ip", "hostname")}
    return ({service["spec"].get("clusterIP")} | balanced) - {None, "", "None"}


def _endpoints(slices: Sequence[Object], port_name: str) -> list[tuple[str, int]]:
    """The pods that are ready and their ports; where none is, those that are ending and serve still."""
    for wanted in ("ready", "serving"):
        found = [
            (str(endpoint["targetRef"]["name"]), int(port["port"]))
            for each in slices
            for port in each.get("ports") or ()
            if (port.get("name") or "") == port_name
            for endpoint in each.get("endpoints") or ()
            if (endpoint.get("targetRef") or {}).get("kind") == "Pod"
            if (endpoint.get("conditions") or {}).get(wanted) is not False
        ]
        if found:
            return found
    return []
