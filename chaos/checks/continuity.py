"""Continuity (D1 to D7, R1, A3): is every acknowledged write still on every database pod, once, and nothing else.

All writes of the run until the step's end are held against what each pod holds then, read at its own address with the
writers stopped and replication drained. What the first reading found before anything was written belongs to the run's
baseline.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chaos.checks import facts, words
from chaos.history import FIRST_READING, Contents, History, SiteContents, Step, Write
from chaos.verdict import CheckResult, Verdict

NAME = "continuity"
SHOWN = 20
"""So many tokens of each kind of finding are named in the figures."""

Key = tuple[str, str]
"""What a write is known by: (`row` or `post`, token)."""


@dataclass
class _Ledger:
    """The writes of a run: all that were tried, and those that had ended before a reading, by outcome."""

    tried: dict[Key, Write]
    ok: set[Key] = field(default_factory=set)
    fail: set[Key] = field(default_factory=set)
    info: set[Key] = field(default_factory=set)


@dataclass
class _Held:
    """What each pod holds, as ids by token; what some pod, and what the primary, held before the first write."""

    pods: dict[str, dict[Key, set[int]]]
    before: set[Key]
    owed: set[Key]
    torn: dict[str, int]


def check(history: History, step: Step) -> CheckResult:
    """Compare the writes with the pods' contents. Lost, phantom, resurrected, duplicated, split and torn ones fail."""
    readings = facts.readings(history, step.index)
    read = {pod: reading for pod, reading in readings.items() if not reading.error and pod}
    sites = facts.site_readings(history, step.index)
    ledger = _ledger(history, facts.reading_time(step, read.values()))
    held = _held(history, read)
    figures: dict[str, Any] = {
        "acknowledged": len(ledger.ok),
        "tried": len(ledger.ok | ledger.fail | ledger.info),
        "pods_read": sorted(read),
    }
    findings = _writes(ledger, held, read, figures) + _baseline(history, step, read, sites, figures)
    unknown = _unread(history, step, readings, sites) + _vacuous(history, step, ledger, bool(read))
    if findings:
        return CheckResult(NAME, Verdict.FAIL, "; ".join(findings), figures, advice=_advice(figures))
    if unknown:
        return CheckResult(NAME, Verdict.UNKNOWN, "; ".join(unknown), figures)
    reason = f"all {words.count(len(ledger.ok), 'acknowledged write')} and the seed content are on {words.names(read)}"
    return CheckResult(NAME, Verdict.PASS, reason, figures)


def _ledger(history: History, until: float) -> _Ledger:
    """A write that ended after the reading had begun promises nothing of what was read; it was only tried."""
    ledger = _Ledger({})
    for write in history.of(Write):
        key = (write.what, write.token)
        if key not in ledger.ok:
            ledger.tried[key] = write
        if write.end <= until:
            {"ok": ledger.ok, "fail": ledger.fail}.get(write.outcome, ledger.info).add(key)
    ledger.info -= ledger.ok
    ledger.fail -= ledger.ok | ledger.info
    return ledger


def _held(history: History, read: dict[str, Contents]) -> _Held:
    first = [one for one in facts.readings(history, FIRST_READING).values() if not one.error]
    before = {key for one in first for key, _ in _entries(one)}
    owed = {key for one in first if one.primary for key, _ in _entries(one)}
    held = _Held({}, before, owed, {})
    for pod, reading in read.items():
        ids: dict[Key, set[int]] = defaultdict(set)
        torn = 0
        for key, number in _entries(reading):
            if key[1]:
                ids[key].add(number)
            else:
                torn += 1
        held.pods[pod] = dict(ids)
        if torn:
            held.torn[pod] = torn
    return held


def _entries(reading: Contents) -> Iterable[tuple[Key, int]]:
    for what, found in (("row", reading.rows), ("post", reading.posts)):
        for number, token in found:
            yield (what, token), number


