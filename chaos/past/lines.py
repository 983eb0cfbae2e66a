"""`hachaos history` on a terminal: a few lines for each scenario, which need neither width nor colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from chaos.past.index import Past
from chaos.past.runs import FIGURES, MISSING, PAGES, Run
from chaos.past.standing import Standing
from chaos.redact import plain
from chaos.report import words
from chaos.verdict import Verdict

MARK: Final = {verdict.value: mark for verdict, mark in words.MARK.items()} | {MISSING: "·"}

_BARS: Final = "▁▂▃▄▅▆▇█"
_NONE: Final = " "


def text(found: Sequence[Standing], past: Past, last: int) -> str:
    """All of it; `last` is how many runs are shown of each."""
    parts = [*(_of(one, last) for one in found)] or ["no runs"]
    parts += _unread("newer than this hachaos can read", past.newer)
    parts += _unread("not readable", past.unreadable)
    if past.unread:
        parts.append(
            "What cannot be read counts as missing (--fail-on missing): it may be the latest run of any scenario."
        )
    return "\n\n".join(parts)


def sparkline(values: Iterable[float | None]) -> str:
    """A bar for each value, from 0 to the highest; a space where there is none."""
    found = list(values)
    most = max((value for value in found if value is not None), default=0.0)

    def bar(value: float | None) -> str:
        if value is None:
            return _NONE
        return _BARS[min(int(value / most * len(_BARS)), len(_BARS) - 1)] if most else _BARS[0]

    return "".join(map(bar, found))


def name(one: Standing) -> str:
    """Which scenario, on what, where."""
    return f"{one.scenario} on {one.stack}" + (f", {one.target}" if one.target else "")


def state(one: Standing) -> str:
    """How it stands, and whether it got slower."""
    if one.judged.slower:
        return f"{one.state}, slower"
    return f"{one.state}, slow this time" if one.latest.slow else one.state


def told(figure: str, value: float) -> str:
    """A figure's value."""
    return words.latency(value) if figure == PAGES else words.seconds(value)


def slower(one: Standing) -> list[str]:
    """A sentence for each figure that grew by the rule."""
    return [
        f"{FIGURES[each.figure]}: {told(each.figure, each.before_s)} before, {told(each.figure, each.late_s)} in the "
        f"last {one.judged.runs} passing runs (chance alone: p = {each.p:.2g}, {one.judged.before} runs before)"
        for each in one.judged.slower
    ]


def slow(one: Standing) -> list[str]:
    """A sentence for each figure by which the latest passing run stands out."""
    return [
        f"{FIGURES[each.figure]}: {told(each.figure, each.before_s)} before, {told(each.figure, each.latest_s)} in the "
        f"latest passing run ({each.z:.1f} times the spread of the {one.latest.before} before it; none was as slow)"
        for each in one.latest.slow
    ]


def spread(one: Standing, figure: str) -> str:
    """Median and quartiles of a figure, or that it was not measured."""
    known = one.spreads.get(figure)
    if known is None:
        return words.NOT_MEASURED
    middle, lower, upper = (told(figure, value) for value in (known.median_s, known.lower_s, known.upper_s))
    return middle if lower == upper else f"{middle} ({lower} – {upper})"


def counted(runs: Sequence[Run]) -> str:
    """How many runs, and how many of each verdict."""
    numbers = [(verdict, sum(run.verdict == verdict for run in runs)) for verdict in [*Verdict, MISSING]]
    return f"{words.count(len(runs), 'run')}: " + ", ".join(
        f"{number} {verdict}" for verdict, number in numbers if number
    )


def _of(one: Standing, last: int) -> str:
    shown = one.runs[-last:]
    latest = one.runs[-1]
    lines = [
        f"{name(one)}: {state(one)}",
        f"  {'last runs':<13} {''.join(MARK[run.verdict] for run in shown)}  {counted(one.runs)}",
        f"  {'latest':<13} {MARK[latest.verdict]} {latest.verdict}, {words.stamp(latest.began)}"
        + (f": {latest.reason}" if latest.verdict != Verdict.PASS else ""),
    ]
    for figure, called in FIGURES.items():
        # The bars are told in seconds by passing runs alone: without one, the highest bar would stand for nothing.
        bars = sparkline(getattr(run, figure) for run in shown) + "  " if figure in one.spreads else ""
        lines.append(f"  {called:<13} {bars}{spread(one, figure)}")
    if one.first_bad:
        lines.append(f"  {'first bad':<13} {one.first_bad.folder}: {one.first_bad.reason}")
    lines += [f"  {'slower':<13} {sentence}" for sentence in slower(one)]
    lines += [f"  {'slow':<13} {sentence}" for sentence in slow(one)]
    if one.judged.why_not:
        lines.append(f"  {'slower?':<13} not judged: {one.judged.why_not}")
    return "\n".join(plain(line) for line in lines)


def _unread(why: str, folders: Sequence[str]) -> list[str]:
    return [plain(f"{words.count(len(folders), 'folder')} {why}: {', '.join(folders[:5])}")] if folders else []
