"""delete-volume: delete volume claims of database pods with all their data, and the pods."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chaos.actions.action import Aim, Params, Undo, kubectl, on_its_cluster, wait_until
from chaos.actions.catch_clone import Filling, catch
from chaos.actions.delete_pod import delete_all
from chaos.actions.pods import await_enough, enough, has_enough, ordinal_of, uids_now, watch_enough
from chaos.actions.workload import rights_to, workload_of
from chaos.cluster.api import Object
from chaos.cluster.rights import Rights, may
from chaos.errors import ClusterError, StackError
from chaos.scenario.plan import CATCH_TIMEOUT_S
from chaos.stack.binding import Binding
from chaos.stack.roles import part
from chaos.stack.stack import Stack


@dataclass(frozen=True)
class _Disk:
    """A claim of the StatefulSet's, and the pod that stands on it; `pod_uid` is empty where there is none."""

    claim: str
    claim_uid: str
    pod: str
    pod_uid: str


class DeleteVolume:
    """Deletes the claims of `count` pods of the target, from `ordinal` on, and those pods, all at once.

    The claim goes first, without waiting: it lingers until its pod is gone, and the pod's successor gets a new one. A
    claim whose pod is not there (after a scale-down) is deleted alone. Nothing brings the data back.

    What was cut off between the two is put back by finishing it: else the disk would go with the pod's next restart.

    With `interrupt` the deletion is only the first half: `effect` waits until the new pod is being filled, then kills
    that pod (`itself`) or the primary. That is in `effect`, since whether there was a clone to be caught is an effect.
    """

    name = "delete-volume"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:
        interrupt, logged = bool(params.get("interrupt")), binding.database.provenance != "xtrabackup"
        return (
            *rights_to(binding, target, "get", self.name),
            *may("list get delete", "Pod", why=self.name),
            *may("list get delete", "PersistentVolumeClaim", why=self.name),
            *may("get", "PersistentVolume", why=f"{self.name}: whether the volume goes with its claim"),
            *(may("get", "Pod", sub="log", why=f"{self.name}: catching a clone") if interrupt and logged else ()),
        )

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        disks = _chosen(stack, target, params)
        for disk in disks:
            _refuse_retained(stack, disk)
        interrupt = params.get("interrupt") or ""
        before: dict[str, Any] = {
            "role": part(target),
            "claims": {disk.claim: disk.claim_uid for disk in disks},
            "pods": {disk.pod: disk.pod_uid for disk in disks if disk.pod_uid},
        }
        if interrupt:
            before["victim"] = _victim(stack, interrupt, disks)
        pods = [f"pod/{disk.pod}" for disk in disks if disk.pod_uid]
        if interrupt == "primary":
            pods.append(f"pod/{before['victim']['pod']}")
        return Aim(
            objects=(*pods, *(f"persistentvolumeclaim/{disk.claim}" for disk in disks)),
            before=before,
            undo=enough(stack, target) | {"claims": before["claims"], "pods": before["pods"]},
            detail=", ".join(
                f"claim {disk.claim}" + (f" and pod {disk.pod}" if disk.pod_uid else ", which has no pod")
                for disk in disks
            )
            + (f"; while it is filled again, {before['victim']['pod']} is killed" if interrupt else ""),
            params=params,
        )

    def inject(self, stack: Stack, aim: Aim) -> None:
        for claim, uid in aim.before["claims"].items():
            if not stack.api.delete_exactly("PersistentVolumeClaim", claim, uid):
                raise ClusterError(f"delete-volume: claim {claim} was gone or replaced before it could be deleted")
        if aim.before["pods"]:
            delete_all(stack, self.name, aim.before["pods"], None)

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        claims, pods = aim.before["claims"], aim.before["pods"]
        interrupted = _interrupt(stack, aim) if "victim" in aim.before else _Interrupted(caught=True)
        with_pod = {ordinal_of(pod) for pod in pods}
        # Of a new pod that was killed as well, the successor is looked for.
        to_be_replaced = pods | interrupted.killed
        now: dict[str, str] = {}

        def renewed() -> bool:
            for claim in claims:
                item = stack.api.get("PersistentVolumeClaim", claim)
                now[claim] = str(item["metadata"]["uid"]) if item else "gone"
            now.update(uids_now(stack, to_be_replaced))
            new = all(now[pod] not in {uid, "gone"} for pod, uid in to_be_replaced.items())
            return new and all(
                now[claim] != uid and (now[claim] != "gone") == (ordinal_of(claim) in with_pod)
                for claim, uid in claims.items()
            )

        happened = wait_until(renewed, timeout_s)
        found = {f"uid of claim {claim}": [uid, now.get(claim, uid)] for claim, uid in claims.items()}
        found |= {f"uid of pod/{pod}": [uid, now.get(pod, uid)] for pod, uid in pods.items()}
        found |= {f"uid of the killed pod/{pod}": [uid, now.get(pod, uid)] for pod, uid in interrupted.killed.items()}
        return happened and interrupted.caught, found | interrupted.seen

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        for claim in doomed(stack, undo):
            _finish(stack, undo, claim, deadline)
        await_enough(stack, undo, max(deadline - time.monotonic(), 0.0))

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:
        # Which pods are to be deleted only a look can tell: those of claims that are `Terminating`.
        claims = undo.get("claims") or ()
        look = (kubectl(namespace, "get", "pvc", "--ignore-not-found", *claims),) if claims else ()
        return (*look, *watch_enough(undo, namespace))


