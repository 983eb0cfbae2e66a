"""Whatever stands in a file, it is a plan or lines with places: never a traceback, never a hang."""

from __future__ import annotations

import random
import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scenario_files import RIGHT

from chaos.errors import UsageError
from chaos.scenario.load import load
from chaos.scenario.plan import Plan

_LINE = re.compile(r"/.*/s\.yaml:([1-9][0-9]*):([1-9][0-9]*): .+|/.*/s\.yaml: and [0-9]+ more")
_BITS = [
    *(
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "!x ",
        "? ",
        "- ",
        ": ",
        "# ",
        "| ",
        "> ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "\t",
        "\0",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        '"',
        "'",
        "@",
        "`",
        "\r",
        "\n",
        "\n\n  ",
        "\x85",
        "\u2028",
        "\ufeff",
        "\ud7ff",
        "😀",
        "é",
        "\\",
    ),
    *(
        "yes",
        "~",
        "null",
        ".inf",
        "-.nan",
        "017",
        "0o17",
        "1:30",
        "1e999",
        "9" * 400,
        "-0",
        "0/s",
        "1/s",
        "3m",
        "24h1s",
    ),
    *(
        "database",
        "site",
        "files",
        "scale",
        "replicas: 3",
        "grace: 1h",
        "clone: re-clone",
        "steps:",
        "wait:",
        "expect:",
    ),
]

# What ends a line in YAML 1.1.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def outcome(content: bytes) -> Plan | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.yaml")
        path.write_bytes(content)
        try:
            return load(path)
        except UsageError as error:
            places = [place for line in str(error).split("\n") if (place := place_in(line))]
            assert places == sorted(places)
            assert places[-1][0] <= len(_LINE_END.split(content.decode("utf-8", "replace"))) + 1
            return None


def place_in(line: str) -> tuple[int, int] | None:
    found = _LINE.fullmatch(line)
    assert found, line
    assert line.isprintable()
    return (int(found[1]), int(found[2])) if found[1] else None


def mutate(random_: random.Random, text: str) -> str:
    """A scenario with a few of its parts replaced, removed, doubled or moved."""
    for _ in range(random_.randint(1, 6)):
        words = re.split(r"(\W)", text) or [""]
        at = random_.randrange(len(words))
        match random_.randrange(6):
            case 0:
                words[at] = random_.choice(_BITS)
            case 1:
                words.insert(at, random_.choice(_BITS))
            case 2:
                del words[at : at + random_.randint(1, 4)]
            case 3:
                words[at:at] = words[at : at + random_.randint(1, 30)]
            case 4:
                other = random_.randrange(len(words))
                words[at], words[other] = words[other], words[at]
            case _:
                words[at] = words[at][: len(words[at]) // 2] + words[at][len(words[at]) // 2 + 1 :]
        text = "".join(words)
    return text


@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_a_mutated_scenario_is_a_plan_or_lines_with_places(seed: int) -> None:
    text = mutate(random.Random(seed), RIGHT)
    outcome(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"")
@example(b"\xfe\xff")
@example(b"a: &a [*a]")
@example(b"[*a, *a]: x")
@example(b"? &a [x]\n: *a")
def test_any_bytes_are_a_plan_or_lines_with_places(content: bytes) -> None:
    outcome(content)


_SCALARS = st.sampled_from(_BITS) | st.text(max_size=8) | st.integers() | st.floats() | st.none() | st.booleans()
_KEYS = st.sampled_from(sorted(set(re.findall(r"\w+", RIGHT)) | {"replicas", "x"}))
_TREES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6))


@settings(max_examples=500, deadline=None)
@given(
    _TREES, st.sampled_from([(), ("workload",), ("steps",), ("steps", 0), ("steps", 0, "wait"), ("steps", 0, "expect")])
)
def test_a_right_scenario_with_any_tree_within_is_a_plan_or_lines(tree: object, where: tuple[str | int, ...]) -> None:
    import json

    import yaml

    content = yaml.safe_load(RIGHT)
    if not where:
        content = tree
    else:
        at = content
        for part in where[:-1]:
            at = at[part]
        at[where[-1]] = tree
    outcome(json.dumps(content).encode())


def test_the_unmutated_scenario_is_a_plan() -> None:
    assert outcome(RIGHT.encode()) is not None