def _writes(ledger: _Ledger, held: _Held, read: dict[str, Contents], figures: dict[str, Any]) -> list[str]:
    """The findings about writes, a phrase each; the figures of all of them are filled in."""
    pods = held.pods
    present: set[Key] = set().union(*pods.values()) if pods else set()
    everywhere: set[Key] = set.intersection(*(set(found) for found in pods.values())) if pods else set()
    known = ledger.tried.keys() | held.before
    phantom = present - known
    resurrected = present & ledger.fail - held.before
    duplicated = _duplicated(pods, ledger.tried.keys() - held.before)
    split = (present - everywhere) & ledger.info
    figures.update(
        indeterminate={
            "tried": len(ledger.info),
            "present": len(ledger.info & everywhere),
            "absent": len(ledger.info - present) if pods else 0,
            "differing": len(split),
        },
        phantom=len(phantom),
        resurrected=len(resurrected),
        duplicated=len(duplicated),
        torn=sum(held.torn.values()),
    )
    for name, found in (
        ("phantom", phantom),
        ("resurrected", resurrected),
        ("duplicated", duplicated),
        ("differing", split),
    ):
        if found:
            figures[f"{name}_tokens"] = [f"{what} {token}" for what, token in sorted(found)[:SHOWN]]
    sayings = (
        (phantom, "that nobody tried are present"),
        (resurrected, "that had failed are present"),
        (duplicated, "are there under two ids"),
        (split, "without an answer are on some pods and not on others"),
    )
    findings = _lost(ledger, held, read, figures)
    findings += [f"{words.count(len(found), 'write')} {saying}" for found, saying in sayings if found]
    findings += [
        f"{words.count(number, 'entry', 'entries')} of {pod} can't be read whole" for pod, number in held.torn.items()
    ]
    return findings


def _duplicated(pods: dict[str, dict[Key, set[int]]], tried: set[Key]) -> set[Key]:
    ids: dict[Key, set[int]] = defaultdict(set)
    for found in pods.values():
        for key, numbers in found.items():
            ids[key] |= numbers
    return {key for key, numbers in ids.items() if len(numbers) > 1 and key in tried}


def _lost(ledger: _Ledger, held: _Held, read: dict[str, Contents], figures: dict[str, Any]) -> list[str]:
    """Lost = the primary lacks it; where no primary could be read, all pods that could be lack it."""
    pods = held.pods
    missing = {pod: ledger.ok - found.keys() for pod, found in pods.items()}
    everywhere: set[Key] = set.intersection(*missing.values()) if missing else set()
    primaries = [missing[pod] for pod, reading in read.items() if reading.primary]
    lost: set[Key] = set().union(*primaries) if primaries else everywhere
    anywhere: set[Key] = set().union(*missing.values()) if missing else set()
    older = {pod: len(held.owed - found.keys()) for pod, found in pods.items() if held.owed - found.keys()}
    figures.update(
        lost=len(lost) if pods else None,
        lost_everywhere=len(everywhere) if pods else None,
        missing_on={pod: len(found) for pod, found in sorted(missing.items())},
        older_missing_on=older,
    )
    findings = []
    if anywhere:
        named = sorted((ledger.tried[key] for key in (lost or anywhere)), key=lambda write: write.end)
        figures.update(
            lost_tokens=[f"{write.what} {write.token}" for write in named[:SHOWN]],
            lost_ids=[f"{write.what} {write.key}" for write in named[:SHOWN] if write.key is not None],
            lost_acknowledged_first_s=named[0].end,
            lost_acknowledged_last_s=named[-1].end,
        )
        where = ", ".join(f"{len(found)} on {pod}" for pod, found in sorted(missing.items()) if found)
        of_all = f"of {words.count(len(ledger.ok), 'acknowledged write')}"
        if lost:
            findings.append(
                f"{len(lost)} {of_all} were lost, {len(everywhere)} of them on every pod (missing: {where})"
            )
        else:
            findings.append(f"some {of_all} are missing on replicas ({where})")
    if older:
        where = ", ".join(f"{number} on {pod}" for pod, number in sorted(older.items()))
        findings.append(f"writes from before the run are gone ({where})")
    return findings


def _baseline(
    history: History, step: Step, read: dict[str, Contents], sites: dict[str, SiteContents], figures: dict[str, Any]
) -> list[str]:
    """D7: the seed content, in the databases and as each site pod serves it, against the first reading."""
    changed: dict[str, list[str]] = {}
    leaving, _ = _leaving(history, step, "site", list(sites.values()))
    served = {pod: reading for pod, reading in sites.items() if not reading.error and pod and pod not in leaving}
    for reference, now in (
        (_first(history.of(Contents), step), {pod: reading.baseline for pod, reading in read.items()}),
        (_first(history.of(SiteContents), step), {pod: reading.baseline for pod, reading in served.items()}),
    ):
        for pod, found in now.items():
            names = sorted(name for name in reference.keys() | found.keys() if _differs(reference, found, name))
            if names:
                changed[pod] = names
    figures["baseline_changed"] = changed
    return [f"the seed content of {pod} changed ({words.names(names)})" for pod, names in sorted(changed.items())]


