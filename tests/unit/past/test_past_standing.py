"""Sound, flaky or broken, the first bad run, what is missing."""

from __future__ import annotations

import pytest
from made import BEGAN, DAY_S, run, runs

from chaos.past.runs import MISSING, Run
from chaos.past.standing import BROKEN, DOUBTFUL, FLAKY, SOUND, UNJUDGED, Standing, standings


def standing(found: list[Run], **also: float) -> Standing:
    (one,) = standings(found, **also)
    return one


@pytest.mark.parametrize(
    ("verdicts", "state", "first_bad"),
    [
        ("++++++++++", SOUND, None),
        ("+", SOUND, None),
        ("++++-+++++", SOUND, None),
        ("++++---++++", SOUND, None),
        ("+++++++++-", DOUBTFUL, 9),
        ("-", DOUBTFUL, 0),
        ("++++++++++--", BROKEN, 10),
        ("++++++++++-?", BROKEN, 10),
        ("--", BROKEN, 0),
        ("+-+-+-+-+-", FLAKY, 9),
        ("+-++-+", FLAKY, None),
        ("++?++?++", FLAKY, None),
        ("+-+-+-+---", FLAKY, 7),
        ("+-+-+-+---------", BROKEN, 7),
        ("-" * 5 + "+" * 40, SOUND, None),
        ("+" * 20 + "-" * 40, BROKEN, 20),
        ("+-" * 10 + "+" + "-" * 40, BROKEN, 21),
    ],
)
def test_flaky_is_told_from_broken(verdicts: str, state: str, first_bad: int | None) -> None:
    found = runs(verdicts)
    one = standing(found)
    assert one.state == state
    assert one.first_bad == (None if first_bad is None else found[first_bad])


def test_broken_is_a_regression_only_after_a_pass() -> None:
    assert standing(runs("++++++++++--")).regressed
    assert not standing(runs("--------")).regressed
    assert not standing(runs("+-+-+-")).regressed


def test_what_was_interrupted_or_killed_judges_nothing() -> None:
    ended = ("interrupted", "recovered", "cut off")
    cut = [run(20 + n, "unknown", ended=how) for n, how in enumerate(ended)]
    assert standing([*runs("+++++"), *cut]).state == SOUND
    assert standing(cut).state == UNJUDGED


def test_each_stack_and_target_stands_for_itself() -> None:
    found = [run(1), run(2, "fail", target="context/prod"), run(3, "fail", stack="published")]
    assert [(one.stack, one.target, one.state) for one in standings(found)] == [
        ("hardened", "context/prod", DOUBTFUL),
        ("hardened", "local/hachaos", SOUND),
        ("published", "local/hachaos", DOUBTFUL),
    ]


def test_median_and_quartiles_are_of_passing_runs() -> None:
    found = [run(n, recovered_s=float(n)) for n in range(1, 10)] + [run(20, "fail", recovered_s=900.0)]
    spread = standing(found).spreads["recovered_s"]
    assert (spread.lower_s, spread.median_s, spread.upper_s, spread.runs) == (3.0, 5.0, 7.0, 9)


def nights(*numbers: float) -> list[Run]:
    return [run(0, began=BEGAN + number * DAY_S) for number in numbers]


@pytest.mark.parametrize(
    ("came", "now", "verdicts"),
    [
        ((0, 1, 2), 2.5, "+++"),
        ((0, 1, 2), 3.4, "+++"),
        ((0, 1, 2), 3.6, "+++·"),
        ((0, 1, 2), 5.6, "+++···"),
        ((0, 1, 3), 3.5, "++·+"),
        ((0, 4), 4, "+···+"),
        ((0, 0.2, 0.9, 2.1), 2.2, "++++"),
    ],
)
def test_a_run_that_was_due_and_did_not_come_is_missing(came: tuple[float, ...], now: float, verdicts: str) -> None:
    one = standing(nights(*came), every_s=DAY_S, now=BEGAN + now * DAY_S)
    assert "".join("·" if each.verdict == MISSING else "+" for each in one.runs) == verdicts
    assert one.missing == verdicts.endswith("·")
    assert sorted(one.runs, key=lambda each: each.began) == list(one.runs)


def test_nothing_is_due_unless_said() -> None:
    assert not standing(nights(0, 9), now=BEGAN + 90 * DAY_S).missing
