"""A watch on objects ends when it is told to, whatever its connection does at that moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from chaos.cluster.watch import Watch


class Link:
    """An API server with no object, whose watch brings nothing and ends by itself while it is being cut."""

    def __init__(self, error: Exception, stop: threading.Event) -> None:
        self.error, self.stop, self.cut = error, stop, threading.Event()

    def call(self, request: object) -> dict[str, Any]:
        return {"metadata": {"resourceVersion": "1"}, "items": []}

    def begin(self, request: object, silent_s: float) -> Link:
        self.stop.set()
        return self

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        assert self.cut.wait(30), "nobody cut it"
        yield b""

    def shutdown(self) -> None:
        self.cut.set()
        raise self.error

    def close(self) -> None:
        pass


@pytest.mark.parametrize("error", [ValueError("is closed"), RuntimeError("is released"), OSError("not connected")])
def test_a_watch_that_ends_while_it_is_cut_ends_without_a_word(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(threading, "excepthook", said.append)
    stop = threading.Event()
    assert list(Watch(cast("Any", Link(error, stop)), "Pod", "/pods", "").changes(stop)) == []
    for thread in threading.enumerate():
        if thread.name == "watch-Pod":
            thread.join(30)
    assert said == []
