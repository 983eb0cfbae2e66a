"""The cluster's API as hachaos uses it: few verbs, plain dicts, a deadline on every call."""

from __future__ import annotations

import json
import random
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import urllib3
from kubernetes import config as kubeconfig
from kubernetes.client import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject
from kubernetes.stream import ws_client
from kubernetes.stream.ws_client import WSClient, create_websocket
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay, wait_random_exponential
from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

from chaos.cluster.fence import Fence, Fenced
from chaos.debug import LOG
from chaos.errors import ClusterError, Unreachable
from chaos.redact import know

__all__ = ["Api", "ApiRefused", "Fenced", "Object", "Objects", "Output", "connect", "connect_in_cluster"]

Object = dict[str, Any]
"""An object as the API server gives it."""

_Opened = TypeVar("_Opened")

Objects = list[Object]
Changes = list[tuple[str, Object]]

FIELD_MANAGER = "hachaos"
CALL_TIMEOUT_S = 10.0

_RETRY_FOR_S = 90.0
"""How long a call is tried again on a cluster that has answered before: it is expected to come back."""

_REACH_FOR_S = 20.0
"""How long it is on a cluster that has never answered: it may not be there at all."""

_BODY_S = 30.0
"""How long an answer may take to arrive, from its request on, once it has begun."""

_WATCH_S = 240
_SILENT_S = 100.0
"""A watch that brings nothing for so long, not even the bookmark of each minute, is taken to be dead."""

_LONGEST_PAUSE_S = 3.0
_CHANNEL_TIMEOUT_S = 10.0
_PORT_PROTOCOL = "v4.channel.k8s.io"


class _Channel(WebSocket):
    """A channel on which no single step takes longer than `_CHANNEL_TIMEOUT_S`, connecting to it included."""

    def connect(self, url: str, **options: Any) -> None:
        super().connect(url, timeout=_CHANNEL_TIMEOUT_S, **options)  # type: ignore[no-untyped-call]


