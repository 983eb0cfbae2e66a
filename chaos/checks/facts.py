"""What several checks ask of a history."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from chaos.history import (
    ActionBegun,
    Contents,
    History,
    PodSeen,
    SiteContents,
    Step,
    WaitEnded,
)


def plan(history: History) -> dict[str, Any]:
    """The run's plan; empty where the history has none."""
    try:
        found = history.run.plan
    except LookupError:
        return {}
    return found if isinstance(found, dict) else {}


def stack(history: History) -> dict[str, Any]:
    """The figures of the stack that the run was on; empty where the history has none."""
    try:
        found = history.run.stack
    except LookupError:
        return {}
    return found if isinstance(found, dict) else {}


def number(value: object) -> float | None:
    """The value as a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def fault(history: History, step: Step) -> float | None:
    """When the step's first fault began; None when nothing was put in."""
    return min((record.at for record in history.of(ActionBegun, step=step.index)), default=None)


def waits(history: History, step: Step) -> tuple[list[WaitEnded], list[WaitEnded]]:
    """What the step waited for before its fault, and after it."""
    records = history.of(WaitEnded, step=step.index)
    at = fault(history, step)
    if at is None:
        return records, []
    return [w for w in records if w.at < at], [w for w in records if w.at >= at]


def readings(history: History, index: int) -> dict[str, Contents]:
    """What each database pod held at a step's end, by pod; the last reading of each."""
    return {record.pod: record for record in history.of(Contents, step=index)}


def site_readings(history: History, index: int) -> dict[str, SiteContents]:
    """What each site pod served at a step's end, by pod."""
    return {record.pod: record for record in history.of(SiteContents, step=index)}


def pods(history: History, role: str, at: float) -> dict[str, PodSeen] | None:
    """The pods of a role (`database`, `site`, ...) as they were at a moment, by name.

    None when no pod of that role had been seen by then: nobody watched.
    """
    there: dict[str, PodSeen] = {}
    watched = False
    for record in history.of(PodSeen):
        if record.at > at or not is_role(record.role, role):
            continue
        watched = True
        if record.change != "deleted":
            there[record.name] = record
        elif record.name in there and there[record.name].uid == record.uid:
            del there[record.name]
    return there if watched else None


def is_role(role: str, wanted: str) -> bool:
    """Whether `database/primary` is a `database`, or just that."""
    return role == wanted or role.startswith(wanted + "/")


def root(role: str) -> str:
    """`database` of `database/primary`."""
    return role.split("/", maxsplit=1)[0]


def reading_time(step: Step, found: Iterable[Contents | SiteContents]) -> float:
    """When the step's pods were first read; the step's end where none was."""
    return min((record.at for record in found), default=step.end)
