"""How latencies are spread: for each stream a histogram, all of them on one logarithmic axis."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final

from chaos.report import words
from chaos.report.summary import Latency
from chaos.report.words import markup as _e

_HEIGHT: Final = 64
_HEAD: Final = 66
_AXIS: Final = 22
_BARS_A_DECADE: Final = 20
_LEAST_S: Final = 1e-4
_LETTER: Final = 2.3
"""Percent of the width that a letter needs, on a phone."""

_LEAST_PX: Final = 2.0
"""A single answer among very many is still seen."""


def draw(latencies: Sequence[Latency], values: Mapping[str, Sequence[float]]) -> str:
    """One SVG of all streams that have values (seconds, by the stream's name); empty where none has."""
    shown = [one for one in latencies if values.get(one.stream)]
    if not shown:
        return ""
    low = math.floor(math.log10(max(min(min(values[one.stream]) for one in shown), _LEAST_S)))
    high = max(math.ceil(math.log10(max(*(one.longest_s for one in shown), _LEAST_S))), low + 1)
    height = len(shown) * (_HEAD + _HEIGHT) + _AXIS

    def x(latency: float) -> float:
        return round((math.log10(max(latency, _LEAST_S)) - low) / (high - low) * 100, 3)

    marks = []
    for decade in range(low, high + 1):
        at = x(10.0**decade)
        anchor = "start" if decade == low else "end" if decade == high else "middle"
        marks.append(f'<line class="grid" x1="{at:g}%" x2="{at:g}%" y1="{_HEAD}" y2="{height - _AXIS + 5}"/>')
        marks.append(f'<text class="tick" x="{at:g}%" y="{height - 4}" text-anchor="{anchor}">{power(decade)}</text>')
    top = 0
    for one in shown:
        marks.append(_stream(one, values[one.stream], top, (low, high)))
        top += _HEAD + _HEIGHT
    told = " ".join(_told(one) for one in shown)
    return (
        f'<svg class="spreads" width="100%" height="{height}" role="img" aria-labelledby="lat-title lat-desc">'
        f'<title id="lat-title">How latencies are spread</title><desc id="lat-desc">{_e(told)}</desc>'
        f"{''.join(marks)}</svg>"
    )


def power(decade: int) -> str:
    """A power of ten of a second, as an axis has it."""
    return f"{10**decade} s" if decade >= 0 else f"{10.0 ** (decade + 3):g} ms"


def _told(one: Latency) -> str:
    ranks = ", ".join(f"p{p:g} {words.latency(value)}" for p, value in one.percentiles_s)
    return f"{words.STREAM.get(one.stream, one.stream)}: {ranks}, longest {words.latency(one.longest_s)}."


def _stream(one: Latency, values: Sequence[float], top: int, decades: tuple[int, int]) -> str:
    low, high = decades
    number = (high - low) * _BARS_A_DECADE
    found = sorted(values)
    edges = [10 ** (low + place / _BARS_A_DECADE) for place in range(1, number)]
    below = [0, *(bisect_left(found, edge) for edge in edges), len(found)]
    counted = [(place, over - under) for place, (under, over) in enumerate(itertools.pairwise(below)) if over > under]
    most, bottom = max(answers for _, answers in counted), top + _HEAD + _HEIGHT
    name = words.STREAM.get(one.stream, one.stream)
    marks = [
        f'<text class="spread-name" x="0" y="{top + 24}">{_e(name)}</text>',
        f'<line class="grid" x1="0" x2="100%" y1="{bottom}" y2="{bottom}"/>',
    ]
    for place, answers in counted:
        tall = max(answers / most * (_HEIGHT - 8), _LEAST_PX)
        between = [words.latency(10 ** (low + (place + end) / _BARS_A_DECADE)) for end in (0, 1)]
        marks.append(
            f'<rect class="bar" x="{place / number * 100:.3f}%" y="{bottom - tall:.1f}" '
            f'width="{100 / number:.3f}%" height="{tall:.1f}">'
            f"<title>{_e(' to '.join(between))}: {words.count(answers, 'answer')}</title></rect>"
        )
    places = [(f"p{p:g}", value) for p, value in one.percentiles_s] + [("longest", one.longest_s)]
    at = [(name, round((math.log10(max(value, _LEAST_S)) - low) / (high - low) * 100, 3)) for name, value in places]
    marks += [
        f'<line class="rank" x1="{x:g}%" x2="{x:g}%" y1="{top + _HEAD - 20 + 13 * (n % 2)}" y2="{bottom}"/>'
        for n, (_, x) in enumerate(at)
    ]
    # In two lines, since neighbours are often close.
    for line in (0, 1):
        for said, x in _together(at[line::2]):
            anchor = "start" if x < 8 else "end" if x > 88 else "middle"
            y = top + _HEAD - 24 + 13 * line
            marks.append(f'<text class="tick" x="{x:g}%" y="{y}" text-anchor="{anchor}">{_e(said)}</text>')
    return "".join(marks)


def _together(places: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """The names of the lines from left to right; those without room for letters of their own stand together."""
    found: list[tuple[str, float]] = []
    for place in places:
        found.append(place)
        while len(found) > 1 and found[-1][1] - found[-2][1] < (len(found[-1][0]) + len(found[-2][0])) / 2 * _LETTER:
            (right, _), (left, at) = found.pop(), found.pop()
            found.append((f"{left}, {right}", at))
    return found
