"""What a failed check holds against the stack: findings, each under a key that stays the same from step to step.

By its key it can be told whether a finding was there before the first fault, and what to change so that it goes away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.history import BASELINE, Step
from chaos.verdict import CheckResult, Outage, Verdict

SO_BEFORE = " (so it was before the first fault)"

KEYS: dict[str, str] = {
    "lost-row": "acknowledged SQL rows are not on the primary",
    "lost-post": "acknowledged posts are not on the primary",
    "lost-attachment": "what WordPress entered for acknowledged uploads is not on the primary",
    "lost-upload": "acknowledged uploads are served by no site pod, or with other bytes",
    "missing-row": "acknowledged SQL rows are on the primary and not on this replica",
    "missing-post": "acknowledged posts are on the primary and not on this replica",
    "missing-attachment": "what WordPress entered for acknowledged uploads is on the primary and not on this replica",
    "upload-missing": "acknowledged uploads are not served by some pods of this part, or with other bytes",
    "older-row": "SQL rows from before the run are gone from this pod",
    "older-post": "posts from before the run are gone from this pod",
    "older-attachment": "what WordPress entered for uploads from before the run is gone from this pod",
    "phantom-row": "SQL rows are there that nobody wrote",
    "phantom-post": "posts are there that nobody wrote",
    "phantom-attachment": "WordPress has entered uploads that nobody made",
    "resurrected-row": "SQL rows are there whose write had failed",
    "resurrected-post": "posts are there whose write had failed",
    "resurrected-attachment": "WordPress has entered uploads that had failed",
    "resurrected-upload": "files of uploads that had failed are served",
    "duplicated-row": "one SQL row is there under two ids",
    "duplicated-post": "one post is there under two ids",
    "duplicated-attachment": "WordPress has entered one upload under two ids",
    "split-row": "SQL rows that were never answered are on some pods and not on others",
    "split-post": "posts that were never answered are on some pods and not on others",
    "split-attachment": "uploads that were never answered are entered on some database pods and not on others",
    "split-upload": "files of uploads that were never answered are served by some site pods and not by others",
    "hole-row": "this replica lacks acknowledged SQL rows, and holds later ones of the same writer",
    "hole-post": "this replica lacks acknowledged posts, and holds later ones of the same writer",
    "hole-attachment": "this replica lacks the entries of acknowledged uploads, and holds later ones",
    "vanished-row": "SQL rows that this pod was seen to hold, and that were never acknowledged, are gone from it",
    "vanished-post": "posts that this pod was seen to hold, and that were never acknowledged, are gone from it",
    "vanished-attachment": "entries of uploads that this pod was seen to hold, never acknowledged, are gone from it",
    "rewound-row": "SQL rows were given ids that others had been given, or lower ones",
    "rewound-post": "posts or uploads were given ids that others had been given, or lower ones",
    "reassigned-row": "SQL rows lie under another id than the one that was acknowledged",
    "reassigned-post": "posts lie under another id than the one that was acknowledged",
    "reassigned-attachment": "uploads are entered under another id than the one that was acknowledged",
    "torn-row": "SQL rows of this pod can't be read whole",
    "torn-post": "posts of this pod can't be read whole",
    "torn-attachment": "entries of uploads of this pod can't be read whole",
    "unreadable": "this database pod has tables that its own server can't read",
    "seed": "the seed content of this database pod, or as this part serves it, is missing or another",
    "picture": "the seed picture, which lies on the shared files, is not served by this part as it was",
    "session": "pods of this part do not take one login cookie for one user",
    "install-offered": "WordPress offered to install itself: it found an empty database",
    "missing-pods": "fewer pods of this part are there than there have to be",
    "two-writable": "more than one database pod takes writes",
    "no-writable": "no database pod takes writes",
    "other-writable": "a database pod takes writes that is not the primary",
    "not-replicating": "this database pod does not replicate",
    "no-heartbeat": "this database pod says that it replicates, and a fresh row of the primary did not arrive there",
    "differs": "this database pod holds other content than the primary",
    "empty": "this database pod started empty: on a new volume, with no data from anywhere",
    "not-resumed": "this database pod was to come back on its own data, and did not",
    "not-cloned": "this database pod was to get its data anew, and did not",
    "lineage": "the marks in this pod's data contradict how it is said to have come back",
    "coordinates": "this database pod was cloned at a position that its primary never had",
    "incomplete": "this database pod was cloned anew, and lacks what had been acknowledged before that",
    "donor": "this database pod says that it got its data from itself",
    "out": "readers or writers of this kind were out for longer than allowed, or did not come back",
    "slow": "good answers of this stream came later than the step allows; they did come, so they were not out",
    "pod-out": "single site pods did not come back for requests of this kind, though others may have",
    "not-ready": "the pods of this part did not become ready in time",
    "not-steady": "this stream of requests did not become steady in time",
}
"""Each key, or what stands before its colon, and what it means. After the colon: a pod, a part, a kind of request."""

INVARIANTS: dict[str, str] = {
    **dict.fromkeys(("lost-row", "lost-post", "lost-attachment", "lost-upload", "upload-missing"), "D1"),
    **dict.fromkeys(("phantom-row", "phantom-post", "phantom-attachment"), "D2"),
    **dict.fromkeys(("resurrected-row", "resurrected-post", "resurrected-attachment", "resurrected-upload"), "D3"),
    **dict.fromkeys(("duplicated-row", "duplicated-post", "duplicated-attachment"), "D4"),
    **dict.fromkeys(("split-row", "split-post", "split-attachment", "split-upload"), "D5"),
    **dict.fromkeys(("unreadable", "torn-row", "torn-post", "torn-attachment"), "D6"),
    **dict.fromkeys(
        ("older-row", "older-post", "older-attachment", "seed", "picture", "session", "install-offered"), "D7"
    ),
    **dict.fromkeys(("hole-row", "hole-post", "hole-attachment"), "R2"),
    **dict.fromkeys(("vanished-row", "vanished-post", "vanished-attachment"), "R3"),
    **dict.fromkeys(("missing-row", "missing-post", "missing-attachment"), "R4"),
    "differs": "R5",
    **dict.fromkeys(("not-replicating", "no-heartbeat"), "R6"),
    **dict.fromkeys(("missing-pods", "two-writable", "no-writable", "other-writable"), "R7"),
    **dict.fromkeys(("reassigned-row", "reassigned-post", "reassigned-attachment"), "R8"),
    **dict.fromkeys(("rewound-row", "rewound-post"), "P2"),
    **dict.fromkeys(("empty", "not-resumed", "not-cloned"), "C1"),
    "donor": "C3",
    "coordinates": "C4",
    "incomplete": "C5",
    "lineage": "C6",
    **dict.fromkeys(("out", "slow", "pod-out", "not-ready", "not-steady"), "A1"),
}
"""Which invariant a finding breaks, by what stands before its key's colon, where the finding names no other."""

