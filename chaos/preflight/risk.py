"""A rule, what it finds, and the risk that this is to the user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from chaos.preflight.objects import Object, Objects

Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")


@dataclass(frozen=True)
class Found:
    """Where a rule holds: an object, the field in it, why it does; `at` is the text in the field that shows it."""

    item: Object
    field: tuple[str | int, ...]
    reason: str
    at: str = ""


@dataclass(frozen=True)
class Rule:
    """One risk that can be seen in the objects. `id` is stable; `remedy` is one sentence."""

    id: str
    severity: Severity
    remedy: str
    find: Callable[[Objects], Iterable[Found]]


@dataclass(frozen=True)
class Risk:
    """A rule that holds. `object` is KIND/NAME, `field` a path in it, `place` FILE:LINE or empty for a live object."""

    rule: str
    severity: Severity
    object: str
    field: str
    place: str
    reason: str
    remedy: str


def risks(objects: Objects, rules: Iterable[Rule]) -> list[Risk]:
    """All that the rules find, the worst first."""
    found = [risk for rule in rules for risk in _of(rule, objects)]
    return sorted(found, key=lambda risk: SEVERITIES.index(risk.severity))


def _of(rule: Rule, objects: Objects) -> Iterator[Risk]:
    for each in rule.find(objects):
        yield Risk(
            rule=rule.id,
            severity=rule.severity,
            object=f"{each.item['kind']}/{each.item['metadata']['name']}",
            field=_path(each.field),
            place=objects.place(each.item, each.field, each.at),
            reason=each.reason,
            remedy=rule.remedy,
        )


def _path(field: tuple[str | int, ...]) -> str:
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in field)
    return text.removeprefix(".")
