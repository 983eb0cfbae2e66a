"""`hachaos journal`: what was done, decided and put back, a line a record."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.history import (
    FORMAT,
    ActionBegun,
    ActionEnded,
    Note,
    Read,
    Record,
    RunBegun,
    RunEnded,
    StepBegun,
    UndoDone,
    UndoPlanned,
    WaitEnded,
)
from chaos.journal import NAME, Journal

RECORDS: list[Record] = [
    RunBegun(FORMAT, "r", "shrink", "c", 0.0, {}, {"target": "local/x", "source": "hardened"}, {}),
    StepBegun(1.0, 0, "shrink it", "scale", "database", {}),
    WaitEnded(2.0, 0, "steady", True, 1.0),
    WaitEnded(2.5, 0, "database/ready", False, 90.0, "no answer", True),
    UndoPlanned(3.0, 0, 0, "scale", {"replicas": 3}),
    UndoPlanned(3.0, 1, 0, "scale", {"replicas": 2}),
    UndoPlanned(3.0, 2, 0, "noop", {}),
    ActionBegun(3.1, 0, "scale", ("statefulset/mysql",), "3 -> 1 replicas"),
    Read("service", 3.2, 3.2, 3.3, ok=True),
    ActionEnded(65.0, 0, "scale", True, {"replicas": [3, 1]}),
    Note(66.0, "a line\nand \x1b[31mmore"),
    UndoDone(70.0, 0, verified=True),
    UndoDone(71.0, 1, verified=False, error="not ready"),
]


def journal(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "chaos.cli.main", "journal", str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Journal(tmp_path) as written:
        for record in RECORDS:
            written.write(record)
    return tmp_path


def test_it_tells_what_was_done_and_decided_a_line_a_record(folder: Path) -> None:
    done = journal(folder)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == len(RECORDS) - 1
    assert lines[0].split(maxsplit=2) == ["0:00.0", "run-begun", "r: shrink on local/x, stack hardened"]
    assert "   0:03.1  action-begun   step 1 scale: statefulset/mysql (3 -> 1 replicas)" in lines
    assert "   1:05.0  action-ended   step 1 scale: had its effect (replicas: 3 -> 1)" in lines
    assert (
        "   0:02.5  wait-ended     step 1: database/ready is not known to have come within 90.0 s: no answer" in lines
    )
    assert "   1:06.0  note           a line and \N{REPLACEMENT CHARACTER}[31mmore" in lines
    assert "the run has no end: it goes on, or was killed (hachaos recover)" in done.stderr


def test_all_has_every_sample_as_well(folder: Path) -> None:
    assert len(journal(folder, "--all").stdout.splitlines()) == len(RECORDS)


def test_undo_has_each_undo_record_and_what_became_of_it(folder: Path) -> None:
    first, second, third = journal(folder, "--undo").stdout.splitlines()
    assert "step 1 scale: put back and looked at, 70.0 s" in first
    assert "NOT put back: not ready" in second
    assert "not put back yet" in third


def test_json_has_the_records_as_they_are(folder: Path) -> None:
    lines = journal(folder, "--json", "--all").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [json.loads(json.dumps(record.to_json())) for record in RECORDS]


def test_a_torn_last_line_is_left_out_and_said(folder: Path) -> None:
    with (folder / NAME).open("a") as file:
        file.write('{"kind":"no')
    done = journal(folder)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == len(RECORDS) - 1
    assert "the last line is torn" in done.stderr


def test_nothing_is_said_of_a_whole_journal_of_a_run_that_ended(folder: Path) -> None:
    with Journal(folder) as written:
        written.write(RunEnded(80.0, "finished"))
    assert journal(folder).stderr == ""


def test_a_path_without_a_journal_is_refused(tmp_path: Path) -> None:
    done = journal(tmp_path / "none")
    assert done.returncode == 4
    assert "there is no such folder" in done.stderr
    assert done.stdout == ""


def test_a_broken_line_in_the_middle_is_refused_with_its_place(folder: Path) -> None:
    path = folder / NAME
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], "{broken\n", *lines[3:]]))
    done = journal(folder)
    assert done.returncode == 4
    assert f"{NAME}:4:2: not a journal line" in done.stderr


def test_a_journal_that_cannot_be_read_keeps_no_other_from_being_printed(folder: Path) -> None:
    (folder / NAME).rename(folder / "kept")
    for name in ("1-broken", "2-unbegun", "3-sound"):
        (folder / name).mkdir()
        (folder / name / NAME).touch()
    (folder / "1-broken" / NAME).write_text("{broken\n\n")
    (folder / "kept").rename(folder / "3-sound" / NAME)
    done = journal(folder)
    assert done.returncode == 4
    assert "3-sound:" in done.stdout.splitlines()[0]
    said = [line for line in done.stderr.splitlines() if line.startswith("hachaos: ")]
    assert [line.split(": ")[1] for line in said] == [
        f"{folder / '1-broken' / NAME}:1:2",
        str(folder / "2-unbegun" / NAME),
    ]
