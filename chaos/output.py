"""Standard output and standard error that may go away under a run: a closed terminal, a pipe without a reader."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


@contextmanager
def that_may_close() -> Iterator[None]:
    """What is printed while the block lasts goes nowhere, from any thread, once it cannot be written."""
    old = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _MayClose(stream)) for stream in old)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = old


class _MayClose:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            self._to_nowhere()
            return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._to_nowhere()

    def _to_nowhere(self) -> None:
        """What is still in a buffer has to go somewhere, or the interpreter ends with an error of its own over it."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
