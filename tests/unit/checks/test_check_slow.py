"""Slow is told from out: late good answers break a percentile, missing and bad ones do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import END, a, change, drop, keys, result, story

from chaos.history import Read, Record, Skipped, StepBegun, Write
from chaos.verdict import CheckResult, Verdict


def expect(kind: str, **limits: float) -> dict[str, Any]:
    return {kind: {f"{name}_s": limit for name, limit in limits.items()}}


def availability(records: list[Record]) -> CheckResult:
    return result(records, "availability")


def delayed(records: list[Record], by: float, every: int, begin: float = 0.0, end: float = END) -> list[Record]:
    """The good reads through the Service, each so-many-eth answered later by so much."""
    number, found = 0, []
    for one in records:
        if isinstance(one, Read) and one.via == "service" and one.ok and begin <= one.start < end:
            number += 1
            found.append(replace(one, end=one.end + by) if number % every == 0 else one)
        else:
            found.append(one)
    return found


def test_good_answers_within_the_percentile_pass_and_it_is_named() -> None:
    found = availability(story(expect=expect("reads", p50=0.5, p95=1)))
    assert found.verdict is Verdict.PASS
    assert "reads: p50 0.02 s of at most 0.50 s allowed" in found.reason


@pytest.mark.parametrize(
    ("every", "slow"), [(1, ["p50", "p95", "p99"]), (10, ["p95", "p99"]), (50, ["p99"]), (400, [])]
)
def test_only_the_percentiles_that_so_many_late_answers_reach_are_broken(every: int, slow: list[str]) -> None:
    records = delayed(story(expect=expect("reads", p50=0.5, p95=0.5, p99=0.5)), 1.0, every)
    found = availability(records)
    assert keys(found) == (["slow:reads"] if slow else [])
    text = found.reason if slow else ""
    assert [name for name in ("p50", "p95", "p99") if name in text] == slow


def test_the_fact_says_how_slow_and_how_many() -> None:
    (one,) = availability(delayed(story(expect=expect("reads", p95=0.5)), 1.0, 5)).figures["findings"]
    assert one["invariant"] == "A1"
    assert one["text"].startswith("reads were slow: p95 1.02 s of at most 0.50 s allowed; 68 of 340 ")
    assert "answers came later" in one["text"]


def timed_out(seconds: float) -> list[Record]:
    """So many seconds of time-outs, each after 2 s, and quick answers before and after."""
    return [
        replace(one, end=one.start + 2.0, reason="timeout") if isinstance(one, Read) and not one.ok else one
        for one in story(expect=expect("reads", p95=0.5), reads_down=seconds)
    ]


def test_what_was_out_is_not_slow() -> None:
    found = availability(timed_out(4.5))
    assert found.verdict is Verdict.PASS
    assert any(one.via == "service" and one.no_shorter_than_s > 2.0 for one in found.outages)


def test_what_hung_for_longer_than_anything_was_surely_out_is_slow() -> None:
    """Nobody knows whether service was out, or each of them hung by itself: so much waiting is in no bound."""
    assert keys(availability(timed_out(2.0))) == ["slow:reads"]


@pytest.mark.parametrize(("every", "slow"), [(5, ["slow:reads"]), (40, [])])
def test_requests_that_hang_at_once_while_others_are_served_are_slow(every: int, slow: list[str]) -> None:
    """One in so many hangs to its deadline, so that several do at any time: no outage has a long lower bound."""
    records = change(hanging_alone(every), a(StepBegun, index=0), expect=expect("reads", p95=0.5))
    found = availability(records)
    assert keys(found) == slow
    assert all(one.no_shorter_than_s < 2.0 for one in found.outages if one.via == "service")


@pytest.mark.parametrize(("skipped", "verdict"), [(10, Verdict.PASS), (60, Verdict.UNKNOWN)])
def test_requests_that_were_never_sent_may_be_the_slowest(skipped: int, verdict: Verdict) -> None:
    """In the first 8 s the last of each 0.5 s, or most of them, find no place in flight."""
    gone = {(n % 16) * 10 + 9 - n // 16 for n in range(skipped)}
    records: list[Record] = [
        Skipped("read service", one.due, "42 in flight")
        if isinstance(one, Read) and one.via == "service" and round(one.due * 20) in gone
        else one
        for one in story(expect=expect("reads", p95=0.5), reads_down=0.0)
    ]
    found = availability(records)
    assert found.verdict is verdict, found.reason
    if verdict is Verdict.UNKNOWN:
        assert f"p95 of reads: {skipped} of 380 requests were never sent" in found.reason


def test_requests_that_were_never_sent_while_service_was_surely_out_are_told_with_that() -> None:
    records: list[Record] = [
        Skipped("read service", one.due, "42 in flight")
        if isinstance(one, Read) and one.via == "service" and not one.ok and round(one.due * 20) % 2
        else one
        for one in story(expect=expect("reads", p95=0.5), reads_down=4.0)
    ]
    assert sum(isinstance(one, Skipped) for one in records) == 40
    assert availability(records).verdict is Verdict.PASS


def hanging_alone(every: int) -> list[Record]:
    """The reads hang to their deadline here and there, one in so many; nothing is refused."""
    number, found = 0, []
    for one in story(expect=expect("reads", p99=0.5), reads_down=0.0):
        if isinstance(one, Read) and one.via == "service":
            number += 1
            hangs = number % every == 0 and one.start < END - 4
            found.append(replace(one, end=one.start + 2.0, ok=False, reason="timeout") if hangs else one)
        else:
            found.append(one)
    return found


@pytest.mark.parametrize(("every", "slow"), [(150, []), (50, ["slow:reads"])])
def test_what_hung_alone_is_as_late_as_its_deadline(every: int, slow: list[str]) -> None:
    assert keys(availability(hanging_alone(every))) == slow


def test_an_answer_that_left_late_is_as_late_as_it_came() -> None:
    records = [
        replace(one, due=one.due - 1.0) if isinstance(one, Read) and one.via == "service" else one
        for one in story(expect=expect("reads", p50=0.5))
    ]
    assert keys(availability(records)) == ["slow:reads"]


def test_rows_and_posts_are_held_to_the_limit_of_writes_each_for_itself() -> None:
    records = [
        replace(one, end=one.end + 1.0) if isinstance(one, Write) and one.what == "row" and one.outcome == "ok" else one
        for one in story(expect=expect("writes", p50=0.5))
    ]
    assert keys(availability(records)) == ["slow:rows"]


def test_with_fewer_good_answers_than_the_percentile_needs_it_is_unknown() -> None:
    found = availability(drop(story(expect=expect("writes", p99=0.5)), a(Write, what="row")))
    assert found.verdict is Verdict.UNKNOWN
    assert "p99 of posts: only" in found.reason
    assert "100 wanted" in found.reason


def test_a_percentile_of_what_was_never_asked_for_is_unknown() -> None:
    found = availability(story(expect=expect("uploads", p50=1)))
    assert found.verdict is Verdict.UNKNOWN
    assert "no uploads were made, so the limit on p50 of 1.00 s was not put to the test" in found.reason


def test_a_percentile_of_uploads_is_not_put_to_the_test_by_reads_of_single_pods() -> None:
    pods = [
        Read(pod, t, t, t + 0.02, True, what="upload") for pod in ("site-a", "site-b") for t in map(float, range(19))
    ]
    found = availability([*story(expect=expect("uploads", p50=1)), *pods])
    assert found.verdict is Verdict.UNKNOWN
    assert "no uploads were made, so the limit on p50 of 1.00 s was not put to the test" in found.reason


@pytest.mark.parametrize(("begin", "before"), [(-25.0, True), (0.0, False)])
def test_what_was_as_slow_in_the_baseline_was_so_before(begin: float, before: bool) -> None:
    records = delayed(story(expect=expect("reads", p95=0.5), baseline=True), 1.0, 2, begin=begin)
    (one,) = availability(records).figures["findings"]
    assert one["before"] is before
