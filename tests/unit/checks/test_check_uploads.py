"""Uploads and single pods: what was uploaded is served by every pod that stays, and each of them serves again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import (
    END,
    FAULT,
    FIRST_READING,
    PAGES,
    PLAN,
    READING,
    SITES,
    STEADY,
    a,
    change,
    drop,
    keys,
    pod,
    result,
    story,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.checks.uploads import judge as judge_uploads
from chaos.history import BASELINE, History, PodSeen, Read, Record, SiteContents, Skipped, StepBegun, Write
from chaos.verdict import CheckResult, Verdict

WITH_FILES = PLAN | {
    "workload": PLAN["workload"] | {"uploads_per_s": 2.0, "file_reads_per_s": 2.0},
}
EXCUSED = {"uploads": {"may_stay_out": True}}


def files_story(expect: dict[str, Any] | None = None, *, up: float = FAULT + 4, baseline: bool = False) -> list[Record]:
    """The story with two uploads a second and reads of files of both site pods; all of them out from 10 s to `up`."""
    records = story(expect=expect, plan=WITH_FILES, baseline=baseline)
    sent = [upload(n, bad=FAULT <= n / 2 < up) for n in range(-30 if baseline else 0, int(2 * STEADY))]
    records += [write for write in sent if not baseline or write.start < -5 or write.start > 0]
    for site in SITES:
        records += file_reads(site, "static", FAULT, FAULT + 1)
        records += file_reads(site, "upload", FAULT, up)
    records = [served(r, records) for r in records]
    return records


def upload(n: int, *, bad: bool = False) -> Write:
    due, token = n / 2, f"upload-{n}"
    outcome, reason = ("info", "timeout") if bad else ("ok", "")
    return Write("upload", "uploads", n, token, due, due, due + 0.05, outcome, reason, digest=f"hash-{n}")


def file_reads(site: str, what: str, down: float, up: float) -> list[Read]:
    dues = [n / 2 for n in range(int(2 * END))]
    return [Read(site, d, d, d + 0.02, not down <= d < up, "timeout" if down <= d < up else "", 0, what) for d in dues]


def served(record: Record, records: list[Record]) -> Record:
    """What a site pod serves of the uploads that were acknowledged by then; also whom it takes the login for."""
    if not isinstance(record, SiteContents):
        return record
    done = [
        r for r in records if isinstance(r, Write) and r.what == "upload" and r.outcome == "ok" and r.end < record.at
    ]
    found = () if record.step == FIRST_READING else tuple((w.token, w.digest) for w in done)
    return replace(record, uploads=found, baseline=record.baseline | {"session": "admin"})


def continuity(records: list[Record]) -> CheckResult:
    return result(records, "continuity")


def availability(records: list[Record]) -> CheckResult:
    return result(records, "availability")


def spoil(
    records: list[Record], sites: tuple[str, ...], instead: str, *, step: int = 0, number: int = 3
) -> list[Record]:
    """The records with the first uploads served as something else by some pods."""
    return [
        replace(r, uploads=tuple((t, instead if n < number else d) for n, (t, d) in enumerate(r.uploads)))
        if isinstance(r, SiteContents) and r.step == step and r.pod in sites
        else r
        for r in records
    ]


def test_uploads_that_every_pod_serves_pass_and_are_counted() -> None:
    found = continuity(files_story())
    assert found.verdict is Verdict.PASS
    assert found.figures["uploads"] == {
        "acknowledged": 26,
        "looked_for": 26,
        "lost": 0,
        "missing_on": {"site-a": 0, "site-b": 0},
        "resurrected": 0,
        "differing": 0,
    }
    assert found.figures["acknowledged"] == 155 + 26


@pytest.mark.parametrize("instead", ["missing (404)", "another hash"])
def test_uploads_that_no_pod_serves_are_lost(instead: str) -> None:
    found = continuity(spoil(files_story(), SITES, instead))
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["lost-upload"])
    assert found.reason.startswith("3 of 26 acknowledged uploads were lost (6 x ")
    assert found.figures["lost"] == 3
    assert "what the site pods named here have mounted" in (found.advice or "")


def test_uploads_that_some_pods_do_not_serve_fail_and_name_the_pods() -> None:
    found = continuity(spoil(files_story(), ("site-b",), "missing (404)"))
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["upload-missing:site"])
    assert found.reason == "3 of 26 acknowledged uploads are not served by site-b (3 x missing (404))"


def test_lost_uploads_are_counted_apart_from_those_lost_before() -> None:
    found = continuity(spoil(files_story(baseline=True), SITES, "missing (404)"))
    assert ", none of them missing before the first fault" in found.reason
    assert [one["before"] for one in found.figures["findings"]] == [False]
    both = spoil(spoil(files_story(baseline=True), SITES, "missing (404)"), SITES, "missing (404)", step=BASELINE)
    found = continuity(both)
    assert "lost, all of them missing before the first fault" in found.reason
    assert [one["before"] for one in found.figures["findings"]] == [True]


def test_an_upload_that_nobody_looked_for_is_unknown() -> None:
    records = change(files_story(), a(SiteContents, step=0), uploads=())
    found = continuity(records)
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "26 acknowledged uploads were not looked for")


def test_an_upload_that_one_pod_was_not_asked_for_is_unknown_and_not_lost() -> None:
    asked = change(files_story(), a(SiteContents, step=0, pod="site-b"), uploads=())
    found = continuity(asked)
    assert found.reason == "26 acknowledged uploads were not looked for on site-b"
    found = continuity(spoil(asked, ("site-a",), "missing (404)"))
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["upload-missing:site"])


def test_an_upload_acknowledged_while_the_pods_were_read_is_not_missed() -> None:
    late = replace(upload(99), start=READING, end=READING + 0.5)
    assert continuity([*files_story(), late]).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("name", "value"),
    [("picture", "missing (504)"), ("picture", "zz"), ("session", "nobody"), ("session", "missing (302)")],
)
def test_another_picture_or_session_is_a_finding_of_its_own(name: str, value: str) -> None:
    records = change(
        files_story(), a(SiteContents, step=0, pod="site-b"), baseline=PAGES | {"session": "admin", name: value}
    )
    found = continuity(records)
    assert (found.verdict, keys(found)) == (Verdict.FAIL, [f"{name}:site"])
    assert "site-b" in found.reason
    assert value in found.reason


def test_a_pod_that_says_nothing_of_the_session_fails_once_another_reading_had_one() -> None:
    found = continuity(change(files_story(), a(SiteContents, step=0, pod="site-b"), baseline=dict(PAGES)))
    assert keys(found) == ["session:site"]


def test_while_uploads_may_stay_out_neither_they_nor_the_picture_are_judged() -> None:
    records = spoil(files_story(EXCUSED, up=99), SITES, "missing (timeout)")
    hung = PAGES | {"session": "admin", "picture": "missing (timeout)"}
    records = change(records, a(SiteContents, step=0), baseline=hung)
    assert continuity(records).verdict is Verdict.PASS
    assert availability(records).verdict is Verdict.PASS
    other = change(records, a(SiteContents, step=0), baseline=hung | {"session": "nobody"})
    assert keys(continuity(other)) == ["session:site"]


def test_a_reading_that_hung_at_the_picture_is_no_gap_while_uploads_may_stay_out() -> None:
    seen = {name: value for name, value in PAGES.items() if name != "picture"} | {"session": "admin"}
    records = change(files_story(EXCUSED), a(SiteContents, step=0), error="timeout", baseline=seen)
    assert continuity(records).verdict is Verdict.PASS
    records = change(files_story(EXCUSED), a(SiteContents, step=0), error="timeout", baseline={})
    assert continuity(records).verdict is Verdict.UNKNOWN


def test_no_upload_acknowledged_before_or_after_the_fault_is_unknown() -> None:
    records = drop(files_story(), lambda r: isinstance(r, Write) and r.what == "upload" and r.start > FAULT)
    assert "no upload was acknowledged after the fault" in continuity([served(r, records) for r in records]).reason
    assert continuity([served(r, records) for r in records]).verdict is Verdict.UNKNOWN


def test_uploads_have_a_limit_of_their_own_that_holds_for_reading_them_too() -> None:
    assert availability(files_story({"uploads": {"longest_outage_s": 9.0}})).verdict is Verdict.PASS
    found = availability(files_story({"uploads": {"longest_outage_s": 2.0}}))
    assert found.verdict is Verdict.FAIL
    assert keys(found) == ["out:uploads"] * 3
    assert "uploads were out for 3.45 s to 4.55 s of at most 2.00 s allowed (8 hung)" in found.reason
    assert "upload of site-a was out for" in found.reason
    assert availability(files_story({"reads": {"longest_outage_s": 3.0}})).verdict is Verdict.PASS


def test_a_limit_for_uploads_that_nobody_sent_is_unknown() -> None:
    found = availability(story(expect={"uploads": {"longest_outage_s": 2.0}}))
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN, "no uploads were made, so the limit of 2.00 s was not put to the test",
    )  # fmt: skip


def test_files_are_reported_for_each_pod_with_both_bounds() -> None:
    found = availability(files_story())
    assert found.figures["static of site-a"]["longest_no_shorter_than_s"] == 0.48
    assert found.figures["static of site-a"]["longest_no_longer_than_s"] == 1.52
    assert found.figures["upload of site-b"]["reasons"] == {"timeout": 8}
    assert {(one.kind, one.via) for one in found.outages} >= {
        ("read-static", "site-a"),
        ("read-upload", "site-b"),
        ("uploads", "upload"),
    }


@pytest.mark.parametrize(
    ("what", "says"),
    [("page", "reads of site-a were"), ("static", "static of site-a was"), ("upload", "upload of site-a was")],
)
def test_a_pod_that_stays_and_does_not_come_back_fails_naming_pod_and_kind(what: str, says: str) -> None:
    records = drop(
        files_story(), lambda r: isinstance(r, Read) and (r.via, r.what) == ("site-a", what) and r.start >= FAULT
    )
    dues = [FAULT + n / 2 for n in range(1, 17)]
    records += [Read("site-a", due, due, due + 0.4, False, "timeout", 0, what) for due in dues]
    found = availability(records)
    assert (found.verdict, keys(found)) == (Verdict.FAIL, [f"pod-out:{what}"])
    assert found.reason == f"{says} still out at the step's end, since 10.9 s into the run (16 hung)"
    gone = [*records, pod(READING, "site-a", "site", change="deleted")]
    assert availability(gone).verdict is Verdict.PASS
    ending = [*records, pod(READING, "site-a", "site", terminating=True)]
    assert availability(ending).verdict is Verdict.PASS
    kind = "uploads" if what == "upload" else "reads"
    excused = change(records, a(StepBegun), expect={kind: {"may_stay_out": True}})
    assert availability(excused).verdict is Verdict.PASS


def test_several_pods_that_do_not_come_back_are_told_in_one_phrase() -> None:
    records = drop(files_story(), lambda r: isinstance(r, Read) and r.what == "static" and r.start >= FAULT)
    dues = [FAULT + n / 2 for n in range(1, 17)]
    records += [Read(site, due, due, due + 0.4, False, "timeout", 0, "static") for due in dues for site in SITES]
    assert availability(records).reason == (
        "static of site-a, site-b was still out at the step's end, since 10.9 s into the run (32 hung)"
    )


def test_a_pod_that_was_not_asked_since_the_stack_was_steady_again_is_not_failed() -> None:
    records = drop(
        files_story(), lambda r: isinstance(r, Read) and (r.via, r.what) == ("site-a", "page") and r.start >= FAULT
    )
    records += [Read("site-a", due, due, due + 0.4, False, "timeout") for due in (FAULT + 1, FAULT + 2, STEADY - 0.5)]
    assert availability(records).verdict is Verdict.PASS
    late = Read("site-a", STEADY + 1, STEADY + 1, STEADY + 1.4, False, "timeout")
    assert keys(availability([*records, late])) == ["pod-out:page"]


@pytest.mark.parametrize("end", ["first", "last"])
def test_a_new_pods_first_bad_answer_and_a_lone_last_one_leave_the_limit_decided(end: str) -> None:
    records = files_story({"uploads": {"longest_outage_s": 9.0}})
    records += [pod(FAULT + 5, "site-new", "site"), *file_reads("site-new", "upload", 0, 0)]
    records = [r for r in records if not (isinstance(r, Read) and r.via == "site-new" and r.start < FAULT + 5)]
    of_new = [r for r in records if isinstance(r, Read) and r.via == "site-new"]
    bad = of_new[0 if end == "first" else -1]
    records = [replace(r, ok=False, reason="refused") if r is bad else r for r in records]
    assert availability(records).verdict is Verdict.PASS


def test_answers_that_hung_are_told_from_those_that_were_refused_or_bad() -> None:
    records = files_story({"reads": {"longest_outage_s": 1.0}})
    bad = [r for r in records if isinstance(r, Read) and r.via == "service" and not r.ok]
    kinds = [("timeout", 0)] * 20 + [("refused", 0)] * 15 + [("status", 503)] * 5
    mixed = [replace(r, reason=reason, status=status) for r, (reason, status) in zip(bad, kinds, strict=True)]
    found = availability([r for r in records if r not in bad] + list(mixed))
    assert found.reason.endswith("of at most 1.00 s allowed (20 hung, 15 refused, 5 status 503)")


def test_skipped_requests_of_files_are_counted_with_their_pod() -> None:
    skipped = [Skipped("static site-a", 12.0 + n / 10, "8 in flight") for n in range(5)]
    skipped += [Skipped("upload site-a", 12.0 + n / 10, "8 in flight") for n in range(4)]
    skipped += [Skipped("uploads", 12.0 + n / 10, "8 in flight") for n in range(3)]
    figures = availability([*files_story(), *skipped]).figures
    assert [figures[label]["skipped"] for label in ("static of site-a", "upload of site-a", "uploads")] == [5, 4, 3]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["good", "missing (404)", "other", "unread"]), min_size=2, max_size=2), max_size=6
    )
)
def test_uploads_agree_with_a_slow_and_obvious_oracle(each: list[list[str]]) -> None:
    sent = [upload(n) for n in range(len(each))]
    sites = {}
    for number, site in enumerate(SITES):
        said = {write: both[number] for write, both in zip(sent, each, strict=True) if both[number] != "unread"}
        found = tuple((write.token, write.digest if word == "good" else word) for write, word in said.items())
        sites[site] = SiteContents(READING, 0, site, uploads=found)
    history = History([StepBegun(0.0, 0, "s", "noop", "stack", {}), *sent])
    judged = judge_uploads(history, history.steps[0], sites)
    bad = [[said not in ("good", "unread") for said in both] for both in each]
    assert judged.figures["lost"] == sum(all(both) for both in bad)
    some = sum(any(both) and not all(both) for both in bad)
    assert [one.key for one in judged.findings] == ["lost-upload"] * (judged.figures["lost"] > 0) + [
        "upload-missing:site"
    ] * (some > 0)
    assert bool(judged.unknown) == any("unread" in both for both in each)


def test_a_pod_that_nobody_watched_is_not_asked_for() -> None:
    records = drop(files_story(), a(PodSeen, role="site"))
    assert availability(records).verdict is Verdict.PASS


def test_a_first_reading_that_missed_something_is_no_fault_of_a_later_one_that_has_it() -> None:
    missed = PAGES | {"session": "admin", "picture": "missing (timeout)"}
    records = change(files_story(baseline=True), a(SiteContents, step=FIRST_READING), baseline=missed)
    assert continuity(records).verdict is Verdict.PASS, "the baseline's reading has it"
    never = change(records, a(SiteContents, step=BASELINE), baseline=missed)
    found = continuity(never)
    reason = "the seed content of the site pods (picture) was not read before this step"
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, reason)
    other = change(records, a(SiteContents, step=0, pod="site-b"), baseline=missed | {"picture": "zz"})
    assert keys(continuity(other)) == ["picture:site"]


@pytest.mark.parametrize("problem", ["no login: timeout", "nobody signed in"])
def test_that_nobody_could_sign_in_is_held_against_no_pod(problem: str) -> None:
    seen = PAGES | {"session": f"missing ({problem})"}
    found = continuity(change(files_story(), a(SiteContents, step=0), baseline=seen))
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN,
        "nobody could sign in, so no pod was shown a login cookie",
    )
