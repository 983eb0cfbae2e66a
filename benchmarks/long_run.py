"""A run that never was, of any length: the journal of a kill-master as the monitors would have written it. Seeded."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chaos import journal
from chaos.history import (
    BASELINE,
    END,
    FIRST_READING,
    FORMAT,
    ActionBegun,
    ActionEnded,
    Contents,
    Heartbeat,
    PodSeen,
    Read,
    Record,
    ReplicaSeen,
    RunBegun,
    RunEnded,
    SiteContents,
    StepBegun,
    StepEnded,
    UndoDone,
    UndoPlanned,
    VolumeSeen,
    WaitEnded,
    Write,
)

DATABASES = ("mysql-0", "mysql-1", "mysql-2")
SITES = ("wordpress-6d5f7c9b8-2xkqp", "wordpress-6d5f7c9b8-9vjtr", "wordpress-6d5f7c9b8-hw4mn")
OLDER = 1000
"""Rows, and posts, from before the run."""

RATES = {"reads_per_s": 20.0, "pod_reads_per_s": 0.5, "writes_per_s": 10.0, "posts_per_s": 1.0}
OPERATIONS_PER_S = 20 + 3 * 0.5 + 10 + 1

Downs = tuple[float, ...]
"""When readers and writers begin to be out."""

Ends = tuple[float, float, float]
"""When the baseline, the step, and the end are over."""

END_S = 12.0
"""So long the stack is watched when all was put back."""

DOWN_S = 3.0
"""So long after the fault readers and writers are out."""

SEED = {f"seed {n}": f"{n:016x}" for n in range(6)}
TABLES = {"wordpress.wp_posts": "9:1f", "wordpress.wp_options": "120:2e"}
LIMITS = {"reads": {"longest_outage_s": 30.0}, "writes": {"longest_outage_s": 30.0}, "clone": "resume"}


def write(folder: Path, operations: int, outages: int = 1) -> None:
    """Write the journal of a run of about so many requests, of which a tenth belong to the baseline."""
    with (folder / journal.NAME).open("w", encoding="utf-8") as file:
        for record in records(operations, outages):
            file.write(json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n")


def records(operations: int, outages: int = 1) -> Iterator[Record]:
    """What was observed, in the order in which it was written down. It is judged `pass`.

    The first outage is the fault's; the others follow it at equal distances until the step's end.
    """
    length = operations / OPERATIONS_PER_S
    ends = (length / 10, length - END_S, length)
    fault = length / 2
    downs = tuple(fault + n * (ends[1] - 30.0 - fault) / outages for n in range(outages))
    rng = random.Random(operations)
    plan = {"name": "kill-master", "workload": RATES, "steps": [
        {"index": 0, "action": "delete-pod", "target": "database/primary", "params": {}, "expect": LIMITS}
    ]}  # fmt: skip
    stack = {"profile": "hardened", "database_pods": 3, "site_pods": 3}
    yield RunBegun(FORMAT, "long", "kill-master", "it comes back", 1795396800.0, plan, stack, {})
    older = tuple((n, f"older-{n}") for n in range(1, OLDER + 1))
    yield from _reading(FIRST_READING, 0.0, older, older)
    streams = [
        _reads("service", 20.0, length, downs, rng),
        *(_reads(pod, 0.5, length, downs, rng) for pod in SITES),
        _writes("row", 10.0, ends, downs, rng),
        _writes("post", 1.0, ends, downs, rng),
        _replicas(length, fault),
        iter(_marks(ends, fault)),
    ]
    held = {"row": list(older), "post": list(older)}
    for record in heapq.merge(*streams, key=_written_at):
        yield record
        if isinstance(record, Write) and record.key is not None:
            held[record.what].append((record.key, record.token))
        elif isinstance(record, VolumeSeen) and record.when == "after" and record.pod == DATABASES[-1]:
            beat = _beat(record.step, record.at, held["row"][-1][0])
            yield beat
            held["row"].append((beat.key or 0, beat.token))
            yield from _reading(record.step, record.at + 0.1, tuple(held["row"]), tuple(held["post"]))
    yield RunEnded(length + 1, "finished")


def _written_at(record: Record) -> float:
    found: float = record.end if isinstance(record, (Read, Write)) else getattr(record, "at", 0.0)
    return found


def _out(at: float, downs: Downs) -> bool:
    return any(down <= at < down + DOWN_S for down in downs)


def _reads(via: str, rate: float, length: float, downs: Downs, rng: random.Random) -> Iterator[Record]:
    for n in range(1, int(length * rate)):
        due = round(n / rate, 6)
        start = round(due + 0.0003, 6)
        if _out(due, downs):
            yield Read(via, due, start, round(start + 0.01, 6), ok=False, reason="status", status=500)
        else:
            yield Read(via, due, start, round(start + rng.uniform(0.02, 0.04), 6), ok=True, status=200)


def _writes(what: str, rate: float, ends: Ends, downs: Downs, rng: random.Random) -> Iterator[Record]:
    """Writers rest while pods are read, from 3 s before a step's end on."""
    for n in range(1, int(ends[-1] * rate)):
        due = round(n / rate, 6)
        if any(end - 3 <= due <= end for end in ends):
            continue
        start = round(due + 0.0003, 6)
        token = f"8c78bdca-{what}-{n}"
        out = _out(due, downs)
        end = round(start + (0.01 if out else rng.uniform(0.004, 0.02)), 6)
        outcome, reason, key = ("fail", "refused", None) if out else ("ok", "", OLDER + n)
        yield Write(what, what + "s", n, token, due, start, end, outcome, reason, key)


