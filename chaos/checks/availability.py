"""Availability (A1, A3): for how long readers and writers were out, each stream for itself, with both bounds.

A limit is broken when the lower bound exceeds it, and kept when the upper bound does not. What may stay out at a step's
end is judged in the step in which it comes back, or in the last, as is what comes after that one. Slow is not out.
"""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chaos.checks import facts, findings, outages, slow, streams, words
from chaos.checks.findings import Finding
from chaos.checks.outages import Attempt
from chaos.checks.streams import UPLOAD, Name, Stream
from chaos.history import BASELINE, END, PERCENTILES, History, Step
from chaos.verdict import CheckResult, Outage, Verdict

NAME = "availability"
GROUPS = ("reads", "writes", "uploads")
"""What a step's limits are for."""


@dataclass
class _Said:
    """What was found of all streams, a phrase each."""

    failed: list[Finding]
    unknown: list[str]
    passed: list[str]


def check(history: History, step: Step) -> CheckResult:
    """Judge the streams of one step against its limits, and that each pod that stays serves again at its end."""
    of_run = streams.of(history)
    limits = _limits(step)
    staying = _staying(history, step)
    judged = [stream for stream in of_run if not stream.name.of_pod]
    judged += [one for one in of_run if one.name.of_pod and one.name.what == UPLOAD and one.name.via in staying]
    said = _Said([], [], [])
    for stream in judged:
        _judge(history, step, stream, limits[stream.name.group], said)
        if not stream.name.of_pod:
            _judge_slowness(history, step, stream, said)
    for group, limit in limits.items():
        if limit is not None and not any(stream.name.group == group for stream in judged):
            said.unknown.append(f"no {group} were made, so the limit of {words.seconds(limit)} was not put to the test")
    for group, wanted, limit in step.limits.slowest:
        if not any(stream.name.group == group and not stream.name.of_pod for stream in judged):
            of = f"the limit on p{wanted} of {words.seconds(limit)}"
            said.unknown.append(f"no {group} were made, so {of} was not put to the test")
    of_pods = [one for one in of_run if one.name.of_pod and one.name.via in staying]
    said.failed += _pods_out(history, step, of_pods)
    if not judged and not said.unknown:
        said.unknown.append("neither reads nor writes were made")
    figures: dict[str, Any] = {
        stream.name.label: _figures(history, step, stream, limits[stream.name.group])
        for stream in of_run
        if _has_part(step, stream)
    }
    found = tuple(one for stream in of_run for one in _outages_of(history, step, stream))
    if said.failed:
        return findings.failed(NAME, said.failed, figures, found, _advice(found, judged))
    if said.unknown:
        return CheckResult(NAME, Verdict.UNKNOWN, "; ".join(said.unknown), figures, found)
    return CheckResult(NAME, Verdict.PASS, "; ".join(said.passed), figures, found)


def _judge_slowness(history: History, step: Step, stream: Stream, said: _Said) -> None:
    limits = {wanted: limit for group, wanted, limit in step.limits.slowest if group == stream.name.group}
    if not limits:
        return
    found = slow.judge(history, step, stream, limits)
    said.failed += [found.failed] if found.failed is not None else []
    said.unknown += found.unknown
    said.passed += found.passed


def _limits(step: Step) -> dict[str, float | None]:
    return {
        "reads": step.limits.reads_longest_outage_s,
        "writes": step.limits.writes_longest_outage_s,
        "uploads": step.limits.uploads_longest_outage_s,
    }


def _staying(history: History, step: Step) -> set[str]:
    """The site pods that are there at the step's end and do not end."""
    there = facts.pods(history, "site", step.end) or {}
    return {name for name, seen in there.items() if not seen.terminating}


