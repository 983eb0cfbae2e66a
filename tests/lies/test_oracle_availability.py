"""Availability agrees with docs/verdicts.md, spelt out request by request, on any small world of streams and steps.

Requests leave at multiples of a quarter of a second, answers come a sixteenth after one, and steps, faults and waits
lie an eighth after one: so of two moments that matter none is ever the other. Limits do meet what was measured.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from examples import examples
from hypothesis import event, example, given
from hypothesis import strategies as st

from chaos.checks import availability
from chaos.history import (
    BASELINE,
    STILL_HANGS,
    ActionBegun,
    History,
    PodSeen,
    Read,
    Record,
    RunBegun,
    RunEnded,
    Skipped,
    StepBegun,
    StepEnded,
    WaitEnded,
    Write,
)

ANSWER, EDGE = 1 / 16, 1 / 8
GROUPS = {"reads": "reads", "rows": "writes", "posts": "writes", "uploads": "uploads"}
"""The streams through the Service or to the primary, and whose limits are for each."""

RATES = {"reads": "reads_per_s", "rows": "writes_per_s", "posts": "posts_per_s", "uploads": "uploads_per_s"}
PODS = ("site-a", "site-b")
OF_PODS = {"page": "reads", "static": "reads", "upload": "uploads"}
"""What single pods are asked for."""

NEEDED = {50: 2, 95: 20, 99: 100}


@dataclass(frozen=True)
class Request:
    """One request; `fate` is `good`, `bad`, `hung` (to its deadline) or `skipped` (it never left)."""

    due: float
    start: float
    end: float
    fate: str

    @property
    def bad(self) -> bool:
        return self.fate in ("bad", "hung")


@dataclass(frozen=True)
class Stream:
    """What was asked, of which pod if of one, every so many seconds."""

    what: str
    pod: str
    interval: float
    requests: tuple[Request, ...]

    @property
    def group(self) -> str:
        return OF_PODS[self.what] if self.pod else GROUPS[self.what]

    @property
    def sent(self) -> list[Request]:
        return [one for one in self.requests if one.fate != "skipped"]

    @property
    def good(self) -> list[Request]:
        return [one for one in self.requests if one.fate == "good"]


@dataclass(frozen=True)
class Window:
    """A step: when its fault was put in, if it was; what was waited for before that and after it; and its limits."""

    index: int
    action: str
    begin: float
    end: float
    fault: float | None
    before: tuple[tuple[float, bool], ...]
    after: tuple[tuple[float, bool], ...]
    ended: bool
    longest: dict[str, float]
    slowest: dict[tuple[str, int], float]
    may_stay_out: frozenset[str]

    @property
    def quiet(self) -> bool:
        return self.action in ("noop", "end", "baseline")

    @property
    def since(self) -> float:
        """From when on requests are the step's; all that left before the baseline began are."""
        return -inf if self.action == "baseline" else self.begin

    @property
    def waited(self) -> tuple[tuple[float, bool], ...]:
        """What was waited for after the fault; where nothing was to be broken all, where nothing was broken none."""
        return self.before + self.after if self.quiet else self.after if self.fault is not None else ()

    def expect(self) -> dict[str, Any]:
        found: dict[str, dict[str, Any]] = {group: {} for group in ("reads", "writes", "uploads")}
        for group, limit in self.longest.items():
            found[group]["longest_outage_s"] = limit
        for (group, percentile), limit in self.slowest.items():
            found[group][f"p{percentile}_s"] = limit
        for group in self.may_stay_out:
            found[group]["may_stay_out"] = True
        return found

    def records(self) -> list[Record]:
        found: list[Record] = [StepBegun(self.begin, self.index, "s", self.action, "site", self.expect())]
        waits = [*self.before, *self.after]
        found += [WaitEnded(at, self.index, "steady", satisfied, 1.0) for at, satisfied in waits]
        if self.fault is not None:
            found.append(ActionBegun(self.fault, self.index, self.action, ()))
        return found + ([StepEnded(self.end, self.index)] if self.ended else [])


