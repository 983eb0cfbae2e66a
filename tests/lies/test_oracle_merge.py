"""Merge: what is said of a run as a whole is never better than the worst that is said of any part of it."""

from __future__ import annotations

import itertools

from examples import examples
from histories import PLAN, a, change, drop, story
from hypothesis import given
from hypothesis import strategies as st

from chaos.checks.judge import judge
from chaos.history import (
    ActionEnded,
    Contents,
    Heartbeat,
    History,
    Read,
    Record,
    ReplicaSeen,
    RunEnded,
    SiteContents,
    StepEnded,
    VolumeSeen,
    WaitEnded,
    Write,
)
from chaos.verdict import Verdict, merge

ORDER = (Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL)
verdicts = st.lists(st.sampled_from(list(Verdict)))

TRUTH = story(baseline=True)
LESS = (
    Read, Write, Contents, SiteContents, ReplicaSeen, Heartbeat, VolumeSeen,
    WaitEnded, ActionEnded, StepEnded, RunEnded,
)  # fmt: skip


def worst(found: list[Verdict]) -> Verdict:
    return max(found, key=ORDER.index) if found else Verdict.UNKNOWN


@examples
@given(verdicts)
def test_fail_beats_unknown_and_unknown_beats_pass_and_nothing_at_all_is_unknown(found: list[Verdict]) -> None:
    assert merge(found) is worst(found)


@examples
@given(verdicts, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_nor_grouping_matters(found: list[Verdict], random) -> None:
    mixed = [*found, *found]
    random.shuffle(mixed)
    assert merge(mixed) is merge(found)
    cut = random.randint(0, len(found))
    groups = [merge(part) for part in (found[:cut], found[cut:]) if part]
    assert merge(groups) is merge(found)


@examples
@given(st.sets(st.sampled_from(LESS)), st.booleans(), st.booleans())
def test_a_run_is_as_its_worst_check_says_and_never_passes_without_its_end(
    missing: set[type[Record]], differs: bool, planned_more: bool
) -> None:
    records: list[Record] = [r for r in TRUTH if type(r) not in missing]
    if differs and Contents not in missing:
        records = change(records, a(Contents, step=0, pod="mysql-2"), rows=())
    if planned_more:
        plan = PLAN | {"steps": [*PLAN["steps"], {"index": 1}]}
        records = change(records, lambda r: r.kind == "run-begun", plan=plan)
    found = judge(History(records))
    said = [check.verdict for step in found.steps for check in step.checks]
    whole = RunEnded not in missing and not planned_more
    assert found.verdict is worst([*said, *([] if whole else [Verdict.UNKNOWN])])
    for step in found.steps:
        assert step.verdict is worst([check.verdict for check in step.checks])


def test_each_kind_of_evidence_is_needed_for_a_pass() -> None:
    assert judge(History(TRUTH)).verdict is Verdict.PASS
    for kinds in itertools.chain(itertools.combinations(LESS, 1), itertools.combinations(LESS, 2)):
        records = drop(TRUTH, lambda r, kinds=kinds: isinstance(r, kinds))
        assert judge(History(records)).verdict is not Verdict.PASS, kinds
