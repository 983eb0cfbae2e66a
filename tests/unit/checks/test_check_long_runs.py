"""The benchmark's long runs: they are sound, and what they cost grows no faster than they do."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import FrameType

from benchmarks import long_run
from chaos import journal
from chaos.checks.judge import judge
from chaos.history import History, Read, Write
from chaos.report.summary import summarise
from chaos.verdict import Verdict

SMALL, LARGE = 4_000, 16_000


def test_a_long_run_has_as_many_requests_as_it_was_made_for_and_passes(tmp_path: Path) -> None:
    long_run.write(tmp_path, SMALL)
    history = journal.read(tmp_path)
    assert abs(len(history.of(Read)) + len(history.of(Write)) - SMALL) < SMALL / 20
    found = judge(history)
    assert (found.verdict, [step.verdict for step in found.steps]) == (Verdict.PASS, [Verdict.PASS] * 3)


def test_judging_four_times_as_many_requests_takes_about_four_times_as_many_calls() -> None:
    small, large = (_calls(History(long_run.records(size))) for size in (SMALL, LARGE))
    assert large / small < 1.1 * LARGE * math.log(LARGE) / (SMALL * math.log(SMALL))


def _calls(history: History) -> int:
    """How often a function was called, or gone on with, to judge a run and to sum it up."""
    number = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal number
        number += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        summarise(history, judge(history))
    finally:
        sys.setprofile(None)
    return number
