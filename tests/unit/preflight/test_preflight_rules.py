"""Each rule holds for a manifest that has its risk, and does not for the same one without it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from chaos import paths
from chaos.preflight.objects import Objects, of_manifests
from chaos.preflight.risk import risks
from chaos.preflight.rules import RULES
from chaos.stack.profile import Profile

Object = dict[str, Any]
Change = Callable[["Draft"], None]

PUBLISHED, HARDENED = of_manifests(Profile.load("published")), of_manifests(Profile.load("hardened"))


class Draft:
    """A profile's objects to be changed."""

    def __init__(self, base: Objects) -> None:
        self.binding, self.items = base.binding, [copy.deepcopy(item) for item in base.items]

    def workload(self, part: str) -> Object:
        known = self.binding.controllers[part]
        return self.of(known.kind, known.name)

    def of(self, kind: str, name: str) -> Object:
        return next(each for each in self.items if (each["kind"], each["metadata"]["name"]) == (kind, name))

    def main(self, part: str) -> Object:
        found: list[Object] = self.workload(part)["spec"]["template"]["spec"]["containers"]
        return next(each for each in found if each["name"] == self.binding.controllers[part].container)

    def replace(self, old: str, new: str) -> None:
        """In everything that a container of the database runs."""
        spec = self.workload("database")["spec"]["template"]["spec"]
        there = False
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            for number, word in enumerate(container.get("command", ())):
                there = there or old in word
                container["command"][number] = word.replace(old, new)
        assert there, f"the manifests no longer hold {old!r}"

    def drop(self, kind: str) -> None:
        self.items = [item for item in self.items if item["kind"] != kind]

    def rules(self) -> set[str]:
        return {risk.rule for risk in risks(Objects(self.binding, tuple(self.items)), RULES)}


def replaced(old: str, new: str) -> Change:
    return lambda draft: draft.replace(old, new)


def put(part: str, **fields: Any) -> Change:
    """Put fields into the part's container; None takes one away."""

    def change(draft: Draft) -> None:
        body = draft.main(part)
        for key, value in fields.items():
            if value is None:
                body.pop(key, None)
            else:
                body[key] = value

    return change


def put_spec(part: str, **fields: Any) -> Change:
    return lambda draft: draft.workload(part)["spec"].update(fields)


def put_pod(part: str, **fields: Any) -> Change:
    return lambda draft: draft.workload(part)["spec"]["template"]["spec"].update(fields)


def put_volume(name: str, **fields: Any) -> Change:
    return lambda draft: draft.of("PersistentVolume", name)["spec"].update(fields)


def every_image(image: str) -> Change:
    def change(draft: Draft) -> None:
        for part in draft.binding.controllers:
            spec = draft.workload(part)["spec"]["template"]["spec"]
            for container in (*spec.get("initContainers", ()), *spec["containers"]):
                container["image"] = image

    return change


def each_container(**fields: Any) -> Change:
    def change(draft: Draft) -> None:
        for part in draft.binding.controllers:
            for container in draft.workload(part)["spec"]["template"]["spec"]["containers"]:
                container.update(fields)

    return change


def add(kind: str, spec: Object) -> Change:
    return lambda draft: draft.items.append({"kind": kind, "metadata": {"name": "added"}, "spec": spec})


def both(*changes: Change) -> Change:
    def change(draft: Draft) -> None:
        for each in changes:
            each(draft)

    return change


def configured(text: str) -> Change:
    return lambda draft: draft.of("ConfigMap", "mysql")["data"].update({"more.cnf": text})


def env(part: str, **values: str) -> Change:
    def change(draft: Draft) -> None:
        kept = [each for each in draft.main(part).get("env", []) if each["name"] not in values]
        draft.main(part)["env"] = [*kept, *({"name": name, "value": value} for name, value in values.items())]

    return change


