# ruff: noqa: E501
"""Runs that never were: histories of kill-master as the monitors would have written them, and their judgements."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chaos.checks.judge import Judgement, StepJudgement
from chaos.history import (
    BASELINE,
    ActionBegun,
    ActionEnded,
    ClusterEvent,
    History,
    Note,
    PodSaid,
    PodSeen,
    Read,
    Record,
    ReplicaSeen,
    RunBegun,
    RunEnded,
    Skipped,
    StepBegun,
    StepEnded,
    WaitEnded,
    Write,
)
from chaos.report.suite import SuiteRun
from chaos.scenario.plan import Suite
from chaos.verdict import CheckResult, Outage, Verdict

PLAN = {
    "name": "kill-master",
    "claim": "a failed master comes back by itself with its data",
    "path": "scenarios/kill-master.yaml",
    "text": "",
    "workload": {"reads_per_s": 20.0, "pod_reads_per_s": 2.0, "writes_per_s": 10.0, "posts_per_s": 1.0, "deadline_s": 2.0},
    "steps": [
        {
            "index": 0, "name": "delete the master's pod", "action": "delete-pod", "target": "database/primary",
            "params": {"grace_s": 0}, "wait": {"condition": "database/ready", "timeout_s": 180.0},
            "expect": {"reads": {"longest_outage_s": 30.0}, "writes": {"longest_outage_s": 60.0}, "clone": "resume"},
        },
        {
            "index": 1, "name": "delete a WordPress pod", "action": "delete-pod", "target": "site",
            "params": {}, "wait": {"condition": "site/ready", "timeout_s": 120.0},
            "expect": {"reads": {"longest_outage_s": 1.0}, "writes": {"longest_outage_s": 1.0}},
        },
    ],
}  # fmt: skip

SCENARIO = """apiVersion: hachaos/v1
name: kill-master
claim: a failed master comes back by itself with its data
workload: {reads: 20/s, writes: 10/s}
steps:
  - name: delete the master's pod
    action: delete-pod
    target: database/primary
    wait: {for: database/ready, timeout: 3m}
    expect:
      reads:  {longest_outage: 30s}
      writes: {longest_outage: 60s}
      clone: resume
"""

SITE = ("wordpress-6d5f7c9b8-2xkqp", "wordpress-6d5f7c9b8-9vjtr", "wordpress-6d5f7c9b8-hw4mn")
NEW_SITE = "wordpress-6d5f7c9b8-zz7rd"


@dataclass(frozen=True)
class Shape:
    """What a sample's run is like; times are seconds since it began."""

    faults: tuple[float, float] = (14.0, 46.0)
    reads_down_s: float = 2.1
    writes_down_s: float = 3.1
    ready_after_s: float | None = 3.0
    until: float = 68.0
    rate: float = 20.0
    steps: int = 2
    hostile: str = ""


def records(shape: Shape = Shape()) -> list[Record]:
    """One run's records in the order in which a journal would have them."""
    rng = random.Random(7)
    found: list[Record] = list(_requests(shape, rng))
    found += _pods(shape)
    found += _replicas(shape)
    found += _steps(shape)
    found.sort(key=_written_at)
    run = RunBegun(
        1, "2026-11-23T012000-kill-master", "kill-master", PLAN["claim"], 1795396800.0, PLAN,
        {"profile": "hardened", "namespace": "wordpress"},
        {"kubernetes": "v1.35.0", "mariadb": "10.11.14", "wordpress": "6.8.3", "containerd": "1.6.20"},
        SCENARIO + shape.hostile,
    )  # fmt: skip
    return [run, *found, RunEnded(shape.until, "finished")]


def _written_at(record: Record) -> float:
    return float(getattr(record, "end", getattr(record, "at", getattr(record, "due", 0.0))))


def _paused(shape: Shape, at: float) -> bool:
    """Writers rest while a step's evidence is taken."""
    ends = (shape.faults[1] - 4.0, shape.until - 1.0)
    return any(end - 3.0 <= at <= end for end in ends)


