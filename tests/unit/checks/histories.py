"""Hand-made histories: one step that deletes the primary's pod, and ways to spoil single records of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from chaos.checks.judge import judge
from chaos.history import (
    BASELINE,
    FIRST_READING,
    ActionBegun,
    ActionEnded,
    Contents,
    Heartbeat,
    History,
    PodSeen,
    Read,
    Record,
    ReplicaSeen,
    RunBegun,
    RunEnded,
    SiteContents,
    Step,
    StepBegun,
    StepEnded,
    UndoDone,
    UndoPlanned,
    VolumeSeen,
    WaitEnded,
    Write,
)
from chaos.verdict import CheckResult

STARTED_AT = 1795396800.0
FAULT, READY, STEADY, READING, END = 10.0, 14.0, 17.0, 18.0, 19.0
DATABASES = ("mysql-0", "mysql-1", "mysql-2")
SITES = ("site-a", "site-b")
SEED = {"seed 1": "1:aa", "seed 2": "1:bb"}
TABLES = {"wordpress.wp_posts": "40:1f", "wordpress.wp_options": "120:2e"}
PAGES = {"seed 1": "cc", "picture": "dd"}
PROVENANCE = {
    "how": "clone", "donor": "mysql-2", "gtid": "0-100-9", "bytes": 18000000,
    "began": "2026-11-20T00:00:00.000Z", "finished": "2026-11-20T00:00:04.000Z",
}  # fmt: skip
NEW_CLONE = PROVENANCE | {"began": STARTED_AT + 11.0, "finished": STARTED_AT + 13.5, "donor": "mysql-1"}
PLAN: dict[str, Any] = {
    "workload": {"reads_per_s": 20.0, "pod_reads_per_s": 2.0, "writes_per_s": 10.0, "posts_per_s": 1.0},
    "steps": [{"index": 0, "action": "delete-pod", "target": "database/primary", "params": {}}],
}

Pick = Callable[[Record], bool]


def story(
    *,
    expect: dict[str, Any] | None = None,
    reads_down: float = 2.0,
    writes_down: float = 3.0,
    plan: Any = None,
    baseline: bool = False,
) -> list[Record]:
    """The primary's pod is deleted at 10 s, readers are out for 2 s and writers for 3 s, and all is well again.

    With `baseline` the stack is watched for 20 s before, and read at -3 s.
    """
    records: list[Record] = [
        RunBegun(1, "r", "kill-master", "", STARTED_AT, plan or PLAN, {"database_pods": 3}, {}),
        *(StepBegun(0.0, 0, "delete the master", "delete-pod", "database/primary", expect or {}),),
        *reads("service", 20, END, FAULT, FAULT + reads_down),
        *reads("site-a", 2, END, FAULT, FAULT + reads_down),
        *writes("row", 10, STEADY, FAULT, FAULT + writes_down),
        *writes("post", 1, STEADY, FAULT, FAULT + writes_down),
        *(pod(0.1, name, "database/primary" if n == 0 else "database/replica") for n, name in enumerate(DATABASES)),
        *(pod(0.1, name, "site") for name in SITES),
        WaitEnded(8.0, 0, "steady before the fault", True, 2.0),
        *volumes("before", 9.0),
        UndoPlanned(FAULT - 0.01, 0, 0, "delete-pod", {}),
        ActionBegun(FAULT, 0, "delete-pod", ("pod/mysql-0",)),
        pod(FAULT + 0.5, "mysql-0", "database/primary", change="deleted"),
        pod(FAULT + 0.6, "mysql-0", "database/primary", uid="new"),
        ActionEnded(FAULT + 0.7, 0, "delete-pod", True, {"uid of pod/mysql-0": ["old", "new"]}),
        WaitEnded(READY, 0, "database/ready", True, READY - FAULT),
        WaitEnded(STEADY, 0, "steady after the fault", True, STEADY - READY),
        *(replica(n, READING - 0.2) for n in range(3)),
        *volumes("after", END - 0.2),
        StepEnded(END, 0),
        UndoDone(END + 0.1, 0, True),
        RunEnded(END + 0.2, "finished"),
    ]
    if baseline:
        records[1:1] = quiet_time()
        records += contents(records, BASELINE, -3.0)
    return [*records, *contents(records, FIRST_READING, -21.0, empty=True), *contents(records, 0, READING)]


def quiet_time() -> list[Record]:
    """The baseline: 20 s of good answers before the story, the pods as they are, and nothing that was done.

    Ids count up, and the story's begin with 1, so these are below that.
    """
    return [
        StepBegun(-20.0, BASELINE, "baseline", "baseline", "stack", {}),
        *(pod(-20.0, name, "database/primary" if n == 0 else "database/replica") for n, name in enumerate(DATABASES)),
        *(pod(-20.0, name, "site") for name in SITES),
        *(Read("service", -n / 20, -n / 20, -n / 20 + 0.02, True) for n in range(1, 401)),
        *(
            Write(what, what, n - 200, f"{what}-early-{n}", n / 10 - 19, n / 10 - 19, n / 10 - 18.9, "ok", "", n - 199)
            for what in ("row", "post")
            for n in range(150)
        ),
        WaitEnded(-4.0, BASELINE, "steady", True, 2.0),
        *(replica(n, -3.2) for n in range(3)),
        *(replace(look, step=BASELINE) for look in volumes("after", -2.0)),
        StepEnded(-1.0, BASELINE),
    ]


def the_end(records: Iterable[Record], length: float = 6.0) -> list[Record]:
    """The story goes on: all was put back, and the stack is watched and read once more as step 1."""
    begin, end = END + 0.2, END + length
    later: list[Record] = [
        StepBegun(begin, 1, "the end", "end", "stack", {}),
        *(one for one in reads("service", 20, end, FAULT, FAULT) if one.due >= END),
        *(
            one
            for what, rate in (("row", 10), ("post", 1))
            for one in writes(what, rate, end - 1, 0, 0)
            if one.due >= END
        ),
        *(replace(one, step=1, when="before") for one in volumes("after", begin + 0.1)),
        WaitEnded(end - 1.5, 1, "steady", True, 2.0),
        *(replica(n, end - 0.7) for n in range(3)),
        *(replace(one, step=1) for one in volumes("after", end - 0.2)),
        StepEnded(end, 1),
        RunEnded(end + 0.2, "finished"),
    ]
    every = [*drop(records, a(RunEnded)), *later]
    return [*every, *contents(every, 1, end - 0.5)]


def pod(at: float, name: str, role: str, *, uid: str = "old", change: str = "modified", **more: Any) -> PodSeen:
    values: dict[str, Any] = {"node": "n", "phase": "Running", "ready": True, "terminating": False}
    return PodSeen(at, change, name, f"{name}-{uid}", role, restarts=0, containers={}, **values | more)


def reads(via: str, rate: float, until: float, down: float, up: float) -> list[Read]:
    return [
        Read(via, due, due, due + 0.02, not down <= due < up, "" if not down <= due < up else "refused")
        for due in (n / rate for n in range(int(until * rate)))
    ]


def writes(what: str, rate: float, until: float, down: float, up: float) -> list[Write]:
    found = []
    for n in range(int(until * rate)):
        due, bad = n / rate, down <= n / rate < up
        outcome = "ok" if not bad else ("info" if n % 7 == 0 else "fail")
        token = f"{what}-{n}"
        found.append(Write(what, what, n, token, due, due, due + 0.02, outcome, "", None if bad else n + 1))
    return found


def replica(n: int, at: float) -> ReplicaSeen:
    if n == 0:
        return ReplicaSeen(at, DATABASES[0], read_only=False, gtid="0-100-50")
    return ReplicaSeen(at, DATABASES[n], "", True, "Yes", "Yes", 0, "0-100-50", "mysql-repl", None)


def contents(records: Iterable[Record], step: int, at: float, *, empty: bool = False) -> list[Record]:
    """What all pods hold when every acknowledged write is there, and an older row and post; with a fresh row before."""
    acknowledged = [r for r in records if isinstance(r, Write) and r.outcome == "ok" and r.end <= at and not empty]
    beats = [] if empty else [*(r for r in records if isinstance(r, Heartbeat)), heartbeat(step, at - 0.4)]
    rows = ((900, "older row"), *((beat.key or 0, beat.token) for beat in beats))
    rows += tuple((w.seq + 1, w.token) for w in acknowledged if w.what == "row")
    posts = ((901, "older post"), *((w.seq + 1, w.token) for w in acknowledged if w.what == "post"))
    held: list[Record] = [
        Contents(at, step, name, name == "mysql-0", "", "0-100-50", rows, posts, dict(SEED), dict(TABLES))
        for name in DATABASES
    ]
    served = [SiteContents(at, step, name, "", dict(PAGES)) for name in SITES]
    return [*beats[-1:], *held, *served]


def heartbeat(step: int, at: float) -> Heartbeat:
    """A fresh row that came to each replica; its id is the next after what is written ten times a second."""
    arrived = dict.fromkeys(DATABASES[1:], 0.1)
    return Heartbeat(step, "mysql-0", f"beat-{step}", at, at + 0.1, "ok", "", round(10 * at), arrived)


def volumes(when: str, at: float) -> list[VolumeSeen]:
    return [
        VolumeSeen(
            at, 0, when, name, f"{name}-{'new' if (when, name) == ('after', 'mysql-0') else 'old'}", f"data-{name}",
            f"claim-{name}", f"pv-{name}", 1000.0, dict(PROVENANCE),
        )
        for name in DATABASES
    ]  # fmt: skip


def change(records: Iterable[Record], pick: Pick, **changes: Any) -> list[Record]:
    """The records with fields of some of them changed; at least one has to be picked."""
    records = list(records)
    assert any(pick(record) for record in records)
    return [replace(record, **changes) if pick(record) else record for record in records]


def drop(records: Iterable[Record], pick: Pick) -> list[Record]:
    """The records without some of them; at least one has to be picked."""
    records = list(records)
    assert any(pick(record) for record in records)
    return [record for record in records if not pick(record)]


def a(cls: type[Record], **values: Any) -> Pick:
    """Picks the records of a class with these values."""
    return lambda record: isinstance(record, cls) and all(getattr(record, n) == v for n, v in values.items())


def first_step(records: Iterable[Record]) -> tuple[History, Step]:
    history = History(records)
    return history, next(step for step in history.steps if step.index == 0)


def result(records: Iterable[Record], name: str, step: int = 0) -> CheckResult:
    """What one check says of a step, as the judge sees it."""
    (found,) = [each for each in judge(History(records)).steps if each.step.index == step]
    return next(check for check in found.checks if check.name == name)


def keys(found: CheckResult) -> list[str]:
    """The keys of a check's findings, in order."""
    return [one["key"] for one in found.figures["findings"]]
