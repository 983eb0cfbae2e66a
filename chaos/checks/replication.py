"""Replication (R1, R4 to R7): at the step's end one pod takes writes, and the others replicate and hold the same.

"IO Yes, SQL Yes, lag 0" proves nothing by itself: a replica that skipped rows says just that. So contents decide.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, TypeAlias

from chaos.checks import facts, findings, named, words
from chaos.checks.findings import Finding
from chaos.history import TOO_LARGE, Contents, Heartbeat, History, PodSeen, ReplicaSeen, Step, Write
from chaos.stack import dialects
from chaos.verdict import CheckResult, Verdict

NAME = "replication"

STALE_S = 15.0
"""A pod's state is too old to judge by when it was seen so many seconds before the contents were read."""

_TAKES_TIME = ("missing-pods", "no-writable", "not-replicating", "no-heartbeat")
"""Findings that a fault brings for a while by itself."""


Entry: TypeAlias = tuple[str, int, str]
"""What a pod holds: `row` or `post`, its id, its token."""


@dataclass
class _Findings:
    failed: list[Finding]
    unknown: list[str]


def check(history: History, step: Step) -> CheckResult:
    """Judge the pods' last states and contents in the step."""
    readings = {pod: one for pod, one in facts.readings(history, step.index).items() if pod}
    at = max((one.at for one in readings.values()), default=step.end)
    there = _there(history, at, readings)
    states = _states(history, step, at)
    said = _Findings([], [])
    writes_may_be_out = "writes" in step.limits.may_stay_out
    figures: dict[str, Any] = {"expected_pods": _expected(history, step, "database"), "pods": {}}
    if not there and not readings and (none_wanted := facts.none_wanted(history, step)):
        return CheckResult(NAME, Verdict.PASS, none_wanted, figures)
    _count(figures["expected_pods"], there, said)
    _count_sites(history, step, said)
    primary = _primary(there, states, readings, said, none_may=writes_may_be_out)
    figures["primary"] = primary
    not_compared: set[str] = set()
    for pod in sorted(there):
        figures["pods"][pod] = _state_figures(states.get(pod), readings.get(pod))
        if pod != primary:
            figures["pods"][pod] |= _replica(history, pod, primary, states, readings, said)
            not_compared.update(_not_compared(readings.get(pod), readings.get(primary or "")))
    replicas = sorted(pod for pod in there if pod != primary)
    figures["not_compared"] = sorted(not_compared)
    _heartbeat(history, step, there, readings, said, figures, none_may=writes_may_be_out)
    _not_yet(history, step, said)
    if said.failed:
        advice = "look at why the pods that are missing were not started again"
        if any(not one.key.startswith("missing-pods") for one in said.failed):
            advice = (
                "a replica that stopped or differs does not mend itself: copy from it what it alone holds, then have "
                "it cloned anew from a pod that has all"
            )
        return findings.failed(NAME, said.failed, figures, advice=advice)
    if said.unknown:
        return CheckResult(NAME, Verdict.UNKNOWN, "; ".join(said.unknown), figures)
    if not replicas:
        return CheckResult(NAME, Verdict.PASS, f"{primary} takes writes, and no replicas are wanted", figures)
    lags = [states[pod].lag_s or 0 for pod in replicas]
    reason = f"{words.names(replicas)} replicate and hold what {primary} holds (lag {max(lags)} s)"
    if not_compared:
        reason += f"; not compared, as they are too large: {words.names(not_compared)}"
    return CheckResult(NAME, Verdict.PASS, reason, figures)


def _there(history: History, at: float, readings: dict[str, Contents]) -> set[str]:
    """The database pods of that moment: as the watch saw them, else those that were read."""
    seen = facts.pods(history, "database", at)
    if seen is None:
        return set(readings)
    return {pod for pod, record in seen.items() if not record.terminating}


def _states(history: History, step: Step, at: float) -> dict[str, ReplicaSeen]:
    """Each pod's last state in the step, if it is no older than `STALE_S` at the reading."""
    since = max(step.begin, facts.fault(history, step) or step.begin, at - STALE_S)
    there = {(name, seen.uid) for name, seen in (facts.pods(history, "database", at) or {}).items()}
    born: dict[str, float] = {}
    for seen in history.of(PodSeen):
        if (seen.name, seen.uid) in there:
            born.setdefault(seen.name, seen.at)
    found: dict[str, ReplicaSeen] = {}
    for record in history.of(ReplicaSeen):
        if record.at < born.get(record.pod, record.at):
            continue  # What the pod before this one said.
        # One look that timed out does not take back what was seen a second before; the reading has its own say.
        if record.pod and since <= record.at <= step.end and not (record.error and record.pod in found):
            found[record.pod] = record
    return found


