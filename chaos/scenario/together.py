"""What is wrong with a scenario or a suite beyond a single value: parts of it that do not go together.

Everything here reads values that nobody has validated, so that these mistakes are told along with all others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from chaos import units
from chaos.history import PERCENTILES
from chaos.scenario import vocabulary
from chaos.scenario.vocabulary import ACTIONS
from chaos.stack.roles import part
from chaos.strict_yaml import Path
from chaos.units import shown

MOST_STEPS = 50
MOST_SCENARIOS = 50

Problems = Iterator[tuple[Path, str]]


def scenario(value: object) -> Problems:
    """What does not go together in a scenario: `(path, message)` for each."""
    yield from _abort(value)
    steps = _at(value, "steps")
    if not isinstance(steps, list):
        return
    yield from _number("steps", steps, MOST_STEPS)
    yield from _destruction(value, steps)
    yield from _services(steps)
    yield from _end(steps)
    names: Counter[str] = Counter()
    for index, step in enumerate(steps):
        name = _at(step, "name")
        if isinstance(name, str):
            names[name] += 1
            if names[name] == 2:
                yield ("steps", index, "name"), f"name: another step is called {shown(name)}; give each its own"
        for path, message in (*_clone(step), *_pods(step), *_uploads(value, step), *_slowness(value, step)):
            yield ("steps", index, *path), message


def suite(value: object) -> Problems:
    """What does not go together in a suite."""
    if isinstance(value, dict) and "steps" in value:
        yield (
            ("steps",),
            "steps: a file has either steps (a scenario) or scenarios (a suite); write the steps into a file of "
            "their own and name it in scenarios",
        )
    scenarios = _at(value, "scenarios")
    if isinstance(scenarios, list):
        yield from _number("scenarios", scenarios, MOST_SCENARIOS)


def _at(value: object, *path: str | int) -> Any:
    """What stands at a path, or None."""
    for key in path:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int):
            value = value[key]
        else:
            return None
    return value


def _action(step: object) -> str:
    action = _at(step, "action")
    return action if isinstance(action, str) and action in ACTIONS else ""


def _number(key: str, items: list[object], most: int) -> Problems:
    if not 1 <= len(items) <= most:
        yield (key,), f"{key}: {len(items)} {key}; write 1 to {most}"


def _destruction(value: object, steps: list[object]) -> Problems:
    """A step that takes what nothing brings back has to be announced, and the other way round."""
    announced = _at(value, "destructive")
    found = [(index, action) for index, step in enumerate(steps) if (action := _action(step))]
    destructive = [(index, action) for index, action in found if ACTIONS[action].destructive]
    if announced in (None, False):
        for index, action in destructive:
            yield (
                ("steps", index, "action"),
                f"action: {action} takes data that nothing brings back; write destructive: true at the top if it is "
                "meant",
            )
    # Whether a scale-down deletes volumes is up to the stack.
    may_be = any(ACTIONS[action].scales for _, action in found)
    # With a step whose action is not known nobody can say that there is none.
    if announced is True and not destructive and not may_be and len(found) == len(steps):
        valid = ", ".join(name for name, words in ACTIONS.items() if words.destructive)
        yield ("destructive",), f"destructive: no step takes what nothing brings back ({valid} does); remove it"


def _abort(value: object) -> Problems:
    """A condition that can never hold, or of which nobody knows when, is none."""
    abort = _at(value, "abort")
    if isinstance(abort, dict) and not abort:
        yield ("abort",), f"abort: it names no condition; write one ({', '.join(vocabulary.ABORTS)}) or remove it"
    prometheus = _at(abort, "prometheus")
    if isinstance(prometheus, dict) and ("above" in prometheus) == ("below" in prometheus):
        yield ("abort", "prometheus"), "prometheus: write either above or below, which of its values are too much"
    budget = _at(abort, "error_budget")
    if isinstance(budget, dict):
        if not budget:
            yield ("abort", "error_budget"), "error_budget: it limits nothing; write one of reads, writes, uploads"
        if "uploads" in budget and "uploads" not in (_at(value, "workload") or {}):
            yield (
                ("abort", "error_budget", "uploads"),
                "uploads: the workload has no uploads; add some, like uploads: 0.2/s",
            )


def _services(steps: list[object]) -> Problems:
    """Starting needs something that was stopped, and stopping something that is not."""
    stopped = False
    for index, step in enumerate(steps):
        action = _action(step)
        if action == "start-service" and not stopped:
            yield ("steps", index, "action"), "action: start-service has nothing to start; put a stop-service before it"
        if action == "stop-service" and stopped:
            yield (
                ("steps", index, "action"),
                "action: stop-service has nothing left to stop; put a start-service before it",
            )
        stopped = action == "stop-service" or (stopped and action != "start-service")


def _end(steps: list[object]) -> Problems:
    """What may stay out is judged by a later step, so there has to be one."""
    last = len(steps) - 1
    for kind in vocabulary.KINDS if steps else ():
        if _at(steps, last, "expect", kind, "may_stay_out") is True:
            yield (
                ("steps", last, "expect", kind, "may_stay_out"),
                f"may_stay_out: after the last step nobody would judge whether {kind} come back; remove it, or add a "
                "step that brings them back",
            )


def _clone(step: object) -> Problems:
    action, target = _action(step), _at(step, "target")
    expect = _at(step, "expect")
    if not isinstance(expect, dict) or "clone" not in expect:
        return
    if action and not ACTIONS[action].replaces:
        yield ("expect", "clone"), f"clone: {action} replaces no pod, so that none can resume or clone; remove it"
    elif isinstance(target, str) and target in vocabulary.TARGETS and not vocabulary.has_clone(target):
        yield (
            ("expect", "clone"),
            f"clone: only a database pod can resume or clone, and the target is {target}; remove it",
        )


def _pods(step: object) -> Problems:
    """Which pods are meant: by number only where they have one, and either by number or how many."""
    target, given = _at(step, "target"), _at(step, "parameters")
    if not isinstance(given, dict):
        return
    words = ACTIONS[_action(step)].parameters if _action(step) else {}
    if "ordinal" in given and "ordinal" in words:
        known = isinstance(target, str) and target in vocabulary.TARGETS
        if known and part(str(target)) not in vocabulary.WITH_ORDINALS:
            yield (
                ("parameters", "ordinal"),
                f"ordinal: pods of {target} have no numbers; leave it out, the first of them is taken",
            )
        elif "count" in given:
            yield ("parameters", "count"), "count: `ordinal` names one pod; remove one of the two"
    many = given.get("count")
    if "interrupt" in given and isinstance(many, int) and many > 1:
        yield ("parameters", "count"), "count: `interrupt` catches one clone; remove one of the two"
    if target == "database/primary" and given.get("interrupt") == "primary":
        yield (
            ("parameters", "interrupt"),
            "interrupt: the primary is the one that is filled; write itself, or another target",
        )


def _uploads(value: object, step: object) -> Problems:
    """Limits on uploads say nothing where nobody writes or reads any."""
    expect, workload = _at(step, "expect"), _at(value, "workload")
    some = isinstance(workload, dict) and ("uploads" in workload or "file_reads" in workload)
    if isinstance(expect, dict) and "uploads" in expect and not some:
        yield (
            ("expect", "uploads"),
            "uploads: the workload has neither uploads nor file_reads; add one, like uploads: 0.2/s",
        )


def _slowness(value: object, step: object) -> Problems:
    """No answer is later than the deadline, and no percentile above a higher one."""
    written = _at(value, "workload", "deadline")
    deadline_s = _duration(vocabulary.DEFAULT_WORKLOAD["deadline"] if written is None else written)
    for kind in vocabulary.KINDS:
        least_s, least = math.inf, ""
        for percentile in reversed(PERCENTILES):
            key = f"p{percentile}"
            limit_s = _duration(_at(step, "expect", kind, key))
            if limit_s is None:
                continue
            path = ("expect", kind, key)
            if deadline_s is not None and limit_s > deadline_s:
                most = units.write_duration(deadline_s)
                yield path, f"{key}: no request may take longer than the workload's deadline; write {most} at most"
            elif limit_s > least_s:
                most = units.write_duration(least_s)
                yield path, f"{key}: it is never above {least}, which is limited to {most}; write {most} at most"
            if limit_s < least_s:
                least_s, least = limit_s, key


def _duration(value: object) -> float | None:
    """Seconds; None for what is no duration, which is told elsewhere."""
    try:
        return units.duration(value) if isinstance(value, str) else None
    except ValueError:
        return None
