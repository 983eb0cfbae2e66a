"""docs/scenarios.md and the vocabulary have the same words, defaults and sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scenario_files import Write

from chaos.scenario import spec, vocabulary
from chaos.scenario.load import load, load_any
from chaos.scenario.plan import Suite

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "scenarios.md").read_text()


def table(heading: str) -> dict[str, list[str]]:
    """The rows below a heading by the word in their first column."""
    section = PAGE.split(f"\n### {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0].strip("| `"): row[1:] for row in rows[2:]}


def words(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("The scenario", spec.keys_at(())),
        ("`workload`", spec.keys_at(("workload",))),
        ("A step", spec.keys_at(("steps", 0))),
        ("`wait`", spec.keys_at(("steps", 0, "wait"))),
        ("`needs`", spec.keys_at(("needs",))),
        ("`expect`", spec.keys_at(("steps", 0, "expect"))),
        ("`reads`, `writes` and `uploads` in `expect`", spec.keys_at(("steps", 0, "expect", "reads"))),
        ("`abort`", spec.keys_at(("abort",))),
        ("`http` in `abort`", spec.keys_at(("abort", "http"))),
        ("`prometheus` in `abort`", spec.keys_at(("abort", "prometheus"))),
        ("Abort conditions", tuple(vocabulary.ABORTS)),
        ("The suite", spec.keys_at((), suite=True)),
        ("Actions", tuple(vocabulary.ACTIONS)),
        ("Conditions", tuple(vocabulary.CONDITIONS)),
        ("Kinds of clone", tuple(vocabulary.CLONES)),
        ("Checks", tuple(vocabulary.CHECKS)),
        *(
            (f"Parameters of `{name}`", tuple(words.parameters))
            for name, words in vocabulary.ACTIONS.items()
            if words.parameters
        ),
    ],
)
def test_each_table_has_the_words_that_are_valid_and_no_other(heading: str, keys: tuple[str, ...]) -> None:
    assert tuple(table(heading)) == keys


def test_no_action_has_parameters_that_the_page_keeps_quiet_about_or_makes_up() -> None:
    described = set(re.findall(r"### Parameters of `(.+)`", PAGE))
    assert described == {name for name, each in vocabulary.ACTIONS.items() if each.parameters}


@pytest.mark.parametrize("action", vocabulary.ACTIONS)
def test_the_page_tells_of_each_action_what_the_vocabulary_does(action: str) -> None:
    about, targets, undo = table("Actions")[action]
    known = vocabulary.ACTIONS[action]
    assert (about, words(targets), undo.strip("| ")) == (known.about, known.targets, known.undo)
    for name, parameter in known.parameters.items():
        value, default = table(f"Parameters of `{action}`")[name]
        assert value.replace("`", "") == f"{parameter.value}: {parameter.about}"
        assert default.strip("| ") == ("needed" if parameter.required else parameter.unset)


def test_the_page_tells_what_each_condition_clone_and_check_means() -> None:
    for heading, known in (
        ("Conditions", vocabulary.CONDITIONS),
        ("Kinds of clone", vocabulary.CLONES),
        ("Checks", vocabulary.CHECKS),
        ("Abort conditions", vocabulary.ABORTS),
    ):
        assert {word: row[0].strip("| ") for word, row in table(heading).items()} == known


def test_the_page_gives_the_defaults_that_hold() -> None:
    defaults = {key: row[1].strip("| `") for key, row in table("`workload`").items()}
    assert defaults == vocabulary.DEFAULT_WORKLOAD | {"uploads": "none", "file_reads": "none"}
    for heading in ("`http` in `abort`", "`prometheus` in `abort`"):
        given = {key: row[1].strip("| `") for key, row in table(heading).items()}
        assert given.items() <= (given | vocabulary.DEFAULT_ABORT).items()
    assert words(table("The suite")["between"][1]) == (spec.DEFAULT_BETWEEN,)
    assert words(table("`wait`")["timeout"][1]) == (spec.DEFAULT_TIMEOUT,)


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
