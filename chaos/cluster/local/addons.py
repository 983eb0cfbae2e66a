"""What a cluster is given from its start: rights for its own parts, DNS, and a default StorageClass."""

from __future__ import annotations

from typing import Any

from chaos.cluster.local.control_plane import KUBELET_CLIENT, LOAD_BALANCER
from chaos.cluster.local.layout import DNS_SERVICE
from chaos.cluster.local.rest import Rest, retrying

STORAGE_CLASS = "standard"
PROVISIONER = "kubernetes.io/host-path"

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_SYSTEM = "/api/v1/namespaces/kube-system"
_LABELS = {"k8s-app": "kube-dns"}
_APPLY_S = 20.0

# No cache: the kubernetes plugin answers from its watch, so nothing is gained, and a cached "no such name" costs
# every start of a StatefulSet seconds. No forward either: there is nothing outside.
_COREFILE = """\
.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 1
    }
    loadbalance
}
"""

Object = dict[str, Any]


def manifests(nodes: int, coredns_image: str) -> dict[str, Object]:
    """Every object, by its path in the API, in the order of applying."""
    return {
        f"{_RBAC}/clusterrolebindings/hachaos:kubelet-api": _binding(
            "hachaos:kubelet-api", "system:kubelet-api-admin", {"kind": "User", "name": KUBELET_CLIENT}
        ),
        f"{_RBAC}/clusterroles/{LOAD_BALANCER}": _role(
            LOAD_BALANCER,
            {"apiGroups": [""], "resources": ["services", "nodes"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["services/status"], "verbs": ["patch", "update"]},
        ),
        f"{_RBAC}/clusterrolebindings/{LOAD_BALANCER}": _binding(
            LOAD_BALANCER, LOAD_BALANCER, {"kind": "User", "name": LOAD_BALANCER}
        ),
        f"/apis/storage.k8s.io/v1/storageclasses/{STORAGE_CLASS}": _storage_class(),
        **_dns(nodes, coredns_image),
    }


def apply(rest: Rest, nodes: int, coredns_image: str) -> None:
    """Apply them all. Raises ClusterError."""
    for path, manifest in manifests(nodes, coredns_image).items():
        # Namespaces and admission are still being set up when the API server first says that it is ready.
        retrying(lambda path=path, manifest=manifest: rest.apply(path, manifest), timeout_s=_APPLY_S)  # type: ignore[misc]


def _dns(nodes: int, image: str) -> dict[str, Object]:
    account = {"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"}
    return {
        f"{_SYSTEM}/serviceaccounts/coredns": _system("v1", "ServiceAccount", "coredns"),
        f"{_RBAC}/clusterroles/system:coredns": _role(
            "system:coredns",
            {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ),
        f"{_RBAC}/clusterrolebindings/system:coredns": _binding("system:coredns", "system:coredns", account),
        f"{_SYSTEM}/configmaps/coredns": {**_system("v1", "ConfigMap", "coredns"), "data": {"Corefile": _COREFILE}},
        f"{_SYSTEM}/services/kube-dns": {
            **_system("v1", "Service", "kube-dns"),
            "spec": {
                "clusterIP": str(DNS_SERVICE),
                "selector": _LABELS,
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
                ],
            },
        },
        "/apis/apps/v1/namespaces/kube-system/deployments/coredns": {
            **_system("apps/v1", "Deployment", "coredns"),
            "spec": {
                "replicas": min(nodes, 2),
                "selector": {"matchLabels": _LABELS},
                "template": {"metadata": {"labels": _LABELS}, "spec": _dns_pod(image)},
            },
        },
    }


def _dns_pod(image: str) -> Object:
    return {
        "serviceAccountName": "coredns",
        "dnsPolicy": "Default",
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 5,
        # Required, since a preference gives way while the second node has not registered yet.
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": _LABELS}}
                ]
            }
        },
        # A lost node should cost DNS seconds, not the five minutes of the default.
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10}
            for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        ],
        "containers": [
            {
                "name": "coredns",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["/coredns"],
                "args": ["-conf", "/etc/coredns/Corefile"],
                "ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}],
                "resources": {"requests": {"cpu": "20m", "memory": "30Mi"}, "limits": {"memory": "170Mi"}},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
                "livenessProbe": {
                    "httpGet": {"path": "/health", "port": 8080},
                    "initialDelaySeconds": 30,
                    "timeoutSeconds": 5,
                    "failureThreshold": 5,
                },
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }


def _storage_class() -> Object:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def _system(version: str, kind: str, name: str) -> Object:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "kube-system", "labels": _LABELS},
    }


def _role(name: str, *rules: Object) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": list(rules),
    }


def _binding(name: str, role: str, subject: Object) -> Object:
    if subject["kind"] == "User":
        subject = {"apiGroup": "rbac.authorization.k8s.io", **subject}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }
