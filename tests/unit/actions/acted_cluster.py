"""A stack on a small cluster whose controllers act at once, unless they are told to be stuck."""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from chaos.cluster.api import Output
from chaos.errors import ClusterError
from chaos.stack.profile import Profile
from chaos.stack.stack import Stack
from tests.unit.fake_api import FakeApi, Object

BINDING = Profile.load("hardened").binding
WORKLOADS = {"mysql": ("StatefulSet", 3), "nfs": ("StatefulSet", 1), "wordpress": ("Deployment", 3)}


class ActedCluster(FakeApi):
    """Workloads with as many ready pods as they want, and a claim with a volume for each database pod.

    `stuck`: controllers do nothing more. `log` is what every container has said. A pod's container ID is `containerd://`
    and its uid, so that it is a new one in a new pod. Pods are put on `node-1`, or on `node-2` while that is cordoned.
    `kept` are the pods that a disruption budget keeps.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changing = threading.RLock()
        self.stuck = False
        self.log = ""
        self.executed: list[list[str]] = []
        self.answers: list[Output] = []
        self.deletions: list[tuple[str, str, int | None]] = []
        self._numbers = itertools.count(1)
        for name, (kind, replicas) in WORKLOADS.items():
            spec: Object = {"replicas": replicas, "template": {"metadata": {}}}
            if name == "mysql":
                spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}}, {"metadata": {"name": "other"}}]
            self._put({"kind": kind, "metadata": {"name": name, "generation": 1}, "spec": spec})
        for node in ("node-1", "node-2"):
            self._put({"kind": "Node", "metadata": {"name": node, "generation": 1}, "spec": {}})
        self.kept: set[str] = set()
        self.evictions: list[str] = []
        self.act()
        self.calls.clear()

    def stack(self, local_cluster: str = "", **database: Any) -> Stack:
        binding = replace(BINDING, database=replace(BINDING.database, **database))
        return Stack(binding, cast("Any", self), cast("Any", None), cast("Any", None), local_cluster)

    def uid(self, kind: str, name: str) -> str:
        return str(self._held[kind, name]["metadata"]["uid"])

    def change(self, kind: str, name: str, **parts: Any) -> None:
        """Change an object's top-level parts behind the tool's back."""
        self._held[kind, name].update(copy.deepcopy(parts))

    def unready(self, name: str) -> None:
        self._held["Pod", name]["status"]["conditions"] = [{"type": "Ready", "status": "False"}]

    def ending(self, name: str) -> None:
        self._held["Pod", name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    def patch(self, kind: str, name: str, body: Object, *, subresource: str = "") -> Object:
        with self._changing:
            if "template" in body.get("spec", {}):
                for pod in self._pods(name):
                    self._remove("Pod", pod)
            metadata = self._held[kind, name]["metadata"]
            metadata["generation"] = metadata.get("generation", 0) + 1
            found = super().patch(kind, name, body, subresource=subresource)
            self.act()
            return found

    def delete_exactly(self, kind: str, name: str, uid: str, *, grace_s: int | None = None) -> bool:
        with self._changing:
            item = self._held.get((kind, name))
            self.deletions.append((kind, name, grace_s))
            if item is None or item["metadata"]["uid"] != uid:
                return False
            if self.stuck:
                return True
            if kind == "PersistentVolumeClaim" and ("Pod", name.removeprefix("data-")) in self._held:
                item["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
                return True
            self._remove(kind, name)
            self.act()
            return True

    def fenced(self, *, allow_nodes: bool = False) -> ActedCluster:
        return self

    def evict(self, pod: str, uid: str) -> bool:
        with self._changing:
            if pod in self.kept:
                return False
            self.evictions.append(pod)
            item = self._held.get(("Pod", pod))
            if item is not None and item["metadata"]["uid"] == uid and not self.stuck:
                self._remove("Pod", pod)
                self.act()
            return True

    def restart(self, pod: str, container: str) -> None:
        """What kubelet does after a container has ended."""
        for status in self._held["Pod", pod]["status"]["containerStatuses"]:
            if status["name"] == container:
                status["restartCount"] += 1
                status["containerID"] += "-again"

    def logs(self, pod: str, container: str, *, tail: int | None = None, previous: bool = False) -> str:
        if ("Pod", pod) not in self._held:
            raise ClusterError(f"no pod {pod}")
        return self.log

    def execute(
        self, pod: str, container: str, command: Sequence[str], *, timeout_s: float, stdin: str | None = None
    ) -> Output:
        self.executed.append([pod, container, *command])
        return self.answers.pop(0)

    def act(self) -> None:
        """The controllers' work: pods and claims that are missing, pods that are too many, and the status."""
        if self.stuck:
            return
        for name, (kind, _) in WORKLOADS.items():
            workload = self._held[kind, name]
            wanted = workload["spec"]["replicas"]
            for pod in self._pods(name)[wanted:]:
                self._remove("Pod", pod)
            numbers = range(wanted) if kind == "StatefulSet" else range(wanted - len(self._pods(name)))
            for n in numbers:
                self._pod(name, f"{name}-{n}" if kind == "StatefulSet" else f"{name}-{next(self._numbers):03}-x")
            workload["status"] = {
                "observedGeneration": workload["metadata"]["generation"],
                "replicas": wanted,
                "updatedReplicas": wanted,
                "readyReplicas": wanted,
            }

    def _pods(self, workload: str) -> list[str]:
        """The workload's pods by name; one that has lost its label is nobody's."""
        pods = {name: item["metadata"]["labels"] for (kind, name), item in self._held.items() if kind == "Pod"}
        return sorted(name for name, labels in pods.items() if labels == {"app": workload})

    def _pod(self, workload: str, name: str) -> None:
        if ("Pod", name) in self._held:
            return
        uid = f"uid-{next(self._numbers)}"
        node = "node-2" if self._held["Node", "node-1"]["spec"].get("unschedulable") else "node-1"
        status = {
            "name": workload,
            "containerID": f"containerd://{uid}",
            "restartCount": 0,
            "state": {"running": {}},
        }
        self._put(
            {
                "kind": "Pod",
                "metadata": {"name": name, "uid": uid, "labels": {"app": workload}},
                "spec": {"nodeName": node},
                "status": {
                    "phase": "Running",
                    "podIP": "127.0.0.1",
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "containerStatuses": [status],
                },
            }
        )
        claim = f"data-{name}"
        if workload == "mysql" and ("PersistentVolumeClaim", claim) not in self._held:
            volume = f"volume-{next(self._numbers)}"
            self._put(
                {
                    "kind": "PersistentVolumeClaim",
                    "metadata": {"name": claim, "uid": f"uid-{volume}", "labels": {"app": workload}},
                    "spec": {"volumeName": volume},
                }
            )
            policy = {"persistentVolumeReclaimPolicy": "Delete"}
            self._put({"kind": "PersistentVolume", "metadata": {"name": volume}, "spec": policy})

    def _remove(self, kind: str, name: str) -> None:
        self._held.pop((kind, name))
        claim = self._held.get(("PersistentVolumeClaim", f"data-{name}"))
        if kind == "Pod" and claim and "deletionTimestamp" in claim["metadata"]:
            self._held.pop(("PersistentVolumeClaim", f"data-{name}"))
