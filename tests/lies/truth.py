"""Two histories in which nothing is wrong, with all the evidence that a run can have; and how to spoil what pods hold.

In one the primary's pod is deleted and comes back on its own data, in the other the volume of mysql-2 is deleted and
the pod is cloned anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from histories import BASELINE, DATABASES, FAULT, NEW_CLONE, SITES, STARTED_AT, STEADY, a, change, drop, pod, story

from chaos.history import (
    ActionBegun,
    ActionEnded,
    Contents,
    PodSeen,
    Record,
    SiteContents,
    StepBegun,
    VolumeSeen,
    Write,
)

LIMITS = {"reads": {"longest_outage_s": 5.0}, "writes": {"longest_outage_s": 5.0}}
MARK = {name: f"mark-{name}" for name in DATABASES}
CLONED = NEW_CLONE | {"gtid": "0-100-40", "began": STARTED_AT + 11.0, "finished": STARTED_AT + 13.0}
"""What the clone of mysql-2 left: it came from mysql-1."""

UNANSWERED = Write("row", "row", -9, "row-unanswered", -10.0, -10.0, -9.0, "info", "timeout")
"""A row that was never answered, and that every pod holds."""

HUNG, BOUNCED = f"upload-{2 * int(FAULT)}", f"upload-{2 * int(FAULT) + 1}"
"""An upload that was never answered, and that is there; and one that was refused."""

UPLOADS = [
    Write("upload", "uploads", n, token, n / 2, n / 2, n / 2 + 0.05, outcome, digest=f"hash-{n}")
    for n in (*range(-38, -8), *range(2 * int(STEADY)))
    for token in (f"upload-{n}",)
    for outcome in ({HUNG: "info", BOUNCED: "fail"}.get(token, "ok"),)
]
"""Two a second."""

Edit = Callable[[tuple[Any, ...]], tuple[Any, ...]]
R = TypeVar("R", bound=Record)


def resumed(**expect: Any) -> list[Record]:
    """The primary's pod is deleted, and comes back on its own data."""
    records = story(baseline=True, expect=LIMITS | {"clone": "resume"} | expect)
    return _with_all_evidence(records)


def cloned() -> list[Record]:
    """The volume of mysql-2 is deleted, and the pod is cloned anew from mysql-1."""
    objects = ("pod/mysql-2", "persistentvolumeclaim/data-mysql-2")
    records = story(baseline=True, expect=LIMITS | {"clone": "re-clone"})
    records = change(records, a(StepBegun, index=0), action="delete-volume", target="database/replica")
    records = change(records, a(ActionBegun), action="delete-volume", objects=objects)
    records = change(records, a(ActionEnded), action="delete-volume")
    records = drop(records, lambda r: isinstance(r, PodSeen) and r.name == "mysql-0" and r.at > FAULT)
    records += [
        pod(FAULT + 0.5, "mysql-2", "database/replica", change="deleted"),
        pod(FAULT + 0.6, "mysql-2", "database/replica", uid="new"),
    ]
    records = change(records, a(VolumeSeen, step=0, when="after", pod="mysql-0"), pod_uid="mysql-0-old")
    new = {"pod_uid": "mysql-2-new", "claim_uid": "claim-new", "volume": "pv-new", "born": STARTED_AT + 11.0}
    records = change(records, a(VolumeSeen, step=0, when="after", pod="mysql-2"), provenance=dict(CLONED), **new)
    records = _with_all_evidence(records)
    return after(records, "mysql-2", marks=("old", MARK["mysql-1"]))


def _with_all_evidence(records: Iterable[Record]) -> list[Record]:
    """Marks, and a write that was never answered."""
    records = list(records)
    for name in DATABASES:
        records = change(records, a(VolumeSeen, step=BASELINE, pod=name), marks=("old",))
        marks = {"marks": ("old", MARK[name]), "mark": MARK[name]}
        records = change(records, a(VolumeSeen, step=0, when="before", pod=name), **marks)
        records = change(records, a(VolumeSeen, step=0, when="after", pod=name), marks=("old", MARK[name]))
    records = [_with_uploads(r) for r in [*records, UNANSWERED, *UPLOADS]]
    for step in (BASELINE, 0):
        records = hold(records, "rows", plus((-10, UNANSWERED.token)), step=step)
    return records


def _with_uploads(record: Record) -> Record:
    """What pods hold and serve of uploads: those before the reading, the refused one left out."""
    if not isinstance(record, Contents | SiteContents) or record.step < BASELINE:
        return replace(record, uploads=()) if isinstance(record, Contents) else record
    there = [one for one in UPLOADS if one.end < record.at and one.token != BOUNCED]
    if isinstance(record, Contents):
        return replace(record, uploads=tuple((2000 + one.seq, one.token) for one in there))
    looked = [one for one in UPLOADS if one.end < record.at]
    served = tuple((one.token, "missing (404)" if one.token == BOUNCED else one.digest) for one in looked)
    return replace(record, uploads=served)


def serve(records: Iterable[Record], token: str, value: str, pods: Collection[str] = SITES) -> list[Record]:
    """What some site pods serve of one upload at the step's end."""
    return [
        replace(r, uploads=tuple((one, value if one == token else known) for one, known in r.uploads))
        if isinstance(r, SiteContents) and r.step == 0 and r.pod in pods
        else r
        for r in records
    ]


def hold(
    records: Iterable[Record], what: str, edit: Edit, pods: Collection[str] = DATABASES, *, step: int = 0
) -> list[Record]:
    """What some pods hold (`rows`, `posts` or `uploads`) at a step's end, put through `edit`."""
    return [
        replace(r, **{what: edit(getattr(r, what))})
        if isinstance(r, Contents) and r.step == step and r.pod in pods
        else r
        for r in records
    ]


def without(*tokens: str) -> Edit:
    return lambda found: tuple(entry for entry in found if entry[1] not in tokens)


def plus(*entries: tuple[int, str]) -> Edit:
    return lambda found: (*found, *entries)


def renamed(ids: dict[str, int]) -> Edit:
    """The same tokens, some under other ids."""
    return lambda found: tuple((ids.get(token, number), token) for number, token in found)


def after(records: Iterable[Record], name: str, **changes: Any) -> list[Record]:
    """What is seen of a pod's volume after the fault."""
    return change(records, a(VolumeSeen, step=0, when="after", pod=name), **changes)
