"""The cluster's API as hachaos uses it: few verbs, plain dicts, a deadline on every call."""

from __future__ import annotations

import json
import random
import shlex
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import urllib3
from kubernetes import config as kubeconfig
from kubernetes.client import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject
from kubernetes.stream.ws_client import WSClient, create_websocket
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential
from websocket import WebSocket, WebSocketBadStatusException, WebSocketException, setdefaulttimeout

from chaos.cluster.fence import Fence, Fenced
from chaos.debug import LOG
from chaos.errors import ClusterError, Unreachable
from chaos.redact import know

__all__ = ["Api", "ApiRefused", "Fenced", "Object", "Objects", "Output", "connect", "connect_in_cluster"]

Object = dict[str, Any]
"""An object as the API server gives it."""

Objects = list[Object]
Changes = list[tuple[str, Object]]

FIELD_MANAGER = "hachaos"
CALL_TIMEOUT_S = 10.0
_RETRY_FOR_S = 20.0
_WATCH_S = 240
_CHANNEL_TIMEOUT_S = 10.0
_PORT_PROTOCOL = "v4.channel.k8s.io"

setdefaulttimeout(_CHANNEL_TIMEOUT_S)


class _Resource(NamedTuple):
    prefix: str
    plural: str
    namespaced: bool = True


