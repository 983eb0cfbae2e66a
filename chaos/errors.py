"""The tool's own errors. Each knows the exit code that it ends the command with.

Whatever reaches the user is one line (`str(error)`) and, where there is one, a hint of what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What the command's exit status means."""

    PASS = 0
    FAIL = 1
    UNKNOWN = 2
    TROUBLE = 3
    USAGE = 4
    UNDO_INCOMPLETE = 5
    INTERRUPTED = 130


class HachaosError(Exception):
    """Something that the user is told in one line, with an optional hint on the next."""

    exit_code: ExitCode = ExitCode.TROUBLE
    usual_hint: str | None = None
    """What to do about one that has no hint of its own."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(HachaosError):
    """The command line or a file given by the user is wrong; nothing was touched."""

    exit_code = ExitCode.USAGE


class InputError(UsageError):
    """A file given by the user is wrong at a known place (line and column count from 1)."""

    def __init__(self, file: str, line: int, column: int, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{file}:{line}:{column}: {message}", hint=hint)
        self.file, self.line, self.column = file, line, column


def raise_each(found: Sequence[UsageError]) -> None:
    """Raise all of them, if there are any, as one: a line each, and each line and each hint once."""
    lines = list(dict.fromkeys(map(str, found)))
    if len(lines) > 1:
        hints = dict.fromkeys(hint for error in found if (hint := error.hint or error.usual_hint))
        raise UsageError("\n".join(lines), hint="\n".join(hints) or None)
    if found:
        raise found[0]


class HostError(HachaosError):
    """This host lacks what the embedded cluster needs (root, cgroups, disk, a package)."""

    usual_hint = "hachaos cluster doctor lists what this host lacks"


class ClusterError(HachaosError):
    """The cluster did not do what was asked within its deadline, or cannot be reached."""

    usual_hint = "kubectl get pods,events shows the cluster's side of it; hachaos run --debug writes down each call"


class Unreachable(ClusterError):
    """The cluster gave no answer, or one that says to come back later."""


class StackError(HachaosError):
    """The stack under test could not be deployed, installed or verified."""

    usual_hint = "hachaos stack status says what the stack lacks"


class UndoIncomplete(HachaosError):
    """Something that the run changed could not be put back."""

    exit_code = ExitCode.UNDO_INCOMPLETE
    usual_hint = "hachaos recover tries again"
