"""Risks in the files that the site's pods share."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chaos.preflight.objects import Objects, replicas
from chaos.preflight.risk import Found, Rule

_ADDRESS = re.compile(r"[0-9]+([.][0-9]+){3}|fill-in.*")


def single_point(objects: Objects) -> Iterator[Found]:
    """One server has all of the files."""
    item = objects.part("files")
    if item and replicas(item) < 2:
        yield Found(
            item, ("spec", "replicas"), "one server has all shared files: while it is away, what needs them hangs"
        )


def two_on_one_disk(objects: Objects) -> Iterator[Found]:
    """A rolling update of a Deployment lets two servers have the disk."""
    item = objects.part("files")
    if item is None or item["kind"] != "Deployment" or item["spec"].get("strategy", {}).get("type") == "Recreate":
        return
    volumes = item["spec"]["template"]["spec"].get("volumes") or ()
    if any("persistentVolumeClaim" in each for each in volumes):
        reason = "a rolling Deployment on one disk: old and new server have it at once, or the new one waits for ever"
        yield Found(item, ("spec",), reason)


def no_probe(objects: Objects) -> Iterator[Found]:
    """Nobody notices a server that hangs."""
    found = objects.main("files")
    if found and "livenessProbe" not in found.body and "readinessProbe" not in found.body:
        yield Found(found.item, found.field, "no probes: a file server that hangs counts as well")


def fixed_address(objects: Objects) -> Iterator[Found]:
    """The volume names the server by an address."""
    for item in objects.of("PersistentVolume"):
        server = item["spec"].get("nfs", {}).get("server", "")
        if _ADDRESS.fullmatch(server):
            reason = "the address of the file server is written down: a Service that is made anew has another"
            yield Found(item, ("spec", "nfs", "server"), reason)


def soft_mount(objects: Objects) -> Iterator[Found]:
    """With soft a write that was acknowledged can get lost."""
    for item in objects.of("PersistentVolume"):
        if "nfs" in item["spec"] and "soft" in (item["spec"].get("mountOptions") or ()):
            reason = "mounted soft: what was written while the server was away is lost without a word"
            yield Found(item, ("spec", "mountOptions"), reason)


def default_mount(objects: Objects) -> Iterator[Found]:
    """Nobody chose how a mount behaves while the server is away."""
    for item in objects.of("PersistentVolume"):
        if "nfs" in item["spec"] and not item["spec"].get("mountOptions"):
            reason = "no mount options: clients ask again only after up to a minute when the server is back"
            yield Found(item, ("spec", "nfs"), reason)


RULES = (
    Rule(
        "files-single-point",
        "high",
        "replicated storage (or object storage for uploads), or know that this is what fails",
        single_point,
    ),
    Rule("two-file-servers-on-one-disk", "medium", "a StatefulSet, or strategy Recreate", two_on_one_disk),
    Rule("files-without-probes", "medium", "a probe that asks the NFS service for an answer", no_probe),
    Rule("soft-mount", "high", "mount hard, with a timeo of a few seconds", soft_mount),
    Rule("default-mount", "low", "say hard, timeo and retrans in mountOptions", default_mount),
    Rule("fixed-address", "low", "keep the Service, and its clusterIP, for as long as the volume lives", fixed_address),
)