def _requests(shape: Shape, rng: random.Random) -> Iterator[Record]:
    fault = shape.faults[0]

    def latency(base: float) -> float:
        return base * rng.lognormvariate(0, 0.35)

    def down(at: float, lasts: float) -> bool:
        return fault + 0.15 <= at <= fault + lasts

    for n in range(int(shape.until * shape.rate)):
        due = n / shape.rate
        start = due + 0.001
        if down(start, shape.reads_down_s):
            yield Read("service", due, start, start + 0.02, False, "database-error", 500)
        else:
            yield Read("service", due, start, start + latency(0.045), True, status=200)
    for pod in SITE:
        for n in range(int(shape.until * 2)):
            due = n / 2
            if pod == SITE[0] and shape.steps > 1 and due > shape.faults[1] + 3:
                break
            if down(due, shape.reads_down_s) or (pod == SITE[0] and shape.steps > 1 and due > shape.faults[1]):
                yield Read(pod, due, due, due + 0.01, False, "refused")
            else:
                yield Read(pod, due, due, due + latency(0.04), True, status=200)
    for what, rate, base in (("row", shape.rate / 2, 0.006), ("post", shape.rate / 20, 0.11)):
        seq = 0
        for n in range(int(shape.until * rate)):
            due = n / rate + 0.013
            if _paused(shape, due):
                continue
            seq += 1
            bad = down(due, shape.writes_down_s)
            outcome = ("info" if n % 5 == 0 else "fail") if bad else "ok"
            end = due + (0.01 if bad else latency(base))
            reason = "refused" if bad else ""
            yield Write(what, f"{what}-1", seq, f"{what}-{n:08d}", due, due, end, outcome, reason, None if bad else seq)
    yield Skipped("read service", fault + 1.0, "64 in flight")


def _pod(at: float, name: str, uid: str, role: str, node: str, phase: str, **more: object) -> PodSeen:
    values = {"change": "modified", "ready": False, "terminating": False, "restarts": 0, "containers": {}} | more
    return PodSeen(at=at, name=name, uid=uid, role=role, node=node, phase=phase, **values)  # type: ignore[arg-type]


def _rebirth(shape: Shape, name: str, role: str, at: float, new: str, ready_after: float | None) -> Iterator[PodSeen]:
    containers = {"main": "running"}
    yield _pod(at + 0.05, name, f"uid-{name}", role, "node-1", "Running", terminating=True, ready=True)
    yield _pod(at + 0.4, name, f"uid-{name}", role, "node-1", "Running", terminating=True)
    yield _pod(at + 0.6, name, f"uid-{name}", role, "node-1", "Failed", terminating=True, change="deleted")
    yield _pod(at + 0.7, new, f"uid2-{new}", role, "", "Pending", change="added")
    yield _pod(at + 0.8, new, f"uid2-{new}", role, "node-1", "Pending")
    yield _pod(at + 1.9, new, f"uid2-{new}", role, "node-1", "Running", containers=containers)
    if ready_after is not None:
        yield _pod(at + ready_after, new, f"uid2-{new}", role, "node-1", "Running", ready=True, containers=containers)


def _pods(shape: Shape) -> Iterator[PodSeen]:
    running = {"change": "added", "ready": True, "containers": {"main": "running"}}
    for n in range(3):
        role = "database/primary" if n == 0 else "database/replica"
        yield _pod(0.01, f"mysql-{n}", f"uid-mysql-{n}", role, f"node-{n + 1}", "Running", **running)
    for n, name in enumerate(SITE):
        yield _pod(0.02, name, f"uid-{name}", "site", f"node-{n + 1}", "Running", **running)
    yield _pod(0.02, "nfs-server-0", "uid-nfs", "files", "node-2", "Running", **running)
    yield from _rebirth(shape, "mysql-0", "database/primary", shape.faults[0], "mysql-0", shape.ready_after_s)
    if shape.steps > 1:
        yield from _rebirth(shape, SITE[0], "site", shape.faults[1], NEW_SITE, 2.6)


