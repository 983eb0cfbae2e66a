"""What a check says, and how verdicts merge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from chaos.errors import ExitCode


class Verdict(StrEnum):
    """`unknown` is never a pass."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


EXIT: Final = {Verdict.PASS: ExitCode.PASS, Verdict.FAIL: ExitCode.FAIL, Verdict.UNKNOWN: ExitCode.UNKNOWN}
"""What a command that judges ends with."""


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

    Nobody outside a server knows at which moment of a request's life it was decided whether it would be served, so
    each time is the one that is safe: `last_good` is when the last request that was served before it left,
    `first_bad` when the first bad answer had come (or `last_bad`, where that is earlier), `last_bad` when the last bad
    attempt left, `first_good` when the first good answer after it had come. Where the outage had no beginning or no
    end within what was watched, `last_good` or `first_good` is None and the upper bound is open.
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
        """Seconds from the first bad answer to the last bad attempt; 0 where no two of them lie apart."""
        return self.last_bad - self.first_bad

    @property
    def no_longer_than_s(self) -> float | None:
        """Seconds from the last served request's start to the first good answer after; None when one was not seen."""
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
