"""Availability: limits are judged on both bounds, and too few samples show nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import END, FAULT, PLAN, STEADY, a, change, drop, keys, result, story

from chaos.history import BASELINE, STILL_HANGS, Read, Record, RunEnded, Skipped, StepEnded, WaitEnded, Write
from chaos.verdict import CheckResult, Verdict


def availability(records: list[Record]) -> CheckResult:
    return result(records, "availability")


def limits(reads: float | None = None, writes: float | None = None) -> dict[str, Any]:
    every = {"reads": reads, "writes": writes}
    return {name: {"longest_outage_s": limit} for name, limit in every.items() if limit is not None}


def in_window(record: Record, begin: float, end: float) -> bool:
    return begin <= getattr(record, "start", -1) < end


def test_outages_within_the_limits_pass_with_reads_rows_and_posts_apart() -> None:
    found = availability(story(expect=limits(3, 5)))
    assert found.verdict is Verdict.PASS
    assert {(one.kind, one.via) for one in found.outages} == {
        ("reads", "service"), ("reads", "site-a"), ("writes", "row"), ("writes", "post"),
    }  # fmt: skip
    by_via = {one.via: one for one in found.outages}
    assert by_via["service"].no_shorter_than_s <= 2 <= (by_via["service"].no_longer_than_s or 0)
    assert by_via["row"].no_shorter_than_s <= 3 <= (by_via["row"].no_longer_than_s or 0)


def test_without_limits_the_figures_are_reported_and_the_step_passes() -> None:
    found = availability(story())
    assert found.verdict is Verdict.PASS
    reads = found.figures["reads"]
    assert (reads["bad"], reads["skipped"], reads["limit_s"]) == (40, 0, None)
    assert reads["latency"]["p50_s"] == reads["latency"]["max_s"] == 0.02
    assert found.figures["reads of site-a"]["outages"] == 1


def test_without_any_outage_it_says_so() -> None:
    found = availability(story(reads_down=0, writes_down=0, expect=limits(0.5, 0.5)))
    assert found.verdict is Verdict.PASS
    assert "reads were never out" in found.reason
    assert not found.outages


@pytest.mark.parametrize(("expect", "who"), [(limits(reads=1.5), "reads"), (limits(writes=2.5), "rows")])
def test_a_lower_bound_above_the_limit_fails(expect: dict[str, Any], who: str) -> None:
    found = availability(story(expect=expect))
    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith(who)
    assert "allowed" in found.reason
    assert found.advice is not None


def test_the_limit_of_writes_holds_for_posts_too() -> None:
    records = drop(story(expect=limits(writes=1.5)), a(Write, what="row"))
    found = availability(records)
    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith("posts")


def test_the_limit_of_reads_is_judged_on_the_service_and_not_on_a_pod() -> None:
    records = [
        r for r in story(expect=limits(reads=1)) if not (isinstance(r, Read) and r.via == "service" and not r.ok)
    ]
    lost = [r for r in records if isinstance(r, Read) and r.via == "service" and in_window(r, FAULT - 0.1, FAULT)]
    filled = [
        Read("service", r.due + n / 10, r.due + n / 10, r.due + n / 10 + 0.02, True) for r in lost for n in range(1, 21)
    ]
    found = availability([*records, *filled])
    assert found.verdict is Verdict.PASS
    assert [one.via for one in found.outages if one.kind == "reads"] == ["site-a"]


def test_a_limit_between_the_bounds_is_unknown() -> None:
    found = availability(story(expect=limits(reads=1.96)))
    assert found.verdict is Verdict.UNKNOWN
    assert "the limit lies between the two" in found.reason


def test_an_outage_that_is_still_on_at_the_steps_end_fails_even_without_a_limit() -> None:
    found = availability(story(reads_down=99))
    assert found.verdict is Verdict.FAIL
    assert "still out at the step's end" in found.reason


def hung_before_the_end(*, answered: bool) -> list[Record]:
    """Two rows that left just before the step's end hang; those that leave after them are answered, or hang as well."""
    records = []
    for one in story():
        if isinstance(one, Write) and one.what == "row" and one.start >= STEADY - 0.6:
            hung = one.start < STEADY - 0.35 or not answered
            records.append(replace(one, end=one.start + 2.5, outcome="info", reason="timeout") if hung else one)
        else:
            records.append(one)
    return records


