"""The trend page: one HTML file that opens offline; how each scenario's figures went from run to run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final
from urllib.parse import quote

from chaos import __version__
from chaos.past import lines, rule, slow_run
from chaos.past.index import Past
from chaos.past.runs import FIGURES, MISSING, Run
from chaos.past.standing import ABOUT, BROKEN, SOUND, Standing
from chaos.report import page, words
from chaos.report.words import markup as _e
from chaos.verdict import Verdict

_MOST_DRAWN: Final = 120
_MOST_LISTED: Final = 30
_MOST_MARKS: Final = 15
_HEIGHT: Final = 90
_TOP: Final = 10


def render(found: Sequence[Standing], past: Past, reports: Path, path: Path) -> str:
    """The page's text. Its links lead from `path`, where it will be, to the reports of the runs."""
    styles = "".join(
        resources.files(package).joinpath(name).read_text(encoding="utf-8")
        for package, name in (("chaos.report", "report.css"), ("chaos.past", "trend.css"))
    )
    to_reports = Path(os.path.relpath(reports.resolve(), path.resolve().parent))
    each = "\n".join(_one(number, one, to_reports) for number, one in enumerate(found))
    parts = [_head(found), _overview(found), f'<section>\n<h2 id="each">Run by run</h2>\n{each}\n</section>']
    parts += [
        _unread("that only a newer hachaos can read", past.newer),
        _unread("that cannot be read", past.unreadable),
    ]
    latest = max((run.began for one in found for run in one.runs), default=None)
    footer = f"hachaos {__version__}" + (f" · latest run {words.stamp(latest)}" if latest is not None else "")
    return page.whole("Trend of resilience", styles, "overview", "\n".join(filter(None, parts)), footer)


def _head(found: Sequence[Standing]) -> str:
    worse = sum(one.regressed for one in found)
    flaky = sum(one.state not in {SOUND, BROKEN} for one in found)
    if not found:
        sentence, css = "There are no runs yet.", "unknown"
    elif worse:
        sentence, css = f"{words.count(worse, 'scenario')} of {len(found)} got worse.", "fail"
    elif any(one.state == BROKEN for one in found):
        sentence, css = "Nothing got worse, but not everything passes.", "fail"
    elif flaky:
        sentence, css = f"{flaky} of {words.count(len(found), 'scenario')} cannot be relied on.", "unknown"
    else:
        sentence, css = "Nothing got worse.", "pass"
    return (
        f'<header class="{css}">\n<p class="over"><span>Trend</span>'
        f"<span>{_e(words.count(sum(len(one.runs) for one in found), 'run'))}</span></p>\n<h1>{_e(sentence)}</h1>\n"
        f'<p class="reason">{_e(_rule())}</p>\n</header>'
    )


def _rule() -> str:
    return (
        f"Slower: by their ranks, the last {rule.LAST} passing runs took longer than up to {rule.MOST} before them; "
        f"false alarms in {rule.ALPHA:.1%} of judgements at most. Slow this time: the latest passing run stands out of "
        f"them by {slow_run.BOUND:g} times their spread ({slow_run.BOUND_PAGES:g} for pages), and none of "
        "them was as slow. Flaky or broken: whether so many bad runs at the end would be chance, were runs bad as "
        "often as before."
    )


def _overview(found: Sequence[Standing]) -> str:
    rows = [
        (
            f'<a href="#s{number}">{_e(one.scenario)}</a><br><span class="hint">{_e(_where(one))}</span>',
            _state(one),
            _verdicts(one.runs[-_MOST_MARKS:]),
            *(_e(lines.spread(one, figure)) for figure in FIGURES),
        )
        for number, one in enumerate(found)
    ]
    head = ("Scenario", "Stands", "Last runs", *(called.capitalize() for called in FIGURES.values()))
    caption = "Each scenario on each stack. Figures are the median and the quartiles of the latest passing runs."
    return f'<section>\n<h2 id="overview">Overview</h2>\n{page.table(caption, head, rows)}\n</section>'


def _where(one: Standing) -> str:
    return f"{one.stack}, {one.target}" if one.target else one.stack


def _state(one: Standing) -> str:
    css = "fail" if one.regressed or one.state == BROKEN else "pass" if one.state == SOUND else "unknown"
    said = lines.state(one).removeprefix(f"{SOUND}, ")
    return f'<span class="badge {css}">{_e(said)}</span>'


def _verdicts(runs: Sequence[Run]) -> str:
    marks = "".join(lines.MARK[run.verdict] for run in runs)
    said = ", ".join(run.verdict for run in runs)
    return f'<span class="verdicts" role="img" aria-label="{_e(said)}">{_e(marks)}</span>'


