"""Web sockets to pods through the API server: one that runs a command, and one that carries a connection to a port.

A pod is named by its path here, like `api/v1/namespaces/NAMESPACE/pods/NAME`.
"""

from __future__ import annotations

import shlex
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from kubernetes.client import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import ws_client
from kubernetes.stream.ws_client import WSClient, create_websocket
from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

from chaos.cluster.answer import ApiRefused, message_in
from chaos.cluster.link import Link
from chaos.debug import LOG
from chaos.errors import ClusterError

_Opened = TypeVar("_Opened")

_CHANNEL_TIMEOUT_S = 10.0
_PORT_PROTOCOL = "v4.channel.k8s.io"


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


def to_port(link: Link, path: str, port: int) -> WebSocket:
    """One connection to a pod's port. Raises ClusterError when the API server opens none."""
    pod = path.rpartition("/")[2]
    LOG.debug("port-forward to %s, %d", pod, port)

    def opened(configuration: Configuration, url: str, authorization: dict[str, str]) -> WebSocket:
        headers = authorization | {"sec-websocket-protocol": _PORT_PROTOCOL}
        made: WebSocket = create_websocket(configuration, url, headers)
        return made

    try:
        return _open(link, f"{path}/portforward?ports={port}", opened)
    except WebSocketBadStatusException as error:
        said = message_in(error.resp_body or b"") or str(error)
        raise ApiRefused(error.status_code, f"port-forward to {pod}: {error.status_code} {said}") from error
    except (WebSocketException, OSError) as error:
        raise ClusterError(f"port-forward to {pod}: {error}") from error


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
