"""The cluster's own Events about the stack's objects, from a watch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from chaos.clock import Clock
from chaos.cluster.rights import may
from chaos.history import ClusterEvent, Record
from chaos.stack.stack import Stack

RIGHTS = may("list watch", "Event", why="what the cluster says of the stack")


class Events:
    """Writes each Event of the stack's namespace once for each time that it happened since the start."""

    def __init__(self, stack: Stack, clock: Clock, write: Callable[[Record], None]) -> None:
        self._stack, self._clock, self._write = stack, clock, write
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def start(self) -> None:
        """Begin to watch. Events that are there already are of before, and are passed over."""
        self._thread.start()

    def stop(self) -> None:
        """End the watch. When this returns nothing more is written."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        seen: dict[str, int] = {}
        for change, item in self._stack.api.watch("Event", stop=self._stop):
            uid, count = item["metadata"]["uid"], int(item.get("count") or 1)
            new = uid not in seen or seen[uid] < count
            seen[uid] = count
            if change != "DELETED" and new and not self._stop.is_set() and not self._old(item):
                about = item["involvedObject"]
                name = f"{about.get('kind', '').lower()}/{about.get('name', '')}"
                self._write(ClusterEvent(self._clock.now(), name, item.get("reason", ""), item.get("message", "")))

    def _old(self, item: dict[str, object]) -> bool:
        when = item.get("lastTimestamp") or item.get("eventTime")
        if not isinstance(when, str):
            return False
        # Events carry whole seconds, so one of the second in which the run began counts as new.
        return datetime.fromisoformat(when).timestamp() < self._clock.started_at - 1