def doomed(stack: Stack, undo: Undo) -> list[str]:
    """The claims that the action has deleted and that are there still, since a pod stands on them; the last one first.

    A record of an older hachaos knows of none. Raises ClusterError when the cluster does not answer.
    """
    claims: dict[str, str] = undo.get("claims") or {}
    return sorted((name for name, uid in claims.items() if _is_doomed(stack, name, uid)), key=ordinal_of, reverse=True)


def _is_doomed(stack: Stack, claim: str, uid: str) -> bool:
    item = stack.api.get("PersistentVolumeClaim", claim)
    return item is not None and item["metadata"]["uid"] == uid and "deletionTimestamp" in item["metadata"]


def _finish(stack: Stack, undo: Undo, claim: str, deadline: float) -> None:
    """Delete the pod of a doomed claim and wait until the claim is gone, until `deadline` (of `time.monotonic`).

    The pod goes only while as many are ready as before, so that its successor can be filled from another. Raises
    ClusterError with the command that is left.
    """
    pod = f"{undo['controller'].partition('/')[2]}-{ordinal_of(claim)}"
    left = (
        f"delete-volume: claim {claim} is deleted as soon as its pod {pod} ends, and {{}}: "
        f"{on_its_cluster(stack, kubectl(stack.api.namespace, 'delete', 'pod', pod))} is left to do"
    )

    def until(condition: Callable[[], bool], problem: str) -> None:
        if not wait_until(condition, max(deadline - time.monotonic(), 0.0)):
            raise ClusterError(left.format(problem))

    uid = undo["pods"].get(pod, "")
    metadata = (stack.api.get("Pod", pod) or {}).get("metadata", {})
    if metadata.get("uid") == uid and "deletionTimestamp" not in metadata:
        if undo["ready"] < 2:
            raise ClusterError(left.format("no other pod has its data, which can still be saved"))
        until(lambda: has_enough(stack, undo), f"fewer than {undo['ready']} pods are ready to fill a new one from")
        stack.api.delete_exactly("Pod", pod, uid)
    until(lambda: not _is_doomed(stack, claim, undo["claims"][claim]), "that has not ended")


@dataclass(frozen=True)
class _Interrupted:
    """Whether a clone was caught and a pod killed in the middle of it; which pod by uid, and what was seen."""

    caught: bool
    killed: dict[str, str] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)


def _interrupt(stack: Stack, aim: Aim) -> _Interrupted:
    """Catch the new pod while it is being filled, and kill the victim."""
    ((claim, claim_uid),) = aim.before["claims"].items()
    ((pod, pod_uid),) = aim.before["pods"].items()
    victim = aim.before["victim"]
    filling = catch(stack, Filling(pod, pod_uid, claim, claim_uid), CATCH_TIMEOUT_S)
    if not filling.uid:
        return _Interrupted(False, seen={"clone": [f"caught none within {CATCH_TIMEOUT_S:g} s", filling.seen]})
    itself = victim["pod"] == pod
    killed = {victim["pod"]: filling.uid if itself else victim["uid"]}
    delete_all(stack, DeleteVolume.name, killed, 0)
    clone = [f"of the new {pod}, caught after {filling.after_s:.1f} s", filling.seen]
    if not itself and filling.over(stack):
        return _Interrupted(False, killed, {"clone": [*clone, "was over before the primary was killed"]})
    return _Interrupted(True, killed, {"clone": clone})


