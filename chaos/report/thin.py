"""What is thinned out so that a long run can be drawn, and what never is: an outage, a bad state, an extreme.

Nothing here makes a figure; whatever is too short or too many to be seen apart is drawn as one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chaos.checks.slow import nearest_rank
from chaos.verdict import Outage

_LEAST_S = 1e-3

Stretch = tuple[str, float, float]
"""A state, when it began and when it was over."""


@dataclass(frozen=True)
class Bucket:
    """The latencies of one stretch of time, in seconds: the least, median, 99th percentile, and the most of them."""

    low: float
    median: float
    p99: float
    high: float


def buckets(values: Iterable[tuple[float, float]], span: float, number: int) -> list[Bucket | None]:
    """Pairs of (moment, latency) in `number` stretches of equal length; None where one has no value."""
    sorted_in: list[list[float]] = [[] for _ in range(number)]
    last = number - 1
    for at, latency in values:
        place = int(at / span * number)
        # Clamped without a call for each: a run has very many.
        sorted_in[place if 0 <= place <= last else 0 if place < 0 else last].append(latency)
    found: list[Bucket | None] = []
    for bucket in sorted_in:
        bucket.sort()
        if bucket:
            found.append(Bucket(bucket[0], nearest_rank(bucket, 50.0), nearest_rank(bucket, 99.0), bucket[-1]))
        else:
            found.append(None)
    return found


def most(values: Iterable[tuple[float, int]], span: float, number: int) -> dict[int, int]:
    """Of pairs of (moment, value) the highest in each of `number` stretches of equal length, where there is one."""
    found: dict[int, int] = {}
    for at, value in values:
        place = min(max(int(at / span * number), 0), number - 1)
        found[place] = max(found.get(place, value), value)
    return found


def outages(found: Iterable[Outage], closer_than: float, at_most: int) -> list[tuple[Outage, int]]:
    """Outages as they are drawn, and how many each of them stands for: those closer to each other become one.

    Where that leaves more than `at_most`, what lies farther apart becomes one too.
    """
    drawn = _joined([(outage, 1) for outage in sorted(found, key=lambda one: one.first_bad)], closer_than)
    while len(drawn) > max(at_most, 1):
        closer_than = max(2 * closer_than, _LEAST_S)
        drawn = _joined(drawn, closer_than)
    return drawn


def _joined(found: Iterable[tuple[Outage, int]], closer_than: float) -> list[tuple[Outage, int]]:
    drawn: list[tuple[Outage, int]] = []
    for outage, number in found:
        if drawn and outage.first_bad - drawn[-1][0].last_bad < closer_than:
            last, so_far = drawn[-1]
            goods = (last.first_good, outage.first_good)
            both = Outage(
                last.kind, last.via, last.last_good, last.first_bad, max(last.last_bad, outage.last_bad),
                None if None in goods else max(good for good in goods if good is not None),
                last.attempts + outage.attempts,
            )  # fmt: skip
            drawn[-1] = (both, so_far + number)
        else:
            drawn.append((outage, number))
    return drawn


def states(
    changes: Sequence[tuple[str, float]], end: float, shortest: float, rank: Mapping[str, int], at_most: int
) -> list[Stretch]:
    """Changes to a state, in order of time, as stretches of at least `shortest`; the last of them lasts until `end`.

    A state that lasted less is prolonged where it is worse (has a higher rank) than what came next, and left out where
    it is not: then what came next begins earlier. Where that leaves more than `at_most` stretches, they become longer.
    """
    found = _stretched(changes, end, shortest, rank)
    while len(found) > max(at_most, 2):
        shortest = max(2 * shortest, _LEAST_S)
        found = _stretched(changes, end, shortest, rank)
    return found


def _stretched(
    changes: Sequence[tuple[str, float]], end: float, shortest: float, rank: Mapping[str, int]
) -> list[Stretch]:
    found: list[Stretch] = []
    drawn_to, prolonged = changes[0][1] if changes else 0.0, False
    for (state, at), following in itertools.zip_longest(changes, changes[1:]):
        until = end if following is None else following[1]
        if at < drawn_to and until <= drawn_to:
            if rank[state] > rank[found[-1][0]]:
                found[-1] = (state, *found[-1][1:])
            continue
        short = until - drawn_to < shortest
        if short and following is not None and rank[state] <= rank[following[0]]:
            continue
        begin, drawn_to = drawn_to, drawn_to + shortest if short else until
        if found and found[-1][0] == state and not prolonged and not short:
            found[-1] = (state, found[-1][1], drawn_to)
        else:
            found.append((state, begin, drawn_to))
        prolonged = short
    return found
