"""Clone: resume, re-clone and an empty start told apart by what each pod stood on before and after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import (
    END,
    FAULT,
    NEW_CLONE,
    PROVENANCE,
    STARTED_AT,
    a,
    change,
    drop,
    keys,
    pod,
    result,
    story,
    the_end,
    volumes,
)

from chaos.history import (
    BASELINE,
    ActionBegun,
    Contents,
    PodSeen,
    Record,
    ReplicaSeen,
    StepBegun,
    StepEnded,
    VolumeSeen,
)
from chaos.verdict import CheckResult, Verdict


def clone(records: list[Record], step: int = 0) -> CheckResult:
    return result(records, "clone", step)


def after(records: list[Record], name: str = "mysql-0", **changes: Any) -> list[Record]:
    return change(records, a(VolumeSeen, when="after", pod=name), **changes)


NEW = {"claim_uid": "claim-new", "volume": "pv-new", "born": 5000.0}


def test_a_pod_on_its_own_volume_and_data_resumed() -> None:
    found = clone(story(expect={"clone": "resume"}))
    assert (found.verdict, found.figures["how"]) == (Verdict.PASS, "resume")
    assert list(found.figures["pods"]) == ["mysql-0"]


def test_a_new_volume_with_a_new_clone_is_a_re_clone_and_names_donor_size_and_time() -> None:
    found = clone(after(story(expect={"clone": "re-clone"}), **NEW, provenance=NEW_CLONE))
    assert (found.verdict, found.figures["how"]) == (Verdict.PASS, "re-clone")
    assert "18.0 MB from mysql-1 in 2.50 s" in found.reason
    one = found.figures["pods"]["mysql-0"]
    assert (one["donor"], one["bytes"], one["took_s"], one["began_s"]) == ("mysql-1", 18e6, 2.5, 11.0)


def test_times_of_a_clone_may_be_iso_8601() -> None:
    times = {"began": "2026-11-23T00:00:11.500Z", "finished": "2026-11-23T00:00:13.000Z"}
    records = after(story(), **NEW, provenance=NEW_CLONE | times)
    records = change(records, lambda r: r.kind == "run-begun", started_at=1795392000.0)
    found = clone(records)
    assert (found.verdict, found.figures["pods"]["mysql-0"]["began_s"]) == (Verdict.PASS, 11.5)
    assert found.figures["pods"]["mysql-0"]["took_s"] == 1.5


def test_a_re_clone_where_resume_was_expected_fails() -> None:
    found = clone(after(story(expect={"clone": "resume"}), born=5000.0, provenance=NEW_CLONE))
    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith("mysql-0 was to resume, but was cloned anew")


def test_a_resume_where_a_re_clone_was_expected_fails() -> None:
    found = clone(story(expect={"clone": "re-clone"}))
    assert (found.verdict, found.reason) == (
        Verdict.FAIL, "mysql-0 was to be cloned anew, but resumed on its own data",
    )  # fmt: skip


@pytest.mark.parametrize("expect", [{}, {"clone": "re-clone"}, {"clone": "resume"}])
def test_an_empty_start_always_fails(expect: dict[str, str]) -> None:
    bootstrap = NEW_CLONE | {"how": "bootstrap", "donor": ""}
    found = clone(after(story(expect=expect), **NEW, provenance=bootstrap))
    assert (found.verdict, found.figures["how"]) == (Verdict.FAIL, "bootstrap")
    assert found.reason.startswith("mysql-0 started empty")


def test_a_bootstrap_from_before_the_run_is_no_empty_start() -> None:
    first = PROVENANCE | {"how": "bootstrap", "donor": ""}
    records = change(story(expect={"clone": "resume"}), a(VolumeSeen, pod="mysql-0"), provenance=first)
    assert clone(records).verdict is Verdict.PASS


@pytest.mark.parametrize("expect", [{}, {"clone": "re-clone"}])
def test_a_volume_replaced_behind_the_tools_back_is_reported(expect: dict[str, str]) -> None:
    found = clone(after(story(expect=expect), **NEW, provenance=NEW_CLONE))
    assert found.verdict is Verdict.PASS
    assert "its claim and volume were replaced, which delete-pod does not do" in found.reason
    assert found.figures["pods"]["mysql-0"]["swapped"] is True


@pytest.mark.parametrize("provenance", [None, PROVENANCE, NEW_CLONE])
def test_a_volume_replaced_where_resume_was_expected_fails_whatever_is_on_it(provenance: Any) -> None:
    found = clone(after(story(expect={"clone": "resume"}), **NEW, provenance=provenance))
    assert found.verdict is Verdict.FAIL
    assert "were replaced" in found.reason


def test_another_pod_that_cloned_itself_anew_breaks_resume_as_well() -> None:
    records = after(story(expect={"clone": "resume"}), "mysql-2", born=5000.0, provenance=NEW_CLONE)
    assert clone(records).verdict is Verdict.FAIL
    without = after(story(), "mysql-2", born=5000.0, provenance=NEW_CLONE)
    assert (clone(without).verdict, clone(without).figures["how"]) == (Verdict.PASS, "re-clone, resume")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (NEW | {"provenance": PROVENANCE}, "with the provenance from before"),
        (NEW | {"provenance": None}, "no word of where its data came from"),
        (NEW | {"provenance": NEW_CLONE | {"how": "wish"}}, "no word of where its data came from"),
        ({"provenance": NEW_CLONE}, "on a data folder that is not new"),
        (NEW | {"provenance": NEW_CLONE | {"donor": ""}}, "names no donor"),
        (NEW | {"provenance": NEW_CLONE | {"gtid": ""}}, "names no position"),
        (NEW | {"provenance": NEW_CLONE | {"began": None}}, "names no times"),
        (NEW | {"provenance": NEW_CLONE | {"began": "yesterday"}}, "names no times"),
        (NEW | {"provenance": NEW_CLONE | {"finished": STARTED_AT}}, "which can't be"),
        (NEW | {"provenance": NEW_CLONE | {"began": STARTED_AT - 60}}, "did not begin in this step"),
        ({"error": "exec timed out"}, "could not be looked at"),
    ],
)
def test_evidence_that_is_missing_or_contradicts_itself_is_unknown(changes: dict[str, Any], says: str) -> None:
    found = clone(after(story(), **changes))
    assert (found.verdict, found.figures["how"]) == (Verdict.UNKNOWN, "unknown")
    assert says in found.reason


def test_a_pod_that_names_itself_as_donor_fails() -> None:
    found = clone(after(story(), **NEW, provenance=NEW_CLONE | {"donor": "mysql-0"}))
    assert found.verdict is Verdict.FAIL
    assert "from mysql-0, itself" in found.reason


def test_a_pod_back_without_birth_and_provenance_is_unknown() -> None:
    records = change(story(), a(VolumeSeen), born=None, provenance=None)
    assert clone(records).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("known", [{"born": 1000.0, "provenance": None}, {"born": None, "provenance": PROVENANCE}])
def test_either_the_birth_or_the_provenance_shows_a_resume(known: dict[str, Any]) -> None:
    assert clone(change(story(), a(VolumeSeen), **known)).figures["how"] == "resume"


def untouched(records: list[Record]) -> list[Record]:
    records = after(records, pod_uid="mysql-0-old")
    return drop(records, lambda r: isinstance(r, PodSeen) and r.at > FAULT)


def test_without_a_replaced_pod_there_is_nothing_to_judge() -> None:
    assert clone(untouched(story())).reason == "no database pod was replaced"
    found = clone(untouched(story(expect={"clone": "resume"})))
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN, "no database pod was replaced, so there was nothing to resume",
    )  # fmt: skip


def test_a_replaced_pod_whose_volume_nobody_looked_at_is_unknown() -> None:
    for records in (
        drop(story(), a(VolumeSeen, when="after")),
        drop(story(), a(VolumeSeen, when="after", pod="mysql-0")),
    ):
        assert clone(records).verdict is Verdict.UNKNOWN


def test_a_pod_that_is_new_in_the_step_is_told_by_its_provenance() -> None:
    before = drop(story(), a(VolumeSeen, when="before", pod="mysql-0"))
    assert clone(before).figures["how"] == "resume"
    assert clone(after(before, provenance=NEW_CLONE)).figures["how"] == "re-clone"
    assert clone(after(before, provenance=NEW_CLONE | {"how": "bootstrap"})).verdict is Verdict.FAIL
    assert clone(after(before, provenance=None)).verdict is Verdict.UNKNOWN


def test_a_pod_that_comes_back_in_a_later_step_is_held_against_its_volume_of_an_earlier_one() -> None:
    records = story()
    records += [
        StepBegun(20.0, 1, "back to three", "scale", "database", {"clone": "resume"}),
        *(replace(r, at=29.0, step=1, pod_uid=r.pod + "-again") for r in volumes("after", 29.0)),
        *(pod(25.0, f"mysql-{n}", "database/replica", uid="again") for n in range(3)),
        StepEnded(30.0, 1),
    ]
    assert (result(records, "clone", 1).verdict, result(records, "clone", 1).figures["how"]) == (Verdict.PASS, "resume")
    swapped = change(records, a(VolumeSeen, step=1, pod="mysql-2"), claim_uid="new", born=6000.0)
    assert result(swapped, "clone", 1).verdict is Verdict.FAIL
    assert list(result(swapped, "clone", 0).figures["pods"]) == ["mysql-0"]


def test_a_pod_that_was_scaled_away_is_not_judged() -> None:
    records = drop(story(), a(VolumeSeen, when="after", pod="mysql-2"))
    records.append(pod(FAULT + 1, "mysql-2", "database/replica", change="deleted"))
    assert list(clone(records).figures["pods"]) == ["mysql-0"]


def volume_deleted(records: list[Record], *pods: str) -> list[Record]:
    """The records of a step that deletes the claims of these pods and the pods."""
    objects = (*(f"pod/{pod}" for pod in pods), *(f"persistentvolumeclaim/data-{pod}" for pod in pods))
    records = change(records, a(ActionBegun), action="delete-volume", objects=objects)
    return change(records, a(StepBegun), action="delete-volume")


@pytest.mark.parametrize("expect", [{}, {"clone": "re-clone"}])
def test_a_pod_whose_volume_the_run_deleted_is_cloned_anew_and_nobody_else_did_it(expect: dict[str, str]) -> None:
    found = clone(after(volume_deleted(story(expect=expect), "mysql-0"), **NEW, provenance=NEW_CLONE))
    assert (found.verdict, found.figures["how"]) == (Verdict.PASS, "re-clone")
    assert "somebody else" not in found.reason
    assert "swapped" not in found.figures["pods"]["mysql-0"]


def test_a_pod_whose_volume_the_run_deleted_and_that_came_back_empty_fails() -> None:
    bootstrap = NEW_CLONE | {"how": "bootstrap", "donor": ""}
    found = clone(after(volume_deleted(story(), "mysql-0"), **NEW, provenance=bootstrap))
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["empty:mysql-0"])


def test_a_claim_that_was_to_be_deleted_and_is_still_there_is_unknown() -> None:
    found = clone(volume_deleted(story(expect={"clone": "re-clone"}), "mysql-0"))
    assert found.verdict is Verdict.UNKNOWN
    assert "mysql-0 resumed on the claim that was to be deleted" in found.reason


def test_of_a_deleted_volume_only_its_own_pod_has_to_be_cloned_anew() -> None:
    records = volume_deleted(story(expect={"clone": "re-clone"}), "mysql-2")
    records = after(records, "mysql-2", **NEW, provenance=NEW_CLONE, pod_uid="mysql-2-new")
    found = clone(records)
    assert (found.verdict, found.figures["how"]) == (Verdict.PASS, "re-clone, resume")
    other = after(records, "mysql-1", **NEW, provenance=NEW_CLONE | {"donor": "mysql-2"}, pod_uid="mysql-1-new")
    assert clone(other).figures["pods"]["mysql-1"]["swapped"] is True


def test_of_two_clones_in_one_step_the_last_one_counts() -> None:
    again = NEW_CLONE | {"began": STARTED_AT + 13.0, "finished": STARTED_AT + 14.5}
    records = volume_deleted(story(expect={"clone": "re-clone"}), "mysql-2")
    records += [pod(FAULT + n, "mysql-2", "database/replica", uid=f"new-{n}") for n in (1, 3)]
    records = after(records, "mysql-2", **NEW, provenance=again, pod_uid="mysql-2-new-3")
    assert clone(records).verdict is Verdict.PASS
    assert clone(records).figures["pods"]["mysql-2"]["began_s"] == 13.0


def scaled_back(provenance: Any, expect: dict[str, Any], **changes: Any) -> CheckResult:
    """The claim of mysql-2, which has no pod then, is deleted in step 0; the pod comes back in step 1."""
    records = volume_deleted(story(), "mysql-2")
    records = drop(records, a(VolumeSeen, when="after", pod="mysql-2"))
    records += [
        pod(FAULT + 1, "mysql-2", "database/replica", change="deleted"),
        StepBegun(20.0, 1, "back to three", "scale", "database", expect),
        ActionBegun(21.0, 1, "scale", ("statefulset/mysql",)),
        *(replace(r, at=20.5, step=1) for r in volumes("before", 20.5) if r.pod != "mysql-2"),
        *(replace(r, at=29.0, step=1, pod_uid=f"{r.pod}-old") for r in volumes("after", 29.0)),
        pod(25.0, "mysql-2", "database/replica", uid="again"),
        StepEnded(30.0, 1),
    ]
    values = NEW | {"pod_uid": "mysql-2-again", "provenance": provenance} | changes
    return result(change(records, a(VolumeSeen, step=1, when="after", pod="mysql-2"), **values), "clone", 1)


LATE_CLONE = NEW_CLONE | {"began": STARTED_AT + 23.0, "finished": STARTED_AT + 24.0}


def test_a_pod_that_comes_back_on_a_claim_that_an_earlier_step_deleted_is_cloned_anew() -> None:
    found = scaled_back(LATE_CLONE, {"clone": "re-clone"})
    assert (found.verdict, found.figures["pods"]["mysql-2"]["how"]) == (Verdict.PASS, "re-clone")
    assert "somebody else" not in found.reason
    assert found.figures["pods"]["mysql-2"]["donor_by_ordinal"] == "mysql-1"
    assert scaled_back(LATE_CLONE, {}).verdict is Verdict.PASS
    assert keys(scaled_back(LATE_CLONE, {"clone": "resume"})) == ["not-resumed:mysql-2"]
    assert keys(scaled_back(LATE_CLONE | {"how": "bootstrap"}, {})) == ["empty:mysql-2"]
    assert scaled_back(None, {}).verdict is Verdict.UNKNOWN


def test_a_clone_was_wanted_and_of_those_replaced_none_was() -> None:
    found = clone(volume_deleted(story(expect={"clone": "re-clone"}), "mysql-7"))
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "no database pod was cloned anew")


def test_what_xtrabackup_leaves_is_a_clone_by_donor_and_position_without_times() -> None:
    said = {"kind": "xtrabackup", "how": "clone", "donor": "mysql-1", "position": "binlog.000002:154"}
    found = clone(after(volume_deleted(story(), "mysql-0"), **NEW, provenance=said))
    assert (found.verdict, found.reason) == (Verdict.PASS, "mysql-0 was cloned anew: from mysql-1")
    assert found.figures["pods"]["mysql-0"]["gtid"] == "binlog.000002:154"
    for lacking in ("donor", "position"):
        one = clone(after(volume_deleted(story(), "mysql-0"), **NEW, provenance=said | {lacking: ""}))
        assert (one.verdict, lacking in one.reason) == (Verdict.UNKNOWN, True)


def test_without_any_provenance_what_the_pod_holds_tells_new_data_from_an_empty_start() -> None:
    records = change(volume_deleted(story(), "mysql-0"), a(VolumeSeen), provenance=None)
    records = after(records, **NEW)
    found = clone(records)
    assert (found.verdict, found.figures["how"]) == (Verdict.PASS, "filled")
    new_only = change(records, a(Contents, step=0, pod="mysql-0"), rows=((500, "row-150"),), posts=())
    assert keys(clone(new_only)) == ["empty:mysql-0"]
    unread = change(records, a(Contents, step=0, pod="mysql-0"), error="timeout")
    assert clone(unread).verdict is Verdict.UNKNOWN
    same_folder = change(volume_deleted(story(), "mysql-0"), a(VolumeSeen), provenance=None)
    assert "resumed on the claim" in clone(same_folder).reason


@pytest.mark.parametrize(
    ("later", "verdict"), [("", Verdict.PASS), ("mysql-1", Verdict.PASS), ("mysql-2", Verdict.UNKNOWN)]
)
def test_a_donor_that_a_log_no_longer_names_is_no_new_clone(later: str, verdict: Verdict) -> None:
    said = {"kind": "xtrabackup", "how": "clone", "donor": "mysql-1", "gtid": "0-1-7"}
    records = change(story(expect={"clone": "resume"}), a(VolumeSeen), provenance=said)
    assert clone(after(records, provenance=said | {"donor": later})).verdict is verdict


def test_a_pod_of_which_a_process_was_killed_starts_again_on_its_own_data() -> None:
    records = untouched(story(expect={"clone": "resume"}))
    records = change(records, a(ActionBegun), action="kill-process")
    found = clone(records)
    assert (found.verdict, found.reason) == (Verdict.PASS, "mysql-0 started again on its own data")
    assert found.figures["how"] == "resume"
    anew = after(records, born=5000.0, provenance=NEW_CLONE)
    assert keys(clone(anew)) == ["not-resumed:mysql-0"]


def test_without_any_provenance_an_empty_start_that_replayed_the_whole_log_is_not_taken_for_a_clone() -> None:
    records = change(volume_deleted(story(expect={"clone": "re-clone"}), "mysql-0"), a(VolumeSeen), provenance=None)
    found = clone(after(records, **NEW))
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN,
        "mysql-0 got its data anew, by a clone or by the primary's whole log: nothing on its new volume tells which",
    )
    resumed = change(story(expect={"clone": "resume"}), a(VolumeSeen), provenance=None)
    assert keys(clone(after(resumed, **NEW))) == ["not-resumed:mysql-0"]


BEFORE_THE_RUN_S = -1.5
"""Between the baseline's look, at -2 s, and the first step."""


