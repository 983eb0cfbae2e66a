"""Continuity (D, R2 to R4, R8, P2, A3): is each acknowledged write still on every database pod, once, and nothing else.

All writes of the run until the step's end are held against what each pod holds then, read at its own address with the
writers stopped and replication drained. What the first reading found before anything was written belongs to the run's
baseline. What WordPress enters for an upload, its attachment, is judged as rows and posts are, its file in `uploads`.
Seed content is judged in `seed`, order and ids in `order` and `ids`.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter, not_
from typing import Any, TypeAlias

from chaos.checks import facts, findings, ids, named, order, seed, uploads, whereabouts, words
from chaos.checks.findings import Finding
from chaos.checks.named import SHOWN, Key, by_kind
from chaos.history import (
    BASELINE,
    FIRST_READING,
    Contents,
    Heartbeat,
    History,
    SiteContents,
    Step,
    VolumeSeen,
    Write,
)
from chaos.stack import dialects
from chaos.verdict import CheckResult, Verdict

NAME = "continuity"

_GROUPS = {"row": "writes", "post": "writes", uploads.WHAT: "uploads"}


_Ids: TypeAlias = dict[Key, tuple[int, ...]]
"""What a pod holds, and under which ids."""


@dataclass
class _Ledger:
    """The writes of a run: all that were tried, and those that had ended before a reading, by outcome.

    `late` were acknowledged after it had begun.
    """

    tried: dict[Key, Write]
    ok: set[Key] = field(default_factory=set)
    fail: set[Key] = field(default_factory=set)
    info: set[Key] = field(default_factory=set)
    late: set[Key] = field(default_factory=set)


@dataclass
class _Held:
    """What each pod holds, as ids by token; what some pod, and what the primary, held before the first write.

    `owed` is None where the primary could not be read in time. `lost` is filled in as that is found.
    """

    pods: dict[str, _Ids]
    before: set[Key]
    owed: set[Key] | None
    torn: dict[tuple[str, str], int]
    lost: set[Key] = field(default_factory=set)


def check(history: History, step: Step) -> CheckResult:
    """Compare the writes with the pods' contents. Lost, phantom, resurrected, duplicated, split and torn ones fail."""
    readings = facts.readings(history, step.index)
    read = {pod: reading for pod, reading in readings.items() if not reading.error and pod}
    sites = facts.site_readings(history, step.index)
    at = facts.reading_time(step, read.values())
    ledger = _ledger(history, at)
    held = _held(history, step, ledger, read)
    figures: dict[str, Any] = {
        "acknowledged": len(ledger.ok),
        "tried": len(ledger.ok) + len(ledger.fail) + len(ledger.info),
        "pods_read": sorted(read),
    }
    found = _writes(history, step, ledger, held, read, figures)
    if read:
        found += ids.rewound(history, at, ledger.tried, held.pods)
    found += seed.in_databases(history, step, read, figures) + seed.as_served(history, step, sites, figures)
    found += seed.installers(history, step, figures) + _unreadable(history, step, readings, sites)
    none_wanted = "" if readings else facts.none_wanted(history, step)
    unknown = _unread(history, step, readings, sites, databases=not none_wanted)
    if late := figures["indeterminate"]["between_readings"]:
        unknown.append(f"{words.count(late, 'write')} without an answer may have come between the readings of two pods")
    if "uploads" not in step.limits.may_stay_out:
        files = uploads.judge(history, step, seed.staying(history, step, sites))
        found += files.findings
        figures["uploads"] = files.figures
        # An upload is one write, though it has an entry and a file.
        figures["acknowledged"] += sum((named.ATTACHMENT, token) not in ledger.ok for token in files.acknowledged)
        if gone := files.figures.pop("lost_writes", None):
            figures.setdefault("lost_writes", {})[uploads.WHAT] = gone
        lost = sum((named.ATTACHMENT, token) not in held.lost for token in files.lost)
        figures["lost"] = lost + (figures["lost"] or 0) if read or files.lost else None
        unknown += files.unknown
    if read and held.owed is None:
        unknown.append("what the primary held before the run was not read")
    unknown += _vacuous(history, step, at, was_read=bool(read))
    if found:
        return findings.failed(NAME, found, figures, advice=_advice(found, figures))
    if unknown:
        return CheckResult(NAME, Verdict.UNKNOWN, "; ".join(unknown), figures)
    if none_wanted:
        return CheckResult(NAME, Verdict.PASS, none_wanted, figures)
    of_all = words.count(figures["acknowledged"], "acknowledged write")
    reason = f"all {of_all} and the seed content are on {words.names(read)}"
    return CheckResult(NAME, Verdict.PASS, reason, figures)