def _expected(history: History, step: Step, role: str) -> int | None:
    """How many pods of a part there have to be: the last `scale` said so, else as many as when the run began."""
    wanted = facts.wanted(history, role, step.index)
    if wanted is None:
        before = facts.pods(history, role, facts.fault(history, step) or step.begin)
        return len(before) if before else None
    return wanted


def _count(expected: int | None, there: set[str], said: _Findings) -> None:
    if expected is None:
        said.unknown.append("it is not known how many database pods there should be")
    elif len(there) < expected and there:
        text = f"{len(there)} of {words.count(expected, 'database pod')} are there"
        said.failed.append(Finding("missing-pods:database", text))
    elif expected == 0 or not there:
        said.unknown.append("no database pod was there to be judged")


def _count_sites(history: History, step: Step, said: _Findings) -> None:
    """Hold the site's pods against their number as well, unless readers may be out."""
    at = facts.reading_time(step, facts.site_readings(history, step.index).values())
    expected, seen = _expected(history, step, "site"), facts.pods(history, "site", at)
    if expected is None or seen is None or "reads" in step.limits.may_stay_out:
        return
    there = sum(not one.terminating for one in seen.values())
    if there < expected:
        said.failed.append(Finding("missing-pods:site", f"{there} of {words.count(expected, 'site pod')} are there"))


def _not_yet(history: History, step: Step, said: _Findings) -> None:
    """What needs time to come back is no fault of a stack that nobody waited for."""
    if facts.had_time(history, step):
        return
    early = [one for one in said.failed if one.key.partition(":")[0] in _TAKES_TIME]
    said.failed = [one for one in said.failed if one not in early]
    said.unknown += [f"{one.text}, but the stack was not given the time to come back" for one in early]


def _primary(
    there: set[str],
    states: dict[str, ReplicaSeen],
    readings: dict[str, Contents],
    said: _Findings,
    *,
    none_may: bool,
) -> str | None:
    """R7: exactly one pod is writable, and it is the one that takes the writes. Returns the pod that should be it."""
    meant = sorted(pod for pod, one in readings.items() if one.primary and pod in there)
    answered = {pod: one for pod, one in states.items() if pod in there and not one.error}
    writable = sorted(pod for pod, one in answered.items() if one.read_only is False)
    unsure = sorted(pod for pod in there if pod not in answered or answered[pod].read_only is None)
    if len(writable) > 1:
        text = f"{len(writable)} pods take writes ({words.names(writable)})"
        said.failed.append(Finding("two-writable", text))
    elif writable and meant and writable != meant:
        text = f"{writable[0]} takes writes, but {words.names(meant)} is the primary"
        said.failed.append(Finding("other-writable", text))
    elif not writable and there and not unsure and not none_may:
        said.failed.append(Finding("no-writable", "no database pod takes writes"))
    for pod in unsure:
        error = states[pod].error if pod in states else "no state was seen after the fault"
        said.unknown.append(f"whether {pod} takes writes is not known ({error or 'it did not say'})")
    return meant[0] if meant else writable[0] if writable else None


def _state_figures(state: ReplicaSeen | None, reading: Contents | None) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if state is not None:
        figures |= {"read_only": state.read_only, "io_running": state.io_running, "sql_running": state.sql_running}
        figures |= {"lag_seconds": state.lag_s, "source": state.source}
        figures |= {name: text for name, text in (("error", state.error), ("last_error", state.last_error)) if text}
    if reading is not None:
        figures |= {"rows": len(reading.rows), "posts": len(reading.posts), "gtid": reading.gtid}
    return figures


