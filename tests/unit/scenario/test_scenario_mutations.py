"""Whatever stands in a file, it is a plan or lines with places: never a traceback, never a hang."""

from __future__ import annotations

import json
import random
import re
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scenario_files import RIGHT

from chaos.errors import UsageError
from chaos.scenario.load import load_any
from chaos.scenario.plan import Plan, Suite

Place = tuple[str | int, ...]

_LINE = re.compile(r"(/.*?):([1-9][0-9]*):([1-9][0-9]*): .+|/.*: and [0-9]+ more")
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
        "may_stay_out: true",
        "interrupt: primary",
        "ordinal: 1",
        "count: 2",
        "delete-volume",
        "start-service",
        "scenarios:",
        "../one.yaml",
        "steps:",
        "wait:",
        "expect:",
    ),
]

# What ends a line in YAML 1.1.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


EVERYTHING = """\
apiVersion: hachaos/v1
name: everything
claim: c
baseline: record
destructive: true
needs: {nodes: 3, database: 3, site: 2, files: 1}
workload: {reads: 5/s, uploads: 0.2/s, file_reads: 30/m}
steps:
  - {name: a, action: stop-service, target: files, wait: {for: database/ready}, expect: {uploads: {may_stay_out: true}}}
  - {name: b, action: pause, parameters: {for: 60s}, expect: {uploads: {longest_outage: 5m, may_stay_out: true}}}
  - {name: c, action: start-service, target: files}
  - {name: d, action: kill-process, target: site, parameters: {signal: KILL, container: wordpress}}
  - {name: e, action: delete-pod, target: database, parameters: {count: 3, grace: 0s}}
  - {name: f, action: delete-pod, target: database/replica, parameters: {ordinal: 2}}
  - {name: g, action: delete-volume, target: database, parameters: {interrupt: itself}, expect: {clone: re-clone}}
  - {name: h, action: rolling-restart, target: database}
  - {name: i, action: noop}
"""
SUITE = """\
apiVersion: hachaos/v1
name: all
claim: all of it holds
budget: 30m
between: 5s
baseline: stop
scenarios:
  - one.yaml
  - more/two.yaml
"""


def outcome(content: bytes, beside: dict[str, bytes] | None = None) -> Plan | Suite | None:
    """What becomes of a file `s.yaml` with others beside it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.yaml")
        path.write_bytes(content)
        for name, text in (beside or {}).items():
            Path(folder, name).parent.mkdir(exist_ok=True)
            Path(folder, name).write_bytes(text)
        try:
            return load_any(path)
        except UsageError as error:
            found = [place for line in str(error).split("\n") if (place := place_in(line))]
            places = [(line, column) for file, line, column in found if file == str(path)]
            assert found
            assert places == sorted(places)
            lines = len(_LINE_END.split(content.decode("utf-8", "replace"))) + 1
            assert all(line <= lines for line, _ in places)
            return None


def place_in(line: str) -> tuple[str, int, int] | None:
    found = _LINE.fullmatch(line)
    assert found, line
    assert line.isprintable()
    return (found[1], int(found[2]), int(found[3])) if found[1] else None


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


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from([RIGHT, EVERYTHING]))
def test_a_mutated_scenario_is_a_plan_or_lines_with_places(seed: int, text: str) -> None:
    outcome(mutate(random.Random(seed), text).encode("utf-8", "surrogatepass"))


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from(["s.yaml", "one.yaml", "more/two.yaml"]))
def test_a_mutated_suite_is_a_suite_or_lines_with_places(seed: int, spoilt: str) -> None:
    texts = {"s.yaml": SUITE, "one.yaml": RIGHT, "more/two.yaml": EVERYTHING}
    texts[spoilt] = mutate(random.Random(seed), texts[spoilt])
    files = {name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()}
    outcome(files.pop("s.yaml"), files)


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
_KEYS = st.sampled_from(sorted(set(re.findall(r"[\w-]+", RIGHT + EVERYTHING + SUITE)) | {"replicas", "x"}))
_TREES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6))


_PLACES = [
    *((RIGHT, place) for place in ((), ("workload",), ("steps",), ("steps", 0), ("steps", 0, "wait"))),
    *((EVERYTHING, place) for place in (("needs",), ("destructive",), ("steps", 1, "parameters"), ("steps", 6))),
    *((EVERYTHING, ("steps", 1, "expect", *more)) for more in ((), ("uploads",), ("uploads", "may_stay_out"))),
    *((SUITE, place) for place in ((), ("scenarios",), ("scenarios", 1), ("budget",), ("baseline",))),
]


@settings(max_examples=700, deadline=None)
@given(_TREES, st.sampled_from(_PLACES))
def test_any_tree_within_what_is_right_is_a_plan_or_lines(tree: object, where: tuple[str, Place]) -> None:
    text, place = where
    content = yaml.safe_load(text)
    at = content
    for part in place[:-1]:
        at = at[part]
    if place:
        at[place[-1]] = tree
    beside = {"one.yaml": RIGHT.encode(), "more/two.yaml": EVERYTHING.encode()}
    outcome(json.dumps(content if place else tree).encode(), beside)


@pytest.mark.parametrize("text", [RIGHT, EVERYTHING, SUITE])
def test_what_is_mutated_is_right(text: str) -> None:
    assert outcome(text.encode(), {"one.yaml": RIGHT.encode(), "more/two.yaml": EVERYTHING.encode()}) is not None