def _ledger(history: History, until: float) -> _Ledger:
    """A write that ended after the reading had begun promises nothing of what was read; it was only tried."""
    first, again = _attempts(history)
    ledger = _Ledger(dict(first) if again else first)
    for key, write in again:
        known = ledger.tried[key]
        if known.outcome != "ok" or not known.end <= until:
            ledger.tried[key] = write
    of_outcome = {"ok": ledger.ok, "fail": ledger.fail}
    for key, write in itertools.chain(first.items(), again):
        if write.end <= until:
            of_outcome.get(write.outcome, ledger.info).add(key)
        elif write.outcome == "ok":
            ledger.late.add(key)
    ledger.info -= ledger.ok
    ledger.fail -= ledger.ok
    ledger.fail -= ledger.info
    ledger.late -= ledger.ok
    return ledger


@lru_cache(maxsize=1)
def _attempts(history: History) -> tuple[dict[Key, Write], list[tuple[Key, Write]]]:
    """The first attempt at each write, and those that bear the token of an earlier one: in a run there are none."""
    first: dict[Key, Write] = {}
    again = []
    entered = dict(named.ENTERED)
    if all(reading.uploads is None for reading in history.of(Contents)):
        del entered[uploads.WHAT]
    for write in itertools.chain(history.of(Write), (beat.write for beat in history.of(Heartbeat))):
        if (kind := entered.get(write.what)) is not None:
            key = (kind, write.token)
            if first.setdefault(key, write) is not write:
                again.append((key, write))
    return first, again


def _held(history: History, step: Step, ledger: _Ledger, read: dict[str, Contents]) -> _Held:
    first = [one for one in facts.readings(history, FIRST_READING).values() if not one.error]
    before = {key for one in first for key, _ in _entries(one)}
    held = _Held({}, before, _owed(history, step, ledger), {})
    for pod, reading in read.items():
        same = next((one for one in held.pods if _same(read[one], reading)), None)
        held.pods[pod] = _ids(reading) if same is None else held.pods[same]
        for what, found in _lists(reading):
            torn = sum(map(not_, map(itemgetter(1), found))) if same is None else held.torn.get((same, what), 0)
            if torn:
                held.torn[pod, what] = torn
    return held


def _lists(reading: Contents) -> tuple[tuple[str, tuple[tuple[int, str], ...]], ...]:
    return (("row", reading.rows), ("post", reading.posts), (named.ATTACHMENT, reading.uploads or ()))


def _begins_with(reading: Contents, earlier: Contents) -> bool:
    pairs = zip(_lists(reading), _lists(earlier), strict=True)
    return all(now[: len(then)] == then for (_, now), (_, then) in pairs)


def _same(one: Contents, other: Contents) -> bool:
    return _lists(one) == _lists(other)


def _ids(reading: Contents) -> _Ids:
    found: _Ids = {}
    for what, entries in _lists(reading):
        found.update(_once_each(what, entries))
    if len(found) == sum(len(entries) for _, entries in _lists(reading)) and all(map(itemgetter(1), found)):
        return found
    found = {}
    for key, number in _entries(reading):
        if key not in found and key[1]:
            found[key] = (number,)
        elif key[1] and number not in found[key]:
            found[key] += (number,)
    return found


def _once_each(what: str, found: Sequence[tuple[int, str]]) -> Iterable[tuple[Key, tuple[int]]]:
    """Each entry as if it were the only one of its token. A pod holds very many, and this runs no line for each."""
    return zip(zip(itertools.repeat(what), map(itemgetter(1), found)), zip(map(itemgetter(0), found)), strict=True)


def _different(pods: Mapping[str, _Ids]) -> list[_Ids]:
    """What pods hold, once where several hold the same: then they share it, see `_held`."""
    return list({id(found): found for found in pods.values()}.values())