# The client makes its channels without any deadline, and has no way to be given one.
ws_client.WebSocket = _Channel  # type: ignore[attr-defined]


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
    """The API server answered, and the answer was no. `status` is the HTTP status.

    `reason` is the API's own word for it, such as `NotFound`; empty where it was not the API that said no. `in_doubt`
    = an earlier try of the same call had no answer, and may have been carried out.
    """

    def __init__(
        self, status: int, message: str, *, reason: str = "", in_doubt: bool = False, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status, self.reason, self.in_doubt = status, reason, in_doubt


class _Unreachable(Unreachable):
    """No answer, or one that says to come back later: worth another try where trying twice is safe.

    `status` is the HTTP status; 0 without an answer. `after_s`: not before so many seconds. `lost`: the request may
    have been carried out.
    """

    def __init__(self, message: str, status: int = 0, *, after_s: float = 0.0, lost: bool = True) -> None:
        super().__init__(message)
        self.status, self.after_s, self.lost = status, after_s, lost


def connect(kubeconfig_path: Path, *, context: str | None = None) -> Api:
    """The API of the cluster that a kubeconfig names. Raises ClusterError when the file can't be used.

    The file, and the token file or helper program that it names, are read once more when the API server takes the
    credentials no longer.
    """

    def load() -> Configuration:
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
        return configuration

    configuration = load()
    return Api(configuration, link=Link(configuration, load))


class Link:
    """The connections to one API server, which all its Apis share, and the credentials on them.

    `load` reads the credentials anew.
    """

    def __init__(self, configuration: Configuration, load: Callable[[], Configuration] | None = None) -> None:
        self.configuration = configuration
        self.pool = RESTClientObject(configuration).pool_manager
        self.answered = False
        self._load, self._lock = load, threading.Lock()

    @property
    def patience_s(self) -> float:
        """How long a call is tried again."""
        return _RETRY_FOR_S if self.answered else _REACH_FOR_S

    def authorization(self) -> dict[str, str]:
        """The header that says who asks; none where a certificate does."""
        for key in ("BearerToken", "authorization"):
            token = self.configuration.get_api_key_with_prefix(key)
            if token:
                know(token.rpartition(" ")[2])
                return {"authorization": token}
        return {}

    def renew(self, used: dict[str, str]) -> bool:
        """Read the credentials anew, unless somebody has since `used` was sent; whether there are others now."""
        with self._lock:
            if self.authorization() == used and self._load is not None:
                try:
                    fresh = self._load()
                except ClusterError:
                    return False
                if fresh.api_key != self.configuration.api_key:
                    self.pool = RESTClientObject(fresh).pool_manager
                    self.configuration = fresh
            return self.authorization() != used


def connect_in_cluster() -> Api:
    """The API of the cluster in one of whose pods this process runs. Raises ClusterError outside of a pod."""

    def load() -> Configuration:
        configuration = Configuration()
        try:
            kubeconfig.load_incluster_config(client_configuration=configuration)
        except (kubeconfig.ConfigException, OSError) as error:
            raise ClusterError(
                f"this is no pod with a service account: {error}",
                hint="--context NAME is for a cluster from outside of it",
            ) from error
        configuration.connection_pool_maxsize = 32
        return configuration

    configuration = load()
    return Api(configuration, link=Link(configuration, load))


class Api:
    """Calls on one namespace of one cluster. Safe to use from many threads.

    Reads and idempotent writes are tried again with backoff and jitter, or as late as the API server asks for, when it
    cannot be reached or says that it is overloaded: for up to 90 s, and for 20 s while it has never answered at all.
    Every method raises ClusterError when it has no answer, and ApiRefused (a ClusterError) when the answer is an error.
    """

    def __init__(
        self,
        configuration: Configuration,
        namespace: str = "default",
        *,
        link: Link | None = None,
        fence: Fence | None = None,
    ) -> None:
        self._link = link or Link(configuration)
        self._fence = fence
        self.namespace = namespace

    def in_namespace(self, namespace: str) -> Api:
        """The same cluster, another namespace. A fence stays where it is."""
        return Api(self._link.configuration, namespace, link=self._link, fence=self._fence)

    def fenced(self, *, allow_nodes: bool = False) -> Api:
        """The same, but it changes nothing outside of its namespace: that raises Fenced and is not sent.

        Nor does it run commands in pods there, or forward their ports. `allow_nodes` lets through changes to nodes, and
        the evictions of pods that draining one takes.
        """
        fence = Fence(self.namespace, allow_nodes=allow_nodes)
        return Api(self._link.configuration, self.namespace, link=self._link, fence=fence)

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self._link.configuration.host)

    def version(self) -> Object:
        """What the API server says of itself; `gitVersion` among it."""
        return self._call("GET", "version", again=True)

    def ping(self, timeout_s: float) -> None:
        """Ask for a sign of life, once. Raises ClusterError when there is none, or one of trouble.

        That the asker may not ask this is a sign of life.
        """
        try:
            self._send("GET", "readyz", {}, None, "", timeout_s)
        except ApiRefused as error:
            if error.status == 401:
                raise

    def get(self, kind: str, name: str) -> Object | None:
        """One object, or None where there is none of that name: where the API says so, and nobody in between."""
        try:
            return self._call("GET", self._path(kind, name), again=True)
        except ApiRefused as error:
            if _is_missing(error):
                return None
            raise

    def list(self, kind: str, selector: str = "") -> Objects:
        """All objects of a kind, or those that a label selector picks."""
        query = {"labelSelector": selector} if selector else {}
        return _listed(self._call("GET", self._path(kind), query, again=True))

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
            if _is_missing(error):
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
            self._call("DELETE", self._path(kind, name), body=body, again=True)
        except ApiRefused as error:
            if _is_missing(error) or error.status == 409:
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
            self._call("POST", self._path("Pod", pod) + "/eviction", body=body)
        except ApiRefused as error:
            if not _is_missing(error) and error.status != 409:
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
        data = self._send("GET", self._path("Pod", pod) + "/log", query, None, "", CALL_TIMEOUT_S)
        return data.decode(errors="replace")

    def execute(
        self, pod: str, container: str, command: Sequence[str], *, timeout_s: float, stdin: str | None = None
    ) -> Output:
        """Run a command in a container and wait for its end, `timeout_s` seconds at most.

        Raises ClusterError when it did not end in time (it may still be running there) or could not be started.
        """
        query = [("container", container), ("stdout", "true"), ("stderr", "true")]
        query += [("stdin", "true")] if stdin is not None else []
        query += [("command", word) for word in command]
        path = f"{self._path('Pod', pod)}/exec"
        self._require("exec", self._path("Pod", pod))
        what = f"{command[0]} in {pod}/{container}"
        LOG.debug("exec in %s/%s, %g s at most: %s", pod, container, timeout_s, shlex.join(command))
        channel = self._channel(f"{path}?{urlencode(query)}", what)
        # A channel on which something comes all the time, or half of something, never looks at its deadline.
        over = threading.Timer(timeout_s + 1, _end, (channel.sock.sock,))
        over.daemon = True
        over.start()
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
            over.cancel()
            channel.close(timeout=1)
            # `close` leaves the socket open when the other side was the first to say goodbye.
            channel.sock.shutdown()

    def _channel(self, path: str, what: str) -> WSClient:
        """Connect to what runs a command. Raises ClusterError."""

        def opened(configuration: Configuration, url: str, authorization: dict[str, str]) -> WSClient:
            return WSClient(configuration, url, authorization, capture_all=False)

        try:
            return self._socket(path, opened)
        except (ApiException, WebSocketException, OSError) as error:
            raise ClusterError(f"{what}: {getattr(error, 'reason', None) or error}") from error

    def port_forward(self, pod: str, port: int) -> WebSocket:
        """A web socket that carries one connection to a pod's port (see `port_forward.py`).

        Raises ClusterError when the API server opens none.
        """
        path = self._path("Pod", pod) + "/portforward"
        self._require("port-forward", path)
        LOG.debug("port-forward to %s, %d", pod, port)

        def opened(configuration: Configuration, url: str, authorization: dict[str, str]) -> WebSocket:
            headers = authorization | {"sec-websocket-protocol": _PORT_PROTOCOL}
            made: WebSocket = create_websocket(configuration, url, headers)
            return made

        try:
            return self._socket(f"{path}?ports={port}", opened)
        except WebSocketBadStatusException as error:
            said = _message(error.resp_body or b"") or str(error)
            raise ApiRefused(error.status_code, f"port-forward to {pod}: {error.status_code} {said}") from error
        except (WebSocketException, OSError) as error:
            raise ClusterError(f"port-forward to {pod}: {error}") from error

    def _socket(self, path: str, opened: Callable[[Configuration, str, dict[str, str]], _Opened]) -> _Opened:
        """Open a web socket. With credentials that are not taken nothing was begun: once more with new ones."""
        for _ in range(2):
            configuration, authorization = self._link.configuration, self._link.authorization()
            url = f"{configuration.host}/{path}".replace("http", "ws", 1)
            try:
                return opened(configuration, url, authorization)
            except WebSocketBadStatusException as error:
                refused = error
                if error.status_code != 401 or not self._link.renew(authorization):
                    raise
        raise refused

    def watch(self, kind: str, *, selector: str = "", stop: threading.Event) -> Iterator[tuple[str, Object]]:
        """Yield (ADDED | MODIFIED | DELETED, object) until `stop` is set.

        Begins with what is there. An expired or broken watch is begun anew from a list, and what went away in between
        comes as DELETED; the consumer sees no gap but the delay. Raises nothing for an API server that is away: it
        goes on trying until `stop`.
        """
        known: dict[str, Object] = {}
        version, failed = "", 0
        while not stop.is_set():
            try:
                if not version:
                    version, changes = self._relist(kind, selector, known)
                    failed = 0
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
            except ClusterError as error:
                version, failed = "", failed + 1
                # Not from 0: an API server that is back is asked by all who have waited for it.
                pause = min(_LONGEST_PAUSE_S, 0.2 * 2**failed) * (0.5 + random.random() / 2)
                stop.wait(max(pause, getattr(error, "after_s", 0.0)))

    def _relist(self, kind: str, selector: str, known: dict[str, Object]) -> tuple[str, Changes]:
        query = {"labelSelector": selector} if selector else {}
        listed = self._call("GET", self._path(kind), query)
        there = {item["metadata"]["uid"]: item | {"kind": kind} for item in _listed(listed)}
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
        response = self._request("GET", self._path(kind), query, None, "", _SILENT_S)
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
        lost = False

        def once() -> Object:
            nonlocal lost
            try:
                return _object(f"{method} {path}", self._send(method, path, query or {}, body, content, CALL_TIMEOUT_S))
            except _Unreachable as error:
                lost = lost or error.lost
                raise
            except ApiRefused as error:
                if lost and error.status == 403:
                    # One that has just been started has not read yet who may do what.
                    raise _Unreachable(str(error), lost=False) from error
                error.in_doubt = lost
                raise

        if not again:
            return once()
        retrying = Retrying(
            retry=retry_if_exception_type(_Unreachable),
            wait=_pause,
            stop=stop_before_delay(self._link.patience_s),
            reraise=True,
        )
        answer: Object = retrying(once)
        return answer

    def _send(
        self, method: str, path: str, query: dict[str, str], body: Object | None, content: str, timeout_s: float
    ) -> bytes:
        """One request and its whole answer, of which nothing may come for `timeout_s` at most."""
        began = time.monotonic()
        response = self._request(method, path, query, body, content, timeout_s)
        try:
            return _whole(response, began + max(_BODY_S, timeout_s))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _Unreachable(f"{method} {path}: the answer broke off: {error}") from error

    def _request(
        self, method: str, path: str, query: dict[str, str], body: Object | None, content: str, timeout_s: float
    ) -> urllib3.BaseHTTPResponse:
        """The beginning of a good answer; its body is still to be read. Raises _Unreachable, ApiRefused."""
        if method != "GET":
            self._require(method, path)
        for last in (False, True):
            authorization = self._link.authorization()
            response = self._ask(method, path, query, body, content, timeout_s, authorization)
            if response.status < 300:
                self._link.answered = True
                return response
            said = _begin(response)
            if response.status != 401 or last or not self._link.renew(authorization):
                break
        status, message = response.status, _message(said)
        text = f"{method} {path}: {status} {message}"
        if status == 429 or status >= 500:
            raise _Unreachable(text, status, after_s=_after(response), lost=status != 429)
        self._link.answered = True
        hint = "get new credentials for it (kubectl would be refused as well)" if status == 401 else None
        if status == 401:
            text = f"{method} {path}: the API server does not take the credentials: {status} {message}"
        raise ApiRefused(status, text, reason=_reason(said), hint=hint)

    def _ask(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Object | None,
        content: str,
        timeout_s: float,
        authorization: dict[str, str],
    ) -> urllib3.BaseHTTPResponse:
        headers = {"accept": "application/json"} | authorization
        if content and body is not None:
            headers["content-type"] = content
        url = f"{self._link.configuration.host}/{path}" + (f"?{urlencode(query)}" if query else "")
        began = time.monotonic()
        try:
            response = self._link.pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=min(5.0, timeout_s), read=timeout_s),
                retries=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            spent = time.monotonic() - began
            LOG.debug("%s %s: no answer, %.0f ms: %s", method, path, 1000 * spent, error)
            lost = not isinstance(error, urllib3.exceptions.NewConnectionError)
            raise _Unreachable(
                f"{method} {path}: no answer from the API server after {spent:.1f} s: {error}", lost=lost
            ) from error
        LOG.debug("%s %s: %d, %.0f ms", method, path, response.status, 1000 * (time.monotonic() - began))
        return response


