"""Where rows are written: the primary's Service, or the primary's own address as long as it has that one."""

from __future__ import annotations

from chaos.monitors.pods import Pods
from chaos.monitors.replication import Replication
from chaos.stack.database import Database
from chaos.stack.roles import Pod
from chaos.stack.stack import Stack


class Primary:
    """Tells the address for each write anew: a pod that comes back has another one. Asks nobody."""

    def __init__(self, stack: Stack, database: Database, pods: Pods, replication: Replication) -> None:
        bound = stack.binding.database
        self._service = stack.database_address() if bound.writes == "service" else ""
        self._asked = bound.primary == "read-only"
        self._database, self._pods, self._replication = database, pods, replication
        self._was_there = False

    def address(self) -> str | None:
        """`IP:port`; None as long as no primary was ever seen, and an address at which nobody is when it is gone."""
        if self._service:
            return self._service
        there = sorted(filter(self._is_primary, self._pods.of("database")), key=lambda pod: pod.terminating)
        self._was_there = self._was_there or bool(there)
        if there:
            return self._database.address(there[0].ip)
        return self._database.address("") if self._was_there else None

    def _is_primary(self, pod: Pod) -> bool:
        if not pod.ip:
            return False
        return self._replication.takes_writes(pod.name) if self._asked else pod.role.endswith("/primary")
