"""`hachaos explain` tells all that the vocabulary knows; its examples are right as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest
from click.testing import CliRunner
from scenario_files import Write

from chaos.checks import availability, clone, continuity, effect, recovery, replication
from chaos.checks.findings import INVARIANTS as BROKEN
from chaos.cli.explain import EXAMPLES, EXIT_CODES, explain
from chaos.errors import ExitCode, UsageError
from chaos.runner import STEADY_S
from chaos.scenario.keys import EXPECT, LIMITS, MAPPINGS
from chaos.scenario.load import load
from chaos.scenario.vocabulary import ABORTS, ACTIONS, CHECKS, CLONES, CONDITIONS, CONNECTIONS, HOLDS, INVARIANTS
from chaos.stack.site import UPLOAD_BYTES, upload_content

STOP = "- {name: stop, action: stop-service, target: files}\n"
NOOP = "- {name: nothing, action: noop}\n"


def told(*words: str) -> str:
    result = CliRunner().invoke(explain, list(words), catch_exceptions=False)
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 100
    return " ".join(result.output.split())


def test_without_a_word_everything_is_listed() -> None:
    found = told()
    for words in (ACTIONS, CONDITIONS, CLONES, CONNECTIONS, CHECKS, INVARIANTS, LIMITS, ABORTS):
        for word in words:
            assert f" {word} " in found
    assert "130 interrupted" in found


@pytest.mark.parametrize("action", ACTIONS)
def test_of_an_action_all_is_told_that_the_vocabulary_knows(action: str) -> None:
    found, words = told(action), ACTIONS[action]
    for text in (words.about, ", ".join(words.targets), words.effect, words.refuses, words.undo):
        assert text in found
    for name, each in words.parameters.items():
        assert f"{name} {each.about}; {each.value}; {each.left_out}" in found
    assert ("destructive: true" in found) == words.destructive
    assert ("may be left out" in found) != words.breaks
    assert " ".join(EXAMPLES[action].split()) in found


@pytest.mark.parametrize("action", ACTIONS)
def test_the_example_of_each_action_is_right_as_it_stands(write: Write, action: str) -> None:
    head = "apiVersion: hachaos/v1\nname: x\nclaim: c\nworkload: {uploads: 0.2/s}\n"
    if ACTIONS[action].destructive:
        head += "destructive: true\n"
    before = STOP if action == "start-service" else ""
    after = NOOP if action != "noop" else ""
    steps = load(write(head + "steps:\n" + indent(before + EXAMPLES[action].lstrip() + after, "  "))).steps
    assert action in {step.action for step in steps}


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (("exit", "codes"), EXIT_CODES[ExitCode.TROUBLE]),
        (("Exit-Codes",), EXIT_CODES[ExitCode.PASS]),
        (("conditions",), CONDITIONS["files/ready"]),
        (("d1",), INVARIANTS["D1"]),
        *(
            ((word,), about)
            for words in (CONDITIONS, CLONES, CONNECTIONS, CHECKS, INVARIANTS, ABORTS)
            for word, about in words.items()
        ),
        *(((word,), key.about) for words in (LIMITS, EXPECT) for word, key in words.items()),
        *((("exit", str(int(code))), about) for code, about in EXIT_CODES.items()),
        *(((code.name.lower().replace("_", " "),), about) for code, about in EXIT_CODES.items()),
        *(((str(int(code)),), about) for code, about in EXIT_CODES.items()),
    ],
)
def test_every_other_word_is_told_too(words: tuple[str, ...], about: str) -> None:
    assert about in told(*words)


def test_several_words_are_explained_each() -> None:
    assert told("3", "5") == f"{told('3')} {told('5')}"
    assert told("steady", "delete-pod") == f"{told('steady')} {told('delete-pod')}"


def test_of_several_words_the_one_that_means_nothing_is_named() -> None:
    for words, named in (
        (["3", "scal"], "'scal'; did you mean 'scale'?"),
        (["delete", "pot"], "'delete pot'; did you"),
    ):
        result = CliRunner().invoke(explain, words)
        assert isinstance(result.exception, UsageError)
        assert str(result.exception).startswith(f"nothing to explain about {named}")


def test_what_is_uploaded_is_told_as_it_is() -> None:
    assert upload_content("t").isascii()
    assert f"text files of {UPLOAD_BYTES // 1024} KiB" in told("uploads")


def test_steady_is_told_with_the_seconds_that_a_run_waits_for() -> None:
    assert f"nothing but good answers for {STEADY_S:g} s" in told("steady")


def test_a_word_that_means_several_things_is_told_as_each_of_them() -> None:
    for mapping in MAPPINGS:
        for word, key in mapping.keys.items():
            assert f"{word} (a key of {mapping.of}) {key.about}; {key.left_out}" in told(word)
    for action, words in ACTIONS.items():
        for word, each in words.parameters.items():
            assert f"{word} (a parameter of {action}) {each.about}; {each.value}; {each.left_out}" in told(word)
    assert CHECKS["clone"] in told("clone")
    assert ABORTS["http"] in told("http")


@pytest.mark.parametrize("check", CHECKS)
def test_of_a_check_all_is_told_that_it_holds_a_run_against(check: str) -> None:
    for each in HOLDS[check]:
        assert f"{each} {INVARIANTS[each]}" in told(check)


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("delete-pot", "did you mean 'delete-pod'?"),
        ("SCAL", "did you mean 'scale'?"),
        ("availibility", "did you mean 'availability'?"),
        ("xyzzy", "hachaos explain lists what there is"),
    ],
)
def test_a_word_that_is_not_known_is_a_usage_error_with_the_nearest(word: str, right: str) -> None:
    result = CliRunner().invoke(explain, [word])
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == f"nothing to explain about {word!r}; {right}"


def test_every_check_and_exit_code_is_told_and_no_other() -> None:
    checks = (effect, recovery, availability, continuity, replication, clone)
    assert tuple(CHECKS) == tuple(HOLDS) == tuple(check.NAME for check in checks)
    assert set(EXIT_CODES) == set(ExitCode)


def test_every_invariant_that_a_finding_can_break_or_a_lie_was_told_about_is_told_and_no_other() -> None:
    assert set(BROKEN.values()) <= set(INVARIANTS)
    lies = (Path(__file__).parents[2] / "lies/test_made_lies.py").read_text()
    assert set(re.findall(r'^        "([A-Z][0-9])": Lie', lies, re.MULTILINE)) == set(INVARIANTS)
