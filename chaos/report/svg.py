"""The timeline: one inline SVG whose rows share one axis of time.

Horizontal places are percentages, so that the drawing follows the page's width while its letters keep their size.
Vertical ones are pixels and equal the heights of the row labels, which are HTML beside the drawing. What is too narrow
to be seen is drawn merged with its neighbour; no figure is taken from here.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from chaos.checks.streams import Name
from chaos.history import QUIET, ActionBegun, PodSeen, Read, ReplicaSeen, Write
from chaos.report import thin, words
from chaos.report.distribution import power
from chaos.report.summary import SERVICE, Summary, is_read
from chaos.report.words import markup as _e
from chaos.verdict import Outage

ROW, HEAD, AXIS, CHART = 24, 34, 30, 76
"""Heights in pixels: of a row, a group's heading, an axis, a latency chart."""

MAX_POD_ROWS: Final = 30
_WRITES: Final = {"row": "Writes, SQL rows", "post": "Writes, posts", "upload": "Writes, uploads"}
_AT_PODS: Final = {
    "reads": "Reads at each pod",
    "read-static": "Static file of each pod",
    "read-upload": "Picture of each pod",
}
_MERGE = 1 / 1000
_SHORTEST = 1 / 500
"""The share of the run below which two outages are not drawn apart, and a state not by itself."""

_LETTER = 1.25
"""Percent of the width that a letter takes at most."""

_NARROW_LETTER = 5.0
"""The same on a narrow page."""

_NARROW_TICKS = 7
"""Of up to so many times on the axis a narrow page shows every second one, of more every third."""

_FEWEST_LETTERS = 8
"""A name that would be cut to fewer is not drawn."""

_NO_ROOM = 80.0
"""Percent of the width from which on letters go to the left."""

_WIDE = 0.35
"""The share of the run that has room for letters."""

_MOST_BARS = 600
_FEWEST_BARS = 12
"""So many bars are drawn at most in all rows of a kind together, but so few in each of them at any rate."""

_BUCKETS = 160
_FEWEST_BUCKETS = 24
_IN_A_BUCKET = 5
_LABELLED = 6
_TICKS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)

DEFS: Final = """<defs>
<pattern id="p-possible" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
<rect class="p-possible-ground" width="5" height="5"/><rect class="p-possible-line" width="2" height="5"/></pattern>
<pattern id="p-unready" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">\
<rect class="p-unready-ground" width="5" height="5"/><rect class="p-unready-line" width="2" height="5"/></pattern>
<pattern id="p-flapping" width="4" height="4" patternUnits="userSpaceOnUse">\
<rect class="p-possible-ground" width="4" height="4"/><rect class="p-possible-line" width="2.5" height="4"/></pattern>
<pattern id="p-stopped" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">\
<rect class="p-stopped-ground" width="6" height="6"/><rect class="p-stopped-line" width="1.5" height="6"/></pattern>
<pattern id="p-ending" width="4" height="4" patternUnits="userSpaceOnUse">\
<circle class="p-ending-dot" cx="2" cy="2" r="1.1"/></pattern>
</defs>"""

LEGEND: Final = (
    ("up", "watched and answering"),
    ("certain", "out, for certain"),
    ("possible", "out, possibly"),
    ("flapping", "in and out, too quickly to be drawn apart"),
    ("ready", "pod ready"),
    ("unready", "running, not ready"),
    ("pending", "pending"),
    ("ending", "being terminated"),
    ("stopped", "replication stopped"),
    ("silent", "no answer"),
    ("lag", "replication lag"),
    ("p50", "median"),
    ("p99", "99th percentile"),
    ("spread", "fastest to slowest"),
)


@dataclass(frozen=True)
class Label:
    """The HTML label of one row. `kind` is axis, head, row or chart; `height` is in pixels."""

    text: str
    height: int
    kind: str = "row"


