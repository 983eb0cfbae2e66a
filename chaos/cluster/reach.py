"""The one place where a connection to a pod or a Service is dialled.

How the process gets there holds for all of it, as the network does that it has joined: directly, unless `forwarded`
said that everything goes through the API server.
"""

from __future__ import annotations

import socket

from chaos.cluster import fresh_ports
from chaos.cluster.api import Api
from chaos.cluster.port_forward import PortForward
from chaos.cluster.way import NO_WAY, NoWay, Way

__all__ = ["NO_WAY", "NoWay", "connect", "direct", "forwarded", "is_forwarded"]


class _Direct:
    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        return fresh_ports.connect(host, port, timeout_s)

    def close(self) -> None:
        pass


_way: Way = _Direct()


def connect(host: str, port: int, timeout_s: float) -> socket.socket:
    """A TCP connection to an address of the cluster.

    Raises OSError, and NoWay (which is one) where that says nothing of what is at the address.
    """
    return _way.connect(host.strip("[]"), port, timeout_s)


def is_forwarded() -> bool:
    """Whether connections are made by port-forward."""
    return not isinstance(_way, _Direct)


def forwarded(api: Api) -> None:
    """From now on reach the pods and Services in the API's namespace by port-forward; `direct` ends that.

    Raises ClusterError when one may not look at them.
    """
    global _way  # noqa: PLW0603
    if not (isinstance(_way, PortForward) and _way.leads_to(api)):
        direct()
        _way = PortForward(api)


def direct() -> None:
    """From now on connect from the network that the process is in, and end whatever was forwarded."""
    global _way  # noqa: PLW0603
    _way.close()
    _way = _Direct()
