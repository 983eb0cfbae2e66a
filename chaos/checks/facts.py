"""What several checks ask of a history."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from chaos.history import (
    BASELINE,
    END,
    QUIET,
    ActionBegun,
    Contents,
    History,
    PodSeen,
    SiteContents,
    Step,
    WaitEnded,
    Write,
)
from chaos.paths import is_binding


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


def borrowed(history: History) -> bool:
    """Whether the stack was there before, with users of its own: then the run was given a file that binds it."""
    return is_binding(str(stack(history).get("source", "")))


@lru_cache(maxsize=1)
def writes(history: History) -> dict[str, list[Write]]:
    """All writes that were tried, by what was written, in the order in which they were written down."""
    found: dict[str, list[Write]] = {}
    for write in history.of(Write):
        found.setdefault(write.what, []).append(write)
    return found


def number(value: object) -> float | None:
    """The value as a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def fault(history: History, step: Step) -> float | None:
    """When the step's first fault began; None when nothing was put in."""
    return min((record.at for record in history.of(ActionBegun, step=step.index)), default=None)


def quiet(step: Step) -> bool:
    """Whether the step was to break nothing."""
    return step.action in QUIET


def baseline_before(history: History, step: Step) -> Step | None:
    """The baseline, where the history has one and this step is another."""
    return next((one for one in history.steps if one.index == BASELINE != step.index), None)


def this(step: Step) -> str:
    """`the baseline`, `the end`, else `this step`."""
    return "the baseline" if step.index == BASELINE else "this step" if step.of_plan else "the end"


def where(step: Step) -> str:
    """`in the baseline`, `at the end`, else `in this step`."""
    return f"{'in' if step.of_plan or step.index == BASELINE else 'at'} {this(step)}"


def since(step: Step) -> float:
    """From when on requests belong to a step; to the baseline all that left before, as it begins with the first."""
    return -math.inf if step.index == BASELINE else step.begin


def waits(history: History, step: Step) -> tuple[list[WaitEnded], list[WaitEnded]]:
    """What the step waited for before its fault, and after it; where nothing was to be broken, all is after."""
    records = history.of(WaitEnded, step=step.index)
    if quiet(step):
        return [], records
    at = fault(history, step)
    if at is None:
        return records, []
    return [w for w in records if w.at < at], [w for w in records if w.at >= at]


def had_time(history: History, step: Step) -> bool:
    """Whether the step came to its end and waited for something: else a stack that is not back had no time to be."""
    return step.ended and bool(waits(history, step)[1])


def may_be_out(history: History, step: Step) -> frozenset[str]:
    """The kinds (reads, writes, uploads) that the step before let stay out, so that they may be out as this begins."""
    earlier = [one for one in history.steps if one.index < step.index]
    return max(earlier, key=lambda one: one.index).limits.may_stay_out if earlier else frozenset()


def is_last(history: History, step: Step) -> bool:
    """Whether no later step was begun."""
    return all(one.index <= step.index for one in history.steps)


def wanted(history: History, role: str, index: int) -> int | None:
    """How many pods of a part there have to be at a step's end: the last `scale` said so, else as the run began.

    One that was planned and never put in says nothing, and at the end all of them are put back.
    """
    found = number(stack(history).get(f"{role}_pods"))
    is_end = any(one.index == index and one.action == END for one in history.steps)
    begun = set() if is_end else {action.step for action in history.of(ActionBegun)}
    for at, replicas in _scales(history, role):
        if at <= index and at in begun:
            found = replicas
    return None if found is None else int(found)


def comes_back(history: History, role: str, index: int) -> bool:
    """Whether a later step of the plan wants pods of a part again."""
    return any(at > index and (replicas or 0) > 0 for at, replicas in _scales(history, role))


def _scales(history: History, role: str) -> list[tuple[float, float | None]]:
    """The planned steps that set the number of a part's pods: their indices and the numbers."""
    found = []
    for planned in planned_steps(history):
        params, at = planned.get("params"), number(planned.get("index"))
        of_role = root(str(planned.get("target", ""))) == role
        if at is not None and planned.get("action") == "scale" and isinstance(params, dict) and of_role:
            found.append((at, number(params.get("replicas"))))
    return found


def planned_steps(history: History) -> list[dict[str, Any]]:
    """The steps of the plan, as its JSON has them."""
    found = plan(history).get("steps")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, (list, tuple)) else []


def none_wanted(history: History, step: Step) -> str:
    """What to say where no database pod is wanted in a step, and a later one wants them back; else nothing."""
    if wanted(history, "database", step.index) != 0 or not comes_back(history, "database", step.index):
        return ""
    return "no database pod is wanted in this step, so nothing can be read; a later step reads them"


def readings(history: History, index: int) -> dict[str, Contents]:
    """What each database pod held at a step's end, by pod; the last reading of each."""
    return {record.pod: record for record in history.of(Contents, step=index)}


def held(reading: Contents) -> set[tuple[str, str]]:
    """What a pod held, as (`row` or `post`, token)."""
    return {("row", token) for _, token in reading.rows} | {("post", token) for _, token in reading.posts}


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


def leaving(history: History, step: Step, role: str, found: list[Contents | SiteContents]) -> tuple[set[str], set[str]]:
    """The pods of a role that were ending when the pods were read, or gone when that was over; and those that stay."""
    first = pods(history, role, reading_time(step, found)) or {}
    last = pods(history, role, max((record.at for record in found), default=step.end)) or {}
    gone = {pod for pod, seen in first.items() if seen.terminating or pod not in last}
    return gone, set(first) - gone