def _chosen(stack: Stack, target: str, params: Params) -> list[_Disk]:
    """The claims that are meant, whether or not there is a pod on each. Raises StackError when there are too few."""
    kind, name, workload = workload_of(stack, DeleteVolume.name, target)
    templates = workload["spec"].get("volumeClaimTemplates") or ()
    if kind != "StatefulSet" or not templates:
        raise StackError(f"delete-volume: {kind} {name} makes no volume claims of its own")
    prefix = f"{templates[0]['metadata']['name']}-{name}-"
    pods = {pod.name: pod for pod in stack.pods(part(target))}
    disks = []
    for item in stack.api.list("PersistentVolumeClaim"):
        metadata = item["metadata"]
        ordinal = metadata["name"].removeprefix(prefix)
        if not metadata["name"].startswith(prefix) or not ordinal.isdigit() or "deletionTimestamp" in metadata:
            continue
        pod = pods.get(f"{name}-{ordinal}")
        role = pod.role if pod else _role_of_absent(stack, f"{name}-{ordinal}")
        if target in (part(target), role) and not (pod and pod.terminating):
            disks.append(_Disk(metadata["name"], metadata["uid"], f"{name}-{ordinal}", pod.uid if pod else ""))
    disks.sort(key=lambda disk: ordinal_of(disk.claim))
    first, count = params.get("ordinal"), params.get("count") or 1
    if first is not None:
        disks = [disk for disk in disks if first <= ordinal_of(disk.claim) < first + count]
    if len(disks) < count:
        which = f" from ordinal {first} on" if first is not None else ""
        there = ", ".join(disk.claim for disk in disks) or "none"
        raise StackError(f"delete-volume: {count} claims of {target}{which} are wanted, and there are: {there}")
    return disks[:count]


def _role_of_absent(stack: Stack, pod: str) -> str:
    """The role of a pod that is not there: where only the server could tell, it takes no writes at least."""
    role = stack.binding.narrowest("database", pod, {})
    return "database/replica" if role == "database" else role


def _refuse_retained(stack: Stack, disk: _Disk) -> None:
    claim: Object = stack.api.get("PersistentVolumeClaim", disk.claim) or {}
    name = claim.get("spec", {}).get("volumeName")
    volume = stack.api.get("PersistentVolume", name) if name else None
    if volume is not None and volume["spec"].get("persistentVolumeReclaimPolicy") == "Retain":
        raise StackError(
            f"delete-volume: volume {name} of claim {disk.claim} has the reclaim policy Retain: its data would stay",
            hint=f'kubectl patch pv {name} -p \'{{"spec":{{"persistentVolumeReclaimPolicy":"Delete"}}}}\' lets it go',
        )


def _victim(stack: Stack, interrupt: str, disks: list[_Disk]) -> dict[str, str]:
    """The pod that is to be killed while the new one is filled. Raises StackError when there is no such thing."""
    if len(disks) != 1 or not disks[0].pod_uid:
        raise StackError("delete-volume: `interrupt` needs one claim, with a pod on it")
    if stack.binding.database.provenance == "none":
        raise StackError(
            "delete-volume: `interrupt` needs a database of which it is known how a clone looks",
            hint="the binding's database.provenance says it",
        )
    if interrupt == "itself":
        return {"pod": disks[0].pod, "uid": disks[0].pod_uid}
    primary = next((pod for pod in stack.pods("database/primary") if not pod.terminating), None)
    if primary is None:
        raise StackError("delete-volume: there is no primary to be killed")
    if primary.name == disks[0].pod:
        raise StackError(
            f"delete-volume: {primary.name} is the primary itself", hint="interrupt: itself kills it while it is filled"
        )
    return {"pod": primary.name, "uid": primary.uid}
