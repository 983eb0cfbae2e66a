"""Thinning out hides no outage, no bad state and no extreme, and makes up none."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from chaos.checks.slow import nearest_rank
from chaos.report import thin
from chaos.verdict import Outage

SPAN = 3600.0
RANK = {"good": 0, "worse": 1, "worst": 2}

moments = st.floats(0, SPAN, allow_nan=False)
latencies = st.lists(st.tuples(moments, st.floats(1e-4, 60)), max_size=300)


@st.composite
def outages(draw):
    """Outages of one stream, one after another, from a moment to minutes long and apart."""
    at, found = 0.0, []
    lengths = st.floats(0, 60)
    for before, certain, after in draw(st.lists(st.tuples(lengths, lengths, lengths), max_size=60)):
        begin = at + before
        at = begin + certain + after
        last_good = None if not found and draw(st.booleans()) else begin - before / 2
        found.append(Outage("reads", "service", last_good, begin, begin + certain, begin + certain + after, 3))
    if found and draw(st.booleans()):
        last = found[-1]
        found[-1] = Outage("reads", "service", last.last_good, last.first_bad, last.last_bad, None, 3)
    return found


@st.composite
def changes(draw):
    """A pod's states: no two alike after one another, some for a moment only."""
    at, found = draw(st.floats(0, 10)), []
    for state, lasts in draw(
        st.lists(st.tuples(st.sampled_from(list(RANK)), st.floats(0, 30)), min_size=1, max_size=60)
    ):
        if not found or found[-1][0] != state:
            found.append((state, at))
        at += lasts
    return found, at


@given(latencies, st.integers(1, 200))
def test_every_latency_lies_between_the_extremes_of_its_bucket(values, number):
    found = thin.buckets(values, SPAN, number)
    assert len(found) == number
    inside = [[v for at, v in values if min(int(at / SPAN * number), number - 1) == n] for n in range(number)]
    for bucket, here in zip(found, inside, strict=True):
        assert (bucket is None) == (not here)
        if bucket:
            assert (bucket.low, bucket.high) == (min(here), max(here))
            assert (bucket.median, bucket.p99) == (nearest_rank(sorted(here), 50), nearest_rank(sorted(here), 99))


@given(st.lists(st.tuples(moments, st.integers(0, 10**6)), max_size=200), st.integers(1, 200))
def test_the_greatest_lag_is_kept_in_its_place(values, number):
    found = thin.most(values, SPAN, number)
    for at, value in values:
        assert found[min(int(at / SPAN * number), number - 1)] >= value
    assert set(found.values()) <= {value for _, value in values}


@given(outages(), st.floats(0, 20), st.integers(1, 20))
def test_every_outage_is_drawn_as_long_as_it_was_or_longer(found, closer_than, at_most):
    drawn = thin.outages(found, closer_than, at_most)
    assert len(drawn) <= at_most
    assert sum(number for _, number in drawn) == len(found)
    assert sum(outage.attempts for outage, _ in drawn) == sum(outage.attempts for outage in found)
    for one in found:
        over = next((d for d, _ in drawn if d.first_bad <= one.first_bad and one.last_bad <= d.last_bad), None)
        assert over is not None
        assert one.first_good is None or over.first_good is None or over.first_good >= one.first_good
        assert one.first_good is not None or over.first_good is None


@given(outages(), st.floats(0, 20))
def test_an_outage_by_itself_is_drawn_as_it_was(found, closer_than):
    drawn = thin.outages(found, closer_than, len(found))
    assert [outage for outage, number in drawn if number == 1] == [
        one for one in found if any(one is outage for outage, _ in drawn)
    ]
    ends = {one.last_bad for one in found} | {one.first_bad for one in found}
    assert all({outage.first_bad, outage.last_bad} <= ends for outage, _ in drawn)


@given(changes(), st.floats(0.01, 20))
def test_no_bad_state_is_hidden_however_short_it_was(given_, shortest):
    found, end = given_
    drawn = thin.states(found, end, shortest, RANK, 1000)
    for (state, at), until in zip(found, [*(at for _, at in found[1:]), end], strict=True):
        near = [each for each, begin, over in drawn if begin <= until + shortest and at - shortest <= over]
        assert any(RANK[each] >= RANK[state] for each in near)


@given(changes(), st.floats(0.01, 20))
def test_no_state_is_made_up_and_their_number_has_a_bound(given_, shortest):
    found, end = given_
    drawn = thin.states(found, end, shortest, RANK, 1000)
    ends = [*(at for _, at in found[1:]), end]
    for state, begin, over in drawn:
        assert any(
            each == state and at <= over and begin <= until for (each, at), until in zip(found, ends, strict=True)
        )
    assert len(drawn) <= (end - found[0][1]) / shortest + 2
    assert all(a[2] == b[1] for a, b in itertools.pairwise(drawn))


@given(changes(), st.integers(2, 20))
def test_states_that_are_too_many_become_longer_and_the_worst_of_them_stays(given_, at_most):
    found, end = given_
    drawn = thin.states(found, end, 0.01, RANK, at_most)
    assert len(drawn) <= at_most
    assert max(RANK[state] for state, _, _ in drawn) == max(RANK[state] for state, _ in found)


def test_a_short_unready_blip_shows_and_a_short_good_moment_does_not():
    blip = [("good", 0.0), ("worst", 100.0), ("good", 100.1)]
    assert thin.states(blip, 200.0, 5.0, RANK, 1000) == [
        ("good", 0.0, 100.0),
        ("worst", 100.0, 105.0),
        ("good", 105.0, 200.0),
    ]
    moment = [("worst", 0.0), ("good", 100.0), ("worst", 100.1)]
    assert thin.states(moment, 200.0, 5.0, RANK, 1000) == [("worst", 0.0, 200.0)]