@dataclass
class _Drawing:
    span: float
    labels: list[Label] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    y: int = 0

    def x(self, at: float) -> float:
        """A moment's place in percent, kept within the drawing."""
        return round(min(max(at / self.span, 0.0), 1.0) * 100, 3)

    def row(self, text: str, height: int = ROW, kind: str = "row") -> int:
        """Begin a row; its top."""
        top = self.y
        self.labels.append(Label(text, height, kind))
        self.y += height
        return top

    def bar(self, css: str, begin: float, end: float, top: float, height: float, title: str = "") -> None:
        left, right = self.x(begin), self.x(end)
        name = f"<title>{_e(title)}</title>" if title else ""
        self.marks.append(
            f'<rect class="{css}" x="{left:g}%" y="{top:g}" width="{max(right - left, 0):.3f}%" height="{height:g}">'
            f"{name}</rect>"
        )

    def line(self, css: str, x1: float, y1: float, x2: float, y2: float) -> None:
        self.marks.append(f'<line class="{css}" x1="{self.x(x1):g}%" y1="{y1:g}" x2="{self.x(x2):g}%" y2="{y2:g}"/>')

    def text(self, css: str, at: float, y: float, text: str) -> None:
        """Letters that begin at a moment, or end there when there is no room to the right of it."""
        apart = 'dx="-5" text-anchor="end"' if self.x(at) > _NO_ROOM else 'dx="5"'
        self.marks.append(f'<text class="{css}" x="{self.x(at):g}%" y="{y:g}" {apart}>{_e(text)}</text>')

    def clipped(self, css: str, begin: float, end: float, top: float, height: float, text: str, short: str) -> None:
        """Letters that end before `end`: shortened where there is no room, none where nothing of them can be told.

        A narrow page has `short` in their place.
        """
        left, right = self.x(begin), self.x(end)
        width = max(right - left, 0.0)
        forms = (
            (f"{css} wide", fitted(text, width / _LETTER)),
            (f"{css} narrow", fitted(short, width / _NARROW_LETTER)),
        )
        shown = "".join(
            f'<text class="{form}" x="6" y="{height - 8:g}">{_e(told)}</text>' for form, told in forms if told
        )
        self.marks.append(
            f'<svg x="{left:g}%" y="{top:g}" width="{width:.3f}%" height="{height:g}">{shown}'
            f"<title>{_e(text)}</title></svg>"
        )


def fitted(text: str, room: float) -> str:
    """As much of a text as there is room for, in letters: all, a beginning that still tells something, or nothing."""
    if len(text) <= room:
        return text
    return f"{text[: int(room) - 1].rstrip()}…" if room >= _FEWEST_LETTERS else ""


def timeline(summary: Summary) -> tuple[list[Label], str]:
    """The labels of the rows and the drawing, equally high."""
    drawing = _Drawing(max(summary.duration_s, 0.001))
    _steps(drawing, summary)
    top = drawing.y
    axis = drawing.row("", AXIS, "axis")
    _answers(drawing, summary)
    _pods(drawing, summary.history.of(PodSeen))
    _replication(drawing, summary.history.of(ReplicaSeen))
    _latency(drawing, summary)
    ground = _ground(drawing, summary, axis)
    for action in _faults(summary):
        drawing.line("fault-line", action.at, top, action.at, drawing.y)
    description = _description(summary)
    picture = (
        f'<svg class="timeline" width="100%" height="{drawing.y}" role="img" aria-labelledby="tl-title tl-desc">'
        f'<title id="tl-title">Timeline of the run</title><desc id="tl-desc">{_e(description)}</desc>'
        f"{DEFS}{ground}{''.join(drawing.marks)}</svg>"
    )
    return drawing.labels, picture


def swatch(kind: str) -> str:
    """A small sample of one kind of mark, for the legend."""
    mark = (
        f'<line class="{kind}" x1="0" y1="6" x2="26" y2="6"/>'
        if kind in ("up", "p50", "p99")
        else f'<rect class="{kind}" x="0.5" y="0.5" width="25" height="11"/>'
    )
    return f'<svg class="swatch" width="26" height="12" aria-hidden="true">{mark}</svg>'


def _description(summary: Summary) -> str:
    parts = [f"The run lasted {words.seconds(summary.duration_s)}."]
    parts += [
        f"{action.action} of {', '.join(action.objects)} at {words.clock(action.at)}." for action in _faults(summary)
    ]
    parts += [
        f"{outage.kind} via {outage.via} out from {words.clock(outage.first_bad)} for {words.bounds(outage)}."
        for outage in [one for one in summary.outages if one.via == SERVICE or not is_read(one)][:_LABELLED]
    ]
    return " ".join(parts) + " All of it is told in words below."


