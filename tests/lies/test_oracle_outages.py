"""Outages: a simulated server is out at known times; every outage that is found holds these within its bounds."""

from __future__ import annotations

import random
from typing import NamedTuple

from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from chaos.checks import outages
from chaos.checks.outages import Attempt
from chaos.verdict import Outage

INTERVAL = 0.1
SLOWEST = 0.3
BLIND_S = 2.0
BLIP_S = 0.05
"""The server is up again for no longer than this, or for longer than anything that could hide it."""

UP_S = 5.0


class Life(NamedTuple):
    """What becomes of requests: at which moments of their lives they are decided; whether they hang when it is out."""

    seed: int
    hangs: bool
    deadline_s: float


class World:
    """When the server is out, in order, when nobody asks it, and the requests with the moment each was decided at."""

    def __init__(self, down: list[tuple[float, float]], rest: tuple[float, float] | None, life: Life) -> None:
        self.down, self.rest, self.life = down, rest, life
        self.decided: dict[Attempt, float] = {}
        rng = random.Random(life.seed)
        end = max((high for _, high in down), default=5.0) + 2 * UP_S
        for number in range(int((end + 12.0) / INTERVAL)):
            start = number * INTERVAL
            if rest and rest[0] <= start < rest[1]:
                continue
            moment, answered = sorted(start + rng.uniform(0, SLOWEST) for _ in range(2))
            good = not any(low <= moment < high for low, high in down)
            ended = answered if good or not life.hangs else start + life.deadline_s
            self.decided[Attempt(start, start, ended, good, "" if good else "refused")] = moment
        self.attempts = tuple(self.decided)

    def __repr__(self) -> str:
        return f"World({self.down}, {self.rest}, {self.life})"

    def merged(self) -> list[tuple[float, float]]:
        """The times out, those together between which the server was up for a blip."""
        found: list[tuple[float, float]] = []
        for low, high in self.down:
            if found and low - found[-1][1] <= BLIP_S + 1e-9:
                found[-1] = (found[-1][0], high)
            else:
                found.append((low, high))
        return found

    def find(self) -> list[Outage]:
        rests = [sum(self.rest) / 2] if self.rest else []
        return outages.find("writes", "row", self.attempts, blind_s=BLIND_S, rests=rests)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    down, at = [], 5.0
    for _ in range(draw(st.integers(0, 3))):
        length = draw(st.floats(0.01, 6.0))
        down.append((at, at + length))
        at += length + (draw(st.floats(0.01, BLIP_S)) if draw(st.booleans()) else UP_S + draw(st.floats(0, 2)))
    rest = None
    if draw(st.booleans()):
        begin = draw(st.floats(4.0, at + UP_S))
        rest = (begin, begin + draw(st.floats(0.1, 12.0)))
    life = Life(draw(st.integers(0, 2**32)), draw(st.booleans()), draw(st.floats(SLOWEST, 3.0)))
    return World(down, rest, life)


def bad_of(world: World, one: Outage) -> list[Attempt]:
    """The bad attempts of an outage: those that left between its first answer and its last attempt."""
    return [
        each for each in world.attempts if not each.good and each.end >= one.first_bad and each.start <= one.last_bad
    ]


@examples
@given(worlds())
def test_the_server_was_out_for_no_shorter_than_each_lower_bound(world: World) -> None:
    for one in world.find():
        moments = [world.decided[each] for each in bad_of(world, one)]
        # It may have been up for a blip in between which nobody saw.
        out = [high - low for low, high in world.merged() if any(low <= moment < high for moment in moments)]
        assert one.no_shorter_than_s <= max(out) + 1e-9


@examples
@given(worlds())
def test_every_time_out_that_could_not_be_missed_lies_within_an_outage_s_upper_bounds(world: World) -> None:
    found = world.find()
    for low, high in world.down:
        begin, end = world.rest or (high, high)
        asked = max(min(high, begin) - low, high - max(low, end))
        if asked > INTERVAL + SLOWEST:
            assert any(
                (one.last_good is None or one.last_good <= low) and (one.first_good is None or one.first_good >= high)
                for one in found
            )
    assert bool(found) == any(not each.good for each in world.attempts)


@examples
@given(worlds(), st.integers(0, 2**32))
def test_the_order_in_which_answers_were_written_down_changes_nothing(world: World, seed: int) -> None:
    mixed = list(world.attempts)
    random.Random(seed).shuffle(mixed)
    rests = [sum(world.rest) / 2] if world.rest else []
    assert outages.find("writes", "row", mixed, blind_s=BLIND_S, rests=rests) == world.find()
