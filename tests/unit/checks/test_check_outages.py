"""Bounds of outages: the truth lies between them, whatever the requests' lives were like."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.checks.outages import Attempt, find, longest_gap
from chaos.verdict import Outage


def good(start: float, end: float) -> Attempt:
    return Attempt(start, start, end, True)


def bad(start: float, end: float, reason: str = "refused") -> Attempt:
    return Attempt(start, start, end, False, reason)


def only(found: list[Outage]) -> Outage:
    assert len(found) == 1
    return found[0]


class Server:
    """Out in [a, b). Each request is decided at a random moment of its life; `hangs`: no answer while it is out."""

    def __init__(self, rng: random.Random, a: float, b: float, deadline: float, slowest: float, *, hangs: bool) -> None:
        self.rng, self.a, self.b, self.deadline, self.slowest, self.hangs = rng, a, b, deadline, slowest, hangs

    def ask(self, start: float) -> Attempt:
        before, after = sorted(self.rng.uniform(0, self.slowest) for _ in range(2))
        decided, end = start + before, start + after
        if not self.a <= decided < self.b:
            return good(start, end)
        return bad(start, start + self.deadline, "timeout") if self.hangs else bad(start, end)


@settings(max_examples=400, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    begin=st.floats(4, 6),
    length=st.floats(0, 12),
    rate=st.sampled_from([10.0, 15.0, 20.0]),
    deadline=st.floats(0.2, 3),
    hangs=st.booleans(),
)
def test_the_true_outage_lies_within_the_bounds_and_they_are_close(
    seed: int, begin: float, length: float, rate: float, deadline: float, hangs: bool
) -> None:
    rng = random.Random(seed)
    slowest = deadline / 2
    server = Server(rng, begin, begin + length, deadline, slowest, hangs=hangs)
    attempts = [server.ask(n / rate + rng.uniform(0, 0.001)) for n in range(int(30 * rate))]
    rng.shuffle(attempts)
    found = find("reads", "service", attempts)
    if not found:
        assert length <= 1 / rate + slowest + 0.001
        return
    lower = max(one.no_shorter_than_s for one in found)
    upper = max(one.no_longer_than_s for one in found if one.no_longer_than_s is not None)
    assert lower <= length + 1e-9
    assert length <= upper + 1e-9


@settings(max_examples=400, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    begin=st.floats(4, 6),
    length=st.floats(0, 12),
    rate=st.sampled_from([10.0, 20.0]),
    hangs=st.booleans(),
)
def test_of_a_server_that_decides_at_once_the_bounds_differ_by_two_intervals_and_the_lives_at_the_edges(
    seed: int, begin: float, length: float, rate: float, hangs: bool
) -> None:
    rng = random.Random(seed)
    deadline, slowest = 2.0, 1.0

    def ask(start: float) -> Attempt:
        end = start + rng.uniform(0, slowest)
        if not begin <= start < begin + length:
            return good(start, end)
        return bad(start, start + deadline, "timeout") if hangs else bad(start, end)

    found = find("reads", "service", [ask(n / rate) for n in range(int(30 * rate))])
    if not found:
        assert length <= 1 / rate
        return
    one = only(found)
    assert one.no_longer_than_s is not None
    assert one.no_shorter_than_s <= length <= one.no_longer_than_s
    # Two intervals and one request's deadline (answers live at most half of one). When requests hang to the deadline,
    # the first good answer's own life comes on top; so does the last one's, when it outlived a short outage.
    more = slowest * hangs + slowest * (length <= slowest + 1 / rate)
    assert one.no_longer_than_s - one.no_shorter_than_s <= 2 / rate + deadline + more + 1e-9


def test_instant_answers_give_bounds_two_intervals_apart() -> None:
    attempts = [(bad if 5 <= n / 20 < 7.53 else good)(n / 20, n / 20) for n in range(400)]
    one = only(find("reads", "service", attempts))
    assert one.no_longer_than_s is not None
    assert one.no_shorter_than_s <= 2.53 <= one.no_longer_than_s
    assert one.no_longer_than_s - one.no_shorter_than_s <= 2 / 20 + 1e-9


def test_a_single_bad_answer_is_an_outage_of_no_certain_length() -> None:
    one = only(find("reads", "service", [good(1, 1.1), bad(2, 4), good(3, 3.1), good(5, 5.1)]))
    assert (one.no_shorter_than_s, one.no_longer_than_s) == (0, 4.1)


def test_an_answer_in_flight_through_the_whole_outage_neither_splits_it_nor_bounds_it() -> None:
    attempts = [good(0, 0.1), good(0.9, 5.0), bad(1, 1.1), bad(2, 2.1), bad(3, 3.1), good(4, 4.1)]
    one = only(find("reads", "service", attempts))
    assert (one.last_good, one.first_bad, one.last_bad, one.first_good) == (0, 1.1, 3, 4.1)


def test_a_good_answer_that_surely_lies_between_makes_two_outages() -> None:
    attempts = [good(0, 0.1), bad(1, 1.1), bad(2, 2.1), good(3, 3.1), bad(4, 4.1), good(5, 5.1)]
    first, second = find("reads", "service", attempts)
    assert (first.last_good, first.first_good) == (0, 3.1)
    assert (second.last_good, second.first_good) == (3, 5.1)


def test_every_second_answer_bad_is_never_one_long_outage() -> None:
    attempts = [(bad if n % 2 else good)(n / 20, n / 20 + 0.08) for n in range(800)]
    attempts = [good(-0.2, -0.1), *attempts, good(40.1, 40.2)]
    assert max(one.no_longer_than_s or 99 for one in find("reads", "service", attempts)) < 0.5


def test_a_server_up_between_two_hangs_is_not_mistaken_for_one_short_outage() -> None:
    hangs = [bad(n / 10, n / 10 + 2, "timeout") for n in range(10, 25)]
    up = [good(n / 10, n / 10 + 0.01) for n in (*range(10), *range(25, 30), *range(31, 40))]
    found = find("reads", "service", [*hangs, *up, bad(3.0, 5.0, "timeout")])
    assert max(one.no_longer_than_s or 99 for one in found) >= 1.5


def test_without_a_beginning_or_an_end_the_upper_bound_is_open() -> None:
    assert only(find("reads", "service", [bad(1, 1.1), good(2, 2.1)])).no_longer_than_s is None
    assert only(find("reads", "service", [good(1, 1.1), bad(2, 2.1)])).no_longer_than_s is None


def test_a_stretch_in_which_all_was_skipped_widens_the_upper_bound_and_not_the_lower_one() -> None:
    attempts = [good(0, 0.1), bad(5, 5.1), bad(6, 6.1), good(9, 9.1)]
    one = only(find("reads", "service", attempts, [1, 2, 3, 7, 8]))
    assert (one.no_shorter_than_s, one.no_longer_than_s) == (6 - 5.1, 9.1)
    assert one.reasons == {"refused": 2, "skipped": 5}


def test_a_stretch_of_nothing_but_skipped_requests_is_not_up() -> None:
    one = only(find("reads", "service", [good(0, 0.1), good(9, 9.1)], [3, 4, 5]))
    assert (one.attempts, one.no_shorter_than_s, one.no_longer_than_s) == (0, 0, 9.1)


def test_an_answer_that_left_after_skipped_ones_but_before_a_bad_one_had_ended_is_not_the_end_of_its_outage() -> None:
    attempts = [good(0, 0.1), good(3, 3.6), bad(3.25, 3.5), bad(3.75, 4.0)]
    one = only(find("reads", "service", attempts, [1.0, 1.5, 2.0, 2.5]))
    assert (one.first_good, one.no_longer_than_s) == (None, None)
    later = only(find("reads", "service", [*attempts, good(5, 5.1)], [1.0, 1.5, 2.0, 2.5]))
    assert (later.first_good, later.last_good) == (5.1, 0)


def test_one_skipped_request_among_good_ones_is_no_outage() -> None:
    assert not find("reads", "service", [good(0, 0.1), good(0.2, 0.3)], [0.15])


def test_a_stretch_without_requests_is_found_unless_an_outage_covers_it() -> None:
    assert longest_gap([0, 1, 5, 6], 0, 7) == (1, 5)
    assert longest_gap([], 0, 7) == (0, 7)
    outage = Outage("reads", "service", 1, 1, 5, 6, 2)
    assert longest_gap([0, 1, 5, 6], 0, 7, [outage]) == (0, 1)


def test_a_rest_of_the_tool_s_own_lies_in_no_lower_bound_and_in_every_upper_one() -> None:
    answers = [good(1, 1.1), *(bad(n / 10, n / 10 + 0.05) for n in (20, 21, 22, 150, 151)), good(16, 16.1)]
    first, second = find("writes", "row", answers, blind_s=2.0, rests=[5.0])
    assert (round(first.no_shorter_than_s, 2), round(second.no_shorter_than_s, 2)) == (0.15, 0.05)
    assert first.no_longer_than_s == second.no_longer_than_s == 16.1 - 1
    assert len(find("writes", "row", answers, blind_s=2.0)) == 1
    hung = [replace(one, end=one.end + 14) if one.start == 2.2 else one for one in answers]
    assert len(find("writes", "row", hung, blind_s=2.0, rests=[5.0])) == 1, "one was in flight all the while"
