"""The life of the stack's pods, from a watch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chaos.clock import Clock
from chaos.cluster.own_pod import is_own
from chaos.cluster.rights import may
from chaos.history import PodSeen, Record
from chaos.stack.roles import Pod, part, pod_of
from chaos.stack.stack import Stack

RIGHTS = may("list watch", "Pod", why="which pods there are and how they are")


class Pods:
    """Writes a record whenever what it says of a pod has changed, and knows which pods are there and can be read.

    What it knows outlasts an API server that does not answer.
    """

    def __init__(self, stack: Stack, clock: Clock, write: Callable[[Record], None]) -> None:
        self._stack, self._clock, self._write = stack, clock, write
        self._stop = threading.Event()
        self._known: dict[str, PodSeen] = {}
        self._there: dict[str, Pod] = {}
        self._lock = threading.Lock()
        self._serving: dict[str, str] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._thread = threading.Thread(target=self._run, name="pods", daemon=True)

    def listen(self, listener: Callable[[str], None]) -> None:
        """Be called with a site pod's name whenever it was seen; before `start`."""
        self._listeners.append(listener)

    def serving(self, name: str) -> str | None:
        """`IP:port` of a site pod that has been ready and is not ending, else None."""
        return self._serving.get(name)

    def of(self, role: str) -> list[Pod]:
        """The pods of a part as they were last seen, those that are ending included."""
        with self._lock:
            return [pod for pod in self._there.values() if part(pod.role) == role]

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the watch. When this returns nothing more is written."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        for change, item in self._stack.api.watch("Pod", stop=self._stop):
            if is_own(self._stack.api.namespace, item["metadata"]["name"]):
                continue
            labels = item["metadata"].get("labels") or {}
            role = self._stack.binding.role_of(labels)
            if self._stop.is_set():
                continue
            if role is not None:
                self._see(change.lower(), item, self._stack.binding.narrowest(role, item["metadata"]["name"], labels))
            elif (known := self._known.get(item["metadata"]["uid"])) is not None:
                # It has lost the labels that made it one of the stack's: to the stack it is gone.
                self._see("deleted", item, known.role)

    def _see(self, change: str, item: dict[str, Any], role: str) -> None:
        seen = seen_of(change, item, role, self._clock.now())
        with self._lock:
            self._there.pop(seen.uid, None)
            if change != "deleted":
                self._there[seen.uid] = pod_of(item, role)
        known = self._known.get(seen.uid)
        if known is None or replace(known, at=seen.at, change=seen.change) != seen or change == "deleted":
            self._write(seen)
        if change == "deleted":
            self._known.pop(seen.uid, None)
        else:
            self._known[seen.uid] = seen
        if role == "site":
            self._follow(item, seen)

    def _follow(self, item: dict[str, Any], seen: PodSeen) -> None:
        address = item.get("status", {}).get("podIP")
        if seen.change == "deleted" or seen.terminating:
            self._serving.pop(seen.name, None)
        elif seen.ready and address:
            self._serving[seen.name] = f"{address}:{self._stack.binding.site.port}"
        for listener in self._listeners:
            listener(seen.name)


def seen_of(change: str, item: dict[str, Any], role: str, at: float) -> PodSeen:
    """A pod as the API server gives it, as a record."""
    pod, status = pod_of(item, role), item.get("status", {})
    statuses = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return PodSeen(
        at=at,
        change=change,
        name=pod.name,
        uid=pod.uid,
        role=pod.role,
        node=pod.node,
        phase=status.get("phase", ""),
        ready=pod.ready and change != "deleted",
        terminating=pod.terminating,
        restarts=sum(each.get("restartCount", 0) for each in statuses),
        containers={each["name"]: _state(each.get("state", {})) for each in statuses},
    )


def _state(state: dict[str, Any]) -> str:
    if "running" in state:
        return "running"
    for name, detail in state.items():
        return f"{name}:{detail.get('reason', '')}"
    return "waiting:"
