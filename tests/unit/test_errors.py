"""What the user is told of his own mistakes says what to do about them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from chaos.errors import InputError, UsageError, raise_each

CHAOS = Path(__file__).resolve().parents[2] / "chaos"
MISTAKES = {"UsageError", "InputError", "ScenarioErrors"}


def unadvised(tree: ast.AST) -> list[int]:
    """The lines where a mistake is told without a hint, nor `; what would be right` or a suggestion in its text.

    A text that is wholly made elsewhere cannot be judged here and is passed over.
    """
    found = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id not in MISTAKES:
            continue
        message = ast.unparse(call.args[-1])
        literal = ".join(" not in message and any(
            isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.strip()
            for each in ast.walk(call.args[-1])
        )
        advised = "hint" in {each.arg for each in call.keywords} or "; " in message or "instead_of(" in message
        if literal and not advised:
            found.append(call.lineno)
    return found


def test_every_mistake_of_the_users_is_told_with_what_would_be_right():
    found = {str(path.relative_to(CHAOS)): unadvised(ast.parse(path.read_text())) for path in CHAOS.rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('UsageError(f"{x} is wrong")', [1]),
        ('InputError(name, 1, 1, "is a folder")', [1]),
        ('UsageError(f"{x} is wrong", hint="write y")', []),
        ('UsageError(f"{x} is wrong; write y")', []),
        ('UsageError(f"no {x}: {suggest.instead_of(x, valid)}")', []),
        ("InputError(name, 1, 1, problem.message)", []),
    ],
)
def test_a_mistake_told_without_what_would_be_right_is_found(source, lines):
    assert unadvised(ast.parse(source)) == lines


def test_mistakes_that_are_told_together_keep_their_hints_each_once():
    found = [
        UsageError("a is missing", hint="make a"),
        InputError("b", 1, 2, "is torn", hint="mend b"),
        UsageError("c is missing", hint="make a"),
        UsageError("d is wrong; write e"),
    ]
    with pytest.raises(UsageError) as caught:
        raise_each(found)
    assert str(caught.value).split("\n") == ["a is missing", "b:1:2: is torn", "c is missing", "d is wrong; write e"]
    assert caught.value.hint == "make a\nmend b"


def test_mistakes_without_hints_are_told_together_without_one():
    with pytest.raises(UsageError) as caught:
        raise_each([UsageError("a; write b"), UsageError("c; write d")])
    assert caught.value.hint is None


def test_one_mistake_is_raised_as_it_is_and_none_is_no_error():
    one = InputError("b", 1, 2, "is torn", hint="mend b")
    with pytest.raises(InputError) as caught:
        raise_each([one, one])
    assert caught.value is one
    raise_each([])
