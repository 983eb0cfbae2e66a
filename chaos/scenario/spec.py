"""What a scenario's file may say: every key with its type, bounds and default.

The validator is pydantic's own (pydantic_core) without the classes that pydantic generates it from: those take longer
to import than everything else that `validate` does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic_core import CoreSchema, ErrorDetails, SchemaValidator, ValidationError
from pydantic_core import core_schema as core

from chaos import suggest, units
from chaos.scenario import vocabulary
from chaos.scenario.plan import Wait, Workload
from chaos.scenario.vocabulary import ACTIONS, Parameter
from chaos.strict_yaml import Path
from chaos.units import shown

MOST_STEPS = 50
LONGEST_TEXT = 300

DEFAULT_TIMEOUT = "5m"
DEFAULT_WORKLOAD = {"reads": "10/s", "pod_reads": "1/s", "writes": "10/s", "posts": "1/s", "deadline": "2s"}


@dataclass(frozen=True)
class Step:
    """One step as it is written. `wait` has an empty condition where the file does not name one."""

    name: str
    action: str
    target: str
    params: dict[str, Any]
    wait: Wait
    expect: dict[str, Any]


@dataclass(frozen=True)
class Spec:
    """A scenario as it is written, with the defaults that do not depend on anything else in it."""

    api_version: str
    name: str
    claim: str
    workload: Workload
    steps: tuple[Step, ...]


class Unfit(ValueError):
    """A value does not fit its key; the text says what it is, and what would be right."""


class Wrong(Exception):
    """What is wrong with a scenario: `(path, message)` for each; a path ends in a key or a position.

    `at_key` are the paths whose key is wrong, not their value.
    """

    def __init__(self, problems: list[tuple[Path, str]], at_key: set[Path]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems, self.at_key = problems, at_key


def validate(value: object) -> Spec:
    """The scenario in a value that was read from YAML. Raises Wrong with all that is wrong with it."""
    beyond = list(_beyond_one_value(value))
    try:
        spec: Spec = _VALIDATOR.validate_python(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        explained = [(_path(detail), _message(detail)) for detail in details]
        unknown = {_path(detail) for detail in details if detail["type"] in _UNKNOWN_KEY}
        raise Wrong(explained + beyond, unknown) from error
    if beyond:
        raise Wrong(beyond, set())
    return spec


# Values


def _text(value: object) -> str:
    if not isinstance(value, str):
        right = "put it in quotes" if isinstance(value, bool | int | float) else "write text"
        raise Unfit(f"{_as_written(value)} is not text; {right}")
    if not value.strip() or not value.isprintable():
        raise Unfit(f"{shown(value)} is not one line of text; write one")
    if len(value) > LONGEST_TEXT:
        raise Unfit(f"{len(value)} characters are too many; write {LONGEST_TEXT} at most")
    return value


_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


def _label(value: object) -> str:
    text = _text(value)
    if not _LABEL.fullmatch(text):
        raise Unfit(f"{shown(text)} is not a name; write lower-case letters, digits and dashes, 63 at most")
    return text


def _one_of(what: str, valid: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        text = _text(value)
        if text not in valid:
            raise Unfit(f"no {what} {shown(text)}; {suggest.instead_of(text, valid)}")
        return text

    return read


def _quantity(value: object, read: Callable[[str], float], example: str, *, zero: bool = False) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        right = value if value > 0 or (zero and value == 0) else 30
        raise Unfit(f"{shown(value)} has no unit; write {example.format(right)}")
    if not isinstance(value, str):
        raise Unfit(f"{_as_written(value)} is not a number with a unit; write one like {example.format(30)}")
    return read(value)


def _duration(value: object) -> float:
    seconds = _quantity(value, units.duration, "{0}s or {0}m")
    if seconds <= 0:
        raise Unfit(f"{shown(value)} is no time at all; write more than 0s")
    return seconds


def _rate(value: object) -> float:
    return _quantity(value, units.rate, "{0}/s or {0}/m")


def _seconds(parameter: Parameter) -> Callable[[object], int]:
    low, high = parameter.lowest, parameter.highest

    def read(value: object) -> int:
        seconds = _quantity(value, units.duration, "{0}s", zero=low <= 0)
        if seconds % 1:
            raise Unfit(f"{shown(value)} has a fraction of a second; write whole seconds")
        if not low <= seconds <= high:
            ends = f"{units.write_duration(low)} to {units.write_duration(high)}"
            raise Unfit(f"{shown(value)} is out of bounds; write {ends}")
        return int(seconds)

    return read


def _count(parameter: Parameter) -> Callable[[object], int]:
    low, high = parameter.lowest, parameter.highest

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Unfit(f"{_as_written(value)} does not fit; write a whole number from {low} to {high}")
        return value

    return read


# Shapes


@dataclass(frozen=True)
class Key:
    """One key of a mapping: the attribute that it fills, how it is read, and its default as read (... = required)."""

    attribute: str
    schema: CoreSchema
    default: Any = ...


def _read(function: Callable[[object], Any]) -> CoreSchema:
    return core.no_info_plain_validator_function(function)


def _record(cls: type, keys: dict[str, Key]) -> CoreSchema:
    fields = [
        core.dataclass_field(
            key.attribute,
            key.schema if key.default is ... else core.with_default_schema(key.schema, default=key.default),
            validation_alias=name,
            kw_only=True,
        )
        for name, key in keys.items()
    ]
    arguments = core.dataclass_args_schema(cls.__name__, fields, extra_behavior="forbid")
    return core.dataclass_schema(cls, arguments, [key.attribute for key in keys.values()], frozen=True)


def _dict(keys: dict[str, Key]) -> CoreSchema:
    return core.typed_dict_schema(
        {
            key.attribute: core.typed_dict_field(key.schema, required=key.default is ..., validation_alias=name)
            for name, key in keys.items()
        },
        extra_behavior="forbid",
    )


_RATES = ("reads", "pod_reads", "writes", "posts")
_WORKLOAD = {name: Key(f"{name}_per_s", _read(_rate), units.rate(DEFAULT_WORKLOAD[name])) for name in _RATES} | {
    "deadline": Key("deadline_s", _read(_duration), units.duration(DEFAULT_WORKLOAD["deadline"]))
}
_WAIT = {
    "for": Key("condition", _read(_one_of("condition", tuple(vocabulary.CONDITIONS))), ""),
    "timeout": Key("timeout_s", _read(_duration), units.duration(DEFAULT_TIMEOUT)),
}
_OUTAGE = {"longest_outage": Key("longest_outage_s", _read(_duration), None)}
_EXPECT = {
    "reads": Key("reads", _dict(_OUTAGE), None),
    "writes": Key("writes", _dict(_OUTAGE), None),
    "clone": Key("clone", _read(_one_of("kind of clone", tuple(vocabulary.CLONES))), None),
}


def _parameters(action: str) -> dict[str, Key]:
    kinds: dict[str, Callable[[Parameter], Callable[[object], Any]]] = {
        "seconds": _seconds,
        "count": _count,
        "word": lambda parameter: _one_of(parameter.key, parameter.words),
        "name": lambda _: _label,
    }
    return {
        name: Key(each.key, _read(kinds[each.kind](each)), ... if each.required else None)
        for name, each in ACTIONS[action].parameters.items()
    }


_ANY_TARGET = tuple(dict.fromkeys(target for words in ACTIONS.values() for target in words.targets))


def _step(action: str) -> dict[str, Key]:
    """A step's keys; `action` is empty for one whose action is not valid, so that the rest of it is read as well."""
    words = ACTIONS.get(action)
    what = f"target of {action}" if words else "target"
    parameters = _parameters(action) if words else {}
    needs_any = any(key.default is ... for key in parameters.values())
    return {
        "name": Key("name", _read(_text)),
        "action": Key("action", _read(_one_of("action", tuple(ACTIONS)))),
        "target": Key("target", _read(_one_of(what, words.targets if words else _ANY_TARGET))),
        "parameters": Key("params", _dict(parameters) if words else core.dict_schema(), ... if needs_any else {}),
        "wait": Key("wait", _record(Wait, _WAIT), Wait(_WAIT["for"].default, _WAIT["timeout"].default)),
        "expect": Key("expect", _dict(_EXPECT), {}),
    }


