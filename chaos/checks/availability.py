"""Availability (A1, A3): for how long readers and writers were out, reads and writes apart, each with both bounds.

A limit is broken when the lower bound exceeds it, and kept when the upper bound does not.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chaos.checks import facts, outages, words
from chaos.checks.outages import Attempt
from chaos.history import History, Read, Skipped, Step, Write
from chaos.verdict import CheckResult, Outage, Verdict, merge

NAME = "availability"
SERVICE = "service"
PERCENTILES = (50, 95, 99)

GAP_S = 2.0
GAP_INTERVALS = 5
"""A stretch without a request is too long to be unseen above `GAP_S` seconds and `GAP_INTERVALS` sampling intervals."""

ENOUGH = 3
STEADY_S = 2.0
"""So many good answers are wanted before a fault and after it, or one less than `STEADY_S` seconds hold, at least 1."""


@dataclass(frozen=True)
class Stream:
    """One stream of requests through the whole run, in the order in which they left, with its outages.

    `interval_s` is what lies between two requests by the plan; without one, the median of what was seen.
    """

    label: str
    kind: str
    via: str
    attempts: tuple[Attempt, ...]
    starts: tuple[float, ...]
    skipped: tuple[float, ...]
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

    def touching(self, begin: float, end: float) -> list[Outage]:
        """The outages that lasted into [begin, end], also those that began before it or ended after it."""
        return [
            one
            for one in self.outages
            if one.first_bad <= end
            and max(one.last_bad, one.last_bad if one.first_good is None else one.first_good) >= begin
        ]


def check(history: History, step: Step) -> CheckResult:
    """Judge the reads through the Service, the rows and the posts of one step against its limits."""
    streams = _streams(history)
    judged = [stream for stream in streams if stream.via in (SERVICE, "row", "post")]
    limits = {"reads": step.limits.reads_longest_outage_s, "writes": step.limits.writes_longest_outage_s}
    results = [_judge(history, step, stream, limits[stream.kind]) for stream in judged]
    results += [
        (Verdict.UNKNOWN, f"no {kind} were made, so the limit of {words.seconds(limit)} was not put to the test")
        for kind, limit in limits.items()
        if limit is not None and not any(stream.kind == kind for stream in judged)
    ]
    if not results:
        results = [(Verdict.UNKNOWN, "neither reads nor writes were made")]
    verdict = merge(found for found, _ in results)
    return CheckResult(
        NAME,
        verdict,
        "; ".join(sentence for found, sentence in results if found is verdict),
        {stream.label: _figures(step, stream, limits[stream.kind]) for stream in streams if _has_part(step, stream)},
        tuple(one for stream in streams for one in _outages_of(step, stream)),
        _advice(judged, step) if verdict is Verdict.FAIL else None,
    )


def _judge(history: History, step: Step, stream: Stream, limit: float | None) -> tuple[Verdict, str]:
    found = _outages_of(step, stream)
    allowed = "" if limit is None else f" of at most {words.seconds(limit)} allowed"
    if broken := _broken(step, stream.label, found, limit, allowed):
        return Verdict.FAIL, broken
    if problem := _vacuous(history, step, stream) or _undecided(found, limit, allowed):
        return Verdict.UNKNOWN, f"{stream.label}{problem}"
    if not found:
        requests = words.count(len(stream.within(step.begin, step.end)), "request")
        return Verdict.PASS, f"{stream.label} were never out ({requests})"
    shown = max(found, key=lambda one: (one.no_shorter_than_s, _upper(one)))
    times = "" if len(found) == 1 else f" at the longest of {len(found)} times"
    return Verdict.PASS, f"{stream.label} were out for {words.bounds(shown)}{times}{allowed}"


def _broken(step: Step, label: str, found: Sequence[Outage], limit: float | None, allowed: str) -> str:
    """What fails the stream, or nothing."""
    if (still := _still_out(step, found)) is not None:
        return f"{label} were still out at the step's end, since {words.seconds(still.first_bad)} into the run"
    longest = max(found, key=lambda one: one.no_shorter_than_s, default=None)
    if limit is not None and longest is not None and longest.no_shorter_than_s > limit:
        return f"{label} were out for {words.bounds(longest)}{allowed}"
    return ""


def _undecided(found: Sequence[Outage], limit: float | None, allowed: str) -> str:
    """What leaves open how long an outage was, or whether there was one; or nothing."""
    widest = max(found, key=_upper, default=None)
    if widest is None:
        return ""
    how_long = f" were out for {words.bounds(widest)}{allowed}"
    if widest.no_longer_than_s is None:
        side = "beginning" if widest.last_good is None else "end"
        return f"{how_long}: the outage's {side} was not seen"
    if limit is not None and _upper(widest) > limit:
        return f"{how_long}: the limit lies between the two"
    blind = max((_upper(one) for one in found if not one.attempts), default=None)
    return "" if blind is None else f": all requests were skipped for up to {words.seconds(blind)}"


def _upper(outage: Outage) -> float:
    high = outage.no_longer_than_s
    return math.inf if high is None else high


def _still_out(step: Step, found: Iterable[Outage]) -> Outage | None:
    """The outage that was on when the step ended. One bad answer alone, the last of all, does not show that."""
    for one in found:
        if one.attempts >= 2 and one.first_bad <= step.end and (one.first_good is None or one.first_good > step.end):
            return one
    return None


def _vacuous(history: History, step: Step, stream: Stream) -> str:
    """Why the answers seen show nothing (A3), or nothing."""
    at, attempts = facts.fault(history, step), stream.within(step.begin, step.end)
    if at is None:
        return ": nothing was broken in this step"
    if not attempts:
        return ": no request left in this step"
    before = sum(one.good and one.end <= at for one in attempts)
    after = sum(one.good and one.start >= at for one in attempts)
    for number, when in ((before, "before"), (after, "after")):
        if number < stream.enough:
            return f": only {words.count(number, 'good answer')} {when} the fault, {stream.enough} wanted"
    low, high = _gap(history, step, stream)
    if high - low > stream.gap_s:
        return f": no request left for {words.seconds(high - low)} from {words.seconds(low)} into the run on"
    return ""


def _gap(history: History, step: Step, stream: Stream) -> tuple[float, float]:
    starts = stream.starts[bisect.bisect_left(stream.starts, step.begin) : bisect.bisect_right(stream.starts, step.end)]
    return outages.longest_gap(starts, step.begin, _watched_until(history, step), stream.outages)


def _watched_until(history: History, step: Step) -> float:
    """Until when requests had to leave: writers rest from the last thing that was waited for to the step's end."""
    _, after = facts.waits(history, step)
    read = facts.reading_time(step, facts.readings(history, step.index).values())
    return min(max((wait.at for wait in after), default=step.end), read, step.end)


