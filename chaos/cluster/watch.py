"""What happens to the objects of a kind: a list to begin with, and then a watch, over and over."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import suppress

import urllib3

from chaos.cluster.answer import NoAnswer, items_of
from chaos.cluster.kinds import Object
from chaos.cluster.link import LONGEST_PAUSE_S, Link, Request
from chaos.errors import ClusterError

Change = tuple[str, Object]
"""ADDED, MODIFIED or DELETED, and the object."""

_WATCH_S = 240
_SILENT_S = 100.0
"""A watch that brings nothing for so long, not even the bookmark of each minute, is taken to be dead."""


class Watch:
    """Follows the objects of one kind at a path, or those that a label selector picks."""

    def __init__(self, link: Link, kind: str, path: str, selector: str) -> None:
        self._link, self._kind, self._path = link, kind, path
        self._query = {"labelSelector": selector} if selector else {}
        self._known: dict[str, Object] = {}

    def changes(self, stop: threading.Event) -> Iterator[Change]:
        """What is there and then what changes, until `stop` is set. Raises nothing for an API server that is away."""
        version, failed = "", 0
        while not stop.is_set():
            try:
                if not version:
                    version, changes = self._relist()
                    failed = 0
                    yield from changes
                for change, item in self._once(version, stop):
                    uid = item["metadata"].get("uid", "")
                    version = item["metadata"]["resourceVersion"]
                    if change == "BOOKMARK":
                        continue
                    if change == "DELETED":
                        self._known.pop(uid, None)
                    else:
                        self._known[uid] = item
                    yield change, item
            except ClusterError as error:
                version, failed = "", failed + 1
                # Not from 0: an API server that is back is asked by all who have waited for it.
                pause = min(LONGEST_PAUSE_S, 0.2 * 2**failed) * (0.5 + random.random() / 2)
                stop.wait(max(pause, error.after_s if isinstance(error, NoAnswer) else 0.0))

    def _relist(self) -> tuple[str, list[Change]]:
        """The list's version, and what has changed since the objects were last known."""
        listed = self._link.call(Request("GET", self._path, self._query))
        there = {item["metadata"]["uid"]: item | {"kind": self._kind} for item in items_of(listed)}
        changes = [("DELETED", item) for uid, item in self._known.items() if uid not in there]
        for uid, item in there.items():
            old = self._known.get(uid)
            if old is None:
                changes.append(("ADDED", item))
            elif old["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
                changes.append(("MODIFIED", item))
        self._known = there
        return listed["metadata"]["resourceVersion"], changes

    def _once(self, version: str, stop: threading.Event) -> Iterator[Change]:
        """What one watch brings, bookmarks as well, until it ends. Raises ClusterError when it breaks or expires."""
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = str(_WATCH_S)
        response = self._link.begin(Request("GET", self._path, query | self._query), _SILENT_S)
        over = threading.Event()
        name = f"watch-{self._kind}"
        threading.Thread(target=_cut, args=(response, stop, over), daemon=True, name=name).start()
        try:
            rest = b""
            for chunk in response.stream(65536, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise NoAnswer(f"watch on {self._kind}: {event['object'].get('message', 'expired')}")
                    yield event["type"], event["object"]
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise NoAnswer(f"watch on {self._kind}: {error}") from error
        finally:
            over.set()
            response.close()


def _cut(response: urllib3.BaseHTTPResponse, stop: threading.Event, over: threading.Event) -> None:
    while not over.wait(0.1):
        if stop.is_set():
            # It may have come to its end by itself just now.
            with suppress(ValueError, RuntimeError, OSError):
                response.shutdown()
            return