def deployment_on_a_disk(draft: Draft) -> None:
    item = draft.workload("files")
    item["kind"] = "Deployment"
    item["spec"]["template"]["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]
    known = draft.binding.controllers["files"]
    controllers = dict(draft.binding.controllers) | {"files": type(known)(**{**vars(known), "kind": "Deployment"})}
    draft.binding = type(draft.binding)(**{**vars(draft.binding), "controllers": controllers})


SPREAD = [{"topologyKey": "kubernetes.io/hostname"}]
TEMPLATE = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]

MENDED: dict[str, Change] = {
    "ordinal-0-never-clones": replaced("[[ $ordinal -eq 0 ]] && exit 0", ""),
    "resumes-by-position": replaced("START SLAVE;", "CHANGE MASTER TO MASTER_USE_GTID=slave_pos; START SLAVE;"),
    "no-pipefail": replaced("set -ex", "set -exo pipefail"),
    "open-backup-port": replaced("exec ncat --listen", "exec serve-with-token"),
    "one-clone-at-a-time": replaced("--max-conns=1", "--max-conns=3"),
    "empty-slave-info": replaced("-f xtrabackup_slave_info", "-s xtrabackup_slave_info"),
    "one-donor": replaced("mysql-$(($ordinal-1)).mysql", "$(best-peer)"),
    "deaf-to-sigterm": replaced("set -ex", "set -ex; trap 'exit 0' TERM"),
    "site-writes-to-any-pod": env("site", WORDPRESS_DB_HOST="mysql-primary"),
    "writable-replicas": configured("[mysqld]\nread-only"),
    "asynchronous-replication": configured("[mysqld]\nrpl_semi_sync_master_enabled=1"),
    "unsafe-applier": configured("[mysqld]\nrelay_log_recovery=1"),
    "site-is-root": env("site", WORDPRESS_DB_USER="wordpress"),
    "empty-password": both(env("site", WORDPRESS_DB_PASSWORD="s3cret"), env("database", MYSQL_ALLOW_EMPTY_PASSWORD="")),
    "readiness-select-1": put("database", readinessProbe={"exec": {"command": ["check-replication"]}}),
    "liveness-ping": put("database", startupProbe={"tcpSocket": {"port": 3306}}),
    "ordered-start": put_spec("database", podManagementPolicy="Parallel"),
    "site-without-readiness": put("site", readinessProbe={"httpGet": {"path": "/", "port": 80}}),
    "site-recreate": put_spec("site", strategy={"type": "RollingUpdate"}),
    "site-one-pod": put_spec("site", replicas=3),
    "code-on-shared-files": put("site", volumeMounts=[]),
    "cut-off-requests": put("site", lifecycle={"preStop": {"exec": {"command": ["sleep", "3"]}}}),
    "files-single-point": put_spec("files", replicas=2),
    "files-without-probes": put("files", livenessProbe={"tcpSocket": {"port": 2049}}),
    "default-mount": put_volume("nfs", mountOptions=["hard", "timeo=50"]),
    "fixed-address": put_volume("nfs", nfs={"server": "files.example.com", "path": "/"}),
    "old-image": every_image("example.com/all:1.0"),
    "no-requests": each_container(resources={"requests": {"cpu": "1"}}),
    "no-memory-limit": each_container(resources={"limits": {"memory": "1Gi"}}),
    "no-disruption-budget": both(
        add("PodDisruptionBudget", {"selector": {"matchLabels": {"app": "mysql"}}}),
        add("PodDisruptionBudget", {"selector": {"matchLabels": {"app": "wordpress"}}}),
    ),
    "no-spread": both(
        put_pod("database", topologySpreadConstraints=SPREAD), put_pod("site", topologySpreadConstraints=SPREAD)
    ),
    "privileged": put("files", securityContext={}),
    "no-network-policy": add("NetworkPolicy", {}),
    "reclaim-delete": lambda draft: draft.of("StorageClass", "slow").update(reclaimPolicy="Retain"),
    "claims-kept": put_spec("database", persistentVolumeClaimRetentionPolicy={"whenScaled": "Retain"}),
}
"""What takes a risk of the published stack away."""

