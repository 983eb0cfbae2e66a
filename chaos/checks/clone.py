"""Clone (C1 to C6, P1): on which data did each database pod come back - its own, a clone, or none at all.

What each pod stood on before the fault is held against what it stands on after it: the claim and its volume, the data
folder's birth, and the provenance that a clone leaves beside the data. So are the looks between two steps, and the one
after the last. On a stack that keeps no provenance, what the
pod holds tells. Evidence that contradicts itself is `unknown`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from chaos.checks import effect, facts, findings, lineage, named, words
from chaos.checks.findings import Finding
from chaos.checks.lineage import Origin
from chaos.history import (
    BASELINE,
    ActionBegun,
    Contents,
    History,
    PodSeen,
    ReplicaSeen,
    Step,
    VolumeSeen,
    Write,
)
from chaos.stack import dialects
from chaos.verdict import CheckResult, Verdict

NAME = "clone"

RESUME, RE_CLONE, BOOTSTRAP, UNKNOWN = "resume", "re-clone", "bootstrap", "unknown"

FILLED = "filled"
"""On a stack that keeps no provenance: data that is all there, by a clone or by a replay of the primary's whole log."""

TAKES_VOLUMES = "delete-volume"
"""The one action after which a claim may be another; with every other each should still be the one from before."""

KILLS = "kill-process"
"""The action after which a pod is the same and its processes are not."""

XTRABACKUP = "xtrabackup"
"""The kind of a provenance that is made up of what xtrabackup leaves: it need not have times."""

_LOST_MARK = "lacks the mark that its data bore when it was last looked at: it is other data"

SKEW_S = 5.0
"""Nodes' clocks, which a clone's times are from, may differ by so many seconds from the tool's."""


@dataclass
class _Pod:
    """How one pod came back: what decided it, and whether its data is surely not the data from before.

    `aimed` = its claim was deleted by the run, so it has to be cloned anew. `outside` says when it was, where it was
    not within the step. `unproven` are reasons why it need not be as it is held to be.
    """

    how: str
    why: str
    replaced: bool
    renewed: bool = False
    swapped: bool = False
    aimed: bool = False
    wrong_donor: bool = False
    marked_otherwise: str = ""
    outside: str = ""
    breaks: str = ""
    unproven: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Window:
    """Between which two moments a pod came back, and what that stretch is called."""

    since: float
    until: float
    called: str


def check(history: History, step: Step) -> CheckResult:
    """Tell resume, re-clone and an empty start apart for each pod that was replaced, and hold them to the limit."""
    figures: dict[str, Any] = {"expected": step.limits.clone, "pods": {}}
    if step.index == BASELINE:
        return CheckResult(NAME, Verdict.PASS, "nothing was to be replaced", figures)
    volumes = history.of(VolumeSeen)
    now = {one.pod: one for one in volumes if one.step == step.index and one.when == "after" and one.pod}
    if not now and (none_wanted := facts.none_wanted(history, step)):
        return CheckResult(NAME, Verdict.PASS, none_wanted, figures)
    before = {one.pod: one for one in volumes if _is_before(one, step)}
    uids = {pod: one.uid for pod, one in (facts.pods(history, "database", step.end) or {}).items()}
    deleted = _deleted(history, step)
    found = {pod: _pod(history, step, before.get(pod), now.get(pod), deleted) for pod in sorted(now)}
    touched = {pod: one for pod, one in found.items() if one is not None}
    for pod in _killed(history, step) & found.keys() - touched.keys():
        touched[pod] = _Pod(RESUME, "started again on its own data", replaced=True)
    for pod in sorted(uids.keys() - now.keys()):
        if pod not in before or before[pod].pod_uid != uids[pod]:
            touched[pod] = _Pod(UNKNOWN, "nobody looked at its volume after the fault", replaced=True)
    origins = {pod: lineage.origin(history, step, one) for pod, one in now.items()}
    for pod, one in touched.items():
        _by_marks(pod, one, origins)
        if step.limits.clone is not None and one.how in (RESUME, RE_CLONE, FILLED) and pod in now:
            source = str(one.figures.get("donor", "")) if one.how == RE_CLONE else pod
            one.unproven += filter(None, [lineage.unproven(history, step, now[pod], source)])
    failed = [
        Finding(f"lineage:{pod}", f"{pod} {problem}", invariant=_broken(history, step, pod, origins, kept=True))
        for pod in sorted(found.keys() - touched.keys())
        if (problem := lineage.contradiction(pod, origins, kept=True, donor=""))
    ]
    figures["pods"] = {pod: {"how": one.how, "why": one.why} | one.figures for pod, one in touched.items()}
    if touched:
        figures["how"] = ", ".join(sorted({one.how for one in touched.values()}))
    outside = _outside(history, step, deleted)
    if outside:
        figures["outside"] = [{"pod": p, "when": one.outside, "how": one.how, "why": one.why} for p, one in outside]
    every = [*outside, *touched.items()]
    for pod, one in every:
        one.breaks = _broken(history, step, pod, {} if one.outside else origins, kept=one.how != RE_CLONE)
    failed += _unsound(history, step, touched)
    outside_limit = _limit_outside(history, step)
    return _result(step, outside_limit, every, failed, figures, looked=bool(now), any_deleted=bool(deleted))


