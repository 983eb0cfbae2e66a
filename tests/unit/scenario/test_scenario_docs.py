"""What is told of a scenario's keys is what holds, and docs/scenarios.md gives examples that are right."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_files import Write

from chaos.history import PERCENTILES
from chaos.scenario import spec, vocabulary
from chaos.scenario.keys import EXPECT, LIMITS, MAPPINGS, Mapping
from chaos.scenario.load import load, load_any
from chaos.scenario.plan import Suite

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "scenarios.md").read_text()


def told(of: str) -> Mapping:
    (found,) = [each for each in MAPPINGS if each.of == of]
    return found


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.of)
def test_the_keys_that_are_told_of_are_those_that_are_valid(mapping: Mapping) -> None:
    assert tuple(mapping.keys) == spec.keys_at(mapping.path, suite=mapping.suite)


def test_no_mapping_of_a_file_is_left_out() -> None:
    def known(suite: bool) -> set[str]:
        paths = [each.path for each in MAPPINGS if each.suite == suite]
        return {".".join("*" if isinstance(part, int) else part for part in path) for path in paths}

    alike = {f"steps.*.expect.{kind}" for kind in vocabulary.KINDS}
    assert known(suite=False) | alike == set(spec._SCENARIO_FILE.mappings)
    assert known(suite=True) == set(spec._SUITE_FILE.mappings)


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.of)
def test_the_keys_that_are_called_needed_are_those_without_a_default(mapping: Mapping) -> None:
    file = spec._SUITE_FILE if mapping.suite else spec._SCENARIO_FILE
    keys = file.mappings[".".join("*" if isinstance(part, int) else part for part in mapping.path)]
    assert {key for key, one in mapping.keys.items() if not one.unset} == {
        key for key, one in keys.items() if one.default is ...
    }


def test_the_defaults_that_are_told_of_hold() -> None:
    defaults = {key: one.unset for key, one in told("workload").keys.items()}
    assert defaults == vocabulary.DEFAULT_WORKLOAD | {"uploads": "none", "file_reads": "none"}
    for of in ("http in abort", "prometheus in abort"):
        given = {key: one.unset for key, one in told(of).keys.items()}
        assert given.items() <= (given | vocabulary.DEFAULT_ABORT).items()
        assert "every" in given
    assert told("a suite").keys["between"].unset == spec.DEFAULT_BETWEEN
    assert told("wait in a step").keys["timeout"].unset == spec.DEFAULT_TIMEOUT


def test_each_limit_is_told_of() -> None:
    assert tuple(LIMITS) == ("longest_outage", *(f"p{each}" for each in PERCENTILES), "may_stay_out")
    assert tuple(EXPECT) == (*vocabulary.KINDS, "clone")


def test_of_each_action_that_breaks_something_the_effect_is_told() -> None:
    for words in vocabulary.ACTIONS.values():
        assert bool(words.effect) == words.breaks


def test_the_pages_example_is_right_and_is_the_bundled_kill_master(write: Write) -> None:
    example = PAGE.split("```yaml\n", 1)[1].split("```", 1)[0]
    bundled = load(Path(__file__).resolve().parents[3] / "scenarios" / "kill-master.yaml")
    found = load(write(example))
    assert (found.workload, found.steps) == (bundled.workload, bundled.steps)


def test_the_pages_abort_is_right(write: Write) -> None:
    scenario, abort = PAGE.split("```yaml\n", 1)[1].split("```", 1)[0], PAGE.split("```yaml\n")[2].split("```", 1)[0]
    plan = load(write(scenario + abort))
    assert plan.abort.wall_time_s == 900
    assert plan.abort.error_budget == {"reads": 60, "writes": 120}
    assert plan.abort.http is not None
    assert plan.abort.prometheus is not None
    assert (plan.abort.prometheus.above, plan.abort.prometheus.for_s) == (5, 60)


def test_the_pages_suite_is_right(write: Write) -> None:
    root = Path(__file__).resolve().parents[3]
    for name in ("kill-replica.yaml", "kill-master.yaml"):
        Path(name).write_text((root / "scenarios" / name).read_text())
    suite = load_any(write(PAGE.split("```yaml\n", 3)[3].split("```", 1)[0]))
    assert isinstance(suite, Suite)
    assert [each.name for each in suite.plans] == ["kill-replica", "kill-master"]
