"""Runs the programs that builds are made of, so that none outlives this process."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from chaos.errors import HostError

_TAIL_LINES = 400
_STOP_S = 5.0


class CommandFailed(HostError):
    """A program ended badly. `lines` holds the end of what it printed."""

    def __init__(self, what: str, argv: Sequence[str], status: int, lines: Sequence[str], log: Path | None) -> None:
        said = _last_words(lines)
        end = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        super().__init__(
            f"{what} failed ({end}): {said or shlex.join(argv)}",
            hint=f"All of its output is in {log}." if log else None,
        )
        self.lines, self.status = tuple(lines), status


class Cancelled(HostError):
    """The work was given up because another part of it had failed."""


class Commands:
    """Programs that stand or fall together: `cancel` ends all that run and refuses new ones.

    Each runs in a process group of its own and is killed by the kernel when this process dies, however it dies.
    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._cancelled = False

    def run(
        self,
        what: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        to_the_end: bool = False,
    ) -> list[str]:
        """Run `argv` to its end and give back the last lines of its output (stdout and stderr in one).

        `env` is added to this process's environment. `on_line` sees each line as it comes. `log` is written anew.
        With `to_the_end` nothing interrupts the program once it runs: for what would leave the host half changed.
        Raises CommandFailed, Cancelled, or HostError when the program is not there.
        """
        words = [str(word) for word in argv]
        lines: deque[str] = deque(maxlen=_TAIL_LINES)
        with self._started(what, words, env, cwd, to_the_end) as process, _opened(log) as file:
            assert process.stdout is not None
            for raw in process.stdout:
                line = raw.rstrip("\n")
                lines.append(line)
                if file is not None:
                    print(line, file=file)
                if on_line is not None:
                    on_line(line)
            status = process.wait()
        if self._cancelled:
            raise Cancelled(f"{what} was given up")
        if status:
            raise CommandFailed(what, words, status, lines, log)
        return list(lines)

    def cancel(self) -> None:
        """End everything that runs, and let nothing new begin."""
        with self._lock:
            self._cancelled = True
            running = list(self._running)
        for process in running:
            _end(process)

    @contextlib.contextmanager
    def _started(
        self, what: str, argv: list[str], env: Mapping[str, str] | None, cwd: Path | None, to_the_end: bool
    ) -> Iterator[subprocess.Popen[str]]:
        tied = [] if to_the_end else ["setpriv", "--pdeathsig", "KILL", "--"]
        with self._lock:
            if self._cancelled:
                raise Cancelled(f"{what} was given up")
            try:
                process = subprocess.Popen(
                    [*tied, *argv],
                    env={**os.environ, **env} if env else None,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise HostError(f"{what}: the program {error.filename} is not installed") from error
            if not to_the_end:
                self._running.add(process)
        try:
            yield process
        finally:
            if to_the_end:
                # Whoever writes into a closed pipe dies of it.
                with contextlib.suppress(ValueError):
                    process.communicate()
            else:
                _end(process)
            if process.stdout is not None:
                process.stdout.close()
            with self._lock:
                self._running.discard(process)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def _opened(log: Path | None) -> Iterator[TextIO | None]:
    if log is None:
        yield None
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        yield file


def _last_words(lines: Sequence[str]) -> str:
    """The line that most likely says why: the last that names an error, else the last that is not empty."""
    spoken = [line.strip() for line in lines if line.strip()]
    for line in reversed(spoken):
        if line.startswith(("E:", "error:", "fatal:")) or ": error:" in line or "rror:" in line:
            return line
    return spoken[-1] if spoken else ""
