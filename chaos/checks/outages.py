"""Outages in a stream of requests that left on a schedule, with bounds that hold wherever requests were decided.

A request leaves at `start` and ends at `end`; somewhere between the two the server decided whether to serve it. So a
bad answer proves that service was out at one moment in [start, end], and a good one that it was there at one moment in
its own. With E = the earliest end of a stretch's bad attempts and S = their latest start, the service was out before E
and still (or again) out after S, therefore no shorter than S - E. A good answer that left after E came after the
outage, and its end bounds it from above; one that left before the first bad attempt and ended before S came before the
outage, and its start bounds it from below. One that was in flight all the while proves neither and is not used.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from chaos.verdict import Outage

SKIPPED = "skipped"


@dataclass(slots=True, unsafe_hash=True)
class Attempt:
    """One request of a stream; times in seconds since the run began.

    Nobody changes one. It is not frozen, as a run has very many, and each would take twice as long to make.
    """

    due: float
    start: float
    end: float
    good: bool
    reason: str = ""


@dataclass
class _Stretch:
    """Bad attempts and skipped ones with no good answer that surely lies between two of them.

    `follows` = none lies between it and the stretch before it either: only a rest of the tool's own does.
    """

    began: float
    skips: int = 0
    bad: int = 0
    first_skip: float = math.inf
    last_skip: float = -math.inf
    follows: bool = False
    seen_until: float = -math.inf
    earliest_end: float = math.inf
    latest_start: float = -math.inf
    first_good: float = math.inf
    last_good: float | None = None
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def surely_on(self) -> float:
        """A good answer that left after this moment lies after the outage's beginning."""
        return self.earliest_end if self.bad else self.first_skip

    @property
    def surely_still_on(self) -> float:
        """A good answer that ended before this moment, and left before the first bad attempt, lies before it."""
        return self.latest_start if self.bad else self.last_skip

    def add_bad(self, attempt: Attempt) -> None:
        if not self.bad:
            # An answer that left after the first skipped one need not have left after this bad one had ended.
            self.first_good = math.inf
        self.bad += 1
        self.seen_until = max(self.seen_until, attempt.end)
        self.earliest_end = min(self.earliest_end, attempt.end)
        self.latest_start = max(self.latest_start, attempt.start)
        self.reasons[attempt.reason or "unnamed"] += 1

    def add_skip(self, due: float) -> None:
        self.skips += 1
        self.seen_until = max(self.seen_until, due)
        self.first_skip = min(self.first_skip, due)
        self.last_skip = max(self.last_skip, due)
        self.reasons[SKIPPED] += 1


def find(
    kind: str,
    via: str,
    attempts: Iterable[Attempt],
    skipped: Sequence[float] = (),
    *,
    blind_s: float = 1.0,
    rests: Sequence[float] = (),
) -> list[Outage]:
    """The outages of one stream, in order.

    `skipped` are the times at which requests were due that never left. They are no proof of an outage, and none of
    service: inside an outage they are counted with it, and a stretch that has nothing else is one with a lower bound
    of 0 where its upper bound is longer than `blind_s` seconds.

    `rests` are moments at which the tool itself sent nothing. Bad attempts before such a rest and after it do not show
    that service was out all the while: they are outages of their own, each of which may have lasted through the rest.
    """
    ordered = sorted(attempts, key=attrgetter("start"))
    stretches = _stretches(ordered, sorted(skipped), sorted(rests), blind_s)
    if not stretches:
        return []
    _find_last_good(stretches, [attempt for attempt in ordered if attempt.good])
    for before, after in reversed(list(itertools.pairwise(stretches))):
        if after.follows:
            before.first_good = after.first_good
    return [
        _outage(kind, via, stretch)
        for stretch in stretches
        if stretch.bad or stretch.last_good is None or stretch.first_good - stretch.last_good > blind_s
    ]


def _stretches(
    attempts: Sequence[Attempt], skipped: Sequence[float], rests: Sequence[float], blind_s: float
) -> list[_Stretch]:
    found: list[_Stretch] = []
    marks: Iterable[tuple[float, Attempt | None]] = ((attempt.start, attempt) for attempt in attempts)
    if skipped:
        marks = heapq.merge(marks, ((due, None) for due in skipped), key=lambda mark: mark[0])
    for at, attempt in marks:
        if attempt is not None and attempt.good:
            # One that left after it came back says nothing new.
            if found and at < found[-1].first_good and at >= found[-1].surely_on:
                found[-1].first_good = min(found[-1].first_good, attempt.end)
            continue
        if not found or at >= found[-1].first_good:
            found.append(_Stretch(at))
        elif at - found[-1].seen_until > blind_s and _any_between(rests, found[-1].seen_until, at):
            found.append(_Stretch(at, follows=True))
        if attempt is None:
            found[-1].add_skip(at)
        else:
            found[-1].add_bad(attempt)
    return found


def _any_between(moments: Sequence[float], low: float, high: float) -> bool:
    return bisect.bisect_right(moments, low) < bisect.bisect_left(moments, high)


def _find_last_good(stretches: Sequence[_Stretch], good: Sequence[Attempt]) -> None:
    """Both moments that an answer is held against only grow from stretch to stretch, so each is looked at once.

    From the latest back to the first that will do: those before it left earlier, and a run has very many.
    """
    left: list[tuple[float, float]] = []
    position, latest = 0, -math.inf
    for stretch in stretches:
        still_on = stretch.surely_still_on
        begin, position = position, bisect.bisect_right(good, stretch.began, position, key=attrgetter("start"))
        for at in range(position - 1, begin - 1, -1):
            if good[at].end <= still_on:
                latest = max(latest, good[at].start)
                break
            heapq.heappush(left, (good[at].end, good[at].start))
        while left and left[0][0] <= still_on:
            latest = max(latest, heapq.heappop(left)[1])
        stretch.last_good = latest if latest > -math.inf else None


def _outage(kind: str, via: str, stretch: _Stretch) -> Outage:
    last_bad = stretch.latest_start if stretch.bad else stretch.first_skip
    return Outage(
        kind=kind,
        via=via,
        last_good=stretch.last_good,
        first_bad=min(stretch.earliest_end, last_bad),
        last_bad=last_bad,
        first_good=stretch.first_good if math.isfinite(stretch.first_good) else None,
        attempts=stretch.bad,
        reasons=dict(stretch.reasons),
    )


def longest_gap(
    starts: Sequence[float], begin: float, until: float, outages: Iterable[Outage] = ()
) -> tuple[float, float]:
    """The longest stretch within [begin, until] in which no request left, as (from, to); known outages don't count.

    `starts` is in order. What an outage covers is not unseen: it is counted in that outage's bounds.
    """
    covered = sorted(
        (-math.inf if one.last_good is None else one.last_good, math.inf if one.first_good is None else one.first_good)
        for one in outages
        if one.attempts
    )
    since = [low for low, _ in covered]
    reach = list(itertools.accumulate((high for _, high in covered), max))
    edges = [begin, *starts[bisect.bisect_left(starts, begin) : bisect.bisect_right(starts, until)], until]
    longest, width = (begin, begin), 0.0
    for low, high in itertools.pairwise(edges):
        if high - low > width:
            earlier = bisect.bisect_right(since, low)
            if not earlier or reach[earlier - 1] < high:
                longest, width = (low, high), high - low
    return longest
