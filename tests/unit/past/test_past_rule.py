"""The rule for slower: it holds its rate of false alarms on healthy runs, and sees a slowdown."""

from __future__ import annotations

import math
from random import Random

import pytest
from made import run

from chaos.past import rule
from chaos.past.runs import Run


def night(number: int, draw: Random, factor: float = 1.0) -> Run:
    """A healthy run: figures that hang together, with a long tail, and reads that are often not out at all."""
    load = draw.lognormvariate(0, 0.2)
    reads = 0.0 if draw.random() < 0.4 else 2 * load
    return run(
        number,
        reads_s=factor * reads,
        writes_s=factor * 3 * load * draw.lognormvariate(0, 0.1),
        recovered_s=factor * 4 * load * draw.lognormvariate(0, 0.05),
        pages_s=factor * 0.03 * load,
    )


@pytest.mark.parametrize("nights", [rule.LEAST + rule.LAST, 30])
def test_false_alarms_on_healthy_runs_are_no_more_than_stated(nights: int) -> None:
    draw, tries = Random(7), 600
    alarms = sum(bool(rule.judge([night(n, draw) for n in range(nights)]).slower) for _ in range(tries))
    # Three standard deviations above the stated rate: what a rule that holds it exceeds once in a thousand times.
    assert alarms <= tries * rule.ALPHA + 3 * math.sqrt(tries * rule.ALPHA * (1 - rule.ALPHA))


def test_thirty_healthy_nights_in_a_row_give_no_more_than_one_false_alarm_on_average() -> None:
    draw, series = Random(8), 25
    alarms = 0
    for _ in range(series):
        nights = [night(n, draw) for n in range(30)]
        alarms += sum(bool(rule.judge(nights[:n]).slower) for n in range(1, 31))
    assert alarms <= series


def test_half_as_long_again_is_seen_within_five_runs() -> None:
    draw, tries, seen = Random(9), 60, 0
    for _ in range(tries):
        nights = [night(n, draw) for n in range(30)] + [night(30 + n, draw, 1.5) for n in range(5)]
        seen += bool(rule.judge(nights).slower)
    assert seen >= 0.95 * tries


def test_the_figure_that_grew_is_named_with_its_medians() -> None:
    draw = Random(10)
    nights = [night(n, draw) for n in range(20)]
    late = [run(20 + n, reads_s=0.0, writes_s=30.0 + n, recovered_s=nights[n].recovered_s) for n in range(5)]
    (slower,) = rule.judge([*nights, *late]).slower
    assert (slower.figure, slower.late_s) == ("writes_s", 32.0)
    assert slower.before_s < 10
    assert slower.p <= rule.ALPHA


def test_faster_is_no_alarm() -> None:
    draw = Random(11)
    assert not rule.judge([night(n, draw, 1.0 if n < 20 else 0.3) for n in range(25)]).slower


def test_runs_that_are_all_alike_are_no_alarm() -> None:
    assert rule.judge([run(n) for n in range(40)]) == rule.Judged((), rule.LAST, rule.MOST)


def test_too_few_runs_are_not_judged_and_that_is_said() -> None:
    least = rule.LEAST + rule.LAST
    slow = [run(n, writes_s=3.0 if n < least - 6 else 90.0 + n) for n in range(least - 1)]
    assert rule.judge(slow).why_not == f"only {least - 1} of the {least} passing runs that the rule needs"
    assert rule.judge([]).why_not


def test_runs_of_the_scenario_before_it_was_changed_are_no_baseline() -> None:
    nights = [run(n, plan="old" if n < 20 else "new", writes_s=3.0 if n < 20 else 60.0 + n) for n in range(30)]
    assert rule.judge(nights).why_not


def test_only_passing_runs_are_compared() -> None:
    failing = [run(20 + n, "fail", writes_s=90.0) for n in range(5)]
    assert not rule.judge([*(run(n) for n in range(20)), *failing]).slower


def test_a_figure_that_late_runs_do_not_have_is_left_out() -> None:
    nights = [run(n) for n in range(20)] + [run(20 + n, reads_s=None, writes_s=9.0) for n in range(5)]
    assert [one.figure for one in rule.judge(nights).slower] == ["writes_s"]


def test_the_same_history_is_judged_alike_each_time() -> None:
    draw = Random(12)
    nights = [night(n, draw, 1.0 if n < 20 else 1.4) for n in range(25)]
    assert rule.judge(nights) == rule.judge(nights)
