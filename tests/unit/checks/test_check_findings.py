"""Findings: each key can appear, each is explained, and a check fails by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from histories import (
    FAULT,
    NEW_CLONE,
    PAGES,
    READING,
    a,
    change,
    drop,
    story,
)

from chaos.checks.findings import KEYS
from chaos.checks.judge import judge
from chaos.history import (
    Contents,
    Heartbeat,
    History,
    PodSeen,
    Read,
    Record,
    ReplicaSeen,
    SiteContents,
    VolumeSeen,
    WaitEnded,
    Write,
)
from chaos.verdict import Verdict

DATABASES = ("mysql-0", "mysql-1", "mysql-2")
NEW = {"claim_uid": "claim-new", "volume": "pv-new", "born": 5000.0}


def held(
    what: str, edit: Callable[[tuple[Any, ...]], tuple[Any, ...]], pods: tuple[str, ...] = DATABASES
) -> list[Record]:
    """The story with the rows (or posts) of some pods put through `edit`."""
    return [
        replace(r, **{what: edit(getattr(r, what))}) if isinstance(r, Contents) and r.step == 0 and r.pod in pods else r
        for r in story()
    ]


def token(outcome: str, what: str) -> str:
    return next(r.token for r in story() if isinstance(r, Write) and (r.outcome, r.what) == (outcome, what))


def unanswered(what: str) -> list[Record]:
    """The story with an unanswered write of a kind, which one pod has."""
    lone = Write(what, what, 700, "lone", FAULT, FAULT, FAULT + 1, "info", "timeout")
    return [lone, *held(f"{what}s", lambda found: (*found, (700, "lone")), ("mysql-1",))]


def uploads(*sites: str) -> list[Record]:
    """The story with an upload that some of its site pods do not serve."""
    sent = Write("upload", "uploads", 1, "file", 5.0, 5.0, 5.1, "ok", "", digest="dd")
    return [
        sent,
        *(
            replace(r, uploads=(("file", "missing (404)" if r.pod in sites else "dd"),))
            if isinstance(r, SiteContents)
            else r
            for r in story()
        ),
    ]


def entered(
    edit: Callable[[tuple[Any, ...]], tuple[Any, ...]], pods: tuple[str, ...] = DATABASES, *more: Write
) -> list[Record]:
    """The story with three uploads, of which some database pods hold the entries as `edit` has them."""
    dues = [(n, n - 9.0) for n in range(3)]
    sent = [Write("upload", "uploads", n, f"file-{n}", d, d, d + 0.1, "ok", "", n - 90, "", "dd") for n, d in dues]
    whole = ((-91, "older file"), *((one.key, one.token) for one in sent))
    of_step = {-2: whole[:1], 0: whole}
    return [
        *sent,
        *more,
        *(
            replace(r, uploads=edit(whole) if r.step == 0 and r.pod in pods else of_step[r.step])
            if isinstance(r, Contents)
            else replace(r, uploads=tuple((one.token, "dd") for one in sent))
            if isinstance(r, SiteContents)
            else r
            for r in story()
        ),
    ]


def unsure(outcome: str, *sites: str) -> list[Record]:
    """The story with an upload that was not acknowledged, the file of which some site pods serve."""
    lone = Write("upload", "uploads", 1, "file", 5.0, 5.0, 5.1, outcome, "timeout", digest="dd")
    served = {pod: (("file", "dd" if pod in sites else "missing (404)"),) for pod in ("site-a", "site-b")}
    return [lone, *(replace(r, uploads=served[r.pod]) if isinstance(r, SiteContents) else r for r in story())]


def refused(outcome: str) -> Write:
    return Write("upload", "uploads", 9, "file-9", 9.0, 9.0, 9.1, outcome, "timeout", digest="dd")


def site(**baseline: str) -> list[Record]:
    """The story with other words of what a site pod serves, where all pods had taken the login cookie before."""
    records = change(story(), a(SiteContents), baseline=PAGES | {"session": "admin"})
    return change(records, a(SiteContents, step=0, pod="site-b"), baseline=PAGES | {"session": "admin"} | baseline)


def volume(provenance: Any, expect: dict[str, Any] | None = None) -> list[Record]:
    return change(story(expect=expect), a(VolumeSeen, when="after", pod="mysql-0"), provenance=provenance, **NEW)


def gone(pod: str) -> list[Record]:
    records = [r for r in story() if not (isinstance(r, (Contents, ReplicaSeen)) and r.pod == pod)]
    return records + [
        replace(r, at=FAULT + 1, change="deleted") for r in records if isinstance(r, PodSeen) and r.name == pod
    ]


def silent_pod() -> list[Record]:
    records = drop(story(), lambda r: isinstance(r, Read) and r.via == "site-a" and r.start > FAULT)
    return records + [Read("site-a", FAULT + n, FAULT + n, FAULT + n + 0.5, False, "timeout") for n in range(8)]


def missed(condition: str, detail: str = "") -> list[Record]:
    return change(story(), a(WaitEnded, condition=condition), satisfied=False, took_s=90.0, detail=detail)


def seen_before(what: str) -> list[Record]:
    """An unanswered write that mysql-1 held before the step, and nobody holds after it."""
    lone = Write(what, what, 700, "lone", -30.0, -30.0, -29.0, "info", "timeout")
    return [
        replace(r, **{f"{what}s": (*getattr(r, f"{what}s"), (7, "lone"))})
        if isinstance(r, Contents) and (r.step, r.pod) == (-2, "mysql-1")
        else r
        for r in [lone, *story()]
    ]


def given(number: int, what: str) -> list[Record]:
    """The last write of a kind is acknowledged under the id of an earlier one."""
    last = [r for r in story() if isinstance(r, Write) and r.what == what and r.outcome == "ok"][-1]
    return change(story(), a(Write, what=what, seq=last.seq), key=number)


def entry_seen_before() -> list[Record]:
    """An unanswered upload of which mysql-1 held the entry before the step, and nobody does after it."""
    lone = replace(refused("info"), start=-30.0, end=-29.0)
    return [
        replace(r, uploads=(*(r.uploads or ()), (7, lone.token)))
        if isinstance(r, Contents) and (r.step, r.pod) == (-2, "mysql-1")
        else r
        for r in entered(tuple, DATABASES, lone)
    ]


def swapped(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """Two entries under each other's id."""
    (one, mine), (other, theirs) = found[-2:]
    return (*found[:-2], (one, theirs), (other, mine))


