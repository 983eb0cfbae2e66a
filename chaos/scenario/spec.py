"""What a scenario's or a suite's file may say: every key with its type, bounds and default.

The validator is pydantic's own (pydantic_core) without the classes that pydantic generates it from: those take longer
to import than everything else that `validate` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic_core import CoreSchema, ErrorDetails, SchemaValidator, ValidationError
from pydantic_core import core_schema as core

from chaos import suggest, units
from chaos.history import PERCENTILES
from chaos.scenario import together, values, vocabulary
from chaos.scenario.plan import Abort, HttpCondition, Needs, PrometheusCondition, Wait, Workload
from chaos.scenario.vocabulary import ACTIONS
from chaos.strict_yaml import Path
from chaos.units import shown

DEFAULT_TIMEOUT = "5m"
DEFAULT_BETWEEN = "10s"
BASELINES = ("stop", "record")


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
    baseline: str
    destructive: bool
    needs: Needs
    workload: Workload
    abort: Abort
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class SuiteSpec:
    """A suite as it is written. `scenarios` are paths relative to its file; an empty `baseline` leaves theirs."""

    api_version: str
    name: str
    claim: str
    budget_s: float
    between_s: float
    baseline: str
    scenarios: tuple[str, ...]


class Wrong(Exception):
    """What is wrong with a file: `(path, message)` for each; a path ends in a key or a position.

    `at_key` are the paths whose key is wrong, not their value.
    """

    def __init__(self, problems: Iterable[tuple[Path, str]], at_key: Iterable[Path] = ()) -> None:
        self.problems, self.at_key = list(problems), set(at_key)
        super().__init__(f"{len(self.problems)} problems")


def validate(value: object) -> Spec:
    """The scenario in a value that was read from YAML. Raises Wrong with all that is wrong with it."""
    spec: Spec = _validate(_SCENARIO_FILE, value, list(together.scenario(value)))
    return spec


def validate_suite(value: object) -> SuiteSpec:
    """The suite in a value that was read from YAML. Raises Wrong with all that is wrong with it."""
    spec: SuiteSpec = _validate(_SUITE_FILE, value, list(together.suite(value)))
    return spec


def is_suite(value: object) -> bool:
    """Whether a value that was read from YAML is meant as a suite: it has `scenarios`, or what looks like it."""
    if not isinstance(value, dict) or "scenarios" in value:
        return isinstance(value, dict)
    return "steps" not in value and any(suggest.nearest(str(key), ("scenarios",)) for key in value)


# Shapes


@dataclass(frozen=True)
class Key:
    """One key of a mapping: the attribute that it fills, how it is read, and its default as read (... = required)."""

    attribute: str
    schema: CoreSchema
    default: Any = ...


@dataclass(frozen=True)
class _File:
    """What a file can be: `what` in words, its validator, and the keys of each mapping by the mapping's place."""

    what: str
    validator: SchemaValidator
    mappings: dict[str, dict[str, Key]]


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
_WORKLOAD = (
    {name: Key(f"{name}_per_s", _read(values.rate), units.rate(vocabulary.DEFAULT_WORKLOAD[name])) for name in _RATES}
    | {name: Key(f"{name}_per_s", _read(values.rate), 0.0) for name in ("uploads", "file_reads")}
    | {"deadline": Key("deadline_s", _read(values.duration), units.duration(vocabulary.DEFAULT_WORKLOAD["deadline"]))}
    | {
        "connections": Key(
            "connections",
            _read(values.one_of("kind of connection", tuple(vocabulary.CONNECTIONS))),
            vocabulary.DEFAULT_WORKLOAD["connections"],
        )
    }
)
_NEEDS = {name: Key(name, _read(values.count(1, 9)), 1) for name in ("nodes", "database", "site", "files")}
_WAIT = {
    "for": Key("condition", _read(values.one_of("condition", tuple(vocabulary.CONDITIONS))), ""),
    "timeout": Key("timeout_s", _read(values.duration), units.duration(DEFAULT_TIMEOUT)),
}
_LIMITS = {
    "longest_outage": Key("longest_outage_s", _read(values.duration), None),
    **{f"p{wanted}": Key(f"p{wanted}_s", _read(values.duration), None) for wanted in PERCENTILES},
    "may_stay_out": Key("may_stay_out", _read(values.flag), None),
}
_EXPECT = {kind: Key(kind, _dict(_LIMITS), None) for kind in vocabulary.KINDS} | {
    "clone": Key("clone", _read(values.one_of("kind of clone", tuple(vocabulary.CLONES))), None),
    **{name: Key(name, _read(values.parameter(each)), None) for name, each in vocabulary.LIMITS.items()},
}
_DEFAULT_ABORT = vocabulary.DEFAULT_ABORT
_ERROR_BUDGET = {kind: Key(kind, _read(values.duration), None) for kind in vocabulary.KINDS}
_HTTP = {
    "url": Key("url", _read(values.url)),
    "every": Key("every_s", _read(values.duration), units.duration(_DEFAULT_ABORT["every"])),
    "fails": Key("fails", _read(values.count(1, 1000)), int(_DEFAULT_ABORT["fails"])),
    "timeout": Key("timeout_s", _read(values.duration), units.duration(_DEFAULT_ABORT["timeout"])),
}
_PROMETHEUS = {
    "url": Key("url", _read(values.url)),
    "query": Key("query", _read(values.text)),
    "above": Key("above", _read(values.number), None),
    "below": Key("below", _read(values.number), None),
    "every": Key("every_s", _read(values.duration), units.duration(_DEFAULT_ABORT["every"])),
    "for": Key("for_s", _read(values.duration_or_none), units.duration(_DEFAULT_ABORT["for"])),
    "timeout": Key("timeout_s", _read(values.duration), units.duration(_DEFAULT_ABORT["timeout"])),
    "missing": Key(
        "missing", _read(values.one_of("word on a missing answer", ("ignore", "abort"))), _DEFAULT_ABORT["missing"]
    ),
}
_ABORT = {
    "wall_time": Key("wall_time_s", _read(values.duration), None),
    "error_budget": Key("error_budget", _dict(_ERROR_BUDGET), {}),
    "http": Key("http", _record(HttpCondition, _HTTP), None),
    "prometheus": Key("prometheus", _record(PrometheusCondition, _PROMETHEUS), None),
}


