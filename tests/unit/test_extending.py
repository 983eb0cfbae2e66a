"""docs/extending.md: what it quotes are the example's files, which install and work as it tells the reader to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.clock import Clock
from chaos.history import Record, UndoPlanned
from chaos.journal import Journal
from chaos.undo import by_hand, put_back
from tests.unit.actions.acted_cluster import ActedCluster
from tests.unit.checks.histories import pod, story

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "extending"
PAGE = (ROOT / "docs" / "extending.md").read_text()
QUOTED = re.findall(r"^`([\w./-]+)`( \(a part of it\))?:\n\n```\w+\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the example was installed into, as the page says, but beside this environment."""
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-build-isolation"]
    subprocess.run([*pip, "--no-index", "--no-deps", "--target", folder / "site", source], check=True)
    return folder / "site"


def python(path: Path | str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, text=True, capture_output=True, check=False)


def hachaos(path: Path | str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return python(path, "-m", "chaos.cli.main", *arguments, cwd=cwd)


def test_what_the_page_quotes_is_what_the_files_say() -> None:
    for name, part, text in QUOTED:
        found = (EXAMPLE / name).read_text()
        assert (text in found) if part else (text == found), name


def test_every_file_of_the_example_is_on_the_page() -> None:
    files = {str(each.relative_to(EXAMPLE)) for each in EXAMPLE.rglob("*.*") if "__" not in str(each)}
    assert {name for name, _, _ in QUOTED} == files


def test_the_tests_of_the_example_pass(site: Path) -> None:
    found = python(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "examples/extending/tests")
    assert found.returncode == 0, found.stdout
    assert " passed" in found.stdout


def test_the_scenario_is_right_where_it_is_installed_and_wrong_with_its_place_where_it_is_not(site: Path) -> None:
    file = "examples/extending/quarantine.yaml"
    assert hachaos(site, "validate", file).stdout == f"{file}: ok (quarantine, 1 step)\n"
    without = hachaos("", "validate", file)
    assert without.returncode == 4
    assert f"{file}:8:13: action: no action 'quarantine-pod'" in without.stderr


def test_its_words_are_explained_and_a_scenario_is_written_with_them(site: Path, tmp_path: Path) -> None:
    told = hachaos(site, "explain", "quarantine-pod").stdout
    assert "- name: take a pod out of the site" in told
    assert hachaos(site, "init", "--action", "quarantine-pod", cwd=tmp_path).returncode == 0
    assert hachaos(site, "validate", "scenario.yaml", cwd=tmp_path).returncode == 0


def recorded(folder: Path, *more: Record) -> Path:
    """A run's folder with a step that wants two site pods at every moment."""
    records = story(expect={"capacity": 2}, baseline=True)
    folder.mkdir()
    with Journal(folder) as journal:
        for record in [*records[:-1], *more, records[-1]]:
            journal.write(record)
    return folder


def test_the_check_judges_a_run_from_its_folder_and_without_it_the_run_is_unknown(site: Path, tmp_path: Path) -> None:
    good = recorded(tmp_path / "good")
    bad = recorded(tmp_path / "bad", pod(11.0, "site-a", "site", ready=False), pod(11.5, "site-a", "site"))
    assert hachaos(site, "check", "--write", str(good)).returncode == 0
    judged = hachaos(site, "check", "--write", str(bad))
    assert judged.returncode == 1
    assert "capacity: 1 of 2 wanted site pods was ready at 11.0 s" in judged.stdout
    assert "capacity: 2." in (good / "report.html").read_text()
    without = hachaos("", "check", str(good))
    assert without.returncode == 2
    assert "the limit on capacity in step 1 was not judged" in without.stdout


def test_what_the_action_is_asked_to_put_back_where_it_is_not_installed_is_left_and_told(tmp_path: Path) -> None:
    stack, planned = ActedCluster().stack(), UndoPlanned(0.0, 0, 0, "quarantine-pod", {})
    with Journal(tmp_path) as journal:
        left = put_back(stack, [planned], journal, Clock(), 1.0)
    assert left == ["quarantine-pod: there is no such action here; the extension that has it is not installed"]
    assert by_hand(stack, "r", [planned]) == []
