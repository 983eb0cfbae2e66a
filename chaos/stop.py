"""Stops what the main thread is at: a signal, an abort condition, a Lease that is lost, a journal that is full.

Each is an exception in the main thread, wherever that is, and only the first one is raised: what comes after it finds
the undo going on, which it must not break. Only Ctrl-C, once a signal has asked for the end already, stops the undo.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A signal asked for the end; its text is the signal's name."""


class UndoStopped(Interrupted):
    """Ctrl-C came again: what is not yet put back stays as it is."""


class Aborted(BaseException):
    """Something that was watched asked for the end; its text is the reason. No `except Exception` may swallow it."""


class _Mode(Enum):
    OPEN = "a stop is raised where the main thread is"
    UNDOING = "a stop waits; Ctrl-C, where a signal came before, is raised"
    SEALED = "a stop waits"


class _Stop:
    def __init__(self) -> None:
        self.mode = _Mode.OPEN
        self.waiting: BaseException | None = None
        self.asked: deque[BaseException] = deque()
        self.signals = 0
        self.undoing = 0
        self.gave_up = False
        self.gives_up = ""

    def signalled(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.signals += 1
        name = signal.Signals(number).name
        if self.signals == 1:
            # The second may come while this is still said.
            is_open, self.mode = self.mode is _Mode.OPEN, _Mode.UNDOING if self.mode is _Mode.OPEN else self.mode
            print(f"hachaos: {name}: stopping; Ctrl-C once more stops the undo too", file=sys.stderr)
            if is_open:
                raise Interrupted(name)
            self.stop(Interrupted(name))
        elif number == signal.SIGINT and self.mode is _Mode.UNDOING and not self.gave_up:
            self.gave_up = True
            # What the first signal asked for is told by this one, which also says what is left.
            self.waiting = None
            print("hachaos: the undo is stopped", file=sys.stderr)
            if self.undoing:
                raise UndoStopped(name)
            self.gives_up = name

    def begin_undo(self) -> None:
        """Raise what came while the main thread was on its way to the undo."""
        name, self.gives_up = self.gives_up, ""
        if name:
            raise UndoStopped(name)

    def woken(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        while self.asked:
            self.stop(self.asked.popleft())

    def stop(self, error: BaseException) -> None:
        if self.mode is _Mode.OPEN:
            self.mode = _Mode.UNDOING
            raise error
        if self.waiting is None or isinstance(error, Interrupted):
            self.waiting = error

    def raise_waiting(self) -> None:
        if self.mode is _Mode.OPEN and self.waiting is not None:
            error, self.waiting = self.waiting, None
            self.stop(error)


_stop: _Stop | None = None
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WAKE = signal.SIGUSR1


@contextmanager
def by_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM, SIGHUP and `ask` stop the main thread while the block lasts.

    A SIGHUP that is ignored (nohup) stays ignored.
    """
    global _stop  # noqa: PLW0603
    _stop = made = _Stop()
    wanted = [each for each in _SIGNALS if each != signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN]
    old = {number: signal.signal(number, made.signalled) for number in wanted}
    old[_WAKE] = signal.signal(_WAKE, made.woken)
    try:
        yield
    finally:
        _stop = None
        for number, handler in old.items():
            signal.signal(number, signal.SIG_IGN if number == _WAKE else handler)


def ask(reason: str) -> None:
    """From any thread: stop the main thread with `Aborted`, where it can be stopped now, else as soon as it can."""
    found = _stop
    if found is not None:
        found.asked.append(Aborted(reason))
        signal.pthread_kill(threading.main_thread().ident or 0, _WAKE)


def taken_back() -> str:
    """The reason of an `Aborted` that came too late to stop anything, which is raised no more; empty for none."""
    found = _stop
    if found is None or not isinstance(found.waiting, Aborted):
        return ""
    late, found.waiting = found.waiting, None
    return str(late)


@contextmanager
def sealed() -> Iterator[None]:
    """Nothing is stopped while the block lasts; what was asked for meanwhile is raised at its end."""
    with _mode(_Mode.SEALED):
        yield


@contextmanager
def exposed() -> Iterator[None]:
    """Within a sealed block: here it may be stopped. What came before is raised at once."""
    with _mode(_Mode.OPEN):
        if _stop is not None:
            _stop.raise_waiting()
        yield


@contextmanager
def undoing() -> Iterator[None]:
    """What puts back goes on: only Ctrl-C after another signal stops it. What was asked for is raised at its end."""
    found = _stop
    with _mode(_Mode.UNDOING):
        if found is None:
            yield
            return
        found.begin_undo()
        found.undoing += 1
        try:
            yield
        finally:
            found.undoing -= 1


@contextmanager
def _mode(mode: _Mode) -> Iterator[None]:
    found = _stop
    if found is None:
        yield
        return
    old, found.mode = found.mode, mode
    try:
        yield
    finally:
        found.mode = old
    # An exception that is on its way already says more than the stop does.
    if sys.exc_info()[0] is None:
        found.raise_waiting()
