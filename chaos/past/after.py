"""What runs leave for the history beside their folders: a note of each that could not start, a word to a webhook."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chaos.errors import HachaosError, UsageError
from chaos.past import webhook
from chaos.past.index import past
from chaos.past.runs import Run, note_not_run
from chaos.redact import plain, redact


@contextmanager
def told(
    reports: Path, scenarios: Sequence[str], stack: str, target: str, url: str = "", style: str = "json"
) -> Iterator[None]:
    """Around runs of scenarios: what goes wrong here is said on standard error, and changes no exit code.

    When they end in an error, or one was aborted, each scenario that has not begun is noted as missing; not so for a
    mistake on the command line, which its user is told. With a `url` its webhook is told of verdicts that changed.
    Raises UsageError before anything is run for a `url` that is no address.
    """
    if url:
        webhook.require_address(url)
    # Reports tell their beginning in whole seconds.
    since = float(int(time.time()))
    try:
        yield
    except UsageError:
        raise
    except HachaosError as error:
        _note(reports, scenarios, stack, target, since, redact(str(error)))
        raise
    else:
        if len(scenarios) > 1:
            _note(reports, scenarios, stack, target, since, "a run before it was aborted")
    finally:
        if url:
            _tell(reports, since, url, style)


def _runs(reports: Path) -> tuple[Run, ...]:
    return past(reports).runs if reports.is_dir() else ()


def _note(reports: Path, scenarios: Sequence[str], stack: str, target: str, since: float, reason: str) -> None:
    try:
        begun = {run.scenario for run in _runs(reports) if run.began >= since}
        for scenario in dict.fromkeys(scenarios):
            if scenario not in begun:
                note_not_run(reports, scenario, stack, target, time.time(), reason)
    except (OSError, HachaosError) as error:
        _say(f"the history does not know of this: {error}")


def _tell(reports: Path, since: float, url: str, style: str) -> None:
    try:
        for change in webhook.changes(_runs(reports), since):
            webhook.send(url, webhook.payload(change, style))
    except (OSError, HachaosError) as error:
        _say(str(error))


def _say(problem: str) -> None:
    print(f"hachaos: {plain(problem)}", file=sys.stderr)
