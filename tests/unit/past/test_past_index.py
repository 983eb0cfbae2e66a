"""The index says what the folders say, whatever became of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from made import journal, report, run, write

from chaos.errors import UsageError
from chaos.past import index
from chaos.past.index import NAME, past
from chaos.past.runs import MISSING, NOT_RUN, note_not_run


def test_a_run_is_told_in_its_figures(tmp_path: Path) -> None:
    write(tmp_path, run(1))
    (found,) = past(tmp_path).runs
    assert (found.scenario, found.stack, found.target, found.verdict) == (
        "kill-master",
        "hardened",
        "local/hachaos",
        "pass",
    )
    assert (found.reads_s, found.writes_s, found.recovered_s) == (2.0, 3.0, 4.0)
    assert found.began == run(1).began


def test_a_folder_is_read_once_and_again_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, run(1))
    folder = write(tmp_path, run(2))
    past(tmp_path)
    read: list[str] = []
    real = index._read
    monkeypatch.setattr(index, "_read", lambda path, folder: (read.append(folder), real(path, folder))[1])
    past(tmp_path)
    assert read == []
    (folder / "report.json").write_text(json.dumps(report(run(2, "fail", reason="so it was"))))
    assert [one.verdict for one in past(tmp_path).runs] == ["pass", "fail"]
    assert read == [folder.name]


def test_reports_and_notes_alone_are_the_whole_history(tmp_path: Path) -> None:
    """ci/ keeps no more than these two from night to night."""
    here, kept = tmp_path / "reports", tmp_path / "kept"
    write(here, run(1))
    write(here, run(2, "fail", folder="all/01-kill-master"))
    left_out = {"scenario": "drain-node", "folder": "", "not_run": "no time was left"}
    suite = {"format": 1, "stack": "hardened", "written": "2026-11-28T03:00:00Z", "scenarios": [left_out]}
    (here / "all/report.json").write_text(json.dumps(suite))
    note_not_run(here, "kill-master", "hardened", "local/hachaos", run(3).began, "no cluster")
    for name in ("report.json", "not-run.json"):
        for path in here.rglob(name):
            (kept / path.relative_to(here)).parent.mkdir(parents=True, exist_ok=True)
            (kept / path.relative_to(here)).write_bytes(path.read_bytes())
    assert past(kept) == past(here)
    assert sorted(one.verdict for one in past(kept).runs) == ["fail", "missing", "missing", "pass"]


def test_a_folder_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    folder = write(tmp_path, run(1))
    past(tmp_path)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    assert past(tmp_path).runs == ()


@pytest.mark.parametrize("broken", [b"", b"this is no database at all, but long enough to be one" * 30])
def test_an_index_that_is_lost_or_broken_is_made_anew(tmp_path: Path, broken: bytes) -> None:
    write(tmp_path, run(1))
    before = past(tmp_path)
    (tmp_path / NAME).write_bytes(broken)
    assert past(tmp_path) == before
    (tmp_path / NAME).unlink()
    assert past(tmp_path) == before
    assert (tmp_path / NAME).is_file()


def test_an_index_of_another_version_is_made_anew(tmp_path: Path) -> None:
    write(tmp_path, run(1))
    before = past(tmp_path)
    with sqlite3.connect(tmp_path / NAME) as other:
        other.execute("DROP TABLE runs")
        other.execute("CREATE TABLE runs (what)")
        other.execute("PRAGMA user_version = 99")
    other.close()
    assert past(tmp_path) == before


def test_where_nothing_can_be_written_the_history_is_told_all_the_same(tmp_path: Path) -> None:
    write(tmp_path, run(1))
    (tmp_path / NAME).mkdir()
    assert len(past(tmp_path).runs) == 1


def test_looks_at_the_same_time_agree(tmp_path: Path) -> None:
    for number in range(60):
        write(tmp_path, run(number))
    code = (
        "import sys; from pathlib import Path; from chaos.past.index import past\n"
        "for _ in range(5): print(len(past(Path(sys.argv[1])).runs))"
    )
    command = [sys.executable, "-P", "-c", code, str(tmp_path)]
    at_work = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in at_work:
        out, err = process.communicate(timeout=120)
        assert (out.split(), err) == (["60"] * 5, "")
    with sqlite3.connect(tmp_path / NAME) as made:
        assert made.execute("SELECT count(*) FROM runs").fetchone() == (60,)
    made.close()


def test_a_run_of_a_suite_is_found_in_the_suites_folder(tmp_path: Path) -> None:
    write(tmp_path / "go-live", run(1))
    left_out = {"scenario": "kill-replica", "folder": "", "not_run": "the suite's budget of 60 s was over"}
    ran = {"scenario": "kill-master", "folder": run(1).folder, "not_run": ""}
    suite = {"format": 1, "stack": "hardened", "written": "2023-11-19T00:00:00Z", "scenarios": [ran, left_out]}
    (tmp_path / "go-live/report.json").write_text(json.dumps(suite))
    by_name = {one.scenario: one for one in past(tmp_path).runs}
    assert by_name["kill-master"].folder == f"go-live/{run(1).folder}"
    assert by_name["kill-replica"].verdict == MISSING
    assert by_name["kill-replica"].target == "local/hachaos"


def test_a_run_of_a_suite_that_goes_on_is_not_missing_before_its_turn(tmp_path: Path) -> None:
    write(tmp_path / "go-live", run(1))
    waits = {"scenario": "kill-replica", "folder": "", "not_run": "not yet run"}
    suite = {"format": 1, "stack": "hardened", "written": "2023-11-19T00:00:00Z", "scenarios": [waits]}
    (tmp_path / "go-live/report.json").write_text(json.dumps(suite))
    assert [one.scenario for one in past(tmp_path).runs] == ["kill-master"]


def test_a_run_without_a_report_is_unknown_and_judges_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "journal.jsonl").write_text(journal(run(1)) + '{"kind": "re')
    (found,) = past(tmp_path).runs
    assert (found.verdict, found.counts) == ("unknown", False)


def test_a_run_that_could_not_start_is_missing(tmp_path: Path) -> None:
    note_not_run(tmp_path, "kill-master", "hardened", "local/hachaos", 1_795_000_000.25, "no cluster")
    (found,) = past(tmp_path).runs
    assert (found.verdict, found.reason, found.began) == (MISSING, "no cluster", 1_795_000_000.25)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}', '{"format": "1"}', "nul"])
def test_what_is_no_report_is_named_and_breaks_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path, run(1))
    folder = write(tmp_path, run(2))
    (folder / "report.json").write_text(text)
    found = past(tmp_path)
    assert (len(found.runs), found.unreadable) == (1, (folder.name,))


@pytest.mark.parametrize("name", ["report.json", NOT_RUN])
def test_a_file_of_a_newer_version_is_named_and_not_guessed_at(tmp_path: Path, name: str) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / name).write_text(json.dumps({"format": 2}))
    assert past(tmp_path) == index.Past((), (), ("new",))


def test_links_out_of_the_reports_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", run(1))
    reports = tmp_path / "reports"
    reports.mkdir()
    os.symlink(tmp_path / "elsewhere", reports / "link")
    assert past(reports).runs == ()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        past(tmp_path / "nowhere")
