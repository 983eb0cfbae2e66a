"""An open-loop stream of requests: each leaves when it is due, and a bounded number is in flight."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from chaos.clock import Clock
from chaos.history import Note, Record, Skipped
from chaos.monitors.pacer import Pacer

_MOST_IN_FLIGHT = 64

Request = Callable[[float], Record | None]
"""Carries out the request that was due at a time (seconds since the run began); what came of it, or None."""


class Stream:
    """Sends `request` at `rate` a second. A due request that finds no place in flight is written down as skipped.

    The bound is what the rate and the deadline call for (a server that answers nothing has rate x deadline requests
    open), and 64 at most: an open loop without a bound drowns the site by itself. One that is overdue by more than its
    deadline, since this machine was too busy to send it, is skipped as well.
    """

    def __init__(
        self,
        name: str,
        rate: float,
        deadline_s: float,
        request: Request,
        clock: Clock,
        write: Callable[[Record], None],
    ) -> None:
        self.name = name
        self._rate, self._deadline_s, self._request, self._clock, self._write = rate, deadline_s, request, clock, write
        self._bound = min(_MOST_IN_FLIGHT, math.ceil(rate * deadline_s) + 2)
        self._pool = ThreadPoolExecutor(self._bound, thread_name_prefix=name)
        self._in_flight: set[float] = set()
        self._changed = threading.Condition()
        self._open = threading.Event()
        self._open.set()
        self._stop = threading.Event()
        self._closed = False
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def hold(self) -> None:
        """Send nothing new, without waiting for what is in flight."""
        with self._changed:
            self._open.clear()

    def pause(self, timeout_s: float) -> int:
        """Send nothing new and wait for what is in flight, `timeout_s` at most; how many requests still are."""
        self.hold()
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight, timeout_s)
            return len(self._in_flight)

    def await_answers(self, until: float, timeout_s: float) -> None:
        """Wait for the answers to what was due before a time, `timeout_s` at most, while others go on to leave."""
        with self._changed:
            self._changed.wait_for(lambda: min(self._in_flight, default=until) >= until, timeout_s)

    def resume(self) -> None:
        """Go on with the requests that are due from now on; those of the pause are not made up for."""
        self._open.set()

    def stop(self) -> None:
        """End it. When this returns nothing more is written."""
        self._stop.set()
        self._open.set()
        self._thread.join()
        self.pause(self._deadline_s + 1)
        with self._writing:
            self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        pacer = Pacer(self._rate, self._clock.now())
        number = 0
        while not self._stop.is_set():
            if not self._open.is_set():
                self._open.wait()
                number = pacer.next_after(self._clock.now())
                continue
            due = pacer.due(number)
            wait = due - self._clock.now()
            if wait > 0 and self._stop.wait(wait):
                return
            number += 1
            self._send(due)

    def _send(self, due: float) -> None:
        with self._changed:
            # Asked with the lock in hand: whoever pauses may count on it that nothing leaves after what it counted.
            if self._stop.is_set() or not self._open.is_set():
                return
            if len(self._in_flight) >= self._bound:
                reason = f"{len(self._in_flight)} in flight"
            elif self._clock.now() - due > self._deadline_s:
                reason = "the tool was late"
            else:
                reason = ""
                self._in_flight.add(due)
        if reason:
            self._put(Skipped(self.name, due, reason))
        else:
            self._pool.submit(self._carry_out, due).add_done_callback(lambda done: self._ended(due, done))

    def _carry_out(self, due: float) -> None:
        record = self._request(due)
        if record is not None:
            self._put(record)

    def _ended(self, due: float, done: Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        try:
            if error is not None:
                self._put(Note(self._clock.now(), f"{self.name}: a request broke off: {error!r}"))
        finally:
            with self._changed:
                self._in_flight.discard(due)
                self._changed.notify_all()

    def _put(self, record: Record) -> None:
        with self._writing:
            if not self._closed:
                self._write(record)
