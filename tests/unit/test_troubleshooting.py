"""docs/troubleshooting.md quotes what hachaos really prints."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/troubleshooting.md"
FILLED_IN = "\0"


@cache
def templates() -> tuple[str, ...]:
    """Each text of the code, with a mark where something is filled in, and the lines of the launcher."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "chaos").rglob("*.py")]
    known = {
        each.targets[0].id: each.value.value
        for tree in trees
        for each in tree.body
        if isinstance(each, ast.Assign)
        and isinstance(each.targets[0], ast.Name)
        and isinstance(each.value, ast.Constant)
    }
    found = {_text(node, known) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
    found |= {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    said = re.findall(r'say "([^"]*)"', (ROOT / "hachaos").read_text())
    return (*found, *(re.sub(r"\$\w+", FILLED_IN, each) for each in said))


def _text(node: ast.JoinedStr, known: dict[str, object]) -> str:
    parts = []
    for each in node.values:
        if isinstance(each, ast.FormattedValue):
            name = each.value.id if isinstance(each.value, ast.Name) else ""
            parts.append(str(known.get(name, FILLED_IN)))
        else:
            parts.append(str(each.value))  # type: ignore[attr-defined]
    return "".join(parts)


def quoted() -> list[str]:
    """The first thing in code type of each row of a table whose first column is a message or a sentence."""
    found, in_table = [], False
    for line in PAGE.read_text().splitlines():
        if line.startswith(("| message", "| sentence")):
            in_table = True
        elif not line.startswith("|"):
            in_table = False
        elif in_table and not line.startswith("|--"):
            found.append(re.match(r"\| `([^`]*)`", line)[1])  # type: ignore[index]
    return found


def is_printed(message: str) -> bool:
    """Whether some text of the code is the message, words in capitals standing for anything.

    What others say of a failure may be put after it elsewhere than where the message is.
    """
    pieces = re.split(r"'?\b[A-Z][A-Z-]+(?:\.yaml)?\b'?|\bN\b|\b401\b|\b403\b", re.sub(r": [A-Z]+$", "", message))
    wanted = re.compile(".*".join(map(re.escape, pieces)), re.DOTALL)
    return any(wanted.fullmatch(re.sub(f": {FILLED_IN}?$", "", each)) for each in templates())


@pytest.mark.parametrize("message", quoted())
def test_each_message_on_the_page_is_one_that_is_printed(message: str) -> None:
    assert is_printed(message)


def test_a_message_that_nobody_prints_is_found_out() -> None:
    assert len(quoted()) > 60
    assert not is_printed("the embedded cluster needs a roof")
    assert not is_printed("namespace NS is protested: it has the LABEL hachaos.dev/protected=VALUE")


def test_the_exit_codes_on_the_page_are_all_that_there_are() -> None:
    from chaos.errors import ExitCode

    rows = re.findall(r"^\| (\d+) ([a-z ]+) \|", PAGE.read_text(), re.MULTILINE)
    told = {int(code): word for code, word in rows}
    assert told == {int(code): code.name.lower().replace("_", " ") for code in ExitCode if code}