def _owed(history: History, step: Step, ledger: _Ledger) -> set[Key] | None:
    """What the primary held before the run; by the baseline's reading where it could not be read before that."""
    for index in (FIRST_READING, BASELINE):
        of_primary = [one for one in facts.readings(history, index).values() if one.primary and not one.error]
        if of_primary and index < step.index:
            return {key for one in of_primary for key, _ in _entries(one) if key[1]}.difference(ledger.tried)
    return None if any(one.error for one in facts.readings(history, FIRST_READING).values()) else set()


def _entries(reading: Contents) -> Iterable[tuple[Key, int]]:
    for what, found in _lists(reading):
        for number, token in found:
            yield (what, token), number


def _writes(
    history: History, step: Step, ledger: _Ledger, held: _Held, read: dict[str, Contents], figures: dict[str, Any]
) -> list[Finding]:
    """What was found of writes; the figures of all of it are filled in."""
    pods = held.pods
    different = _different(pods)
    unanswered = _on_some(ledger.info, different)
    everywhere = {key for key in unanswered if all(key in found for found in different)}
    differing = unanswered - everywhere
    late = {key for key in differing if _came_between(key, pods, read)}
    split = differing - late
    of_each = {id(found): ids.odd(ledger.tried, ledger.late, found) for found in different}
    odd = {pod: of_each[id(found)] for pod, found in pods.items()}
    duplicated = _duplicated(different, of_each.values(), ledger.tried.keys())
    resurrected = _on_some(ledger.fail - held.before, different)
    sayings: tuple[tuple[str, str, set[Key], str], ...] = (
        ("phantom", "phantom", _phantom(history, ledger, of_each.values()) - held.before, "that nobody tried"),
        ("resurrected", "resurrected", resurrected, "that had failed"),
        ("duplicated", "duplicated", duplicated - held.before, "under two ids"),
        ("split", "differing", split, "without an answer on some pods and not on others"),
    )
    figures["indeterminate"] = {
        "tried": len(ledger.info),
        "present": len(everywhere),
        "absent": len(ledger.info) - len(unanswered) if pods else 0,
        "differing": len(split),
        "between_readings": len(late),
    }
    lacking = {id(found): _lacking(ledger, found, of_each[id(found)]) for found in different}
    missing = {pod: lacking[id(found)] for pod, found in pods.items()}
    found = _lost(history, step, ledger, held, missing, read, figures)
    for key, name, every, saying in sayings:
        if name != "differing":
            figures[name] = len(every)
        if every:
            figures[f"{name}_tokens"] = [f"{what} {token}" for what, token in sorted(every)[:SHOWN]]
        for what, some in by_kind(every).items():
            text = f"there {words.are(len(some))} {words.count(len(some), what)} {saying}"
            if name == "duplicated":
                # Whoever wrote it for the client may have tried again when no answer came.
                text += f", {words.how_many(len(some & ledger.info), len(some))} of them without an answer"
            found.append(Finding(f"{key}-{what}", text, items=named.items(some, ledger.tried, pods)))
    found += ids.reassigned(ledger.tried, ledger.ok, pods, odd, duplicated)
    told = ledger.ok | held.owed if held.owed else ledger.ok
    found += order.vanished(ledger.tried, _seen_before(history, step, ledger, read), pods, told)
    figures["torn"] = sum(held.torn.values())
    for (pod, what), number in sorted(held.torn.items()):
        entries = {each: dict(_lists(one))[what] for each, one in read.items()}
        items = named.torn(what, pod, entries, (ledger.tried[key] for key in ledger.ok))
        text = f"{words.count(number, what)} of {pod} can't be read whole"
        found.append(Finding(f"torn-{what}:{pod}", text, items=items))
    return found


def _on_some(these: Iterable[Key], different: Sequence[_Ids]) -> set[Key]:
    """Those of these writes that some pod holds."""
    return {key for key in these if any(key in held for held in different)}


def _phantom(history: History, ledger: _Ledger, odd: Iterable[_Ids]) -> set[Key]:
    """What is there and was never tried; on a borrowed stack others write as well, so only what bears our name."""
    found = {key for some in odd for key in some if key not in ledger.tried}
    if not facts.borrowed(history):
        return found
    ours = {token.partition("-")[0] for _, token in ledger.tried}
    return {key for key in found if key[1].partition("-")[0] in ours}


