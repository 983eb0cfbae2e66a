"""Risks in where the data lies."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.preflight.objects import Object, Objects, replicas
from chaos.preflight.risk import Found, Rule
from chaos.stack.roles import deletes_volumes


def database_without_volume(objects: Objects) -> Iterator[Found]:
    """The data goes with the pod."""
    item = objects.part("database")
    if item and not item["spec"].get("volumeClaimTemplates"):
        yield Found(item, ("spec",), "no volumeClaimTemplates: the data goes with the pod")


def reclaim_delete(objects: Objects) -> Iterator[Found]:
    """Who deletes a claim deletes the data."""
    names = {name for _, name in _classes(objects)}
    for item in objects.of("StorageClass"):
        if item["metadata"]["name"] in names and item.get("reclaimPolicy", "Delete") == "Delete":
            said = ("reclaimPolicy",) if "reclaimPolicy" in item else ("metadata", "name")
            yield Found(item, said, "deleting a claim of the database deletes its data for good")


def claims_kept(objects: Objects) -> Iterator[Found]:
    """Known problem 13: a pod that comes back resumes on its old volume, however old that is."""
    item = objects.part("database")
    if item and replicas(item) > 1 and "persistentVolumeClaimRetentionPolicy" not in item["spec"]:
        reason = "nothing says what becomes of claims on scale-down; a pod that comes back begins with old data"
        yield Found(item, ("spec", "volumeClaimTemplates"), reason)


def claims_deleted(objects: Objects) -> Iterator[Found]:
    """Who scales it down deletes the data of the pods that go."""
    field = ("spec", "persistentVolumeClaimRetentionPolicy", "whenScaled")
    for part in objects.binding.controllers:
        item = objects.part(part)
        if item and deletes_volumes(item):
            yield Found(item, field, "a scale-down deletes the volumes of the pods that go, with their data")


def no_class(objects: Objects) -> Iterator[Found]:
    """Where the data goes depends on the cluster's default."""
    for item, number in _templates(objects):
        if item["spec"]["volumeClaimTemplates"][number]["spec"].get("storageClassName") is None:
            field = ("spec", "volumeClaimTemplates", number, "spec")
            yield Found(
                item, field, "the claim names no storage class: it takes the cluster's default, or stays Pending"
            )


def _templates(objects: Objects) -> Iterator[tuple[Object, int]]:
    item = objects.part("database")
    for number in range(len((item or {"spec": {}})["spec"].get("volumeClaimTemplates") or ())):
        if item:
            yield item, number


def _classes(objects: Objects) -> Iterator[tuple[Object, str]]:
    for item, number in _templates(objects):
        name = item["spec"]["volumeClaimTemplates"][number]["spec"].get("storageClassName")
        if name:
            yield item, name


RULES = (
    Rule("database-without-volume", "high", "a volumeClaimTemplate", database_without_volume),
    Rule("reclaim-delete", "medium", "reclaimPolicy: Retain, or backups that somebody has tried", reclaim_delete),
    Rule(
        "claims-kept",
        "low",
        "say persistentVolumeClaimRetentionPolicy, and have a pod that comes back late cloned anew",
        claims_kept,
    ),
    Rule("claims-deleted", "high", "whenScaled: Retain, and claims that nobody needs deleted by hand", claims_deleted),
    Rule("claim-without-class", "medium", "name the storage class", no_class),
)
