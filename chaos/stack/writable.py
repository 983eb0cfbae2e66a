"""Which database pod takes the writes, where nothing but the servers themselves can tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from chaos.stack.database import Database, NoDatabase
from chaos.stack.roles import Pod

_REMEMBERED_S = 1.0
_DEADLINE_S = 1.0
_AT_ONCE = 8


class Writable:
    """Asks each ready pod for @@read_only, and remembers what it said for a second. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, bool | None]] = {}

    def roles(self, database: Database, pods: Sequence[Pod]) -> list[Pod]:
        """The pods, each with its narrowest role.

        The writable one is `database/primary`; of several it is the first by name, and when none is, nobody is. The
        others are `database/replica`. One that is not ready, or did not answer within a second, could be either: it
        stays `database`.
        """
        said = self._ask(database, pods)
        primary = min((pod.name for pod in pods if said[pod.uid] is True), default=None)
        return [replace(pod, role=_role(pod.name == primary, said[pod.uid])) for pod in pods]

    def _ask(self, database: Database, pods: Sequence[Pod]) -> dict[str, bool | None]:
        """By uid: whether it is writable, None for one that can't be asked."""

        def ask(pod: Pod) -> bool | None:
            try:
                return not database.read_only(database.address(pod.ip), _DEADLINE_S)
            except NoDatabase:
                return None

        with self._lock:
            now = time.monotonic()
            known = {uid: told for uid, told in self._known.items() if now - told[0] < _REMEMBERED_S}
            asked = [pod for pod in pods if pod.ready and pod.ip and pod.uid not in known]
            if asked:
                with ThreadPoolExecutor(min(_AT_ONCE, len(asked)), thread_name_prefix="writable") as pool:
                    answers = list(pool.map(ask, asked))
                known |= {pod.uid: (time.monotonic(), told) for pod, told in zip(asked, answers, strict=True)}
            self._known = known
            return {pod.uid: known[pod.uid][1] if pod.ready and pod.uid in known else None for pod in pods}


def _role(primary: bool, writable: bool | None) -> str:
    if writable is None:
        return "database"
    return "database/primary" if primary else "database/replica"