def _action_of(step: object) -> str:
    action = step.get("action") if isinstance(step, dict) else None
    return action if isinstance(action, str) and action in ACTIONS else ""


_STEPS = {action: _step(action) for action in (*ACTIONS, "")}
_SCENARIO = {
    "apiVersion": Key("api_version", _read(_one_of("apiVersion", (vocabulary.API_VERSION,)))),
    "name": Key("name", _read(_label)),
    "claim": Key("claim", _read(_text)),
    "workload": Key(
        "workload",
        _record(Workload, _WORKLOAD),
        Workload(**{key.attribute: key.default for key in _WORKLOAD.values()}),
    ),
    "steps": Key(
        "steps",
        core.tuple_variable_schema(
            core.tagged_union_schema({tag: _record(Step, keys) for tag, keys in _STEPS.items()}, _action_of)
        ),
    ),
}
_VALIDATOR = SchemaValidator(_record(Spec, _SCENARIO))
_UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")


def keys_at(path: Path, action: str = "") -> tuple[str, ...]:
    """The keys that are valid in the mapping at a path; `action` is that of the step in which it lies, if valid."""
    place = ".".join("*" if isinstance(part, int) else part for part in path)
    if place == "steps.*.parameters":
        return tuple(ACTIONS[action].parameters) if action else ()
    return tuple(_MAPPINGS[place])


