"""Strict YAML: the plain part of it, with the place of every key and value.

Refused are duplicate keys, anchors, aliases, merge keys and tags: none is needed to write a scenario, and each lets a
file say something else than what a reader sees. A plain scalar is a whole number, a decimal, `true`, `false`, `null`,
or text: `yes`, `on`, `017` and `1:30` are text (as in YAML 1.2's core schema, and unlike YAML 1.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from chaos.units import shown

DEEPEST = 16
"""Levels of nesting; a scenario needs six."""

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

Path = tuple[str | int, ...]
"""Where a value is: keys and positions from the top."""

_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{0,18}")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
# The characters that YAML 1.1 lets a file hold as they are (section 5.1).
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Place:
    """Line and column, from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a file, and where."""

    place: Place
    message: str


class SyntaxProblem(Exception):
    """The file cannot be read on from here."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(place, message)


@dataclass
class Document:
    """What a file holds: its value (dicts, lists, text, numbers), the places, and what is wrong with it as YAML.

    `doubtful` are the paths whose values were refused, so that nothing further has to be said about them.
    """

    value: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    doubtful: set[Path] = field(default_factory=set)


def parse(text: str) -> Document:
    """Read one YAML document. Raises SyntaxProblem when it cannot be read to its end."""
    bad = _UNPRINTABLE.search(text)
    if bad is not None:
        raise SyntaxProblem(place_of(text, bad.start()), f"character {shown(bad[0])} is not allowed in YAML; remove it")
    try:
        return _Parser(text).document()
    except yaml.MarkedYAMLError as error:
        raise SyntaxProblem(*_explain(text, error)) from error


def place_of(text: str, index: int) -> Place:
    """The place of a character."""
    start = text.rfind("\n", 0, index) + 1
    return Place(text.count("\n", 0, index) + 1, index - start + 1)


class _Parser:
    """Builds the value from the parser's events, so that nothing is ever expanded."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._found = Document()

    def document(self) -> Document:
        next(self._events)
        first = next(self._events)
        if isinstance(first, yaml.StreamEndEvent):
            raise SyntaxProblem(Place(1, 1), "the file is empty; write a scenario (see docs/scenarios.md)")
        self._found.value = self._node(next(self._events), ())
        next(self._events)
        second = next(self._events)
        if not isinstance(second, yaml.StreamEndEvent):
            raise SyntaxProblem(_place(second), "a second document begins here; write one scenario a file")
        return self._found

    def _node(self, event: yaml.Event, path: Path) -> Any:
        place = self._found.values[path] = _place(event)
        if len(path) > DEEPEST:
            raise SyntaxProblem(place, f"nested deeper than {DEEPEST} levels; a scenario needs far fewer")
        self._refuse_indirection(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return _scalar(event) if isinstance(event, yaml.ScalarEvent) else None

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key is not None and key in items:
                first = self._found.keys[(*path, key)].line
                self._complain(event, f"key {shown(key)} is here twice; the first is on line {first}, remove one")
                key = None
            if key is None:
                # What stands behind a refused key is still read, to find what else is wrong with it.
                self._node(next(self._events), (*path, f"\0refused at {_place(event)}"))
            else:
                self._found.keys[(*path, key)] = _place(event)
                items[key] = self._node(next(self._events), (*path, key))
        return items

    def _key(self, event: yaml.Event, path: Path) -> str | None:
        within = (*path, f"\0key at {_place(event)}")
        if not isinstance(event, yaml.ScalarEvent):
            if not isinstance(event, yaml.AliasEvent):
                self._complain(event, "a key has to be a single word, not a list or a mapping")
            self._node(event, within)
            return None
        self._refuse_indirection(event, within)
        if event.value == "<<" and not event.style:
            self._complain(event, "merge keys (<<) are not allowed; write the keys out")
            return None
        return str(event.value)

    def _refuse_indirection(self, event: yaml.Event, path: Path) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._complain(event, f"alias *{event.anchor} is not allowed; write the value out", path)
        elif isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._complain(event, f"anchor &{event.anchor} is not allowed; write the value without it", path)
        elif (tag := getattr(event, "tag", None)) is not None:
            self._complain(event, f"tag {shown(tag)} is not allowed; write the value without it", path)

    def _complain(self, event: yaml.Event, message: str, path: Path | None = None) -> None:
        self._found.problems.append(Problem(_place(event), message))
        if path is not None:
            self._found.doubtful.add(path)


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _scalar(event: yaml.ScalarEvent) -> Any:
    text = str(event.value)
    if event.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _explain(text: str, error: yaml.MarkedYAMLError) -> tuple[Place, str]:
    problem, mark, begun = error.problem or "not readable", error.problem_mark, error.context_mark
    if mark is None or ("end of stream" in problem and begun is not None):
        mark = begun
    if mark is None:
        return Place(1, 1), f"not YAML: {problem}"
    place = Place(mark.line + 1, mark.column + 1)
    here = "".join(text.split("\n")[mark.line : mark.line + 1])[mark.column :]
    if here.startswith("\t"):
        return place, "a tab; indent with spaces"
    if "cannot start any token" in problem:
        return place, f"{shown(here[:1])} cannot begin a value; put the value in quotes"
    since = f" {error.context}" if error.context else ""
    if begun is not None and begun.line != mark.line:
        since += f" that begins on line {begun.line + 1}"
    return place, f"not YAML: {problem}{since}; see whether quotes, brackets and indentation are right"