@dataclass(frozen=True)
class World:
    """The streams, the pods that end (and need not serve), one or two steps, and whether the run came to its end."""

    streams: tuple[Stream, ...]
    planned: frozenset[str]
    leaving: frozenset[str]
    steps: tuple[Window, ...]
    finished: bool
    end: float = field(default=0.0)

    def history(self) -> History:
        rates = {RATES[one.what]: 1 / one.interval for one in self.streams if not one.pod}
        rates |= {RATES[what]: 1.0 for what in self.planned if RATES[what] not in rates}
        for one in self.streams:
            if one.pod:
                rates["pod_reads_per_s" if one.what == "page" else "file_reads_per_s"] = 1 / one.interval
        records: list[Record] = [RunBegun(2, "r", "s", "", 0.0, {"workload": rates}, {}, {})]
        for pod in PODS:
            gone = pod in self.leaving
            records.append(PodSeen(-1.0, "added", pod, pod, "site", "n", "Running", True, gone, 0, {}))
        records += [record for one in self.streams for record in self._records(one)]
        records += [record for step in self.steps for record in step.records()]
        # Without a step's end the last record is its end.
        records.append(RunEnded(self.end, "finished" if self.finished else "interrupted"))
        return History(records)

    @staticmethod
    def _records(stream: Stream) -> list[Record]:
        found: list[Record] = []
        for number, one in enumerate(stream.requests):
            times = (one.due, one.start, one.end)
            reason = {"good": "", "bad": "refused", "hung": "timeout"}.get(one.fate, "")
            if one.fate == "skipped":
                name = f"{'read' if stream.what == 'page' else stream.what} {stream.pod}" if stream.pod else stream.what
                name = "read service" if stream.what == "reads" else name
                found.append(Skipped(name, one.due, STILL_HANGS if stream.pod else "64 in flight"))
            elif stream.pod or stream.what == "reads":
                what = stream.what if stream.pod else "page"
                found.append(Read(stream.pod or "service", *times, one.fate == "good", reason, what=what))
            else:
                what = stream.what.removesuffix("s")
                outcome = "ok" if one.fate == "good" else "fail"
                found.append(Write(what, what, number, f"{what}-{number}", *times, outcome, reason))
        return found


@dataclass(frozen=True)
class Out:
    """An outage by the page's words: `low` to `high` seconds (None = open), from `since` to `until` as far as seen."""

    bad: tuple[Request, ...]
    skipped: tuple[Request, ...]
    low: float
    high: float | None
    before: float | None
    since: float
    last: float
    until: float | None


def outages(stream: Stream) -> list[Out]:
    """Bad and skipped ones belong together unless a good answer surely lies between."""
    stretches: list[list[Request]] = []
    for one in stream.requests:
        if one.fate == "good":
            continue
        if stretches:
            begun = begin_of(stretches[-1])
            if any(good.start > begun and good.end < one.start for good in stream.good):
                stretches.append([one])
                continue
            stretches[-1].append(one)
        else:
            stretches.append([one])
    found = []
    for stretch in stretches:
        early, late = begin_of(stretch), max(one.start for one in stretch if one.bad or not any(b.bad for b in stretch))
        before = [good.start for good in stream.good if good.start < stretch[0].start and good.end < late]
        after = [good.end for good in stream.good if good.start > early]
        bad = tuple(one for one in stretch if one.bad)
        high = min(after) - max(before) if before and after else None
        if bad or high is None or high > gap(stream):
            low = max(0.0, late - early) if bad else 0.0
            since = min(early, late)
            last = late if bad else since
            skipped = tuple(one for one in stretch if not one.bad)
            found.append(Out(bad, skipped, low, high, max(before, default=None), since, last, min(after, default=None)))
    return found


def begin_of(stretch: list[Request]) -> float:
    """By when it had surely begun: the earliest end of its bad ones; of skipped ones alone, the first."""
    bad = [one.end for one in stretch if one.bad]
    return min(bad) if bad else min(one.due for one in stretch)


def gap(stream: Stream) -> float:
    return max(2.0, 5 * stream.interval)


def enough(stream: Stream) -> int:
    """3, or one less than 2 s hold, at least 1."""
    hold = int(2.0 / stream.interval)
    return max(1, min(3, hold - 1))


