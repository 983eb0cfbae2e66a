"""report.json: the run for machines. Its schema is docs/schemas/report-v1.json."""

from __future__ import annotations

import math
import platform
from typing import Any

from chaos import __version__
from chaos.report import words
from chaos.report.summary import StepSummary, Stream, Summary
from chaos.verdict import CheckResult, Outage

FORMAT = 1
"""Version of report.json. It changes when a field goes or changes its meaning, not when one is added."""


def render(summary: Summary) -> dict[str, Any]:
    """The report as JSON values. All times are seconds, those that name a moment since the run began."""
    run, ended = summary.run, summary.history.ended
    return {
        "format": FORMAT,
        "run": run.run,
        "scenario": run.scenario,
        "claim": run.claim,
        "verdict": summary.judgement.verdict.value,
        "reason": summary.judgement.reason,
        "began": words.stamp(run.started_at),
        "duration_s": _rounded(summary.duration_s),
        "ended": {"how": ended.how, "detail": ended.detail} if ended else {"how": "cut off", "detail": ""},
        "steps": [_step(step) for step in summary.steps],
        "outages": [outage(one) for one in summary.outages],
        "api_server_outages": [_api_server(one) for one in summary.api_server_outages],
        "reach": str(run.stack.get("reach", "")),
        "reads": summary.reads,
        "writes": summary.writes,
        "skipped": summary.skipped,
        "latency": [
            {
                "stream": one.stream,
                "answered": one.answered,
                "percentiles_s": {f"p{p:g}": value for p, value in one.percentiles_s},
                "longest_s": one.longest_s,
            }
            for one in summary.latencies
        ],
        "versions": versions(summary),
        "scenario_text": run.scenario_text,
        "plan": _finite(run.plan),
        "stack": _finite(run.stack),
    }


def versions(summary: Summary) -> dict[str, str]:
    """Of everything that took part: as the run noted it, and what drew this report."""
    own = {"report": f"hachaos {__version__}, Python {platform.python_version()}"}
    return {"hachaos": __version__, "python": platform.python_version()} | summary.run.versions | own


def outage(one: Outage) -> dict[str, Any]:
    """One outage with both of its bounds; null where an end was not seen."""
    return {
        "kind": one.kind,
        "via": one.via,
        "no_shorter_than_s": _rounded(one.no_shorter_than_s),
        "no_longer_than_s": _rounded(one.no_longer_than_s),
        "began_between_s": [_rounded(one.last_good), _rounded(one.first_bad)],
        "ended_between_s": [_rounded(one.last_bad), _rounded(one.first_good)],
        "attempts": one.attempts,
        "reasons": one.reasons,
    }


def _api_server(one: Outage) -> dict[str, Any]:
    kept = ("no_shorter_than_s", "no_longer_than_s", "began_between_s", "ended_between_s")
    told = outage(one)
    return {name: told[name] for name in kept} | {"reason": next(iter(one.reasons), "")}


def _step(step: StepSummary) -> dict[str, Any]:
    recovery = step.recovery
    return {
        "index": step.step.index,
        "name": step.step.name,
        "verdict": step.verdict.value,
        "action": step.step.action,
        "target": step.step.target,
        "objects": [name for action in step.begun for name in action.objects],
        "effect": _finite([dict(action.effect) for action in step.ended]),
        "began_s": _rounded(step.step.begin),
        "ended_s": _rounded(step.step.end),
        "problem": step.step.problem,
        "expected": {
            "reads_longest_outage_s": step.step.limits.reads_longest_outage_s,
            "writes_longest_outage_s": step.step.limits.writes_longest_outage_s,
            "uploads_longest_outage_s": step.step.limits.uploads_longest_outage_s,
            "slowest": [
                {"kind": kind, "percentile": percentile, "at_most_s": limit}
                for kind, percentile, limit in step.step.limits.slowest
            ],
            "clone": step.step.limits.clone,
            "may_stay_out": sorted(step.step.limits.may_stay_out),
            "others": _finite(step.step.limits.others),
        },
        "waits": [
            {
                "condition": wait.condition,
                "satisfied": wait.satisfied,
                "took_s": wait.took_s,
                "detail": wait.detail,
                "unknown": wait.unknown,
            }
            for wait in step.waits
        ],
        "reads": _stream(step.reads)
        | {"worst_pod": outage(worst) if (worst := step.reads.worst_pod) else None, "p5_s": step.reads.p5_s},
        "writes": _stream(step.writes)
        | {"acknowledged": step.acknowledged, "lost": step.lost}
        | {"of": {what: _stream(stream) for what, stream in step.written.items()}},
        "uploads": _stream(step.uploads),
        "clone": step.clone,
        "time_to_recovery": {
            "pod": recovery.pod,
            "fault_at_s": _rounded(recovery.fault_at_s),
            "noticed_s": recovery.noticed_s,
            "scheduled_s": recovery.scheduled_s,
            "attached_s": recovery.attached_s,
            "pulled_s": recovery.pulled_s,
            "container_started_s": recovery.container_started_s,
            "started_s": recovery.started_s,
            "ready_s": recovery.ready_s,
            "first_good_answer_s": recovery.first_good_answer_s,
            "recovered_s": recovery.recovered_s,
        },
        "checks": [_check(check) for check in step.checks],
        "outages": [outage(one) for one in step.outages],
    }


def _stream(stream: Stream) -> dict[str, Any]:
    return {
        "attempts": stream.attempts,
        "longest_outage": outage(stream.longest) if stream.longest else None,
        "bad": stream.bad,
        "outages": stream.outages,
        "out_at_end": stream.out_at_end,
        "failed": stream.failed,
    }


def _check(check: CheckResult) -> dict[str, Any]:
    return {
        "name": check.name,
        "verdict": check.verdict.value,
        "reason": check.reason,
        "figures": _finite(check.figures),
        "advice": check.advice,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _finite(value: Any) -> Any:
    """The value with what JSON does not know (infinity, not-a-number) as null, and sets in order."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [_finite(item) for item in sorted(value, key=str)]
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
