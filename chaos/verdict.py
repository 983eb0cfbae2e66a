"""What a check says, and how verdicts merge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """`unknown` is never a pass."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


def merge(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict for many: fail beats unknown beats pass (as in Jepsen's checkers); nothing at all is unknown."""
    seen = set(verdicts)
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS):
        if verdict in seen:
            return verdict
    return Verdict.UNKNOWN


@dataclass(frozen=True)
class Outage:
    """A stretch without service, in seconds since the run began.

    The last good answer before it ended at `last_good`, the first bad attempt began at `first_bad`, the last bad
    attempt began at `last_bad` and the first good answer after it came at `first_good`. Where the outage had no
    beginning or no end within what was watched, `last_good` or `first_good` is None and the upper bound is open.
    """

    kind: str
    via: str
    last_good: float | None
    first_bad: float
    last_bad: float
    first_good: float | None
    attempts: int
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def no_shorter_than_s(self) -> float:
        """Seconds from the first bad attempt to the last one."""
        return self.last_bad - self.first_bad

    @property
    def no_longer_than_s(self) -> float | None:
        """Seconds from the last good answer to the first good one after; None when one of them was not seen."""
        if self.last_good is None or self.first_good is None:
            return None
        return self.first_good - self.last_good


@dataclass(frozen=True)
class CheckResult:
    """What one check says of one step: the verdict, why, and the figures that decided it (JSON values)."""

    name: str
    verdict: Verdict
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)
    outages: tuple[Outage, ...] = ()
    advice: str | None = None
