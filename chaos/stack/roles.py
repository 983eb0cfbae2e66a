"""The stack's parts by their roles, so that nothing above names a pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ROLES = ("database", "database/primary", "database/replica", "site", "files")
"""What a scenario may aim at. `database` is both of its sub-roles."""


@dataclass(frozen=True)
class Controller:
    """What keeps a part's pods alive, and where it answers: a workload, the pods' labels, the Service before them."""

    kind: str
    name: str
    selector: str
    service: str
    container: str


@dataclass(frozen=True)
class Pod:
    """One pod of the stack as it was when asked. `role` is the narrowest there is, e.g. `database/primary`.

    `ip` and `node` are empty while there is none; `terminating` = its deletion has begun.
    """

    name: str
    uid: str
    role: str
    node: str
    ip: str
    ready: bool
    terminating: bool


def deletes_volumes(workload: dict[str, Any]) -> bool:
    """Whether scaling a workload down deletes the claims, and with these the data, of the pods that go."""
    policy = workload["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get("whenScaled") == "Delete" and bool(workload["spec"].get("volumeClaimTemplates"))


def pod_of(item: dict[str, Any], role: str) -> Pod:
    """A pod as the API server gives it, as a Pod of `role`."""
    metadata, status = item["metadata"], item.get("status", {})
    conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        role=role,
        node=item["spec"].get("nodeName", ""),
        ip=status.get("podIP", ""),
        ready=conditions.get("Ready") == "True",
        terminating="deletionTimestamp" in metadata,
    )


def part(role: str) -> str:
    """The part that a role belongs to: `database/primary` -> `database`."""
    return role.split("/", maxsplit=1)[0]
