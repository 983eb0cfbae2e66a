"""How the checks' sentences name figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chaos.verdict import Outage

_NAMED = 4
_REASONS = 3
SAID = 120


def seconds(value: float) -> str:
    """A duration in seconds: `0.42 s`, `31.2 s`."""
    return f"{value:.2f} s" if abs(value) < 9.995 else f"{value:.1f} s"


def bounds(outage: Outage) -> str:
    """How long an outage was, from its lower bound to its upper one."""
    low, high = outage.no_shorter_than_s, outage.no_longer_than_s
    return f"{seconds(low)} or longer" if high is None else f"{seconds(low)} to {seconds(high)}"


def reasons(found: Mapping[str, int]) -> str:
    """`28 hung, 3 refused`: of what bad answers there were, the three most frequent kinds; a time-out hung."""
    often = sorted(found.items(), key=lambda item: -item[1])[:_REASONS]
    return ", ".join(f"{number} {'hung' if reason == 'timeout' else reason}" for reason, number in often)


def count(number: int, one: str, many: str = "") -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def names(found: Iterable[str]) -> str:
    """`mysql-0, mysql-1`; of many the first four."""
    every = sorted(found)
    more = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def gist(text: str) -> str:
    """The first words of what a server said, `SAID` characters at most: it may quote a whole statement."""
    return text if len(text) <= SAID else f"{text[:SAID].rstrip()} ..."


def are(number: int) -> str:
    """`is` of one, `are` of several."""
    return "is" if number == 1 else "are"


def were(number: int) -> str:
    """`was` of one, `were` of several."""
    return "was" if number == 1 else "were"


def how_many(some: int, every: int) -> str:
    """`none`, `all`, or the number."""
    return "none" if not some else "all" if some == every else str(some)
