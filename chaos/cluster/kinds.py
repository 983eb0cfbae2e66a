"""The kinds of objects that hachaos knows, and where the API has them."""

from __future__ import annotations

from typing import Any, NamedTuple

Object = dict[str, Any]
"""An object as the API server gives it."""

Objects = list[Object]


class _Resource(NamedTuple):
    prefix: str
    plural: str
    namespaced: bool = True


_KINDS = {
    "ClusterRole": _Resource("apis/rbac.authorization.k8s.io/v1", "clusterroles", namespaced=False),
    "ClusterRoleBinding": _Resource("apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", namespaced=False),
    "ConfigMap": _Resource("api/v1", "configmaps"),
    "ControllerRevision": _Resource("apis/apps/v1", "controllerrevisions"),
    "CronJob": _Resource("apis/batch/v1", "cronjobs"),
    "Deployment": _Resource("apis/apps/v1", "deployments"),
    "EndpointSlice": _Resource("apis/discovery.k8s.io/v1", "endpointslices"),
    "Event": _Resource("api/v1", "events"),
    "Job": _Resource("apis/batch/v1", "jobs"),
    "Lease": _Resource("apis/coordination.k8s.io/v1", "leases"),
    "Namespace": _Resource("api/v1", "namespaces", namespaced=False),
    "NetworkPolicy": _Resource("apis/networking.k8s.io/v1", "networkpolicies"),
    "Node": _Resource("api/v1", "nodes", namespaced=False),
    "PersistentVolume": _Resource("api/v1", "persistentvolumes", namespaced=False),
    "PersistentVolumeClaim": _Resource("api/v1", "persistentvolumeclaims"),
    "Pod": _Resource("api/v1", "pods"),
    "PodDisruptionBudget": _Resource("apis/policy/v1", "poddisruptionbudgets"),
    "ReplicaSet": _Resource("apis/apps/v1", "replicasets"),
    "Role": _Resource("apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": _Resource("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "Secret": _Resource("api/v1", "secrets"),
    "Service": _Resource("api/v1", "services"),
    "ServiceAccount": _Resource("api/v1", "serviceaccounts"),
    "StatefulSet": _Resource("apis/apps/v1", "statefulsets"),
    "StorageClass": _Resource("apis/storage.k8s.io/v1", "storageclasses", namespaced=False),
}


def resource_of(kind: str) -> tuple[str, str, bool]:
    """API group (`""` is the core's) and plural of a kind, and whether it belongs to namespaces."""
    resource = _KINDS[kind]
    _, group, *version = resource.prefix.split("/")
    return group if version else "", resource.plural, resource.namespaced


def path_of(kind: str, namespace: str, name: str = "") -> str:
    """The path of the URL of one object, or of all of a kind without a name; a namespace counts where it has a part."""
    resource = _KINDS[kind]
    scope = f"namespaces/{namespace}/" if resource.namespaced else ""
    return f"{resource.prefix}/{scope}{resource.plural}" + (f"/{name}" if name else "")
