"""What runs leave for the history beside their folders: a note of each that could not start, a word to a webhook."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chaos.debug import LOG, DebugLog
from chaos.errors import HachaosError, UsageError
from chaos.past import webhook
from chaos.past.index import past
from chaos.past.runs import Run, note_not_run
from chaos.paths import is_binding
from chaos.redact import plain, redact


@contextmanager
def told(
    reports: Path,
    scenarios: Sequence[str],
    stack: str,
    target: str,
    url: str = "",
    style: str = "json",
    debug: DebugLog | None = None,
) -> Iterator[None]:
    """Around runs of scenarios: what goes wrong here is said on standard error, and changes no exit code.

    When they end in an error or are interrupted, or one was aborted, each scenario that has not begun is noted as
    missing; not so for a mistake on the command line, which its user is told. What `debug` has of a run that could not
    start goes beside its note, else into the reports. With a `url` its webhook is told of verdicts that changed. Raises
    UsageError before anything is run for a `url` that is no address, and for a `style` that is none.
    """
    if url:
        webhook.require_address(url)
        webhook.require_format(style)
    if is_binding(stack):
        # As reports name it: a note counts for the runs that it is missing among.
        stack = str(Path(stack).absolute())
    # Reports tell their beginning in whole seconds.
    since = float(int(time.time()))
    try:
        yield
    except UsageError as error:
        _log(debug, [], reports, str(error))
        raise
    except (HachaosError, KeyboardInterrupt) as error:
        why = redact(str(error)) if isinstance(error, HachaosError) else "interrupted before it began"
        _log(debug, _note(reports, scenarios, stack, target, since, why), reports, why)
        raise
    else:
        if len(scenarios) > 1:
            _note(reports, scenarios, stack, target, since, "a run before it was aborted")
    finally:
        if url:
            _tell(reports, since, url, style)


def _runs(reports: Path) -> tuple[Run, ...]:
    return past(reports).runs if reports.is_dir() else ()


def _note(reports: Path, scenarios: Sequence[str], stack: str, target: str, since: float, reason: str) -> list[Path]:
    """The folders of the notes that were made."""
    try:
        begun = {run.scenario for run in _runs(reports) if run.began >= since}
        waited = [scenario for scenario in dict.fromkeys(scenarios) if scenario not in begun]
        return [note_not_run(reports, scenario, stack, target, time.time(), reason) for scenario in waited]
    except (OSError, HachaosError) as error:
        _say(f"the history does not know of this: {error}")
        return []


def _log(debug: DebugLog | None, noted: Sequence[Path], reports: Path, why: str) -> None:
    """Keep what was logged, and why it ends: beside the first note; without one in the reports, unless a run has it."""
    if debug is None or not (noted or (debug.waiting and not debug.used)):
        return
    folder = noted[0] if noted else reports
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with debug.kept(), debug.into(folder) as path:
            LOG.debug("not begun: %s", why)
            print(f"debug log: {path}", file=sys.stderr)
    except OSError as error:
        _say(f"there is no debug log: {error}")


def _tell(reports: Path, since: float, url: str, style: str) -> None:
    try:
        for change in webhook.changes(_runs(reports), since):
            webhook.send(url, webhook.payload(change, style))
    except (OSError, HachaosError) as error:
        _say(str(error))


def _say(problem: str) -> None:
    print(f"hachaos: {plain(problem)}", file=sys.stderr)
