"""When requests are due: at a steady rate that does not drift, whatever came of the requests before."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Pacer:
    """The schedule of `rate` requests a second from `start` on (any one clock, seconds)."""

    rate: float
    start: float

    def due(self, number: int) -> float:
        """When request `number` is due, counting from 0."""
        return self.start + number / self.rate

    def next_after(self, now: float) -> int:
        """The number of the first request that is not due yet at `now`."""
        return max(0, math.floor((now - self.start) * self.rate) + 1)
