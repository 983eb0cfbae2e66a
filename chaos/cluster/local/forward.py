"""Lets a program on the host, a browser for instance, reach into the cluster.

A socket keeps the network namespace that it was made in: the listening one is made on the host's loopback, then the
process joins the cluster's network and connects from there. The host gets no route and no interface for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from chaos.cluster.local.cluster import Cluster, join
from chaos.errors import HostError

_CHUNK = 1 << 16


def serve(cluster: Cluster, port: int, address: str, target_port: int, on_ready: Callable[[int], None]) -> None:
    """Pass connections to 127.0.0.1:`port` on to an address of the cluster until interrupted. Port 0 takes a free one.

    `on_ready` is given the port. Moves this process into the cluster's network. Raises HostError for a busy port.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            raise HostError(
                f"port {port} of 127.0.0.1 cannot be had: {error.strerror}", hint="Choose another with --port."
            ) from error
        join(cluster)
        on_ready(listening.getsockname()[1])
        asyncio.run(_serve(listening, address, target_port))


async def _serve(listening: socket.socket, address: str, port: int) -> None:
    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(address, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    server = await asyncio.start_server(passed_on, sock=listening)
    async with server:
        await server.serve_forever()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
            return
    sink.close()
