"""From a scenario's file to its plan. Whatever is wrong with the file is said with file, line and column."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from chaos import strict_yaml as yaml
from chaos import suggest
from chaos.errors import InputError, UsageError
from chaos.scenario import spec, vocabulary
from chaos.scenario.plan import Plan, PlannedStep, Wait
from chaos.strict_yaml import Document, Place, Problem, SyntaxProblem

LARGEST_BYTES = 256 * 1024
MOST_ERRORS = 20

_BOMS = {b"\xef\xbb\xbf": "UTF-8 with a byte order mark", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_REASONS = {
    errno.ENOENT: "no such file; hachaos list names those that there are",
    errno.ENOTDIR: "no such file: a part of the path is not a folder; name a file",
    errno.EACCES: "may not be read by this user; change its permissions",
    errno.EPERM: "may not be read by this user; change its permissions",
    errno.ENAMETOOLONG: "no such file: the name is too long; name a file",
    errno.ELOOP: "no such file: its symbolic links lead in a circle; name a file",
}


class ScenarioErrors(UsageError):
    """Several things are wrong with the user's files: one line each, sorted by their place."""


def load(path: Path) -> Plan:
    """The plan of the scenario in a file.

    Raises InputError when one thing is wrong with it, ScenarioErrors when several are.
    """
    text = read(path)
    name = shown_path(path)
    try:
        document = yaml.parse(text)
    except SyntaxProblem as error:
        raise _errors(name, [error.problem]) from error
    problems = list(document.problems)
    try:
        written = spec.validate(document.value)
    except spec.Wrong as wrong:
        problems += _placed(document, wrong)
    if problems:
        raise _errors(name, problems)
    return plan(written, name, text)


def plan(written: spec.Spec, path: str, text: str) -> Plan:
    """Fill in what depends on other parts of the scenario."""
    steps = tuple(
        PlannedStep(
            index=index,
            name=step.name,
            action=step.action,
            target=step.target,
            params=step.params,
            wait=Wait(step.wait.condition or vocabulary.condition_of(step.target), step.wait.timeout_s),
            expect=step.expect,
        )
        for index, step in enumerate(written.steps)
    )
    return Plan(written.name, written.claim, path, text, written.workload, steps)


def read(path: Path) -> str:
    """The text of a regular file of at most 256 KiB of UTF-8. Never blocks on a pipe or a device.

    Raises InputError.
    """
    name = shown_path(path)
    try:
        # Looked at before it is opened: opening some devices does something.
        _refuse_irregular(name, path.stat().st_mode)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _refuse_irregular(name, os.fstat(file.fileno()).st_mode)
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(name, 1, 1, _reason(path, error)) from error
    if len(content) > LARGEST_BYTES:
        raise InputError(name, 1, 1, f"larger than {LARGEST_BYTES // 1024} KiB; a scenario is a page or two")
    for bom, encoding in _BOMS.items():
        if content.startswith(bom):
            raise InputError(name, 1, 1, f"is {encoding}; save it as plain UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        place = yaml.place_of(before, len(before))
        byte = f"byte 0x{content[error.start]:02x}"
        raise InputError(name, place.line, place.column, f"{byte} is not UTF-8; save the file as UTF-8") from error


def shown_path(path: Path) -> str:
    """The path as text that fits on a line, whatever bytes it has."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if text.isprintable() else repr(text)[1:-1]


def _refuse_irregular(name: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise InputError(name, 1, 1, "is a folder; name a file in it")
    if not stat.S_ISREG(mode):
        raise InputError(name, 1, 1, "is a pipe, socket or device; name a regular file")


def _reason(path: Path, error: OSError) -> str:
    number = error.errno or 0
    near = _neighbour(path) if number == errno.ENOENT else None
    if near:
        return f"no such file; did you mean {near}?"
    return _REASONS.get(number, f"cannot be read: {os.strerror(number)}; name a file that can")


def _neighbour(path: Path) -> str | None:
    try:
        names = [each.name for each in path.parent.iterdir() if each.suffix in {".yaml", ".yml"}]
    except OSError:
        return None
    near = suggest.nearest(path.name, names)
    return shown_path(path.parent / near) if near else None


def _placed(document: Document, wrong: spec.Wrong) -> list[Problem]:
    problems = []
    for path, message in wrong.problems:
        if any(path[:length] in document.doubtful for length in range(len(path) + 1)):
            continue
        problems.append(Problem(_place(document, path, at_key=path in wrong.at_key), message))
    return problems


def _place(document: Document, path: yaml.Path, *, at_key: bool) -> Place:
    """Where a path is in the file; of one that is not there, where the mapping begins in which it is missing."""
    if at_key and path in document.keys:
        return document.keys[path]
    while path not in document.values:
        path = path[:-1]
    return document.values[path]


def _errors(name: str, problems: list[Problem]) -> UsageError:
    ordered = sorted(set(problems), key=lambda each: (each.place.line, each.place.column, each.message))
    errors = [InputError(name, each.place.line, each.place.column, each.message) for each in ordered]
    if len(errors) == 1:
        return errors[0]
    lines = [str(error) for error in errors[:MOST_ERRORS]]
    left = len(errors) - len(lines)
    return ScenarioErrors("\n".join([*lines, f"{name}: and {left} more"] if left else lines))
