"""Scenario files as tests: one of a scenario is one test, one of a suite has a test for each of its scenarios."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from chaos.errors import UsageError
from chaos.pytest_plugin import runs
from chaos.scenario.load import load_any
from chaos.scenario.plan import Plan, Suite
from chaos.units import write_duration


class ScenarioFile(pytest.File):
    """A scenario's or a suite's file."""

    suite: Suite | None = None
    began: float | None = None

    def collect(self) -> Iterable[ScenarioItem]:
        """Its tests. Of a suite that was not named but found, those that are not found as files of their own."""
        try:
            found = load_any(self.path)
        except UsageError as error:
            raise self.CollectError(str(error)) from error
        if isinstance(found, Plan):
            yield ScenarioItem.of(self, found)
            return
        self.suite = found
        named = self.session.isinitpath(self.path)
        patterns = self.config.getini("hachaos_files")
        for plan in found.plans:
            if named or not any(Path(plan.path).match(pattern) for pattern in patterns):
                yield ScenarioItem.of(self, plan)

    def wait(self) -> str:
        """Let the time between two of a suite's scenarios pass; why the next one must not begin, or nothing."""
        if self.suite is None:
            return ""
        if self.began is None:
            self.began = time.monotonic()
            return ""
        stop_at = self.began + self.suite.budget_s
        if time.monotonic() + self.suite.between_s < stop_at:
            time.sleep(self.suite.between_s)
            return ""
        return f"the suite's budget of {write_duration(self.suite.budget_s)} was over"


class ScenarioItem(pytest.Item):
    """One scenario: it passes where its verdict is `pass`, and fails for anything else, `unknown` included."""

    parent: ScenarioFile
    plan: Plan

    @classmethod
    def of(cls, parent: ScenarioFile, plan: Plan) -> ScenarioItem:
        """The test of a plan, with its marks."""
        made: ScenarioItem = cls.from_parent(parent, name=plan.name)
        made.plan = plan
        made.add_marker(pytest.mark.hachaos(plan.path))
        if plan.destructive:
            made.add_marker("hachaos_destructive")
        if parent.suite is not None:
            made.add_marker("hachaos_suite")
        return made

    def runtest(self) -> None:
        """Run it. Raises Failed, with the verdict's reason and no traceback, where it does not pass."""
        known = runs.required(self.config, "hachaos")
        not_begun = self.parent.wait()
        if not_begun:
            pytest.fail(f"unknown: not begun: {not_begun}", pytrace=False)
        baseline = self.parent.suite.baseline if self.parent.suite else ""
        ran = known.run(Path(self.plan.path), self, baseline)
        if not ran.passed:
            pytest.fail(str(ran), pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it is, and what stands above its failure: its name and claim."""
        return self.path, None, f"{self.name}: {self.plan.claim}"