def _differs(reference: dict[str, str], found: dict[str, str], name: str) -> bool:
    value = found.get(name)
    return value is None or value.startswith("missing") or (bool(reference) and value != reference.get(name))


def _first(records: Iterable[Contents] | Iterable[SiteContents], step: Step) -> dict[str, str]:
    """The seed content as it was before this step; empty when nobody read it."""
    earlier = [one for one in records if one.step < step.index and not one.error and one.baseline]
    first = min((one.step for one in earlier), default=0)
    of_first = [one for one in earlier if one.step == first]
    of_first.sort(key=lambda one: not getattr(one, "primary", False))
    return of_first[0].baseline if of_first else {}


def _unread(history: History, step: Step, readings: dict[str, Contents], sites: dict[str, SiteContents]) -> list[str]:
    """Who could not be asked, a phrase each. A pod that was ending, or gone by then, need not answer."""
    found = []
    groups: tuple[tuple[str, dict[str, str]], ...] = (
        ("database", {pod: reading.error for pod, reading in readings.items()}),
        ("site", {pod: reading.error for pod, reading in sites.items()}),
    )
    for role, errors in groups:
        if not errors:
            found.append(f"no {role} pod was read")
            continue
        leaving, staying = _leaving(history, step, role, [*readings.values(), *sites.values()])
        for pod, error in sorted(errors.items()):
            if error and pod not in leaving:
                found.append(f"{pod or f'the {role} pods'} could not be read ({error})")
        found += [f"{pod} was not read" for pod in sorted(staying - errors.keys())]
        if not _first(history.of(Contents) if role == "database" else history.of(SiteContents), step):
            found.append(f"the seed content of the {role} pods was not read before this step")
    return found


def _leaving(
    history: History, step: Step, role: str, found: list[Contents | SiteContents]
) -> tuple[set[str], set[str]]:
    """The pods of a role that were ending when the pods were read, or gone when that was over; and those that stay."""
    first = facts.pods(history, role, facts.reading_time(step, found)) or {}
    last = facts.pods(history, role, max((record.at for record in found), default=step.end)) or {}
    leaving = {pod for pod, seen in first.items() if seen.terminating or pod not in last}
    return leaving, set(first) - leaving


def _vacuous(history: History, step: Step, ledger: _Ledger, was_read: bool) -> list[str]:
    """Why the comparison shows nothing (A3), a phrase each."""
    if not was_read:
        return []
    at = facts.fault(history, step)
    if at is None:
        return ["nothing was broken in this step"]
    _, after = facts.waits(history, step)
    back = min((wait.at for wait in after if wait.satisfied), default=step.end)
    found = []
    whats = {what for what, _ in ledger.tried} | _planned(history)
    if not whats:
        return ["no write was tried"]
    if not any(at <= write.start <= back for write in ledger.tried.values()):
        found.append("no write was tried between the fault and the recovery")
    for what in sorted(whats):
        acknowledged = [ledger.tried[key] for key in ledger.ok if key[0] == what]
        if not any(write.end <= at for write in acknowledged):
            found.append(f"no {what} was acknowledged before the fault")
        if not any(write.start >= at for write in acknowledged):
            found.append(f"no {what} was acknowledged after the fault")
    return found


def _planned(history: History) -> set[str]:
    workload = facts.plan(history).get("workload")
    rates = workload if isinstance(workload, dict) else {}
    return {
        what
        for what, name in (("row", "writes_per_s"), ("post", "posts_per_s"))
        if (facts.number(rates.get(name)) or 0) > 0
    }


def _advice(figures: dict[str, Any]) -> str:
    lost, everywhere = figures.get("lost") or 0, figures.get("lost_everywhere") or 0
    if lost > everywhere:
        holders = [pod for pod, number in figures["missing_on"].items() if number < lost]
        return (
            f"{words.names(holders)} still holds writes that the primary lacks: keep that volume, and recover from it"
        )
    if lost:
        return "no pod holds them: look in the clone check at what each pod's data came from"
    return "compare the pods named here with the primary before they serve readers again"