class Judge:
    """What the page says of one step of a world."""

    def __init__(self, world: World, step: Window) -> None:
        self.world, self.step = world, step
        self.earlier = [one for one in world.steps if one.index < step.index]
        self.is_last = step is world.steps[-1]
        self.let_out = self.earlier[-1].may_stay_out if self.earlier else frozenset()
        untouched = step.fault is None and not step.quiet
        self.excused = step.may_stay_out | (self.let_out if untouched else frozenset())
        self.had_time = step.ended and bool(step.waited)
        self.keys: set[str] = set()
        self.unknown: list[str] = []

    def say(self) -> tuple[str, set[str]]:
        streams = [one for one in self.world.streams if one.pod not in self.world.leaving]
        seen = {one.what for one in streams if not one.pod}
        # A stream that the plan wanted and nobody sent.
        streams += [Stream(what, "", 1.0, ()) for what in sorted(self.world.planned - seen)]
        for stream in streams:
            if not stream.pod or stream.what == "upload":
                self.judge_outages(stream)
            if not stream.pod:
                self.judge_slowness(stream)
            elif self.pod_is_out(stream):
                self.keys.add(f"pod-out:{stream.what}")
        limited = [one for one in streams if not one.pod or one.what == "upload"]
        groups = {one.group for one in limited}
        with_percentiles = {one.group for one in streams if not one.pod}
        if not groups or self.step.longest.keys() - groups:
            self.unknown.append("limit of nothing")
        if {group for group, _ in self.step.slowest} - with_percentiles:
            self.unknown.append("percentile of nothing")
        return "fail" if self.keys else "unknown" if self.unknown else "pass", self.keys

    def outages_of_step(self, stream: Stream) -> list[Out]:
        """Those that last into it; those that came later, or while all was put back, if two or more were bad."""
        step, found = self.step, []
        for one in outages(stream):
            if stream.pod:
                mine = one.since < step.end and one.last > step.begin
            else:
                lasts = max(one.last, one.until or one.last)
                mine = one.since < step.end and lasts > step.begin
                if step.action == "end" and len(one.bad) >= 2 and self.earlier:
                    mine = mine or self.earlier[-1].end < one.since < step.begin
                if self.is_last and len(one.bad) >= 2:
                    mine = mine or one.since > step.end
            found += [one] if mine else []
        return found

    def is_on(self, one: Out) -> bool:
        return one.since < self.step.end and (one.until is None or one.until > self.step.end)

    def not_back(self, stream: Stream, found: list[Out]) -> list[Out]:
        """Two or more bad answers and no good one after them, by the step's end, or the run's."""
        never_steady = self.step.ended and self.step.fault is None and not self.step.quiet
        never_steady = never_steady and any(not satisfied for _, satisfied in self.step.before + self.step.after)
        if self.step.fault is not None and not self.step.quiet:
            never_steady = self.step.ended and any(not satisfied for _, satisfied in self.step.before)
        if not self.had_time and not never_steady:
            return []
        out = []
        for one in found:
            after = [good.end for good in stream.good if good.start > min(one.since, one.last)]
            by_step = one.since < self.step.end and not any(end < self.step.end for end in after)
            by_run = self.world.finished and one.since > self.step.end and not after
            if len(one.bad) >= 2 and (by_step or by_run):
                out.append(one)
        return out

    def judge_outages(self, stream: Stream) -> None:
        group, found = stream.group, self.outages_of_step(stream)
        limit, limited = self.step.longest.get(group), found
        if limit is None and group in self.let_out:
            # It has no limit of its own: what an earlier step let out is judged by the last that was set since.
            limited = [one for one in found if one.since < self.step.begin]
            since = min((one.since for one in limited), default=inf)
            set_since = [one.longest[group] for one in self.earlier if group in one.longest and one.end > since]
            limit = set_since[-1] if set_since else None
            event("limit carried over", str(limit is not None))
        if group in self.excused:
            on = [one for one in found if self.is_on(one)]
            if not self.is_last or limit is None:
                found = [one for one in found if one not in on]
                limited = [one for one in limited if one not in on]
            event("out at the end as it may be") if on else None
        elif not stream.pod and self.not_back(stream, found):
            self.fail(f"out:{stream.what}", "it did not come back")
            return
        if limit is not None and any(one.low > limit for one in limited):
            self.fail("out:uploads" if stream.pod else f"out:{stream.what}", "longer than allowed")
            return
        if stream.pod:
            # Of a pod it is unknown only by a limit, and where it was seen before; one bad answer alone shows nothing.
            seen = [one for one in limited if one.before is not None and (len(one.bad) > 1 or one.until is not None)]
            open_, over = [], [one for one in seen if limit is not None and (one.high is None or one.high > limit)]
            blind = [one for one in seen if limit is not None and not one.bad]
        else:
            self.judge_worth(stream)
            # What was on as the run began and is over in the baseline is told, and nothing rests on its beginning.
            early = [o for o in found if self.step.action == "baseline" and o.bad and o.before is None and o.until]
            open_ = [one for one in found if one.high is None and one not in early]
            event("on as the run began", str(bool(early)))
            over = [one for one in limited if limit is not None and (one.high is None or one.high > limit)]
            blind = [one for one in found if not one.bad]
        for which, why in ((open_, "an edge was not seen"), (over, "between the bounds"), (blind, "all skipped")):
            if which:
                self.unsure(why)

    def judge_worth(self, stream: Stream) -> None:
        """A3: something was broken, and there were good answers enough before it and after it, and no blind stretch."""
        step = self.step
        if step.fault is None and not step.quiet:
            self.unsure("nothing was broken")
            return
        if stream.group in self.excused:
            return
        mine = [one for one in stream.sent if step.since < one.start < step.end]
        good = [one for one in mine if one.fate == "good"]
        if not mine:
            self.unsure("no request")
        elif step.quiet or step.fault is None:
            if len(good) < enough(stream):
                self.unsure("too few good answers")
        else:
            if stream.group not in self.let_out and sum(one.end < step.fault for one in good) < enough(stream):
                self.unsure("too few good answers before")
            if sum(one.start > step.fault for one in good) < enough(stream):
                self.unsure("too few good answers after")
        until = max((at for at, _ in step.waited), default=step.end)
        edges = [step.begin, *(one.start for one in mine if one.start < until), min(until, step.end)]
        covering = [one for one in outages(stream) if one.bad]
        for low, high in itertools.pairwise(edges):
            covered = any(
                (one.before is None or one.before <= low) and (one.until is None or one.until >= high)
                for one in covering
            )
            if high - low > gap(stream) and not covered:
                self.unsure("a stretch without requests")

    def judge_slowness(self, stream: Stream) -> None:
        """By nearest rank over the good answers, and the ones that hung where nothing was out for as long as they did.

        What was skipped there may have been as slow as anything.
        """
        answers, unsent = list(stream.good), [one for one in stream.requests if one.fate == "skipped"]
        for out in outages(stream):
            if out.bad and all(out.low >= one.end - one.start for one in out.bad):
                unsent = [one for one in unsent if one not in out.skipped]
            elif out.high is not None:
                answers += [one for one in out.bad if one.fate == "hung"]
        mine = [one.end - one.due for one in answers if self.step.begin < one.start < self.step.end]
        never = sum(self.step.begin < one.due < self.step.end for one in unsent)
        for (group, percentile), limit in self.step.slowest.items():
            if group != stream.group:
                continue
            if len(mine) < NEEDED[percentile]:
                self.unsure(f"too few for p{percentile}")
            elif sum(100 for one in mine if one <= limit) < percentile * len(mine):
                # Fewer than so many percent came in time.
                self.fail(f"slow:{stream.what}", f"p{percentile}")
            elif 100 * len(mine) < percentile * (len(mine) + never):
                self.unsure(f"too many skipped for p{percentile}")
            else:
                event("quick enough", f"p{percentile}")

    def pod_is_out(self, stream: Stream) -> bool:
        """A pod that stays and was asked since the last wait, or that a request hangs on to the step's end."""
        if stream.group in self.excused:
            return False
        since = max((at for at, _ in self.step.waited), default=self.step.begin)
        found = self.outages_of_step(stream)
        # The earliest that did not come back is the one; of one pod there is one at a time.
        if any(one.last > since for one in self.not_back(stream, found)[:1]):
            event("pod out", "asked")
            return True
        hanging = [one.due for one in stream.requests if one.fate == "skipped" and one.due < self.step.end]
        if not self.had_time or not hanging or hanging[-1] < since:
            return False
        hangs = any(one.bad and self.is_on(one) and one.since <= hanging[-1] for one in found)
        event("pod out", f"hung: {hangs}")
        return hangs

    def fail(self, key: str, why: str) -> None:
        event("fail", why)
        self.keys.add(key)

    def unsure(self, why: str) -> None:
        event("unknown", why)
        self.unknown.append(why)


