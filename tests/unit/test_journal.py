from __future__ import annotations

import dataclasses
import errno
import json
import threading
import types
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos import journal
from chaos.errors import HachaosError
from chaos.history import (
    FORMAT,
    KINDS,
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


def test_a_journal_whose_lines_were_given_other_ends_on_its_way_is_read_alike(tmp_path: Path) -> None:
    with Journal(tmp_path) as written:
        for record in RECORDS:
            written.write(record)
    path = tmp_path / journal.NAME
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert list(journal.read(tmp_path)) == RECORDS


def test_an_undo_record_is_on_disk_before_write_returns(tmp_path: Path) -> None:
    written = Journal(tmp_path)
    undo = UndoPlanned(1.0, 0, 0, "scale", {"replicas": 3})
    written.write(undo)
    assert json.loads((tmp_path / journal.NAME).read_text())["undo"] == {"replicas": 3}
    written.close()


def test_pods_that_hold_the_same_share_it_and_nothing_else(tmp_path: Path) -> None:
    one = Contents(2.0, 0, "mysql-0", True, gtid="0-1-2", rows=((1, "a"),), posts=((2, "b"),), baseline={"x": "1"})
    same = dataclasses.replace(one, at=3.0, pod="mysql-1", primary=False, baseline={"x": "2"}, tables={"t": "1:2"})
    others = [
        dataclasses.replace(one, posts=()),
        dataclasses.replace(one, rows=()),
        dataclasses.replace(one, rows=(), posts=()),
        dataclasses.replace(one, error="gone"),
    ]
    with Journal(tmp_path) as written:
        for record in (one, same, *others):
            written.write(record)
    first, second, *rest = journal.read(tmp_path)
    assert ([first, second], rest) == ([one, same], others)
    assert isinstance(first, Contents)
    assert isinstance(second, Contents)
    assert first.rows is second.rows
    assert first.posts is second.posts


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    with Journal(tmp_path) as written:
        written.write(BEGUN)
        written.write(READ)
    path = tmp_path / journal.NAME
    path.write_text(path.read_text() + '{"kind":"read","via":"ser')
    assert list(journal.read(tmp_path)) == [BEGUN, READ]


@pytest.mark.parametrize("length", [12, 200_000])
def test_whoever_goes_on_with_a_torn_journal_glues_nothing_to_its_last_line(tmp_path: Path, length: int) -> None:
    with Journal(tmp_path) as written:
        written.write(BEGUN)
    path = tmp_path / journal.NAME
    with path.open("a") as file:
        file.write('{"kind":"read","via":"' + "s" * length)
    with Journal(tmp_path) as again:
        again.write(READ)
    assert list(journal.read(tmp_path)) == [BEGUN, READ]


def test_a_last_line_that_lacks_only_its_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / journal.NAME
    path.write_text(json.dumps(BEGUN.to_json()) + "\n" + json.dumps(READ.to_json(), separators=(",", ":")))
    with Journal(tmp_path) as again:
        again.write(READ)
    assert list(journal.read(tmp_path)) == [BEGUN, READ, READ]


def test_a_broken_line_in_the_middle_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / journal.NAME
    path.write_text("nonsense\n" + json.dumps(READ.to_json()) + "\n")
    with pytest.raises(HachaosError, match=r"journal\.jsonl:1:1: not a journal line"):
        journal.read(tmp_path)


def test_a_newer_format_is_refused_and_what_made_it_is_told(tmp_path: Path) -> None:
    line = BEGUN.to_json() | {"format": FORMAT + 1, "versions": {"hachaos": "9.9"}}
    (tmp_path / journal.NAME).write_text(json.dumps(line) + "\n")
    with pytest.raises(HachaosError, match="newer than this hachaos reads") as refused:
        journal.read(tmp_path)
    assert refused.value.hint == "hachaos 9.9 made it: judge it with that, or a later one"


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


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=5,
)
_OBJECT = st.dictionaries(st.text(max_size=3), _JSON, max_size=3)