_IMPLIED: dict[str, tuple[str, ...]] = {
    "split-row": ("lost-row", "missing-row"),
    "split-post": ("lost-post", "missing-post"),
    "split-attachment": ("lost-attachment", "missing-attachment"),
    "hole-row": ("lost-row", "missing-row"),
    "hole-post": ("lost-post", "missing-post"),
    "hole-attachment": ("lost-attachment", "missing-attachment"),
    "rewound-post": ("lost-post", "missing-post"),
    "reassigned-post": ("lost-post", "missing-post"),
    "reassigned-attachment": ("lost-attachment", "missing-attachment"),
}
"""Where pods lacked acknowledged writes before the first fault, it is nothing new that they lack unanswered ones.

Nor that they lack those between others; and where posts went to several pods, each counts ids of its own.
"""


@dataclass(frozen=True)
class Finding:
    """One thing held against the stack. `text` is a phrase of the check's reason.

    `before` is whether it was so before the first fault; None where the key decides: the baseline had it as well.
    `invariant` is what it breaks, where that is not what its key says; `items` are what it is about, and `more` stands
    beside them, as JSON values.
    """

    key: str
    text: str
    before: bool | None = None
    invariant: str = ""
    items: tuple[dict[str, Any], ...] = ()
    more: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a check's figures have it."""
        said: dict[str, Any] = {"key": self.key, "invariant": self.invariant or INVARIANTS[self.key.partition(":")[0]]}
        said |= {"text": self.text, "before": self.before}
        return said | ({"items": list(self.items)} if self.items else {}) | self.more


def failed(
    check: str,
    found: Sequence[Finding],
    figures: dict[str, Any],
    outages: tuple[Outage, ...] = (),
    advice: str | None = None,
) -> CheckResult:
    """A check that fails by these findings, in this order."""
    listed = [one.to_json() for one in found]
    reason = "; ".join(one.text for one in found)
    return CheckResult(check, Verdict.FAIL, reason, figures | {"findings": listed}, outages, advice)


def marked(result: CheckResult, step: Step, baseline: Mapping[str, frozenset[str]]) -> CheckResult:
    """The result with `before` filled in, new findings first; `baseline` has the keys found there, by check."""
    known = baseline.get(result.name, frozenset())
    listed: list[dict[str, Any]] = []
    for one in result.figures.get("findings", ()):
        before = _was_there(one["key"], known) if one["before"] is None else one["before"]
        listed.append(one | {"before": step.index == BASELINE or before})
    listed.sort(key=lambda one: one["before"])
    figures = result.figures | {"findings": listed}
    if not listed:
        return CheckResult(result.name, result.verdict, result.reason, figures, result.outages, result.advice)
    old = "" if step.index == BASELINE else SO_BEFORE
    reason = "; ".join(one["text"] + (old if one["before"] else "") for one in listed)
    return CheckResult(result.name, result.verdict, reason, figures, result.outages, result.advice)


def _was_there(key: str, known: frozenset[str]) -> bool:
    kind, _, pod = key.partition(":")
    kinds = {each.partition(":")[0] for each in known if not pod or each.partition(":")[2] in ("", pod)}
    return key in known or any(implying in kinds for implying in _IMPLIED.get(kind, ()))


def keys(results: Iterable[CheckResult]) -> dict[str, frozenset[str]]:
    """The keys that were found, by check."""
    return {result.name: frozenset(one["key"] for one in result.figures.get("findings", ())) for result in results}


def invariants(result: CheckResult) -> list[str]:
    """What a check found broken: `D1`, `R4`; what was not so before the first fault comes first."""
    return list(dict.fromkeys(one["invariant"] for one in result.figures.get("findings", ()) if "invariant" in one))


def any_new(result: CheckResult) -> bool:
    """Whether something was found that was not so before the first fault."""
    return any(not one["before"] for one in result.figures.get("findings", ()))
