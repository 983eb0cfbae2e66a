"""A step that takes long by its nature is reckoned with, so that a run's bound is one."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.scenario.plan import (
    CATCH_TIMEOUT_S,
    EFFECT_TIMEOUT_S,
    EVICT_TIMEOUT_S,
    ROLL_OUT_TIMEOUT_S,
    PlannedStep,
    Wait,
)


def longest_s(action: str, **params: Any) -> float:
    return PlannedStep(0, "x", action, "database", params, Wait("database/ready", 60), {}).longest_s


@pytest.mark.parametrize(
    ("action", "params", "more_s"),
    [
        ("pause", {"for_s": 300}, 300),
        ("delete-volume", {"interrupt": "itself"}, CATCH_TIMEOUT_S),
        ("delete-volume", {}, 0),
        ("drain-node", {}, EVICT_TIMEOUT_S),
        ("rolling-restart", {}, ROLL_OUT_TIMEOUT_S - EFFECT_TIMEOUT_S),
    ],
)
def test_what_an_action_takes_by_its_nature_is_in_the_steps_bound(
    action: str, params: dict[str, Any], more_s: float
) -> None:
    assert longest_s(action, **params) == longest_s("delete-pod") + more_s
