"""The streams of requests of a run: who asked or wrote what, when, and in which outages that was not answered."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from operator import attrgetter

from chaos.checks import facts, outages
from chaos.checks.outages import Attempt
from chaos.history import STILL_HANGS, Contents, History, Read, Skipped, Write
from chaos.verdict import Outage

SERVICE = "service"
PAGE, STATIC, UPLOAD = "page", "static", "upload"

GAP_S = 2.0
GAP_INTERVALS = 5
"""A stretch without a request is too long to be unseen above `GAP_S` seconds and `GAP_INTERVALS` sampling intervals."""

ENOUGH = 3
STEADY_S = 2.0
"""So many good answers are wanted before a fault and after it, or one less than `STEADY_S` seconds hold, at least 1."""


@dataclass(frozen=True)
class Name:
    """Which stream it is: `group` is what its limit is for, `what` is asked for or written, `via` as in the records.

    `kind` is that of its outages.
    """

    group: str
    kind: str
    what: str
    via: str

    @staticmethod
    def of_read(what: str, via: str) -> Name:
        """A stream of reads of pages, static files or uploads."""
        return Name("uploads" if what == UPLOAD else "reads", "reads" if what == PAGE else f"read-{what}", what, via)

    @staticmethod
    def of_write(what: str) -> Name:
        """A stream of rows, posts or uploads."""
        kind = "uploads" if what == UPLOAD else "writes"
        return Name(kind, kind, what, what)

    @property
    def is_written(self) -> bool:
        """Whether its requests write rows, posts or uploads."""
        return not self.kind.startswith("read")

    @property
    def of_pod(self) -> bool:
        """Whether it reads a pod at its own address."""
        return not self.is_written and self.via != SERVICE

    @property
    def label(self) -> str:
        """What it is called: `reads`, `rows`, `reads of POD`, `static of POD`."""
        if self.is_written:
            return f"{self.what}s"
        called = "reads" if self.what == PAGE else self.what
        return f"{called} of {self.via}" if self.of_pod else called

    @property
    def verb(self) -> str:
        """`was` or `were`."""
        return "was" if self.of_pod and self.what != PAGE else "were"


@dataclass(frozen=True)
class Stream:
    """One stream of requests through the whole run, in the order in which they left, with its outages.

    `hanging` are those of the skipped that were due while an earlier one hung.
    `interval_s` is what lies between two requests by the plan; without one, the median of what was seen.
    """

    name: Name
    attempts: tuple[Attempt, ...]
    starts: tuple[float, ...]
    skipped: tuple[float, ...]
    hanging: tuple[float, ...]
    interval_s: float
    outages: tuple[Outage, ...]

    @property
    def gap_s(self) -> float:
        """A longer stretch without a request leaves open whether service was there."""
        return max(GAP_S, GAP_INTERVALS * self.interval_s)

    @property
    def enough(self) -> int:
        """So many good answers show that service was there."""
        return max(1, math.floor(min(ENOUGH, STEADY_S / self.interval_s - 1))) if self.interval_s > 0 else ENOUGH

    def within(self, begin: float, end: float) -> Sequence[Attempt]:
        """The attempts that left in [begin, end]."""
        return self.attempts[bisect.bisect_left(self.starts, begin) : bisect.bisect_right(self.starts, end)]

    def skipped_within(self, begin: float, end: float) -> Sequence[float]:
        """When the skipped requests were due that were so in [begin, end]."""
        return self.skipped[bisect.bisect_left(self.skipped, begin) : bisect.bisect_right(self.skipped, end)]

    def touching(self, begin: float, end: float) -> list[Outage]:
        """The outages that lasted into [begin, end], also those that began before it or ended after it."""
        return [
            one
            for one in self.outages
            if one.first_bad <= end
            and max(one.last_bad, one.last_bad if one.first_good is None else one.first_good) >= begin
        ]


@lru_cache(maxsize=1)
def of(history: History) -> tuple[Stream, ...]:
    """All streams of a run: those that the plan wanted, also where nothing came of them, and those that were seen."""
    rates = _rates(history)
    seen: dict[Name, list[Attempt]] = {name: [] for name in rates if name.via}
    of_reads: dict[tuple[str, str], list[Attempt]] = {}
    for read in history.of(Read):
        due, start, end = read.due, read.start, read.end
        # Without a call for nearly all: a run has very many.
        if (type(due) is type(start) is type(end) is float and -inf < due + start + end < inf) or _sound(read):
            found = of_reads.get((read.what, read.via))
            if found is None:
                found = of_reads[read.what, read.via] = seen.setdefault(Name.of_read(read.what, read.via), [])
            reason = f"{read.reason} {read.status}" if read.reason == "status" and read.status else read.reason
            found.append(Attempt(due, start, end if end > start else start, read.ok, reason))
    for what, writes in facts.writes(history).items():
        attempts = seen.setdefault(Name.of_write(what), [])
        for write in writes:
            due, start, end = write.due, write.start, write.end
            if (type(due) is type(start) is type(end) is float and -inf < due + start + end < inf) or _sound(write):
                good = write.outcome == "ok"
                attempts.append(Attempt(due, start, end if end > start else start, good, write.reason or write.outcome))
    skips = _skips(history)
    rests = sorted(reading.at for reading in history.of(Contents))
    return tuple(
        _stream(
            name,
            attempts,
            skips.get(name.label, []),
            rests if name.is_written else [],
            rates.get(Name.of_read(name.what, "") if name.of_pod else name),
        )
        for name, attempts in seen.items()
    )


def of_readers(history: History) -> Stream:
    """The requests as readers send them: for the page, through the Service."""
    name = Name.of_read(PAGE, SERVICE)
    found = (one for one in of(history) if one.name == name)
    return next(found, Stream(name, (), (), (), (), 0.0, ()))


def _stream(
    name: Name, attempts: list[Attempt], skips: list[Skipped], rests: list[float], rate: float | None
) -> Stream:
    attempts.sort(key=attrgetter("start"))
    skipped = sorted(one.due for one in skips)
    hanging = sorted(one.due for one in skips if one.reason == STILL_HANGS)
    interval = 1 / rate if rate else _median_interval(attempts)
    blind = max(GAP_S, GAP_INTERVALS * interval)
    found = outages.find(name.kind, name.via, attempts, skipped, blind_s=blind, rests=rests)
    starts = tuple(attempt.start for attempt in attempts)
    return Stream(name, tuple(attempts), starts, tuple(skipped), tuple(hanging), interval, tuple(found))


def _sound(record: Read | Write) -> bool:
    return all(facts.number(value) is not None for value in (record.due, record.start, record.end))


def _rates(history: History) -> dict[Name, float]:
    """Requests a second by the plan; those of each site pod are under an empty `via`."""
    workload = facts.plan(history).get("workload")
    if not isinstance(workload, dict):
        return {}
    keys = {
        Name.of_read(PAGE, SERVICE): "reads_per_s",
        Name.of_read(PAGE, ""): "pod_reads_per_s",
        Name.of_read(STATIC, ""): "file_reads_per_s",
        Name.of_read(UPLOAD, ""): "file_reads_per_s",
        Name.of_write("row"): "writes_per_s",
        Name.of_write("post"): "posts_per_s",
        Name.of_write(UPLOAD): "uploads_per_s",
    }
    return {
        name: rate for name, key in keys.items() if (rate := facts.number(workload.get(key))) is not None and rate > 0
    }


def _skips(history: History) -> dict[str, list[Skipped]]:
    """The requests that were due and never left, by the stream's label.

    A stream of reads is named `read VIA`, `static POD` or `upload POD` when it skips, one of writes `rows` or the like.
    """
    found: dict[str, list[Skipped]] = {}
    for record in history.of(Skipped):
        if facts.number(record.due) is None:
            continue
        kind, _, via = record.stream.partition(" ")
        what = {"read": PAGE, "reads": PAGE}.get(kind, kind)
        name = Name.of_read(what, via) if via else Name.of_write(kind.removesuffix("s"))
        found.setdefault(name.label, []).append(record)
    return found


def _median_interval(attempts: Sequence[Attempt]) -> float:
    gaps = sorted(max(b.start - a.start, 0.0) for a, b in itertools.pairwise(attempts))
    return gaps[len(gaps) // 2] if gaps else 0.0
