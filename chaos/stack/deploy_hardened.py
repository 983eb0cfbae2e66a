"""The hardened stack's deployment: apply what is there or not, wait for its parts side by side, install."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from chaos.cluster.api import Api, Object
from chaos.errors import StackError
from chaos.progress import Task
from chaos.stack import credentials, install
from chaos.stack.profile import fill_in
from chaos.stack.roles import Controller
from chaos.stack.rollout import Rollout, wait_for
from chaos.stack.stack import service_address

# What the manifests leave open.
_DATABASE_SETTINGS = "mysql"
_BOOTSTRAP = "BOOTSTRAP"
_VOLUME = "wordpress-uploads"


def deploy(rollout: Rollout, objects: list[Object], version: str) -> None:
    """Bring the stack that these objects describe to where it is deployed and installed.

    Raises StackError or ClusterError when a part does not come up.
    """
    _Deployment(rollout, objects, version).run()


def is_starting(api: Api) -> bool:
    """Whether an empty database may still be started: a deployment that did not come to its end."""
    settings = api.get("ConfigMap", _DATABASE_SETTINGS)
    return settings is not None and settings.get("data", {}).get(_BOOTSTRAP) == "yes"


class _Deployment:
    """One pass over a stack that is not sound: apply, wait, install."""

    def __init__(self, rollout: Rollout, objects: list[Object], version: str) -> None:
        self._rollout, self._objects, self._version = rollout, objects, version
        self._api, self._profile, self._progress = rollout.api, rollout.profile, rollout.progress

    def run(self) -> None:
        with self._progress.task("stack: apply the manifests") as task:
            self._rollout.own_namespace(task)
            self._own_secrets()
            self._settle_bootstrap()
            site = self._apply_all_but_site(task)
        with ThreadPoolExecutor(2) as pool:
            try:
                _all_of(pool.submit(self._rollout.await_part, "database"), pool.submit(self._start_site, site))
            finally:
                # Whatever ends the wait, Ctrl-C too, ends both.
                self._rollout.stop.set()
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
        self._rollout.complete(self._version)

    def _own_secrets(self) -> None:
        data_is_there = bool(self._api.list("PersistentVolumeClaim", self._profile.controller("database").selector))
        if data_is_there and self._api.get("Secret", "mysql") is None:
            raise StackError(
                f"namespace {self._api.namespace} has the database's volumes but not the Secret `mysql` that they "
                "were made with",
                hint="put the Secret back, or let hachaos stack delete remove the data as well",
            )
        credentials.ensure(self._api)

    def _settle_bootstrap(self) -> None:
        """Allow empty databases to be started only where there never was one.

        The flag of a stack that is there is kept: `yes` when it was killed in the middle of its bootstrap.
        """
        there = self._api.get("ConfigMap", _DATABASE_SETTINGS)
        volumes = self._api.list("PersistentVolumeClaim", self._profile.controller("database").selector)
        fresh = there is None and not volumes
        value = "yes" if fresh or is_starting(self._api) else "no"
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
        objects = [item for item in self._objects if item["kind"] != "Namespace" and not self._rollout.is_given(item)]
        site = _take(objects, self._profile.controller("site"))
        service = next(item for item in objects if _is(item, "Service", files.service))
        volume = self._api.get("PersistentVolume", _VOLUME)
        if volume is not None and volume.get("status", {}).get("phase") in ("Released", "Failed"):
            # Its claim is gone for good. The volume holds an address, no data.
            self._api.delete("PersistentVolume", _VOLUME)
            wait_for(lambda: self._api.get("PersistentVolume", _VOLUME) is None, f"the end of volume {_VOLUME}", task)
            volume = None
        if volume is not None and self._api.get("Service", files.service) is None:
            # The volume's address can't be changed any more, so the Service must have the same one again.
            service["spec"]["clusterIP"] = volume["spec"]["nfs"]["server"]
        objects.remove(service)
        address = self._api.apply(service)["spec"]["clusterIP"]
        fill_in(objects, {("PersistentVolume", _VOLUME): (("spec", "nfs", "server"), address)})
        task.update(f"{len(objects)} objects")
        with ThreadPoolExecutor(4) as pool:
            _all_of(*[pool.submit(self._rollout.apply, item) for item in _in_order(objects)])
        return site

    def _start_site(self, site: Object) -> None:
        self._rollout.await_part("files")
        self._rollout.apply(site)
        self._rollout.await_part("site")


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