def _replica(
    history: History,
    pod: str,
    primary: str | None,
    states: dict[str, ReplicaSeen],
    readings: dict[str, Contents],
    said: _Findings,
) -> dict[str, Any]:
    state, mine = states.get(pod), readings.get(pod)
    runs = state is not None and state.io_running == "Yes" and state.sql_running == "Yes"
    if state is not None and not state.error and not runs:
        said.failed.append(Finding(f"not-replicating:{pod}", f"{pod} does not replicate ({_running(state)})"))
    if mine is None or mine.error:
        said.unknown.append(f"{pod} could not be read ({mine.error if mine else 'no reading'})")
        return {}
    other = readings.get(primary or "")
    if other is None or other.error:
        said.unknown.append(f"{pod} could not be compared, as the primary could not be read")
        return {}
    missed, added = _apart(mine, other)
    lacks, more = len(missed), len(added)
    difference = _difference(mine, other, lacks, more)
    if difference and _explained(history, mine, other, missed, added):
        where = f"{pod} was read at {_position(mine)}, {primary} at {_position(other)}"
        said.unknown.append(f"{where}, and what was written between the two may be all that differs: {difference}")
    elif difference:
        says = f"says that it replicates ({_running(state)}), but " if runs and state is not None else ""
        text = f"{pod} {says}holds other content than {primary}: {difference}"
        breaks = "R1" if more else "R4" if lacks else ""
        items = _entries(history, readings, missed | added)
        differing = _where(mine, other, missed, added)
        said.failed.append(Finding(f"differs:{pod}", text, invariant=breaks, items=items, more=differing))
    elif not dialects.same(mine.gtid, other.gtid) and not _met(state, states.get(primary or "")):
        said.unknown.append(f"{pod} was read at {_position(mine)}, {primary} at {_position(other)}")
    if not difference and _compared(mine, other) <= set(_not_compared(mine, other)):
        said.unknown.append(f"no table of {pod} was compared with those of {primary}")
    return {"lacks": lacks, "has_more": more}


def _position(reading: Contents) -> str:
    return f"position {reading.gtid}" if reading.gtid else "a position that is not known"


def _heartbeat(
    history: History,
    step: Step,
    there: set[str],
    readings: dict[str, Contents],
    said: _Findings,
    figures: dict[str, Any],
    *,
    none_may: bool,
) -> None:
    """R6: a row that was written when all had settled arrives on each replica that says that it replicates."""
    beat = next(iter(history.of(Heartbeat, step=step.index)), None)
    if beat is None:
        if sum(not one.error for one in readings.values()) > 1 and not none_may:
            said.unknown.append("no fresh row was written, so that replication goes on was not shown")
        return
    figures["heartbeat"] = {"outcome": beat.outcome, "arrived_s": dict(beat.arrived), "unasked": dict(beat.unasked)}
    if beat.outcome != "ok":
        if not none_may:
            said.unknown.append(f"no fresh row could be written to {beat.pod} ({beat.reason or beat.outcome})")
        return
    for pod, after in sorted(beat.arrived.items()):
        if after is None and pod in there:
            text = f"{pod} says that it replicates, but a fresh row of {beat.pod} did not arrive there"
            said.failed.append(Finding(f"no-heartbeat:{pod}", text))


def _running(state: ReplicaSeen) -> str:
    if state.io_running is None and state.sql_running is None:
        return "it has no source"
    lag = "" if state.lag_s is None else f", lag {state.lag_s} s"
    error = f": {words.gist(state.last_error)}" if state.last_error else ""
    return f"IO {state.io_running}, SQL {state.sql_running}{lag}{error}"


def _content(reading: Contents) -> set[Entry]:
    rows = {("row", number, token) for number, token in reading.rows}
    return rows | {("post", number, token) for number, token in reading.posts}


def _apart(mine: Contents, other: Contents) -> tuple[set[Entry], set[Entry]]:
    """What only the other holds, and what only this one does."""
    if mine.rows == other.rows and mine.posts == other.posts:
        return set(), set()
    held, wanted = _content(mine), _content(other)
    return wanted - held, held - wanted


def _explained(history: History, mine: Contents, other: Contents, lacks: set[Entry], more: set[Entry]) -> bool:
    """Whether all that differs may have been written between the readings of a replica and of its primary.

    The one that was read at the earlier position may lack what the other has, and nothing else: not what had been
    acknowledged when it was read, nor what itself had held before. Where a position is not known, either may have been
    read earlier. Seed content is written by nobody.
    """
    if mine.baseline != other.baseline:
        return False
    if not mine.gtid or not other.gtid:
        return not _owed(history, mine, lacks) and not _owed(history, other, more)
    if _behind(mine.gtid, other.gtid) and not more:
        return not _owed(history, mine, lacks)
    if dialects.moved_on(other.gtid, mine.gtid) and not lacks:
        return not _owed(history, other, more)
    return False