def came_about(how: str, expect: dict[str, Any] | None = None, **changes: Any) -> CheckResult:
    """Between the baseline's last look and the first step's look mysql-2 got other data; no step did that."""
    began = STARTED_AT + BEFORE_THE_RUN_S
    said = NEW_CLONE | {"how": how, "began": began, "finished": began + 0.5}
    other = NEW | {"provenance": said, "pod_uid": "mysql-2-other"} | changes
    return clone(change(story(baseline=True, expect=expect), a(VolumeSeen, step=0, pod="mysql-2"), **other))


def test_a_pod_that_started_empty_between_two_steps_fails() -> None:
    found = came_about("bootstrap")
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["empty:mysql-2"])
    assert found.reason.startswith("before this step's fault mysql-2 started empty")
    assert "which no step did: somebody else did" in found.reason
    assert found.figures["outside"][0]["how"] == "bootstrap"


def test_a_pod_that_was_cloned_anew_between_two_steps_is_told_and_fails_where_it_was_to_resume() -> None:
    found = came_about("clone")
    assert found.verdict is Verdict.PASS
    assert "before this step's fault mysql-2 was cloned anew" in found.reason
    assert keys(came_about("clone", {"clone": "resume"})) == ["not-resumed:mysql-2"]
    assert came_about("clone", {"clone": "re-clone"}).verdict is Verdict.FAIL, "mysql-0 resumed"