BROKEN: dict[str, Change] = {
    "state-moved-before-use": lambda draft: draft.of("ConfigMap", "mysql-scripts")["data"].update(
        {"bad.sh": "mv change_master_to.sql.in x\nmysql -e 'START SLAVE'"}
    ),
    "trailing-semicolon": lambda draft: draft.of("ConfigMap", "mysql-scripts")["data"].update(
        {"bad.sh": "$(<change_master_to.sql.orig), MASTER_HOST='a'"}
    ),
    "position-with-gtid": lambda draft: draft.of("ConfigMap", "mysql-scripts")["data"].update(
        {"bad.sh": "[[ `cat xtrabackup_binlog_info` =~ ^(.*?)[[:space:]]+(.*?)$ ]] || exit 1"}
    ),
    "two-file-servers-on-one-disk": deployment_on_a_disk,
    "database-without-readiness": put("database", readinessProbe=None),
    "claims-deleted": put_spec("database", persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"}),
    "replica-gives-up": put("database", image="mysql:8.4"),
    "written-password": env("site", WORDPRESS_DB_PASSWORD="hunter2"),
    "site-probe-of-a-port": put("site", readinessProbe={"tcpSocket": {"port": 80}}),
    "soft-mount": put_volume("wordpress-uploads", mountOptions=["soft"]),
    "untagged-image": put("site", image="wordpress"),
    "no-grace": put_pod("database", terminationGracePeriodSeconds=0),
    "database-without-volume": put_spec("database", volumeClaimTemplates=[]),
    "claim-without-class": put_spec("database", volumeClaimTemplates=TEMPLATE),
}
"""What gives the hardened stack a risk that it does not have."""


@pytest.mark.parametrize("rule", MENDED)
def test_a_risk_of_the_published_stack_goes_with_its_cause(rule: str) -> None:
    draft = Draft(PUBLISHED)
    assert rule in draft.rules()
    MENDED[rule](draft)
    assert rule not in draft.rules()


@pytest.mark.parametrize("rule", BROKEN)
def test_a_risk_comes_with_its_cause(rule: str) -> None:
    draft = Draft(HARDENED)
    assert rule not in draft.rules()
    BROKEN[rule](draft)
    assert rule in draft.rules()


REMAINING = {
    "files-single-point",
    "one-primary",
    "reclaim-delete",
    "fixed-address",
    "no-network-policy",
    "claims-kept",
}


def test_of_the_hardened_stack_only_what_is_explained_remains() -> None:
    assert Draft(HARDENED).rules() == REMAINING


def test_every_rule_is_tried_both_ways() -> None:
    assert {rule.id for rule in RULES} <= MENDED.keys() | BROKEN.keys() | {"one-primary"}
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_a_risk_names_the_line_of_the_manifest() -> None:
    found = {risk.rule: risk for risk in risks(PUBLISHED, RULES)}
    file, _, line = found["one-clone-at-a-time"].place.rpartition(":")
    assert file == "manifests/published/mysql-statefulset.yaml"
    assert (
        "--max-conns=1"
        in (paths.manifests() / "published" / "mysql-statefulset.yaml").read_text().splitlines()[int(line) - 1]
    )
    assert found["one-clone-at-a-time"].object == "StatefulSet/mysql"


def test_the_worst_come_first() -> None:
    severities = [risk.severity for risk in risks(PUBLISHED, RULES)]
    assert severities == sorted(severities, key=("high", "medium", "low").index)


def test_the_page_lists_every_rule() -> None:
    page = (paths.manifests().parent / "docs" / "preflight.md").read_text(encoding="utf-8")
    assert [rule.id for rule in RULES if f"| {rule.id} | {rule.severity} |" not in page] == []