def _whole(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """The body. Raises TimeoutError when it goes on beyond the deadline, however it trickles."""
    parts = []
    try:
        while part := response.read1(65536):
            parts.append(part)
            if time.monotonic() > deadline:
                raise TimeoutError("it took too long")
    except BaseException:
        response.close()
        raise
    return b"".join(parts)


def _begin(response: urllib3.BaseHTTPResponse) -> bytes:
    """What a refusal says, as much as there is of it."""
    try:
        return _whole(response, time.monotonic() + CALL_TIMEOUT_S)
    except (urllib3.exceptions.HTTPError, OSError):
        return b""


def _pause(state: RetryCallState) -> float:
    """Seconds until the next try: with backoff and jitter, and no earlier than the API server asked for."""
    error = state.outcome.exception() if state.outcome else None
    after_s = error.after_s if isinstance(error, _Unreachable) else 0.0
    return after_s + wait_random_exponential(multiplier=0.2, max=_LONGEST_PAUSE_S)(state)


def _after(response: urllib3.BaseHTTPResponse) -> float:
    """The seconds of a Retry-After; the API server gives no dates there."""
    given = response.headers.get("retry-after", "")
    return float(given) if given.isdigit() else 0.0


def _object(what: str, data: bytes) -> Object:
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise _Unreachable(f"{what}: the answer is not whole: {error}") from error
    if not isinstance(answer, dict):
        raise ClusterError(f"{what}: the answer is no object of the API")
    return answer


def _listed(answer: Object) -> Objects:
    """The items of a list. Raises ClusterError where there is none: that is not a list without any."""
    items = answer.get("items")
    if not isinstance(items, list):
        raise ClusterError("the API server answered with something that is no list")
    return items


def _is_missing(error: ApiRefused) -> bool:
    return error.status == 404 and error.reason == "NotFound"


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


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


def _reason(data: bytes) -> str:
    try:
        return str(json.loads(data)["reason"])
    except (ValueError, LookupError, TypeError):
        return ""
