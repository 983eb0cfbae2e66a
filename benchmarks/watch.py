"""What was true while another tool broke the stack: visitors and a writer of the benchmarks' own, and SQL in a pod."""

from __future__ import annotations

import dataclasses
import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from chaos.errors import HachaosError
from chaos.stack.database import Database
from chaos.stack.stack import Stack

FAULTS = {"pod": "the master's pod is deleted", "disk": "the master loses its disk"}
MARGIN_S = 10.0
"""How long it is watched before the other tool starts, and after it has ended."""
PAGES_PER_S, ROWS_PER_S = 20, 10
PAGE_S, ROW_S = 2.0, 5.0
FOLLOW_S = 0.5


@dataclass(frozen=True)
class Try:
    """One page that was asked for, or one row that was written. Times are those of the wall clock."""

    start: float
    end: float
    ok: bool
    token: str = ""


class Watch:
    """Visitors and a writer, on schedule whatever the site does. Rows go to the master, wherever its pod is.

    What of the fault the other tool can't do is done last before it starts. What was seen is kept in the folder.
    """

    def __init__(self, stack: Stack, fault: str, folder: Path) -> None:
        self._fault, self._kept = fault, folder / "watch.json"
        self._stack, self._database = stack, Database(stack.credentials, stack.binding)
        self._site, self._mark = stack.site_address(), stack.seed.marker.encode()
        self._master = stack.database_address()
        self._name = f"watch-{time.time_ns()}"
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.pages: list[Try] = []
        self.rows: list[Try] = []
        self._threads = [
            threading.Thread(target=self._follow),
            threading.Thread(target=self._beat, args=(PAGES_PER_S, PAGE_S, self._page)),
            threading.Thread(target=self._beat, args=(ROWS_PER_S, ROW_S, self._row)),
        ]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        try:
            time.sleep(MARGIN_S)
            if self._fault == "disk":
                self._stack.api.delete("PersistentVolumeClaim", "data-mysql-0")
        except BaseException:
            self._over.set()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(MARGIN_S)
        self._over.set()
        for thread in self._threads:
            thread.join()
        tries = {"pages": self.pages, "rows": self.rows}
        self._kept.write_text(json.dumps(tries, default=dataclasses.astuple))

    def _follow(self) -> None:
        while not self._over.wait(FOLLOW_S):
            try:
                self._master = self._stack.database_address()
            except HachaosError:
                continue

    def _beat(self, per_s: int, life_s: float, one: Callable[[int], None]) -> None:
        began, number = time.monotonic(), 0
        with ThreadPoolExecutor(int(per_s * life_s) + 1) as pool:
            while not self._over.wait(max(0.0, began + number / per_s - time.monotonic())):
                pool.submit(one, number)
                number += 1

    def _page(self, _: int) -> None:
        start, ok = time.time(), False
        connection = http.client.HTTPConnection(self._site, timeout=PAGE_S)
        try:
            connection.request("GET", "/", headers={"Host": self._stack.site_host})
            answer = connection.getresponse()
            ok = answer.status == 200 and self._mark in answer.read()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        with self._lock:
            self.pages.append(Try(start, time.time(), ok))

    def _row(self, number: int) -> None:
        start, token = time.time(), f"{self._name}-{number}"
        ok = self._database.insert(self._master, token, "watch", number, ROW_S).outcome == "ok"
        with self._lock:
            self.rows.append(Try(start, time.time(), ok, token))


def outages(tries: Sequence[Try]) -> list[tuple[float, float | None]]:
    """From when the first bad one left to when the next good one did; None where none did."""
    found: list[tuple[float, float | None]] = []
    for one in sorted(tries, key=lambda each: each.start):
        out = bool(found) and found[-1][1] is None
        if one.ok and out:
            found[-1] = (found[-1][0], one.start)
        elif not one.ok and not out:
            found.append((one.start, None))
    return found


def longest_outage(watched: Sequence[Try], since: float) -> str:
    """The longest outage since then, and how many were bad of all since then."""
    tries = [one for one in watched if one.start >= since]
    found, last = outages(tries), max(one.end for one in tries)
    bad = f"{sum(not one.ok for one in tries)} of {len(tries)} bad"
    if not found:
        return f"never, {bad}"
    longest = max(found, key=lambda out: (out[1] or last) - out[0])
    until = "" if longest[1] else ", to the end"
    return f"{(longest[1] or last) - longest[0]:.1f} s{until}, {len(found)} times, {bad}"


def missing(stack: Stack, before: Sequence[str], rows: Sequence[Try]) -> str:
    """How many of all acknowledged rows the master lacks, and where those of before the fault can be read."""
    acknowledged = {*before, *(one.token for one in rows if one.ok)}
    lost = len(acknowledged - peers.held(stack, "mysql-0")["row"])
    return f"{lost} of {len(acknowledged)}; of the {len(before)} before: {peers.readable(stack, before)}"
