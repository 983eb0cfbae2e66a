"""What measuring costs: a core's share, memory and the lateness of requests, at 20 reads and 10 writes a second.

The streams, the clients and the journal are those of a run. The servers are the benchmark's own, in a process of their
own, and answer at once: the real ones would fill both cores, and be measured instead.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.local_site import Server, stack
from benchmarks.table import Row
from chaos.clock import Clock
from chaos.history import Read, Record, Write
from chaos.journal import Journal
from chaos.monitors import reads, writes
from chaos.runner import Steady
from chaos.stack.database import Database
from chaos.stack.site import Site

READS, WRITES = 20.0, 10.0
FASTEST = 200.0
SECONDS = 60.0
WARM_S = 5.0
DEADLINE_S = 2.0
HOUR_S = 3600.0
TIMES = 3

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Cost:
    """Of one load: share of a core in percent, resident MB, how late requests left in ms, and what an hour adds in MB.

    `good` of the requests that were `due` were answered well.
    """

    share: float
    resident_mb: float
    lag_p99_ms: float
    grown_mb: float
    good: int
    due: float


def measure() -> list[Row]:
    """The load of a run by default, three times, and the highest rate that a scenario may ask for."""
    usual = [_cost(READS, WRITES) for _ in range(TIMES)]
    most = [_cost(FASTEST, 0.0)]
    return [
        Row("20 reads/s and 10 rows/s: share of a core", tuple(one.share for one in usual), "%", "<= 8 %"),
        Row("resident memory", tuple(one.resident_mb for one in usual), "MB", "<= 120 MB"),
        Row("99 of 100 requests leave late by at most", tuple(one.lag_p99_ms for one in usual), "ms", "<= 10 ms"),
        Row("an hour of samples adds", tuple(one.grown_mb for one in usual), "MB", "<= 20 MB"),
        Row("200 reads/s: share of a core", tuple(one.share for one in most), "%"),
        Row("99 of 100 requests leave late by at most", tuple(one.lag_p99_ms for one in most), "ms", "<= 10 ms"),
        Row("of the requests that were due left, and were answered well", tuple(_share(one) for one in most), "%"),
    ]


def _share(one: Cost) -> float:
    return 100 * one.good / one.due


def _cost(reads_per_s: float, writes_per_s: float) -> Cost:
    servers, tool = _SPAWN.Pipe(), _SPAWN.Pipe()
    serving = _SPAWN.Process(target=_serve, args=(servers[1],), daemon=True)
    serving.start()
    site, database = servers[0].recv()
    measured = _SPAWN.Process(target=_work, args=(tool[1], site, database, reads_per_s, writes_per_s), daemon=True)
    measured.start()
    found: Cost = tool[0].recv()
    measured.join()
    servers[0].send("over")
    serving.join()
    for end in (*servers, *tool):
        end.close()
    return found


def _serve(ask: Connection[Any, Any]) -> None:
    """Answer pages and statements until somebody says that it is over."""
    from tests.unit.monitors.fake_database import FakeDatabase

    site, database = Server(Clock()), FakeDatabase("127.0.0.1", 0, lambda _: [])
    ask.send((site.port, database.port))
    ask.recv()


def _work(tell: Connection[Any, Any], site: int, database: int, reads_per_s: float, writes_per_s: float) -> None:
    """Read and write for a minute as a run does, then take an hour of the same records at once."""
    where, clock, lags = stack(site, database), Clock(), list[float]()
    good = 0

    def count(record: Record) -> None:
        nonlocal good
        if isinstance(record, (Read, Write)) and WARM_S <= record.due < WARM_S + SECONDS:
            lags.append(record.start - record.due)
            good += record.ok if isinstance(record, Read) else record.outcome == "ok"

    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder)) as journal:
        journal.listen(Steady(clock, ("reads", "rows")).see)
        journal.listen(count)
        streams = [reads.through_service(where, Site(where), reads_per_s, DEADLINE_S, clock, journal.write)]
        if writes_per_s:
            client = Database(where.credentials, where.binding)
            address = f"127.0.0.1:{database}"
            streams.append(writes.rows(lambda: address, client, "load", writes_per_s, DEADLINE_S, clock, journal.write))
        for stream in streams:
            stream.start()
        time.sleep(WARM_S - clock.now())
        began, busy = time.monotonic(), time.process_time()
        time.sleep(SECONDS)
        share = 100 * (time.process_time() - busy) / (time.monotonic() - began)
        resident = _resident_mb()
        for stream in streams:
            stream.stop()
        lag = sorted(lags)[int(len(lags) * 0.99)] * 1000
        answered, due = good, (reads_per_s + writes_per_s) * SECONDS
        tell.send(Cost(share, resident, lag, _grown_mb(journal, reads_per_s, writes_per_s), answered, due))


def _grown_mb(journal: Journal, reads_per_s: float, writes_per_s: float) -> float:
    before = _resident_mb()
    for number in range(int(HOUR_S * (reads_per_s + writes_per_s))):
        due, kind = number / (reads_per_s + writes_per_s), number % 3
        if kind or not writes_per_s:
            journal.write(Read("service", due, due + 0.001, due + 0.02, ok=True, status=200))
        else:
            token = f"load-row-{number}"
            journal.write(Write("row", "rows", number, token, due, due + 0.001, due + 0.02, "ok", key=number))
    return _resident_mb() - before


def _resident_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:"))
