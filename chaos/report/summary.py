"""What a run comes to: the few figures of each step that every report shows, worked out once.

Percentiles and totals are taken over all records; nothing here is thinned out.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeVar

from chaos.checks import clone, continuity, facts, slow, streams
from chaos.checks.judge import Judgement, StepJudgement
from chaos.checks.slow import nearest_rank
from chaos.history import (
    QUIET,
    ActionBegun,
    ActionEnded,
    ApiServerSeen,
    ClusterEvent,
    History,
    PodSeen,
    Read,
    RunBegun,
    Skipped,
    Step,
    WaitEnded,
    Write,
)
from chaos.report import words
from chaos.verdict import CheckResult, Outage, Verdict

_T = TypeVar("_T")

SERVICE = "service"
"""The `via` of requests that went the way that users' do."""

PAGE = "page"
"""The `what` of reads that are readers: static files and uploads of each pod are read beside them."""

UPLOAD = "upload"

_GOOD = attrgetter("good")
_OUT_FOR_READERS = {"out:reads", "pod-out:page", "not-steady:reads"}
"""Keys of findings that hold an outage of readers against the stack."""

_MUCH = 2
"""Pods are asked more seldom than the Service, so what is a little longer at one of them says nothing new."""

PERCENTILES = (50.0, 90.0, 99.0)


@dataclass(frozen=True)
class Recovery:
    """How a step's fault was got over, in seconds after the fault. None: did not happen, or was not seen.

    Of the pods that were made anew, or of which a container was, it follows the one that was ready last. What a node
    did for that is known from the cluster's events: the last volume `attached`, the last image `pulled` (or found
    there), the last `container_started` (without an event, when all were seen to run). `first_good_answer_s` is when
    the role that was hit answered again; None as well when it never stopped. `recovered_s` is when all of it was over:
    the pod is ready, and so are readers and writers served.
    """

    pod: str | None
    fault_at_s: float | None
    noticed_s: float | None = None
    scheduled_s: float | None = None
    started_s: float | None = None
    ready_s: float | None = None
    attached_s: float | None = None
    pulled_s: float | None = None
    container_started_s: float | None = None
    first_good_answer_s: float | None = None
    recovered_s: float | None = None


@dataclass(frozen=True)
class Stream:
    """One stream of requests as a step saw it: how many left, and its longest outage (None: it had none).

    The longest is the one with the highest lower bound. `bad` are those of the attempts that were not answered well;
    `out_at_end` is whether the last outage was still on when the step ended, `failed` whether a check holds outages of
    this stream against the stack. `worst_pod` is an outage of a single pod, surely much longer than that. `p5_s`
    is in what time the quickest twentieth of readers got a good answer, from when each was due.
    """

    attempts: int
    longest: Outage | None
    bad: int = 0
    outages: int = 0
    out_at_end: bool = False
    failed: bool = False
    worst_pod: Outage | None = None
    p5_s: float | None = None


@dataclass(frozen=True)
class StepSummary:
    """One step, told in figures.

    `reads` are pages through the Service, `writes` rows and posts, `uploads` those that were written; `written` has
    rows and posts apart, by `row` and `post`.
    `acknowledged` counts the run's acknowledged writes that were looked for after this step, `lost` those of them that
    were not found, `clone` is how database pods came back; each None where no check could say. `api_server_away` says
    when the API server did not answer.
    """

    step: Step
    verdict: Verdict
    checks: tuple[CheckResult, ...]
    begun: tuple[ActionBegun, ...]
    ended: tuple[ActionEnded, ...]
    waits: tuple[WaitEnded, ...]
    outages: tuple[Outage, ...]
    reads: Stream
    writes: Stream
    uploads: Stream
    written: dict[str, Stream]
    acknowledged: int | None
    lost: int | None
    clone: str | None
    recovery: Recovery
    api_server_away: tuple[str, ...] = ()


@dataclass(frozen=True)
class Latency:
    """Seconds from when a request was due to its answer, of those that were answered well. Nearest rank."""

    stream: str
    answered: int
    percentiles_s: tuple[tuple[float, float], ...]
    longest_s: float


