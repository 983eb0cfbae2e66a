"""What all tests have in common."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Take signals as a terminal has them: whoever starts the tests in the background hands on ignored ones."""
    for number, usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