def test_rows_that_hung_while_later_ones_were_answered_were_not_still_out_at_the_step_s_end() -> None:
    assert "out:rows" not in keys(result(hung_before_the_end(answered=True), "availability"))
    assert "out:rows" in keys(result(hung_before_the_end(answered=False), "availability"))


def test_an_outage_that_ended_only_after_the_step_was_still_on_at_its_end() -> None:
    late = [Read("service", END + n, END + n, END + n + 0.02, True) for n in range(1, 4)]
    assert availability([*story(reads_down=99), *late]).verdict is Verdict.FAIL


def test_an_outage_whose_beginning_was_not_seen_is_unknown() -> None:
    records = drop(story(), lambda r: isinstance(r, Read) and r.via == "service" and r.start > 0.2 and r.start < 9)
    records = [r for r in records if not (isinstance(r, Read) and r.start <= 0.2)]
    early = [Read("service", n / 20, n / 20, n / 20 + 0.01, False, "refused") for n in range(4)]
    found = availability([*records, *early])
    assert found.verdict is Verdict.UNKNOWN
    never = [Read("service", 9 - n / 20, 9 - n / 20, 9 - n / 20 + 0.01, n < 100, "refused") for n in range(180)]
    found = availability([*records, *never])
    assert found.verdict is Verdict.UNKNOWN
    assert "beginning was not seen" in found.reason


def late_at_first(over_at: float) -> CheckResult:
    """What is said of the baseline when readers have bad answers from the run's beginning to a moment."""
    records = drop(story(baseline=True), lambda r: isinstance(r, Read) and r.start < over_at)
    hung = [Read("service", at, at, at + 2, False, "timeout") for at in (-20.0, over_at - 2.5)]
    return result([*records, *hung], "availability", step=BASELINE)


def test_what_was_out_as_the_run_began_and_is_over_before_the_first_fault_is_told_and_in_doubt_of_nothing() -> None:
    found = late_at_first(over_at=-17.0)
    assert found.verdict is Verdict.PASS
    assert "reads were out for 0.00 s or longer" in found.reason
    assert "since before the run (2 hung)" in found.reason


def test_what_is_out_from_before_the_run_until_the_baseline_s_end_fails() -> None:
    found = late_at_first(over_at=-0.5)
    assert found.verdict is Verdict.FAIL
    assert "reads were still out" in found.reason


def test_one_bad_answer_at_the_very_end_leaves_open_whether_service_came_back() -> None:
    records = [*story(), Read("service", END - 0.01, END - 0.01, END, False, "refused")]
    found = availability(records)
    assert found.verdict is Verdict.UNKNOWN
    assert "end was not seen" in found.reason


@pytest.mark.parametrize(("begin", "end", "when"), [(0, FAULT, "before"), (FAULT + 2.1, END, "after")])
def test_too_few_good_answers_around_the_fault_are_unknown(begin: float, end: float, when: str) -> None:
    records = drop(story(reads_down=0), lambda r: isinstance(r, Read) and in_window(r, begin, end))
    if when == "after":
        records = [r for r in records if not (isinstance(r, Read) and r.start >= FAULT)]
    found = availability(records)
    assert found.verdict is Verdict.UNKNOWN
    assert f"good answers {when} the fault" in found.reason


def test_a_stretch_in_which_no_request_left_is_unknown() -> None:
    records = drop(story(reads_down=0), lambda r: isinstance(r, Read) and in_window(r, 13, 16))
    found = availability(records)
    assert found.verdict is Verdict.UNKNOWN
    assert "no request left for" in found.reason


