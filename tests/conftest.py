"""What all tests have in common."""

from __future__ import annotations

import os
import signal

import pytest


def pytest_configure() -> None:
    """Take signals as a terminal has them: whoever starts the tests in the background hands on ignored ones."""
    for number, usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, but for `make soak`."""
    if "HACHAOS_LONG" not in os.environ:
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: make soak"))
