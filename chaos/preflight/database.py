"""Risks in how the database is run: who may write where, and what its probes prove."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chaos.preflight.objects import Container, Object, Objects, containers, pod_labels, replicas
from chaos.preflight.risk import Found, Rule

_READ_ONLY = re.compile(r"(?:super[-_])?read[-_]only", re.I)
_SEMI_SYNC = re.compile(r"rpl[-_]semi[-_]sync", re.I)


def site_writes_to_any_pod(objects: Objects) -> Iterator[Found]:
    """Known problem 11: the site's database host is a Service over all of the database's pods."""
    site, database = objects.main("site"), objects.part("database")
    if site is None or database is None or replicas(database) < 2:
        return
    for number, each in enumerate(site.body.get("env") or ()):
        if each["name"] != "WORDPRESS_DB_HOST":
            continue
        service = objects.get("Service", str(each.get("value", "")).partition(":")[0].partition(".")[0])
        selector = service["spec"].get("selector") if service else None
        if selector and selector.items() <= pod_labels(database).items():
            reason = f"Service {each['value']} leads to all {replicas(database)} pods, so writes land on replicas"
            yield Found(site.item, (*site.field, "env", number, "value"), reason)


def writable_replicas(objects: Objects) -> Iterator[Found]:
    """Known problem 12: nothing makes a replica refuse writes."""
    item = objects.part("database")
    if item and replicas(item) > 1 and not _READ_ONLY.search(objects.text("database")):
        yield Found(
            item, ("spec", "template"), "no setting makes the replicas read-only: a stray write stays there for ever"
        )


def asynchronous(objects: Objects) -> Iterator[Found]:
    """An acknowledged write may be on the primary alone."""
    item = objects.part("database")
    if item and replicas(item) > 1 and not _SEMI_SYNC.search(objects.text("database")):
        yield Found(item, ("spec", "template"), "writes are acknowledged before any replica has them")


def one_primary(objects: Objects) -> Iterator[Found]:
    """Nobody takes over: the primary is always the same pod."""
    item = objects.part("database")
    if item and objects.binding.database.primary == "ordinal":
        yield Found(item, ("spec", "replicas"), "the primary is always pod 0: while it is away nothing can be written")


def readiness_select_1(objects: Objects) -> Iterator[Found]:
    """Known problem 14: SELECT 1 is also answered by an empty server and a broken replica."""
    yield from _probe(
        objects, "readinessProbe", "SELECT 1", "a broken or empty replica answers SELECT 1, and gets traffic"
    )


def liveness_ping(objects: Objects) -> Iterator[Found]:
    """Known problem 15: mysqladmin ping is no sign of health, and fails while the server recovers."""
    found = objects.main("database")
    if found is None or "startupProbe" in found.body:
        return
    delay = found.body.get("livenessProbe", {}).get("initialDelaySeconds", 0)
    reason = (
        f"mysqladmin ping returns 0 even when access is denied, and a crash recovery longer than {delay} s is killed"
    )
    yield from _probe(objects, "livenessProbe", "mysqladmin ping", reason)


def no_probes(objects: Objects) -> Iterator[Found]:
    """Nothing tells a server that does not answer."""
    found = objects.main("database")
    if found and "readinessProbe" not in found.body:
        yield Found(found.item, found.field, "no readiness probe: it gets traffic before and whether or not it answers")


def unsafe_applier(objects: Objects) -> Iterator[Found]:
    """Known problem 16: MySQL 5.7 keeps the applier's position in a file that is not written with the data."""
    found = objects.main("database")
    if (
        found
        and re.search(r"\bmysql:5\.", found.body["image"])
        and not re.search(r"relay[-_]log[-_]recovery", objects.text("database"), re.I)
    ):
        reason = "without relay_log_recovery a killed replica goes on at an old place: errors 1062 and 1032"
        yield Found(found.item, (*found.field, "image"), reason)


def replica_gives_up(objects: Objects) -> Iterator[Found]:
    """Known problem 17: since MySQL 8.4 a replica tries 10 times, not for a day."""
    found = objects.main("database")
    if (
        found
        and re.search(r"\bmysql:(?:8\.[4-9]|9)", found.body["image"])
        and not re.search(r"(?:SOURCE|MASTER)_RETRY_COUNT", objects.text("database"))
    ):
        yield Found(found.item, (*found.field, "image"), "a replica gives up after 10 tries to reach its source")


