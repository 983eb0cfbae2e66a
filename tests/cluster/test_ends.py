"""Whatever ends a run on the real stack, all is put back: signals, a closed terminal, a full disk, an abort."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chaos import journal
from chaos.cluster import lease
from chaos.cluster.target import Target
from chaos.history import ActionBegun, RunEnded, UndoDone
from chaos.stack.stack import Stack
from chaos.undo import unfinished
from embedded import NAME, ROOT, Hachaos, await_in_journal

SHRINK = """
apiVersion: hachaos/v1
name: shrink
claim: the site lives on one pod
baseline: record
workload: {reads: 5/s, writes: 2/s, posts: 0.2/s}
steps:
  - name: shrink the site
    action: scale
    target: site
    parameters: {replicas: 1}
  - name: a long while
    action: pause
    parameters: {for: 10m}
"""

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Runs of a scenario that shrinks the site and then waits; those that a test leaves are killed."""
    begun: list[subprocess.Popen[bytes]] = []

    def begin(reports: Path, *, more: str = "", out: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        scenario = tmp_path / "shrink.yaml"
        scenario.write_text(SHRINK + more)
        command = [str(ROOT / "hachaos"), "run", str(scenario), "--name", NAME, "--reports", str(reports)]
        error = subprocess.STDOUT if out == subprocess.PIPE else out
        begun.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=error))
        return begun[-1]

    yield begin
    for running in begun:
        if running.poll() is None:
            running.kill()
        running.communicate(timeout=60)


def await_second_step(running: subprocess.Popen[bytes], reports: Path) -> Path:
    """The run's folder, once the site was shrunk and the long wait has begun."""
    return await_in_journal(running, reports, lambda text: text.count(f'"kind":"{ActionBegun.kind}"') == 2)


def assert_put_back(stack: Stack, folder: Path, how: str) -> None:
    history = journal.read(folder)
    assert unfinished(history) == []
    assert history.ended is not None
    assert history.ended.how == how
    assert_as_before(stack)
    assert (folder / "report.html").exists()


def assert_as_before(stack: Stack) -> None:
    found = stack.api.get("Deployment", "wordpress")
    assert found is not None
    assert found["spec"]["replicas"] > 1
    assert stack.ready("stack")
    assert stack.api.get("Lease", lease.NAME) is None


@pytest.mark.long
def test_a_hangup_ends_in_undo_and_the_lease_is_held_until_then(stack: Stack, start: Start, tmp_path: Path) -> None:
    running = start(tmp_path / "reports")
    folder = await_second_step(running, tmp_path / "reports")
    held = stack.api.get("Lease", lease.NAME)
    assert held is not None
    assert f"process {running.pid} run shrink" in held["spec"]["holderIdentity"]
    running.send_signal(signal.SIGHUP)
    out, _ = running.communicate(timeout=400)
    assert running.returncode == 130, out
    assert_put_back(stack, folder, "interrupted")


def test_ctrl_c_twice_stops_the_undo_and_says_how_it_is_done_by_hand(
    stack: Stack, start: Start, hachaos: Hachaos, tmp_path: Path
) -> None:
    running = start(tmp_path / "reports")
    folder = await_second_step(running, tmp_path / "reports")
    running.send_signal(signal.SIGINT)
    assert running.stdout is not None
    said = b""
    while b"SIGINT: stopping" not in said:
        said += (line := running.stdout.readline())
        assert line, said
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=100)
    assert running.returncode == 5, said + out
    assert b"were not put back" in out
    assert b"scale" in out, out
    assert b"--replicas" in out, out
    # What the first Ctrl-C began to put back may be done by the time that the second comes.
    assert unfinished(journal.read(folder))
    assert hachaos("recover", "--name", NAME, "--reports", str(tmp_path / "reports")).returncode == 0
    assert_as_before(stack)


@pytest.mark.long
def test_a_closed_terminal_does_not_end_a_run_and_its_undo_is_carried_out(
    stack: Stack, start: Start, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    # A pty takes some kilobytes that nobody reads, so somebody has to.
    reading = threading.Thread(target=_read_on, args=(ours,), daemon=True)
    reading.start()
    running = start(tmp_path / "reports", more="abort: {wall_time: 3m}\n", out=theirs)
    os.close(theirs)
    folder = await_second_step(running, tmp_path / "reports")
    os.close(ours)
    reading.join(10)
    assert running.wait(400) == 2
    assert_put_back(stack, folder, "aborted")


def _read_on(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        return


def test_a_full_disk_ends_the_run_and_all_is_put_back(stack: Stack, start: Start, tmp_path: Path) -> None:
    reports = tmp_path / "small"
    reports.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(reports)], check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        running = start(reports)
        folder = await_second_step(running, reports)
        with (reports / "somebody-elses").open("wb", buffering=0) as other, suppress(OSError):
            while True:
                other.write(bytes(4096))
        out, _ = running.communicate(timeout=400)
        assert running.returncode == 3, out
        assert b"No space left on device; the run was stopped, and what it changed was put back" in out
        assert b"Traceback" not in out
        assert len(journal.read(folder).of(ActionBegun)) == 2
        assert_as_before(stack)
    finally:
        subprocess.run(["umount", "-l", str(reports)], check=True)


@pytest.mark.long
def test_a_service_that_fails_aborts_the_run_which_puts_everything_back_and_is_unknown(
    stack: Stack, target: Target, start: Start, tmp_path: Path
) -> None:
    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, *args: object) -> None:
            pass

    # The test is in the cluster's network, as the run is.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    running = start(tmp_path / "reports", more=f'abort: {{http: {{url: "{url}", every: 40s, fails: 5}}}}\n')
    folder = await_second_step(running, tmp_path / "reports")
    out, _ = running.communicate(timeout=400)
    server.shutdown()
    server.server_close()
    assert running.returncode == 2, out
    assert f"http: {url} failed 5 times in a row, the last time with: status 503".encode() in out
    assert_put_back(stack, folder, "aborted")


def test_a_second_run_is_refused_by_the_lease_where_no_lock_of_this_machine_keeps_it_away(
    stack: Stack, hachaos: Hachaos, tmp_path: Path
) -> None:
    with lease.hold(stack.api, "run of the test"):
        done = hachaos("run", "scenarios/kill-master.yaml", "--name", NAME, "--reports", str(tmp_path / "reports"))
    assert done.returncode == 3
    assert f"process {os.getpid()} run of the test since" in done.stderr
    assert not list((tmp_path / "reports").glob(f"*/{journal.NAME}"))


def test_a_run_that_loses_its_lease_stops_and_puts_everything_back(stack: Stack, start: Start, tmp_path: Path) -> None:
    running = start(tmp_path / "reports")
    folder = await_second_step(running, tmp_path / "reports")
    stack.api.patch("Lease", lease.NAME, {"spec": {"holderIdentity": "the thief"}})
    out, _ = running.communicate(timeout=400)
    assert running.returncode == 2, out
    assert b"the thief has it since" in out
    assert stack.api.delete("Lease", lease.NAME)
    assert_put_back(stack, folder, "aborted")
    history = journal.read(folder)
    assert [done.verified for done in history.of(UndoDone)] == [True, True]
    assert "the thief" in history.of(RunEnded)[-1].detail