@dataclass(frozen=True)
class Summary:
    """All that reports show of a run. What tells of single requests is worked out when it is asked for, and kept."""

    history: History
    judgement: Judgement
    run: RunBegun
    duration_s: float
    steps: tuple[StepSummary, ...]
    outages: tuple[Outage, ...]
    skipped: dict[str, int]
    api_server_outages: tuple[Outage, ...] = ()

    @cached_property
    def reads(self) -> dict[str, dict[str, Any]]:
        """By the way that they went: how many were answered well and how many not, and why not."""
        return _read_totals(self.history.of(Read))

    @cached_property
    def writes(self) -> dict[str, dict[str, int]]:
        """By what was written: how many had each outcome."""
        return _write_totals(self.history.of(Write))

    @cached_property
    def latencies(self) -> tuple[Latency, ...]:
        """Of each stream that had good answers."""
        return tuple(_latencies(self.answers))

    @cached_property
    def answers(self) -> dict[str, list[tuple[float, float]]]:
        """The good ones by stream: when each was due, and its latency."""
        return _answers(self.history)


def summarise(history: History, judgement: Judgement) -> Summary:
    """Work out the figures. Raises LookupError for a history without a beginning."""
    judged = [outage for step in judgement.steps for check in step.checks for outage in check.outages]
    outages = sorted(_once(judged), key=lambda outage: (outage.first_bad, outage.kind, outage.via))
    return Summary(
        history=history,
        judgement=judgement,
        run=history.run,
        duration_s=history.last_time,
        steps=tuple(_step(history, step) for step in judgement.steps),
        outages=tuple(outages),
        skipped=dict(Counter(record.stream for record in history.of(Skipped))),
        api_server_outages=tuple(api_server_outages(history)),
    )


def api_server_outages(history: History) -> list[Outage]:
    """When the API server did not answer; looks are not counted, so `attempts` is 0; `reasons` has the first one's."""
    found, since = [], None
    for seen in [*history.of(ApiServerSeen), None]:
        if since is not None and (seen is None or seen.answers):
            until = history.last_time if seen is None else seen.before
            back = None if seen is None else seen.at
            reasons = {since.reason: 1} if since.reason else {}
            last = max(since.at, until)
            found.append(Outage("api-server", "", since.before, since.at, last, back, 0, reasons))
            since = None
        if seen is not None and not seen.answers:
            since = seen
    return found


def api_server_away(history: History, begin: float, end: float) -> list[str]:
    """When the API server did not answer within [begin, end], a phrase for each time, with its bounds."""
    found = []
    for out in api_server_outages(history):
        if (out.last_good or 0.0) <= end and (out.first_good is None or out.first_good >= begin):
            high = out.no_longer_than_s
            found.append(
                f"The API server did not answer from {words.clock(out.first_bad)} on, for "
                f"{words.seconds(out.no_shorter_than_s)}{' or longer' if high is None else f' – {words.seconds(high)}'}"
                ": what is known of the cluster from that time was seen late"
            )
    return found


def is_read(outage: Outage) -> bool:
    """Whether readers of anything were out; else writers were."""
    return outage.kind.startswith("read")


def _once(outages: Iterable[Outage]) -> list[Outage]:
    """Each outage once: the one of steps' windows that saw more of it, where several saw the same."""
    kept: dict[tuple[str, str, float], Outage] = {}
    for outage in outages:
        key = (outage.kind, outage.via, outage.first_bad)
        if key not in kept or outage.attempts > kept[key].attempts:
            kept[key] = outage
    return list(kept.values())


def _longest(outages: Iterable[Outage]) -> Outage | None:
    return max(
        outages, key=lambda o: (o.no_shorter_than_s, math.inf if o.no_longer_than_s is None else o.no_longer_than_s),
        default=None,
    )  # fmt: skip