def test_other_data_between_two_steps_of_which_nobody_knows_where_it_came_from_is_unknown() -> None:
    found = came_about("clone", provenance=PROVENANCE)
    assert found.verdict is Verdict.UNKNOWN
    assert "with the provenance from before" in found.reason
    early = NEW_CLONE | {"began": STARTED_AT - 60}
    assert "did not begin before this step's fault" in came_about("clone", provenance=early).reason


def test_a_pod_that_was_replaced_between_two_steps_and_kept_its_data_passes() -> None:
    records = change(story(baseline=True), a(VolumeSeen, step=0, pod="mysql-2"), pod_uid="mysql-2-other")
    assert clone(records).reason == "mysql-0 resumed on its own data"


def test_data_that_lost_its_newest_mark_between_two_steps_is_other_data() -> None:
    records = change(story(baseline=True), a(VolumeSeen, step=BASELINE), marks=("one", "two"))
    for marks, verdict in ((("one", "two", "three"), Verdict.PASS), (("one", "three"), Verdict.FAIL)):
        found = clone(change(records, a(VolumeSeen, step=0, pod="mysql-2"), marks=marks))
        assert found.verdict is verdict, found.reason
    assert keys(found) == ["lineage:mysql-2"]


def put_back(**changes: Any) -> CheckResult:
    """The end: mysql-2 is another one once all was put back."""
    return clone(change(the_end(story()), a(VolumeSeen, step=1, pod="mysql-2"), pod_uid="mysql-2-back", **changes), 1)


