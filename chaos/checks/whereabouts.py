"""Where acknowledged writes that the primary lacks still are, and what to do so that they are not lost for good."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from chaos.checks import named, words
from chaos.checks.named import Key
from chaos.history import Write


def of(
    lost: Iterable[Key], tried: Mapping[Key, Write], pods: Mapping[str, Collection[Key]]
) -> tuple[dict[str, Any], ...]:
    """The lost writes by their kind and by the pods that hold them: each is in one entry.

    An entry has `what` and `on` (the pods, none where no pod has it any more), and what `named.whole` says.
    """
    groups: dict[tuple[str, tuple[str, ...]], set[Key]] = {}
    for key in lost:
        on = tuple(sorted(pod for pod, held in pods.items() if key in held))
        groups.setdefault((key[0], on), set()).add(key)
    ordered = sorted(groups.items(), key=lambda one: (one[0][0] != "row", not one[0][1], len(one[0][1]), one[0]))
    return tuple(
        {"what": what, "on": list(on), **named.whole(tried[key] for key in some)} for (what, on), some in ordered
    )


def shared_ids(lost: Iterable[Key], different: Sequence[Mapping[Key, tuple[int, ...]]]) -> int:
    """How many ids of lost writes that some pod holds stand for another write as well, there or elsewhere."""
    bearers: dict[tuple[str, int], set[Key]] = {}
    for key in lost:
        for held in different:
            for number in held.get(key, ()):
                bearers.setdefault((key[0], number), set()).add(key)
    for held in different:
        for key, numbers in held.items():
            for number in numbers:
                if (found := bearers.get((key[0], number))) is not None:
                    found.add(key)
    return sum(len(found) > 1 for found in bearers.values())


def advice(still_on: Sequence[Mapping[str, Any]], shared: int) -> str:
    """What to do with the volumes of pods that hold what the primary lacks: none of them is told to be given up."""
    held = [one for one in still_on if one["on"]]
    pods = sorted({pod for one in held for pod in one["on"]})
    whole = [pod for pod in pods if all(pod in one["on"] for one in held)]
    if whole:
        one = len(whole) == 1
        text = (
            f"{_listed(whole)} {'still holds' if one else 'each still hold'} {_amount(held)} that the primary lacks: "
            f"keep {'that volume' if one else 'these volumes'}, "
            f"and copy them back from {'it' if one else 'one of them'}"
        )
    else:
        where = ", ".join(
            f"{_amount([one])} {'only on' if len(one['on']) == 1 else 'on'} {_listed(one['on'])}" for one in held
        )
        text = (
            f"no single pod holds all that the primary lacks and others still have ({where}): keep all of these "
            f"volumes ({_listed(pods)}), and merge them"
        )
    if shared:
        text += ", not by their ids: " + (
            "one of these stands for several writes"
            if shared == 1
            else f"{shared} of these stand for several writes each"
        )
    gone = [one for one in still_on if not one["on"]]
    number = sum(one["number"] for one in gone)
    return text + (f"; {_amount(gone)} {words.are(number)} on no pod any more" if gone else "")


def _listed(pods: Sequence[str]) -> str:
    """All of them: a volume that is not named may be thrown away."""
    return ", ".join(pods)


def _amount(groups: Iterable[Mapping[str, Any]]) -> str:
    """`137 rows and 4 posts`."""
    numbers: dict[str, int] = {}
    for one in groups:
        numbers[one["what"]] = numbers.get(one["what"], 0) + one["number"]
    return " and ".join(words.count(number, what) for what, number in numbers.items())
