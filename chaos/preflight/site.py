"""Risks in how WordPress is run."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.preflight.objects import Objects, replicas
from chaos.preflight.risk import Found, Rule

CODE = "/var/www/html"


def no_probes(objects: Objects) -> Iterator[Found]:
    """A pod of the site that can't answer gets visitors."""
    found = objects.main("site")
    if found and "readinessProbe" not in found.body:
        reason = "no readiness probe: a pod gets visitors while it copies files, and when it has no database"
        yield Found(found.item, found.field, reason)


def probe_of_a_port(objects: Objects) -> Iterator[Found]:
    """A probe that lies: Apache listens, whatever WordPress says."""
    found = objects.main("site")
    if found and "tcpSocket" in found.body.get("readinessProbe", {}):
        reason = "ready as soon as Apache listens, also with an error page on every address"
        yield Found(found.item, (*found.field, "readinessProbe"), reason)


def recreate(objects: Objects) -> Iterator[Found]:
    """Each roll-out is an outage."""
    item = objects.part("site")
    if item and item["spec"].get("strategy", {}).get("type") == "Recreate":
        reason = "each roll-out ends all pods before the first new one starts"
        yield Found(item, ("spec", "strategy", "type"), reason)


def one_pod(objects: Objects) -> Iterator[Found]:
    """The site is one pod."""
    item = objects.part("site")
    if item and replicas(item) < 2:
        yield Found(item, ("spec", "replicas"), "the site is one pod: while it is away, so is the site")


def code_on_shared_files(objects: Objects) -> Iterator[Found]:
    """All of WordPress lies on the shared files, so that no page comes without them."""
    found = objects.main("site")
    shared = {each["name"] for each in _volumes(objects) if "persistentVolumeClaim" in each or "nfs" in each}
    for number, mount in enumerate((found.body.get("volumeMounts") if found else None) or ()):
        if found and mount["mountPath"].rstrip("/") == CODE and mount["name"] in shared:
            reason = f"WordPress's code lies on the shared files ({CODE}): without them no page comes"
            yield Found(found.item, (*found.field, "volumeMounts", number), reason)


def cut_off_requests(objects: Objects) -> Iterator[Found]:
    """Requests go on coming while a pod is ending."""
    found = objects.main("site")
    if found and "preStop" not in found.body.get("lifecycle", {}):
        yield Found(found.item, found.field, "no preStop: a pod that ends refuses what the Service still sends it")


def _volumes(objects: Objects) -> list[dict[str, object]]:
    item = objects.part("site")
    return list(item["spec"]["template"]["spec"].get("volumes") or ()) if item else []


RULES = (
    Rule("site-without-readiness", "high", "a readiness probe on a page that needs the database", no_probes),
    Rule(
        "site-probe-of-a-port", "medium", "ask for a page that needs the database instead of the port", probe_of_a_port
    ),
    Rule("site-recreate", "high", "strategy RollingUpdate with maxUnavailable: 0", recreate),
    Rule("site-one-pod", "high", "two replicas or more, on different nodes", one_pod),
    Rule(
        "code-on-shared-files",
        "high",
        "keep the code in the image and share wp-content/uploads alone",
        code_on_shared_files,
    ),
    Rule("cut-off-requests", "low", "a preStop of a few seconds, until every node has heard", cut_off_requests),
)
