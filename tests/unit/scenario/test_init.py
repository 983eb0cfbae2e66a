"""`hachaos init` writes a scenario that is right as it stands, and leaves alone what is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos.cli.init import init, written
from chaos.errors import ExitCode, UsageError
from chaos.scenario.load import load
from chaos.scenario.plan import Plan
from chaos.scenario.vocabulary import ACTIONS

VARIANTS = [(action, target) for action, words in ACTIONS.items() for target in words.targets]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(*arguments: str) -> Plan:
    result = CliRunner().invoke(init, list(arguments), catch_exceptions=False)
    path = next((each for each in arguments if each.endswith(".yaml")), "scenario.yaml")
    assert result.output == f"{path} is written; try: hachaos plan {path}\n"
    return load(Path(path))


@pytest.mark.parametrize(("action", "target"), VARIANTS)
def test_whatever_it_writes_is_right_and_does_what_was_asked(action: str, target: str) -> None:
    plan = made("x.yaml", "--action", action, "--target", target)
    assert plan.name == "x"
    assert (action, target) in {(step.action, step.target) for step in plan.steps}


def test_what_it_names_and_claims_are_sentences() -> None:
    plan = made()
    assert plan.claim == "the stack withstands it when a pod of the database is deleted"
    assert [step.name for step in plan.steps] == ["delete a pod of the database"]


@pytest.mark.parametrize(("action", "target"), VARIANTS)
def test_no_step_or_claim_that_it_writes_is_in_the_words_of_the_file(action: str, target: str) -> None:
    plan = made("x.yaml", "--action", action, "--target", target)
    for sentence in (plan.claim, *(step.name for step in plan.steps)):
        assert "/" not in sentence
        assert not {each for each in ACTIONS if "-" in each} & set(sentence.split())


def test_an_extensions_action_is_named_by_its_own_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIONS, "freeze", ACTIONS["delete-pod"])
    text = written("x", "freeze", "site")
    assert "claim: the stack withstands freeze of the site\n" in text
    assert "- name: freeze of the site\n" in text


@pytest.mark.parametrize("action", [name for name, words in ACTIONS.items() if words.parameters])
def test_what_it_leaves_in_comments_is_right_too(action: str, here: Path) -> None:
    text = written("x", action, ACTIONS[action].targets[0]).replace("    # parameters:", "    parameters:")
    for name, each in ACTIONS[action].parameters.items():
        assert each.about in " ".join(text.replace("#", "").split())
        one = text.replace(f"    #   {name}:", f"      {name}:")
        (here / "x.yaml").write_text(one)
        assert each.key in {key for step in load(here / "x.yaml").steps for key in step.params}


def test_without_a_word_it_writes_scenario_yaml() -> None:
    assert [step.action for step in made().steps] == ["delete-pod"]


def test_a_files_name_that_can_be_no_scenarios_is_not_taken_for_one() -> None:
    assert made("My Scenario.yaml").name == "my-scenario"


def test_a_file_that_is_there_is_left_as_it_is(here: Path) -> None:
    (here / "x.yaml").write_text("mine")
    result = CliRunner().invoke(init, ["x.yaml"])
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == ExitCode.USAGE
    assert str(result.exception) == "x.yaml: is there already, and was left as it is"
    assert (here / "x.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--action", "scale", "--target", "databse"],
            "scale has no target 'databse': did you mean 'database'? (valid: database, site)",
        ),
        (["no/x.yaml"], "no/x.yaml: No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_line_and_writes_nothing(arguments: list[str], line: str, here: Path) -> None:
    result = CliRunner().invoke(init, arguments)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == line
    assert list(here.iterdir()) == []


def test_no_line_is_longer_than_an_editors() -> None:
    lines = [line for action, target in VARIANTS for line in written("x", action, target).splitlines()]
    assert max(map(len, lines)) <= 120
