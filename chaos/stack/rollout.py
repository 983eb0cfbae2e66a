"""What every deployment does: own the namespace, apply objects, wait for parts, end pods and volumes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from chaos.cluster.api import Api, ApiRefused, Object
from chaos.errors import StackError
from chaos.progress import Progress, Task
from chaos.stack import unwell
from chaos.stack.profile import Profile
from chaos.stack.roles import Controller
from chaos.stack.stack import unready

_LOOK_EVERY_S = 0.25
_READY_TIMEOUT_S = 180.0
_GONE_TIMEOUT_S = 120.0
_FILES_TIMEOUT_S = 30.0
_OURS = {"app.kubernetes.io/part-of": "hachaos"}
_MANIFESTS = "hachaos/manifests"
"""Annotation of the namespace: the hash of the manifests that were last applied to it."""
_PROFILE = "hachaos/profile"
"""Annotation of the namespace: the profile that is deployed in it."""


class Rollout:
    """A profile's way onto a cluster. `stop` ends every wait for a part."""

    def __init__(self, api: Api, profile: Profile, progress: Progress) -> None:
        self.api, self.profile, self.progress = api, profile, progress
        self.stop = threading.Event()

    def own_namespace(self, task: Task) -> None:
        """Make the namespace, or find it ours. Raises StackError when it is somebody else's."""
        name = self.api.namespace
        found = self.api.get("Namespace", name)
        if found is not None and "deletionTimestamp" in found["metadata"]:
            wait_for(lambda: self.api.get("Namespace", name) is None, f"the end of namespace {name}", task)
            found = None
        if found is not None and not is_ours(found):
            raise StackError(
                f"namespace {name} is there and is not hachaos's",
                hint=f"kubectl label namespace {name} app.kubernetes.io/part-of=hachaos gives it to hachaos",
            )
        # Without the mark of the manifests: it comes back when all of them have been applied.
        self._mark({})

    def complete(self, version: str) -> None:
        """Mark the namespace: these manifests have been applied to it, and what they need was installed."""
        self._mark({_MANIFESTS: version})

    def _mark(self, annotations: dict[str, str]) -> None:
        annotations = {_PROFILE: self.profile.name} | annotations
        metadata = {"name": self.api.namespace, "labels": _OURS, "annotations": annotations}
        self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def is_given(self, item: Object) -> bool:
        """Whether the cluster has its own: a storage class can't be changed, and whoever made it knows why."""
        return item["kind"] == "StorageClass" and self.api.get("StorageClass", item["metadata"]["name"]) is not None

    def apply(self, item: Object) -> None:
        """Apply one object. Raises StackError when what is there cannot become it."""
        kind, name = item["kind"], item["metadata"]["name"]
        try:
            self.api.apply(item)
        except ApiRefused as error:
            if error.status != 422:
                raise
            raise StackError(
                f"{kind} {name} cannot be changed to what the manifest says: {error}",
                hint="hachaos stack delete, then hachaos stack deploy",
            ) from error

    def await_part(self, role: str) -> None:
        """Wait until all pods of a part are ready. Raises StackError with what they say."""
        controller = self.profile.controller(role)
        with self.progress.task(f"stack: {role} ready ({controller.kind} {controller.name})") as task:
            deadline = time.monotonic() + _READY_TIMEOUT_S
            while missing := unready(self.api, self.profile.binding, role):
                task.update(missing)
                if time.monotonic() >= deadline:
                    said = pods_say(self.api, controller)
                    raise StackError(
                        f"{role}: {missing} after {_READY_TIMEOUT_S:g} s\n{said}",
                        hint=f"kubectl -n {self.api.namespace} describe pods -l {controller.selector}",
                    )
                if self.stop.wait(_LOOK_EVERY_S):
                    raise StackError(f"{role}: {missing}; given up, as another part failed")

    def remove(self, task: Task) -> bool:
        """Take the stack away with all its data. False: was not there.

        The pods go at once and the files' server last: a pod whose NFS server is gone cannot be ended in good order.
        """
        api, profile = self.api, self.profile
        namespace = api.get("Namespace", api.namespace)
        if namespace is None:
            return False
        if not is_ours(namespace):
            raise StackError(f"namespace {api.namespace} is not hachaos's, so it is left alone")
        self._bring_files_back(task)
        _end_pods(api, [profile.controller("site"), profile.controller("database")], task)
        _end_pods(api, [profile.controller("files")], task)
        # The namespace's end looks again only every so many seconds for claims that were still in use at first.
        for claim in api.list("PersistentVolumeClaim"):
            api.delete("PersistentVolumeClaim", claim["metadata"]["name"])
        wait_for(lambda: not api.list("PersistentVolumeClaim"), "the end of the volume claims", task)
        api.delete("Namespace", api.namespace)
        wait_for(lambda: api.get("Namespace", api.namespace) is None, f"the end of namespace {api.namespace}", task)
        self.remove_volumes(task)
        return True

    def remove_volumes(self, task: Task) -> None:
        """Delete the profile's own volumes: they hold an address, no data. Raises StackError for those of others."""
        names = [item["metadata"]["name"] for item in self.profile.objects if item["kind"] == "PersistentVolume"]
        for name in names:
            found = self.api.get("PersistentVolume", name)
            if found is None:
                continue
            claim = found["spec"].get("claimRef") or {"namespace": self.api.namespace}
            if claim["namespace"] != self.api.namespace:
                raise StackError(f"PersistentVolume {name} is there and belongs to namespace {claim['namespace']}")
            self.api.delete("PersistentVolume", name)
        wait_for(
            lambda: all(self.api.get("PersistentVolume", name) is None for name in names),
            f"the end of volume {', '.join(names)}",
            task,
        )

    def _bring_files_back(self, task: Task) -> None:
        """Let a files' server that was stopped serve again for a moment: what hangs on its mounts could not end."""
        files = self.profile.controller("files")
        workload = self.api.get(files.kind, files.name)
        if workload is None or workload["spec"].get("replicas", 1) != 0:
            return
        self.api.patch(files.kind, files.name, {"spec": {"replicas": 1}}, subresource="scale")
        deadline = time.monotonic() + _FILES_TIMEOUT_S
        while unready(self.api, self.profile.binding, "files") and time.monotonic() < deadline:
            task.update("the files' server, so that its clients can end")
            time.sleep(_LOOK_EVERY_S)


