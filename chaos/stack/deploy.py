"""Brings a stack to where it is deployed, installed and verified, from wherever it is; and takes it away again."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from chaos.cluster.api import Api, ApiRefused, Object
from chaos.errors import StackError
from chaos.progress import Progress, Task
from chaos.stack import credentials, install, unwell
from chaos.stack.profile import Profile, fill_in
from chaos.stack.roles import Controller
from chaos.stack.stack import Stack, service_address, unready
from chaos.stack.verify import problems, verify

if TYPE_CHECKING:
    from chaos.cluster.target import Target

_LOOK_EVERY_S = 0.25
_READY_TIMEOUT_S = 180.0
_GONE_TIMEOUT_S = 120.0
_OURS = {"app.kubernetes.io/part-of": "hachaos"}
_MANIFESTS = "hachaos/manifests"
"""Annotation of the namespace: the hash of the manifests that were last applied to it."""

# What the manifests leave open.
_DATABASE_SETTINGS = "mysql"
_BOOTSTRAP = "BOOTSTRAP"
_VOLUME = "wordpress-uploads"


def ensure(target: Target, profile: Profile, progress: Progress) -> Stack:
    """The profile's stack on the target: deployed, installed and verified.

    A sound stack is used as it is; anything less is brought there by applying the manifests and waiting, so a kill at
    any moment is made good by the next call. Raises StackError that says what was waited for and what the pods said.
    """
    api = target.api.in_namespace(profile.namespace)
    objects = profile.manifests(local=target.local)
    version = hashlib.sha256(json.dumps(objects, sort_keys=True).encode()).hexdigest()[:16]
    with progress.task("stack: look at what is there"):
        found = _sound(api, profile, version, _local_cluster(target))
    if found is not None:
        return found
    _Deployment(api, profile, objects, version, progress).run()
    stack = attach(target, profile)
    with progress.task("stack: verify what every pod serves and holds") as task:
        verify(stack, task)
    return stack


def attach(target: Target, profile: Profile) -> Stack:
    """The stack that is there, without a look at its state. Raises StackError when none was ever installed."""
    api = target.api.in_namespace(profile.namespace)
    seed = install.seed_of(api)
    if seed is None:
        raise StackError(f"{target.name}: no stack is installed in namespace {api.namespace}", hint="hachaos stack up")
    return Stack(profile.binding, api, credentials.load(api), seed, _local_cluster(target))


def _local_cluster(target: Target) -> str:
    return target.name.removeprefix("local/") if target.local else ""


def _sound(api: Api, profile: Profile, version: str, local_cluster: str) -> Stack | None:
    namespace = api.get("Namespace", api.namespace)
    if namespace is None or _applied(namespace) != version or _bootstrapping(api):
        return None
    seed = install.seed_of(api)
    if seed is None:
        return None
    try:
        stack = Stack(profile.binding, api, credentials.load(api), seed, local_cluster)
        return stack if stack.ready("stack") and not problems(stack) else None
    except StackError:
        return None


def _applied(namespace: Object) -> str:
    return str(namespace["metadata"].get("annotations", {}).get(_MANIFESTS, ""))


def _bootstrapping(api: Api) -> bool:
    settings = api.get("ConfigMap", _DATABASE_SETTINGS)
    return settings is not None and settings.get("data", {}).get(_BOOTSTRAP) == "yes"


class _Deployment:
    """One pass over a stack that is not sound: apply, wait, install."""

    def __init__(self, api: Api, profile: Profile, objects: list[Object], version: str, progress: Progress) -> None:
        self._api, self._profile, self._progress = api, profile, progress
        self._objects, self._version = objects, version
        self._stop = threading.Event()

    def run(self) -> None:
        """Raises StackError or ClusterError when a part does not come up."""
        with self._progress.task("stack: apply the manifests") as task:
            self._own_namespace(task)
            self._own_secrets()
            self._settle_bootstrap()
            site = self._apply_all_but_site(task)
        with ThreadPoolExecutor(2) as pool:
            try:
                _all_of(pool.submit(self._await_part, "database"), pool.submit(self._start_site, site))
            finally:
                # Whatever ends the wait, Ctrl-C too, ends both.
                self._stop.set()
        self._end_bootstrap()
        with self._progress.task("stack: install WordPress and its seed content") as task:
            install.install(
                self._api,
                credentials.load(self._api),
                site=service_address(self._api, self._profile.controller("site").service),
                site_host=self._profile.binding.site.host,
                database=service_address(self._api, self._profile.controller("database").service),
                task=task,
            )
        self._apply_namespace({_MANIFESTS: self._version})

    def _own_namespace(self, task: Task) -> None:
        name = self._api.namespace
        found = self._api.get("Namespace", name)
        if found is not None and "deletionTimestamp" in found["metadata"]:
            _await(lambda: self._api.get("Namespace", name) is None, f"the end of namespace {name}", task)
            found = None
        if found is not None and not _OURS.items() <= found["metadata"].get("labels", {}).items():
            raise StackError(
                f"namespace {name} is there and is not hachaos's",
                hint=f"kubectl label namespace {name} app.kubernetes.io/part-of=hachaos gives it to hachaos",
            )
        # Without the mark of the manifests: it comes back when all of them have been applied.
        self._apply_namespace({})

    def _apply_namespace(self, annotations: dict[str, str]) -> None:
        metadata = {"name": self._api.namespace, "labels": _OURS, "annotations": annotations}
        self._api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def _own_secrets(self) -> None:
        data_is_there = bool(self._api.list("PersistentVolumeClaim", self._profile.controller("database").selector))
        if data_is_there and self._api.get("Secret", "mysql") is None:
            raise StackError(
                f"namespace {self._api.namespace} has the database's volumes but not the Secret `mysql` that they "
                "were made with",
                hint="put the Secret back, or let hachaos stack down remove the data as well",
            )
        credentials.ensure(self._api)

    def _settle_bootstrap(self) -> None:
        """Allow empty databases to be started only where there never was one.

        The flag of a stack that is there is kept: `yes` when it was killed in the middle of its bootstrap.
        """
        there = self._api.get("ConfigMap", _DATABASE_SETTINGS)
        volumes = self._api.list("PersistentVolumeClaim", self._profile.controller("database").selector)
        fresh = there is None and not volumes
        value = "yes" if fresh or _bootstrapping(self._api) else "no"
        for item in self._objects:
            if (item["kind"], item["metadata"]["name"]) == ("ConfigMap", _DATABASE_SETTINGS):
                item["data"][_BOOTSTRAP] = value

    def _end_bootstrap(self) -> None:
        self._api.patch("ConfigMap", _DATABASE_SETTINGS, {"data": {_BOOTSTRAP: "no"}})

    def _apply_all_but_site(self, task: Task) -> Object:
        """Apply everything; return the site's workload, which is applied once its files can be mounted.

        A pod that is there before its NFS server would fail to mount, and kubelet's next tries come ever later.
        """
        files = self._profile.controller("files")
        objects = [item for item in self._objects if item["kind"] != "Namespace" and not self._is_given(item)]
        site = _take(objects, self._profile.controller("site"))
        service = next(item for item in objects if _is(item, "Service", files.service))
        volume = self._api.get("PersistentVolume", _VOLUME)
        if volume is not None and volume.get("status", {}).get("phase") in ("Released", "Failed"):
            # Its claim is gone for good. The volume holds an address, no data.
            self._api.delete("PersistentVolume", _VOLUME)
            _await(lambda: self._api.get("PersistentVolume", _VOLUME) is None, f"the end of volume {_VOLUME}", task)
            volume = None
        if volume is not None and self._api.get("Service", files.service) is None:
            # The volume's address can't be changed any more, so the Service must have the same one again.
            service["spec"]["clusterIP"] = volume["spec"]["nfs"]["server"]
        objects.remove(service)
        address = self._api.apply(service)["spec"]["clusterIP"]
        fill_in(objects, {("PersistentVolume", _VOLUME): (("spec", "nfs", "server"), address)})
        task.update(f"{len(objects)} objects")
        with ThreadPoolExecutor(4) as pool:
            _all_of(*[pool.submit(self._apply, item) for item in _in_order(objects)])
        return site

    def _is_given(self, item: Object) -> bool:
        """Whether the cluster has its own: a storage class can't be changed, and whoever made it knows why."""
        return item["kind"] == "StorageClass" and self._api.get("StorageClass", item["metadata"]["name"]) is not None

    def _apply(self, item: Object) -> None:
        kind, name = item["kind"], item["metadata"]["name"]
        try:
            self._api.apply(item)
        except ApiRefused as error:
            if error.status != 422:
                raise
            raise StackError(
                f"{kind} {name} cannot be changed to what the manifest says: {error}",
                hint="hachaos stack down, then hachaos stack up",
            ) from error

    def _start_site(self, site: Object) -> None:
        self._await_part("files")
        self._apply(site)
        self._await_part("site")

    def _await_part(self, role: str) -> None:
        controller = self._profile.controller(role)
        with self._progress.task(f"stack: {role} ready ({controller.kind} {controller.name})") as task:
            deadline = time.monotonic() + _READY_TIMEOUT_S
            while missing := unready(self._api, self._profile.binding, role):
                task.update(missing)
                if time.monotonic() >= deadline:
                    said = pods_say(self._api, controller)
                    raise StackError(
                        f"{role}: {missing} after {_READY_TIMEOUT_S:g} s\n{said}",
                        hint=f"kubectl -n {self._api.namespace} describe pods -l {controller.selector}",
                    )
                if self._stop.wait(_LOOK_EVERY_S):
                    raise StackError(f"{role}: {missing}; given up, as another part failed")


