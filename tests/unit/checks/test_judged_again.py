"""`hachaos check` and `hachaos diff`: run folders judged again, with nothing else at hand."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from histories import a, change, story, the_end

from chaos import report
from chaos.history import Contents, Record, RunBegun
from chaos.journal import NAME, Journal
from chaos.report import FILES
from chaos.report.suite import SuiteRun
from chaos.scenario.plan import Suite


def hachaos(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "chaos.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def run_folder(folder: Path, records: list[Record]) -> Path:
    folder.mkdir(parents=True)
    with Journal(folder) as written:
        for record in records:
            written.write(record)
    return folder


def healthy() -> list[Record]:
    return story(baseline=True)


def lossy() -> list[Record]:
    """All pods lack ten rows of the run; the first one is from before it."""
    return [
        replace(record, rows=record.rows[:1] + record.rows[11:])
        if isinstance(record, Contents) and record.step == 0
        else record
        for record in healthy()
    ]


def test_a_healthy_run_is_judged_a_pass_again(tmp_path: Path) -> None:
    done = hachaos("check", run_folder(tmp_path / "r", healthy()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ pass: in the step every limit held" in done.stdout


def test_a_run_that_lost_rows_is_judged_a_fail_again(tmp_path: Path) -> None:
    done = hachaos("check", run_folder(tmp_path / "r", lossy()))
    assert done.returncode == 1
    assert "10 of" in done.stdout
    assert "lost" in done.stdout


def test_one_check_alone_passes_where_only_another_one_fails(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r", lossy())
    done = hachaos("check", folder, "--only", "availability", "--only", "clone")
    assert done.returncode == 0, done.stdout
    assert "availability: reads were out for" in done.stdout
    assert "continuity" not in done.stdout
    assert hachaos("check", folder, "--only", "continuity").returncode == 1


def test_a_folder_of_runs_is_judged_whole_and_the_worst_verdict_counts(tmp_path: Path) -> None:
    run_folder(tmp_path / "suite" / "01-a", healthy())
    run_folder(tmp_path / "suite" / "02-b", lossy())
    done = hachaos("check", tmp_path, "--json")
    assert done.returncode == 1
    assert [json.loads(line)["verdict"] for line in done.stdout.splitlines()] == ["pass", "fail"]


def test_a_check_leaves_the_folder_as_it_was_unless_it_is_told_to_write(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r", healthy())
    hachaos("check", folder)
    assert [path.name for path in folder.iterdir()] == [NAME]
    hachaos("check", folder, "--write")
    assert {path.name for path in folder.iterdir()} == {NAME, *FILES}


def a_suite(folder: Path, *runs: SuiteRun) -> Path:
    """A suite's folder with its report as it was drawn last, at another time."""
    report.write_suite(folder, Suite("go-live", "it stands", "", "# text", 60, 0, ()), "hardened", runs)
    path = folder / "report.json"
    values = json.loads(path.read_text()) | {"written": "2023-11-19T00:00:00Z"}
    path.write_text(json.dumps(values))
    return folder


def not_run(name: str, reason: str, folder: str = "") -> SuiteRun:
    return SuiteRun(name, f"{name} holds", folder, None, None, reason)


def test_the_report_of_their_suite_is_drawn_anew_with_the_runs(tmp_path: Path) -> None:
    run_folder(tmp_path / "01-a", healthy())
    run_folder(tmp_path / "02-b", lossy())
    a_suite(tmp_path, *(not_run(name, "not yet run") for name in "abc"), not_run("d", "the budget was over"))
    hachaos("check", tmp_path / "01-a")
    assert {row["verdict"] for row in suite_report(tmp_path)["scenarios"]} == {"unknown"}
    done = hachaos("check", tmp_path / "01-a", "--write")
    assert done.returncode == 0, done.stderr
    drawn = suite_report(tmp_path)
    assert [(row["scenario"], row["folder"], row["verdict"], row["not_run"]) for row in drawn["scenarios"]] == [
        ("a", "01-a", "pass", ""),
        ("b", "02-b", "fail", ""),
        ("c", "", "unknown", "not yet run"),
        ("d", "", "unknown", "the budget was over"),
    ]
    assert (drawn["verdict"], drawn["suite_text"], drawn["written"]) == ("fail", "# text", "2023-11-19T00:00:00Z")
    for name in ("report.html", "report.md", "claims.md"):
        assert "B holds" in (text := (tmp_path / name).read_text()) or "b holds" in text
        assert "10 of" in text


