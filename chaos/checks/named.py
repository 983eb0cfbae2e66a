"""How a finding names the writes that it is about: tokens, ids, times, and the pods that hold or lack them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from chaos.history import Write

Key: TypeAlias = tuple[str, str]
"""What a write is known by: (`row`, `post`, `attachment` or `upload`, token)."""

ATTACHMENT = "attachment"

ENTERED: dict[str, str] = {"row": "row", "post": "post", "upload": ATTACHMENT}
"""What a database's entry of each kind of write is called. Of an upload it is WordPress's attachment, not the file."""

SHOWN = 20
"""So many writes of each finding are named, the first that were acknowledged."""


_ALIKE = 3


def by_kind(found: Iterable[Key]) -> dict[str, set[Key]]:
    """The writes of each kind: rows, posts."""
    kinds: dict[str, set[Key]] = {}
    for key in found:
        kinds.setdefault(key[0], set()).add(key)
    return dict(sorted(kinds.items(), reverse=True))


def whole(writes: Iterable[Write]) -> dict[str, Any]:
    """All of these writes of one kind, in few words, so that none of them has to be left out.

    How many; the ids that they were acknowledged under, as `ranges`, or the tokens of those without; and when, in
    seconds since the run began, the first and the last of them was acknowledged.
    """
    found = sorted(writes, key=lambda write: write.end)
    told = [*ranges({write.key for write in found if write.key is not None})]
    told += [write.token for write in found if write.key is None]
    return {"number": len(found), "ids": ", ".join(told), "first_at_s": found[0].end, "last_at_s": found[-1].end}


def ranges(numbers: Iterable[int]) -> Iterator[str]:
    """The numbers in order, neighbours as `1-40`, those at equal distances as `7, 9, ... 295`."""
    rest = sorted(numbers)
    while rest:
        apart = rest[1] - rest[0] if len(rest) > 1 else 0
        number = next((n for n in range(1, len(rest)) if rest[n] - rest[n - 1] != apart), len(rest))
        if apart == 1:
            yield f"{rest[0]}-{rest[number - 1]}"
        elif number > _ALIKE:
            yield f"{rest[0]}, {rest[1]}, ... {rest[number - 1]}"
        else:
            number = 1
            yield f"{rest[0]}"
        rest = rest[number:]


def items(
    found: Collection[Key], tried: Mapping[Key, Write], pods: Mapping[str, Collection[Key]]
) -> tuple[dict[str, Any], ...]:
    """Of the first of these writes each: kind, token, ids, outcome and when it came, the pods with it and without.

    `id` is the acknowledged one; `held_as` are those under which it is there. What nobody tried has no outcome.
    """
    first = sorted(found, key=lambda key: (tried[key].end if key in tried else 0.0, key))[:SHOWN]
    return tuple(_item(key, tried.get(key), pods) for key in first)


def torn(
    what: str, pod: str, pods: Mapping[str, Sequence[tuple[int, str]]], writes: Iterable[Write]
) -> tuple[dict[str, Any], ...]:
    """Of the first entries of a pod that can't be read whole each: its id, what is known of the write, and the pods.

    An entry without a token is known by its id alone: `token`, `outcome` and `at_s` are those of the (last) write that
    was acknowledged under it, and the token else what another pod holds under it, or nothing. `on` are the pods that
    hold it whole, `torn_on` those where it is torn, `not_on` those that have no entry under this id.
    """
    numbers = set(sorted({number for number, token in pods[pod] if not token})[:SHOWN])
    held = {one: {number: token for number, token in found if number in numbers} for one, found in pods.items()}
    under = [write for write in writes if ENTERED.get(write.what) == what and write.key in numbers]
    known = {write.key: write for write in sorted(under, key=lambda write: (write.end, write.token))}
    found = []
    for number in sorted(numbers):
        on = sorted(one for one, entries in held.items() if entries.get(number))
        write = known.get(number)
        token = write.token if write is not None else next((held[one][number] for one in on), "")
        said: dict[str, Any] = {"what": what, "token": token}
        if write is not None:
            said |= {"outcome": write.outcome, "at_s": write.end, "id": number}
        torn_on = sorted(one for one, entries in held.items() if entries.get(number) == "")
        not_on = sorted(one for one, entries in held.items() if number not in entries)
        found.append(said | {"held_as": [number], "on": on, "torn_on": torn_on, "not_on": not_on})
    return tuple(found)


def _item(key: Key, write: Write | None, pods: Mapping[str, Collection[Key]]) -> dict[str, Any]:
    on = sorted(pod for pod, held in pods.items() if key in held)
    said: dict[str, Any] = {"what": key[0], "token": key[1]}
    if write is not None:
        said |= {"outcome": write.outcome, "at_s": write.end}
        said |= {} if write.key is None else {"id": write.key}
    numbers: set[int] = set()
    for pod in on:
        held = pods[pod]
        if isinstance(held, Mapping):
            numbers.update(held[key])
    if numbers:
        said["held_as"] = sorted(numbers)
    return said | {"on": on, "not_on": sorted(pods.keys() - set(on))} if pods else said