def _replicas(shape: Shape) -> Iterator[ReplicaSeen]:
    fault = shape.faults[0]
    for n in range(int(shape.until)):
        at = n + 0.5
        gone = fault <= at < fault + (shape.ready_after_s or shape.until)
        yield ReplicaSeen(at, "mysql-0", "refused" if gone else "", read_only=False)
        for pod in ("mysql-1", "mysql-2"):
            stopped = gone and at > fault + 1
            lag = 2 if fault + 3 < at < fault + 6 and pod == "mysql-2" else 0
            yield ReplicaSeen(
                at, pod, "", True, "Connecting" if stopped else "Yes", "Yes", None if stopped else lag, f"0-1-{n}",
                "mysql-0.mysql", "error reconnecting to master" if stopped else None,
            )  # fmt: skip


def _steps(shape: Shape) -> Iterator[Record]:
    hostile = shape.hostile
    for index, fault in enumerate(shape.faults[: shape.steps]):
        step = PLAN["steps"][index]
        pod = "mysql-0" if index == 0 else SITE[0]
        last = index == shape.steps - 1
        end = shape.until - 0.5 if last else shape.faults[1] - 3.5
        yield StepBegun(fault - 3.0, index, step["name"] + hostile, step["action"], step["target"], step["expect"])
        yield WaitEnded(fault - 1.0, index, "steady before the fault", True, 2.0)
        yield ActionBegun(fault, index, step["action"], (f"pod/{pod}{hostile}",), f"{pod} on node-1, grace 0 s")
        yield ActionEnded(fault + 0.7, index, step["action"], True, {"uid": [f"uid-{pod}", f"uid2-{pod}"]})
        took = shape.ready_after_s if index == 0 else 2.6
        yield WaitEnded(
            fault + (took or 25.0), index, step["wait"]["condition"], took is not None, took or 25.0, hostile
        )
        yield ClusterEvent(fault + 0.1, f"pod/{pod}{hostile}", "Killing", f"Stopping container mysql{hostile}")
        yield ClusterEvent(fault + 0.9, f"pod/{pod}", "Scheduled", f"Assigned wordpress/{pod} to node-1")
        yield ClusterEvent(fault + 1.9, f"pod/{pod}", "Started", "Started container mysql")
        yield StepEnded(end, index, "" if took is not None else "the stack did not recover in time")
    yield Note(shape.until - 2, f"3 writes were still in flight when the evidence was taken{hostile}")


def _outage(kind: str, via: str, fault: float, lasts: float, step: float, *, open_end: bool = False) -> Outage:
    last_bad = fault + lasts - step / 2
    first_good = None if open_end else last_bad + step
    return Outage(
        kind, via, fault - 0.04, fault + 0.16, last_bad, first_good, max(int(lasts / step), 1), {"database-error": 41}
    )


def _judged(history: History, shape: Shape, results: list[list[CheckResult]], reason: str) -> Judgement:
    order = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)
    steps = tuple(
        StepJudgement(step, min((check.verdict for check in checks), key=order.index), tuple(checks))
        for step, checks in zip(history.steps, results, strict=True)
    )
    return Judgement(min((step.verdict for step in steps), key=order.index), steps, reason)


def _availability(shape: Shape, index: int) -> CheckResult:
    beside = {f"{stream} in all": {"requests": 440, "good": 440, "bad": 0} for stream in ("reads", "rows")}
    if index:
        return CheckResult(
            "availability", Verdict.PASS, "reads and writes were never out", {"reads": 440, "writes": 198, **beside}
        )
    fault = shape.faults[0]
    outages = (
        _outage("reads", "service", fault, shape.reads_down_s, 0.05),
        _outage("writes", "row", fault, shape.writes_down_s, 0.1),
        _outage("writes", "post", fault, shape.writes_down_s, 1.0),
    )
    reason = "reads were out for 1.92 s – 2.17 s of at most 30 s, writes for 2.89 s – 3.19 s of at most 60 s"
    return CheckResult("availability", Verdict.PASS, reason, {"reads": 500, "writes": 240, **beside}, outages)