def _limit_outside(history: History, step: Step) -> str | None:
    """What pods have to do before this step; after the last one, which ended in what is put back, as it wanted it."""
    of_plan = [one for one in history.steps if one.of_plan and one.index <= step.index]
    return max(of_plan, key=lambda one: one.index).limits.clone if of_plan else None


def _broken(history: History, step: Step, pod: str, origins: Mapping[str, Origin | None], *, kept: bool) -> str:
    """Which invariant other data than what a pod should have breaks: of the primary P1, of an old copy C2."""
    there = (facts.pods(history, "database", step.end) or {}).get(pod)
    reading = facts.readings(history, step.index).get(pod)
    if kept and ((there is not None and there.role.endswith("/primary")) or (reading is not None and reading.primary)):
        return "P1"
    origin = origins.get(pod)
    old = origin is not None and (origin.how == lineage.STALE or not origin.fresh)
    return "C2" if old and not kept else ""


def _unsound(history: History, step: Step, touched: Mapping[str, _Pod]) -> list[Finding]:
    """C4, C5: pods that were cloned at a position that the primary never had, or that hold half of their donor's."""
    answers = facts.readings(history, step.index)
    readings = {pod: one for pod, one in answers.items() if not one.error and pod}
    primary = next((one for one in readings.values() if one.primary), None)
    seen = {one.name for one in history.of(PodSeen)} | {one.pod for one in history.of(VolumeSeen)}
    found = []
    for pod, one in touched.items():
        donor = str(one.figures.get("donor", ""))
        if one.how == RE_CLONE and donor not in seen:
            one.unproven.append(f"no pod of this stack is called {donor}")
        if one.how == RE_CLONE and pod in answers and answers[pod].broken:
            found.append(Finding(f"incomplete:{pod}", f"{pod} was cloned anew, and has tables that it can't read"))
        if one.how != RE_CLONE or pod not in readings:
            continue
        position = str(one.figures.get("gtid", ""))
        known = _position(history, step, primary) if primary is not None else ""
        # A place in a replica's own log says nothing of the primary's, though both may be called the same.
        if position and primary is not None and (donor == primary.pod or not dialects.is_place(position)):
            had = dialects.reached(known, position)
            if had is None:
                one.unproven.append(
                    f"whether the primary, at {known or 'no known position'}, ever had {position} is open"
                )
            elif not had:
                text = f"{pod} was cloned at position {position}, which the primary, at {known}, never had"
                found.append(Finding(f"coordinates:{pod}", text))
        at = one.figures.get("began_s", facts.fault(history, step))
        writes = {
            (w.what, w.token): w
            for w in history.of(Write)
            if at is not None and w.outcome == "ok" and w.end < at and w.what in ("row", "post")
        }
        held = {name: facts.held(reading) for name, reading in readings.items()}
        lacks = (writes.keys() & _source(donor, held, touched)) - held[pod]
        if lacks:
            text = (
                f"{pod} was cloned anew, and lacks {len(lacks)} of {words.count(len(writes), 'write')} from before that"
            )
            found.append(Finding(f"incomplete:{pod}", text, items=named.items(lacks, writes, held)))
    return found