def _outages_of(step: Step, stream: Stream) -> list[Outage]:
    """The step's outages; of a pod, those in which it was asked in this step."""
    found = stream.touching(step.begin, step.end)
    if stream.kind == "reads" and stream.via != SERVICE:
        return [one for one in found if one.last_bad >= step.begin]
    return found


def _has_part(step: Step, stream: Stream) -> bool:
    return bool(stream.within(step.begin, step.end)) or stream.via in (SERVICE, "row", "post")


def _figures(step: Step, stream: Stream, limit: float | None) -> dict[str, Any]:
    attempts = stream.within(step.begin, step.end)
    found = _outages_of(step, stream)
    longest = max(found, key=lambda one: (one.no_shorter_than_s, _upper(one)), default=None)
    bad = [one for one in attempts if not one.good]
    figures: dict[str, Any] = {
        "requests": len(attempts),
        "good": len(attempts) - len(bad),
        "bad": len(bad),
        "reasons": dict(Counter(one.reason or "unnamed" for one in bad)),
        "skipped": bisect.bisect_right(stream.skipped, step.end) - bisect.bisect_left(stream.skipped, step.begin),
        "outages": len(found),
        "longest_no_shorter_than_s": round(longest.no_shorter_than_s, 6) if longest else 0.0,
        "longest_no_longer_than_s": _rounded(longest.no_longer_than_s) if longest else 0.0,
        "latency": _latency(attempts),
    }
    if stream.via in (SERVICE, "row", "post"):
        figures["limit_s"] = limit
    return figures


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _latency(attempts: Sequence[Attempt]) -> dict[str, float]:
    """Seconds from when a request was due to its end, good or bad; percentiles by nearest rank over all of them."""
    taken = sorted(one.end - one.due for one in attempts)
    if not taken:
        return {}
    ranks = {f"p{p}_s": round(taken[max(math.ceil(p / 100 * len(taken)), 1) - 1], 6) for p in PERCENTILES}
    return ranks | {"max_s": round(taken[-1], 6)}