def _came_between(key: Key, pods: dict[str, _Ids], read: dict[str, Contents]) -> bool:
    """Whether each pod that lacks a write was read at an earlier position than each that holds it."""
    holding = [read[pod].gtid or "" for pod, held in pods.items() if key in held]
    lacking = [read[pod].gtid or "" for pod, held in pods.items() if key not in held]
    return all(dialects.moved_on(early, later) for early in lacking for later in holding)


def _seen_before(history: History, step: Step, ledger: _Ledger, read: dict[str, Contents]) -> dict[str, set[Key]]:
    """What each pod held when it was last read before this step; on a borrowed stack of the run's own writes only.

    Without the pods whose data was made anew since: that is judged by `clone`. And without those that hold all of it
    still, as nearly all do.
    """
    earlier = (one for one in history.of(Contents) if one.step < step.index and one.pod and not one.error)
    last = {one.pod: one for one in sorted(earlier, key=lambda one: one.step)}
    looks = [one for one in history.of(VolumeSeen) if one.step <= step.index and not one.error]
    now = {one.pod: (one.claim_uid, one.born) for one in looks}
    then = {one.pod: (one.claim_uid, one.born) for one in looks if one.pod in last and one.step <= last[one.pod].step}
    found = {
        pod: {key for key, _ in _entries(one)}
        for pod, one in last.items()
        if (pod not in then or then[pod] == now[pod]) and pod in read and not _begins_with(read[pod], one)
    }
    if facts.borrowed(history):
        return {pod: keys & ledger.tried.keys() for pod, keys in found.items()}
    return found


def _duplicated(different: Sequence[_Ids], odd: Iterable[_Ids], tried: Collection[Key]) -> set[Key]:
    found = {key for some in odd for key, numbers in some.items() if len(numbers) > 1}
    if len(different) > 1:
        seen: _Ids = {}
        found |= {
            key for held in different for key, numbers in held.items() if seen.setdefault(key, numbers) != numbers
        }
    return {key for key in found if key in tried}


def _lacking(ledger: _Ledger, held: _Ids, odd: _Ids) -> set[Key]:
    """The acknowledged writes that a pod does not hold: none where it holds as many as there are, as nearly all do."""
    holds = len(held) - sum(key not in ledger.ok for key in odd)
    return ledger.ok.difference(held) if holds < len(ledger.ok) else set()


def _lost(
    history: History,
    step: Step,
    ledger: _Ledger,
    held: _Held,
    missing: dict[str, set[Key]],
    read: dict[str, Contents],
    figures: dict[str, Any],
) -> list[Finding]:
    """Lost = the primary lacks it; where no primary could be read, all pods that could be lack it."""
    pods = held.pods
    everywhere: set[Key] = set.intersection(*missing.values()) if missing else set()
    held.lost = lost = _lost_of(missing, read)
    anywhere: set[Key] = set().union(*missing.values()) if missing else set()
    owed = held.owed or set()
    older = {pod: gone for pod, found in pods.items() if (gone := owed.difference(found))}
    figures.update(
        lost=len(lost) if pods else None,
        lost_everywhere=len(everywhere) if pods else None,
        missing_on={pod: len(found) for pod, found in sorted(missing.items())},
        lost_held_by=sorted(pod for pod, found in missing.items() if lost - found),
        older_missing_on={pod: len(found) for pod, found in older.items()},
    )
    found = []
    if anywhere:
        first = sorted((ledger.tried[key] for key in (lost or anywhere)), key=lambda write: write.end)
        figures.update(
            lost_tokens=[f"{write.what} {write.token}" for write in first[:SHOWN]],
            lost_ids=[f"{write.what} {write.key}" for write in first[:SHOWN] if write.key is not None],
            lost_acknowledged_first_s=first[0].end,
            lost_acknowledged_last_s=first[-1].end,
        )
        if lost:
            figures["lost_writes"] = {
                what: named.whole(ledger.tried[key] for key in some) for what, some in by_kind(lost).items()
            }
            figures["lost_still_on"] = whereabouts.of(lost, ledger.tried, pods)
            figures["lost_ids_shared"] = whereabouts.shared_ids(lost, _different(pods))
        found = _losses(history, step, ledger, held, missing, lost, everywhere, figures)
    for pod, gone in sorted(older.items()):
        for what, some in by_kind(gone).items():
            text = f"{words.count(len(some), what)} from before the run {words.are(len(some))} gone from {pod}"
            found.append(Finding(f"older-{what}:{pod}", text, items=named.items(some, ledger.tried, pods)))
    return found


