"""Durations and rates as a scenario writes them: `1m30s`, `20/s`. A number without a unit is never guessed at."""

from __future__ import annotations

import re

LONGEST_S = 24 * 3600.0
"""No duration in a scenario is longer, in seconds."""

HIGHEST_PER_S = 200.0
"""No rate in a scenario is higher, per second."""

_MS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_DURATION = re.compile("".join(rf"(?:({_NUMBER}){unit})?" for unit in _MS))
_PER_S = {"s": 1.0, "m": 60.0}
_RATE = re.compile(rf"({_NUMBER})/([sm])")


def duration(text: str) -> float:
    """Seconds of a duration such as `500ms`, `30s`, `3m`, `1m30s` or `2h`; units from the largest to the smallest.

    Raises ValueError that says what would be right. Zero is read; whoever needs more than zero has to look.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"{shown(text)} is not a duration; write one like 500ms, 30s, 3m or 1m30s")
    ms = sum(float(number) * _MS[unit] for unit, number in zip(_MS, found.groups(), strict=True) if number)
    if ms / 1000 > LONGEST_S:
        raise ValueError(f"{shown(text)} is too long; write 24h at most")
    return ms / 1000


def rate(text: str) -> float:
    """Per second, of a rate such as `20/s` or `30/m`. Raises ValueError that says what would be right."""
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{shown(text)} is not a rate; write one like 20/s or 30/m")
    per_s = float(found[1]) / _PER_S[found[2]]
    if per_s <= 0:
        raise ValueError(f"{shown(text)} is no rate at all; write one above 0, like 1/s")
    if per_s > HIGHEST_PER_S:
        raise ValueError(f"{shown(text)} is too much; write {HIGHEST_PER_S:g}/s at most")
    return per_s


def write_duration(seconds: float) -> str:
    """The duration as a scenario would write it, to the millisecond: 90 -> `1m30s`."""
    left, parts = round(seconds * 1000), []
    for unit, ms in _MS.items():
        count, left = divmod(left, ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def write_rate(per_s: float) -> str:
    """The rate as a scenario would write it: 20 -> `20/s`, 1/60 -> `1/m`."""
    per, unit = (per_s, "s") if per_s >= 1 or round(per_s * 60, 9) % 1 else (per_s * 60, "m")
    return f"{per:.9f}".rstrip("0").rstrip(".") + f"/{unit}"


def shown(value: object) -> str:
    """A value of the user's for an error's line: quoted, short, without anything that breaks the line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:56] + "..." + text[0] * isinstance(value, str)