_KINDS = {
    "ClusterRole": _Resource("apis/rbac.authorization.k8s.io/v1", "clusterroles", namespaced=False),
    "ClusterRoleBinding": _Resource("apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", namespaced=False),
    "ConfigMap": _Resource("api/v1", "configmaps"),
    "ControllerRevision": _Resource("apis/apps/v1", "controllerrevisions"),
    "Deployment": _Resource("apis/apps/v1", "deployments"),
    "EndpointSlice": _Resource("apis/discovery.k8s.io/v1", "endpointslices"),
    "Event": _Resource("api/v1", "events"),
    "Job": _Resource("apis/batch/v1", "jobs"),
    "Lease": _Resource("apis/coordination.k8s.io/v1", "leases"),
    "Namespace": _Resource("api/v1", "namespaces", namespaced=False),
    "NetworkPolicy": _Resource("apis/networking.k8s.io/v1", "networkpolicies"),
    "Node": _Resource("api/v1", "nodes", namespaced=False),
    "PersistentVolume": _Resource("api/v1", "persistentvolumes", namespaced=False),
    "PersistentVolumeClaim": _Resource("api/v1", "persistentvolumeclaims"),
    "Pod": _Resource("api/v1", "pods"),
    "PodDisruptionBudget": _Resource("apis/policy/v1", "poddisruptionbudgets"),
    "ReplicaSet": _Resource("apis/apps/v1", "replicasets"),
    "Role": _Resource("apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": _Resource("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "Secret": _Resource("api/v1", "secrets"),
    "Service": _Resource("api/v1", "services"),
    "ServiceAccount": _Resource("api/v1", "serviceaccounts"),
    "StatefulSet": _Resource("apis/apps/v1", "statefulsets"),
    "StorageClass": _Resource("apis/storage.k8s.io/v1", "storageclasses", namespaced=False),
}


def resource_of(kind: str) -> tuple[str, str, bool]:
    """API group (`""` is the core's) and plural of a kind, and whether it belongs to namespaces."""
    resource = _KINDS[kind]
    _, group, *version = resource.prefix.split("/")
    return group if version else "", resource.plural, resource.namespaced


@dataclass(frozen=True)
class Output:
    """What a command in a pod came to: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


class ApiRefused(ClusterError):
    """The API server answered, and the answer was no. `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Unreachable(Unreachable):
    """No answer, or one that says to come back later: worth another try where trying twice is safe.

    `status` is the HTTP status; 0 without an answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def connect(kubeconfig_path: Path, *, context: str | None = None) -> Api:
    """The API of the cluster that a kubeconfig names. Raises ClusterError when the file can't be used."""
    configuration = Configuration()
    try:
        kubeconfig.load_kube_config(
            config_file=str(kubeconfig_path), context=context, client_configuration=configuration
        )
    except (kubeconfig.ConfigException, OSError) as error:
        raise ClusterError(
            f"{kubeconfig_path}: {error}", hint="is it a kubeconfig, and is the context in it?"
        ) from error
    configuration.connection_pool_maxsize = 32
    return Api(configuration)


def connect_in_cluster() -> Api:
    """The API of the cluster in one of whose pods this process runs. Raises ClusterError outside of a pod."""
    configuration = Configuration()
    try:
        kubeconfig.load_incluster_config(client_configuration=configuration)
    except (kubeconfig.ConfigException, OSError) as error:
        raise ClusterError(
            f"this is no pod with a service account: {error}", hint="--context NAME is for a cluster from outside of it"
        ) from error
    configuration.connection_pool_maxsize = 32
    return Api(configuration)


class Api:
    """Calls on one namespace of one cluster. Safe to use from many threads.

    Reads and idempotent writes are tried again with backoff and jitter for up to 20 s when the API server cannot be
    reached or says that it is overloaded. Every method raises ClusterError when it has no answer, and ApiRefused (a
    ClusterError) when the answer is an error.
    """

    def __init__(
        self,
        configuration: Configuration,
        namespace: str = "default",
        *,
        rest: RESTClientObject | None = None,
        fence: Fence | None = None,
    ) -> None:
        self._configuration = configuration
        self._rest = rest or RESTClientObject(configuration)
        self._fence = fence
        self.namespace = namespace

    def in_namespace(self, namespace: str) -> Api:
        """The same cluster, another namespace. A fence stays where it is."""
        return Api(self._configuration, namespace, rest=self._rest, fence=self._fence)

    def fenced(self, *, allow_nodes: bool = False) -> Api:
        """The same, but it changes nothing outside of its namespace: that raises Fenced and is not sent.

        Nor does it run commands in pods there, or forward their ports. `allow_nodes` lets through changes to nodes, and
        the evictions of pods that draining one takes.
        """
        fence = Fence(self.namespace, allow_nodes=allow_nodes)
        return Api(self._configuration, self.namespace, rest=self._rest, fence=fence)

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self._configuration.host)

    def version(self) -> Object:
        """What the API server says of itself; `gitVersion` among it."""
        return self._call("GET", "version", again=True)

    def get(self, kind: str, name: str) -> Object | None:
        """One object, or None where there is none of that name."""
        try:
            return self._call("GET", self._path(kind, name), again=True)
        except ApiRefused as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, selector: str = "") -> Objects:
        """All objects of a kind, or those that a label selector picks."""
        query = {"labelSelector": selector} if selector else {}
        items: Objects = self._call("GET", self._path(kind), query, again=True)["items"]
        return items

    def apply(self, manifest: Object) -> Object:
        """Server-side apply as field manager `hachaos`, forced: what the manifest says holds afterwards."""
        kind, metadata = manifest["kind"], manifest["metadata"]
        api = self.in_namespace(metadata["namespace"]) if "namespace" in metadata else self
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        path = api._path(kind, metadata["name"])
        return self._call("PATCH", path, query, manifest, "application/apply-patch+yaml", again=True)

    def create(self, manifest: Object) -> Object:
        """Create an object. ApiRefused with status 409 when it is there already."""
        return self._call("POST", self._path(manifest["kind"]), {"fieldManager": FIELD_MANAGER}, manifest)

    def replace(self, manifest: Object) -> Object:
        """Put an object in place of the one whose resourceVersion it has. ApiRefused with 409 when that has changed."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        return self._call("PUT", self._path(kind, name), {"fieldManager": FIELD_MANAGER}, manifest)

    def patch(self, kind: str, name: str, body: Object, *, subresource: str = "") -> Object:
        """JSON merge patch of an object or of one of its subresources (`status`, `scale`)."""
        path = self._path(kind, name) + (f"/{subresource}" if subresource else "")
        query = {"fieldManager": FIELD_MANAGER}
        return self._call("PATCH", path, query, body, "application/merge-patch+json", again=True)

    def delete(self, kind: str, name: str, *, grace_s: int | None = None, orphan: bool = False) -> bool:
        """Ask for an object's deletion; False when it was not there. `orphan` keeps what the object owns.

        Sent once: a deletion whose answer is lost may meet the object's successor the second time.
        """
        body: Object = {"propagationPolicy": "Orphan" if orphan else "Background"}
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        try:
            self._call("DELETE", self._path(kind, name), body=body)
        except ApiRefused as error:
            if error.status == 404:
                return False
            raise
        return True

    def delete_exactly(self, kind: str, name: str, uid: str, *, grace_s: int | None = None, version: str = "") -> bool:
        """As `delete`, but only the object of that uid; False when it is gone or another has its name.

        With `version` only while it has that resourceVersion.
        """
        body: Object = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        if version:
            body["preconditions"]["resourceVersion"] = version
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        try:
            self._call("DELETE", self._path(kind, name), body=body, again=True)
        except ApiRefused as error:
            if error.status in (404, 409):
                return False
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
            self._call("POST", self._path("Pod", pod) + "/eviction", body=body)
        except ApiRefused as error:
            if error.status not in (404, 409):
                raise
        except _Unreachable as error:
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
        return bool(self._call("POST", path, body=review, again=True)["status"].get("allowed"))

    def logs(self, pod: str, container: str, *, tail: int | None = None, previous: bool = False) -> str:
        """A container's log, its last `tail` lines only if given."""
        query = {"container": container}
        if tail is not None:
            query["tailLines"] = str(tail)
        if previous:
            query["previous"] = "true"
        response = self._send("GET", self._path("Pod", pod) + "/log", query, None, "", CALL_TIMEOUT_S)
        return bytes(response.data).decode(errors="replace")

    def execute(
        self, pod: str, container: str, command: Sequence[str], *, timeout_s: float, stdin: str | None = None
    ) -> Output:
        """Run a command in a container and wait for its end, `timeout_s` seconds at most.

        Raises ClusterError when it did not end in time (it may still be running there) or could not be started.
        """
        query = [("container", container), ("stdout", "true"), ("stderr", "true")]
        query += [("stdin", "true")] if stdin is not None else []
        query += [("command", word) for word in command]
        path = self._path("Pod", pod)
        self._require("exec", path)
        url = f"{self._configuration.host}/{path}/exec?{urlencode(query)}".replace("http", "ws", 1)
        what = f"{command[0]} in {pod}/{container}"
        LOG.debug("exec in %s/%s, %g s at most: %s", pod, container, timeout_s, shlex.join(command))
        try:
            channel = WSClient(self._configuration, url, self._authorization(), capture_all=False)
        except (ApiException, WebSocketException, OSError) as error:
            raise ClusterError(f"{what}: {getattr(error, 'reason', None) or error}") from error
        try:
            if stdin is not None:
                channel.write_stdin(stdin)
            channel.run_forever(timeout=timeout_s)
            if channel.is_open():
                raise ClusterError(f"{what}: no end after {timeout_s:g} s")
            return Output(int(channel.returncode), channel.read_channel(1), channel.read_channel(2))
        except ValueError as error:
            # The client wants the exit code where kubelet says why nothing was started.
            said = str(error).partition("base 10: ")[2].strip("'\"") or str(error)
            raise ClusterError(f"{what}: {said}") from error
        except (ApiException, WebSocketException, OSError, LookupError, TypeError) as error:
            raise ClusterError(f"{what}: the connection broke: {error}") from error
        finally:
            channel.close(timeout=1)
            # `close` leaves the socket open when the other side was the first to say goodbye.
            channel.sock.shutdown()

    def port_forward(self, pod: str, port: int) -> WebSocket:
        """A web socket that carries one connection to a pod's port (see `port_forward.py`).

        Raises ClusterError when the API server opens none.
        """
        path = self._path("Pod", pod) + "/portforward"
        self._require("port-forward", path)
        url = f"{self._configuration.host}/{path}?ports={port}".replace("http", "ws", 1)
        headers = self._authorization() | {"sec-websocket-protocol": _PORT_PROTOCOL}
        LOG.debug("port-forward to %s, %d", pod, port)
        try:
            opened: WebSocket = create_websocket(self._configuration, url, headers)
        except WebSocketBadStatusException as error:
            said = _message(error.resp_body or b"") or str(error)
            raise ApiRefused(error.status_code, f"port-forward to {pod}: {error.status_code} {said}") from error
        except (WebSocketException, OSError) as error:
            raise ClusterError(f"port-forward to {pod}: {error}") from error
        return opened

    def watch(self, kind: str, *, selector: str = "", stop: threading.Event) -> Iterator[tuple[str, Object]]:
        """Yield (ADDED | MODIFIED | DELETED, object) until `stop` is set.

        Begins with what is there. An expired or broken watch is begun anew from a list, and what went away in between
        comes as DELETED; the consumer sees no gap but the delay. Raises nothing for an API server that is away: it
        goes on trying until `stop`.
        """
        known: dict[str, Object] = {}
        version = ""
        while not stop.is_set():
            try:
                if not version:
                    version, changes = self._relist(kind, selector, known)
                    yield from changes
                for change, item in self._watch_once(kind, selector, version, stop):
                    uid = item["metadata"].get("uid", "")
                    version = item["metadata"]["resourceVersion"]
                    if change == "BOOKMARK":
                        continue
                    if change == "DELETED":
                        known.pop(uid, None)
                    else:
                        known[uid] = item
                    yield change, item
            except ClusterError:
                version = ""
                stop.wait(0.2 + random.random())

    def _relist(self, kind: str, selector: str, known: dict[str, Object]) -> tuple[str, Changes]:
        query = {"labelSelector": selector} if selector else {}
        listed = self._call("GET", self._path(kind), query)
        there = {item["metadata"]["uid"]: item | {"kind": kind} for item in listed["items"]}
        changes = [("DELETED", item) for uid, item in known.items() if uid not in there]
        for uid, item in there.items():
            old = known.get(uid)
            if old is None:
                changes.append(("ADDED", item))
            elif old["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
                changes.append(("MODIFIED", item))
        known.clear()
        known.update(there)
        return listed["metadata"]["resourceVersion"], changes

    def _watch_once(
        self, kind: str, selector: str, version: str, stop: threading.Event
    ) -> Iterator[tuple[str, Object]]:
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = str(_WATCH_S)
        if selector:
            query["labelSelector"] = selector
        response = self._send("GET", self._path(kind), query, None, "", _WATCH_S + 30.0, stream=True)
        over = threading.Event()
        threading.Thread(target=_cut, args=(response, stop, over), daemon=True, name=f"watch-{kind}").start()
        try:
            rest = b""
            for chunk in response.stream(65536, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise _Unreachable(f"watch on {kind}: {event['object'].get('message', 'expired')}")
                    yield event["type"], event["object"]
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise _Unreachable(f"watch on {kind}: {error}") from error
        finally:
            over.set()
            response.close()

    def _path(self, kind: str, name: str = "") -> str:
        resource = _KINDS[kind]
        scope = f"namespaces/{self.namespace}/" if resource.namespaced else ""
        return f"{resource.prefix}/{scope}{resource.plural}" + (f"/{name}" if name else "")

    def _require(self, verb: str, path: str) -> None:
        if self._fence is not None:
            self._fence.require(verb, path)

    def _authorization(self) -> dict[str, str]:
        for key in ("BearerToken", "authorization"):
            token = self._configuration.get_api_key_with_prefix(key)
            if token:
                know(token.rpartition(" ")[2])
                return {"authorization": token}
        return {}

    def _call(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Object | None = None,
        content: str = "application/json",
        *,
        again: bool = False,
    ) -> Object:
        def once() -> Object:
            response = self._send(method, path, query or {}, body, content, CALL_TIMEOUT_S)
            answer: Object = json.loads(response.data)
            return answer

        if not again:
            return once()
        retrying = Retrying(
            retry=retry_if_exception_type(_Unreachable),
            wait=wait_random_exponential(multiplier=0.2, max=3),
            stop=stop_after_delay(_RETRY_FOR_S),
            reraise=True,
        )
        answer: Object = retrying(once)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Object | None,
        content: str,
        timeout_s: float,
        *,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        if method != "GET":
            self._require(method, path)
        headers = {"accept": "application/json"} | self._authorization()
        if content and body is not None:
            headers["content-type"] = content
        url = f"{self._configuration.host}/{path}" + (f"?{urlencode(query)}" if query else "")
        began = time.monotonic()
        try:
            response = self._rest.pool_manager.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=min(5.0, timeout_s), read=timeout_s),
                retries=False,
                preload_content=not stream,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            spent = time.monotonic() - began
            LOG.debug("%s %s: no answer, %.0f ms: %s", method, path, 1000 * spent, error)
            raise _Unreachable(
                f"{method} {path}: no answer from the API server after {spent:.1f} s: {error}"
            ) from error
        LOG.debug("%s %s: %d, %.0f ms", method, path, response.status, 1000 * (time.monotonic() - began))
        if response.status < 300:
            return response
        message = _message(response.data)
        response.release_conn()
        if response.status == 429 or response.status >= 500:
            raise _Unreachable(f"{method} {path}: {response.status} {message}", response.status)
        raise ApiRefused(response.status, f"{method} {path}: {response.status} {message}")


def _cut(response: urllib3.BaseHTTPResponse, stop: threading.Event, over: threading.Event) -> None:
    while not over.wait(0.1):
        if stop.is_set():
            response.shutdown()
            return


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, LookupError, TypeError):
        return data[:200].decode(errors="replace").strip()