def _replicas(length: float, fault: float) -> Iterator[Record]:
    """Each database pod is asked once a second."""
    for n in range(1, int(length)):
        for pod in DATABASES:
            if pod != DATABASES[0]:
                yield ReplicaSeen(float(n), pod, "", True, "Yes", "Yes", 0, f"0-100-{10 * n}", "mysql-primary", "")
            elif fault <= n < fault + DOWN_S:
                yield ReplicaSeen(float(n), pod, "refused")
            else:
                yield ReplicaSeen(float(n), pod, read_only=False, gtid=f"0-100-{10 * n}")


def _marks(ends: Ends, fault: float) -> list[Record]:
    """What the steps did and waited for, the pods and their volumes."""
    found: list[Record] = [
        StepBegun(0.01, BASELINE, "baseline", "baseline", "stack", {}),
        *(_pod(0.02, pod, "database/primary" if pod == DATABASES[0] else "database/replica") for pod in DATABASES),
        *(_pod(0.02, pod, "site") for pod in SITES),
        WaitEnded(ends[0] - 3.1, BASELINE, "steady", satisfied=True, took_s=0.0),
        *(_volume(pod, BASELINE, "after", ends[0] - 0.4) for pod in DATABASES),
        StepEnded(ends[0] - 0.1, BASELINE),
        StepBegun(ends[0], 0, "delete the master's pod", "delete-pod", "database/primary", LIMITS),
        WaitEnded(fault - 0.5, 0, "steady before the fault", satisfied=True, took_s=0.0),
        *(_volume(pod, 0, "before", fault - 0.4) for pod in DATABASES),
        UndoPlanned(fault - 0.1, 0, 0, "delete-pod", {"role": "database", "ready": 3}),
        ActionBegun(fault, 0, "delete-pod", ("pod/mysql-0",)),
        _pod(fault + 0.1, "mysql-0", "database/primary", change="deleted"),
        _pod(fault + 0.2, "mysql-0", "database/primary", uid="new"),
        ActionEnded(fault + 0.3, 0, "delete-pod", happened=True, effect={"uid of pod/mysql-0": ["old", "new"]}),
        WaitEnded(fault + DOWN_S, 0, "database/ready", satisfied=True, took_s=DOWN_S),
        WaitEnded(ends[1] - 3.1, 0, "steady after the fault", satisfied=True, took_s=2.0),
        *(_volume(pod, 0, "after", ends[1] - 0.4, "new" if pod == DATABASES[0] else "old") for pod in DATABASES),
        StepEnded(ends[1] - 0.1, 0),
        UndoDone(ends[1], 0, verified=True),
        StepBegun(ends[1] + 0.1, 1, "the end", END, "stack", {}),
        *(_volume(pod, 1, "before", ends[1] + 0.2, "new" if pod == DATABASES[0] else "old") for pod in DATABASES),
        WaitEnded(ends[2] - 3.1, 1, "steady", satisfied=True, took_s=2.0),
        *(_volume(pod, 1, "after", ends[2] - 0.4, "new" if pod == DATABASES[0] else "old") for pod in DATABASES),
        StepEnded(ends[2] - 0.1, 1),
    ]
    return found


def _pod(at: float, name: str, role: str, *, change: str = "modified", uid: str = "old") -> PodSeen:
    containers = {"mysql": "running", "xtrabackup": "running"}
    return PodSeen(
        at, change, name, f"{name}-{uid}", role, "node-1", "Running", ready=True, terminating=False, restarts=0,
        containers=containers,
    )  # fmt: skip


def _volume(pod: str, step: int, when: str, at: float, uid: str = "old") -> VolumeSeen:
    provenance: dict[str, Any] = {"how": "bootstrap", "began": "2026-11-20T00:00:00.000Z"}
    return VolumeSeen(at, step, when, pod, f"{pod}-{uid}", f"data-{pod}", f"claim-{pod}", f"pvc-{pod}", 1.0, provenance)


def _beat(step: int, at: float, after: int) -> Heartbeat:
    """The fresh row, under the id next to the last one that was given; writers rest, so nobody else is given it."""
    arrived = dict.fromkeys(DATABASES[1:], 0.02)
    return Heartbeat(step, DATABASES[0], f"beat-{step}", at, round(at + 0.05, 6), "ok", "", after + 1, arrived)


def _reading(
    step: int, at: float, rows: tuple[tuple[int, str], ...], posts: tuple[tuple[int, str], ...]
) -> Iterator[Record]:
    for n, pod in enumerate(DATABASES):
        yield Contents(at, step, pod, n == 0, "", f"0-100-{len(rows)}", rows, posts, SEED, TABLES)
    for pod in SITES:
        yield SiteContents(at, step, pod, "", SEED)
