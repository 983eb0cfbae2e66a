"""An API server that holds objects in a dict: no defaults, no controllers, conflicts only where a version is given."""

from __future__ import annotations

import base64
import copy
import itertools
from typing import Any

from chaos.cluster.api import ApiRefused

Object = dict[str, Any]


class FakeApi:
    """Secrets come back encoded as from a real server; every write is in `calls` as (verb, kind, name)."""

    def __init__(self, *objects: Object, namespace: str = "wordpress") -> None:
        self.namespace = namespace
        self.calls: list[tuple[str, str, str]] = []
        self._versions = itertools.count(1)
        self._held: dict[tuple[str, str], Object] = {}
        for item in objects:
            self._put(item)

    def in_namespace(self, namespace: str) -> FakeApi:
        self.namespace = namespace
        return self

    def fenced(self, *, allow_nodes: bool = False) -> FakeApi:
        return self

    def get(self, kind: str, name: str) -> Object | None:
        return copy.deepcopy(self._held.get((kind, name)))

    def list(self, kind: str, selector: str = "") -> list[Object]:
        wanted = dict(pair.split("=") for pair in selector.split(",") if pair)
        found = [item for (each, _), item in list(self._held.items()) if each == kind]
        return copy.deepcopy([i for i in found if wanted.items() <= i["metadata"].get("labels", {}).items()])

    def apply(self, manifest: Object) -> Object:
        self._log("apply", manifest)
        return self._put(manifest)

    def create(self, manifest: Object) -> Object:
        if (manifest["kind"], manifest["metadata"]["name"]) in self._held:
            raise ApiRefused(409, "exists")
        self._log("create", manifest)
        return self._put(manifest)

    def replace(self, manifest: Object) -> Object:
        found = self._held.get((manifest["kind"], manifest["metadata"]["name"]))
        if found is None:
            raise ApiRefused(404, "not found")
        if found["metadata"]["resourceVersion"] != manifest["metadata"]["resourceVersion"]:
            raise ApiRefused(409, "the object has been modified")
        self._log("replace", manifest)
        return self._put(manifest)

    def patch(self, kind: str, name: str, body: Object, *, subresource: str = "") -> Object:
        version = body.get("metadata", {}).get("resourceVersion")
        if version is not None and version != self._held[kind, name]["metadata"]["resourceVersion"]:
            raise ApiRefused(409, "the object has been modified")
        self.calls.append(("patch", kind, name))
        return self._put(_merged(self._held[kind, name], body))

    def delete(self, kind: str, name: str, *, grace_s: int | None = None, orphan: bool = False) -> bool:
        self.calls.append(("orphan" if orphan else "delete", kind, name))
        return self._held.pop((kind, name), None) is not None

    def delete_exactly(self, kind: str, name: str, uid: str, *, grace_s: int | None = None, version: str = "") -> bool:
        found = self._held.get((kind, name))
        if version and (found is None or found["metadata"]["resourceVersion"] != version):
            return False
        return self.delete(kind, name, grace_s=grace_s)

    def logs(self, pod: str, container: str, *, tail: int | None = None, previous: bool = False) -> str:
        return f"the last words of {container}"

    def secret(self, name: str) -> dict[str, str]:
        found = self._held["Secret", name]
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}

    def _log(self, verb: str, item: Object) -> None:
        self.calls.append((verb, item["kind"], item["metadata"]["name"]))

    def _put(self, item: Object) -> Object:
        item = copy.deepcopy(item)
        plain = item.pop("stringData", {})
        if plain:
            encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
            item["data"] = item.get("data", {}) | encoded
        item["metadata"]["resourceVersion"] = str(next(self._versions))
        if item["kind"] == "Service":
            item["spec"].setdefault("clusterIP", "10.96.0.7")
        self._held[item["kind"], item["metadata"]["name"]] = item
        return copy.deepcopy(item)


def _merged(old: Object, new: Object) -> Object:
    out = dict(old)
    for key, value in new.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = _merged(out.get(key, {}), value) if isinstance(value, dict) else value
    return out


def pod(
    name: str, labels: dict[str, str], *, ready: bool = True, ip: str = "127.0.0.1", ending: bool = False
) -> Object:
    metadata: Object = {"name": name, "uid": f"uid-{name}", "labels": labels}
    if ending:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": "node-1"},
        "status": {"podIP": ip, "phase": "Running", "conditions": conditions},
    }