@st.composite
def streams(
    draw: st.DrawFn, what: str, pod: str, interval: float, length: float, *, calm: bool | None = None
) -> Stream:
    """Runs of requests of one fate each; `none` = nothing was due. Of calm ones each has good answers around it."""
    found: list[Request] = []
    at, calm = 0.0, draw(st.booleans()) if calm is None else calm
    fates = ["good", "bad", "hung", "skipped"] if calm else ["good", "good", "good", "bad", "hung", "skipped", "none"]
    hangs = length / 2 if pod and draw(st.booleans()) else inf
    while at < length:
        if at > hangs:
            # One that hangs, and while it does the pod is not asked again.
            found.append(Request(at, at, at + 5.0 + ANSWER, "hung"))
            fate, hangs, fates, calm = "skipped", inf, ["skipped"], False
            at += interval
        else:
            fate = draw(st.sampled_from(fates))
        if calm and (not found or found[-1].fate != "good" or at > length - 4):
            fate = "good"
        longest = 30 if fate == "good" else 4 if calm else 12
        took = draw(st.sampled_from([0.0, 0.0, 0.25, 1.0, 3.0])) + ANSWER
        late = draw(st.sampled_from([0.0, 0.0, 0.0, 0.5]))
        for _ in range(draw(st.integers(5 if calm and fate == "good" else 1, longest))):
            if fate == "skipped":
                found.append(Request(at, at, at, fate))
            elif fate != "none" and at < length:
                found.append(Request(at - late, at, at + took, fate))
            at += interval
    return Stream(what, pod, interval, tuple(one for one in found if one.start < length))