def _parameters(action: str) -> dict[str, Key]:
    return {
        name: Key(each.key, _read(values.parameter(each)), ... if each.required else None)
        for name, each in ACTIONS[action].parameters.items()
    }


def _step(action: str) -> dict[str, Key]:
    """A step's keys; `action` is empty for one whose action is not valid, so that the rest of it is read as well."""
    words = ACTIONS.get(action)
    what = f"target of {action}" if words else "target"
    targets = words.targets if words else vocabulary.TARGETS
    parameters = _parameters(action) if words else {}
    needs_any = any(key.default is ... for key in parameters.values())
    return {
        "name": Key("name", _read(values.text)),
        "action": Key("action", _read(values.one_of("action", tuple(ACTIONS)))),
        "target": Key(
            "target", _read(values.one_of(what, targets)), ... if not words or words.breaks else vocabulary.STACK
        ),
        "parameters": Key("params", _dict(parameters) if words else core.dict_schema(), ... if needs_any else {}),
        "wait": Key("wait", _record(Wait, _WAIT), Wait(_WAIT["for"].default, _WAIT["timeout"].default)),
        "expect": Key("expect", _dict(_EXPECT), {}),
    }


def _action_of(step: object) -> str:
    action = step.get("action") if isinstance(step, dict) else None
    return action if isinstance(action, str) and action in ACTIONS else ""


_HEAD = {
    "apiVersion": Key("api_version", _read(values.one_of("apiVersion", (vocabulary.API_VERSION,)))),
    "name": Key("name", _read(values.label)),
    "claim": Key("claim", _read(values.text)),
}
_BASELINE = _read(values.one_of("baseline", BASELINES))
_STEPS = {action: _step(action) for action in (*ACTIONS, "")}
_SCENARIO = _HEAD | {
    "baseline": Key("baseline", _BASELINE, "stop"),
    "destructive": Key("destructive", _read(values.flag), default=False),
    "needs": Key("needs", _record(Needs, _NEEDS), Needs()),
    "workload": Key(
        "workload",
        _record(Workload, _WORKLOAD),
        Workload(**{key.attribute: key.default for key in _WORKLOAD.values()}),
    ),
    "abort": Key("abort", _record(Abort, _ABORT), Abort()),
    "steps": Key(
        "steps",
        core.tuple_variable_schema(
            core.tagged_union_schema({tag: _record(Step, keys) for tag, keys in _STEPS.items()}, _action_of)
        ),
    ),
}
_SUITE = _HEAD | {
    "budget": Key("budget_s", _read(values.duration)),
    "between": Key("between_s", _read(values.duration_or_none), units.duration(DEFAULT_BETWEEN)),
    "baseline": Key("baseline", _BASELINE, ""),
    "scenarios": Key("scenarios", core.tuple_variable_schema(_read(values.path))),
}
_SCENARIO_FILE = _File(
    "a scenario",
    SchemaValidator(_record(Spec, _SCENARIO)),
    {
        "": _SCENARIO,
        "needs": _NEEDS,
        "workload": _WORKLOAD,
        "abort": _ABORT,
        "abort.error_budget": _ERROR_BUDGET,
        "abort.http": _HTTP,
        "abort.prometheus": _PROMETHEUS,
        "steps.*": _STEPS[""],
        "steps.*.wait": _WAIT,
        "steps.*.expect": _EXPECT,
    }
    | {f"steps.*.expect.{kind}": _LIMITS for kind in vocabulary.KINDS},
)
_SUITE_FILE = _File("a suite", SchemaValidator(_record(SuiteSpec, _SUITE)), {"": _SUITE})


