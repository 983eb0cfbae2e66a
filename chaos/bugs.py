"""Exceptions that nobody foresaw: one line for the user, and the traceback in a file that he can report."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.errors import HachaosError, UndoIncomplete
from chaos.redact import redact

NAME = "internal-error.txt"


class InternalError(HachaosError):
    """A fault of hachaos itself."""


class BugAndIncomplete(UndoIncomplete):
    """A fault of hachaos itself, after which something could not be put back."""


@contextmanager
def into(folder: Path) -> Iterator[None]:
    """Make an exception that nobody foresaw an InternalError, and keep its traceback in the folder.

    An UndoIncomplete that hides an InternalError tells of it as well.
    """
    try:
        yield
    except UndoIncomplete as error:
        raise told_with(error, led_to(error)) from error.__cause__
    except HachaosError:
        raise
    except Exception as error:
        raise keep(error, folder) from error


def keep(error: Exception, folder: Path) -> InternalError:
    """Add the traceback of an exception that is handled right now to the folder's file; what the user is told of it."""
    path, told = folder / NAME, f"internal error: {error!r}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(redact(traceback.format_exc()))
    except OSError:
        return InternalError(told, hint="please report it")
    return InternalError(told, hint=f"please report it with {path}")


def led_to(error: BaseException | None) -> InternalError | None:
    """The InternalError that an exception is, or in the midst of which it was raised."""
    while error is not None and not isinstance(error, InternalError):
        error = error.__context__
    return error


def told_with(error: UndoIncomplete, bug: InternalError | None) -> UndoIncomplete:
    """What is left undone, and before it the bug (if there was one) that had ended the run."""
    if bug is None or isinstance(error, BugAndIncomplete):
        return error
    return BugAndIncomplete(f"{bug} ({bug.hint}); {error}", hint=error.hint)
