"""Tells a webhook of a verdict that is another than the one before: as plain JSON, or as Slack wants it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from chaos.errors import HachaosError, UsageError
from chaos.past.runs import MISSING, Run
from chaos.past.standing import standings
from chaos.redact import know, redact
from chaos.report import words
from chaos.verdict import Verdict

FORMAT: Final = 1
"""Version of the plain JSON. It changes when a field goes or changes its meaning, not when one is added."""

FORMATS: Final = ("json", "slack")

_DEADLINE_S: Final = 10.0
_TIMES: Final = 3
_LONGEST: Final = 1000
_TELLING: Final = 12


@dataclass(frozen=True)
class Change:
    """A run, and the verdict of the one before it; None where it is the first."""

    run: Run
    before: str | None


def changes(runs: Iterable[Run], since: float) -> list[Change]:
    """Of each scenario on each stack and target whether its latest run, begun since then (Unix seconds), is a change.

    What somebody interrupted or killed says nothing, and is passed over. A first run is a change unless it passed.
    """
    found = []
    for one in standings(runs):
        told = [run for run in one.runs if run.counts or run.verdict == MISSING]
        before = next((run.verdict for run in reversed(told) if run.began < since), None)
        if told and told[-1].began >= since and told[-1].verdict != (before or Verdict.PASS):
            found.append(Change(told[-1], before))
    return found


def payload(change: Change, style: str) -> dict[str, Any]:
    """What is sent. `style` is one of FORMATS."""
    run = change.run
    reason = redact(run.reason)[:_LONGEST]
    if style == "slack":
        where = f"{run.scenario} on {run.stack}" + (f", {run.target}" if run.target else "")
        was = f"was {change.before}" if change.before else "its first run"
        return {"text": _slack(f"{where}: *{run.verdict}* ({was}). {words.sentence(reason)} {run.folder}".rstrip())}
    return {
        "format": FORMAT,
        "event": "verdict-changed",
        "scenario": run.scenario,
        "stack": run.stack,
        "target": run.target,
        "verdict": run.verdict,
        "before": change.before,
        "reason": reason,
        "run": run.folder,
        "began": words.stamp(run.began),
    }


def _slack(text: str) -> str:
    """Slack reads these three as its own marks, mentions and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def require_address(url: str) -> None:
    """Raise UsageError for what is no address of a webhook.

    It is not repeated, and redacted from now on wherever it turns up: who knows such an address can write to it.
    """
    try:
        parts = urlsplit(url)
        fit = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fit = False
    know(url, *([parts.path] if fit and len(parts.path) >= _TELLING else []))
    if not fit:
        raise UsageError("--webhook, $HACHAOS_WEBHOOK: this is no address", hint="it looks like https://HOST/PATH")


def require_format(style: str) -> None:
    """Raise UsageError for what is none of FORMATS."""
    if style not in FORMATS:
        raise UsageError(f"--webhook-format, $HACHAOS_WEBHOOK_FORMAT: {style!r} is none of {', '.join(FORMATS)}")


def send(url: str, values: dict[str, Any]) -> None:
    """Post it, up to three times within ten seconds each.

    Raises HachaosError when it was not taken; that names the host alone, since the rest of such an address is a secret.
    """
    import requests
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    try:
        for attempt in Retrying(
            stop=stop_after_attempt(_TIMES),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry=retry_if_exception_type((requests.ConnectionError, requests.Timeout, _Busy)),
            reraise=True,
        ):
            with attempt:
                answer = requests.post(url, json=values, timeout=_DEADLINE_S, allow_redirects=False)
                if answer.status_code == requests.codes.too_many_requests or answer.status_code >= 500:
                    raise _Busy(f"it answered {answer.status_code}")
        problem = "" if answer.status_code < 300 else f"it answered {answer.status_code}"
    except _Busy as error:
        problem = str(error)
    except requests.RequestException as error:
        problem = type(error).__name__
    if problem:
        raise HachaosError(f"the webhook at {urlsplit(url).hostname} was not told: {problem}")


class _Busy(Exception):
    pass