def is_ours(namespace: Object) -> bool:
    """Whether hachaos made this namespace."""
    return bool(_OURS.items() <= (namespace["metadata"].get("labels") or {}).items())


def applied(namespace: Object) -> str:
    """The hash of the manifests that were applied to the namespace to the end; empty for none."""
    return str((namespace["metadata"].get("annotations") or {}).get(_MANIFESTS, ""))


def profile_of(namespace: Object) -> str:
    """The profile that is deployed in a namespace of ours."""
    return str((namespace["metadata"].get("annotations") or {}).get(_PROFILE, "hardened"))


def _end_pods(api: Api, controllers: list[Controller], task: Task) -> None:
    """End the controllers' pods without their grace periods; the controllers go first, or they would make new ones."""
    for controller in controllers:
        api.delete(controller.kind, controller.name, orphan=True)
        for replica_set in api.list("ReplicaSet", controller.selector):
            api.delete("ReplicaSet", replica_set["metadata"]["name"], orphan=True)

    def gone() -> bool:
        left = [item for controller in controllers for item in api.list("Pod", controller.selector)]
        for item in left:
            if item["metadata"].get("deletionGracePeriodSeconds", 30) > 1:
                api.delete_exactly("Pod", item["metadata"]["name"], item["metadata"]["uid"], grace_s=1)
        task.update(", ".join(item["metadata"]["name"] for item in left))
        return not left

    wait_for(gone, f"the end of the pods of {', '.join(controller.name for controller in controllers)}", task)


def pods_say(api: Api, controller: Controller) -> str:
    """What a controller's pods that are not well say, as indented lines."""
    lines = []
    for pod, (first, *rest) in unwell.said(api, controller.selector, controller.name).items():
        lines.append(f"  {pod}: {first}" if pod else f"  {first}")
        lines += [f"    {line}" for line in rest]
    return "\n".join(lines) or "  no pod said anything"


def wait_for(condition: Callable[[], bool], what: str, task: Task) -> None:
    """Wait until the condition holds. Raises StackError when it does not in two minutes."""
    deadline = time.monotonic() + _GONE_TIMEOUT_S
    while not condition():
        task.update(what)
        if time.monotonic() >= deadline:
            raise StackError(f"waited {_GONE_TIMEOUT_S:g} s for {what}")
        time.sleep(_LOOK_EVERY_S)


def is_controller(item: Object, controller: Controller) -> bool:
    """Whether an object of the manifests is this controller."""
    return bool((item["kind"], item["metadata"]["name"]) == (controller.kind, controller.name))
