"""metrics.prom: the figures of a run for Prometheus, as text that is OpenMetrics 1.0 and its older text format alike.

A finished run is a state, so all are gauges. What nobody could count or did not see has no sample, never a zero.
https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from chaos import __version__
from chaos.history import BASELINE
from chaos.redact import plain
from chaos.report import words
from chaos.report.summary import StepSummary, Stream, Summary
from chaos.verdict import Verdict

_HELP: Final = {
    "hachaos_run": "1 for the run that the other figures are of, with its id and the version of hachaos.",
    "hachaos_verdict": "1 for the verdict that the scenario came to, 0 for the others; unknown is never a pass.",
    "hachaos_run_began_timestamp_seconds": "When the run began, in seconds since 1970.",
    "hachaos_run_duration_seconds": "How long the run took.",
    "hachaos_step_verdict": "1 for the verdict that the step came to, 0 for the others.",
    "hachaos_longest_outage_seconds": "The longest outage of a step, by its two bounds; 0 where there was none, +Inf "
    "where its beginning or its end was not seen, no sample where nothing was measured.",
    "hachaos_acknowledged_writes": "Writes acknowledged so far in the run that were looked for after the step.",
    "hachaos_lost_writes": "Acknowledged writes that were not found after the step; no sample: nobody could count.",
    "hachaos_recovery_seconds": "Seconds from a step's fault to each part of its recovery; no sample: it was not seen.",
    "hachaos_latency_seconds": "Percentiles of good answers over the whole run, from when each request was due.",
    "hachaos_requests": "Requests of the run by what came of them.",
    "hachaos_api_server_outages": "How often the API server ceased to answer in the run.",
}
"""The families in their order. The unit of one is the last word of its name."""

_PARTS: Final = ("noticed", "scheduled", "started", "ready", "first_good_answer", "recovered")

Sample = tuple[str, dict[str, str], float]
"""A family's name, the labels, the value."""


def render(runs: Iterable[tuple[str, str, Summary | None]]) -> str:
    """The text of metrics.prom for runs, each by scenario, stack and summary (None: it was not run, so unknown).

    A scenario that comes more than once is told by the label `run` (2, 3 ...).
    """
    samples: dict[str, list[str]] = {name: [] for name in _HELP}
    seen: dict[tuple[str, str], int] = {}
    for scenario, stack, summary in runs:
        seen[scenario, stack] = nth = seen.get((scenario, stack), 0) + 1
        own = {"scenario": scenario, "stack": stack} | ({"run": str(nth)} if nth > 1 else {})
        for name, labels, value in _of(summary):
            samples[name].append(_line(name, own | labels, value))
    lines = []
    for name, found in samples.items():
        if found:
            lines.append(f"# TYPE {name} gauge")
            if name.endswith("_seconds"):
                lines.append(f"# UNIT {name} seconds")
            lines += [f"# HELP {name} {_HELP[name]}", *found]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _of(summary: Summary | None) -> Iterator[Sample]:
    yield from _verdict("hachaos_verdict", summary.judgement.verdict if summary else Verdict.UNKNOWN, {})
    if summary is None:
        return
    yield "hachaos_run", {"id": summary.run.run, "version": summary.run.versions.get("hachaos", __version__)}, 1
    yield "hachaos_run_began_timestamp_seconds", {}, round(summary.run.started_at, 3)
    yield "hachaos_run_duration_seconds", {}, summary.duration_s
    yield "hachaos_api_server_outages", {}, len(summary.api_server_outages)
    for step in summary.steps:
        yield from _step(step)
    for latency in summary.latencies:
        for percentile, value in latency.percentiles_s:
            yield "hachaos_latency_seconds", {"stream": latency.stream, "percentile": f"{percentile:g}"}, value
    for way, total in summary.reads.items():
        for outcome in ("ok", "failed"):
            yield "hachaos_requests", {"kind": "read", "of": way, "outcome": outcome}, total[outcome]
    for what, outcomes in summary.writes.items():
        for outcome, number in outcomes.items():
            yield "hachaos_requests", {"kind": "write", "of": what, "outcome": outcome}, number


def _step(step: StepSummary) -> Iterator[Sample]:
    one = step.step
    number = str(one.index + 1) if one.of_plan else "baseline" if one.index == BASELINE else "end"
    labels = {"step": number, "name": one.name}
    yield from _verdict("hachaos_step_verdict", step.verdict, labels)
    for kind, stream in (("reads", step.reads), ("writes", step.writes), ("uploads", step.uploads)):
        for bound, value in _bounds(stream):
            yield "hachaos_longest_outage_seconds", labels | {"kind": kind, "bound": bound}, value
    if step.acknowledged is not None:
        yield "hachaos_acknowledged_writes", labels, step.acknowledged
    if step.lost is not None:
        yield "hachaos_lost_writes", labels, step.lost
    for part in _PARTS:
        value = getattr(step.recovery, f"{part}_s")
        if value is not None:
            yield "hachaos_recovery_seconds", labels | {"part": part}, value


def _verdict(name: str, found: Verdict, labels: dict[str, str]) -> Iterator[Sample]:
    for verdict in Verdict:
        yield name, labels | {"verdict": verdict.value}, int(verdict is found)


def _bounds(stream: Stream) -> Sequence[tuple[str, float]]:
    if not stream.attempts:
        return ()
    low, high = (stream.longest.no_shorter_than_s, stream.longest.no_longer_than_s) if stream.longest else (0.0, 0.0)
    return ("no_shorter_than", low), ("no_longer_than", float("inf") if high is None else high)


def _line(name: str, labels: dict[str, str], value: float) -> str:
    said = ",".join(f'{key}="{_label(text)}"' for key, text in labels.items())
    number = "+Inf" if value == float("inf") else f"{round(value, 6)}"
    return f"{name}{{{said}}} {number}"


def _label(text: str) -> str:
    one_line = plain(words.legal(text)).replace("\r", " ")
    return one_line.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