def _faults(summary: Summary) -> list[ActionBegun]:
    return [action for step in summary.steps if step.step.action not in QUIET for action in step.begun]


def _steps(drawing: _Drawing, summary: Summary) -> None:
    top = drawing.row("Steps", ROW + 4)
    for step in summary.steps:
        begin, end = step.step.begin, step.step.end
        drawing.bar("step-bar", begin, end, top + 2, ROW, words.step(step.step))
        name = words.step(step.step).replace(" · ", "  ", 1)
        short = f"{step.step.index + 1}" if step.step.of_plan else name
        drawing.clipped("step-name", begin, end, top + 2, ROW, name, short)
    actions = _faults(summary)
    if not actions:
        return
    top = drawing.row("Faults", ROW + 4)
    for number, action in enumerate(actions):
        until = actions[number + 1].at if number + 1 < len(actions) else drawing.span
        what = f"{action.action} {', '.join(action.objects)}"
        mark = f'<path class="fault" d="M-5 0H5L0 8Z"><title>{_e(what)}</title></path>'
        drawing.marks.append(f'<svg class="loose" x="{drawing.x(action.at):g}%" y="{top + 8}">{mark}</svg>')
        if drawing.x(action.at) > 70:
            drawing.text("fault-name wide", action.at, top + 17, what)
            drawing.text("fault-name narrow", action.at, top + 17, action.action)
        else:
            drawing.clipped("fault-name", action.at, until, top + 1, ROW, what, action.action)


def _ground(drawing: _Drawing, summary: Summary, axis: int) -> str:
    """What lies behind the marks: the windows of the steps and the lines of the axis."""
    marks, drawing.marks = drawing.marks, []
    for step in summary.steps:
        drawing.bar("window", step.step.begin, step.step.end, axis, drawing.y - axis)
    tick = next((s for s in _TICKS_S if drawing.span / s <= 10), drawing.span)
    ticks = int(drawing.span / tick + 1e-9) + 1
    kept = 2 if ticks <= _NARROW_TICKS else 3
    for number in range(ticks):
        at = number * tick
        drawing.line("grid", at, axis + AXIS - 8, at, drawing.y)
        anchor = "start" if number == 0 else "end" if drawing.x(at) > 97 else "middle"
        minutes, rest = divmod(round(at, 1), 60)
        drawing.marks.append(
            f'<text class="tick{" wide" if number % kept else ""}" x="{drawing.x(at):g}%" y="{axis + AXIS - 13}" '
            f'text-anchor="{anchor}">'
            f"{int(minutes)}:{rest:0{4 if tick < 1 else 2}.{1 if tick < 1 else 0}f}</text>"
        )
    ground, drawing.marks = "".join(drawing.marks), marks
    return ground


