"""All monitors of a run: started together, stopped together, writers paused while evidence is taken."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol

from chaos.clock import Clock
from chaos.history import Record
from chaos.monitors import reads, writes
from chaos.monitors.api_server import ApiServer
from chaos.monitors.events import Events
from chaos.monitors.pods import Pods
from chaos.monitors.primary import Primary
from chaos.monitors.reads import PodReads
from chaos.monitors.replication import Replication
from chaos.monitors.stream import Stream
from chaos.scenario.plan import Workload
from chaos.stack.database import Database
from chaos.stack.site import Site
from chaos.stack.stack import Stack


class Monitor(Protocol):
    """What runs beside the scenario. When `stop` returns it writes nothing more."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""


class Monitors:
    """A context in which everything is watched. What was started is stopped at its end, however it ends."""

    def __init__(self, stack: Stack, clock: Clock, write: Callable[[Record], None], workload: Workload) -> None:
        self._running = ExitStack()
        self._clock = clock
        self._site = site = Site(stack, keep=workload.connections == "kept")
        database, run = Database(stack.credentials, stack.binding), secrets.token_hex(4)
        deadline_s = workload.deadline_s
        pods = Pods(stack, clock, write)
        replication = Replication(pods, database, clock, write)
        self._api_server = ApiServer(stack, clock, write)
        self._watchers: tuple[Monitor, ...] = (self._api_server, pods, Events(stack, clock, write), replication)
        self._pod_reads: list[PodReads] = []
        for what, rate in (
            (reads.PAGE, workload.pod_reads_per_s),
            (reads.STATIC, workload.file_reads_per_s),
            (reads.UPLOAD, workload.file_reads_per_s),
        ):
            if rate > 0:
                self._pod_reads.append(PodReads(what, site, pods, rate, deadline_s, clock, write))
        self._readers: list[Stream] = []
        self._writers: list[Stream] = []
        if (rate := workload.reads_per_s) > 0:
            self._readers.append(reads.through_service(stack, site, rate, deadline_s, clock, write))
        if (rate := workload.writes_per_s) > 0:
            primary = Primary(stack, database, pods, replication)
            self._writers.append(writes.rows(primary.address, database, run, rate, deadline_s, clock, write))
        if (rate := workload.posts_per_s) > 0:
            self._writers.append(writes.posts(stack, site, run, rate, deadline_s, clock, write))
        if (rate := workload.uploads_per_s) > 0:
            self._writers.append(writes.uploads(stack, site, run, rate, deadline_s, clock, write))

    def __enter__(self) -> Monitors:
        with ExitStack() as started:
            started.callback(self._site.close)
            for each in self._pod_reads:
                started.callback(each.stop)
            for monitor in (*self._watchers, *self._readers, *self._writers):
                monitor.start()
                started.callback(monitor.stop)
            self._running = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What is in flight ends while the first of them is waited for.
        requests: tuple[Stream | PodReads, ...] = (*self._writers, *self._readers, *self._pod_reads)
        for each in requests:
            each.hold()
        self._running.close()

    def await_api_server(self, timeout_s: float) -> bool:
        """Wait until the API server answers; False when it did not in `timeout_s`."""
        return self._api_server.await_answer(timeout_s)

    def pause_writers(self, timeout_s: float) -> int:
        """Send no new writes and wait for those in flight; how many still are when `timeout_s` is over."""
        deadline = time.monotonic() + timeout_s
        for stream in self._writers:
            stream.hold()
        return sum(stream.pause(max(0.0, deadline - time.monotonic())) for stream in self._writers)

    def await_answers(self, timeout_s: float) -> None:
        """Wait for the answers to all that has left through the Services by now, `timeout_s` at most."""
        now, deadline = self._clock.now(), time.monotonic() + timeout_s
        for stream in (*self._readers, *self._writers):
            stream.await_answers(now, max(0.0, deadline - time.monotonic()))

    def resume_writers(self) -> None:
        """Go on writing."""
        for stream in self._writers:
            stream.resume()
