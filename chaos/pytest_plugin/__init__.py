"""pytest's side of hachaos: with `pytest --hachaos` scenario files are tests, and tests can run scenarios.

Without that option nothing is collected, and no module of hachaos but this one is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from chaos.history import History
    from chaos.pytest_plugin.runs import Ran, StackSeen

FILES = ("scenarios/*.yaml", "scenarios/*.yml")
"""Which files are scenarios, where the ini file does not say."""

_MARKERS = (
    "hachaos(scenario): the test looks at a run of this scenario file; it is skipped without --hachaos",
    "hachaos_destructive: a scenario that takes data which nothing brings back (set by hachaos)",
    "hachaos_suite: a scenario that is run as part of a suite (set by hachaos)",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `hachaos run`, under names that nobody else takes."""
    group = parser.getgroup("hachaos", "resilience tests of a stack on Kubernetes (hachaos)")
    add = group.addoption
    add("--hachaos", action="store_true", help="Collect scenario files as tests, and run them.")
    add("--hachaos-stack", metavar="PROFILE|FILE", default="hardened", help="As --stack of hachaos run (hardened).")
    add("--hachaos-context", metavar="NAME", default="", help="A cluster that is there: this kubeconfig's context.")
    add("--hachaos-kubeconfig", metavar="FILE", default="", help="The kubeconfig that the context is in.")
    add("--hachaos-in-cluster", action="store_true", help="The cluster in whose pod pytest runs.")
    add("--hachaos-name", metavar="NAME", default="hachaos", help="The embedded cluster's name (hachaos).")
    add("--hachaos-nodes", metavar="N", type=int, help="Nodes of the embedded cluster, if it has to be started (3).")
    add("--hachaos-reports", metavar="DIR", default="reports", help="Where run folders go (reports).")
    add("--hachaos-baseline", choices=("stop", "record"), default="", help="Overrules the scenarios' own baseline.")
    add("--hachaos-yes", action="store_true", help="Agree to what runs touch on a cluster that is there.")
    add("--hachaos-allow-destructive", action="store_true", help="Allow to destroy data on a cluster that is there.")
    add("--hachaos-allow-nodes", action="store_true", help="Allow scenarios that change a node.")
    add("--hachaos-debug", action="store_true", help="Write debug.log into each run folder.")
    parser.addini("hachaos_files", f"Which files are scenarios ({' '.join(FILES)}).", "args", list(FILES))


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known, so that --strict-markers takes them with and without hachaos."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("hachaos"):
        from chaos.pytest_plugin import runs

        config.stash[runs.KEY] = runs.Runs.of(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A scenario's or a suite's file as a collector: those that the ini file's patterns match, or that were named."""
    if not parent.config.getoption("hachaos") or file_path.suffix not in (".yaml", ".yml"):
        return None
    named = parent.session.isinitpath(file_path)
    patterns = parent.config.getini("hachaos_files")
    if not named and not any(file_path.match(pattern) for pattern in patterns):
        return None
    from chaos.pytest_plugin.collect import ScenarioFile

    return ScenarioFile.from_parent(parent, path=file_path)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Without --hachaos a test with our mark is skipped, before its fixtures are made."""
    if item.get_closest_marker("hachaos") and not item.config.getoption("hachaos"):
        pytest.skip("needs --hachaos")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each run: verdict, outages, lost writes, and where its report is."""
    # From the tests' reports, which come from another process where tests are distributed.
    told = {
        str(value): None
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "hachaos"
    }
    if told:
        terminalreporter.section("hachaos")
        for line in told:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config) -> StackSeen:
    """The stack under test, deployed and sound (one that a file binds: as it is), as it was seen once."""
    from chaos.pytest_plugin import runs

    return runs.required(pytestconfig, "stack").stack()


@pytest.fixture
def run_scenario(request: pytest.FixtureRequest) -> Callable[[str | Path], Ran]:
    """Run a scenario's file, named from pytest's root folder; what became of it, whatever the verdict.

    A run that has no verdict (no cluster, a wrong file, an undo that did not hold) fails the test at once.
    """
    from chaos.pytest_plugin import runs

    known = runs.required(request.config, "run_scenario")

    def run(path: str | Path) -> Ran:
        return runs.judged(known.run(request.config.rootpath / path, request.node))

    return run


@pytest.fixture
def history(request: pytest.FixtureRequest) -> History:
    """All that was observed in the run of the scenario which the test's mark names: `pytest.mark.hachaos(FILE)`.

    It is the last run of that file in this session, and one is made where there was none.
    """
    from chaos.pytest_plugin import runs

    known = runs.required(request.config, "history")
    mark = request.node.get_closest_marker("hachaos")
    if mark is None or not mark.args:
        pytest.fail("history: of which scenario? Mark the test with pytest.mark.hachaos(FILE)", pytrace=False)
    path = request.config.rootpath / mark.args[0]
    return runs.judged(known.last(path) or known.run(path, request.node)).history
