from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from chaos.cluster.local.commands import Cancelled, CommandFailed, Commands
from chaos.errors import HostError


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(process: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not is_running(process):
            return True
        time.sleep(0.01)
    return False


def test_output_is_given_back_shown_and_logged(tmp_path: Path) -> None:
    seen: list[str] = []
    log = tmp_path / "log" / "x.log"
    lines = Commands().run("talking", ["sh", "-c", "echo one; echo two >&2"], log=log, on_line=seen.append)
    assert lines == seen == log.read_text().splitlines() == ["one", "two"]


def test_the_environment_is_added_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "1")
    assert Commands().run("env", ["sh", "-c", "echo $KEPT $NEW"], env={"NEW": "2"}) == ["1 2"]


def test_a_failure_is_one_line_with_the_line_that_says_why(tmp_path: Path) -> None:
    script = "echo working; echo 'E: Unable to locate package nosuch'; echo done; exit 100"
    with pytest.raises(CommandFailed) as caught:
        Commands().run("apt-get install", ["sh", "-c", script], log=tmp_path / "apt.log")
    said = str(caught.value)
    assert said == "apt-get install failed (exit status 100): E: Unable to locate package nosuch"
    assert caught.value.hint is not None
    assert "apt.log" in caught.value.hint


def test_a_killed_program_is_told_by_its_signal() -> None:
    with pytest.raises(CommandFailed, match="killed by SIGKILL"):
        Commands().run("go build", ["sh", "-c", "kill -9 $$"])


def test_a_program_that_is_not_there_is_told_by_name() -> None:
    with pytest.raises(HostError, match="no-such-program"):
        Commands().run("building", ["no-such-program"])


def test_cancel_ends_what_runs_with_all_its_children_and_refuses_the_rest() -> None:
    commands = Commands()
    children: list[int] = []
    begun = threading.Event()

    def note(line: str) -> None:
        children.append(int(line))
        begun.set()

    def work() -> None:
        with pytest.raises(Cancelled):
            commands.run("sleeping", ["sh", "-c", "sleep 60 & echo $!; wait"], on_line=note)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    commands.cancel()
    thread.join(10)
    assert not thread.is_alive()
    assert wait_until_gone(children[0])
    with pytest.raises(Cancelled):
        commands.run("more", ["true"])


def test_a_program_does_not_outlive_a_tool_that_is_killed() -> None:
    script = (
        "from chaos.cluster.local.commands import Commands\n"
        "Commands().run('sleeping', ['sh', '-c', 'echo $$; exec sleep 60'], on_line=lambda l: print(l, flush=True))"
    )
    tool = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert tool.stdout is not None
    program = int(tool.stdout.readline())
    assert is_running(program)
    os.kill(tool.pid, signal.SIGKILL)
    tool.wait()
    tool.stdout.close()
    assert wait_until_gone(program)


def test_what_must_not_be_interrupted_is_waited_for(tmp_path: Path) -> None:
    commands = Commands()

    def stop(_: str) -> None:
        commands.cancel()
        raise KeyboardInterrupt

    script = f"echo begun; sleep 0.5; echo more; echo more >&2; touch {tmp_path}/finished"
    with pytest.raises(KeyboardInterrupt):
        commands.run("apt-get install", ["sh", "-c", script], on_line=stop, to_the_end=True)
    assert (tmp_path / "finished").exists()
