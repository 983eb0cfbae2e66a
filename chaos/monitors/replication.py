"""The replication state of each database pod, asked at its own address once a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from chaos.clock import Clock
from chaos.history import Record, ReplicaSeen
from chaos.monitors.pacer import Pacer
from chaos.monitors.pods import Pods
from chaos.stack.database import Database, NoDatabase
from chaos.stack.roles import Pod

_RATE = 1.0
_DEADLINE_S = 2.0


class Replication:
    """Asks all database pods at once each second; a pod that does not answer delays no other.

    Which pods there are is what the watch knows, so an API server that is away stops nothing.
    """

    def __init__(self, pods: Pods, database: Database, clock: Clock, write: Callable[[Record], None]) -> None:
        self._pods, self._database, self._clock, self._write = pods, database, clock, write
        self._stop = threading.Event()
        self._busy: set[str] = set()
        self._read_only: dict[str, bool] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="replication")
        self._thread = threading.Thread(target=self._run, name="replication", daemon=True)

    def takes_writes(self, pod: str) -> bool:
        """Whether a pod said that it is not read-only, when it last said anything."""
        with self._lock:
            return self._read_only.get(pod) is False

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End it. When this returns nothing more is written."""
        self._stop.set()
        self._thread.join(timeout=10)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        pacer = Pacer(_RATE, self._clock.now())
        number = 0
        while not self._stop.wait(max(0.0, pacer.due(number) - self._clock.now())):
            number = pacer.next_after(self._clock.now())
            for pod in self._pods.of("database"):
                if pod.ip and not self._is_busy(pod.name):
                    self._pool.submit(self._ask, pod)

    def _is_busy(self, name: str) -> bool:
        with self._lock:
            if name in self._busy:
                return True
            self._busy.add(name)
            return False

    def _ask(self, pod: Pod) -> None:
        try:
            seen = look(self._database, pod, self._clock)
            if seen.read_only is not None:
                with self._lock:
                    self._read_only[pod.name] = seen.read_only
            if not self._stop.is_set():
                self._write(seen)
        finally:
            with self._lock:
                self._busy.discard(pod.name)


def look(database: Database, pod: Pod, clock: Clock) -> ReplicaSeen:
    """One pod's replication state now; without an answer the record says why."""
    try:
        with database.connect(database.address(pod.ip), _DEADLINE_S) as connection:
            state = database.replication(connection)
    except NoDatabase as error:
        return ReplicaSeen(clock.now(), pod.name, error=str(error))
    return ReplicaSeen(
        clock.now(),
        pod.name,
        read_only=state.read_only,
        io_running=state.io_running,
        sql_running=state.sql_running,
        lag_s=state.lag_s,
        gtid=state.gtid,
        source=state.source,
        last_error=state.last_error,
    )
