"""Lineage: whose data a pod bears is told by marks that replication does not carry, whatever a clone left in words."""

from __future__ import annotations

from typing import Any

import pytest
from histories import DATABASES, NEW_CLONE, PROVENANCE, a, change, drop, keys, result, story

from chaos.history import Record, VolumeSeen
from chaos.verdict import CheckResult, Verdict

NEW = {"claim_uid": "claim-new", "volume": "pv-new", "born": 5000.0}
MARK = {name: f"mark-{name}" for name in DATABASES}
CLONED = NEW | {"provenance": NEW_CLONE}
"""By its word and its volume mysql-0 was cloned from mysql-1."""


def marked(records: list[Record], *, mysql_0: tuple[str, ...] | None = ("old", MARK["mysql-0"])) -> list[Record]:
    """Each pod was given a mark before the fault and has it after it; what mysql-0 has then is for the test to say."""
    for name in DATABASES:
        before = {"marks": ("old", MARK[name]), "mark": MARK[name]}
        records = change(records, a(VolumeSeen, when="before", pod=name), **before)
        marks = mysql_0 if name == "mysql-0" else ("old", MARK[name])
        records = change(records, a(VolumeSeen, when="after", pod=name), marks=marks)
    return records


def clone(records: list[Record]) -> CheckResult:
    return result(records, "clone")


def after(records: list[Record], **changes: Any) -> list[Record]:
    return change(records, a(VolumeSeen, when="after", pod="mysql-0"), **changes)


def test_a_pod_with_its_own_mark_resumed() -> None:
    found = clone(marked(story(expect={"clone": "resume"})))
    assert found.verdict is Verdict.PASS
    assert found.figures["pods"]["mysql-0"]["data_of"] == "mysql-0"


def test_a_pod_with_its_donor_s_mark_was_cloned_from_it() -> None:
    records = after(story(expect={"clone": "re-clone"}), **CLONED)
    found = clone(marked(records, mysql_0=("old", MARK["mysql-1"])))
    assert found.verdict is Verdict.PASS
    assert found.figures["pods"]["mysql-0"]["data_of"] == "mysql-1"


def test_a_clone_through_a_pod_that_was_cloned_itself_is_one_from_its_donor() -> None:
    records = marked(after(story(expect={"clone": "re-clone"}), **CLONED), mysql_0=("old", MARK["mysql-2"]))
    renewed = {**NEW, "pod_uid": "mysql-1-new", "provenance": NEW_CLONE | {"donor": "mysql-2"}}
    records = change(records, a(VolumeSeen, when="after", pod="mysql-1"), **renewed, marks=("old", MARK["mysql-2"]))
    assert clone(records).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("cloned", "marks", "says"),
    [
        (True, ("old", MARK["mysql-0"]), "bears the mark that was written to mysql-0 alone before the fault"),
        (True, ("old", MARK["mysql-2"]), "bears the mark that was written to mysql-2 alone"),
        (True, ("old",), "bears no mark that was written in this run"),
        (True, (), "bears no mark that was written in this run"),
        (False, ("old", MARK["mysql-1"]), "came back as if on its own data, but that bears the mark"),
        (False, ("old",), "came back as if on its own data, but that bears no mark that was written in this run"),
    ],
    ids=["a resume dressed up", "another donor", "a copy from before", "no copy at all", "a clone dressed up", "old"],
)
def test_words_that_the_marks_contradict_fail(cloned: bool, marks: tuple[str, ...], says: str) -> None:
    records = after(story(), **CLONED) if cloned else story()
    found = clone(marked(records, mysql_0=marks))
    assert found.verdict is Verdict.FAIL
    assert says in found.reason
    assert keys(found) == ["lineage:mysql-0"]


def test_data_as_it_was_in_an_earlier_step_is_old_data() -> None:
    records = marked(story(), mysql_0=("old", "earlier"))
    earlier = [
        VolumeSeen(-5.0, -1, "before", "mysql-0", "u", "c", "cu", "v", marks=("old", "earlier"), mark="earlier"),
    ]
    found = clone([*earlier, *records])
    assert found.verdict is Verdict.FAIL
    assert "lacks the mark that was written to it before the fault, and bears an older one: it is old data" in (
        found.reason
    )