def _one(number: int, one: Standing, reports: Path) -> str:
    shown = one.runs[-_MOST_DRAWN:]
    facts = [_e(f"{words.sentence(lines.counted(one.runs))} {words.sentence(ABOUT[one.state])}")]
    if one.first_bad:
        facts.append(f"First bad run: {_link(one.first_bad, reports)}. {_e(words.sentence(one.first_bad.reason))}")
    facts += [f"<b>Slower.</b> {_e(words.sentence(sentence))}" for sentence in lines.slower(one)]
    facts += [f"<b>Slow this time.</b> {_e(words.sentence(sentence))}" for sentence in lines.slow(one)]
    if one.judged.why_not:
        facts.append(_e(f"Whether it got slower is not judged yet: {one.judged.why_not}."))
    plots = "".join(_plot(one, figure, called, shown) for figure, called in FIGURES.items())
    told = "".join(f"<p>{fact}</p>" for fact in facts)
    return (
        f'<article aria-labelledby="s{number}">\n<h3 id="s{number}">{_e(lines.name(one))} {_state(one)}</h3>\n{told}\n'
        f'<div class="plots">{plots}</div>\n{_listed(one, reports)}\n</article>'
    )


def _plot(one: Standing, figure: str, called: str, runs: Sequence[Run]) -> str:
    values: list[float | None] = [getattr(run, figure) for run in runs]
    known = [value for value in values if value is not None]
    head = f"<h4>{_e(called.capitalize())}: {_e(lines.spread(one, figure))}</h4>"
    if not known:
        return head
    most = max(known) or 1.0
    bottom = _TOP + _HEIGHT

    def x(place: int) -> float:
        return (place + 0.5) / len(runs) * 100

    def y(value: float) -> float:
        return bottom - value / most * _HEIGHT

    marks = [f'<line class="grid" x1="0" x2="100%" y1="{bottom}" y2="{bottom}"/>']
    marks += [f'<text x="100%" dx="6" y="{y(v) + 4:.1f}">{_e(lines.told(figure, v))}</text>' for v in (0.0, most)]
    if figure in one.spreads:
        middle = y(one.spreads[figure].median_s)
        marks.append(f'<line class="middle" x1="0" x2="100%" y1="{middle:.1f}" y2="{middle:.1f}"/>')
    points = " ".join(f"{x(n) * 10:.1f},{y(v):.1f}" for n, v in enumerate(values) if v is not None)
    size = f'width="100%" height="{bottom + _TOP}"'
    marks.append(
        f'<svg {size} viewBox="0 0 1000 {bottom + _TOP}" preserveAspectRatio="none">'
        f'<polyline class="path" points="{points}"/></svg>'
    )
    for place, (run, value) in enumerate(zip(runs, values, strict=True)):
        said = f"{words.stamp(run.began)}: {run.verdict}"
        said += "" if value is None else f", {called} {lines.told(figure, value)}"
        marks.append(
            f'<circle class="{run.verdict}" cx="{x(place):.2f}%" cy="{bottom if value is None else y(value):.1f}" '
            f'r="{3.5 if run.verdict == "pass" else 5}"><title>{_e(said)}</title></circle>'
        )
    label = f"{called} of {lines.name(one)}, {words.count(len(runs), 'run')}, from 0 to {lines.told(figure, most)}"
    return f'{head}<svg class="trend" role="img" aria-label="{_e(label)}" {size}>{"".join(marks)}</svg>'


def _listed(one: Standing, reports: Path) -> str:
    rows = [
        (
            _link(run, reports),
            _badge(run),
            *(_e("–" if (v := getattr(run, figure)) is None else lines.told(figure, v)) for figure in FIGURES),
            _e("" if run.verdict == "pass" else words.sentence(run.reason)),
        )
        for run in reversed(one.runs[-_MOST_LISTED:])
    ]
    head = ("Run", "Verdict", *(called.capitalize() for called in FIGURES.values()), "Why")
    listed = page.table("The latest runs, the newest first.", head, rows)
    return f"<details><summary>{_e(words.count(len(rows), 'run'))}, the newest first</summary>{listed}</details>"


def _badge(run: Run) -> str:
    if run.verdict == MISSING:
        return f'<span class="badge unknown"><span aria-hidden="true">{lines.MARK[MISSING]}</span> missing</span>'
    return page.badge(Verdict(run.verdict))


def _link(run: Run, reports: Path) -> str:
    moment = words.stamp(run.began)
    if run.verdict == MISSING or run.ended == "cut off":
        return _e(moment)
    return f'<a href="{_e(quote((reports / run.folder / "report.html").as_posix()))}">{_e(moment)}</a>'


def _unread(why: str, folders: Sequence[str]) -> str:
    return f'<p class="hint">Folders {why}: {_e(", ".join(folders[:20]))}</p>' if folders else ""