def test_what_became_of_data_when_all_was_put_back_is_told_at_the_end() -> None:
    assert put_back().verdict is Verdict.PASS
    began = {"began": STARTED_AT + END, "finished": STARTED_AT + END + 0.1}
    found = put_back(**NEW, provenance=NEW_CLONE | {"how": "bootstrap"} | began)
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["empty:mysql-2"])
    assert found.reason.startswith("after the last step mysql-2 started empty")
    assert put_back(error="exec timed out").verdict is Verdict.UNKNOWN


def test_a_primary_on_data_of_which_nobody_knows_where_it_came_from_is_not_the_one_that_it_was() -> None:
    def broken(records: list[Record]) -> str:
        return str(clone(records).figures["findings"][0]["invariant"])

    expect = {"clone": "resume"}
    assert broken(after(story(expect=expect), **NEW, provenance=PROVENANCE)) == "P1"
    assert broken(after(story(expect=expect), **NEW, provenance=NEW_CLONE)) == "C1"
    assert broken(after(story(expect=expect), "mysql-2", **NEW, provenance=PROVENANCE)) == "C1"


def without(records: list[Record], pods: tuple[str, ...], number: int = 20) -> list[Record]:
    """The first rows are missing on these pods."""
    return [
        replace(one, rows=one.rows[number:]) if isinstance(one, Contents) and one.step == 0 and one.pod in pods else one
        for one in records
    ]


