"""Whether the API server answers: what is known of the cluster is no newer than its last answer."""

from __future__ import annotations

import threading
from collections.abc import Callable

from chaos.clock import Clock
from chaos.errors import ClusterError
from chaos.history import ApiServerSeen, Record
from chaos.stack.stack import Stack

_ASK_EVERY_S = 1.0
_DEADLINE_S = 3.0


class ApiServer:
    """Asks the API server for a sign of life each second, and writes down when it ceases to give one, or does again."""

    def __init__(self, stack: Stack, clock: Clock, write: Callable[[Record], None]) -> None:
        self._stack, self._clock, self._write = stack, clock, write
        self._stop = threading.Event()
        self._answers = threading.Event()
        self._answers.set()
        self._thread = threading.Thread(target=self._run, name="api-server", daemon=True)

    def await_answer(self, timeout_s: float) -> bool:
        """Wait until it answers, as it does unless it was just seen not to; False when it did not in time."""
        return self._answers.wait(timeout_s)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End it. When this returns nothing more is written."""
        self._stop.set()
        self._thread.join(timeout=2 * _DEADLINE_S)

    def _run(self) -> None:
        last = self._clock.now()
        while not self._stop.wait(_ASK_EVERY_S):
            asked = self._clock.now()
            problem = self._problem()
            answers = not problem
            if answers != self._answers.is_set() and not self._stop.is_set():
                self._write(ApiServerSeen(asked, answers, last, problem))
                (self._answers.set if answers else self._answers.clear)()
            last = asked

    def _problem(self) -> str:
        try:
            self._stack.api.ping(_DEADLINE_S)
        except ClusterError as error:
            return str(error)
        return ""