def _source(donor: str, held: Mapping[str, set[named.Key]], touched: Mapping[str, _Pod]) -> set[named.Key]:
    """What there was to be cloned: what the donor holds, or where that is not known what all others hold.

    What lies on some other pod alone was not the donor's to give. A pod that was cloned as well shows nothing.
    """
    others = [pod for pod in held if pod not in touched or touched[pod].how != RE_CLONE]
    sources = [donor] if donor in others else others
    return set[named.Key].intersection(*(held[pod] for pod in sources)) if sources else set()


def _position(history: History, step: Step, primary: Contents) -> str:
    """Where the primary was when it was read; without a word of that where it was last seen to be in the step."""
    if primary.gtid:
        return primary.gtid
    looks = [one.gtid for one in history.of(ReplicaSeen) if one.pod == primary.pod and step.begin <= one.at <= step.end]
    return next(filter(None, reversed(looks)), "")


def _outside(history: History, step: Step, deleted: dict[str, float]) -> list[tuple[str, _Pod]]:
    """The pods whose data became another outside of all steps: before this one's first look.

    Nothing was to happen to them then. What was put back at the end of the run was no more than what steps took.
    """
    looks = [one for one in history.of(VolumeSeen) if one.pod]
    earlier = {one.pod: one for one in looks if one.step < step.index and not one.error}
    before = {one.pod: one for one in looks if (one.step, one.when) == (step.index, "before") and not one.error}
    when = "before this step's fault" if step.of_plan else "after the last step"
    found = [
        (pod, _came_about(history, step, earlier[pod], look, deleted, when))
        for pod, look in sorted(before.items())
        if pod in earlier
    ]
    # Runs of before there was an end looked once more at its last step.
    within = earlier | {one.pod: one for one in looks if one.step == step.index and one.when != "end" and not one.error}
    found += [
        (one.pod, _came_about(history, step, within[one.pod], one, deleted, "after the last step"))
        for one in sorted(looks, key=attrgetter("pod"))
        if (one.step, one.when) == (step.index, "end") and one.pod in within
    ]
    return [(pod, one) for pod, one in found if one is not None]


def _came_about(
    history: History, step: Step, earlier: VolumeSeen, look: VolumeSeen, deleted: dict[str, float], when: str
) -> _Pod | None:
    """How a pod's data came to be another between two looks of which no step's fault lies between."""
    one = _pod(history, step, earlier, look, deleted, _Window(earlier.at, look.at, when))
    kept = lineage.kept(earlier, look)
    if one is None or one.how == RESUME:
        lost = _Pod(RESUME, _LOST_MARK, replaced=False, marked_otherwise=_LOST_MARK, outside=when)
        return lost if kept is False else None
    if one.how == UNKNOWN and kept and not one.renewed:
        return None
    one.replaced, one.outside = False, when
    return one


def _by_marks(pod: str, one: _Pod, origins: Mapping[str, Origin | None]) -> None:
    """Hold what is known of a pod against the marks in its data; where nothing else tells, they do."""
    origin = origins.get(pod)
    if origin is None:
        return
    one.figures["data_of"] = {lineage.OWN: pod, lineage.COPY: origin.donor}.get(origin.how, "")
    if one.how == UNKNOWN and origin.how == lineage.OWN and not one.renewed:
        one.how, one.why = RESUME, "resumed on its own data, which bears its mark from before the fault"
    elif one.how in (UNKNOWN, FILLED) and origin.how == lineage.COPY and origin.fresh and not one.wrong_donor:
        one.how, one.why = (
            RE_CLONE,
            f"was cloned anew: its data bears the mark that was written to {origin.donor} alone",
        )
        one.figures["donor"] = origin.donor
    if one.how in (RESUME, RE_CLONE):
        donor = str(one.figures.get("donor", ""))
        one.marked_otherwise = lineage.contradiction(pod, origins, kept=one.how == RESUME, donor=donor)