def remove(target: Target, profile: Profile, progress: Progress) -> bool:
    """Take the stack away with all its data: its namespace and the volume that points into it. False: was not there.

    The pods go at once and the files' server last: a pod whose NFS server is gone cannot be ended in good order.
    """
    api = target.api.in_namespace(profile.namespace)
    with progress.task("stack: remove") as task:
        namespace = api.get("Namespace", api.namespace)
        if namespace is None:
            return False
        if not _OURS.items() <= namespace["metadata"].get("labels", {}).items():
            raise StackError(f"namespace {api.namespace} is not hachaos's, so it is left alone")
        _end_pods(api, [profile.controller("site"), profile.controller("database")], task)
        _end_pods(api, [profile.controller("files")], task)
        # The namespace's end looks again only every so many seconds for claims that were still in use at first.
        for claim in api.list("PersistentVolumeClaim"):
            api.delete("PersistentVolumeClaim", claim["metadata"]["name"])
        _await(lambda: not api.list("PersistentVolumeClaim"), "the end of the volume claims", task)
        api.delete("Namespace", api.namespace)
        _await(lambda: api.get("Namespace", api.namespace) is None, f"the end of namespace {api.namespace}", task)
        api.delete("PersistentVolume", _VOLUME)
        _await(lambda: api.get("PersistentVolume", _VOLUME) is None, f"the end of volume {_VOLUME}", task)
    return True


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

    _await(gone, f"the end of the pods of {', '.join(controller.name for controller in controllers)}", task)


