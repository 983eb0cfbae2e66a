"""Catches a new database pod while it is being filled from another one, which takes but a second or two."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from chaos.actions.action import wait_until
from chaos.cluster.api import ApiRefused, Object
from chaos.stack.stack import Stack

_LOOK_EVERY_S = 0.1
_BEGUN, _OVER = "-> CLONE", "in place: "
"""What the log of the hardened database's container says (manifests/hardened/mysql/start-mysql.sh and fill.sh)."""


@dataclass(frozen=True)
class Filling:
    """A pod's successor on a new claim. `uid`, `seen` and `after_s` are of the catch; `uid` is empty without one."""

    pod: str
    old_uid: str
    claim: str
    old_claim_uid: str
    uid: str = ""
    seen: str = ""
    after_s: float = 0.0

    def over(self, stack: Stack) -> bool:
        """Whether that very pod has been filled by now. Raises ClusterError when nobody can tell."""
        pod = stack.api.get("Pod", self.pod)
        if pod is None or pod["metadata"]["uid"] != self.uid:
            return False
        try:
            return _ready(pod) or not sign(stack, pod)
        except ApiRefused:  # no log without a container, which a pod that was filled still has
            return False


def catch(stack: Stack, filling: Filling, timeout_s: float) -> Filling:
    """Look each 0.1 s until the successor of `old_uid` is there, not ready, and shows the sign of a clone under way."""
    began = time.monotonic()
    found = replace(filling, seen="no new pod")

    def look() -> bool:
        nonlocal found
        pod = stack.api.get("Pod", filling.pod)
        if pod is None or pod["metadata"]["uid"] == filling.old_uid:
            return False
        if _ready(pod):
            found = replace(found, seen="the new pod was ready before a clone could be caught")
            return True
        found = replace(found, seen="a new pod, with no sign of a clone")
        try:
            said = sign(stack, pod)
        except ApiRefused as error:  # no log as long as there is no container
            found = replace(found, seen=f"a new pod, and nothing of a clone: {error}")
            return False
        claim = stack.api.get("PersistentVolumeClaim", filling.claim) if said else None
        if claim is None or claim["metadata"]["uid"] == filling.old_claim_uid:
            return False
        found = replace(found, uid=str(pod["metadata"]["uid"]), seen=said, after_s=time.monotonic() - began)
        return True

    wait_until(look, timeout_s, every_s=_LOOK_EVERY_S)
    return found


def sign(stack: Stack, pod: Object) -> str:
    """By what a pod shows that it is being filled right now; empty when it shows no such thing."""
    database = stack.binding.database
    if database.provenance == "xtrabackup":
        for each in pod.get("status", {}).get("initContainerStatuses", ()):
            if each["name"] == database.clone_log and "running" in each.get("state", {}):
                return f"init container {database.clone_log} is running"
        return ""
    container = stack.binding.controller("database").container
    lines = stack.api.logs(str(pod["metadata"]["name"]), container).splitlines()
    begun = next((line for line in lines if _BEGUN in line), "")
    return "" if any(_OVER in line for line in lines) else begun


def _ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
