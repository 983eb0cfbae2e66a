"""The launcher: what it says when it cannot go on, and that it adds nothing once .venv is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def checkout(tmp_path: Path) -> Path:
    """A folder with the launcher and a lock file, and nothing else."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    shutil.copy(ROOT / "hachaos", folder)
    (folder / "requirements.lock").write_text("")
    return folder


def ready(folder: Path) -> None:
    """Make it look as after the first start, with a python that prints its arguments."""
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    stamp = folder / ".venv/.ready"
    stamp.write_text("")
    later = (folder / "requirements.lock").stat().st_mtime + 10
    os.utime(stamp, (later, later))


def launch(path: Path, *arguments: str, path_variable: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"] if path_variable is None else path_variable}
    return subprocess.run(
        ["/bin/sh", str(path), *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment
    )


def test_once_ready_it_runs_the_tool_with_the_arguments_as_they_were(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    ready(folder)
    done = launch(folder / "hachaos", "run", "a file.yaml", "")
    assert done.stdout.splitlines() == ["-P", "-m", "chaos.cli.main", "run", "a file.yaml", ""]
    assert done.stderr == ""


def test_it_finds_its_checkout_through_a_link(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    ready(folder)
    link = tmp_path / "link"
    link.symlink_to(folder / "hachaos")
    assert launch(link, "list").stdout.splitlines()[-1] == "list"


def test_without_python_and_without_a_package_manager_it_says_what_to_install(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    done = launch(folder / "hachaos", "list", path_variable="/nonexistent")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == (
        "hachaos: hint: apt-get install python3 python3-venv, or set HACHAOS_PYTHON"
    )
