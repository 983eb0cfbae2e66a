"""The objects as the cluster has them. Only reads, and never a Secret."""

from __future__ import annotations

from chaos.cluster.api import Api
from chaos.preflight.objects import Object, Objects
from chaos.stack.binding import Binding

_KINDS = (
    "StatefulSet",
    "Deployment",
    "Service",
    "ConfigMap",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "NetworkPolicy",
)


def read(api: Api, binding: Binding) -> Objects:
    """The objects in the stack's namespace, with the volumes and storage classes that its claims use."""
    items: list[Object] = []
    for kind in _KINDS:
        items += [item | {"kind": kind} for item in api.list(kind)]
    claims = [item["spec"] for item in items if item["kind"] == "PersistentVolumeClaim"]
    volumes = sorted({claim["volumeName"] for claim in claims if claim.get("volumeName")})
    classes = sorted({claim["storageClassName"] for claim in claims if claim.get("storageClassName")})
    for kind, names in (("PersistentVolume", volumes), ("StorageClass", classes)):
        found = [api.get(kind, name) for name in names]
        items += [item | {"kind": kind} for item in found if item is not None]
    return Objects(binding, tuple(items))
