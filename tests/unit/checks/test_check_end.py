"""The end: judged like a step when all was put back, so that nothing of a run goes unread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import END, PLAN, a, change, drop, keys, result, story, the_end

from chaos.checks.judge import Judgement, judge
from chaos.history import Contents, History, PodSeen, Read, Record, ReplicaSeen, StepBegun, StepEnded, Write
from chaos.verdict import Verdict


def judged(records: list[Record]) -> Judgement:
    return judge(History(records))


def without_rows(records: list[Record], since: float) -> list[Record]:
    """Rows that were acknowledged after a moment are read at the end on no pod."""
    late = {one.token for one in records if isinstance(one, Write) and one.what == "row" and one.start >= since}
    assert late
    return [
        replace(one, rows=tuple(pair for pair in one.rows if pair[1] not in late))
        if isinstance(one, Contents) and one.step == 1
        else one
        for one in records
    ]


def test_what_holds_to_the_end_passes_and_every_acknowledged_write_is_counted() -> None:
    short, found = judged(story()), judged(the_end(story()))
    assert (found.verdict, len(found.steps)) == (Verdict.PASS, 2)
    assert found.reason.startswith("in the step every limit held, and all ")
    assert found.reason != short.reason


def test_writes_that_were_acknowledged_after_the_last_step_and_are_lost_fail() -> None:
    found = judged(without_rows(the_end(story()), END))
    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith("at the end continuity: ")
    assert found.steps[0].verdict is Verdict.PASS
    (check,) = [one for one in found.steps[1].checks if one.name == "continuity"]
    assert keys(check)[0] == "lost-row"


def test_what_putting_back_has_cost_fails_at_the_end() -> None:
    records = change(the_end(story()), a(ReplicaSeen, pod="mysql-2"), sql_running="Yes")
    stopped = [
        replace(one, sql_running="No", last_error="Duplicate entry")
        if isinstance(one, ReplicaSeen) and one.pod == "mysql-2" and one.at > END
        else one
        for one in records
    ]
    found = judged(stopped)
    assert found.reason.startswith("at the end replication: ")


@pytest.mark.parametrize(("replicas", "verdict"), [(3, Verdict.PASS), (2, Verdict.FAIL)])
def test_at_the_end_there_are_as_many_pods_as_the_run_began_with(replicas: int, verdict: Verdict) -> None:
    plan: dict[str, Any] = PLAN | {
        "steps": [{"index": 0, "action": "scale", "target": "database", "params": {"replicas": 1}}]
    }
    records = the_end(story(plan=plan))
    if replicas == 2:
        records = drop(records, lambda one: getattr(one, "pod", "") == "mysql-2" and getattr(one, "step", 0) == 1)
        gone = next(one for one in records if isinstance(one, PodSeen) and one.name == "mysql-2")
        records.append(replace(gone, change="deleted", at=END + 0.1))
        records = [
            one for one in records if not (isinstance(one, ReplicaSeen) and one.pod == "mysql-2" and one.at > END)
        ]
    assert result(records, "replication", 1).verdict is verdict


def test_an_outage_that_began_after_the_last_step_is_judged_at_the_end() -> None:
    records = [
        replace(one, ok=False, reason="refused") if isinstance(one, Read) and one.due >= END + 1 else one
        for one in the_end(story())
    ]
    found = judged(records)
    assert found.steps[0].verdict is Verdict.PASS
    assert found.reason.startswith("at the end availability: reads were still out at the run's end")


def test_the_end_is_no_step_of_the_plan() -> None:
    plan: dict[str, Any] = PLAN | {"steps": [*PLAN["steps"], PLAN["steps"][0] | {"index": 1}]}
    found = judged(the_end(story(plan=plan)))
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "1 of 2 steps were begun")


def test_an_end_that_was_cut_short_is_unknown() -> None:
    records = drop(the_end(story()), a(StepEnded, index=1))
    assert judged(records).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("limit", "verdict"), [(1.0, Verdict.FAIL), (30.0, Verdict.PASS)])
def test_an_outage_that_was_over_before_the_end_was_begun_is_held_to_its_limits(limit: float, verdict: Verdict) -> None:
    records = [
        replace(one, ok=False, reason="refused") if isinstance(one, Read) and END + 1 <= one.due < END + 4 else one
        for one in the_end(story(reads_down=0), length=14)
    ]
    expect = {"reads": {"longest_outage_s": limit}}
    late = [
        replace(one, at=END + 6, expect=expect) if isinstance(one, StepBegun) and one.action == "end" else one
        for one in records
    ]
    found = judged(late)
    assert found.verdict is verdict
    assert ("at the end availability: reads were out for 2.93 s" in found.reason) == (verdict is Verdict.FAIL)
