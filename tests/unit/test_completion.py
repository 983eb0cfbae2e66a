"""Shells complete hachaos: commands, options, scenario files, run folders and the words of a scenario."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from chaos.cli.completion import completion
from chaos.cli.main import hachaos
from chaos.scenario.vocabulary import ACTIONS, CHECKS

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("kubernetes", "requests", "rich", "pymysql", "cryptography", "chaos.session")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "scenarios").mkdir()
    for name in ("kill.yaml", "scale.yml", "notes.txt"):
        (tmp_path / "scenarios" / name).touch()
    (tmp_path / "own.yaml").touch()
    for name in ("1-old", "2-new", "other"):
        (tmp_path / "reports" / name).mkdir(parents=True)
    for name in ("1-old", "2-new"):
        (tmp_path / "reports" / name / "journal.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def offered(*words: str) -> list[str]:
    """What is offered for the last of the words."""
    shell = ShellComplete(hachaos, {}, "hachaos", "_HACHAOS_COMPLETE")
    return [each.value for each in shell.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("pre",), ["preflight"]),
        (("run", ""), ["own.yaml", "scenarios/kill.yaml", "scenarios/scale.yml"]),
        (("run", "sc"), ["scenarios/kill.yaml", "scenarios/scale.yml"]),
        (("run", "scenarios/k"), ["scenarios/kill.yaml"]),
        (("validate", "own.yaml", "o"), ["own.yaml"]),
        (("plan", "o"), ["own.yaml"]),
        (("rbac", "o"), ["own.yaml"]),
        (("run", "--stack", "h"), ["hardened"]),
        (("run", "--stack", ""), ["hardened", "published", "own.yaml"]),
        (("run", "--baseline", "r"), ["record"]),
        (("check", ""), ["reports/2-new", "reports/1-old"]),
        (("journal", "reports/1"), ["reports/1-old"]),
        (("diff", "reports/1-old", "r"), ["reports/2-new", "reports/1-old"]),
        (("check", "--only", "c"), [name for name in CHECKS if name.startswith("c")]),
        (("explain", "delete"), ["delete-pod", "delete-volume"]),
        (
            ("explain", "d"),
            ["delete-pod", "delete-volume", "drain-node", "database/ready", *(f"D{n}" for n in range(1, 8))],
        ),
        (("init", "--action", ""), list(ACTIONS)),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("stack", "st"), ["status"]),
    ],
)
def test_what_can_stand_there_is_offered(words: tuple[str, ...], found: list[str]) -> None:
    assert offered(*words) == found


def test_a_command_that_there_is_not_is_no_error_while_it_is_typed() -> None:
    assert "run" in offered("rnu", "")


def test_options_are_offered_after_a_dash() -> None:
    assert "--stack" in offered("run", "--")
    assert "--version" in offered("--")


@pytest.mark.parametrize("words", [("run", "nothing-like-it"), ("check", "nothing")])
def test_where_nothing_is_known_the_shell_completes_files(words: tuple[str, ...]) -> None:
    shell = ShellComplete(hachaos, {}, "hachaos", "_HACHAOS_COMPLETE")
    (item,) = shell.get_completions([words[0]], words[1])
    assert (item.type, item.value) == ("file", words[1])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_the_command_and_is_one_that_the_shell_can_read(shell: str, here: Path) -> None:
    result = CliRunner().invoke(completion, [shell], catch_exceptions=False)
    assert f"_HACHAOS_COMPLETE={shell}_complete" in result.output
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    (here / "script").write_text(result.output)
    subprocess.run([program, "-n", "script"], check=True, timeout=60)


def completed(here: Path, shell: str, script: str) -> list[str]:
    """What a shell prints for a script, with hachaos on its path."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    command = here / "bin/hachaos"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m chaos.cli.main "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(here)}
    done = subprocess.run(
        [program, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_bash_completes_by_it(here: Path) -> None:
    script = """
        eval "$(hachaos completion bash)"
        COMP_WORDS=(hachaos run scenarios/k) COMP_CWORD=2
        _hachaos_completion hachaos scenarios/k run
        printf '%s\\n' "${COMPREPLY[@]}"
        complete -p hachaos
    """
    first, *_, bound = completed(here, "bash", script)
    assert first == "scenarios/kill.yaml"
    assert "-F _hachaos_completion hachaos" in bound


def test_zsh_completes_by_it(here: Path) -> None:
    # What belongs to its completion system, which only an interactive shell has.
    script = """
        compdef() { print -- "$@" }
        compadd() { print -l -- ${(P)@[-1]} }
        eval "$(hachaos completion zsh)"
        words=(hachaos run scenarios/k) CURRENT=3
        _hachaos_completion
    """
    assert completed(here, "zsh", script) == ["_hachaos_completion hachaos", "scenarios/kill.yaml"]


def test_fish_completes_by_it(here: Path) -> None:
    script = 'hachaos completion fish | source; complete --do-complete "hachaos run scenarios/k"'
    assert completed(here, "fish", script) == ["scenarios/kill.yaml"]


@pytest.mark.parametrize("words", ["hachaos ", "hachaos run ", "hachaos explain d", "hachaos init --action "])
def test_no_heavy_module_is_imported_for_it(words: str) -> None:
    code = (
        "import sys\n"
        "from chaos.cli.main import _run\n"
        "try: _run([])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    environment = os.environ | {
        "_HACHAOS_COMPLETE": "zsh_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout
    assert done.stderr.strip() == "[]"
