"""A terminal that is closed, or a pipe without a reader, ends nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

PRINTS = """
import sys, threading
from chaos.output import that_may_close
from chaos.progress import progress
from rich.console import Console
from chaos.history import StepBegun
from chaos.report import live
with that_may_close(), live.display({"name": "p", "steps": []}, quiet=False) as see:
    print("ready", flush=True)
    sys.stdin.readline()
    see(StepBegun(1.0, -1, "baseline", "baseline", "stack", {}))
    threading.Event().wait(0.6)  # the live display draws by itself, four times a second
    for _ in range(3):
        print("to nobody", flush=True)
        print("to nobody", file=sys.stderr)
        Console().print("to nobody")
        with progress() as shown, shown.task("work") as task:
            task.update("on and on")
            shown.say("to nobody")
with open(sys.argv[1], "w") as done:
    done.write("went on")
sys.exit(7)
"""


@pytest.mark.parametrize("kind", ["terminal", "pipe"])
def test_a_process_whose_output_is_closed_goes_on_and_ends_with_its_own_code(kind: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty() if kind == "terminal" else os.pipe()
    done = tmp_path / "done"
    running = subprocess.Popen(
        [sys.executable, "-P", "-c", PRINTS, str(done)],
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "CI": ""},
    )
    os.close(theirs)
    said = b""
    while b"ready" not in said:
        said += (more := os.read(ours, 65536))
        assert more, said
    os.close(ours)
    running.communicate(b"\n", timeout=60)
    assert running.returncode == 7
    assert done.read_text() == "went on"