def _judge(history: History, step: Step, stream: Stream, limit: float | None, said: _Said) -> None:
    name = stream.name
    excused = name.group in _excused(history, step)
    found = _outages_of(history, step, stream)
    if limit is None and name.group in facts.may_be_out(history, step):
        limited = [one for one in found if one.first_bad < step.begin]
        limit = _carried(history, step, name.group, limited)
    else:
        limited = found
    pending = [one for one in found if _is_on(step, one)] if excused else []
    if not facts.is_last(history, step):
        found = [one for one in found if one not in pending]
        limited = [one for one in limited if one not in pending]
    allowed = "" if limit is None else f" of at most {words.seconds(limit)} allowed"
    if (broken := _broken(history, step, stream, found, limited, limit, excused=excused)) is not None:
        text = f"{name.label} {name.verb} out for {words.bounds(broken)}{allowed}{_why(broken)}"
        if not excused and broken == _still_out(history, step, stream, found):
            text = _still(step, name, broken)
        elif broken.first_bad > step.end:
            text += ", after the last step's end"
        before = True if broken.no_shorter_than_s <= _longest_before(history, step, stream) else None
        said.failed.append(Finding(f"out:{name.group if name.of_pod else name.label}", text, before))
        return
    if pending and limit is None:
        found = limited = [one for one in found if one not in pending]
    vacuous = "" if name.of_pod else _vacuous(history, step, stream, excused=excused)
    in_doubt = [one for one in found if not _is_from_before(step, one)]
    by_limit = "" if limit is None else _undecided(limited, name, limit, allowed)
    if problem := vacuous or by_limit or _undecided(in_doubt, name, None, ""):
        said.unknown.append(f"{name.label}{problem}")
    elif pending:
        said.passed.append(f"{name.label} {name.verb} out at the step's end, as they may be")
    elif not found:
        requests = words.count(len(stream.within(facts.since(step), step.end)), "request")
        said.passed.append(f"{name.label} {name.verb} never out ({requests})")
    else:
        shown = max(found, key=lambda one: (one.no_shorter_than_s, _upper(one)))
        times = "" if len(found) == 1 else f", the longest of {len(found)} times"
        since = ", since before the run" if _is_from_before(step, shown) else ""
        said.passed.append(
            f"{name.label} {name.verb} out for {words.bounds(shown)}{allowed}{times}{since}{_why(shown)}"
        )


def _excused(history: History, step: Step) -> frozenset[str]:
    """What may be out at the step's end; where its fault was never put in also what it was to bring back."""
    untouched = facts.fault(history, step) is None and not facts.quiet(step)
    return step.limits.may_stay_out | (facts.may_be_out(history, step) if untouched else frozenset())


def _carried(history: History, step: Step, group: str, found: Sequence[Outage]) -> float | None:
    """The limit for what an earlier step let stay out: the last one that was set since the outage began."""
    since = min((one.first_bad for one in found), default=math.inf)
    limits = [
        limit
        for one in history.steps
        if one.index < step.index and one.end >= since and (limit := _limits(one)[group]) is not None
    ]
    return limits[-1] if limits else None


def _broken(
    history: History,
    step: Step,
    stream: Stream,
    found: Sequence[Outage],
    limited: Sequence[Outage],
    limit: float | None,
    *,
    excused: bool,
) -> Outage | None:
    """The outage that fails the stream, or None. `limited` are those of them that the limit is for."""
    if not excused and not stream.name.of_pod and (still := _still_out(history, step, stream, found)) is not None:
        return still
    longest = max(limited, key=lambda one: one.no_shorter_than_s, default=None)
    return longest if limit is not None and longest is not None and longest.no_shorter_than_s > limit else None


def _longest_before(history: History, step: Step, stream: Stream) -> float:
    """How long the stream was out at the most in the baseline; less than 0 where it was not, or there was none."""
    baseline = facts.baseline_before(history, step)
    found = _outages_of(history, baseline, stream) if baseline else []
    return max((one.no_shorter_than_s for one in found if one.attempts > 1), default=-1.0)


def _still(step: Step, name: Name, outage: Outage) -> str:
    since = words.seconds(outage.first_bad)
    end = "the run's end" if outage.first_bad > step.end or step.action == END else "the step's end"
    return f"{name.label} {name.verb} still out at {end}, since {since} into the run{_why(outage)}"


def _why(outage: Outage) -> str:
    """How requests failed; one that hung to its deadline is told from one that was refused or answered badly."""
    return f" ({words.reasons(outage.reasons)})" if outage.reasons else ""


