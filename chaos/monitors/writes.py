"""Writes with a token of their own each: ledger rows by SQL, posts through WordPress. Tried once, never again."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from chaos.clock import Clock
from chaos.history import Record, Write
from chaos.monitors.stream import Stream
from chaos.stack.database import Database
from chaos.stack.site import Site, Written
from chaos.stack.stack import Stack

Attempt = Callable[[str, int], Written]


def rows(
    stack: Stack,
    database: Database,
    run: str,
    rate: float,
    deadline_s: float,
    clock: Clock,
    write: Callable[[Record], None],
) -> Stream:
    """A stream of ledger rows through mysql-primary, on a connection each, as WordPress does it.

    `run` begins every token; it must be no other run's, and of 12 characters at most.
    """
    address, writer = stack.database_address(), "rows"

    def attempt(token: str, seq: int) -> Written:
        return database.insert(address, token, writer, seq, deadline_s)

    return _stream("row", writer, run, attempt, rate, deadline_s, clock, write)


def posts(
    stack: Stack, site: Site, run: str, rate: float, deadline_s: float, clock: Clock, write: Callable[[Record], None]
) -> Stream:
    """A stream of WordPress posts through the site's Service and the REST API."""
    address = stack.site_address()

    def attempt(token: str, seq: int) -> Written:  # noqa: ARG001
        return site.create_post(address, token, deadline_s)

    return _stream("post", "posts", run, attempt, rate, deadline_s, clock, write)


def _stream(
    what: str,
    writer: str,
    run: str,
    attempt: Attempt,
    rate: float,
    deadline_s: float,
    clock: Clock,
    write: Callable[[Record], None],
) -> Stream:
    numbers = itertools.count(1)

    def request(due: float) -> Record:
        seq = next(numbers)
        token = f"{run}-{what}-{seq}"
        start = clock.now()
        done = attempt(token, seq)
        return Write(what, writer, seq, token, round(due, 6), start, clock.now(), done.outcome, done.reason, done.key)

    return Stream(writer, rate, deadline_s, request, clock, write)