def passing(shape: Shape = Shape()) -> tuple[History, Judgement]:
    """The master came back, everything is there."""
    history = History(records(shape))
    results = [
        [
            _availability(shape, index),
            CheckResult("continuity", Verdict.PASS, "all 262 acknowledged writes are on every pod", {"lost": 0, "acknowledged": 262}),
            CheckResult("replication", Verdict.PASS, "both replicas hold what the primary holds", {"converged_s": 0.41}),
            CheckResult("clone", Verdict.PASS, "mysql-0 resumed on its own volume", {"how": "resume", "pods": {"mysql-0": {"how": "resume", "volume": "kept"}}}),
        ]
        for index in range(shape.steps)
    ]  # fmt: skip
    return history, _judged(
        history, shape, results, "in both steps every limit held and no acknowledged write is missing"
    )


def failing(hostile: str = "") -> tuple[History, Judgement]:
    """The master came back with an empty volume: acknowledged writes are gone."""
    shape = Shape(reads_down_s=7.0, writes_down_s=6.4, ready_after_s=6.1, steps=1, until=48.0, hostile=hostile)
    history = History(records(shape))
    tokens = [f"row-{n:08d}{hostile}" for n in range(57)]
    fault = shape.faults[0]
    found = [
        {
            "key": "lost-post",
            "text": f"57 of 262 acknowledged writes are missing on the primary mysql-0{hostile}",
            "before": False,
        },
        {"key": "not-replicating:mysql-1", "text": f"mysql-1 does not replicate{hostile}", "before": True},
    ]
    results = [
        [
            replace(_availability(shape, 0), reason="reads were out for 6.82 s – 7.07 s of at most 30 s" + hostile),
            CheckResult(
                "continuity", Verdict.FAIL, f"57 of 262 acknowledged writes are missing on the primary mysql-0{hostile}",
                {"lost": 57, "acknowledged": 262, "findings": found, "lost_tokens": tokens, "missing_on": {"mysql-0": 57, "mysql-1": 57}, "first_lost_at_s": 1.23,
                 "lost_writes": {"row": {"number": 50, "ids": "1, 3, ... 61, 70-89", "first_at_s": 1.2, "last_at_s": 9.0},
                                 "post": {"number": 7, "ids": f"4-9, 11{hostile}", "first_at_s": 1.9, "last_at_s": 8.0}}},
                advice=f"mysql-0 came back empty: let ordinal 0 clone from a replica as well{hostile}",
            ),
            CheckResult("replication", Verdict.UNKNOWN, "mysql-2 did not answer", {"mysql-2": {"error": "timeout" + hostile}}),
            CheckResult("clone", Verdict.FAIL, "mysql-0 was to resume, but has a new volume", {"how": "empty", "pods": {}},
                        (_outage("reads", SITE[0] + hostile, fault, 7.0, 0.5),)),
        ]
    ]  # fmt: skip
    return history, _judged(history, shape, results, f"57 acknowledged writes were lost{hostile}")


def unknown() -> tuple[History, Judgement]:
    """The master never came back within the time, and nobody could read the database."""
    shape = Shape(reads_down_s=99.0, writes_down_s=99.0, ready_after_s=None, steps=1, until=42.0)
    history = History(records(shape)[:-1])
    fault = shape.faults[0]
    outages = (
        _outage("reads", "service", fault, 28.0, 0.05, open_end=True),
        _outage("writes", "row", fault, 28.0, 0.1, open_end=True),
    )
    results = [
        [
            CheckResult("availability", Verdict.UNKNOWN, "the outage's end was not seen", {}, outages),
            CheckResult(
                "continuity", Verdict.UNKNOWN, "no pod could be read", {}, advice="look why mysql-0 is not ready"
            ),
        ]
    ]
    return history, _judged(history, shape, results, "the stack did not recover within 3 min, so nothing could be read")


def suite(name: str = "go-live") -> Suite:
    """A suite's frame; what ran is in `suite_runs`."""
    return Suite(name, "the stack stands what will happen to it", "scenarios/go-live.yaml", "x", 3600.0, 10.0, ())


