"""Clone (C1 to C5): on which data did each database pod come back - its own, a clone, or none at all.

What each pod stood on before the fault is held against what it stands on after it: the claim and its volume, the data
folder's birth, and the provenance that a clone leaves beside the data. Evidence that contradicts itself is `unknown`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chaos.checks import facts, words
from chaos.history import History, Step, VolumeSeen
from chaos.verdict import CheckResult, Verdict

NAME = "clone"

RESUME, RE_CLONE, BOOTSTRAP, UNKNOWN = "resume", "re-clone", "bootstrap", "unknown"

KEEPS_VOLUMES = ("delete-pod", "scale")
"""Actions after which every claim and volume should still be the one from before."""

SKEW_S = 5.0
"""Nodes' clocks, which a clone's times are from, may differ by so many seconds from the tool's."""


@dataclass
class _Pod:
    """How one pod came back: what decided it, and whether its data is surely not the data from before."""

    how: str
    why: str
    replaced: bool
    renewed: bool = False
    swapped: bool = False
    figures: dict[str, Any] = field(default_factory=dict)


def check(history: History, step: Step) -> CheckResult:
    """Tell resume, re-clone and an empty start apart for each pod that was replaced, and hold them to the limit."""
    volumes = history.of(VolumeSeen)
    now = {one.pod: one for one in volumes if one.step == step.index and one.when == "after" and one.pod}
    before = {one.pod: one for one in volumes if _is_before(one, step)}
    uids = {pod: one.uid for pod, one in (facts.pods(history, "database", step.end) or {}).items()}
    found = {pod: _pod(history, step, before.get(pod), now.get(pod)) for pod in sorted(now)}
    touched = {pod: one for pod, one in found.items() if one is not None}
    for pod in sorted(uids.keys() - now.keys()):
        if pod not in before or before[pod].pod_uid != uids[pod]:
            touched[pod] = _Pod(UNKNOWN, "nobody looked at its volume after the fault", replaced=True)
    figures: dict[str, Any] = {
        "expected": step.limits.clone,
        "pods": {pod: {"how": one.how, "why": one.why} | one.figures for pod, one in touched.items()},
    }
    if touched:
        figures["how"] = ", ".join(sorted({one.how for one in touched.values()}))
    return _result(step, touched, figures, looked=bool(now))


def _is_before(one: VolumeSeen, step: Step) -> bool:
    """The last look before the step's fault; for a pod that was not there then, one at the end of an earlier step."""
    return (
        bool(one.pod) and not one.error and (one.step < step.index or (one.step == step.index and one.when == "before"))
    )


def _result(step: Step, touched: dict[str, _Pod], figures: dict[str, Any], *, looked: bool) -> CheckResult:
    failed, unknown = [], []
    for pod, one in touched.items():
        said = f"{pod} {one.why}"
        if one.how == BOOTSTRAP:
            failed.append(f"{pod} started empty ({one.why})")
        elif step.limits.clone == RESUME and (one.how == RE_CLONE or one.renewed):
            failed.append(f"{pod} was to resume, but {one.why}")
        elif step.limits.clone == RE_CLONE and one.how == RESUME and one.replaced:
            failed.append(f"{pod} was to be cloned anew, but {one.why}")
        elif one.how == UNKNOWN:
            unknown.append(said)
    replaced = any(one.replaced for one in touched.values())
    if not looked:
        unknown.append("nobody looked at the database pods' volumes after the fault")
    elif step.limits.clone is not None and not replaced:
        unknown.append(f"no database pod was replaced, so there was nothing to {step.limits.clone}")
    if failed:
        advice = "look at the log of the pod's database container, which cloned it, and at who deleted its claim"
        return CheckResult(NAME, Verdict.FAIL, "; ".join(failed), figures, advice=advice)
    if unknown:
        return CheckResult(NAME, Verdict.UNKNOWN, "; ".join(unknown), figures)
    reason = "; ".join(f"{pod} {one.why}" for pod, one in touched.items()) or "no database pod was replaced"
    return CheckResult(NAME, Verdict.PASS, reason, figures)


