"""What `hachaos cluster forward` may be pointed at."""

from __future__ import annotations

from chaos.cluster.local import namespaces, state
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.local.layout import CONTROL_PLANE, CONTROL_PLANE_ADDRESS, Places
from chaos.cluster.local.rest import Rest
from chaos.errors import ClusterError, UsageError

_API_PORT = 6443
_FORMS = "Name it as api, ADDRESS:PORT, or NAMESPACE/SERVICE[:PORT]."


def resolve(cluster: Cluster, target: str) -> tuple[str, int]:
    """The address and port of `api`, ADDRESS:PORT or NAMESPACE/SERVICE[:PORT] (its first port if none is named).

    Raises UsageError for anything else and ClusterError when there is no such Service.
    """
    if target == "api":
        return str(CONTROL_PLANE_ADDRESS), _API_PORT
    name, colon, port = target.partition(":")
    if colon and not (port.isdecimal() and 0 < int(port) < 1 << 16):
        raise UsageError(f"{port!r} is no port", hint=_FORMS)
    namespace, slash, service = name.partition("/")
    if not slash and name and port:
        return name, int(port)
    if not (namespace and service):
        raise UsageError(f"{target!r} is nothing to forward to", hint=_FORMS)
    anchor = state.read(Places.of(cluster.name))
    assert anchor is not None

    def look() -> dict[str, object]:
        with Rest(anchor.places.machine(CONTROL_PLANE) / "etc", "admin") as rest:
            spec: dict[str, object] = rest.get(f"/api/v1/namespaces/{namespace}/services/{service}")["spec"]
            return spec

    spec = namespaces.inside(cluster.switch_netns, look)
    address, ports = str(spec.get("clusterIP")), spec.get("ports")
    if address == "None" or not isinstance(ports, list):
        raise ClusterError(f"the Service {name} has no address of its own", hint="Name a pod's ADDRESS:PORT instead.")
    return address, int(port) if port else int(ports[0]["port"])
