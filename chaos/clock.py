"""One clock for everything that a run records: seconds since the run began."""

from __future__ import annotations

import time


class Clock:
    """Monotonic seconds since it was made, and the wall time of that moment.

    Wall clocks step, so only the beginning is taken from one; every record holds seconds since then.
    """

    def __init__(self) -> None:
        self.started_at = time.time()
        self._zero = time.monotonic()

    def now(self) -> float:
        """Seconds since the run began, to the microsecond."""
        return round(time.monotonic() - self._zero, 6)

    def at(self, monotonic: float) -> float:
        """A reading of `time.monotonic()` in seconds since the run began."""
        return round(monotonic - self._zero, 6)

    def monotonic(self, at: float) -> float:
        """Seconds since the run began as a reading of `time.monotonic()`."""
        return at + self._zero
