"""Ids (P2, R8): none is given out twice or lies before one that was given out, and each stays with its own write."""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Collection, Mapping, Set
from functools import lru_cache
from operator import attrgetter

from chaos.checks import facts, named, words
from chaos.checks.findings import Finding
from chaos.checks.named import Key
from chaos.history import History, Write

_COUNTERS = {"row": "row", "post": "post", "upload": "post"}
"""Whose ids come from one counter: WordPress keeps an upload as a post."""


def rewound(
    history: History, until: float, known: Mapping[Key, Write], pods: Mapping[str, Collection[Key]]
) -> list[Finding]:
    """P2: writes that were given an id that another one had, or a lower one than a write that had ended before.

    Of the writes that were acknowledged until then. `known` are those that were looked for in the databases, `pods` is
    what each of these holds.
    """
    found = []
    for counter, writes in _going_back(history).items():
        late = _rewound([write for write in writes if write.end <= until])
        if late:
            write, earlier = late[0]
            text = (
                f"the ids of {words.count(len(late), counter)} go back: {write.what} {write.token} was given id "
                f"{write.key} after {earlier.what} {earlier.token} had been given {earlier.key}"
            )
            tried = {(named.ENTERED[one.what], one.token): one for one, _ in late}
            items = named.items(tried.keys(), tried, pods if tried.keys() <= known.keys() else {})
            found.append(Finding(f"rewound-{counter}", text, items=items))
    return found


@lru_cache(maxsize=1)
def _going_back(history: History) -> dict[str, list[Write]]:
    """The acknowledged writes of each counter whose ids do not just grow, in the order in which they left."""
    of_counter: dict[str, list[Write]] = defaultdict(list)
    for what, writes in facts.writes(history).items():
        if what in _COUNTERS:
            of_counter[_COUNTERS[what]] += [one for one in writes if one.outcome == "ok" and one.key is not None]
    for writes in of_counter.values():
        writes.sort(key=attrgetter("start"))
    return {
        counter: writes
        for counter, writes in sorted(of_counter.items(), reverse=True)
        if any((one.key or 0) >= (later.key or 0) for one, later in itertools.pairwise(writes))
    }


def _rewound(by_start: list[Write]) -> list[tuple[Write, Write]]:
    """Each write whose id goes back, in the order in which they left, and one that shows it."""
    given: dict[int | None, Write] = {}
    in_flight: list[tuple[float, int, Write]] = []
    highest: Write | None = None
    found = []
    for number, write in enumerate(by_start):
        while in_flight and in_flight[0][0] < write.start:
            ended = heapq.heappop(in_flight)[2]
            highest = ended if highest is None or (ended.key or 0) > (highest.key or 0) else highest
        earlier = given.setdefault(write.key, write)
        if earlier is write and highest is not None and (write.key or 0) < (highest.key or 0):
            earlier = highest
        if earlier is not write:
            found.append((write, earlier))
        heapq.heappush(in_flight, (write.end, number, write))
    return found


def odd(tried: Mapping[Key, Write], late: Set[Key], held: Mapping[Key, tuple[int, ...]]) -> dict[Key, tuple[int, ...]]:
    """What does not lie under the one id that was acknowledged for it in time: little, of all that a pod holds."""
    found = {
        key: numbers
        for key, numbers in held.items()
        if (write := tried.get(key)) is None or write.outcome != "ok" or (write.key,) != numbers
    }
    return found | {key: held[key] for key in late if key in held}


def reassigned(
    tried: Mapping[Key, Write],
    acknowledged: Set[Key],
    pods: Mapping[str, Mapping[Key, Collection[int]]],
    odd_of: Mapping[str, Mapping[Key, Collection[int]]],
    told: Set[Key],
) -> list[Finding]:
    """R8: acknowledged ids that hold another write now, and acknowledged writes that lie under another id.

    `odd_of` is what is `odd` of each pod; `told` are the entries of which it is told anyway that they have several ids.
    """
    entries = [(pod, key, numbers) for pod, found in odd_of.items() for key, numbers in found.items()]
    owners: dict[tuple[str, int | None], set[str]]
    owners = {(key[0], number): set() for _, key, numbers in entries for number in numbers}
    used = {number for _, number in owners}
    # In the order in which they were tried, as they lie in memory: the set's own order takes several times as long.
    for (what, token), write in tried.items() if entries else ():
        if write.key in used and (what, token) in acknowledged and (what, write.key) in owners:
            owners[what, write.key].add(token)
    wrong: set[Key] = set()
    on: set[str] = set()
    for pod, key, numbers in entries:
        mine = tried[key].key if key in acknowledged else None
        others = any(key[1] not in (owners[key[0], number] or (key[1],)) for number in numbers)
        if (others or (mine is not None and mine not in numbers)) and key not in told:
            wrong.add(key)
            on.add(pod)
    found = []
    for what, some in named.by_kind(wrong).items():
        text = (
            f"{words.count(len(some), what)} on {words.names(on)} {words.are(len(some))} under another id than the one "
            "that was acknowledged, or under one that was acknowledged for another"
        )
        found.append(Finding(f"reassigned-{what}", text, items=named.items(some, tried, pods)))
    return found
