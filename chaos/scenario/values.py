"""How single values of a scenario are read: text, names, words, durations, rates, counts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from chaos import suggest, units
from chaos.scenario.words import Parameter
from chaos.units import shown

LONGEST_TEXT = 300


class Unfit(ValueError):
    """A value does not fit its key; the text says what it is, and what would be right."""


def text(value: object) -> str:
    """One line of text."""
    if not isinstance(value, str):
        right = "put it in quotes" if isinstance(value, bool | int | float) else "write text"
        raise Unfit(f"{as_written(value)} is not text; {right}")
    if not value.strip() or not value.isprintable():
        raise Unfit(f"{shown(value)} is not one line of text; write one")
    if len(value) > LONGEST_TEXT:
        raise Unfit(f"{len(value)} characters are too many; write {LONGEST_TEXT} at most")
    return value


_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


def label(value: object) -> str:
    """A name as Kubernetes has them (a DNS label, RFC 1123)."""
    found = text(value)
    if not _LABEL.fullmatch(found):
        raise Unfit(f"{shown(found)} is not a name; write lower-case letters, digits and dashes, 63 at most")
    return found


def one_of(what: str, valid: tuple[str, ...]) -> Callable[[object], str]:
    """One of the words that are valid; `what` they are."""

    def read(value: object) -> str:
        found = text(value)
        if found not in valid:
            raise Unfit(f"no {what} {shown(found)}; {suggest.instead_of(found, valid)}")
        return found

    return read


def flag(value: object) -> bool:
    """`true` or `false`."""
    if not isinstance(value, bool):
        raise Unfit(f"{as_written(value)} is neither true nor false; write one of them")
    return value


def path(value: object) -> str:
    """A file's path relative to another file's folder, that does not lead out of it by its words."""
    found = text(value)
    if found.startswith("/") or ".." in found.split("/"):
        raise Unfit(f"{shown(found)} leads out of the suite's folder; write a path within it, like kill-master.yaml")
    return found


def url(value: object) -> str:
    """An http or https URL with a host, and without a password."""
    found = text(value)
    try:
        parts = urlsplit(found)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits or " " in found:
        raise Unfit(f"{shown(found)} is not a URL; write one like https://example.org/health, of http or https")
    if parts.username is not None or parts.password is not None:
        raise Unfit("it holds a user or a password, which reports would show; write one without")
    if parts.fragment:
        raise Unfit(f"{shown(found)} has a fragment, which no server sees; leave out what begins with #")
    return found


def number(value: object) -> float:
    """A number, with or without a fraction."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise Unfit(f"{as_written(value)} is not a number; write one like 0.05")
    return float(value)


def _quantity(value: object, read: Callable[[str], float], example: str, *, zero: bool = False) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        right = value if value > 0 or (zero and value == 0) else 30
        raise Unfit(f"{shown(value)} has no unit; write {example.format(right)}")
    if not isinstance(value, str):
        raise Unfit(f"{as_written(value)} is not a number with a unit; write one like {example.format(30)}")
    return read(value)


def duration(value: object) -> float:
    """Seconds, more than none."""
    found_s = _quantity(value, units.duration, "{0}s or {0}m")
    if found_s <= 0:
        raise Unfit(f"{shown(value)} is no time at all; write more than 0s")
    return found_s


def duration_or_none(value: object) -> float:
    """Seconds; `0s` is right."""
    return _quantity(value, units.duration, "{0}s", zero=True)


def rate(value: object) -> float:
    """Requests per second."""
    return _quantity(value, units.rate, "{0}/s or {0}/m")


def seconds(low: int, high: int) -> Callable[[object], int]:
    """A duration of whole seconds within bounds."""

    def read(value: object) -> int:
        found_s = _quantity(value, units.duration, "{0}s", zero=low <= 0)
        if found_s % 1:
            raise Unfit(f"{shown(value)} has a fraction of a second; write whole seconds")
        if not low <= found_s <= high:
            ends = f"{units.write_duration(low)} to {units.write_duration(high)}"
            raise Unfit(f"{shown(value)} is out of bounds; write {ends}")
        return int(found_s)

    return read


def count(low: int, high: int) -> Callable[[object], int]:
    """A whole number within bounds."""

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Unfit(f"{as_written(value)} does not fit; write a whole number from {low} to {high}")
        return value

    return read


def parameter(words: Parameter) -> Callable[[object], object]:
    """The value of an action's parameter."""
    match words.kind:
        case "seconds":
            return seconds(words.lowest, words.highest)
        case "count":
            return count(words.lowest, words.highest)
        case "word":
            return one_of(words.key, words.words)
        case "name":
            return label


def as_written(value: object) -> str:
    """A value for an error's line, or what kind of value it is."""
    return shown(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else kind(value)


def kind(value: object) -> str:
    """What kind of value stands there, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "text" if isinstance(value, str) else "a number"