def test_writers_that_rest_while_evidence_is_taken_are_no_gap() -> None:
    records = [r for r in story() if not (isinstance(r, Write) and r.start > STEADY)]
    assert availability(records).verdict is Verdict.PASS


def test_writers_that_stopped_before_the_recovery_are_a_gap() -> None:
    records = drop(story(writes_down=0), lambda r: isinstance(r, Write) and in_window(r, FAULT + 2, END))
    assert availability(records).verdict is Verdict.UNKNOWN


def test_a_stretch_in_which_all_was_skipped_is_unknown_and_is_counted() -> None:
    records = drop(story(reads_down=0), lambda r: isinstance(r, Read) and r.via == "service" and in_window(r, 13, 16))
    skipped = [Skipped("read service", 13 + n / 20, "64 in flight") for n in range(60)]
    found = availability([*records, *skipped])
    assert found.verdict is Verdict.UNKNOWN
    assert found.figures["reads"]["skipped"] == 60


def test_skipped_requests_within_an_outage_do_not_make_it_unknown() -> None:
    skipped = [Skipped("rows", FAULT + 1 + n / 10, "20 in flight") for n in range(10)]
    found = availability([*story(expect=limits(3, 5)), *skipped])
    assert found.verdict is Verdict.PASS
    assert found.figures["rows"]["skipped"] == 10


def test_without_any_request_it_is_unknown() -> None:
    records = [r for r in story(plan={"workload": {}}) if not isinstance(r, (Read, Write))]
    assert availability(records).verdict is Verdict.UNKNOWN


def test_a_stream_that_the_plan_wanted_and_nobody_sent_is_unknown() -> None:
    found = availability(drop(story(), a(Write, what="post")))
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason == "posts: no request left in this step"


def test_a_limit_for_a_kind_that_was_not_asked_for_is_unknown() -> None:
    records = drop(story(expect=limits(reads=5), plan={"workload": {"writes_per_s": 10}}), a(Read))
    found = availability(records)
    assert found.verdict is Verdict.UNKNOWN
    assert "no reads were made" in found.reason


def test_without_a_fault_it_is_unknown() -> None:
    records = drop(story(), lambda r: r.kind == "action-begun")
    found = availability(records)
    assert found.verdict is Verdict.UNKNOWN
    assert "nothing was broken" in found.reason


def test_an_outage_that_began_before_the_step_counts_with_its_whole_length() -> None:
    records = story(expect=limits(reads=1))
    steps = [r for r in records if r.kind == "step-begun"]
    moved = [r for r in records if r not in steps]
    found = availability([*moved, replace(steps[0], at=FAULT + 1.5)])
    assert found.verdict is Verdict.FAIL


def test_a_wait_that_was_never_over_does_not_hide_a_gap() -> None:
    records = drop(story(reads_down=0), a(WaitEnded))
    records = [r for r in records if not (isinstance(r, Write) and r.start > FAULT + 1)]
    assert availability(records).verdict is not Verdict.PASS


def refused_after_the_end(seconds: float, until_end: bool = False) -> list[Record]:
    """All was put back from the last step's end on, for 40 s; readers were out for so long of it."""
    records = change(story(expect=limits(reads=5)), a(RunEnded), at=END + 40)
    late = [END + n / 20 for n in range(1, 800)]
    return [*records, *(Read("service", t, t, t + 0.02, t > END + seconds and not until_end) for t in late)]


def test_an_outage_after_the_last_step_is_judged_by_its_limit() -> None:
    assert availability(refused_after_the_end(4)).verdict is Verdict.PASS
    found = availability(refused_after_the_end(8))
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["out:reads"])
    assert found.reason.startswith("reads were out for 7.")
    assert "after the last step's end" in found.reason