def test_a_copy_of_what_the_donor_was_in_an_earlier_step_is_old_data() -> None:
    records = marked(after(story(), **CLONED), mysql_0=("old", "earlier"))
    earlier = [
        VolumeSeen(-5.0, -1, "before", "mysql-1", "u", "c", "cu", "v", marks=("old", "earlier"), mark="earlier"),
    ]
    found = clone([*earlier, *records])
    assert found.verdict is Verdict.FAIL
    assert "and not that of this step: it is old data" in found.reason


def test_a_pod_that_nothing_happened_to_and_that_lost_its_mark_fails() -> None:
    records = change(marked(story()), a(VolumeSeen, when="after", pod="mysql-2"), marks=("old",))
    found = clone(records)
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["lineage:mysql-2"])


@pytest.mark.parametrize(
    ("changes", "marks", "how"),
    [
        (NEW, ("old", MARK["mysql-1"]), "re-clone"),
        ({"born": None}, ("old", MARK["mysql-0"]), "resume"),
    ],
)
def test_marks_tell_where_nothing_else_does(changes: dict[str, Any], marks: tuple[str, ...], how: str) -> None:
    records = change(story(), lambda r: isinstance(r, VolumeSeen), provenance=None, born=None)
    found = clone(marked(after(records, **changes), mysql_0=marks))
    assert (found.verdict, found.figures["how"]) == (Verdict.PASS, how)


@pytest.mark.parametrize(("limit", "verdict"), [("resume", Verdict.UNKNOWN), (None, Verdict.PASS)])
def test_marks_that_could_not_be_read_leave_a_limit_open(limit: str | None, verdict: Verdict) -> None:
    found = clone(marked(story(expect={"clone": limit} if limit else None), mysql_0=None))
    assert (found.verdict, found.figures["how"]) == (verdict, "resume")
    if limit:
        assert found.reason == "mysql-0 resumed on its own data, but the marks in its data could not be read"


def looked(pod: str, mark: str) -> VolumeSeen:
    """What was seen of a pod before the baseline, when it was given a mark."""
    return VolumeSeen(
        -5.0, -1, "before", pod, f"{pod}-old", f"data-{pod}", f"claim-{pod}", f"pv-{pod}", 1000.0, dict(PROVENANCE),
        marks=("old", mark), mark=mark,
    )  # fmt: skip


def test_a_pod_that_could_be_given_no_mark_before_the_fault_leaves_a_limit_open() -> None:
    records = marked(story(expect={"clone": "resume"}), mysql_0=("old",))
    kept = change(records, a(VolumeSeen, pod="mysql-0"), marks=("old", "early"), mark="")
    found = clone([looked("mysql-0", "early"), *kept])
    assert found.verdict is Verdict.UNKNOWN
    assert "mysql-0 could be given no mark before the fault" in found.reason


def test_a_clone_whose_donor_could_be_given_no_mark_leaves_a_limit_open() -> None:
    records = marked(after(story(expect={"clone": "re-clone"}), **CLONED), mysql_0=("old", "early"))
    records = change(records, a(VolumeSeen, pod="mysql-1"), marks=("old", "early"), mark="")
    found = clone([looked("mysql-1", "early"), *records])
    assert (found.verdict, "mysql-1 could be given no mark before the fault" in found.reason) == (Verdict.UNKNOWN, True)


def test_a_pod_that_was_not_there_before_the_fault_resumes_by_its_mark_of_an_earlier_step() -> None:
    records = drop(marked(story(expect={"clone": "resume"})), a(VolumeSeen, when="before", pod="mysql-0"))
    assert clone([looked("mysql-0", MARK["mysql-0"]), *records]).verdict is Verdict.PASS


def test_without_marks_before_the_fault_none_after_it_is_no_finding() -> None:
    records = change(story(), a(VolumeSeen, when="after"), marks=())
    assert clone(records).verdict is Verdict.PASS