@st.composite
def windows(draw: st.DrawFn, index: int, action: str, begin: float, end: float) -> Window:
    """A step between two moments, most often with a fault and a wait on each side of it."""
    quarters = int((end - begin) * 4)
    fault = (
        begin + draw(st.integers(0, quarters // 2)) / 4 if draw(st.integers(0, 9)) and action == "delete-pod" else None
    )
    middle = begin if fault is None else fault
    before = ((begin, draw(st.integers(0, 9)) > 0),) if draw(st.booleans()) and middle > begin else ()
    at = middle + draw(st.one_of(st.integers(0, int((end - middle) * 4)), st.just(int((end - middle) * 4)))) / 4
    after = ((at, draw(st.integers(0, 4)) > 0),) if draw(st.integers(0, 9)) else ()
    bounds = st.sampled_from([n / 4 + plus for n in (0, 1, 4, 8, 20, 60) for plus in (0.0, ANSWER, 0.25 - ANSWER)])
    groups = st.sampled_from(["reads", "writes", "uploads"])
    often = draw(st.integers(0, 2))
    longest = draw(st.dictionaries(groups, bounds, max_size=often))
    times = st.sampled_from([ANSWER, 0.25, 0.25 + ANSWER, 1.0, 4.0])
    slowest = draw(st.dictionaries(st.tuples(groups, st.sampled_from([50, 95, 99])), times, max_size=often))
    out = draw(st.frozensets(groups, max_size=2)) if draw(st.integers(0, 3)) == 0 else frozenset()
    return Window(index, action, begin, end, fault, before, after, True, longest, slowest, out)


@st.composite
def met(draw: st.DrawFn, step: Window, of: tuple[Stream, ...]) -> Window:
    """The step, or with limits that lie at what was measured, a little above it or a little below."""
    longest, slowest = dict(step.longest), dict(step.slowest)
    for stream in of:
        near = draw(st.sampled_from([-ANSWER, 0.0, ANSWER]))
        lengths = [length for one in outages(stream) for length in (one.low, one.high) if length is not None]
        if lengths and draw(st.booleans()):
            longest[stream.group] = max(0.0, draw(st.sampled_from(lengths)) + near)
        took = sorted({one.end - one.due for one in stream.sent})
        if took and draw(st.integers(0, 3)) == 0:
            percentile = draw(st.sampled_from([50, 95, 99]))
            slowest[stream.group, percentile] = max(ANSWER, draw(st.sampled_from(took)) + near)
    return replace(step, longest=longest, slowest=slowest)


@st.composite
def tidy_worlds(draw: st.DrawFn) -> World:
    """One step of which nothing is unknown but by its one stream, which has good answers at both ends."""
    interval, what = draw(st.sampled_from([0.25, 0.5, 1.0])), draw(st.sampled_from([*GROUPS]))
    length = draw(st.integers(14, 30))
    stream = draw(streams(what, "", interval, length, calm=True))
    after = ((length - 1 + EDGE, True),)
    step = Window(0, "delete-pod", EDGE, length - 1 + EDGE, 5 + EDGE, (), after, True, {}, {}, frozenset())
    return World((stream,), frozenset(), frozenset(), (draw(met(step, (stream,))),), True, length + 9 + EDGE)


@st.composite
def wild_worlds(draw: st.DrawFn) -> World:
    lengths = draw(st.lists(st.integers(3, 30), min_size=1, max_size=2))
    steps, at = [], EDGE
    for index, length in enumerate(lengths):
        action = draw(st.sampled_from(["delete-pod", "delete-pod", "noop", "end" if index else "baseline"]))
        step = draw(windows(index, action, at, at + length))
        if action == "baseline":
            step = replace(step, index=BASELINE, longest={}, slowest={}, may_stay_out=frozenset())
        steps.append(step)
        at += length + draw(st.integers(1, 3))
    whats = draw(st.lists(st.sampled_from([*GROUPS]), min_size=0, max_size=2, unique=True))
    length = at + draw(st.integers(0, 4))
    intervals = st.sampled_from([0.25, 0.5, 1.0, 1.0])
    found = [draw(streams(what, "", draw(intervals), length)) for what in whats]
    if draw(st.integers(0, 3)) == 0:
        interval, what = draw(intervals), draw(st.sampled_from([*OF_PODS]))
        found += [draw(streams(what, pod, interval, length)) for pod in draw(st.sampled_from([PODS[:1], PODS]))]
    planned = frozenset(whats) | (
        draw(st.frozensets(st.sampled_from([*GROUPS]))) if not draw(st.integers(0, 9)) else set()
    )
    leaving = draw(st.sampled_from([frozenset(), frozenset(), frozenset(PODS[:1])]))
    finished, end = draw(st.integers(0, 5)) > 0, length + 9 + EDGE
    if not finished and draw(st.booleans()):
        steps[-1] = replace(steps[-1], ended=False, end=end)
    kept = tuple(one for one in found if one.requests)
    steps = [step if step.index == BASELINE else draw(met(step, kept)) for step in steps]
    return World(kept, planned, leaving, tuple(steps), finished, end)


worlds = st.one_of(tidy_worlds(), wild_worlds())


def seen(letters: str, *steps: Window) -> World:
    """Reads, one a second: `g`ood, `b`ad, `h`ung for 5 s, `s`kipped, and none at all."""
    fates = {"g": ("good", ANSWER), "b": ("bad", ANSWER), "h": ("hung", 5 + ANSWER), "s": ("skipped", 0.0)}
    found = [
        Request(float(at), float(at), at + took, fate)
        for at, letter in enumerate(letters)
        if letter in fates
        for fate, took in [fates[letter]]
    ]
    return World((Stream("reads", "", 1.0, tuple(found)),), frozenset(), frozenset(), steps, True, len(letters) + 9.0)


def window(begin: int, end: int, **more: Any) -> Window:
    """A step whose fault comes after 3 s, and all that was waited for at its end."""
    values: dict[str, Any] = {"longest": {}, "slowest": {}, "may_stay_out": frozenset(), "index": 0} | more
    after = ((end + EDGE, True),)
    return Window(
        action="delete-pod", begin=begin + EDGE, end=end + EDGE, fault=begin + 3 + EDGE, before=(), after=after,
        ended=True, **values,
    )  # fmt: skip


P95 = {("reads", 95): 1.0}


@examples
@given(worlds)
@example(seen("gggggg" + 5 * "-" + "ggggggg", window(0, 17)))
@example(
    seen(
        "ggggggg" + 7 * "b" + "gggggggg",
        window(0, 9, longest={"reads": 2.0}, may_stay_out=frozenset({"reads"})),
        window(10, 21, index=1),
    )
)
@example(seen("hbgggggggggg", replace(window(0, 9), action="baseline", index=BASELINE, fault=None)))
@example(seen("ggggh" + 10 * "g" + "h" + 9 * "g", window(0, 24, slowest=P95)))
@example(seen("ggggh" + 18 * "g" + "h", window(0, 24, slowest=P95)))
@example(seen("gggg" + "hg" * 10 + "gggggg", window(0, 29, slowest=P95)))
@example(seen("gggg" + "h" * 12 + "gggggggggggggggggggggggg", window(0, 39, slowest=P95)))
@example(seen("gggg" + "s" + "g" * 25, window(0, 29, slowest=P95)))
@example(seen("gggg" + "gs" * 2 + "g" * 25, window(0, 29, slowest=P95)))
def test_availability_says_what_the_page_says_and_nothing_else(world: World) -> None:
    history = world.history()
    for step, window in zip(history.steps, world.steps, strict=True):
        wanted = Judge(world, window).say()
        found = availability.check(history, step)
        event("verdict", wanted[0])
        keys = {one["key"] for one in found.figures.get("findings", ())}
        assert (found.verdict.value, keys) == wanted, found.reason