def suite_report(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize("text", ["{", '{"suite": "s", "format": 1}', '{"suite": "s", "format": 99}'])
def test_a_suite_s_report_that_cannot_be_read_is_one_line(tmp_path: Path, text: str) -> None:
    run_folder(tmp_path / "s/01-a", healthy())
    (tmp_path / "s/report.json").write_text(text)
    done = hachaos("check", tmp_path / "s", "--write")
    assert done.returncode == 3
    assert done.stderr.startswith(f"hachaos: {tmp_path / 's/report.json'}: ")
    assert "Traceback" not in done.stderr


def test_each_run_can_be_printed_for_a_pull_request(tmp_path: Path) -> None:
    run_folder(tmp_path / "01-a", healthy())
    run_folder(tmp_path / "02-b", lossy())
    done = hachaos("check", tmp_path, "--markdown")
    assert done.returncode == 1
    heads = [line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("## ")]
    assert heads == ["pass", "fail"]


def test_two_formats_at_once_are_refused(tmp_path: Path) -> None:
    done = hachaos("check", run_folder(tmp_path / "r", healthy()), "--markdown", "--json")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("hachaos: --json and --markdown: only one of them can be printed\nhint: ")


def test_two_runs_with_the_same_verdicts_do_not_differ(tmp_path: Path) -> None:
    one, other = run_folder(tmp_path / "a", healthy()), run_folder(tmp_path / "b", healthy())
    done = hachaos("diff", one, other)
    assert done.returncode == 0
    assert "≠" not in done.stdout
    assert done.stdout.endswith("the verdicts are the same\n")


def test_a_run_that_has_no_end_differs_from_one_that_has_in_figures_alone(tmp_path: Path) -> None:
    one, other = run_folder(tmp_path / "a", healthy()), run_folder(tmp_path / "b", the_end(healthy()))
    done = hachaos("diff", one, other)
    assert done.returncode == 0, done.stdout
    assert "≠ verdict: –  ->  pass" in done.stdout


def test_a_difference_names_the_check_what_both_runs_say_and_the_figures(tmp_path: Path) -> None:
    one, other = run_folder(tmp_path / "a", healthy()), run_folder(tmp_path / "b", lossy())
    done = hachaos("diff", one, other)
    assert done.returncode == 1
    for line in ("  ≠ verdict: pass  ->  fail", "  ≠ continuity: pass  ->  fail", "  ≠ lost: 0  ->  10"):
        assert line in done.stdout.splitlines()
    assert "3 verdicts differ" in done.stdout
    found = json.loads(hachaos("diff", one, other, "--json").stdout)
    assert not found["same_verdicts"]
    (lost,) = [line for line in found["lines"] if line["what"] == "lost" and line["where"] != "Baseline"]
    assert (lost["one"], lost["other"], lost["same"]) == ("0", "10", False)


def test_versions_and_images_that_differ_are_named_and_change_no_verdict(tmp_path: Path) -> None:
    begun: dict[str, Any] = {"versions": {"hachaos": "9"}, "stack": {"database_pods": 3, "images": {"nfs/nfs": "x:2"}}}
    one = run_folder(tmp_path / "a", healthy())
    other = run_folder(tmp_path / "b", change(healthy(), a(RunBegun), **begun))
    done = hachaos("diff", one, other)
    assert done.returncode == 0, done.stdout
    assert "≠ version of hachaos" in done.stdout
    assert "≠ image nfs/nfs: –  ->  x:2" in done.stdout


@pytest.mark.parametrize("command", ["check", "diff"])
def test_a_journal_with_a_broken_line_is_refused_with_its_place(tmp_path: Path, command: str) -> None:
    folder = run_folder(tmp_path / "r", healthy())
    lines = (folder / NAME).read_text().splitlines(keepends=True)
    lines[2] = "{broken\n"
    (folder / NAME).write_text("".join(lines))
    done = hachaos(command, folder, *([folder] if command == "diff" else []))
    assert done.returncode == 4
    assert done.stderr.startswith(f"hachaos: {folder / NAME}:3:2: not a journal line: ")
    (hint,) = done.stderr.splitlines()[1:]
    assert hint.startswith("hint: the file was changed or damaged since")


def test_folders_without_a_run_and_checks_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    folder = run_folder(tmp_path / "r", [])
    good = run_folder(tmp_path / "good", healthy())
    for arguments, said in (
        (("check", tmp_path / "gone"), f"{tmp_path / 'gone'}: there is no such folder"),
        (("check", tmp_path / "empty"), f"{tmp_path / 'empty'}: no {NAME} here, or below it"),
        (("check", folder), f"{folder / NAME}: the run had not begun, so there is nothing to judge"),
        (("check", good, "--only", "continuty"), "no check 'continuty': did you mean 'continuity'?"),
        (("diff", good, tmp_path / "gone"), f"{tmp_path / 'gone'}: there is no such folder"),
        (("diff", good, tmp_path / "empty"), f"{tmp_path / 'empty' / NAME}: No such file or directory"),
    ):
        done = hachaos(*arguments)
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr.startswith(f"hachaos: {said}")


def spoilt(folder: Path) -> Path:
    """A run's folder with a journal that is broken in its second line."""
    run_folder(folder, healthy())
    first, _, *others = (folder / NAME).read_text().splitlines(keepends=True)
    (folder / NAME).write_text("".join([first, "{broken\n", *others]))
    return folder


def test_a_run_that_cannot_be_read_keeps_no_other_from_being_judged(tmp_path: Path) -> None:
    run_folder(tmp_path / "s/01-a", healthy())
    unbegun = run_folder(tmp_path / "s/02-b", [])
    broken = spoilt(tmp_path / "s/03-c")
    run_folder(tmp_path / "s/04-d", lossy())
    for arguments in (("--json",), ("--json", "--write")):
        done = hachaos("check", tmp_path / "s", *arguments)
        assert [json.loads(line)["verdict"] for line in done.stdout.splitlines()] == ["pass", "fail"]
        assert done.returncode == 4
        first, second, *hints = done.stderr.splitlines()
        assert first == f"hachaos: {unbegun / NAME}: the run had not begun, so there is nothing to judge"
        assert second.startswith(f"hachaos: {broken / NAME}:2:2: not a journal line: ")
        assert len(hints) == 2
    assert {path.name for path in (tmp_path / "s/04-d").iterdir()} == {NAME, *FILES}


def test_a_broken_run_of_a_suite_is_named_once_and_the_other_runs_are_written(tmp_path: Path) -> None:
    run_folder(tmp_path / "01-a", healthy())
    broken = spoilt(tmp_path / "02-b")
    a_suite(tmp_path, *(not_run(name, "not yet run") for name in "ab"))
    done = hachaos("check", tmp_path, "--write")
    assert done.returncode == 4
    told, hint = done.stderr.splitlines()
    assert told.startswith(f"hachaos: {broken / NAME}:2:2: ")
    assert hint.startswith("hint: ")
    assert (tmp_path / "01-a/report.html").exists()


def test_a_verdict_that_nobody_reads_is_none(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r", healthy())
    command = [sys.executable, "-P", "-m", "chaos.cli.main", "check", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 3


def test_a_run_is_judged_alike_where_there_is_no_network(tmp_path: Path) -> None:
    alone = ["unshare", "--net", "--"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a network namespace of its own needs root and unshare")
    for name, records, code in (("good", healthy(), 0), ("bad", lossy(), 1)):
        command = [sys.executable, "-P", "-m", "chaos.cli.main", "check", str(run_folder(tmp_path / name, records))]
        here, there = (
            subprocess.run([*before, *command, "--json"], capture_output=True, text=True, timeout=60, check=False)
            for before in ([], alone)
        )
        assert (there.returncode, there.stdout, there.stderr) == (code, here.stdout, "")
