"""The debug log of `hachaos run --debug`: what was asked of the cluster, and what was decided, redacted.

Whoever has something for it calls `LOG.debug`, which costs next to nothing while nobody keeps a debug log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from pathlib import Path

from chaos.redact import plain

NAME = "debug.log"

LOG = logging.getLogger("hachaos")
LOG.propagate = False
LOG.addHandler(logging.NullHandler())

_MOST_EARLY = 20_000
_FORMAT = "%(asctime)s.%(msecs)03d %(threadName)s %(message)s"


class _Line(logging.Formatter):
    """One line a record, in which nothing is secret and no character steers a terminal."""

    def __init__(self) -> None:
        super().__init__(_FORMAT, "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return plain(super().format(record)).replace("\n", "\\n")


class _File(logging.FileHandler):
    """A file that may take no more, on a full disk: the run goes on without it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        return


class _Early(MemoryHandler):
    """Keeps what comes while there is no folder for it; of too much the first is lost."""

    def shouldFlush(self, record: logging.LogRecord) -> bool:  # noqa: ARG002, N802
        del self.buffer[:-_MOST_EARLY]
        return False


class DebugLog:
    """Writes what is said to `LOG` into one run folder after another; what is said before the first goes into that."""

    used = False
    """Whether a folder has it already."""

    def __init__(self) -> None:
        self._early = _Early(_MOST_EARLY, flushOnClose=False)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Listen while the block lasts."""
        LOG.setLevel(logging.DEBUG)
        LOG.addHandler(self._early)
        try:
            yield
        finally:
            LOG.removeHandler(self._early)
            LOG.setLevel(logging.NOTSET)

    @property
    def waiting(self) -> bool:
        """Whether something was said that is in no folder."""
        return bool(self._early.buffer)

    @contextmanager
    def into(self, folder: Path) -> Iterator[Path]:
        """Write into this folder while the block lasts: the path of the log. Raises OSError."""
        path = folder / NAME
        file = _File(path, encoding="utf-8", errors="backslashreplace")
        self.used = True
        file.setFormatter(_Line())
        self._early.setTarget(file)
        self._early.flush()
        LOG.removeHandler(self._early)
        LOG.addHandler(file)
        try:
            yield path
        finally:
            LOG.removeHandler(file)
            LOG.addHandler(self._early)
            self._early.setTarget(None)
            file.close()
