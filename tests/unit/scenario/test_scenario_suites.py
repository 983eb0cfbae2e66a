"""A suite's file becomes a suite with the plans of its scenarios, or lines with the places of what is wrong."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from scenario_files import Write

from chaos import paths
from chaos.cli import scenarios
from chaos.errors import ExitCode, InputError, UsageError
from chaos.scenario.load import load, load_any
from chaos.scenario.plan import Plan, Suite

SUITE = """\
apiVersion: hachaos/v1
name: all
claim: all of it holds
budget: 30m
scenarios:
  - one.yaml
  - more/two.yaml
"""


@pytest.fixture(autouse=True)
def _two_scenarios(write: Write, right: str) -> None:
    write(SUITE)
    Path("more").mkdir()
    Path("one.yaml").write_text(right.replace("kill-master", "one"))
    Path("more/two.yaml").write_text(right.replace("kill-master", "two"))


def suite(write: Write, text: str = SUITE) -> Suite:
    found = load_any(write(text))
    assert isinstance(found, Suite)
    return found


def complaint(path: Path) -> list[str]:
    with pytest.raises(UsageError) as caught:
        load_any(path)
    assert caught.value.exit_code == ExitCode.USAGE
    lines = str(caught.value).splitlines()
    assert isinstance(caught.value, InputError) == (len(lines) == 1)
    return lines


# What is right


def test_a_suite_has_the_plans_of_its_scenarios_in_their_order(write: Write) -> None:
    found = suite(write)
    assert (found.name, found.claim, found.path, found.text) == ("all", "all of it holds", "s.yaml", SUITE)
    assert (found.budget_s, found.between_s, found.baseline) == (1800, 10, "")
    assert found.plans == (load(Path("one.yaml")), load(Path("more/two.yaml")))


def test_a_suite_may_say_what_lies_between_and_what_the_baseline_does(write: Write) -> None:
    found = suite(write, SUITE + "between: 0s\nbaseline: record\n")
    assert (found.between_s, found.baseline) == (0, "record")


def test_paths_are_relative_to_the_suites_file(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(SUITE)
    monkeypatch.chdir(tmp_path / "more")
    found = load_any(Path("../s.yaml"))
    assert isinstance(found, Suite)
    assert [plan.path for plan in found.plans] == ["../one.yaml", "../more/two.yaml"]


def test_a_scenario_is_a_plan_as_before() -> None:
    assert isinstance(load_any(Path("one.yaml")), Plan)


def test_go_live_has_every_bundled_scenario_that_needs_no_flag_once_with_the_destructive_ones_last() -> None:
    found = load_any(paths.scenarios() / "go-live.yaml")
    assert isinstance(found, Suite)
    bundled = {path.stem for path in paths.scenarios().glob("*.yaml")} - {"go-live", "drain-node"}
    assert {plan.name for plan in found.plans} == bundled
    assert (found.budget_s, found.between_s, found.baseline) == (3600, 5, "record")
    order = [plan.destructive for plan in found.plans]
    assert order == sorted(order)


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_what_go_live_lacks_is_said_where_it_is_called_a_suite_of_the_others(page: str) -> None:
    text = " ".join((paths.scenarios().parent / page).read_text().split())
    assert re.search(r"a suite of (all scenarios|the others) but `drain-node`, which needs `--allow-nodes`", text)


# What is wrong with the suite


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("budget: 30m\n", "", "1:1: 'budget' is missing; needed are apiVersion, name, claim, budget, scenarios"),
        ("budget: 30m", "budget: 30", "4:9: budget: 30 has no unit; write 30s or 30m"),
        ("budget: 30m", "budget: 0s", "4:9: budget: '0s' is no time at all; write more than 0s"),
        ("budget: 30m", "budgt: 30m", "4:1: unknown key 'budgt'; did you mean 'budget'?"),
        ("budget: 30m", "budget: 30m\nbetween: 5", "5:10: between: 5 has no unit; write 5s"),
        ("budget: 30m", "budget: 30m\nbaseline: go", "5:11: baseline: no baseline 'go'; valid: stop, record"),
        (
            "budget: 30m",
            "budget: 30m\nworkload: {}",
            "5:1: unknown key 'workload'; valid: apiVersion, name, claim, bud",
        ),
        ("budget: 30m", "budget: 30m\nsteps: []", "5:1: steps: a file has either steps (a scenario) or scenarios (a s"),
        ("scenarios:", "scenaros:", "5:1: unknown key 'scenaros'; did you mean 'scenarios'?"),
        ("name: all", "name: All", "2:7: name: 'All' is not a name; write lower-case letters, digits and dashes"),
        ("- one.yaml", "- 5", "6:5: scenarios: 5 is not text; put it in quotes"),
        ("- one.yaml", "- {file: one.yaml}", "6:5: scenarios: a mapping is not text; write text"),
        ("- one.yaml", "- ", "6:4: scenarios: nothing is not text; write text"),
        ("- one.yaml", "- ../one.yaml", "6:5: scenarios: '../one.yaml' leads out of the suite's folder; write a path"),
        ("- one.yaml", "- /one.yaml", "6:5: scenarios: '/one.yaml' leads out of the suite's folder; write a path wit"),
        ("- one.yaml", "- s.yaml", "6:5: 's.yaml' is a suite itself; name its scenarios here"),
        ("- one.yaml", "- more/../one.yaml", "6:5: scenarios: 'more/../one.yaml' leads out of the suite's folder; wr"),
        ("- more/two.yaml", "- one.yaml", "7:5: 'one.yaml' is here twice, and each scenario has one folder in the re"),
        ("- more/two.yaml", "- ./one.yaml", "7:5: './one.yaml' is here twice, and each scenario has one folder in"),
    ],
)
def test_a_wrong_suite_is_told_with_its_place_and_a_remedy(write: Write, old: str, new: str, line: str) -> None:
    assert old in SUITE
    found = complaint(write(SUITE.replace(old, new, 1)))
    assert [each for each in found if each.startswith(f"s.yaml:{line}")], found


@pytest.mark.parametrize(
    ("scenarios", "line"),
    [
        ("[]", "5:12: scenarios: 0 scenarios; write 1 to 50"),
        ("[" + ", ".join(f"{n}.yaml" for n in range(51)) + "]", "5:12: scenarios: 51 scenarios; write 1 to 50"),
        ("one.yaml", "5:12: scenarios: text stands where a list has to be; begin each path with a dash"),
        ("{one: 1}", "5:12: scenarios: a mapping stands where a list has to be; begin each path with a dash"),
    ],
)
def test_scenarios_are_a_list_of_1_to_50(write: Write, scenarios: str, line: str) -> None:
    head = SUITE.split("scenarios:", maxsplit=1)[0]
    assert complaint(write(f"{head}scenarios: {scenarios}\n")) == [f"s.yaml:{line}"]


def test_two_scenarios_of_one_name_are_refused(write: Write) -> None:
    Path("more/two.yaml").write_text(Path("one.yaml").read_text())
    assert complaint(write(SUITE)) == ["s.yaml:7:5: 'more/two.yaml' has the name of another one, one; rename one"]


def test_a_link_that_leads_out_of_the_suites_folder_is_refused(write: Write) -> None:
    Path("more/s.yaml").write_text(SUITE.replace("one.yaml", "three.yaml").replace("more/", ""))
    os.symlink("../one.yaml", "more/three.yaml")
    assert complaint(Path("more/s.yaml")) == [
        "more/s.yaml:6:5: 'three.yaml' leads out of the suite's folder; put the scenario into it"
    ]


def test_a_link_to_a_scenario_that_is_there_is_that_scenario_again(write: Write) -> None:
    os.symlink("one.yaml", "three.yaml")
    (line,) = complaint(write(SUITE + "  - three.yaml\n"))
    assert line.startswith("s.yaml:8:5: 'three.yaml' is here twice")


def test_a_link_that_leads_in_a_circle_is_one_line(write: Write) -> None:
    os.symlink("loop.yaml", "loop.yaml")
    assert complaint(write(SUITE + "  - loop.yaml\n")) == [
        "loop.yaml:1:1: no such file: its symbolic links lead in a circle; name a file"
    ]


# What is wrong with its scenarios


def test_a_scenario_that_is_missing_is_told_with_its_own_path_and_its_nearest_neighbour(write: Write) -> None:
    assert complaint(write(SUITE.replace("more/two", "more/twoo"))) == [
        "more/twoo.yaml:1:1: no such file; did you mean more/two.yaml?"
    ]


def test_what_is_wrong_with_the_scenarios_is_told_at_once_with_their_own_places(write: Write, right: str) -> None:
    Path("one.yaml").write_text(right.replace("reads: 20/s", "reads: 20").replace("timeout: 3m", "timeout: 3"))
    Path("more/two.yaml").write_text(right.replace("delete-pod", "delete-pods"))
    found = complaint(write(SUITE + "  - one.yaml\n"))
    assert [line.split(": ")[0] for line in found] == [
        "s.yaml:8:5", "one.yaml:4:19", "one.yaml:10:42", "more/two.yaml:7:13"
    ]  # fmt: skip


def test_where_one_scenario_is_wanted_a_suite_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match=r"^s.yaml:5:1: this is a suite; name a scenario"):
        load(write(SUITE))


# The commands


def test_validate_counts_a_suites_scenarios(write: Write) -> None:
    result = CliRunner().invoke(scenarios.validate, [str(write(SUITE))], catch_exceptions=False)
    assert result.output == "s.yaml: ok (all, 2 scenarios)\n"


def test_plan_tells_of_a_suite_what_it_runs_and_for_how_long(write: Write) -> None:
    found = CliRunner().invoke(scenarios.plan, [str(write(SUITE))], catch_exceptions=False).output
    for words in (
        "all: all of it holds",
        "budget    30m for all",
        "between   10s between two",
        "baseline  as each scenario has it",
        " 2. two: a failed master comes back by itself with its data",
        "1 step, 25m30s at most; more/two.yaml",
        "nothing was touched",
    ):
        assert words in found


def test_plan_json_has_all_plans_of_a_suite(write: Write) -> None:
    found = json.loads(CliRunner().invoke(scenarios.plan, [str(write(SUITE)), "--json"]).output)
    assert found == json.loads(json.dumps(suite(write).to_json()))
    assert [each["name"] for each in found["scenarios"]] == ["one", "two"]
    assert found["budget_s"] == 1800
