from __future__ import annotations

import pytest

from chaos.cluster.local.commands import CommandFailed
from chaos.cluster.local.retry import ATTEMPTS, retrying
from chaos.errors import HostError
from chaos.progress import NoProgress


def failure(line: str) -> CommandFailed:
    return CommandFailed("go build", ["go", "build"], 1, [line], None)


def attempts_until(error: CommandFailed, good_at: int) -> tuple[int, object]:
    count = 0

    def work() -> str:
        nonlocal count
        count += 1
        if count < good_at:
            raise error
        return "done"

    try:
        outcome: object = retrying(work, NoProgress(), source="the proxy", hint="look", first_wait_s=0)
    except HostError as raised:
        outcome = raised
    return count, outcome


@pytest.mark.parametrize(
    "line",
    [
        "dial tcp: lookup proxy.invalid: no such host",
        "read tcp 10.0.0.1:1->10.0.0.2:443: i/o timeout",
        "Err:1 http://mirror.invalid bookworm InRelease  Temporary failure resolving 'mirror.invalid'",
        "reading https://proxy.invalid/x: 502 Bad Gateway",
    ],
)
def test_what_may_pass_is_tried_again(line: str) -> None:
    assert attempts_until(failure(line), 3) == (3, "done")


def test_a_real_error_is_not_tried_again() -> None:
    error = failure("main.go:3: undefined: x")
    assert attempts_until(error, 3) == (1, error)


def test_after_the_last_attempt_the_error_names_who_was_asked_and_what_to_do() -> None:
    count, outcome = attempts_until(failure("dial tcp: i/o timeout"), 99)
    assert count == ATTEMPTS
    assert isinstance(outcome, HostError)
    assert str(outcome).startswith("the proxy does not answer: ")
    assert outcome.hint == "look"


def test_what_is_to_be_done_before_a_repetition_is_done_each_time() -> None:
    cleared: list[int] = []

    def work() -> None:
        raise failure("connection refused")

    with pytest.raises(HostError):
        retrying(work, NoProgress(), source="x", hint="y", before=lambda: cleared.append(1), attempts=3, first_wait_s=0)
    assert len(cleared) == 2