def _pod(history: History, step: Step, before: VolumeSeen | None, after: VolumeSeen | None) -> _Pod | None:
    """How one pod came back; None for one that nothing happened to."""
    if after is None or after.error:
        error = after.error if after else "no look"
        return _Pod(UNKNOWN, f"could not be looked at after the fault ({error})", replaced=True)
    clone = _Clone.of(history, after)
    if before is None:
        return _newcomer(step, after, clone)
    replaced = before.pod_uid != after.pod_uid
    changes = _changes(before, after)
    if not replaced and not changes:
        return None
    one = _came_back(step, before, after, clone, changes)
    one.replaced = replaced
    volume = [what for what in changes if what in ("claim", "volume")]
    one.swapped = bool(volume) and step.action in KEEPS_VOLUMES
    one.renewed = bool(set(changes) & {"claim", "volume", "data folder"})
    one.figures = {
        "changed": changes,
        "claim": after.claim,
        "born_before": before.born,
        "born": after.born,
    } | clone.figures()
    if one.swapped:
        one.figures["swapped"] = True
        one.why += f"; its {' and '.join(volume)} were replaced, which {step.action} does not do: somebody else did"
    return one


def _changes(before: VolumeSeen, after: VolumeSeen) -> list[str]:
    """What is certainly not the same any more."""
    pairs = (
        ("claim", before.claim_uid, after.claim_uid),
        ("volume", before.volume, after.volume),
        ("data folder", before.born, after.born),
    )
    found = [what for what, old, new in pairs if old and new and old != new]
    return found + (["provenance"] if before.provenance != after.provenance else [])


def _came_back(step: Step, before: VolumeSeen, after: VolumeSeen, clone: _Clone, changes: list[str]) -> _Pod:
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
    return clone.judged(step, seen)


def _newcomer(step: Step, after: VolumeSeen, clone: _Clone) -> _Pod:
    """A pod of which nothing is known from before: its provenance alone tells."""
    if clone.began is not None and clone.began < step.begin - SKEW_S:
        one = _Pod(RESUME, "is new in this run and stands on data from before", replaced=True)
    else:
        one = clone.judged(step, "is new in this run")
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
            gtid=str(said.get("gtid") or ""),
            size=facts.number(said.get("bytes")),
            began=_since(zero, said.get("began")),
            finished=_since(zero, said.get("finished")),
            pod=volume.pod,
        )

    @property
    def took_s(self) -> float | None:
        return None if self.began is None or self.finished is None else round(self.finished - self.began, 3)

    def judged(self, step: Step, seen: str) -> _Pod:
        """What a provenance that is new in this step tells."""
        if self.how == BOOTSTRAP:
            return _Pod(BOOTSTRAP, f"{seen}, and its provenance says bootstrap", replaced=True)
        if self.how != "clone":
            return _Pod(UNKNOWN, f"{seen} with no word of where its data came from", replaced=True)
        missing = [name for name, value in (("donor", self.donor), ("position", self.gtid)) if not value]
        if self.took_s is None or self.began is None or missing:
            missing += ["times"] if self.took_s is None else []
            return _Pod(UNKNOWN, f"{seen} with a clone that names no {words.names(missing)}", replaced=True)
        if self.donor == self.pod or self.took_s < 0:
            return _Pod(
                UNKNOWN, f"{seen} with a clone from {self.donor} in {self.took_s:g} s, which can't be", replaced=True
            )
        if not step.begin - SKEW_S <= self.began <= step.end + SKEW_S:
            return _Pod(UNKNOWN, f"{seen} with a clone that did not begin in this step", replaced=True)
        size = "" if self.size is None else f"{self.size / 1e6:.1f} MB "
        return _Pod(
            RE_CLONE, f"was cloned anew: {size}from {self.donor} in {words.seconds(self.took_s)}", replaced=True
        )

    def figures(self) -> dict[str, Any]:
        found = {
            "donor": self.donor,
            "gtid": self.gtid,
            "bytes": self.size,
            "took_s": self.took_s,
            "began_s": self.began,
        }
        return {name: value for name, value in found.items() if value not in {None, ""}}


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