def _values(cls: type[Record]) -> st.SearchStrategy[dict[str, Any]]:
    """A journal line of this kind, mostly with what belongs into its fields; RunBegun's format is any that is known."""
    hints = typing.get_type_hints(cls)
    fields = {
        field.name: st.just(FORMAT) if field.name == "format" else _as_typed(hints[field.name])
        for field in dataclasses.fields(cls)
    }
    typed = st.fixed_dictionaries({"kind": st.just(cls.kind), **fields})
    others = st.dictionaries(st.sampled_from([*(fields.keys() - {"format"}), "of-tomorrow"]), _JSON, max_size=2)
    return st.builds(lambda values, some, use: values | (some if use else {}), typed, others, st.booleans())


def _as_typed(hint: Any) -> st.SearchStrategy[Any]:
    if isinstance(hint, types.UnionType):
        return st.one_of([_as_typed(one) for one in typing.get_args(hint)])
    own = {int: st.integers(-(2**53), 2**53), float: st.floats(allow_nan=False), dict[str, Any]: _OBJECT}
    return own[hint] if hint in own else st.from_type(hint)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of([_values(cls) for cls in KINDS.values()]), max_size=5))
def test_a_journal_is_read_as_its_lines_one_by_one_whatever_is_in_their_fields(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    (folder / journal.NAME).write_text(text, encoding="utf-8", errors="replace")
    written = [json.loads(line) for line in (folder / journal.NAME).read_text(encoding="utf-8").split("\n") if line]
    assert list(journal.read(folder)) == [from_json(line) for line in written]


def test_what_is_said_again_and_again_is_kept_once(tmp_path: Path) -> None:
    with Journal(tmp_path) as written:
        for _ in range(2):
            written.write(READ)
            written.write(RECORDS[-1])
    first, contents, second, again = journal.read(tmp_path)
    assert isinstance(first, Read)
    assert isinstance(second, Read)
    assert isinstance(contents, Contents)
    assert isinstance(again, Contents)
    assert first.via is second.via
    assert contents.rows[0] is again.rows[0]


def test_a_broken_line_before_the_last_is_an_error_even_if_the_last_is_torn(tmp_path: Path) -> None:
    path = tmp_path / journal.NAME
    path.write_text(json.dumps(BEGUN.to_json()) + '\n{"kind":"read"}\n{"kind":"re')
    with pytest.raises(HachaosError, match=r"journal\.jsonl:2:1: not a journal line"):
        journal.read(tmp_path)


class FullDisk:
    """Takes so many bytes of what a journal writes, then no more until there is `room`."""

    def __init__(self, written: Journal, room: int) -> None:
        self.room, self.failed = room, list[OSError]()
        self._file = written._file
        written._file = self  # type: ignore[assignment]
        written._failed = self.failed.append

    def write(self, data: memoryview) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self._file.write(data[: self.room])
        self.room -= taken
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.parametrize("room", [0, 5])
def test_an_undo_record_that_a_full_disk_does_not_take_is_an_error_and_leaves_no_part_of_it(
    tmp_path: Path, room: int
) -> None:
    with Journal(tmp_path) as written:
        written.write(BEGUN)
        disk, seen = FullDisk(written, room), list[Record]()
        written.listen(seen.append)
        with pytest.raises(journal.JournalFull, match=r"journal\.jsonl: No space left on device"):
            written.write(UndoPlanned(1.0, 0, 0, "scale", {"replicas": 3}))
        assert (len(disk.failed), seen) == (1, [])
    assert list(journal.read(tmp_path)) == [BEGUN]
    assert (tmp_path / journal.NAME).read_text().endswith("\n")


def test_whatever_else_a_full_disk_does_not_take_breaks_nothing_off_and_is_told_once(tmp_path: Path) -> None:
    with Journal(tmp_path) as written:
        written.write(BEGUN)
        disk, seen = FullDisk(written, 7), list[Record]()
        written.listen(seen.append)
        for _ in range(3):
            written.write(READ, sync=True)
        assert seen == [READ] * 3
        assert len(disk.failed) == 1
        assert written.problem is disk.failed[0]
        disk.room = 1000
        written.write(READ)
    assert list(journal.read(tmp_path)) == [BEGUN, READ]