def lost_mark() -> list[Record]:
    records = change(story(), a(VolumeSeen, when="before"), marks=("mark",))
    records = change(records, a(VolumeSeen, when="before", pod="mysql-0"), mark="mark")
    return change(records, a(VolumeSeen, when="after", pod="mysql-0"), marks=("other",))


SHOWN: dict[str, tuple[str, list[Record]]] = {
    "lost-row": ("lost-row", held("rows", lambda found: found[:-1])),
    "lost-post": ("lost-post", held("posts", lambda found: found[:-1])),
    "lost-attachment": ("lost-attachment", entered(lambda found: found[:-1])),
    "lost-upload": ("lost-upload", uploads("site-a", "site-b")),
    "missing-row": ("missing-row:mysql-2", held("rows", lambda found: found[:-1], ("mysql-2",))),
    "missing-post": ("missing-post:mysql-2", held("posts", lambda found: found[:-1], ("mysql-2",))),
    "missing-attachment": ("missing-attachment:mysql-2", entered(lambda found: found[:-1], ("mysql-2",))),
    "upload-missing": ("upload-missing:site", uploads("site-b")),
    "older-row": ("older-row:mysql-1", held("rows", lambda found: found[1:], ("mysql-1",))),
    "older-post": ("older-post:mysql-1", held("posts", lambda found: found[1:], ("mysql-1",))),
    "older-attachment": ("older-attachment:mysql-1", entered(lambda found: found[1:], ("mysql-1",))),
    "phantom-row": ("phantom-row", held("rows", lambda found: (*found, (999, "who")))),
    "phantom-post": ("phantom-post", held("posts", lambda found: (*found, (999, "who")))),
    "phantom-attachment": ("phantom-attachment", entered(lambda found: (*found, (999, "who")))),
    "resurrected-row": ("resurrected-row", held("rows", lambda found: (*found, (999, token("fail", "row"))))),
    "resurrected-post": ("resurrected-post", held("posts", lambda found: (*found, (999, token("fail", "post"))))),
    "resurrected-attachment": (
        "resurrected-attachment", entered(lambda found: (*found, (999, "file-9")), DATABASES, refused("fail")),
    ),
    "resurrected-upload": ("resurrected-upload", unsure("fail", "site-a", "site-b")),
    "duplicated-row": ("duplicated-row", held("rows", lambda found: (*found, (999, found[-1][1])))),
    "duplicated-post": ("duplicated-post", held("posts", lambda found: (*found, (999, found[-1][1])))),
    "duplicated-attachment": ("duplicated-attachment", entered(lambda found: (*found, (999, found[-1][1])))),
    "split-row": ("split-row", unanswered("row")),
    "split-post": ("split-post", unanswered("post")),
    "split-attachment": (
        "split-attachment", entered(lambda found: (*found, (999, "file-9")), ("mysql-1",), refused("info")),
    ),
    "split-upload": ("split-upload", unsure("info", "site-b")),
    "hole-row": ("hole-row:mysql-2", held("rows", lambda found: found[:-2] + found[-1:], ("mysql-2",))),
    "hole-post": ("hole-post:mysql-2", held("posts", lambda found: found[:-2] + found[-1:], ("mysql-2",))),
    "hole-attachment": ("hole-attachment:mysql-2", entered(lambda found: found[:-2] + found[-1:], ("mysql-2",))),
    "vanished-row": ("vanished-row:mysql-1", seen_before("row")),
    "vanished-post": ("vanished-post:mysql-1", seen_before("post")),
    "vanished-attachment": ("vanished-attachment:mysql-1", entry_seen_before()),
    "rewound-row": ("rewound-row", given(10, "row")),
    "rewound-post": ("rewound-post", given(5, "post")),
    "reassigned-row": ("reassigned-row", held("rows", swapped)),
    "reassigned-post": ("reassigned-post", held("posts", swapped)),
    "reassigned-attachment": ("reassigned-attachment", entered(swapped)),
    "torn-row": ("torn-row:mysql-2", held("rows", lambda found: (*found, (999, "")), ("mysql-2",))),
    "torn-post": ("torn-post:mysql-2", held("posts", lambda found: (*found, (999, "")), ("mysql-2",))),
    "torn-attachment": ("torn-attachment:mysql-2", entered(lambda found: (*found, (999, "")), ("mysql-2",))),
    "unreadable": ("unreadable:mysql-1", change(story(), a(Contents, step=0, pod="mysql-1"), error="broken table")),
    "seed": ("seed:mysql-1", change(story(), a(Contents, step=0, pod="mysql-1"), baseline={"seed 1": "missing"})),
    "picture": ("picture:site", site(picture="missing (404)")),
    "session": ("session:site", site(session="nobody")),
    "install-offered": (
        "install-offered:site",
        [*story(), Read("site-b", FAULT, FAULT, FAULT + 0.1, False, "install-page", 302)],
    ),
    "missing-pods": ("missing-pods:database", gone("mysql-2")),
    "two-writable": ("two-writable", change(story(), a(ReplicaSeen, pod="mysql-1"), read_only=False)),
    "no-writable": ("no-writable", change(story(), a(ReplicaSeen, pod="mysql-0"), read_only=True)),
    "other-writable": (
        "other-writable",
        change(
            change(story(), a(ReplicaSeen, pod="mysql-0"), read_only=True), a(ReplicaSeen, pod="mysql-1"),
            read_only=False,
        ),
    ),
    "not-replicating": ("not-replicating:mysql-1", change(story(), a(ReplicaSeen, pod="mysql-1"), io_running="No")),
    "no-heartbeat": (
        "no-heartbeat:mysql-2",
        change(story(), a(Heartbeat, step=0), arrived={"mysql-1": 0.1, "mysql-2": None}),
    ),
    "differs": ("differs:mysql-2", held("rows", lambda found: found[:-1], ("mysql-2",))),
    "empty": ("empty:mysql-0", volume(NEW_CLONE | {"how": "bootstrap"})),
    "not-resumed": ("not-resumed:mysql-0", volume(NEW_CLONE, {"clone": "resume"})),
    "not-cloned": ("not-cloned:mysql-0", story(expect={"clone": "re-clone"})),
    "lineage": ("lineage:mysql-0", lost_mark()),
    "coordinates": ("coordinates:mysql-0", volume(NEW_CLONE | {"gtid": "0-100-900"})),
    "incomplete": (
        "incomplete:mysql-0",
        [
            replace(r, rows=r.rows[:9]) if isinstance(r, Contents) and (r.step, r.pod) == (0, "mysql-0") else r
            for r in volume(NEW_CLONE)
        ],
    ),
    "donor": ("donor:mysql-0", volume(NEW_CLONE | {"donor": "mysql-0"})),
    "out": ("out:reads", story(reads_down=99)),
    "slow": ("slow:reads", story(expect={"reads": {"p50_s": 0.01}})),
    "pod-out": ("pod-out:page", silent_pod()),
    "not-ready": ("not-ready:database", missed("database/ready")),
    "not-steady": ("not-steady:posts", missed("steady after the fault", "no steady good answers to posts")),
}  # fmt: skip