def _advice(judged: Iterable[Stream], step: Step) -> str:
    reasons: Counter[str] = Counter()
    for stream in judged:
        for one in _outages_of(step, stream):
            reasons.update(one.reasons)
    why = ", ".join(f"{number} x {reason}" for reason, number in reasons.most_common(3))
    return f"look at what the pods did in that time; the bad answers were: {why}"


@lru_cache(maxsize=1)
def _streams(history: History) -> tuple[Stream, ...]:
    """All streams of a run: those that the plan wanted, also where nothing came of them, and those that were seen."""
    seen: dict[tuple[str, str], list[Attempt]] = {}
    rates = _rates(history)
    for key, rate in rates.items():
        if rate > 0 and key[1]:
            seen[key] = []
    for read in history.of(Read):
        if _sound(read):
            attempt = Attempt(read.due, read.start, max(read.start, read.end), read.ok, read.reason)
            seen.setdefault(("reads", read.via), []).append(attempt)
    for write in history.of(Write):
        if _sound(write):
            attempt = Attempt(
                write.due,
                write.start,
                max(write.start, write.end),
                write.outcome == "ok",
                write.reason or write.outcome,
            )
            seen.setdefault(("writes", write.what), []).append(attempt)
    skips = _skips(history)
    return tuple(
        _stream(
            kind,
            via,
            attempts,
            skips.get(_label(kind, via), []),
            rates.get((kind, via if kind == "writes" or via == SERVICE else "")),
        )
        for (kind, via), attempts in seen.items()
    )


def _stream(kind: str, via: str, attempts: list[Attempt], skipped: list[float], rate: float | None) -> Stream:
    attempts.sort(key=lambda attempt: attempt.start)
    skipped.sort()
    interval = 1 / rate if rate else _median_interval(attempts)
    found = outages.find(kind, via, attempts, skipped, blind_s=max(GAP_S, GAP_INTERVALS * interval))
    starts = tuple(attempt.start for attempt in attempts)
    return Stream(_label(kind, via), kind, via, tuple(attempts), starts, tuple(skipped), interval, tuple(found))


def _label(kind: str, via: str) -> str:
    if kind == "writes":
        return f"{via}s"
    return "reads" if via == SERVICE else f"reads of {via}"


def _sound(record: Read | Write) -> bool:
    return all(facts.number(value) is not None for value in (record.due, record.start, record.end))


def _rates(history: History) -> dict[tuple[str, str], float]:
    """Requests a second by the plan, for (kind, via); each site pod's are under an empty `via`."""
    workload = facts.plan(history).get("workload")
    if not isinstance(workload, dict):
        return {}
    keys = {
        ("reads", SERVICE): "reads_per_s",
        ("reads", ""): "pod_reads_per_s",
        ("writes", "row"): "writes_per_s",
        ("writes", "post"): "posts_per_s",
    }
    return {
        key: rate for key, name in keys.items() if (rate := facts.number(workload.get(name))) is not None and rate > 0
    }


def _skips(history: History) -> dict[str, list[float]]:
    """When requests were due that never left, by the stream's label (`read service`, `rows`, ...)."""
    found: dict[str, list[float]] = {}
    for record in history.of(Skipped):
        if facts.number(record.due) is None:
            continue
        kind, _, via = record.stream.partition(" ")
        label = _label("reads" if kind.startswith("read") else "writes", via or kind.removesuffix("s"))
        found.setdefault(label, []).append(record.due)
    return found


def _median_interval(attempts: Sequence[Attempt]) -> float:
    gaps = sorted(max(b.start - a.start, 0.0) for a, b in itertools.pairwise(attempts))
    return gaps[len(gaps) // 2] if gaps else 0.0