def _lost_of(missing: dict[str, set[Key]], read: dict[str, Contents]) -> set[Key]:
    primaries = [missing[pod] for pod, reading in read.items() if reading.primary]
    if primaries:
        return set().union(*primaries)
    return set.intersection(*missing.values()) if missing else set()


def _losses(
    history: History,
    step: Step,
    ledger: _Ledger,
    held: _Held,
    missing: dict[str, set[Key]],
    lost: set[Key],
    everywhere: set[Key],
    figures: dict[str, Any],
) -> list[Finding]:
    """What is lost, and what only replicas lack, each kind for itself.

    What an earlier reading had seen and is gone is new, whatever the baseline had lost already.
    """
    earlier = _Earlier.of(history, step)
    all_of, lost_of = by_kind(ledger.ok), by_kind(lost)
    if earlier.lost is not None:
        figures["lost_before"] = len(lost & earlier.lost)
    found = []
    for what, some in lost_of.items():
        text = f"{len(some)} of {words.count(len(all_of[what]), f'acknowledged {what}')} {words.were(len(some))} lost"
        if earlier.lost is not None:
            text += f", {words.how_many(len(some & earlier.lost), len(some))} of them missing before the first fault"
        text += f", {words.how_many(len(some & everywhere), len(some))} of them gone from every pod"
        items = named.items(some, ledger.tried, held.pods)
        found.append(Finding(f"lost-{what}", text, earlier.unless_new(some, earlier.on_primary), items=items))
    for pod, lacks in sorted(missing.items()):
        for what, some in by_kind(lacks - lost).items():
            of_all = words.count(len(all_of[what]), f"acknowledged {what}")
            text = f"{len(some)} of {of_all} {words.are(len(some))} missing on {pod}, though not lost"
            new = some & earlier.on.get(pod, set())
            items = named.items(some, ledger.tried, held.pods)
            found.append(Finding(f"missing-{what}:{pod}", text, False if new else None, items=items))
    of_replicas = {pod: lacks - lost for pod, lacks in missing.items()}
    return found + order.holes(ledger.tried, ledger.ok, of_replicas, held.pods)


@dataclass
class _Earlier:
    """What earlier readings of the run had seen on the primary and on each pod; what the baseline's had not found.

    `lost` is None for a run that has no baseline, and in the baseline itself.
    """

    on_primary: set[Key] = field(default_factory=set)
    on: dict[str, set[Key]] = field(default_factory=dict)
    lost: set[Key] | None = None

    @classmethod
    def of(cls, history: History, step: Step) -> _Earlier:
        found = cls()
        for reading in history.of(Contents):
            if reading.error or reading.step >= step.index:
                continue
            there = {key for key, _ in _entries(reading)}
            found.on.setdefault(reading.pod, set()).update(there)
            if reading.primary:
                found.on_primary |= there
        read = {pod: one for pod, one in facts.readings(history, BASELINE).items() if not one.error and pod}
        if read and step.index != BASELINE:
            ledger = _ledger(history, min(one.at for one in read.values()))
            found.lost = _lost_of({p: ledger.ok - {key for key, _ in _entries(one)} for p, one in read.items()}, read)
        return found

    def unless_new(self, lost: set[Key], seen: set[Key]) -> bool | None:
        """False for a loss that is new: of what had been seen, or of nothing that the baseline had lost already."""
        return False if lost & seen or (self.lost is not None and not lost & self.lost) else None


def _unreadable(
    history: History, step: Step, readings: dict[str, Contents], sites: dict[str, SiteContents]
) -> list[Finding]:
    """Pods that answered, but whose server can't read its own tables. One that was ending need not be whole."""
    leaving, _ = facts.leaving(history, step, "database", [*readings.values(), *sites.values()])
    return [
        Finding(f"unreadable:{pod}", f"{pod} has tables that its own server can't read ({reading.error})")
        for pod, reading in sorted(readings.items())
        if reading.broken and pod not in leaving
    ]


