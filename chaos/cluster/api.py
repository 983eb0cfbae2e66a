"""The cluster's API as hachaos uses it: few verbs, plain dicts, a deadline on every call."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from websocket import WebSocket

from chaos.cluster import channel, configuration
from chaos.cluster.answer import ApiRefused, NoAnswer, items_of
from chaos.cluster.channel import Output
from chaos.cluster.fence import Fence, Fenced
from chaos.cluster.kinds import Object, Objects, path_of
from chaos.cluster.link import CALL_TIMEOUT_S, Link, Request
from chaos.cluster.watch import Change, Watch

__all__ = [
    "CALL_TIMEOUT_S",
    "Api",
    "ApiRefused",
    "Fenced",
    "Link",
    "Object",
    "Objects",
    "Output",
    "connect",
    "connect_in_cluster",
]

_MANAGED = {"fieldManager": "hachaos"}


def connect(kubeconfig: Path, *, context: str | None = None) -> Api:
    """The API of the cluster that a kubeconfig names. Raises ClusterError when the file can't be used.

    The file, and the token file or helper program that it names, are read once more when the API server takes the
    credentials no longer.
    """
    return Api(Link(partial(configuration.of_kubeconfig, kubeconfig, context)))


def connect_in_cluster() -> Api:
    """The API of the cluster in one of whose pods this process runs. Raises ClusterError outside of a pod."""
    return Api(Link(configuration.of_pod))


class Api:
    """Calls on one namespace of one cluster. Safe to use from many threads.

    Reads and idempotent writes are tried again with backoff and jitter, or as late as the API server asks for, when it
    cannot be reached or says that it is overloaded: for up to 90 s, and for 20 s while it has never answered at all.
    Every method raises ClusterError when it has no answer, and ApiRefused (a ClusterError) when the answer is an error.
    """

    def __init__(self, link: Link, namespace: str = "default", *, fence: Fence | None = None) -> None:
        self._link, self._fence = link, fence
        self.namespace = namespace

    def in_namespace(self, namespace: str) -> Api:
        """The same cluster, another namespace. A fence stays where it is."""
        return Api(self._link, namespace, fence=self._fence)

    def fenced(self, *, allow_nodes: bool = False) -> Api:
        """The same, but it changes nothing outside of its namespace: that raises Fenced and is not sent.

        Nor does it run commands in pods there, or forward their ports. `allow_nodes` lets through changes to nodes.
        """
        return Api(self._link, self.namespace, fence=Fence(self.namespace, allow_nodes=allow_nodes))

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self._link.configuration.host)

    def version(self) -> Object:
        """What the API server says of itself; `gitVersion` among it."""
        return self._call(Request("GET", "version"), again=True)

    def ping(self, timeout_s: float) -> None:
        """Ask for a sign of life, once. Raises ClusterError when there is none, or one of trouble.

        That the asker may not ask this is a sign of life.
        """
        try:
            self._link.send(Request("GET", "readyz"), timeout_s)
        except ApiRefused as error:
            if error.status == 401:
                raise

    def get(self, kind: str, name: str) -> Object | None:
        """One object, or None where there is none of that name: where the API says so, and nobody in between."""
        try:
            return self._call(Request("GET", self._path(kind, name)), again=True)
        except ApiRefused as error:
            if error.is_missing:
                return None
            raise

    def list(self, kind: str, selector: str = "") -> Objects:
        """All objects of a kind, or those that a label selector picks."""
        query = {"labelSelector": selector} if selector else {}
        return items_of(self._call(Request("GET", self._path(kind), query), again=True))

    def apply(self, manifest: Object) -> Object:
        """Server-side apply as field manager `hachaos`, forced: what the manifest says holds afterwards."""
        kind, metadata = manifest["kind"], manifest["metadata"]
        api = self.in_namespace(metadata["namespace"]) if "namespace" in metadata else self
        path, query = api._path(kind, metadata["name"]), _MANAGED | {"force": "true"}
        return self._call(Request("PATCH", path, query, manifest, "application/apply-patch+yaml"), again=True)

    def create(self, manifest: Object) -> Object:
        """Create an object. ApiRefused with status 409 when it is there already."""
        return self._call(Request("POST", self._path(manifest["kind"]), _MANAGED, manifest))

    def replace(self, manifest: Object) -> Object:
        """Put an object in place of the one whose resourceVersion it has. ApiRefused with 409 when that has changed."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        return self._call(Request("PUT", self._path(kind, name), _MANAGED, manifest))

    def patch(self, kind: str, name: str, body: Object, *, subresource: str = "") -> Object:
        """JSON merge patch of an object or of one of its subresources (`status`, `scale`)."""
        path = self._path(kind, name) + (f"/{subresource}" if subresource else "")
        return self._call(Request("PATCH", path, _MANAGED, body, "application/merge-patch+json"), again=True)

    def delete(self, kind: str, name: str, *, grace_s: int | None = None, orphan: bool = False) -> bool:
        """Ask for an object's deletion; False when it was not there. `orphan` keeps what the object owns.

        Sent once: a deletion whose answer is lost may meet the object's successor the second time.
        """
        body: Object = {"propagationPolicy": "Orphan" if orphan else "Background"}
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        try:
            self._call(Request("DELETE", self._path(kind, name), body=body))
        except ApiRefused as error:
            if error.is_missing:
                return False
            raise
        return True

    def delete_exactly(self, kind: str, name: str, uid: str, *, grace_s: int | None = None, version: str = "") -> bool:
        """As `delete`, but only the object of that uid; False when it is gone or another has its name.

        With `version` only while it has that resourceVersion. One that is gone after a try whose answer was lost counts
        as deleted: nobody can tell by whom.
        """
        body: Object = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        if version:
            body["preconditions"]["resourceVersion"] = version
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        try:
            self._call(Request("DELETE", self._path(kind, name), body=body), again=True)
        except ApiRefused as error:
            if error.is_missing or error.status == 409:
                return error.in_doubt and (error.status == 404 or not version)
            raise
        return True

    def evict(self, pod: str, uid: str) -> bool:
        """Evict the pod of that uid, as disruption budgets let it; False while one does not.

        True as well when it is gone, or another has its name. Raises ClusterError as all calls do.
        """
        body: Object = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": self.namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        try:
            self._call(Request("POST", self._path("Pod", pod) + "/eviction", body=body))
        except ApiRefused as error:
            if not error.is_missing and error.status != 409:
                raise
        except NoAnswer as error:
            if error.status != 429:
                raise
            return False
        return True

    def allows(self, attributes: Object) -> bool:
        """Whether the caller may do what a SelfSubjectAccessReview's `resourceAttributes` say."""
        path = "apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        return bool(self._call(Request("POST", path, body=review), again=True)["status"].get("allowed"))

    def logs(self, pod: str, container: str, *, tail: int | None = None, previous: bool = False) -> str:
        """A container's log, its last `tail` lines only if given."""
        query = {"container": container}
        if tail is not None:
            query["tailLines"] = str(tail)
        if previous:
            query["previous"] = "true"
        data = self._link.send(Request("GET", self._path("Pod", pod) + "/log", query), CALL_TIMEOUT_S)
        return data.decode(errors="replace")

    def execute(
        self, pod: str, container: str, command: Sequence[str], *, timeout_s: float, stdin: str | None = None
    ) -> Output:
        """Run a command in a container and wait for its end, `timeout_s` seconds at most.

        Raises ClusterError when it did not end in time (it may still be running there) or could not be started.
        """
        path = self._path("Pod", pod)
        self._require("exec", path)
        return channel.execute(self._link, path, container, command, timeout_s=timeout_s, stdin=stdin)

    def stream(self, pod: str, container: str, command: Sequence[str], *, timeout_s: float) -> Iterator[bytes]:
        """Standard output of a command in a container, in the pieces in which it comes.

        Raises ClusterError, while it is read, when the command fails or what has come is not the whole.
        """
        path = self._path("Pod", pod)
        self._require("exec", path)
        return channel.stream(self._link, path, container, command, timeout_s=timeout_s)

    def port_forward(self, pod: str, port: int) -> WebSocket:
        """A web socket that carries one connection to a pod's port (see `port_forward.py`).

        Raises ClusterError when the API server opens none.
        """
        path = self._path("Pod", pod)
        self._require("port-forward", f"{path}/portforward")
        return channel.to_port(self._link, path, port)

    def watch(self, kind: str, *, selector: str = "", stop: threading.Event) -> Iterator[Change]:
        """Yield (ADDED | MODIFIED | DELETED, object) until `stop` is set.

        Begins with what is there. An expired or broken watch is begun anew from a list, and what went away in between
        comes as DELETED; the consumer sees no gap but the delay. Raises nothing for an API server that is away: it
        goes on trying until `stop`.
        """
        return Watch(self._link, kind, self._path(kind), selector).changes(stop)

    def _path(self, kind: str, name: str = "") -> str:
        return path_of(kind, self.namespace, name)

    def _call(self, request: Request, *, again: bool = False) -> Object:
        if request.method != "GET":
            self._require(request.method, request.path)
        return self._link.call(request, again=again)

    def _require(self, verb: str, path: str) -> None:
        if self._fence is not None:
            self._fence.require(verb, path)