def _deleted(history: History, step: Step) -> dict[str, float]:
    """When the run last deleted a claim, until the step's end, by its name."""
    return {
        name.partition("/")[2]: action.at
        for action in history.of(ActionBegun)
        for name in action.objects
        if action.action == TAKES_VOLUMES and action.at <= step.end and name.partition("/")[0] == effect.CLAIM
    }


def _killed(history: History, step: Step) -> set[str]:
    """The pods of which a process was killed, and which stay: what starts again stands on the same data."""
    objects = [name for one in history.of(ActionBegun, step=step.index) if one.action == KILLS for name in one.objects]
    return {name.split("/")[1] for name in objects if name.startswith("pod/")}


def _is_before(one: VolumeSeen, step: Step) -> bool:
    """The last look before the step's fault; for a pod that was not there then, one at the end of an earlier step."""
    return (
        bool(one.pod) and not one.error and (one.step < step.index or (one.step == step.index and one.when == "before"))
    )


def _result(
    step: Step,
    outside_limit: str | None,
    touched: Sequence[tuple[str, _Pod]],
    failed: list[Finding],
    figures: dict[str, Any],
    *,
    looked: bool,
    any_deleted: bool,
) -> CheckResult:
    unknown: list[str] = []
    limit = step.limits.clone
    for pod, one in touched:
        called = f"{one.outside} {pod}".strip()
        wanted = outside_limit if one.outside else limit
        if (finding := _finding(pod, called, one, wanted, any_deleted=any_deleted)) is not None:
            failed.append(finding)
        elif one.how == RESUME and one.aimed:
            unknown.append(f"{called} resumed on the claim that was to be deleted")
        elif one.how == UNKNOWN or (one.how == FILLED and limit == RE_CLONE):
            unknown.append(f"{called} {one.why}")
        elif one.unproven:
            unknown.append(f"{called} {one.why}, but {', and '.join(one.unproven)}")
    replaced = [one.how for _, one in touched if one.replaced]
    if not looked:
        unknown.append("nobody looked at the database pods' volumes after the fault")
    elif limit is not None and not replaced:
        unknown.append(f"no database pod was replaced, so there was nothing to {limit}")
    elif limit == RE_CLONE and not unknown and RE_CLONE not in replaced:
        unknown.append("no database pod was cloned anew")
    if failed:
        advice = "look at the log of the pod's database container, which cloned it, and at who deleted its claim"
        return findings.failed(NAME, failed, figures, advice=advice)
    if unknown:
        return CheckResult(NAME, Verdict.UNKNOWN, "; ".join(unknown), figures)
    reason = "; ".join(f"{one.outside} {pod} {one.why}".strip() for pod, one in touched)
    reason = reason or "no database pod was replaced"
    return CheckResult(NAME, Verdict.PASS, reason, figures)


def _finding(pod: str, called: str, one: _Pod, limit: str | None, *, any_deleted: bool) -> Finding | None:
    """What is wrong with how a pod came back, if anything is."""
    if one.how == BOOTSTRAP:
        return Finding(f"empty:{pod}", f"{called} started empty ({one.why})", invariant=one.breaks)
    if one.marked_otherwise:
        return Finding(f"lineage:{pod}", f"{called} {one.marked_otherwise}", invariant=one.breaks)
    if limit == RESUME and (one.how == RE_CLONE or one.renewed) and not (one.outside and one.aimed):
        return Finding(f"not-resumed:{pod}", f"{called} was to resume, but {one.why}", invariant=one.breaks)
    if one.wrong_donor:
        return Finding(f"donor:{pod}", f"{called} {one.why}")
    # Where the run deleted claims, it is their pods that have to be cloned; others come back as they like.
    if one.how == RESUME and one.replaced and limit == RE_CLONE and not any_deleted:
        return Finding(f"not-cloned:{pod}", f"{pod} was to be cloned anew, but {one.why}")
    return None


