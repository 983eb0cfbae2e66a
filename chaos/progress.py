"""Progress of long work: bars in a terminal, plain lines elsewhere. Everything goes to stderr."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, TYPE_CHECKING, Protocol

from chaos.redact import plain

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_PLAIN_INTERVAL_S = 15.0


class Task(Protocol):
    """One piece of work that goes on. Safe to use from any thread."""

    def update(self, note: str | None = None, *, done: float | None = None, total: float | None = None) -> None:
        """Say what is being done now (`note`) and how far it is (`done` of `total`, any one unit)."""


class Progress(Protocol):
    """A display of several pieces of work side by side."""

    def task(self, title: str) -> AbstractContextManager[Task]:
        """Begin a piece of work; it ends with the `with` block, well or badly."""

    def say(self, line: str) -> None:
        """Print one line above the bars."""


class _PlainTask:
    def __init__(self, title: str) -> None:
        self._title, self._began, self._said = title, time.monotonic(), time.monotonic()
        self._lock = threading.Lock()

    def update(self, note: str | None = None, *, done: float | None = None, total: float | None = None) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._said < _PLAIN_INTERVAL_S:
                return
            self._said = now
        share = f" {100 * done / total:.0f} %" if done is not None and total else ""
        print(f"  {self._title}:{share} {plain(note or '')} ({now - self._began:.0f} s)", file=sys.stderr, flush=True)


class PlainProgress:
    """Lines for logs and CI: one when a piece of work begins, one each 15 s, one when it ends."""

    @contextmanager
    def task(self, title: str) -> Iterator[Task]:
        began = time.monotonic()
        print(f"- {title} ...", file=sys.stderr, flush=True)
        try:
            yield _PlainTask(title)
        except BaseException:
            print(f"x {title}: failed after {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
            raise
        print(f"+ {title}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        print(plain(line), file=sys.stderr, flush=True)


class _BarTask:
    def __init__(self, bars: RichProgress, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def update(self, note: str | None = None, *, done: float | None = None, total: float | None = None) -> None:
        if note is not None:
            self._bars.update(self._task, note=plain(note))
        if total is not None:
            self._bars.update(self._task, total=total)
        if done is not None:
            self._bars.update(self._task, completed=done)


class BarProgress:
    """Live bars (rich) for a terminal."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars

    @contextmanager
    def task(self, title: str) -> Iterator[Task]:
        began = time.monotonic()
        task = self._bars.add_task(title, total=None, note="")
        try:
            yield _BarTask(self._bars, task)
        except BaseException:
            self._bars.console.print(f"[red]✗[/] {title}: failed after {time.monotonic() - began:.1f} s")
            raise
        else:
            self._bars.console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - began:.1f} s[/]")
        finally:
            self._bars.remove_task(task)

    def say(self, line: str) -> None:
        self._bars.console.print(plain(line), markup=False, highlight=False)


class NoProgress:
    """Says nothing (`--quiet`, tests)."""

    @contextmanager
    def task(self, title: str) -> Iterator[Task]:  # noqa: ARG002
        yield self

    def update(self, note: str | None = None, *, done: float | None = None, total: float | None = None) -> None:
        """Ignore it."""

    def say(self, line: str) -> None:
        """Ignore it."""


def is_live(stream: IO[str]) -> bool:
    """Whether a display may move there: a terminal that can, and not in CI, whose logs keep every frame."""
    return stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """The display that suits where stderr goes: bars in a terminal, else lines, or none when `quiet`."""
    if quiet:
        yield NoProgress()
        return
    if not is_live(sys.stderr):
        yield PlainProgress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield BarProgress(bars)
