"""Whatever moment hachaos is killed at, `hachaos recover` brings the stack to where it was found."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from benchmarks.crash import LIFE_S, crash, moments
from chaos.stack.stack import Stack
from embedded import NAME

SEED = int(os.environ.get("HACHAOS_CRASH_SEED", "1553"))
"""One that kills each run after its first fault, if this machine is about as fast as others with two cores."""

KILLS = int(os.environ.get("HACHAOS_CRASHES", len(LIFE_S)))
"""One of each scenario, if nothing is said; `python -m benchmarks.crash` does many."""


@pytest.mark.parametrize(("scenario", "moment_s"), list(itertools.islice(moments(SEED), KILLS)))
def test_a_run_that_was_killed_is_put_back_as_it_was_found(
    stack: Stack, scenario: str, moment_s: float, tmp_path: Path
) -> None:
    one = crash(stack, NAME, scenario, moment_s, tmp_path / "reports")
    print(one)
    assert one.differs == (), one
