"""The judge: merges all checks of all steps, says why, is quick, and never raises."""

from __future__ import annotations

import dataclasses
import json
import time
import types
import typing
from typing import Any

import pytest
from histories import END, PLAN, a, change, drop, story
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaos import history as records_module
from chaos.checks import continuity, findings
from chaos.checks.judge import judge
from chaos.history import Contents, History, Read, Record, RunBegun, RunEnded, StepBegun, Write
from chaos.verdict import CheckResult, Verdict

SHORT = [r for r in story() if not isinstance(r, (Read, Write)) or r.due > 8]


def test_a_run_in_which_all_held_passes_and_says_that_nothing_is_missing() -> None:
    found = judge(History(story(expect={"reads": {"longest_outage_s": 5}, "clone": "resume"})))
    assert found.verdict is Verdict.PASS
    assert "all 155 acknowledged writes" in found.reason
    assert [check.name for check in found.steps[0].checks] == [
        "effect", "recovery", "availability", "continuity", "replication", "clone",
    ]  # fmt: skip


def test_the_reason_of_a_failed_run_is_lost_data_before_anything_else() -> None:
    records = change(story(expect={"reads": {"longest_outage_s": 0.1}}), a(Contents, step=0), rows=())
    found = judge(History(records))
    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith(
        "continuity: 141 of 141 acknowledged rows were lost, all of them gone from every pod"
    )


def test_fail_beats_unknown() -> None:
    records = drop(story(expect={"reads": {"longest_outage_s": 0.1}}), a(RunEnded))
    found = judge(History(records))
    assert (found.verdict, found.reason.split(":")[0]) == (Verdict.FAIL, "availability")


@pytest.mark.parametrize("how", ["interrupted", "failed", "aborted"])
def test_a_run_that_did_not_finish_is_unknown(how: str) -> None:
    found = judge(History(change(story(), a(RunEnded), how=how, detail="SIGTERM")))
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, f"the run was {how} (SIGTERM)")


def test_a_run_that_was_aborted_stays_failed_where_a_check_failed_and_says_both() -> None:
    records = story(expect={"reads": {"longest_outage_s": 0.1}})
    found = judge(History(change(records, a(RunEnded), how="aborted", detail="http: down")))
    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith("availability: ")
    assert found.reason.endswith("; the run was aborted (http: down)")


def test_a_check_that_breaks_off_is_unknown_names_its_error_and_keeps_no_other_from_its_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(history: History, step: object) -> CheckResult:
        raise KeyError("a bug")

    monkeypatch.setattr(continuity, "check", broken)
    found = judge(History(story()))
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason == "continuity: the check itself broke off, please report: KeyError('a bug')"
    assert {check.verdict for check in found.steps[0].checks if check.name != "continuity"} == {Verdict.PASS}


def test_a_run_without_an_end_is_unknown() -> None:
    found = judge(History(drop(story(), a(RunEnded))))
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "the run did not come to its end")


def test_steps_that_were_planned_and_not_begun_make_it_unknown() -> None:
    found = judge(History(story(plan=PLAN | {"steps": [*PLAN["steps"], {"index": 1}]})))
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "1 of 2 steps were begun")


def test_nothing_at_all_is_unknown() -> None:
    assert judge(History([])).verdict is Verdict.UNKNOWN
    assert judge(History(drop(story(), a(StepBegun)))).verdict is Verdict.UNKNOWN


def test_a_step_that_saw_nothing_is_never_a_pass() -> None:
    found = judge(History([r for r in story() if isinstance(r, (RunBegun, StepBegun, RunEnded))]))
    assert found.verdict is Verdict.UNKNOWN
    assert all(check.verdict is Verdict.UNKNOWN for check in found.steps[0].checks)


def test_the_same_history_gets_the_same_judgement() -> None:
    assert judge(History(story())) == judge(History(story()))


def test_figures_are_json_values() -> None:
    for records in (story(), change(story(), a(Contents, step=0), rows=()), [StepBegun(1.0, 0, "s", "a", "t", {})]):
        for step in judge(History(records)).steps:
            json.dumps([check.figures for check in step.checks])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_history_cut_anywhere_is_judged_and_never_passes_without_what_the_pods_hold(data: st.DataObject) -> None:
    records = [r for r in SHORT if not isinstance(r, Contents)]
    cut = data.draw(st.integers(0, len(records)))
    missing = data.draw(st.sets(st.integers(0, len(records)), max_size=5))
    judge(History(SHORT[:cut]))
    assert judge(History([r for n, r in enumerate(records[:cut]) if n not in missing])).verdict is not Verdict.PASS


