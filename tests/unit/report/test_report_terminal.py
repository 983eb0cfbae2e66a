from __future__ import annotations

import io
from pathlib import Path

import pytest
import sample
from rich.console import Console

from chaos.history import ApiServerSeen, History
from chaos.report import terminal, words
from chaos.verdict import Outage

FOLDER = Path("reports/x")


def printed(run, *, tty: bool, width: int = 120) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=tty, width=width, highlight=False, markup=False, color_system=None)
    terminal.summary(*run, FOLDER, console=console)
    return out.getvalue()


def test_a_terminal_gets_a_table_with_bounds_and_losses():
    text = printed(sample.passing(), tty=True)
    row = next(line for line in text.splitlines() if "delete the master" in line)
    for cell in ("✓ pass", "1.92 – 2.17 s", "2.89 – 3.19 s", "262", "resume", "3.60 s"):
        assert cell in row
    assert "✓ pass: in both steps every limit held" in text
    assert text.endswith("  run: reports/x\n")


def test_a_report_is_named_where_there_is_one(tmp_path, capsys):
    (tmp_path / "report.html").touch()
    terminal.summary(*sample.passing(), tmp_path)
    assert capsys.readouterr().out.endswith(f"  report: {tmp_path}/report.html\n")


def test_a_log_gets_lines():
    text = printed(sample.failing(), tty=False)
    assert "✗ step 1 of 1, delete the master's pod: fail" in text
    assert "acknowledged writes: 262, lost: 57; clone: empty" in text
    assert "✗ continuity: 57 of 262 acknowledged writes are missing" in text
    assert "? replication: mysql-2 did not answer" in text
    assert "✗ fail: 57 acknowledged writes were lost" in text


@pytest.mark.parametrize("tty", [False, True])
@pytest.mark.parametrize(("back", "for_"), [(True, "for 1 min 01 s – 1 min 03 s:"), (False, "s or longer:")])
def test_a_step_says_when_the_api_server_did_not_answer(back, for_, tty):
    history, judgement = sample.passing()
    (step,) = [step for step in judgement.steps if step.step.index == 0]
    at = step.step.end - 0.1
    records = [ApiServerSeen(at, False, at - 1)]
    if back:
        records.append(ApiServerSeen(at + 62, True, at + 60.9))
    text = " ".join(printed((History([*history, *records]), judgement), tty=tty).split())
    assert f"The API server did not answer from {words.clock(at)} on, for " in text
    assert for_ in text


def test_a_step_in_which_the_api_server_answered_says_nothing_of_it():
    assert "API server" not in printed(sample.passing(), tty=False)


def test_lines_of_a_log_are_not_folded():
    assert "? unknown: the stack did not recover within 3 min, so nothing could be read\n" in printed(
        sample.unknown(), tty=False, width=20
    )


def test_an_outage_without_an_end_and_a_recovery_that_was_not_seen_are_said_to_be_so():
    text = printed(sample.unknown(), tty=False)
    assert "reads out: 27.8 s or longer" in text
    assert "lost: unknown" in text
    assert "recovered in: not within 25.0 s" in text


def test_names_from_the_cluster_are_not_markup():
    assert "[bold]x[/bold]" in printed(sample.failing("[bold]x[/bold]"), tty=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 s"), (0.42, "0.42 s"), (9.999, "10.0 s"), (31.24, "31.2 s"),
     (59.97, "1 min 00 s"), (125, "2 min 05 s"), (7260, "2 h 01 min")],
)  # fmt: skip
def test_seconds_are_written_for_people(value, text):
    assert words.seconds(value) == text


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ((1.0, 2.0, 4.0, 5.0), "2.00 – 4.00 s"),
        ((None, 2.0, 4.0, 5.0), "2.00 s or longer"),
        ((1.0, 2.0, 2.0, 2.5), "up to 1.50 s"),
        ((1.0, 2.0, 92.0, 93.0), "1 min 30 s – 1 min 32 s"),
    ],
)
def test_an_outage_is_written_with_its_bounds(times, text):
    assert words.bounds(Outage("reads", "service", *times, attempts=1)) == text


def test_readers_that_were_in_and_out_are_not_told_by_their_longest_outage_alone():
    text = printed(sample.flapping(), tty=False)
    reads = next(line for line in text.splitlines() if "reads out:" in line).partition("; writes out:")[0]
    assert " bad in 7 outages, longest 0.32 – 0.57 s, not back at the end; wordpr…9b8-9vjtr 29.6 s or longer" in reads