def _step(history: History, judged: StepJudgement) -> StepSummary:
    step = judged.step
    outages = _once(outage for check in judged.checks for outage in check.outages)
    outages.sort(key=lambda outage: outage.first_bad)
    begun = tuple(history.of(ActionBegun, step=step.index))
    served = [outage for outage in outages if outage.kind == "reads" and outage.via == SERVICE]
    written = [outage for outage in outages if outage.kind == "writes"]
    uploaded = [outage for outage in outages if outage.kind == "uploads"]
    begin, end = facts.since(step), step.end
    inside = Counter[tuple[str, bool]]()
    for stream in streams.of(history):
        if stream.name.is_written and (sent := stream.within(begin, end)):
            inside[stream.name.what, True] = good = sum(map(_GOOD, sent))
            inside[stream.name.what, False] = len(sent) - good
    asked = streams.of_readers(history).within(begin, end)
    answered = slow.taken(filter(_GOOD, asked))
    held = {one["key"] for check in judged.checks for one in check.figures.get("findings", ())}
    written_of = {
        what: _stream(
            step, [one for one in written if one.via == what], inside[what, True], inside[what, False], failed
        )
        for what in dict.fromkeys(("row", "post", *(what for what, _ in inside if what != UPLOAD)))
        if (failed := bool(held & {f"out:{what}s", f"not-steady:{what}s"})) or inside[what, True] or inside[what, False]
    }
    read = _stream(step, served, len(answered), len(asked) - len(answered), bool(held & _OUT_FOR_READERS))
    quick = round(nearest_rank(answered, 5), 6) if answered else None
    return StepSummary(
        step=step,
        verdict=judged.verdict,
        checks=judged.checks,
        begun=begun,
        ended=tuple(history.of(ActionEnded, step=step.index)),
        waits=tuple(history.of(WaitEnded, step=step.index)),
        outages=tuple(outages),
        reads=replace(read, worst_pod=_worst_pod(history, step, outages, read.longest), p5_s=quick),
        writes=_stream(
            step,
            written,
            sum(number for (what, ok), number in inside.items() if ok and what != UPLOAD),
            sum(number for (what, ok), number in inside.items() if not ok and what != UPLOAD),
            any(one.failed for one in written_of.values()),
        ),
        uploads=_stream(step, uploaded, inside[UPLOAD, True], inside[UPLOAD, False], "out:uploads" in held),
        written=written_of,
        acknowledged=_figure(judged.checks, continuity.NAME, "acknowledged", int),
        lost=_figure(judged.checks, continuity.NAME, "lost", int),
        clone=_figure(judged.checks, clone.NAME, "how", str),
        recovery=_recovery(history, step, begun, [*served, *written, *uploaded]),
        api_server_away=tuple(api_server_away(history, begin, end)),
    )


def _stream(step: Step, outages: Sequence[Outage], good: int, bad: int, failed: bool) -> Stream:
    on = any(one.attempts > 1 and (one.first_good is None or one.first_good > step.end) for one in outages)
    return Stream(good + bad, _longest(outages), bad, len(outages), on, failed)


def _worst_pod(history: History, step: Step, outages: Iterable[Outage], longest: Outage | None) -> Outage | None:
    """The longest outage of readers at a site pod that stays, where it was surely much longer than all pods' together.

    A pod that only had to start, which answered badly before its first good answer, was not out.
    """
    there = facts.pods(history, "site", step.end) or {}
    of_pods = [
        one
        for one in outages
        if one.kind == "reads" and one.via in there and not there[one.via].terminating and one.attempts > 1
        if one.last_good is not None or one.first_good is None
    ]
    worst = _longest(of_pods)
    high = 0.0 if longest is None else longest.no_longer_than_s
    return worst if worst is not None and high is not None and worst.no_shorter_than_s > _MUCH * high else None


def _figure(checks: Iterable[CheckResult], check: str, name: str, cls: type[_T]) -> _T | None:
    """One figure of one check; None where it was not made or could not say."""
    for one in checks:
        if one.name == check and isinstance(value := one.figures.get(name), cls):
            return value
    return None


def _recovery(history: History, step: Step, begun: Sequence[ActionBegun], outages: Sequence[Outage]) -> Recovery:
    if not begun or step.action in QUIET:
        return Recovery(None, None)
    fault = begun[0].at
    role = step.target.split("/", maxsplit=1)[0]
    pods = [pod for pod in history.of(PodSeen) if pod.role.split("/", maxsplit=1)[0] == role]
    before = {pod.uid: pod.restarts for pod in pods if pod.at < fault}
    window = [pod for pod in pods if fault <= pod.at <= step.end]
    noticed = _after(fault, (p.at for p in window if p.uid in before and (p.terminating or not p.ready)))
    lives: dict[str, list[PodSeen]] = defaultdict(list)
    for pod in window:
        if pod.restarts > before.get(pod.uid, -1):
            lives[pod.uid].append(pod)

    def parts(life: list[PodSeen]) -> tuple[float | None, float | None, float | None]:
        # A pod of which a container was started again keeps its node, and its phase.
        again = bool(life) and life[0].uid in before
        return (
            None if again else _after(fault, (pod.at for pod in life if pod.node)),
            _after(fault, (pod.at for pod in life if (_all_run(pod) if again else pod.phase == "Running"))),
            _after(fault, (pod.at for pod in life if pod.ready)),
        )

    slowest = max(lives.values(), key=lambda life: tuple(_or_never(part) for part in parts(life)[::-1]), default=[])
    scheduled, started, ready = parts(slowest)
    node = _by_node(history, step, fault, slowest, ready)
    out = [outage for outage in outages if outage.last_bad >= fault]
    answered = _over(fault, of_role(step, out))
    over = _over(fault, out)
    if (lives and ready is None) or (out and over is None):
        recovered = None
    else:
        recovered = max((part for part in (ready, over) if part is not None), default=None)
    return Recovery(
        pod=slowest[0].name if slowest else None,
        fault_at_s=fault,
        noticed_s=noticed,
        scheduled_s=scheduled,
        started_s=started,
        ready_s=ready,
        attached_s=node["SuccessfulAttachVolume"],
        pulled_s=node["Pulled"],
        container_started_s=node["Started"] or _after(fault, (pod.at for pod in slowest if _all_run(pod))),
        first_good_answer_s=answered,
        recovered_s=recovered,
    )