ABSURD_FLOATS = st.one_of(st.floats(), st.sampled_from([0.0, 1.0, 5.0, 10.0, 20.0]))
COMMON = ["", "ok", "fail", "info", "row", "post", "service", "mysql-0", "database", "deleted", "x", "before", "after"]
FILES = ["upload", "static", "page", "site", "site-a", "missing (404)", "session", "picture", "timeout"]
ACTIONS = ["delete-volume", "persistentvolumeclaim/x", "pod/mysql-0", "kill-process", "baseline", "noop", "scale"]
WORDS = st.sampled_from([*COMMON, *FILES, *ACTIONS, "bootstrap", "clone"])
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 9), ABSURD_FLOATS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Any value that a record's field may hold by its type, absurd ones among them."""
    if isinstance(kind, types.UnionType):
        return st.one_of([of_type(each) for each in typing.get_args(kind)])
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple and inside[-1] is Ellipsis:
        return st.lists(of_type(inside[0]), max_size=4).map(tuple)
    if origin is tuple:
        return st.tuples(*[of_type(each) for each in inside])
    if origin is dict:
        return st.dictionaries(WORDS, of_type(inside[1]), max_size=3)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        float: ABSURD_FLOATS,
        int: st.integers(-2, 3),
        bool: st.booleans(),
        str: WORDS,
        type(None): st.none(),
        Any: JSON,
    }
    return simple[kind]


def any_record(cls: type[Record]) -> st.SearchStrategy[Record]:
    hints = typing.get_type_hints(cls)
    fields = {each.name: of_type(hints[each.name]) for each in dataclasses.fields(cls)}
    if cls is StepBegun:
        fields["expect"] = st.sampled_from(
            [
                {},
                {"clone": "resume"},
                {"reads": {"longest_outage_s": 1.0}},
                {"uploads": {"may_stay_out": True, "longest_outage_s": 1.0}, "writes": {"may_stay_out": True}},
            ]
        )
    return st.builds(cls, **fields)


KINDS = [
    cls
    for cls in vars(records_module).values()
    if isinstance(cls, type) and issubclass(cls, Record) and cls is not Record
]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of([any_record(cls) for cls in KINDS]), max_size=30))
def test_no_history_however_absurd_makes_the_judge_raise_or_pass(records: list[Record]) -> None:
    step = StepBegun(1.0, 0, "s", "delete-pod", "database/primary", {"clone": "re-clone"})
    assert judge(History([step, *records])).verdict is not Verdict.PASS


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of([any_record(cls) for cls in KINDS]), min_size=1, max_size=8), st.randoms())
def test_absurd_records_among_sound_ones_make_no_judge_raise(records: list[Record], rng: Any) -> None:
    mixed = [*SHORT, *records]
    rng.shuffle(mixed)
    for step in judge(History(mixed)).steps:
        for check in step.checks:
            for one in check.figures["findings"]:
                assert one["key"].partition(":")[0] in findings.KEYS
                assert one["text"] in check.reason
                assert isinstance(one["before"], bool)


def test_two_hundred_thousand_records_are_judged_in_a_few_seconds() -> None:
    records = [r for r in story() if not isinstance(r, Contents)]
    every = 17.0 / 100_000
    records += [Read("service", n * every, n * every, n * every + 0.02, n % 3 > 0) for n in range(100_000)]
    many = [
        Write("row", "w", n, f"many-{n}", n * every, n * every, n * every + 0.02, ("ok", "info", "fail")[n % 3], "", n)
        for n in range(100_000)
    ]
    rows = tuple((n, write.token) for n, write in enumerate(many) if write.outcome == "ok")
    records += [*many, *(Contents(END - 1, 0, f"mysql-{n}", n == 0, "", "0", rows) for n in range(3))]
    history = History(records)
    began = time.process_time()
    judge(history)
    assert time.process_time() - began < 5


def test_of_many_findings_the_sentence_has_the_first_two_and_how_many_more_there_are() -> None:
    records = change(story(), lambda r: isinstance(r, Contents) and r.step == 0, rows=(), posts=(), baseline={})
    found = judge(History(records))
    (continuity,) = [check for check in found.steps[0].checks if check.name == "continuity"]
    number = len(continuity.figures["findings"])
    assert number > 2
    assert found.reason.endswith(f"; and {number - 2} more finding{'s' if number > 3 else ''} of continuity")
    assert found.reason.startswith("continuity: 141 of 141 acknowledged rows were lost")
    assert continuity.reason.count(";") >= number - 1