def _pods_out(history: History, step: Step, of_pods: Iterable[Stream]) -> list[Finding]:
    """The pods that stay and did not come back, for each kind of request. A Service hides one pod of three.

    A pod is asked so seldom that it need not have been since the last thing that was waited for; then nothing is shown.
    While a file hangs it is not asked for again: that it did until the end shows as much as two bad answers.
    """
    _, after = facts.waits(history, step)
    since = max((wait.at for wait in after), default=step.begin)
    out: dict[str, dict[str, Outage]] = {}
    for stream in of_pods:
        found = _outages_of(history, step, stream)
        still = _still_out(history, step, stream, found)
        if still is None or still.last_bad < since:
            still = _still_hangs(history, step, stream, since, found)
        if still is None:
            continue
        if stream.name.group not in _excused(history, step):
            out.setdefault(stream.name.what, {})[stream.name.via] = still
    said = []
    for what, pods in sorted(out.items()):
        reasons: Counter[str] = Counter()
        for still in pods.values():
            reasons.update(still.reasons)
        first = min(pods.values(), key=lambda still: still.first_bad)
        name = Name.of_read(what, words.names(pods))
        said.append(Finding(f"pod-out:{what}", _still(step, name, replace(first, reasons=dict(reasons)))))
    return said


def _still_hangs(history: History, step: Step, stream: Stream, since: float, found: Iterable[Outage]) -> Outage | None:
    """The outage in which a request hung from before the last thing that was waited for to the step's end."""
    hanging = bisect.bisect_right(stream.hanging, step.end)
    last = stream.hanging[hanging - 1] if hanging else -math.inf
    if last < since or not facts.had_time(history, step):
        return None
    return next((one for one in found if one.attempts and _is_on(step, one) and one.first_bad <= last), None)


def _undecided(found: Sequence[Outage], name: Name, limit: float | None, allowed: str) -> str:
    """What leaves open how long an outage was, or whether there was one; or nothing."""
    if name.of_pod:
        # A pod that was made anew has no beginning, and its last answer of all may be a bad one.
        seen = [one for one in found if one.last_good is not None and (one.attempts > 1 or one.first_good is not None)]
        found = seen if limit is not None else []
    widest = max(found, key=_upper, default=None)
    if widest is None:
        return ""
    how_long = f" {name.verb} out for {words.bounds(widest)}{allowed}"
    if widest.no_longer_than_s is None:
        side = "beginning" if widest.last_good is None else "end"
        return f"{how_long}: the outage's {side} was not seen"
    if limit is not None and _upper(widest) > limit:
        return f"{how_long}: the limit lies between the two"
    blind = max((_upper(one) for one in found if not one.attempts), default=None)
    return "" if blind is None else f": all requests were skipped for up to {words.seconds(blind)}"


def _is_from_before(step: Step, outage: Outage) -> bool:
    """Whether it was on as the run began, and over before the first fault: no fault's length rests on when it began."""
    return step.index == BASELINE and outage.attempts > 0 and outage.last_good is None and outage.first_good is not None


def _upper(outage: Outage) -> float:
    high = outage.no_longer_than_s
    return math.inf if high is None else high


def _is_on(step: Step, outage: Outage) -> bool:
    return outage.first_bad <= step.end and (outage.first_good is None or outage.first_good > step.end)


def _still_out(history: History, step: Step, stream: Stream, found: Iterable[Outage]) -> Outage | None:
    """The outage that was on when the step ended, or the run, if that was the last. None where it was cut short.

    One bad answer alone, the last of all, does not show that, nor do some that hung while others, which had left after
    the last of them, were answered well before the end.
    """
    before, _ = facts.waits(history, step)
    if not facts.had_time(history, step) and not (step.ended and any(not wait.satisfied for wait in before)):
        return None
    finished = history.ended is not None and history.ended.how == "finished"
    return next(
        (
            one
            for one in found
            if one.attempts >= 2
            and (
                (_is_on(step, one) and not _answered(stream, one.last_bad, step.end))
                or (
                    finished
                    and one.first_bad > step.end
                    and one.first_good is None
                    and not _answered(stream, one.last_bad, math.inf)
                )
            )
        ),
        None,
    )


def _answered(stream: Stream, since: float, until: float) -> bool:
    """Whether a request that left after the one moment was answered well before the other."""
    return any(one.good and one.start > since and one.end <= until for one in stream.within(since, until))


