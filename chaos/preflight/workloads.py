"""Risks in any workload of the stack: images, room, spread, how pods end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chaos.preflight.objects import TEMPLATE, Container, Object, Objects, containers, pod_labels, replicas
from chaos.preflight.risk import Found, Rule

_OLD = (
    (re.compile(r"\bmysql:5\."), "MySQL 5.x is without security fixes since October 2023"),
    (re.compile(r"\bmysql:8\.0"), "MySQL 8.0 is without security fixes since April 2026"),
    (re.compile(r"\bmariadb:10\.[0-5]\b"), "this MariaDB is without security fixes"),
    (re.compile(r"\bwordpress:[1-4]\."), "WordPress 4.x is years old, and so is the PHP in its image"),
    (
        re.compile(r"google-samples/xtrabackup:1\.0"),
        "XtraBackup 2.4.4 of 2016, for amd64 only; it can't back up MySQL 8",
    ),
    (re.compile(r"\bvolume-nfs:0\.8"), "an example's image of 2016, for amd64 only"),
)
_UNTAGGED = re.compile(r"[^@]*?(?:/|^)[^/:@]+(?::latest)?")
_DEAF = re.compile(r"^\s*(?:exec\s+)?(?:ncat|nc|socat|sleep|tail)\b[^\n]*", re.M)


def old_image(objects: Objects) -> Iterator[Found]:
    """Known problem 18: images that nobody mends any more."""
    for container in _containers(objects):
        for pattern, reason in _OLD:
            if pattern.search(container.body["image"]):
                yield Found(container.item, (*container.field, "image"), f"{container.body['image']}: {reason}")


def untagged_image(objects: Objects) -> Iterator[Found]:
    """What `latest` is differs from pod to pod."""
    for container in _containers(objects):
        if _UNTAGGED.fullmatch(container.body["image"]):
            reason = f"{container.body['image']}: no version, so pods may run different ones"
            yield Found(container.item, (*container.field, "image"), reason)


def no_requests(objects: Objects) -> Iterator[Found]:
    """The scheduler can't know what fits; such a pod is the first to be evicted."""
    for container in _containers(objects):
        if not container.first and not container.body.get("resources", {}).get("requests"):
            reason = f"{container.body['name']} requests nothing: first to be evicted, and placed anywhere"
            yield Found(container.item, container.field, reason)


def no_memory_limit(objects: Objects) -> Iterator[Found]:
    """One container can take the node's memory."""
    for container in _containers(objects):
        if not container.first and "memory" not in container.body.get("resources", {}).get("limits", {}):
            reason = f"{container.body['name']} has no memory limit: it can take its whole node along"
            yield Found(container.item, container.field, reason)


def no_budget(objects: Objects) -> Iterator[Found]:
    """A drain may evict all pods of a part at once."""
    selectors = [item["spec"].get("selector", {}).get("matchLabels", {}) for item in objects.of("PodDisruptionBudget")]
    for item in _workloads(objects):
        covered = any(each and each.items() <= pod_labels(item).items() for each in selectors)
        if not covered and (replicas(item) > 1 or item is objects.part("site")):
            yield Found(item, ("metadata", "name"), "no PodDisruptionBudget: a drain may evict all of its pods at once")


def no_spread(objects: Objects) -> Iterator[Found]:
    """All pods of a part may be on one node."""
    for item in _workloads(objects):
        spec = item["spec"]["template"]["spec"]
        spread = spec.get("topologySpreadConstraints") or (spec.get("affinity") or {}).get("podAntiAffinity")
        if not spread and (replicas(item) > 1 or item is objects.part("site")):
            yield Found(item, TEMPLATE, "nothing spreads its pods: one node may have them all")


def no_grace(objects: Objects) -> Iterator[Found]:
    """Pods that are killed instead of ended."""
    for item in _workloads(objects):
        if item["spec"]["template"]["spec"].get("terminationGracePeriodSeconds") == 0:
            yield Found(item, (*TEMPLATE, "terminationGracePeriodSeconds"), "its pods are killed without warning")


def deaf_to_sigterm(objects: Objects) -> Iterator[Found]:
    """Process 1 of a container without a handler ignores SIGTERM: each end takes the whole grace period."""
    for container in _containers(objects):
        words = [*(container.body.get("command") or ()), *(container.body.get("args") or ())]
        script = words[-1] if words else ""
        last = list(_DEAF.finditer(script))
        if container.first or "trap " in script or not last:
            continue
        reason = f"{container.body['name']} does not hear SIGTERM: each end of the pod takes the whole grace period"
        where = "command" if container.body.get("command") else "args"
        field = (*container.field, where, len(container.body[where]) - 1)
        yield Found(container.item, field, reason, last[-1][0].strip())


def privileged(objects: Objects) -> Iterator[Found]:
    """Whoever gets into the container has the node."""
    for container in _containers(objects):
        if container.body.get("securityContext", {}).get("privileged"):
            reason = f"{container.body['name']} is privileged: who gets into it has the node"
            yield Found(container.item, (*container.field, "securityContext", "privileged"), reason)


def no_network_policy(objects: Objects) -> Iterator[Found]:
    """Every pod of the cluster reaches the database."""
    item = objects.part("database")
    if item and not objects.of("NetworkPolicy"):
        yield Found(item, ("metadata", "name"), "no NetworkPolicy: every pod of the cluster reaches the database")


def _workloads(objects: Objects) -> Iterator[Object]:
    for part in objects.binding.controllers:
        item = objects.part(part)
        if item is not None:
            yield item


def _containers(objects: Objects) -> Iterator[Container]:
    for item in _workloads(objects):
        yield from containers(item)


RULES = (
    Rule("old-image", "medium", "a version that is still mended", old_image),
    Rule("untagged-image", "medium", "name a version, or better a digest", untagged_image),
    Rule("no-requests", "medium", "resources.requests for CPU and memory", no_requests),
    Rule("no-memory-limit", "low", "resources.limits.memory, above what it needs at its most", no_memory_limit),
    Rule("no-disruption-budget", "medium", "a PodDisruptionBudget with maxUnavailable: 1", no_budget),
    Rule("no-spread", "medium", "topologySpreadConstraints over kubernetes.io/hostname", no_spread),
    Rule("no-grace", "high", "leave terminationGracePeriodSeconds at 30 or more", no_grace),
    Rule("deaf-to-sigterm", "low", "trap TERM in the script, or run an init as process 1", deaf_to_sigterm),
    Rule("privileged", "medium", "the capabilities that it needs instead", privileged),
    Rule("no-network-policy", "low", "let only the site's and the database's own pods in", no_network_policy),
)
