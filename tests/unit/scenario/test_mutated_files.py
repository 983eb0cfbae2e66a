"""2,000 spoilt scenarios, suites and bindings through the command line: exit 0 or 4, lines with places, soon."""

from __future__ import annotations

import random
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from chaos import paths
from chaos.cli.main import _run
from chaos.cluster import target as targets
from chaos.errors import ClusterError, ExitCode

FILES = 2000
BATCHES = 10
DEADLINE_S = 10.0

BINDING = Path(__file__).resolve().parents[2] / "cluster" / "blog.yaml"

LINE = re.compile(r"hachaos: /[^\n]+?(?::[1-9][0-9]*:[1-9][0-9]*: .+|: and [0-9]+ more)")

ODD_VALUES = (
    *("yes", "~", "[]", "{}", "[1, 2]", "{a: b}", "-1", "0", "1e999", ".nan", "9" * 400, "0x7f", "1_000", "2026-01-01"),
    *("!!python/object/apply:os.system [id]", "!!python/name:os.system", "!include /etc/passwd", "&a x", "*a", "<<"),
    *("{{ 7 * 7 }}", "${HOME}", "$(id)", "`id`", "%x", "@x", "../../etc/passwd", "/etc/passwd", "~/x", "a/../../b"),
    *("30", "30 s", "-5s", "1e9h", "99999999999999999999s", "5/x", "/s", "1/0", "s", "0.0000000000000000001s", "∞s"),
    *(
        "x" * 5000,
        "😀",
        "\u202ekill",
        "ｋｉｌｌ",
        "kill\u200b-master",
        "a\u0000b",
        '"\\x00"',
        '"\\u202e"',
        "'",
        '"',
        "|",
        ">",
    ),
)


def flip(random_: random.Random, content: bytes) -> bytes:
    at = random_.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << random_.randrange(8))]) + content[at + 1 :]


def by_lines(change: Callable[[random.Random, list[str], int], None]) -> Callable[[random.Random, bytes], bytes]:
    def mutate(random_: random.Random, content: bytes) -> bytes:
        lines = content.decode("utf-8", "surrogateescape").split("\n")
        change(random_, lines, random_.randrange(len(lines)))
        return "\n".join(lines).encode("utf-8", "surrogateescape")

    return mutate


def drop(random_: random.Random, lines: list[str], at: int) -> None:
    del lines[at]


def double(random_: random.Random, lines: list[str], at: int) -> None:
    lines.insert(random_.randrange(len(lines)), lines[at])


def swap(random_: random.Random, lines: list[str], at: int) -> None:
    other = random_.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]


def indent(random_: random.Random, lines: list[str], at: int) -> None:
    lines[at] = random_.choice([" ", "\t", "        ", "\u00a0", "- "]) + lines[at]


def odd_value(random_: random.Random, lines: list[str], at: int) -> None:
    found = list(re.finditer(r"(?<=: )[^,{}\[\]]+|(?<=- )[^,{}\[\]]+", lines[at]))
    if found:
        one = random_.choice(found)
        lines[at] = lines[at][: one.start()] + random_.choice(ODD_VALUES) + lines[at][one.end() :]


def no_colon(random_: random.Random, lines: list[str], at: int) -> None:
    lines[at] = lines[at].replace(":", random_.choice(["", " ", "::", "=", ";"]), 1)


def odd_number(random_: random.Random, lines: list[str], at: int) -> None:
    odd = random_.choice(["", "-1", "0", "1.5", "9" * 30, "1e400", "０", "0b1"])
    lines[at] = re.sub(r"\d+", odd, lines[at], count=1)


def cut(random_: random.Random, content: bytes) -> bytes:
    return content[: random_.randrange(len(content))]


def wrap(random_: random.Random, content: bytes) -> bytes:
    before, after = random_.choice(
        [(b"\xef\xbb\xbf", b""), (b"\xff\xfe", b""), (b"", b"\x00"), (b"[" * 3000, b""), (b"{a: " * 3000, b""),
         (b"---\n", b"\n---\n"), (b"", b"\nx: !!python/object:os.system id\n"), (b"- ", b""), (b"", b"#" * 300_000)]
    )  # fmt: skip
    return before + content + after


MUTATIONS = (flip, *map(by_lines, (drop, double, swap, indent, odd_value, odd_value, no_colon, odd_number)), cut, wrap)


def spoilt(random_: random.Random, content: bytes) -> bytes:
    for _ in range(random_.randint(1, 3)):
        content = random_.choice(MUTATIONS)(random_, content) or b"\n"
    return content


@pytest.fixture
def within_deadline() -> Callable[..., int]:
    """Calls the command line; a call that does not come back in time is ended by an error."""

    def late(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"no end after {DEADLINE_S} s")

    def call(*arguments: str) -> int:
        old = signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, DEADLINE_S)
        try:
            return _run(list(arguments))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)

    return call


class _Reached(ClusterError):
    """The file was taken, and a cluster would be looked for now."""


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(*arguments: Any, **more: Any) -> None:
        raise _Reached("reached")

    for name in ("local", "of"):
        monkeypatch.setattr(targets, name, reached, raising=False)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_spoilt_file_is_taken_or_refused_with_lines_and_places(
    batch: int, tmp_path: Path, within_deadline: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    scenarios = sorted(paths.scenarios().glob("*.yaml"))
    corpus = [*scenarios, *scenarios, BINDING, BINDING, *[paths.scenarios() / "go-live.yaml"] * 3]
    for path in scenarios:
        shutil.copy(path, tmp_path)
    right = str(tmp_path / "kill-master.yaml")
    came_to: Counter[int] = Counter()
    for number in range(batch * FILES // BATCHES, (batch + 1) * FILES // BATCHES):
        random_ = random.Random(number)
        one = random_.choice(corpus)
        file = tmp_path / "spoilt.yaml"
        file.write_bytes(spoilt(random_, one.read_bytes()))
        is_binding = one == BINDING
        arguments = ["run", right, "--stack", str(file)] if is_binding else ["validate", str(file)]
        try:
            code = within_deadline(*arguments)
        except BaseException as error:
            raise AssertionError(f"file {number}, of {one.name}: {error!r}") from error
        said = capsys.readouterr()
        if is_binding and said.err == "hachaos: reached\n":
            code = ExitCode.PASS
        elif code == ExitCode.USAGE:
            assert said.out == "", number
            lines = [line for line in said.err.splitlines() if not line.startswith("hint: ")]
            assert lines, number
            assert all(LINE.fullmatch(line) and line.isprintable() for line in lines), (number, lines)
        else:
            assert said.err == "", number
        came_to[code] += 1
    assert set(came_to) == {ExitCode.PASS, ExitCode.USAGE}, came_to
    # A corpus that is nearly always right, or never, would test little.
    assert came_to[ExitCode.USAGE] > FILES / BATCHES / 2
    assert came_to[ExitCode.PASS] > FILES / BATCHES / 50


@pytest.mark.parametrize("value", ODD_VALUES)
def test_no_odd_name_becomes_the_name_of_a_folder(
    value: str, tmp_path: Path, within_deadline: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spoilt.yaml"
    text = (paths.scenarios() / "kill-master.yaml").read_text()
    file.write_text(text.replace("name: kill-master", f"name: {value}"), encoding="utf-8", errors="surrogatepass")
    code = within_deadline("validate", str(file))
    said = capsys.readouterr()
    if code == ExitCode.PASS:
        assert re.search(r": ok \([a-z0-9-]{1,63}, ", said.out)
    else:
        assert code == ExitCode.USAGE
        assert said.err.startswith(f"hachaos: {file}:")
