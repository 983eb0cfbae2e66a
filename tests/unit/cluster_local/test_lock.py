from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chaos.cluster.local import lock
from chaos.errors import HostError

HOLD = """
import sys
from pathlib import Path
from chaos.cluster.local import lock
with lock.hold(Path(sys.argv[1]), "up"):
    print("held", flush=True)
    sys.stdin.read()
"""


def other(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("")


def test_the_file_says_who_holds_it_and_goes_with_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with lock.hold(path, "down"):
        assert json.loads(path.read_text()) == {"pid": os.getpid(), "action": "down"}
        assert lock.holder(path) == f"`hachaos cluster down` (process {os.getpid()})"
    assert not path.exists()


def test_a_second_command_is_told_of_the_holder_and_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    process = other(path)
    heard: list[str] = []

    def on_wait(holder: str) -> None:
        heard.append(holder)
        threading.Thread(target=end, args=[process]).start()

    with lock.hold(path, "up", on_wait=on_wait):
        assert process.wait(10) == 0
    assert heard == [f"`hachaos cluster up` (process {process.pid})"]


def test_a_lock_that_stays_taken_is_an_error_that_names_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    process = other(path)
    with pytest.raises(HostError, match=f"process {process.pid}"), lock.hold(path, "up", timeout_s=0):
        pass
    end(process)


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    process = other(path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with lock.hold(path, "up", timeout_s=0):
        pass


def test_an_unreadable_holder_is_still_somebody(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    path.write_text("???")
    assert lock.holder(path) == "another hachaos command"