def _answers(drawing: _Drawing, summary: Summary) -> None:
    reads, writes = summary.history.of(Read), summary.history.of(Write)
    # By the kind of their outages and the way they went.
    left: dict[tuple[str, str], list[float]] = defaultdict(list)
    for read in reads:
        left[read.what, read.via].append(read.start)
    starts = {(Name.of_read(what, via).kind, via): found for (what, via), found in left.items()}
    left = defaultdict(list)
    for write in writes:
        left[write.what, ""].append(write.start)
    starts |= {(Name.of_write(what).kind, what): found for (what, _), found in left.items()}
    grouped: dict[tuple[str, str], list[Outage]] = defaultdict(list)
    for outage in summary.outages:
        grouped[outage.kind, outage.via].append(outage)

    at_most = max(_FEWEST_BARS, _MOST_BARS // max(len(starts), 1))

    def stream(text: str, key: tuple[str, str], *, labelled: bool) -> None:
        top = drawing.row(text)
        for begin, end in _watched(starts.get(key, [])):
            drawing.line("up", begin, top + ROW / 2, end, top + ROW / 2)
        # A pod is drawn as out only while it was asked: not before it was made, nor after it was deleted.
        since = 0.0 if labelled else min(starts[key])
        until = drawing.span if labelled else max(starts[key])
        drawn = thin.outages(grouped.get(key, []), drawing.span * _MERGE, at_most)
        named = _named(drawing, [outage for outage, _ in drawn]) if labelled and len(drawn) <= _LABELLED else []
        # What was out for certain is drawn over what may have been: two outages may share what was not seen.
        for certain in (False, True):
            for outage, merged in drawn:
                side = next((side for one, side in named if one is outage), "") if certain else ""
                _outage(drawing, outage, top, merged, (since, until), certain=certain, named=side)

    drawing.row("Answers", HEAD, "head")
    if ("reads", SERVICE) in starts:
        stream("Reads", ("reads", SERVICE), labelled=True)
    for key in sorted(
        (key for key in starts if not key[0].startswith("read")), key=lambda key: (key[0] == "uploads", key)
    ):
        stream(_WRITES.get(key[1], key[1]), key, labelled=True)
    for kind, text in _AT_PODS.items():
        through = sorted(via for of, via in starts if of == kind and via != SERVICE)
        if through:
            drawing.row(text, HEAD, "head")
            for via in through[:MAX_POD_ROWS]:
                stream(via, (kind, via), labelled=False)
            _left_out(drawing, len(through) - MAX_POD_ROWS)


def _watched(starts: list[float]) -> list[tuple[float, float]]:
    """The stretches in which requests left, without the pauses between them."""
    if not starts:
        return []
    starts = sorted(starts)
    gaps = sorted(b - a for a, b in itertools.pairwise(starts))
    pause = max(1.5, 4 * gaps[len(gaps) // 2]) if gaps else 1.5
    found, begin = [], starts[0]
    for a, b in itertools.pairwise(starts):
        if b - a > pause:
            found.append((begin, a))
            begin = b
    return [*found, (begin, starts[-1])]


def _named(drawing: _Drawing, drawn: list[Outage]) -> list[tuple[Outage, str]]:
    """Those whose name finds room beside them without hiding another outage or its name, and where: the longest first.

    `inside`: on its own certain part, which is over whatever may have been. Else `right` of it or `left`.
    """
    taken: list[tuple[float, float, Outage | None]] = [
        (drawing.x(_begin(one)), drawing.x(_end(one, drawing.span)), one) for one in drawn
    ]
    found = []
    for outage in sorted(drawn, key=lambda one: -one.no_shorter_than_s):
        if outage.no_shorter_than_s > drawing.span * _WIDE:
            found.append((outage, "inside"))
            continue
        begin, end = drawing.x(_begin(outage)), drawing.x(_end(outage, drawing.span))
        wide = len(words.bounds(outage)) * _LETTER
        for side, left, right in (("right", end, end + wide), ("left", begin - wide, begin)):
            has_room = end <= _NO_ROOM if side == "right" else begin >= 100 - _NO_ROOM
            if has_room and not any(one is not outage and left < to and since < right for since, to, one in taken):
                taken.append((left, right, None))
                found.append((outage, side))
                break
    return found


def _begin(outage: Outage) -> float:
    return outage.first_bad if outage.last_good is None else outage.last_good


def _end(outage: Outage, span: float) -> float:
    return span if outage.first_good is None else outage.first_good


def _outage(
    drawing: _Drawing,
    outage: Outage,
    top: float,
    merged: int,
    asked: tuple[float, float],
    *,
    certain: bool,
    named: str,
) -> None:
    begin = min(asked[0], outage.first_bad) if outage.last_good is None else outage.last_good
    end = max(asked[1], outage.last_bad) if outage.first_good is None else outage.first_good
    title = f"{outage.kind} via {outage.via}: out for {words.bounds(outage)}, from {words.clock(outage.first_bad)}"
    if merged > 1:
        title = (
            f"{outage.kind} via {outage.via}: {merged} outages from {words.clock(outage.first_bad)}, too close to be "
        )
        title += "drawn apart"
    if certain:
        css = "certain" if merged == 1 else "flapping"
        drawing.bar(css, outage.first_bad, outage.last_bad, top + 3, ROW - 6, title)
    else:
        for left, right in ((begin, outage.first_bad), (outage.last_bad, end)):
            if right > left:
                drawing.bar("possible", left, right, top + 5, ROW - 10, f"{title} (possibly out)")
    if merged > 1 or not named:
        return
    css, at, apart = {
        "inside": ("inside-name", outage.first_bad, 'dx="10"'),
        "right": ("outage-name", end, 'dx="5"'),
        "left": ("outage-name", begin, 'dx="-5" text-anchor="end"'),
    }[named]
    where = f'x="{drawing.x(at):g}%" y="{top + ROW / 2 + 4:g}"'
    drawing.marks.append(f'<text class="{css}" {where} {apart}>{_e(words.bounds(outage))}</text>')


def pod_state(pod: PodSeen) -> str:
    """Where a pod is in its life: gone, ending, ready, pending, unready."""
    if pod.change.lower() == "deleted":
        return "gone"
    if pod.terminating:
        return "ending"
    if pod.ready:
        return "ready"
    return "pending" if pod.phase == "Pending" else "unready"


_STATE_WORDS: Final = {
    "ending": "being terminated",
    "ready": "ready",
    "pending": "pending",
    "unready": "running, not ready",
}


def _pods(drawing: _Drawing, seen: Sequence[PodSeen]) -> None:
    lives: dict[tuple[str, str], dict[str, list[PodSeen]]] = defaultdict(lambda: defaultdict(list))
    for pod in seen:
        lives[pod.role.split("/", maxsplit=1)[0], pod.name][pod.uid].append(pod)
    if not lives:
        return
    drawing.row("Pods", HEAD, "head")
    at_most = max(_FEWEST_BARS, _MOST_BARS // max(sum(len(uids) for uids in lives.values()), 1))
    for (_, name), uids in sorted(lives.items())[:MAX_POD_ROWS]:
        top = drawing.row(name)
        for number, life in enumerate(sorted(uids.values(), key=lambda life: life[0].at)):
            if number:
                drawing.line("new-pod", life[0].at, top + 2, life[0].at, top + ROW - 2)
            node = next((f" on {pod.node}" for pod in reversed(life) if pod.node), "")
            for state, begin, end in _segments(life, drawing.span, at_most):
                told = f"{name}: {_STATE_WORDS[state]} from {words.clock(begin)} to {words.clock(end)}{node}"
                drawing.bar(state, begin, end, top + 7.5, ROW - 15, told)
    _left_out(drawing, len(lives) - MAX_POD_ROWS)


_POD_RANK: Final = {"ready": 0, "pending": 1, "unready": 2, "ending": 3}


def _segments(life: Sequence[PodSeen], span: float, at_most: int) -> list[thin.Stretch]:
    """A pod's states in order with begin and end."""
    changes: list[tuple[str, float]] = []
    end = span
    for pod in life:
        state = pod_state(pod)
        if state == "gone":
            end = pod.at
            break
        if not changes or changes[-1][0] != state:
            changes.append((state, pod.at))
    return thin.states(changes, end, span * _SHORTEST, _POD_RANK, at_most)


def _left_out(drawing: _Drawing, number: int) -> None:
    if number > 0:
        drawing.row(f"and {number} more, not drawn")


def _replication(drawing: _Drawing, seen: Sequence[ReplicaSeen]) -> None:
    pods: dict[str, list[ReplicaSeen]] = defaultdict(list)
    for record in seen:
        pods[record.pod].append(record)
    replicas = {pod: found for pod, found in pods.items() if any(one.io_running is not None for one in found)}
    if not replicas:
        return
    drawing.row("Replication", HEAD, "head")
    at_most = max(_FEWEST_BARS, _MOST_BARS // len(replicas))
    for pod, found in sorted(replicas.items())[:MAX_POD_ROWS]:
        top = drawing.row(pod)
        changes: list[tuple[str, float]] = []
        for one in found:
            state = _replica_state(one)
            if not changes or changes[-1][0] != state:
                changes.append((state, one.at))
        stretches = thin.states(changes, found[-1].at, drawing.span * _SHORTEST, _REPLICA_RANK, at_most)
        for state, begin, end in stretches:
            if state == "running":
                drawing.line("up", begin, top + ROW / 2, end, top + ROW / 2)
            elif state != "source":
                name = {"stopped": "replication stopped", "silent": "no answer"}[state]
                drawing.bar(state, begin, end, top + 7.5, ROW - 15, f"{pod}: {name} from {words.clock(begin)}")
        lags = [(one.at, one.lag_s) for one in found if one.lag_s]
        if lags:
            most = max(lag for _, lag in lags)
            for bucket, lag in sorted(thin.most(lags, drawing.span, _BUCKETS).items()):
                height = max(2.0, (ROW - 6) * lag / most)
                begin = bucket * drawing.span / _BUCKETS
                drawing.bar("lag", begin, begin + drawing.span / _BUCKETS, top + ROW - 3 - height, height)
            drawing.marks.append(f'<text class="tick" x="100%" dx="6" y="{top + ROW / 2 + 4:g}">lag ≤ {most} s</text>')


_REPLICA_RANK: Final = {"source": 0, "running": 1, "silent": 2, "stopped": 3}


def _replica_state(one: ReplicaSeen) -> str:
    if one.error:
        return "silent"
    if one.io_running is None and one.sql_running is None:
        return "source"
    return "running" if one.io_running == "Yes" and one.sql_running == "Yes" else "stopped"


def _latency(drawing: _Drawing, summary: Summary) -> None:
    if not summary.answers:
        return
    drawing.row("Latency", HEAD, "head")
    for stream, answers in summary.answers.items():
        _chart(drawing, _CHARTS.get(stream, stream), answers)


_LEAST_S: Final = 1e-4
_CHARTS: Final = {"reads": "Reads", "rows": "SQL rows", "posts": "Posts", "uploads": "Uploads"}


def _chart(drawing: _Drawing, name: str, values: Sequence[tuple[float, float]]) -> None:
    """Median, 99th percentile and the extremes in each of the buckets of time, on a logarithmic scale."""
    top = drawing.row(name, CHART, "chart")
    # A percentile of one or two answers is none, so a short run gets wider buckets.
    number = min(_BUCKETS, max(_FEWEST_BUCKETS, len(values) // _IN_A_BUCKET))
    buckets = thin.buckets(values, drawing.span, number)
    low = max(min(bucket.low for bucket in buckets if bucket), _LEAST_S)
    high = max(low, *(bucket.high for bucket in buckets if bucket))
    decades = (math.floor(math.log10(low)), max(math.ceil(math.log10(high)), math.floor(math.log10(low)) + 1))
    inner = CHART - 24

    def y(latency: float) -> float:
        return 12 + inner * (1 - (math.log10(max(latency, _LEAST_S)) - decades[0]) / (decades[1] - decades[0]))

    for decade in range(decades[0], decades[1] + 1):
        drawing.line("level", 0, top + y(10.0**decade), drawing.span, top + y(10.0**decade))
        if decade in decades:
            drawing.marks.append(
                f'<text class="tick" x="100%" dx="6" y="{top + y(10.0**decade) + 4:g}">{power(decade)}</text>'
            )
    at, longest = max(values, key=itemgetter(1))
    title = f"{name}: the longest took {words.latency(longest)}, at {words.clock(at)}"
    drawing.marks.append(
        f'<svg x="0" y="{top}" width="100%" height="{CHART}" viewBox="0 0 1000 {CHART}" preserveAspectRatio="none">'
        f"<title>{_e(title)}</title>{''.join(_lines(buckets, y))}</svg>"
    )
    drawing.text("peak", min(max(at, 0.0), drawing.span), top + y(high) - 4, words.latency(longest))


def _lines(buckets: Sequence[thin.Bucket | None], y: Callable[[float], float]) -> Iterator[str]:
    """The band between the extremes, and the lines over it, broken where nothing was answered."""
    wide = 1000 / len(buckets)
    for answered, some in itertools.groupby(enumerate(buckets), key=lambda one: one[1] is not None):
        run = [(place, bucket) for place, bucket in some if bucket]
        if not answered or not run:
            continue
        edges = [(place * wide, (place + 1) * wide, bucket) for place, bucket in run]
        upper = [f"{x:.1f},{y(bucket.high):.1f}" for *both, bucket in edges for x in both]
        lower = [f"{x:.1f},{y(bucket.low):.1f}" for *both, bucket in reversed(edges) for x in reversed(both)]
        yield f'<polygon class="spread" points="{" ".join(upper + lower)}"/>'
        for css in ("p99", "p50"):
            found = [(place, bucket.p99 if css == "p99" else bucket.median) for place, bucket in run]
            points = [f"{(place + 0.5) * wide:.1f},{y(latency):.1f}" for place, latency in found]
            alone = len(points) == 1
            yield f'<polyline class="{css}{" dot" if alone else ""}" points="{" ".join(points * (1 + alone))}"/>'