def ordered_start(objects: Objects) -> Iterator[Found]:
    """Known problem 19: one that does not get ready keeps all after it from starting, also when all are down."""
    item = objects.part("database")
    if item is None or replicas(item) < 2 or item["spec"].get("podManagementPolicy") == "Parallel":
        return
    service = objects.get("Service", item["spec"].get("serviceName", ""))
    hidden = service is not None and not service["spec"].get("publishNotReadyAddresses")
    reason = "pods start one after the other: one that does not get ready keeps the rest down"
    reason += ", and its name does not resolve meanwhile" if hidden else ""
    yield Found(item, ("spec",), reason)


def empty_password(objects: Objects) -> Iterator[Found]:
    """The database, or the site's user, has no password."""
    for part in ("database", "site"):
        for container, number, each in _environment(objects, part):
            name, value = each["name"], each.get("value")
            without = bool(value) if "ALLOW_EMPTY" in name else value == "" and "valueFrom" not in each
            if name.endswith("PASSWORD") and without:
                yield Found(container.item, (*container.field, "env", number), f"{name}: there is no password")


def written_password(objects: Objects) -> Iterator[Found]:
    """A password stands in the manifest."""
    for part in ("database", "site"):
        for container, number, each in _environment(objects, part):
            if each["name"].endswith("_PASSWORD") and "ALLOW" not in each["name"] and each.get("value"):
                yield Found(container.item, (*container.field, "env", number), f"{each['name']} is written here")


def site_is_root(objects: Objects) -> Iterator[Found]:
    """The site uses the administrator of the database: replicas don't refuse his writes, and one hole is all holes."""
    found = objects.main("site")
    if found is None:
        return
    names = {each["name"]: each for each in found.body.get("env") or ()}
    user = names.get("WORDPRESS_DB_USER")
    if "WORDPRESS_DB_HOST" in names and (user is None or user.get("value") == "root") and "envFrom" not in found.body:
        said = "the image's default" if user is None else "root"
        yield Found(found.item, (*found.field, "env"), f"WordPress signs in to the database as root ({said})")


def _environment(objects: Objects, part: str) -> Iterator[tuple[Container, int, Object]]:
    item = objects.part(part)
    for container in containers(item) if item else ():
        for number, each in enumerate(container.body.get("env") or ()):
            yield container, number, each


def _probe(objects: Objects, probe: str, words: str, reason: str) -> Iterator[Found]:
    found = objects.main("database")
    command = found.body.get(probe, {}).get("exec", {}).get("command", ()) if found else ()
    if found and words.lower() in " ".join(command).lower():
        yield Found(found.item, (*found.field, probe), reason)


RULES = (
    Rule(
        "site-writes-to-any-pod",
        "high",
        "give the primary a Service of its own and point WORDPRESS_DB_HOST at it",
        site_writes_to_any_pod,
    ),
    Rule(
        "writable-replicas",
        "high",
        "read_only=1 (super_read_only=1 on MySQL) on every replica, and no administrator for the site",
        writable_replicas,
    ),
    Rule("empty-password", "high", "give every database user a password from a Secret", empty_password),
    Rule("site-is-root", "high", "a user of its own with rights on its own schema", site_is_root),
    Rule(
        "asynchronous-replication",
        "medium",
        "semi-synchronous replication with a timeout that never falls back",
        asynchronous,
    ),
    Rule(
        "readiness-select-1",
        "high",
        "a replica is ready while both threads run and it is read-only; a primary when writable with its data",
        readiness_select_1,
    ),
    Rule(
        "liveness-ping",
        "medium",
        "a liveness probe that counts recovery and cloning as alive, or a startup probe",
        liveness_ping,
    ),
    Rule("database-without-readiness", "high", "a readiness probe that proves data and replication", no_probes),
    Rule("unsafe-applier", "medium", "relay_log_recovery=1 and relay_log_info_repository=TABLE", unsafe_applier),
    Rule("replica-gives-up", "medium", "SOURCE_RETRY_COUNT=86400, or GTIDs and a watchdog", replica_gives_up),
    Rule(
        "ordered-start",
        "medium",
        "podManagementPolicy: Parallel, and publishNotReadyAddresses on the headless Service",
        ordered_start,
    ),
    Rule("written-password", "medium", "take it from a Secret", written_password),
    Rule(
        "one-primary",
        "medium",
        "a failover (an operator or Group Replication), or know how long writes may be out",
        one_primary,
    ),
)