def pods_say(api: Api, controller: Controller) -> str:
    """What a controller's pods that are not well say, as indented lines."""
    lines = []
    for pod, (first, *rest) in unwell.said(api, controller.selector, controller.name).items():
        lines.append(f"  {pod}: {first}" if pod else f"  {first}")
        lines += [f"    {line}" for line in rest]
    return "\n".join(lines) or "  no pod said anything"


def _await(condition: Callable[[], bool], what: str, task: Task) -> None:
    deadline = time.monotonic() + _GONE_TIMEOUT_S
    while not condition():
        task.update(what)
        if time.monotonic() >= deadline:
            raise StackError(f"waited {_GONE_TIMEOUT_S:g} s for {what}")
        time.sleep(_LOOK_EVERY_S)


def _all_of(*futures: Future[None]) -> None:
    """Wait for all of them, or for the first that fails, which raises."""
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()


def _is(item: Object, kind: str, name: str) -> bool:
    return (item["kind"], item["metadata"]["name"]) == (kind, name)


def _take(objects: list[Object], controller: Controller) -> Object:
    (found,) = [item for item in objects if _is(item, controller.kind, controller.name)]
    objects.remove(found)
    return found


def _in_order(objects: list[Object]) -> list[Object]:
    """Pods last: what they mount and how they are found should be there when they are."""
    workloads = ("StatefulSet", "Deployment")
    return sorted(objects, key=lambda item: item["kind"] in workloads)
