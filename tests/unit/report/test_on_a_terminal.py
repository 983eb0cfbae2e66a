"""What people see on a real terminal, and what is left of it without colours and in CI."""

from __future__ import annotations

import on_a_terminal
import pytest
import sample

from chaos.journal import Journal

LIVE = """
import sys, time
sys.path.insert(0, "tests/unit/report")
import sample
from chaos.report import live
with live.display(sample.PLAN | {"longest_s": 300.0}, quiet=False, usual_s=61.4) as see:
    for record in sample.records():
        if getattr(record, "at", getattr(record, "end", 0.0)) < 15.5:
            see(record)
    time.sleep(1)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("run")
    with Journal(path) as written:
        for record in sample.failing()[0]:
            written.write(record)
    return path


def check(folder, *more: str, width: int = 100, **variables: str) -> str:
    code, said = on_a_terminal.run("-m", "chaos.cli.main", "check", str(folder), *more, width=width, **variables)
    assert code in {1, 2}
    return said


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_is_a_coloured_table_that_fits(folder, width):
    said = check(folder, width=width)
    assert on_a_terminal.COLOUR.search(said)
    assert "verdict" in said
    assert "────" in said
    assert all(len(line) <= width for line in said.splitlines() if on_a_terminal.ESCAPE not in line)


@pytest.mark.parametrize("how", ["--no-color", "NO_COLOR"])
def test_colours_can_be_turned_off(folder, how):
    said = check(folder, "--no-color") if how.startswith("-") else check(folder, NO_COLOR="1")
    assert "────" in said
    assert not on_a_terminal.COLOUR.search(said)


def test_no_color_may_stand_before_the_command_as_well(folder):
    _, said = on_a_terminal.run("-m", "chaos.cli.main", "--no-color", "check", str(folder))
    assert "────" in said
    assert not on_a_terminal.COLOUR.search(said)


def test_in_ci_the_summary_is_plain_lines_on_a_terminal_too(folder):
    said = check(folder, CI="true")
    assert on_a_terminal.ESCAPE not in said
    assert "    acknowledged writes: " in said
    assert "────" not in said


def test_the_display_shows_step_time_outages_pods_and_what_is_waited_for_and_then_makes_room():
    code, said = on_a_terminal.run("-c", LIVE)
    assert code == 0
    for what in (
        "step 1 of 2: delete the master's pod", "about 1 min 01 s, at most 5 min 00 s", "down for ", "▁",
        "database 2/3 ready", "waiting for database/ready, at most 180 s (",
    ):  # fmt: skip
        assert what in said
    assert said.rstrip("\n").endswith(f"{on_a_terminal.ESCAPE}[2K")


def test_the_display_never_folds_a_line_of_a_narrow_terminal():
    _, said = on_a_terminal.run("-c", LIVE, width=60, NO_COLOR="1")
    bars = [line for line in said.splitlines() if "█" in line]
    assert bars
    assert all(line.strip(f"{on_a_terminal.ESCAPE}[2KA1m0 ")[:1] not in {"█", "▁"} for line in bars)


def test_in_ci_the_display_is_plain_lines():
    code, said = on_a_terminal.run("-c", LIVE, CI="1")
    assert code == 0
    assert on_a_terminal.ESCAPE not in said
    assert "0:11.0  step 1 of 2: delete the master's pod" in said
