"""What all tests have in common."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_LIMIT_S = 60 * 60.0
"""After so long no test is begun any more: whoever waits is to read what went wrong, not that time was up."""
_BEGAN = time.monotonic()


def pytest_configure(config: pytest.Config) -> None:
    """Take signals as a terminal has them: whoever starts the tests in the background hands on ignored ones."""
    for number, usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_ToldAtOnce(config))


class _ToldAtOnce:
    """Tells what failed when it does, and not only at the end, which a run that is stopped does not reach."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal: pytest.TerminalReporter | None = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.write_line(f"\n{report.nodeid} failed in its {report.when}:")
            for line in (*report.longreprtext.splitlines()[-30:], *report.capstderr.splitlines()[-10:]):
                terminal.write_line(f"  {line}")


def pytest_runtest_setup() -> None:
    if "HACHAOS_LONG" not in os.environ and time.monotonic() - _BEGAN > _LIMIT_S:
        pytest.fail(f"not begun: the tests have taken more than {_LIMIT_S / 60:g} minutes", pytrace=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, but for `make soak`."""
    if "HACHAOS_LONG" not in os.environ:
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: make soak"))


_ALONE = tuple(f"tests/cluster/test_{name}.py" for name in ("dialects_on_servers", "embedded_teardown", "nfs_client"))
"""They make what they need themselves: clusters of other names, a server in a network namespace."""


class _OneCluster(LoadScopeScheduling):
    """All tests that share a cluster go to one process, one after another; the others to whichever is free."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file in _ALONE:
            return file
        return "cluster" if file.startswith(("tests/cluster/", "tests/crash/")) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _OneCluster(config, log)
