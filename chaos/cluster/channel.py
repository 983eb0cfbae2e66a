"""Web sockets to pods through the API server: one that runs a command, and one that carries a connection to a port.

A pod is named by its path here, like `api/v1/namespaces/NAMESPACE/pods/NAME`.
"""

from __future__ import annotations

import json
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from kubernetes.client import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import ws_client
from kubernetes.stream.ws_client import WSClient, create_websocket
from websocket import ABNF, WebSocket, WebSocketBadStatusException, WebSocketException

from chaos.cluster.answer import ApiRefused, message_in
from chaos.cluster.link import Link
from chaos.debug import LOG
from chaos.errors import ClusterError

_Opened = TypeVar("_Opened")

_CHANNEL_TIMEOUT_S = 10.0
_PROTOCOL = "v4.channel.k8s.io"
_OUT, _ERR, _STATUS = 1, 2, 3
_MOST_SAID = 2000


class _Channel(WebSocket):
    """A channel on which no single step takes longer than `_CHANNEL_TIMEOUT_S`, connecting to it included."""

    def connect(self, url: str, **options: Any) -> None:
        super().connect(url, timeout=_CHANNEL_TIMEOUT_S, **options)  # type: ignore[no-untyped-call]


# The client makes its channels without any deadline, and has no way to be given one.
ws_client.WebSocket = _Channel  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Output:
    """What a command in a pod came to: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


def execute(
    link: Link, path: str, container: str, command: Sequence[str], *, timeout_s: float, stdin: str | None
) -> Output:
    """Run a command in a pod's container and wait for its end, `timeout_s` seconds at most. Raises ClusterError."""
    pod = path.rpartition("/")[2]
    query = [("container", container), ("stdout", "true"), ("stderr", "true")]
    query += [("stdin", "true")] if stdin is not None else []
    query += [("command", word) for word in command]
    what = f"{command[0]} in {pod}/{container}"
    LOG.debug("exec in %s/%s, %g s at most: %s", pod, container, timeout_s, shlex.join(command))
    channel = _command(link, f"{path}/exec?{urlencode(query)}", what)
    # A channel on which something comes all the time, or half of something, never looks at its deadline.
    over = threading.Timer(timeout_s + 1, _end, (channel.sock.sock,))
    over.daemon = True
    over.start()
    try:
        if stdin is not None:
            channel.write_stdin(stdin)
        channel.run_forever(timeout=timeout_s)
        if channel.is_open():
            raise ClusterError(f"{what}: no end after {timeout_s:g} s")
        return Output(int(channel.returncode), channel.read_channel(1), channel.read_channel(2))
    except ValueError as error:
        # The client wants the exit code where kubelet says why nothing was started.
        said = str(error).partition("base 10: ")[2].strip("'\"") or str(error)
        raise ClusterError(f"{what}: {said}") from error
    except (ApiException, WebSocketException, OSError, LookupError, TypeError) as error:
        raise ClusterError(f"{what}: the connection broke: {error}") from error
    finally:
        over.cancel()
        channel.close(timeout=1)
        # `close` leaves the socket open when the other side was the first to say goodbye.
        channel.sock.shutdown()


def stream(link: Link, path: str, container: str, command: Sequence[str], *, timeout_s: float) -> Iterator[bytes]:
    """Standard output of a command in a pod's container, piece by piece as it comes: nothing of it is kept here.

    Raises ClusterError when it can't be started, fails, has not ended after `timeout_s` seconds or says nothing for 10,
    and when the connection ends before the command did: what has come until then is not the whole.
    """
    pod = path.rpartition("/")[2]
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
    what = f"{command[0]} in {pod}/{container}"
    LOG.debug("exec in %s/%s, %g s at most: %s", pod, container, timeout_s, shlex.join(command))
    connection = _websocket(link, f"{path}/exec?{urlencode(query)}", what)
    end = time.monotonic() + timeout_s
    # One on which half of a frame comes, a byte at a time, never looks at its deadline.
    over = threading.Timer(timeout_s + 1, _end, (connection.sock,))
    over.daemon = True
    over.start()
    status, said = b"", b""
    try:
        while True:
            code, frame = connection.recv_data_frame(control_frame=True)
            if code == ABNF.OPCODE_CLOSE:
                break
            if code not in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) or not frame.data:
                continue
            number, data = frame.data[0], bytes(frame.data[1:])
            if number == _OUT and data:
                yield data
            elif number == _ERR:
                said = (said + data)[-_MOST_SAID:]
            elif number == _STATUS:
                status += data
            if time.monotonic() > end:
                raise ClusterError(f"{what}: no end after {timeout_s:g} s")
    except (WebSocketException, OSError) as error:
        if not status:
            raise ClusterError(f"{what}: the connection broke: {error}") from error
    finally:
        over.cancel()
        connection.shutdown()  # type: ignore[no-untyped-call]
    _require_success(what, status, said)


def _require_success(what: str, status: bytes, said: bytes) -> None:
    """By what kubelet says of a command's end. Raises ClusterError for any but a good one."""
    if not status:
        raise ClusterError(f"{what}: the connection ended before the command did")
    try:
        found = json.loads(status)
        good, message = found["status"] == "Success", str(found.get("message", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        good, message = False, status.decode(errors="replace")
    if not good:
        lines = said.decode(errors="replace").strip().splitlines()
        raise ClusterError(f"{what}: {lines[-1] if lines else message}")


def to_port(link: Link, path: str, port: int) -> WebSocket:
    """One connection to a pod's port. Raises ClusterError when the API server opens none."""
    pod = path.rpartition("/")[2]
    LOG.debug("port-forward to %s, %d", pod, port)
    return _websocket(link, f"{path}/portforward?ports={port}", f"port-forward to {pod}")


def _websocket(link: Link, path: str, what: str) -> WebSocket:
    """A connection whose frames the caller reads. Raises ClusterError, whose words begin with `what`."""

    def opened(configuration: Configuration, url: str, authorization: dict[str, str]) -> WebSocket:
        headers = authorization | {"sec-websocket-protocol": _PROTOCOL}
        made: WebSocket = create_websocket(configuration, url, headers)
        return made

    try:
        return _open(link, path, opened)
    except WebSocketBadStatusException as error:
        said = message_in(error.resp_body or b"") or str(error)
        raise ApiRefused(error.status_code, f"{what}: {error.status_code} {said}") from error
    except (WebSocketException, OSError) as error:
        raise ClusterError(f"{what}: {error}") from error


def _command(link: Link, path: str, what: str) -> WSClient:
    """Connect to what runs a command. Raises ClusterError."""

    def opened(configuration: Configuration, url: str, authorization: dict[str, str]) -> WSClient:
        return WSClient(configuration, url, authorization, capture_all=False)

    try:
        return _open(link, path, opened)
    except (ApiException, WebSocketException, OSError) as error:
        raise ClusterError(f"{what}: {getattr(error, 'reason', None) or error}") from error


def _open(link: Link, path: str, opened: Callable[[Configuration, str, dict[str, str]], _Opened]) -> _Opened:
    """Open a web socket. With credentials that are not taken nothing was begun: once more with new ones."""
    for _ in range(2):
        configuration, authorization = link.configuration, link.authorization()
        url = f"{configuration.host}/{path}".replace("http", "ws", 1)
        try:
            return opened(configuration, url, authorization)
        except WebSocketBadStatusException as error:
            refused = error
            if error.status_code != 401 or not link.renew(authorization):
                raise
    raise refused


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