def _vacuous(history: History, step: Step, stream: Stream, *, excused: bool) -> str:
    """Why the answers seen show nothing (A3), or nothing."""
    at, attempts = facts.fault(history, step), stream.within(facts.since(step), step.end)
    if at is None and not facts.quiet(step):
        return ": nothing was broken in this step"
    if excused:
        return ""
    if not attempts:
        return f": no request left {facts.where(step)}"
    carried = stream.name.group in facts.may_be_out(history, step)
    if at is None or facts.quiet(step):
        wanted = [(sum(one.good for one in attempts), facts.where(step))]
    else:
        before = sum(one.good for one in attempts if one.end <= at)
        after = sum(one.good for one in stream.within(max(at, facts.since(step)), step.end))
        wanted = [(after, "after the fault")] if carried else [(before, "before the fault"), (after, "after the fault")]
    for number, when in wanted:
        if number < stream.enough:
            return f": only {words.count(number, 'good answer')} {when}, {stream.enough} wanted"
    low, high = _gap(history, step, stream)
    if high - low > stream.gap_s:
        return f": no request left for {words.seconds(high - low)} from {words.seconds(low)} into the run on"
    return ""


def _gap(history: History, step: Step, stream: Stream) -> tuple[float, float]:
    starts = stream.starts[bisect.bisect_left(stream.starts, step.begin) : bisect.bisect_right(stream.starts, step.end)]
    return outages.longest_gap(starts, step.begin, _watched_until(history, step), stream.outages)


def _watched_until(history: History, step: Step) -> float:
    """Until when requests had to leave: writers rest from the last thing that was waited for to the step's end."""
    _, after = facts.waits(history, step)
    read = facts.reading_time(step, facts.readings(history, step.index).values())
    return min(max((wait.at for wait in after), default=step.end), read, step.end)


def _outages_of(history: History, step: Step, stream: Stream) -> list[Outage]:
    """The step's outages; of a pod, those in which it was asked in this step.

    The last step's are also those that came after its end, and the end's those that came before it, while all was put
    back, of more than one bad answer.
    """
    found = stream.touching(step.begin, step.end)
    if stream.name.of_pod:
        return [one for one in found if one.last_bad >= step.begin]
    if step.action == END:
        since = max((one.end for one in history.steps if one.index < step.index), default=step.begin)
        within = [one for one in stream.outages if since < one.first_bad < step.begin and one.attempts >= 2]
        found = [one for one in within if one not in found] + found
    if facts.is_last(history, step):
        found += [one for one in stream.outages if one.first_bad > step.end and one.attempts >= 2]
    return found


def _has_part(step: Step, stream: Stream) -> bool:
    return bool(stream.within(facts.since(step), step.end)) or not stream.name.of_pod


def _figures(history: History, step: Step, stream: Stream, limit: float | None) -> dict[str, Any]:
    attempts = stream.within(facts.since(step), step.end)
    found = _outages_of(history, step, stream)
    longest = max(found, key=lambda one: (one.no_shorter_than_s, _upper(one)), default=None)
    bad = [one for one in attempts if not one.good]
    figures: dict[str, Any] = {
        "requests": len(attempts),
        "good": len(attempts) - len(bad),
        "bad": len(bad),
        "reasons": dict(Counter(one.reason or "unnamed" for one in bad)),
        "skipped": len(stream.skipped_within(step.begin, step.end)),
        "outages": len(found),
        "longest_no_shorter_than_s": round(longest.no_shorter_than_s, 6) if longest else 0.0,
        "longest_no_longer_than_s": _rounded(longest.no_longer_than_s) if longest else 0.0,
        "latency": _latency(attempts),
    }
    if not stream.name.of_pod or stream.name.what == UPLOAD:
        figures["limit_s"] = limit
    return figures


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _latency(attempts: Sequence[Attempt]) -> dict[str, float]:
    """Seconds from when a request was due to its end, good or bad; percentiles by nearest rank over all of them."""
    taken = slow.taken(attempts)
    if not taken:
        return {}
    ranks = {f"p{wanted}_s": round(slow.nearest_rank(taken, wanted), 6) for wanted in PERCENTILES}
    return ranks | {"max_s": round(taken[-1], 6)}


def _advice(found: Iterable[Outage], judged: Iterable[Stream]) -> str:
    reasons: Counter[str] = Counter()
    of_judged = {(stream.name.kind, stream.name.via) for stream in judged}
    for one in found:
        if (one.kind, one.via) in of_judged:
            reasons.update(one.reasons)
    look = "look at what the pods did in that time"
    return f"{look}; the bad answers were: {words.reasons(reasons)}" if reasons else look