def _pod(
    history: History,
    step: Step,
    before: VolumeSeen | None,
    after: VolumeSeen | None,
    deleted: dict[str, float],
    outside: _Window | None = None,
) -> _Pod | None:
    """How one pod came back, within the step or `outside` of it; None for one that nothing happened to."""
    if after is None or after.error:
        error = after.error if after else "no look"
        return _Pod(UNKNOWN, f"could not be looked at{'' if outside else ' after the fault'} ({error})", replaced=True)
    clone = _Clone.of(history, after)
    window = outside or _Window(step.begin, step.end, "in this step")
    if before is None:
        return _newcomer(window, after, clone)
    replaced = before.pod_uid != after.pod_uid
    changes = _changes(before, after)
    aimed = before.at < deleted.get(after.claim, -math.inf) <= after.at
    if not replaced and not changes and not aimed:
        return None
    one = _came_back(window, before, after, clone, changes)
    one.replaced, one.aimed = replaced, aimed
    volume = [what for what in changes if what in ("claim", "volume")]
    one.swapped = bool(volume) and not aimed
    one.renewed = bool(set(changes) & {"claim", "volume", "data folder"})
    if one.how == UNKNOWN and one.renewed and before.provenance is None and after.provenance is None:
        at = facts.fault(history, step) if outside is None else outside.since
        _by_contents(history, step, one, after.pod, at)
    one.figures = {
        "changed": changes,
        "claim": after.claim,
        "born_before": before.born,
        "born": after.born,
    } | clone.figures()
    if one.swapped:
        one.figures["swapped"] = True
        who = "no step did" if outside else f"{step.action} does not do"
        one.why += f"; its {' and '.join(volume)} were replaced, which {who}: somebody else did"
    return one


def _by_contents(history: History, step: Step, one: _Pod, pod: str, at: float | None) -> None:
    """Tell by what the pod holds, where the stack keeps no word of where data came from.

    What was acknowledged before `at`, when the volume was still the old one, can't have been written to the new one by
    a client. A pod that started empty and was sent the primary's whole log holds it as well as one that was cloned.
    """
    reading = facts.readings(history, step.index).get(pod)
    if at is None or reading is None or reading.error:
        return
    written = history.of(Write)
    earlier = {(w.what, w.token) for w in written if w.outcome == "ok" and w.end < at and w.what in ("row", "post")}
    held = facts.held(reading)
    if not earlier:
        return
    if earlier & held:
        one.how = FILLED
        one.why = "got its data anew, by a clone or by the primary's whole log: nothing on its new volume tells which"
    else:
        one.how, one.why = BOOTSTRAP, "on a new volume it holds nothing of what was written before"


def _changes(before: VolumeSeen, after: VolumeSeen) -> list[str]:
    """What is certainly not the same any more."""
    pairs = (
        ("claim", before.claim_uid, after.claim_uid),
        ("volume", before.volume, after.volume),
        ("data folder", before.born, after.born),
    )
    found = [what for what, old, new in pairs if old and new and old != new]
    return found + ([] if _same(before.provenance, after.provenance) else ["provenance"])


