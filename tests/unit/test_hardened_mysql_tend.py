"""What keeps a replica's replication going: an I/O thread that hangs is stopped and started, one of others is left."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "manifests" / "hardened" / "mysql"

SERVER = r"""
greets() { [[ ! -e $RUN/silent ]]; }
pause() { :; }
log() { echo "log: $*"; }
client() {
  local io; io=$(cat "$RUN/io")
  case $* in
    *"SHOW REPLICA STATUS"*) printf '   Slave_IO_Running: %s\n   Last_IO_Errno: 2005\n' "$io" ;;
    *STOP*) echo stop; [[ ! -e $RUN/slow ]] || return 124; echo No >"$RUN/io" ;;
    *START*) echo start; [[ ! -e $RUN/slow ]] || return 124; echo Connecting >"$RUN/io" ;;
  esac
}
"""
"""A server by the file `io`; while there is a file `slow`, it takes longer to stop or start a thread than is waited."""


def looks(run: Path, *states: str) -> list[str]:
    """What is said and done, look by look, when the thread is found in these states."""
    script = SERVER + "".join(f"{state}; tend; echo -- $every\n" for state in states)
    done = subprocess.run(
        ["bash", "-uc", f". {SCRIPTS}/lib.sh; . {SCRIPTS}/tend.sh; RUN={run} STOPPED={run}/stopped; {script}"],
        env={"HOSTNAME": "mysql-1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


def io(state: str) -> str:
    return f"echo {state} >$RUN/io"


def test_a_thread_that_connects_is_stopped_and_started_once_the_primary_greets(tmp_path: Path) -> None:
    said = looks(tmp_path, "touch $RUN/silent; " + io("Connecting"), "rm $RUN/silent", io("Yes"))
    assert said == ["-- 0.2", "stop", "start", "log: restarted an I/O thread that was connecting", "-- 0.2", "-- 0.4"]


def test_a_thread_that_takes_long_to_stop_is_started_when_it_has(tmp_path: Path) -> None:
    said = looks(
        tmp_path,
        "touch $RUN/slow; " + io("Connecting"),
        "rm $RUN/slow; " + io("No"),
        io("Yes"),
        io("No"),
    )
    assert said == [
        *("stop", "start", "-- 0.2"),
        *("start", "log: started the I/O thread, which took its time to stop", "-- 0.4"),
        "-- 0.4",
        "-- 0.4",
    ]


def test_a_thread_that_the_server_is_slow_to_start_as_well_is_started_later(tmp_path: Path) -> None:
    said = looks(tmp_path, "touch $RUN/slow; " + io("Connecting"), io("No"), "rm $RUN/slow")
    assert said[-3:] == ["start", "log: started the I/O thread, which took its time to stop", "-- 0.4"]


def test_a_thread_that_somebody_else_has_stopped_is_left_stopped(tmp_path: Path) -> None:
    assert looks(tmp_path, io("No"), io("No")) == ["-- 0.4", "-- 0.4"]