def _owed(history: History, lacking: Contents, missed: set[Entry]) -> bool:
    """Whether any of what a pod lacks had been acknowledged when it was read, or the pod itself had held it before."""
    if not missed:
        return False
    writes = [*history.of(Write), *(beat.write for beat in history.of(Heartbeat))]
    acknowledged = {(write.what, write.token) for write in writes if write.outcome == "ok"}
    acknowledged -= {(write.what, write.token) for write in writes if write.end > lacking.at}
    had = {
        entry
        for one in history.of(Contents)
        if one.pod == lacking.pod and one.step < lacking.step
        for entry in _content(one)
    }
    return any((what, token) in acknowledged or (what, number, token) in had for what, number, token in missed)


def _behind(position: str, of: str) -> bool:
    try:
        return not dialects.same(position, of) and dialects.contains(of, position)
    except ValueError:
        return False


def _difference(mine: Contents, other: Contents, lacks: int, more: int) -> str:
    found = [f"it lacks {words.count(lacks, 'entry', 'entries')}"] if lacks else []
    found += [f"it has {words.count(more, 'entry', 'entries')} more"] if more else []
    found += _tables(mine, other) if not found else []
    changed = _changed(mine, other)
    found += [f"the seed content differs ({words.names(changed)})"] if changed else []
    return ", ".join(found)


def _changed(mine: Contents, other: Contents) -> list[str]:
    names = mine.baseline.keys() | other.baseline.keys()
    return sorted(name for name in names if mine.baseline.get(name) != other.baseline.get(name))


def _entries(history: History, readings: dict[str, Contents], apart: set[Entry]) -> tuple[dict[str, Any], ...]:
    """The first of the entries that differ, as other findings name writes."""
    keys = {(what, token) for what, _, token in apart}
    writes = itertools.chain(history.of(Write), (beat.write for beat in history.of(Heartbeat)))
    tried = {key: write for write in writes if (key := (write.what, write.token)) in keys}
    pods: dict[str, dict[named.Key, tuple[int, ...]]] = {pod: {} for pod, one in readings.items() if not one.error}
    for pod, found in pods.items():
        for what, number, token in _content(readings[pod]):
            if (what, token) in keys:
                found[what, token] = (*found.get((what, token), ()), number)
    return named.items(keys, tried, pods)


def _where(mine: Contents, other: Contents, missed: set[Entry], added: set[Entry]) -> dict[str, Any]:
    """All that differs, in few words: the ids of entries by kind, the tables with both sums, the seed content.

    A reading has one sum of each table, so which rows of other tables differ is not known.
    """
    found: dict[str, Any] = {}
    for name, entries in (("lacks", missed), ("has_more", added)):
        kinds = sorted({what for what, _, _ in entries}, reverse=True)
        ids = {kind: ", ".join(named.ranges({number for what, number, _ in entries if what == kind})) for kind in kinds}
        found |= {name: ids} if ids else {}
    sums = _other_tables(mine, other)
    tables = [{"table": name, "here": one, "on_primary": another} for name, (one, another) in sums.items()]
    changed = _changed(mine, other)
    return found | ({"tables": tables} if tables else {}) | ({"seed": changed} if changed else {})


def _other_tables(mine: Contents, other: Contents) -> dict[str, tuple[str, str]]:
    """The sums of the tables that differ; what was not read on either side says nothing."""
    names = sorted(_compared(mine, other) - set(_not_compared(mine, other)))
    pairs = {name: (mine.tables.get(name, "missing"), other.tables.get(name, "missing")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _compared(mine: Contents, other: Contents) -> set[str]:
    """The tables that either has; none where one of the two names none at all, as runs of older versions do."""
    return set(mine.tables) | set(other.tables) if mine.tables and other.tables else set()


def _not_compared(mine: Contents | None, other: Contents | None) -> list[str]:
    """The tables that were too large to be read on either side."""
    found = [one.tables.items() for one in (mine, other) if one is not None]
    return [name for tables in found for name, said in tables if said == TOO_LARGE]


def _tables(mine: Contents, other: Contents) -> list[str]:
    """R5: whole tables against each other."""
    differ = [f"{name} ({one}, not {another})" for name, (one, another) in _other_tables(mine, other).items()]
    return (
        [f"{words.count(len(differ), 'table')} of it {words.are(len(differ))} other: {words.names(differ)}"]
        if differ
        else []
    )


def _met(state: ReplicaSeen | None, primary: ReplicaSeen | None) -> bool:
    """Whether both were last seen at one position (R4): then something was written between the two readings."""
    if state is None or primary is None or state.gtid is None:
        return False
    return dialects.same(state.gtid, primary.gtid)
