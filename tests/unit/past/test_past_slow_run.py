"""The rule for one slow run: it sees a night that stands out, and leaves healthy nights alone."""

from __future__ import annotations

from random import Random

import pytest
from made import run

from chaos.past import slow_run
from chaos.past.rule import LAST
from chaos.past.runs import Run
from chaos.past.slow_run import LEAST, judge

MOST = 35


def night(number: int, draw: Random, pages: float = 1.0) -> Run:
    """Recovery has a long tail, reads are often not out at all, pages take nearly the same time each night."""
    load = draw.lognormvariate(0, 0.2)
    return run(
        number,
        reads_s=0.0 if draw.random() < 0.4 else 2 * load,
        writes_s=3 * load,
        recovered_s=4 * load + (8.0 if draw.random() < 0.03 else 0.0),
        pages_s=pages * 0.03 * draw.lognormvariate(0, 0.08),
    )


def test_false_alarms_on_healthy_nights_are_no_more_than_stated() -> None:
    draw, tries = Random(1), 900
    alarms = sum(bool(judge([night(n, draw) for n in range(MOST)]).slow) for _ in range(tries))
    assert alarms <= tries * 0.05


def test_each_of_five_nights_whose_pages_take_half_as_long_again_is_told() -> None:
    draw, tries, told = Random(2), 40, 0
    for _ in range(tries):
        nights = [night(n, draw) for n in range(30)]
        for number in range(LAST):
            nights.append(night(30 + number, draw, pages=1.5))
            told += "pages_s" in [one.figure for one in judge(nights).slow]
    assert told >= 0.95 * tries * LAST


def test_the_figure_is_named_with_its_median_its_value_and_how_far_it_stands_out() -> None:
    nights = [run(n, writes_s=3.0 + n % 3) for n in range(MOST)] + [run(MOST, writes_s=20.0)]
    (slow,) = judge(nights).slow
    assert (slow.figure, slow.before_s, slow.latest_s) == ("writes_s", 4.0, 20.0)
    assert slow.z > slow_run.BOUND


def test_a_night_that_is_faster_is_no_alarm() -> None:
    assert not judge([*(run(n) for n in range(MOST)), run(MOST, writes_s=0.1, pages_s=0.001)]).slow


def test_a_night_as_slow_as_one_before_it_is_no_alarm() -> None:
    before = [run(n, writes_s=20.0 if n == 9 else 3.0) for n in range(MOST)]
    assert not judge([*before, run(MOST, writes_s=20.0)]).slow
    assert judge([*before, run(MOST, writes_s=20.1)]).slow


def test_less_than_what_can_be_measured_is_no_alarm() -> None:
    assert not judge([*(run(n) for n in range(MOST)), run(MOST, writes_s=3.1)]).slow


def test_slow_nights_right_before_it_do_not_hide_one() -> None:
    nights = [run(n) for n in range(MOST)] + [run(MOST + n, writes_s=9.0) for n in range(LAST)]
    assert [bool(judge(nights[: MOST + 1 + n]).slow) for n in range(LAST)] == [True] * LAST


@pytest.mark.parametrize("number", [0, 1, LAST, LEAST + LAST - 1])
def test_too_few_runs_are_not_judged_and_that_is_said(number: int) -> None:
    judged = judge([run(n, writes_s=3.0 if n < number - 1 else 90.0) for n in range(number)])
    assert judged.slow == ()
    assert f"of the {LEAST} passing runs" in judged.why_not


def test_a_figure_that_too_few_runs_have_is_left_out() -> None:
    nights = [run(n, pages_s=None if n < MOST - 10 else 0.03) for n in range(MOST)]
    assert judge([*nights, run(MOST, pages_s=9.0)]).slow == ()


def test_runs_that_failed_and_those_of_the_scenario_before_it_was_changed_have_no_part_in_it() -> None:
    assert not judge([*(run(n) for n in range(MOST)), run(MOST, "fail", writes_s=90.0)]).slow
    assert judge([*(run(n, plan="old") for n in range(MOST)), run(MOST, writes_s=90.0)]).why_not
