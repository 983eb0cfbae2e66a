"""The valid word that somebody may have meant."""

from __future__ import annotations

from collections.abc import Collection

_SHORT_LIST = 10


def nearest(word: str, valid: Collection[str]) -> str | None:
    """The valid word nearest to this one, if any is near."""
    from difflib import get_close_matches

    by_folded = {each.casefold(): each for each in valid}
    # difflib's time grows with the square of the length, and no valid word is long.
    close = get_close_matches(word[:64].casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def instead_of(word: str, valid: Collection[str]) -> str:
    """What to write instead of a word that is not valid: the nearest, and all of them where they are few."""
    near = nearest(word, valid)
    listed = f"valid: {', '.join(valid)}" if len(valid) <= _SHORT_LIST else ""
    if near is None:
        return listed or "see docs/scenarios.md"
    return f"did you mean {near!r}?" + (f" ({listed})" if listed else "")