def suite_runs() -> list[SuiteRun]:
    """One scenario that passed, one that failed, one that is unknown, one that was not run."""
    claim = "a failed master comes back by itself with its data"
    found = [SuiteRun("kill-master", claim, "01-kill-master", *passing())]
    for number, (name, run) in enumerate((("failing", failing()), ("unknown", unknown())), start=2):
        begun = replace(run[0].run, scenario=name)
        history = History([begun, *run[0].records[1:]])
        found.append(SuiteRun(name, claim, f"0{number}-{name}", history, run[1]))
    return [
        *found,
        SuiteRun("stop-nfs", "the site goes on without its files", "", None, None, "the budget was used up"),
    ]


def with_baseline() -> tuple[History, Judgement]:
    """The failing run after a baseline that was not sound, with a quiet step, uploads, static files and a pod's words."""
    history, judgement = failing()
    old = {"key": "not-replicating:mysql-1", "text": "mysql-1 does not replicate", "before": True}
    quiet = ("pause", "stack", {"uploads": {"longest_outage_s": 9.0, "may_stay_out": True}})
    more: list[Record] = [
        StepBegun(0.5, BASELINE, "baseline", "baseline", "stack", {}),
        StepEnded(9.0, BASELINE),
        StepBegun(47.0, 1, "wait a little", *quiet),
        ActionBegun(47.1, 1, "pause", (), ""),
        ActionEnded(47.2, 1, "pause", None),
        StepEnded(47.8, 1),
        PodSaid(40.0, 0, "mysql-0", ("waiting:CrashLoopBackOff", "<b>Killed</b>")),
    ]
    for n in range(40):
        at = 14.0 + n / 4
        more.append(Read(SITE[1], at, at, at + 5.0, n < 10, "" if n < 10 else "timeout", what="upload"))
        more.append(Read("service", at, at, at + 5.0, True, what="static"))
        more.append(Write("upload", "upload-1", n, f"up-{n}", at, at, at + 7.0, "ok" if n < 10 else "info", "", n))
    history = History([*history.records[:-1], *more, history.records[-1]])
    before, pause = history.steps[1], history.steps[2]
    out = (
        Outage("uploads", "upload", 16.0, 16.5, 23.75, None, 30),
        Outage("read-upload", SITE[1], 16.0, 16.5, 23.75, None, 30),
    )
    unsound = CheckResult("replication", Verdict.FAIL, old["text"], {"findings": [old]})
    steps = (
        StepJudgement(before, Verdict.FAIL, (unsound,)),
        replace(judgement.steps[0], checks=(*judgement.steps[0].checks, CheckResult("uploads", Verdict.PASS, "fine", {}, out))),
        StepJudgement(pause, Verdict.PASS, (CheckResult("availability", Verdict.PASS, "fine"),)),
    )  # fmt: skip
    return history, replace(judgement, steps=steps)


def flapping() -> tuple[History, Judgement]:
    """Readers were in and out to the end, one site pod was out all the while, rows did not come back, posts did."""
    shape = Shape(reads_down_s=7.0, writes_down_s=6.4, ready_after_s=6.1, steps=1, until=48.0)
    history = History(records(shape))
    fault = shape.faults[0]
    outages = (
        *(_outage("reads", "service", fault + n, 0.5, 0.05) for n in range(6)),
        replace(_outage("reads", "service", 46.0, 0.4, 0.05), first_good=None),
        _outage("reads", SITE[1], fault, 30.0, 0.5, open_end=True),
        _outage("writes", "row", fault, 20.0, 0.1, open_end=True),
        _outage("writes", "post", fault, 6.0, 1.0),
    )
    found = [
        {"key": key, "text": f"{key} was held against it", "before": False} for key in ("pod-out:page", "out:rows")
    ]
    check = CheckResult("availability", Verdict.FAIL, "readers were out", {"findings": found}, outages)
    return history, _judged(history, shape, [[check]], "availability: readers were out")
