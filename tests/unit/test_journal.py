from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from chaos import journal
from chaos.errors import HachaosError
from chaos.history import (
    FORMAT,
    Contents,
    History,
    Note,
    PodSeen,
    Read,
    Record,
    RunBegun,
    StepBegun,
    StepEnded,
    UndoPlanned,
    Write,
    from_json,
)
from chaos.journal import Journal

BEGUN = RunBegun(FORMAT, "r", "kill-master", "it comes back", 1.5, {"steps": []}, {"profile": "hardened"}, {"k": "1"})
READ = Read("service", 1.0, 1.001, 1.02, ok=True)
RECORDS: list[Record] = [
    BEGUN,
    READ,
    Write("row", "rows-1", 7, "t-7", 1.0, 1.0, 1.1, "ok", key=7),
    PodSeen(1.0, "added", "mysql-0", "u", "database", "node-1", "Running", True, False, 0, {"mysql": "running"}),
    Contents(2.0, 0, "mysql-0", True, rows=((1, "a"), (2, "b")), baseline={"posts": "5:12"}),
]


def test_what_was_written_is_read_back_equal(tmp_path: Path) -> None:
    with Journal(tmp_path) as written:
        for record in RECORDS:
            written.write(record)
    assert list(journal.read(tmp_path)) == RECORDS


def test_an_undo_record_is_on_disk_before_write_returns(tmp_path: Path) -> None:
    written = Journal(tmp_path)
    undo = UndoPlanned(1.0, 0, 0, "scale", {"replicas": 3})
    written.write(undo)
    assert json.loads((tmp_path / journal.NAME).read_text())["undo"] == {"replicas": 3}
    written.close()


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    with Journal(tmp_path) as written:
        written.write(BEGUN)
        written.write(READ)
    path = tmp_path / journal.NAME
    path.write_text(path.read_text() + '{"kind":"read","via":"ser')
    assert list(journal.read(tmp_path)) == [BEGUN, READ]


def test_a_broken_line_in_the_middle_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / journal.NAME
    path.write_text("nonsense\n" + json.dumps(READ.to_json()) + "\n")
    with pytest.raises(HachaosError, match=r"journal\.jsonl:1:1: not a journal line"):
        journal.read(tmp_path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    line = BEGUN.to_json() | {"format": FORMAT + 1}
    (tmp_path / journal.NAME).write_text(json.dumps(line) + "\n")
    with pytest.raises(HachaosError, match="newer than this hachaos reads"):
        journal.read(tmp_path)


def test_a_missing_journal_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(HachaosError, match="No such file"):
        journal.read(tmp_path)


def test_records_and_fields_of_other_versions_are_passed_over() -> None:
    assert from_json({"kind": "of-tomorrow", "x": 1}) is None
    assert from_json(READ.to_json() | {"colour": "red"}) == READ


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    with Journal(tmp_path) as written:
        threads = [
            threading.Thread(target=lambda: [written.write(READ) for _ in range(200)], daemon=True) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(journal.read(tmp_path).records) == 1600


def test_a_listener_sees_each_record_after_it_was_written(tmp_path: Path) -> None:
    seen: list[Record] = []
    with Journal(tmp_path) as written:
        written.write(BEGUN)
        written.listen(seen.append)
        written.write(READ)
    assert seen == [READ]


def test_a_listener_that_raises_costs_neither_the_record_nor_its_writer_nor_other_listeners(tmp_path: Path) -> None:
    def broken(record: Record) -> None:
        raise KeyError(record.kind)

    seen: list[Record] = []
    with Journal(tmp_path) as written:
        written.listen(broken)
        written.listen(seen.append)
        written.write(READ)
    note = Note(READ.end, "the tool broke off over a record (read): KeyError('read')")
    assert (seen, list(journal.read(tmp_path))) == ([READ], [READ, note])


def test_a_step_that_never_ended_lasts_to_the_last_record_and_says_so() -> None:
    history = History(
        [
            StepBegun(1.0, 0, "a", "scale", "site", {"clone": "resume"}),
            StepEnded(2.0, 0),
            StepBegun(3.0, 1, "b", "scale", "site", {}),
            Read("service", 4.0, 4.0, 4.5, ok=True),
        ]
    )
    first, second = history.steps
    assert (first.end, first.problem, first.limits.clone) == (2.0, "", "resume")
    assert (second.end, second.ended, second.problem) == (4.5, False, "the run ended within this step")