def _same(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    """Whether two looks saw one provenance. Whom xtrabackup's was from is in a log that goes with its pod."""
    if isinstance(one, dict) and isinstance(other, dict) and XTRABACKUP == one.get("kind") == other.get("kind"):
        donors = {one.get("donor") or other.get("donor"), other.get("donor") or one.get("donor")}
        return len(donors) == 1 and one | {"donor": ""} == other | {"donor": ""}
    return one == other


def _came_back(window: _Window, before: VolumeSeen, after: VolumeSeen, clone: _Clone, changes: list[str]) -> _Pod:
    renewed = [what for what in changes if what != "provenance"]
    if not changes:
        same_folder = before.born is not None and before.born == after.born
        if before.claim_uid and after.claim_uid and (same_folder or after.provenance):
            return _Pod(RESUME, "resumed on its own data", replaced=True)
        return _Pod(UNKNOWN, "came back, but neither its data folder's birth nor a provenance is known", replaced=True)
    seen = f"has a new {' and '.join(renewed)}" if renewed else "has a new provenance"
    if "provenance" not in changes:
        origin = "the provenance from before" if after.provenance else "no word of where its data came from"
        return _Pod(UNKNOWN, f"{seen} with {origin}", replaced=True)
    if not renewed and before.born is not None and after.born is not None:
        return _Pod(UNKNOWN, f"{seen} on a data folder that is not new", replaced=True)
    return clone.judged(window, seen)


def _newcomer(window: _Window, after: VolumeSeen, clone: _Clone) -> _Pod:
    """A pod of which nothing is known from before: its provenance alone tells."""
    if clone.began is not None and clone.began < window.since - SKEW_S:
        one = _Pod(RESUME, "is new in this run and stands on data from before", replaced=True)
    else:
        one = clone.judged(window, "is new in this run")
    one.figures = {"claim": after.claim, "born": after.born} | clone.figures()
    return one


@dataclass(frozen=True)
class _Clone:
    """A provenance; `began` and `finished` are seconds since the run began. All None where there is none."""

    how: str
    donor: str
    gtid: str
    size: float | None
    began: float | None
    finished: float | None
    pod: str
    kind: str

    @classmethod
    def of(cls, history: History, volume: VolumeSeen) -> _Clone:
        said = volume.provenance if isinstance(volume.provenance, dict) else {}
        try:
            zero = history.run.started_at
        except LookupError:
            zero = math.nan
        return cls(
            how=str(said.get("how") or ""),
            donor=str(said.get("donor") or ""),
            gtid=str(said.get("gtid") or said.get("position") or ""),
            size=facts.number(said.get("bytes")),
            began=_since(zero, said.get("began")),
            finished=_since(zero, said.get("finished")),
            pod=volume.pod,
            kind=str(said.get("kind") or ""),
        )

    @property
    def took_s(self) -> float | None:
        return None if self.began is None or self.finished is None else round(self.finished - self.began, 3)

    def judged(self, window: _Window, seen: str) -> _Pod:
        """What a provenance that is new in this stretch tells."""
        if self.how == BOOTSTRAP:
            return _Pod(BOOTSTRAP, f"{seen}, and its provenance says bootstrap", replaced=True)
        if self.donor and self.donor == self.pod:
            return _Pod(UNKNOWN, f"{seen} with a clone from {self.donor}, itself", replaced=True, wrong_donor=True)
        if problem := self._problem(window):
            return _Pod(UNKNOWN, f"{seen} with {problem}", replaced=True)
        size = "" if self.size is None else f"{self.size / 1e6:.1f} MB "
        took = "" if self.took_s is None else f" in {words.seconds(self.took_s)}"
        return _Pod(RE_CLONE, f"was cloned anew: {size}from {self.donor}{took}", replaced=True)

    def _problem(self, window: _Window) -> str:
        """Why it does not show that this data was cloned in this stretch; or nothing."""
        missing = [name for name, value in (("donor", self.donor), ("position", self.gtid)) if not value]
        if self.kind != XTRABACKUP and self.took_s is None:
            missing.append("times")
        then = self.began is None or window.since - SKEW_S <= self.began <= window.until + SKEW_S
        problems = (
            (self.how != "clone", "no word of where its data came from"),
            (missing, f"a clone that names no {words.names(missing)}"),
            (self.took_s is not None and self.took_s < 0, f"a clone in {self.took_s} s, which can't be"),
            (not then, f"a clone that did not begin {window.called}"),
        )
        return next((problem for holds, problem in problems if holds), "")

    def figures(self) -> dict[str, Any]:
        found = {
            "donor": self.donor,
            "donor_by_ordinal": _one_before(self.pod) if self.donor else "",
            "gtid": self.gtid,
            "bytes": self.size,
            "took_s": self.took_s,
            "began_s": self.began,
        }
        return {name: value for name, value in found.items() if value not in {None, ""}}


def _one_before(pod: str) -> str:
    """C3: whom a pod is to be cloned from by its ordinal: `mysql-1` for `mysql-2`; empty for the first."""
    found = re.fullmatch(r"(.*-)([1-9]\d{0,3})", pod)
    return f"{found[1]}{int(found[2]) - 1}" if found else ""


def _since(zero: float, value: object) -> float | None:
    """A wall time (Unix seconds, or ISO 8601 with UTC where it names no zone) in seconds since the run began."""
    unix = facts.number(value)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        unix = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return facts.number(round(unix - zero, 3)) if unix is not None and math.isfinite(zero) else None