@pytest.mark.parametrize(
    ("pods", "donor", "incomplete"),
    [
        (("mysql-0",), "mysql-1", True),
        (("mysql-0", "mysql-1"), "mysql-1", False),
        (("mysql-0", "mysql-1"), "mysql-2", True),
        (("mysql-0",), "mysql-9", True),
        (("mysql-0", "mysql-1"), "mysql-9", False),
    ],
)
def test_a_clone_is_held_against_what_its_donor_holds(pods: tuple[str, ...], donor: str, incomplete: bool) -> None:
    cloned = after(story(), **NEW, provenance=NEW_CLONE | {"donor": donor})
    assert ("incomplete:mysql-0" in keys(clone(without(cloned, pods)))) == incomplete


@pytest.mark.parametrize(("error", "incomplete"), [("broken table, error 1932", True), ("timeout", False)])
def test_a_clone_whose_server_cannot_read_its_own_tables_is_incomplete(error: str, incomplete: bool) -> None:
    cloned = change(after(story(), **NEW, provenance=NEW_CLONE), a(Contents, step=0, pod="mysql-0"), error=error)
    assert ("incomplete:mysql-0" in keys(clone(cloned))) == incomplete


def test_a_clone_while_all_was_put_back_fails_where_the_last_step_wanted_a_resume() -> None:
    for wanted, verdict in (("resume", Verdict.FAIL), (None, Verdict.PASS)):
        records = the_end(story(expect={"clone": wanted} if wanted else {}))
        began = {"began": STARTED_AT + END, "finished": STARTED_AT + END + 0.1}
        records = change(
            records, a(VolumeSeen, step=1, pod="mysql-2"), pod_uid="other", **NEW, provenance=NEW_CLONE | began
        )
        assert clone(records, 1).verdict is verdict


