"""The command line's manners: one line an error, the documented exit codes, a quick start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos import __version__
from chaos.cli import main
from chaos.cli.recover import recover
from chaos.errors import ClusterError, HachaosError, HostError, StackError, UndoIncomplete

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("kubernetes", "requests", "rich", "pymysql", "pydantic", "cryptography", "msgspec")


def hachaos(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "chaos.cli.main", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command_and_every_exit_code() -> None:
    done = hachaos("--help")
    assert done.returncode == 0
    for word in ("run", "validate", "plan", "list", "recover", "stack", "cluster", "5 undo incomplete"):
        assert word in done.stdout


def test_version_is_the_packages() -> None:
    assert hachaos("--version").stdout.strip() == f"hachaos, version {__version__}"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from chaos.cli.main import _run\n"
        "_run(['--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rnu"], "hachaos: no command 'rnu'; did you mean 'run'?"),
        (["run"], "hachaos: Missing argument 'SCENARIO...'."),
        (["completion"], "hachaos: Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish"),
        (["run", "--nodes", "9", "x.yaml"], "hachaos: Invalid value for '--nodes': 9 is not in the range 1<=x<=5."),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_4(arguments: list[str], line: str) -> None:
    done = hachaos(*arguments)
    assert done.returncode == 4
    assert done.stderr.splitlines()[0] == line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [[], ["stack"], ["cluster"]])
def test_a_group_without_a_command_shows_its_help_as_it_is_and_exits_4(arguments: list[str]) -> None:
    done = hachaos(*arguments)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == hachaos(*arguments, "--help").stdout


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["explain", "scale"], ["run", "--help"]])
def test_a_pipe_without_a_reader_is_no_verdict(arguments: list[str]) -> None:
    command = [sys.executable, "-P", "-m", "chaos.cli.main", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 3


def test_a_file_in_the_current_folder_never_shadows_a_module(tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text("raise SystemExit('shadowed')")
    assert hachaos("list", cwd=tmp_path).returncode == 0


def test_running_a_scenario_that_does_not_exist_touches_nothing(tmp_path: Path) -> None:
    done = hachaos("run", "no-such.yaml", cwd=tmp_path)
    assert done.returncode == 4
    assert "no-such.yaml" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (ClusterError("no answer"), "hint: kubectl get pods,events shows"),
        (HostError("no root"), "hint: hachaos cluster doctor"),
        (StackError("no pod"), "hint: hachaos stack status"),
        (UndoIncomplete("2 pods are out"), "hint: hachaos recover"),
        (ClusterError("no answer", hint="wait a little"), "hint: wait a little"),
    ],
)
def test_trouble_always_comes_with_a_hint(
    error: HachaosError, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr(main.hachaos, "main", fails)
    assert main._run([]) == error.exit_code
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"hachaos: {error}"
    assert second.startswith(hint)


def test_recover_that_found_nothing_says_where_it_could_not_look(tmp_path: Path) -> None:
    said = [
        CliRunner().invoke(recover, ["--name", "nobody-has-this", "--reports", str(folder)]).output
        for folder in (tmp_path, tmp_path / "typo")
    ]
    assert said == [
        "nothing to recover: every run was put back\n",
        f"nothing to recover: every run was put back (by the stack alone: there is no folder {tmp_path / 'typo'})\n",
    ]