@pytest.mark.parametrize("prefix", KEYS)
def test_each_key_appears_and_fails_its_check(prefix: str) -> None:
    key, records = SHOWN[prefix]
    (step,) = judge(History(records)).steps
    found = {one["key"]: check for check in step.checks for one in check.figures["findings"]}
    assert key in found
    assert found[key].verdict is Verdict.FAIL
    assert key.partition(":")[0] == prefix


@pytest.mark.parametrize(
    "records",
    [
        entered(tuple),
        entered(lambda found: (*found, (999, "file-9")), DATABASES, refused("info")),
        entered(tuple, DATABASES, refused("info"), refused("fail")),
        unsure("info", "site-a", "site-b"),
        unsure("info"),
        unsure("fail"),
    ],
    ids=["all there", "entered everywhere", "entered nowhere", "served everywhere", "served nowhere", "refused"],
)
def test_uploads_that_are_as_they_were_answered_pass(records: list[Record]) -> None:
    found = next(check for check in judge(History(records)).steps[0].checks if check.name == "continuity")
    assert not found.figures["findings"], found.reason
    assert "uploads were not" not in found.reason


def test_no_key_is_without_a_test() -> None:
    assert SHOWN.keys() == KEYS.keys()


def test_a_check_fails_by_findings_and_by_nothing_else() -> None:
    for _, records in SHOWN.values():
        for check in judge(History(records)).steps[0].checks:
            assert (check.verdict is Verdict.FAIL) == bool(check.figures["findings"])


def test_seed_content_that_a_site_pod_does_not_serve_is_a_finding_of_the_part() -> None:
    records = change(story(), a(SiteContents, step=0, pod="site-a", at=READING), baseline=PAGES | {"seed 1": "missing"})
    checks = judge(History(records)).steps[0].checks
    assert [one["key"] for check in checks for one in check.figures["findings"]] == ["seed:site"]


def test_the_page_on_verdicts_has_a_line_for_each_key() -> None:
    page = (Path(__file__).parents[3] / "docs" / "verdicts.md").read_text()
    for key, meaning in KEYS.items():
        lines = [line for line in page.splitlines() if line.startswith((f"| `{key}`", f"| `{key}:"))]
        assert any(meaning in line for line in lines), key