def keys_at(path: Path, action: str = "", *, suite: bool = False) -> tuple[str, ...]:
    """The keys that are valid in the mapping at a path; `action` is that of the step in which it lies, if valid."""
    return _keys_at(_SUITE_FILE if suite else _SCENARIO_FILE, path, action)


def _keys_at(file: _File, path: Path, action: str) -> tuple[str, ...]:
    place = ".".join("*" if isinstance(part, int) else part for part in path)
    if place == "steps.*.parameters":
        return tuple(ACTIONS[action].parameters) if action else ()
    return tuple(file.mappings[place])


# Errors

_UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")


def _validate(file: _File, value: object, beyond: list[tuple[Path, str]]) -> Any:
    try:
        found = file.validator.validate_python(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        unknown = {_path(detail) for detail in details if detail["type"] in _UNKNOWN_KEY}
        better_said = unknown & {path for path, _ in beyond}
        explained = [(path, _message(file, each)) for each in details if (path := _path(each)) not in better_said]
        raise Wrong(explained + beyond, unknown) from error
    if beyond:
        raise Wrong(beyond)
    return found


def _path(detail: ErrorDetails) -> Path:
    """The path in the file: a step's location in the validator has the action as a third part."""
    loc = detail["loc"]
    return (*loc[:2], *loc[3:]) if loc[:1] == ("steps",) else loc


def _message(file: _File, detail: ErrorDetails) -> str:
    path = _path(detail)
    action = str(detail["loc"][2]) if len(detail["loc"]) > 2 else ""
    if detail["type"] in _UNKNOWN_KEY:
        valid = _keys_at(file, path[:-1], action)
        right = suggest.instead_of(str(path[-1]), valid) if valid else f"{action} has no parameters"
        return f"unknown key {shown(path[-1])}; {right}"
    if detail["type"] == "missing":
        return f"{path[-1]!r} is missing; {_needed(file, path, action)}"
    what = file.what if not path else "a step" if path[:1] == ("steps",) and len(path) == 2 else path[-1]
    if isinstance(what, int):
        what = path[0]
    return f"{what}: {_unfit(file, detail, path, action)}"


def _unfit(file: _File, detail: ErrorDetails, path: Path, action: str) -> str:
    match detail["type"]:
        case "value_error":
            return str(detail["ctx"]["error"])
        case "tuple_type":
            each = "step" if path == ("steps",) else "path"
            return f"{values.kind(detail['input'])} stands where a list has to be; begin each {each} with a dash"
        case _:
            keys = _keys_at(file, path, action)
            right = "write keys with values" + (f" ({', '.join(keys)})" if keys else "")
            return f"{values.kind(detail['input'])} stands where a mapping has to be; {right}"


def _needed(file: _File, path: Path, action: str) -> str:
    if path[2:3] == ("parameters",) or path[-1] == "parameters":
        parameters = ACTIONS[action].parameters
        needed = ", ".join(f"{name} ({each.about})" for name, each in parameters.items() if each.required)
        return f"{action} needs {'parameters: ' if path[-1] == 'parameters' else ''}{needed}"
    keys = file.mappings[".".join(map(str, path[:-1]))] if path[0] != "steps" or len(path) == 1 else _STEPS[""]
    return f"needed are {', '.join(name for name, key in keys.items() if key.default is ...)}"
