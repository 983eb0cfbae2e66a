"""pause and noop touch nothing; a signal ends a pause at once."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Any

import pytest
from acted_cluster import ActedCluster

from chaos.actions import ACTIONS
from chaos.scenario import vocabulary


@pytest.mark.parametrize(("name", "params"), [("pause", {"for_s": 0.2}), ("noop", {})])
def test_nothing_is_touched_and_no_effect_is_claimed(name: str, params: dict[str, Any]) -> None:
    cluster = ActedCluster()
    stack, action = cluster.stack(), ACTIONS[name]
    aim = action.aim(stack, "stack", params)
    began = time.monotonic()
    action.inject(stack, aim)
    assert time.monotonic() - began >= params.get("for_s", 0)
    assert action.effect(stack, aim, 1) == (None, {})
    action.put_back(stack, aim.undo, 1)
    assert (aim.objects, cluster.calls, cluster.deletions) == ((), [], [])


def test_the_vocabulary_says_so_too() -> None:
    assert {name for name, words in vocabulary.ACTIONS.items() if not words.breaks} == {"pause", "noop"}


def test_a_signal_whose_handler_raises_ends_a_pause_at_once() -> None:
    class Ended(Exception):
        pass

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended

    stack = ActedCluster().stack()
    aim = ACTIONS["pause"].aim(stack, "stack", {"for_s": 60})
    before = signal.signal(signal.SIGALRM, end)
    began = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Ended):
            ACTIONS["pause"].inject(stack, aim)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 10