_MAPPINGS = {
    "": _SCENARIO,
    "workload": _WORKLOAD,
    "steps.*": _STEPS[""],
    "steps.*.wait": _WAIT,
    "steps.*.expect": _EXPECT,
    "steps.*.expect.reads": _OUTAGE,
    "steps.*.expect.writes": _OUTAGE,
}


# Errors


def _path(detail: ErrorDetails) -> Path:
    """The path in the file: a step's location in the validator has the action as a third part."""
    loc = detail["loc"]
    return (*loc[:2], *loc[3:]) if loc[:1] == ("steps",) else loc


def _message(detail: ErrorDetails) -> str:
    path = _path(detail)
    action = str(detail["loc"][2]) if len(detail["loc"]) > 2 else ""
    if detail["type"] in _UNKNOWN_KEY:
        valid = keys_at(path[:-1], action)
        right = suggest.instead_of(str(path[-1]), valid) if valid else f"{action} has no parameters"
        return f"unknown key {shown(path[-1])}; {right}"
    if detail["type"] == "missing":
        return f"{path[-1]!r} is missing; {_needed(path, action)}"
    what = "a scenario" if not path else "a step" if isinstance(path[-1], int) else path[-1]
    return f"{what}: {_unfit(detail, path, action)}"


def _unfit(detail: ErrorDetails, path: Path, action: str) -> str:
    match detail["type"]:
        case "value_error":
            return str(detail["ctx"]["error"])
        case "tuple_type":
            return f"{_kind(detail['input'])} stands where a list has to be; begin each step with a dash"
        case _:
            keys = keys_at(path, action)
            right = "write keys with values" + (f" ({', '.join(keys)})" if keys else "")
            return f"{_kind(detail['input'])} stands where a mapping has to be; {right}"


def _needed(path: Path, action: str) -> str:
    if path[2:3] == ("parameters",) or path[-1] == "parameters":
        parameters = ACTIONS[action].parameters
        needed = ", ".join(f"{name} ({each.about})" for name, each in parameters.items() if each.required)
        return f"{action} needs {'parameters: ' if path[-1] == 'parameters' else ''}{needed}"
    keys = _SCENARIO if len(path) == 1 else _STEPS[""]
    return f"needed are {', '.join(name for name, key in keys.items() if key.default is ...)}"


def _as_written(value: object) -> str:
    return shown(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else _kind(value)


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "text" if isinstance(value, str) else "a number"


def _beyond_one_value(value: object) -> Iterator[tuple[Path, str]]:
    """What is wrong beyond a single value: too few or many steps, two with one name, `clone` where nothing clones."""
    steps = value.get("steps") if isinstance(value, dict) else None
    if not isinstance(steps, list):
        return
    if not 1 <= len(steps) <= MOST_STEPS:
        yield ("steps",), f"steps: {len(steps)} steps; write 1 to {MOST_STEPS}"
    names: Counter[str] = Counter()
    for index, step in enumerate(steps):
        if not isinstance(step, dict):
            continue
        name, target, expect = step.get("name"), step.get("target"), step.get("expect")
        if isinstance(name, str):
            names[name] += 1
            if names[name] == 2:
                yield ("steps", index, "name"), f"name: another step is called {shown(name)}; give each its own"
        known = isinstance(target, str) and target in _ANY_TARGET
        if known and not vocabulary.has_clone(str(target)) and isinstance(expect, dict) and "clone" in expect:
            yield (
                ("steps", index, "expect", "clone"),
                f"clone: only a database pod can resume or clone, and the target is {target}; remove it",
            )