def _unread(
    history: History, step: Step, readings: dict[str, Contents], sites: dict[str, SiteContents], *, databases: bool
) -> list[str]:
    """Who could not be asked, a phrase each. A pod that was ending, or gone by then, need not answer."""
    found = []
    groups: list[tuple[str, dict[str, str]]] = []
    if databases:
        groups.append(("database", {pod: "" if one.broken else one.error for pod, one in readings.items()}))
    if "reads" not in step.limits.may_stay_out:
        seeds = seed.first(history.of(SiteContents), step).keys() - {seed.PICTURE}
        partly = "uploads" in step.limits.may_stay_out
        groups.append(
            ("site", {p: "" if partly and seeds <= one.baseline.keys() else one.error for p, one in sites.items()})
        )
    for role, errors in groups:
        if not errors:
            found.append(f"no {role} pod was read")
            continue
        leaving, staying = facts.leaving(history, step, role, [*readings.values(), *sites.values()])
        if not errors.keys() - leaving:
            found.append(f"no {role} pod that stays was read")
        for pod, error in sorted(errors.items()):
            if error and pod not in leaving:
                found.append(f"{pod or f'the {role} pods'} could not be read ({error})")
        found += [f"{pod} was not read" for pod in sorted(staying - errors.keys())]
        reference = seed.first(history.of(Contents) if role == "database" else history.of(SiteContents), step)
        names = seed.unread(reference, step)
        if not reference or names:
            what = f" ({words.names(names)})" if names else ""
            found.append(f"the seed content of the {role} pods{what} was not read before {facts.this(step)}")
        if role == "site" and seed.nobody_signed_in(history, step, sites):
            found.append("nobody could sign in, so no pod was shown a login cookie")
    return found


def _vacuous(history: History, step: Step, until: float, *, was_read: bool) -> list[str]:
    """Why the comparison shows nothing (A3), a phrase each."""
    if not was_read:
        return []
    at, quiet = facts.fault(history, step), facts.quiet(step)
    if at is None and not quiet:
        return ["nothing was broken in this step"]
    writes = facts.writes(history)
    whats = writes.keys() | _planned(history)
    if not whats:
        return ["no write was tried"]
    _, after = facts.waits(history, step)
    back = max((wait.at for wait in after if wait.satisfied), default=step.end)
    found = []
    # The latest first: there is nearly always one of these near the end, and a run has very many.
    if (
        not quiet
        and at is not None
        and not any(at <= write.start <= back for tried in writes.values() for write in reversed(tried))
    ):
        found.append("no write was tried between the fault and the recovery")
    for what in sorted(whats):
        tried = writes.get(what, [])
        excused = _GROUPS.get(what, "writes") in step.limits.may_stay_out
        if at is None or quiet:
            since = facts.since(step)
            if not excused and not any(write.start >= since for write in _acknowledged(reversed(tried), until)):
                found.append(f"no {what} was acknowledged {facts.where(step)}")
            continue
        if not any(write.end <= at for write in _acknowledged(tried, until)):
            found.append(f"no {what} was acknowledged before the fault")
        if not excused and not any(write.start >= at for write in _acknowledged(reversed(tried), until)):
            found.append(f"no {what} was acknowledged after the fault")
    return found


def _acknowledged(tried: Iterable[Write], until: float) -> Iterator[Write]:
    return (write for write in tried if write.outcome == "ok" and write.end <= until)


def _planned(history: History) -> set[str]:
    workload = facts.plan(history).get("workload")
    rates = workload if isinstance(workload, dict) else {}
    return {
        what
        for what, name in (("row", "writes_per_s"), ("post", "posts_per_s"), (uploads.WHAT, "uploads_per_s"))
        if (facts.number(rates.get(name)) or 0) > 0
    }


def _advice(found: Iterable[Finding], figures: dict[str, Any]) -> str:
    lost = figures.get("lost_still_on", ())
    if any(one["on"] for one in lost):
        return whereabouts.advice(lost, figures["lost_ids_shared"])
    if lost:
        return "no pod holds them: look in the clone check at what each pod's data came from"
    of_site = {f"{key}:site" for key in ("seed", "picture", "session", "upload-missing")}
    of_site |= {f"{key}-upload" for key in ("lost", "resurrected", "split")}
    if all(one.key in of_site for one in found):
        return "look at what the site pods named here have mounted, and which database they read"
    return "compare the pods named here with the primary before they serve readers again"