def test_the_last_look_of_a_run_of_before_there_was_an_end_is_judged() -> None:
    looks = change([replace(r, when="end", at=END + 0.3) for r in volumes("after", 0.0)], a(VolumeSeen), step=0)
    looks = change(looks, a(VolumeSeen, pod="mysql-2"), **NEW, provenance=NEW_CLONE | {"how": "bootstrap"})
    assert keys(clone([*story(), *looks])) == ["empty:mysql-2"]


@pytest.mark.parametrize(
    ("donor", "position", "primary", "verdict"),
    [
        ("mysql-1", "0-100-50", "0-100-50", Verdict.PASS),
        ("mysql-1", "0-100-51", "0-100-50", Verdict.FAIL),
        ("mysql-2", "bin.000002:700", "bin.000002:900", Verdict.PASS),
        ("mysql-2", "bin.000002:901", "bin.000002:900", Verdict.FAIL),
        ("mysql-2", "bin.000003:4", "bin.000002:900", Verdict.FAIL),
        ("mysql-2", "other.000001:4", "bin.000002:900", Verdict.UNKNOWN),
        ("mysql-2", "bin.000002:4", "0-100-50", Verdict.UNKNOWN),
        ("mysql-1", "0-100-50", "bin.000002:900", Verdict.UNKNOWN),
        ("mysql-1", "a word", "0-100-50", Verdict.UNKNOWN),
        ("mysql-1", "0-100-50", "a word", Verdict.UNKNOWN),
        # In a replica's own log.
        ("mysql-1", "bin.000009:1", "bin.000002:900", Verdict.PASS),
    ],
)
def test_the_position_of_a_clone_is_held_against_the_primary_s(
    donor: str, position: str, primary: str, verdict: Verdict
) -> None:
    """mysql-2 is the primary here, and mysql-0 is cloned."""
    said = NEW_CLONE | {"donor": donor, "gtid": position}
    records = change(after(story(), **NEW, provenance=said), a(Contents, step=0), primary=False, gtid=primary)
    found = clone(change(records, a(Contents, step=0, pod="mysql-2"), primary=True))
    assert found.verdict is verdict, found.reason
    assert keys(found) == (["coordinates:mysql-0"] if verdict is Verdict.FAIL else [])


@pytest.mark.parametrize(
    ("seen", "verdict"), [("0-100-50", Verdict.PASS), ("0-100-8", Verdict.FAIL), ("", Verdict.UNKNOWN)]
)
def test_a_primary_that_was_read_at_no_known_position_was_where_it_was_last_seen(seen: str, verdict: Verdict) -> None:
    records = change(after(story(), **NEW, provenance=NEW_CLONE), a(Contents, step=0), gtid="", primary=False)
    records = change(records, a(Contents, step=0, pod="mysql-1"), primary=True)
    assert clone(change(records, a(ReplicaSeen, pod="mysql-1"), gtid=seen)).verdict is verdict


def test_a_donor_that_is_no_pod_of_the_stack_is_unknown() -> None:
    found = clone(after(story(), **NEW, provenance=NEW_CLONE | {"donor": "mysql-9"}))
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason.endswith("but no pod of this stack is called mysql-9")