def test_a_stack_that_is_still_out_when_the_run_ends_fails_and_one_bad_answer_does_not_show_it() -> None:
    found = availability(refused_after_the_end(40, until_end=True))
    assert found.verdict is Verdict.FAIL
    assert "reads were still out at the run's end" in found.reason
    one = [*story(), Read("service", END + 0.1, END + 0.1, END + 0.15, False, "refused")]
    assert availability(one).verdict is Verdict.PASS


def test_what_was_out_when_the_run_was_interrupted_is_not_held_against_the_stack() -> None:
    records = drop(story(reads_down=99), a(StepEnded))
    records = change(records, a(RunEnded), how="interrupted")
    found = availability(records)
    assert found.verdict is Verdict.UNKNOWN
    limited = availability([replace(r, expect=limits(reads=5)) if r.kind == "step-begun" else r for r in records])
    assert limited.verdict is Verdict.FAIL, "it was longer than allowed, whatever became of the run"


def test_an_outage_of_a_step_in_which_nothing_was_waited_for_after_the_fault_is_unknown() -> None:
    records = drop(story(reads_down=99), lambda r: isinstance(r, WaitEnded) and r.at > FAULT)
    assert availability(records).verdict is Verdict.UNKNOWN


def hanging(reason: str, until: float = END) -> CheckResult:
    """site-a hangs on a static file from 12 s on; while it does it is not asked again."""
    plan = PLAN | {"workload": PLAN["workload"] | {"file_reads_per_s": 1.0}}
    reads = [
        Read(pod, t, t, t + 0.02, True, what="static")
        for pod in ("site-a", "site-b")
        for t in map(float, range(19))
        if pod == "site-b" or t < 12
    ]
    hung = Read("site-a", 12.0, 12.0, 17.0, False, "timeout", what="static")
    skipped = [Skipped("static site-a", float(t), reason) for t in range(13, 20) if t < until]
    return availability([*story(plan=plan), *reads, hung, *skipped])


def test_a_pod_of_which_a_request_hangs_to_the_step_s_end_is_out() -> None:
    found = hanging(STILL_HANGS)
    assert (found.verdict, keys(found)) == (Verdict.FAIL, ["pod-out:static"])
    assert "static of site-a was still out at the step's end" in found.reason
    assert hanging("the tool was late").verdict is Verdict.PASS
    assert hanging(STILL_HANGS, until=15).verdict is Verdict.PASS, "nobody knows whether it still did"


def around_the_rest(*bad: float) -> CheckResult:
    """The reading takes 40 s, in which nothing is written; these posts are refused."""
    records: list[Record] = []
    for r in story(expect=limits(writes=20)):
        late = isinstance(r, (StepEnded, RunEnded)) or r.kind == "undo-done"
        records.append(replace(r, at=r.at + 43) if late else r)  # type: ignore[union-attr]
    records += [
        Write("post", "post", 800 + n, f"post-late-{n}", t, t, t + 0.05, "fail" if t in bad else "ok", "", None)
        for n, t in enumerate(sorted({*bad, 59.5, 60.5, 61.0}))
    ]
    records += [
        Write("row", "row", 800 + n, f"row-late-{n}", t, t, t + 0.05, "ok", "", 800 + n)
        for n, t in enumerate(58 + n / 10 for n in range(30))
    ]
    records += [Read("service", t, t, t + 0.02, True) for t in (END + n / 20 for n in range(860))]
    return availability(records)


def test_bad_answers_before_and_after_the_writers_rest_are_no_outage_of_that_length() -> None:
    found = around_the_rest(17.05, 58.0)
    assert found.verdict is Verdict.UNKNOWN
    assert "posts were out for 0.00 s to 43.5 s of at most 20.0 s allowed" in found.reason
    assert around_the_rest(17.05).verdict is Verdict.UNKNOWN, "nobody saw it end for longer than allowed"
    assert around_the_rest().verdict is Verdict.PASS