def _by_node(
    history: History, step: Step, fault: float, life: Sequence[PodSeen], ready: float | None
) -> dict[str, float | None]:
    """When a pod's last volume was attached, its last image pulled and its last container started, by its events."""
    until = step.end if ready is None else fault + ready
    of_pod = [event for event in history.of(ClusterEvent) if life and event.object == f"pod/{life[0].name}"]
    since = fault if life and life[0].restarts else life[0].at if life else step.end
    return {
        reason: _after(fault, (e.at for e in of_pod if e.reason == reason and since <= e.at <= until), last=True)
        for reason in ("SuccessfulAttachVolume", "Pulled", "Started")
    }


def _all_run(pod: PodSeen) -> bool:
    return bool(pod.containers) and all(state == "running" for state in pod.containers.values())


def of_role(step: Step, outages: Iterable[Outage]) -> list[Outage]:
    """Those of the outages that tell of the role that a step hit: rows for the database, reads for all else."""
    via = "row" if step.target.split("/", maxsplit=1)[0] == "database" else SERVICE
    return [outage for outage in outages if outage.via == via]


def _over(fault: float, outages: Iterable[Outage]) -> float | None:
    """Seconds from the fault to the end of the last of the outages; None where there was none, or an end not seen."""
    ends = [outage.first_good for outage in outages]
    return None if None in ends else _after(fault, (end for end in ends if end is not None), last=True)


def _or_never(value: float | None) -> float:
    return math.inf if value is None else value


def _after(fault: float, times: Iterable[float], *, last: bool = False) -> float | None:
    found = list(times)
    return round((max if last else min)(found) - fault, 6) if found else None


def _read_totals(reads: Iterable[Read]) -> dict[str, dict[str, Any]]:
    totals: dict[str, dict[str, Any]] = {}
    alike = Counter(map(attrgetter("what", "via", "ok", "reason", "status"), reads))
    for (what, via, ok, reason, status), number in alike.items():
        way = via if what == PAGE else f"{what} of {via}"
        total = totals.setdefault(way, {"ok": 0, "failed": 0, "reasons": {}})
        total["ok" if ok else "failed"] += number
        if not ok:
            said = f"{reason} {status}" if status and reason == "status" else reason
            total["reasons"][said] = total["reasons"].get(said, 0) + number
    return dict(sorted(totals.items(), key=lambda item: (item[0] != SERVICE, item[0])))


def _write_totals(writes: Iterable[Write]) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = {}
    for (what, outcome), number in Counter(map(attrgetter("what", "outcome"), writes)).items():
        totals.setdefault(what, {"ok": 0, "fail": 0, "info": 0})[outcome] = number
    return dict(sorted(totals.items()))


def _answers(history: History) -> dict[str, list[tuple[float, float]]]:
    written = sorted((one for one in streams.of(history) if one.name.is_written), key=lambda one: one.name.label)
    found = {
        one.name.label: [(each.due, each.end - each.due) for each in one.attempts if each.good]
        for one in (streams.of_readers(history), *written)
    }
    return {stream: answers for stream, answers in found.items() if answers}


def _latencies(answers: Mapping[str, Sequence[tuple[float, float]]]) -> Iterator[Latency]:
    for stream, found in answers.items():
        values = sorted(latency for _, latency in found)
        ranks = tuple((p, round(nearest_rank(values, p), 6)) for p in PERCENTILES)
        yield Latency(stream, len(values), ranks, round(values[-1], 6))
