"""From the file of a scenario or a suite to its plan. What is wrong with one is said with file, line and column."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from chaos import strict_yaml as yaml
from chaos import suggest
from chaos.errors import InputError, UsageError
from chaos.scenario import spec, vocabulary
from chaos.scenario.plan import Plan, PlannedStep, Suite, Wait
from chaos.strict_yaml import Document, Place, Problem, SyntaxProblem
from chaos.units import shown

_Spec = TypeVar("_Spec")

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
    file = _File.read(path)
    if spec.is_suite(file.document.value):
        where = file.document.keys.get(("scenarios",), Place(1, 1))
        raise _errors(file.name, [Problem(where, "this is a suite; name a scenario here, or run the suite by itself")])
    return _plan_of(file)


def load_any(path: Path) -> Plan | Suite:
    """The plan of the scenario, or the suite, in a file.

    Raises InputError when one thing is wrong with it or with a scenario of the suite, ScenarioErrors when several are.
    """
    file = _File.read(path)
    return _suite_of(file) if spec.is_suite(file.document.value) else _plan_of(file)


@dataclass(frozen=True)
class _File:
    """A file as it was read: its path, the name under which the user is told of it, its text, and what it holds."""

    path: Path
    name: str
    text: str
    document: Document

    @classmethod
    def read(cls, path: Path) -> _File:
        text, name = read(path), shown_path(path)
        try:
            return cls(path, name, text, yaml.parse(text))
        except SyntaxProblem as error:
            raise _errors(name, [error.problem]) from error

    def validate(self, by: Callable[[object], _Spec]) -> _Spec:
        """What the file says; raises when anything is wrong with it."""
        problems = list(self.document.problems)
        try:
            written = by(self.document.value)
        except spec.Wrong as wrong:
            raise _errors(self.name, problems + _placed(self.document, wrong)) from wrong
        if problems:
            raise _errors(self.name, problems)
        return written


def _plan_of(file: _File) -> Plan:
    return plan(file.validate(spec.validate), file.name, file.text)


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
    return Plan(
        name=written.name,
        claim=written.claim,
        path=path,
        text=text,
        workload=written.workload,
        steps=steps,
        baseline=written.baseline,
        destructive=written.destructive,
        needs=written.needs,
        abort=written.abort,
    )


def _suite_of(file: _File) -> Suite:
    """The suite with the plans of all its scenarios; what is wrong with any of them is told at once."""
    written = file.validate(spec.validate_suite)
    wrong: list[UsageError] = []
    plans: list[Plan] = []
    problems: list[Problem] = []
    taken: set[Path] = set()
    for index, entry in enumerate(written.scenarios):
        place = file.document.values["scenarios", index]
        inner = file.path.parent / entry
        problem = _misplaced(inner, file.path.parent, taken)
        if problem:
            problems.append(Problem(place, f"{shown(entry)} {problem}"))
            continue
        try:
            found = _File.read(inner)
            if spec.is_suite(found.document.value):
                problems.append(Problem(place, f"{shown(entry)} is a suite itself; name its scenarios here"))
                continue
            one = _plan_of(found)
        except UsageError as error:
            wrong.append(error)
            continue
        if one.name in {each.name for each in plans}:
            problems.append(Problem(place, f"{shown(entry)} has the name of another one, {one.name}; rename one"))
        plans.append(one)
    if problems:
        wrong.insert(0, _errors(file.name, problems))
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise ScenarioErrors("\n".join(map(str, wrong)))
    return Suite(
        name=written.name,
        claim=written.claim,
        path=file.name,
        text=file.text,
        budget_s=written.budget_s,
        between_s=written.between_s,
        plans=tuple(plans),
        baseline=written.baseline,
    )


def _misplaced(path: Path, folder: Path, taken: set[Path]) -> str:
    """Why a suite's entry cannot be used, if so: by its links it leads out of the folder, or it is there twice."""
    try:
        real = path.resolve()
        within = real.is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return ""  # reading it says what is wrong with it
    if not within:
        return "leads out of the suite's folder; put the scenario into it"
    if real in taken:
        return "is here twice, and each scenario has one folder in the report; remove one"
    taken.add(real)
    return ""


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
