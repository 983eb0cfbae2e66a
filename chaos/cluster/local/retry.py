"""Tries again what failed for want of an answer from the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from chaos.cluster.local.commands import CommandFailed
from chaos.errors import HostError
from chaos.progress import Task

T = TypeVar("T")
ATTEMPTS = 4

_MARKS = (
    "Temporary failure resolving",
    "Temporary failure in name resolution",
    "Could not resolve",
    "Could not connect",
    "Unable to connect",
    "Failed to establish a new connection",
    "Failed to fetch",
    "Connection failed",
    "connection refused",
    "Connection refused",
    "connection reset",
    "Connection reset",
    "network is unreachable",
    "Network is unreachable",
    "no such host",
    "TLS handshake timeout",
    "i/o timeout",
    "timed out",
    "Read timed out",
    "unexpected EOF",
    "Undetermined Error",
    "500 Internal Server Error",
    "502 Bad Gateway",
    "502  Bad Gateway",
    "503 Service Unavailable",
    "503  Service Unavailable",
    "504 Gateway",
    "504  Gateway",
    "Could not get lock",
)
"""What apt, go and pip print of a failure that may be over a moment later."""


def is_passing(error: BaseException) -> bool:
    """Whether a program failed in a way that may be over when it is tried again."""
    return isinstance(error, CommandFailed) and any(mark in line for line in error.lines for mark in _MARKS)


def retrying(
    work: Callable[[], T],
    task: Task,
    *,
    source: str,
    hint: str,
    before: Callable[[], object] = lambda: None,
    attempts: int = ATTEMPTS,
    first_wait_s: float = 2.0,
) -> T:
    """What `work` gives; it is done again, after a growing pause, while the network fails in a way that may pass.

    `source` is who was asked, for the error; `before` is called ahead of each repetition. Raises HostError when there
    is still no answer, and whatever else `work` raises at once.
    """

    def again(state: RetryCallState) -> None:
        task.update(f"no answer, once more (attempt {state.attempt_number + 1} of {attempts})")
        before()

    try:
        for attempt in Retrying(
            retry=retry_if_exception(is_passing),
            stop=stop_after_attempt(attempts),
            wait=wait_exponential(multiplier=first_wait_s, max=20),
            before_sleep=again,
            reraise=True,
        ):
            with attempt:
                return work()
    except CommandFailed as error:
        if not is_passing(error):
            raise
        raise HostError(f"{source} does not answer: {error}", hint=hint) from error
    raise AssertionError("the last attempt returns or raises")
