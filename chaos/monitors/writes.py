"""Writes with a token of their own each: rows by SQL, posts and uploads through WordPress. Tried once, never again."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from chaos.clock import Clock
from chaos.cluster.reach import NO_WAY
from chaos.history import Record, Skipped, Write
from chaos.monitors.patience import Patience, patient
from chaos.monitors.stream import Stream
from chaos.stack.database import Database
from chaos.stack.site import Site
from chaos.stack.stack import Stack
from chaos.stack.written import Written

_UPLOAD_HANGS_S = 10.0
"""How long an upload that hangs keeps others back: another pod may take them."""

Attempt = Callable[[str, str, int], Written]
"""Writes once: to an address, with a token and the attempt's number."""


def rows(
    primary: Callable[[], str | None],
    database: Database,
    run: str,
    rate: float,
    deadline_s: float,
    clock: Clock,
    write: Callable[[Record], None],
) -> Stream:
    """A stream of ledger rows to where `primary` says, on a connection each, as WordPress does it.

    None is written while `primary` knows no address. `run` begins every token; it must be no other run's, and of 12
    characters at most.
    """

    def attempt(address: str, token: str, seq: int) -> Written:
        return database.insert(address, token, "rows", seq, deadline_s)

    return _stream("row", run, primary, attempt, rate, deadline_s, clock, write)


def posts(
    stack: Stack, site: Site, run: str, rate: float, deadline_s: float, clock: Clock, write: Callable[[Record], None]
) -> Stream:
    """A stream of WordPress posts through the site's Service."""
    service = stack.site_address()

    def attempt(address: str, token: str, seq: int) -> Written:  # noqa: ARG001
        return site.create_post(address, token, deadline_s)

    return _stream("post", run, lambda: service, attempt, rate, deadline_s, clock, write)


def uploads(
    stack: Stack, site: Site, run: str, rate: float, deadline_s: float, clock: Clock, write: Callable[[Record], None]
) -> Stream:
    """A stream of small files that are uploaded to WordPress through the site's Service.

    While one hangs, the next are skipped: see `Patience`.
    """
    service, patience = stack.site_address(), Patience(_UPLOAD_HANGS_S)

    def attempt(address: str, token: str, seq: int) -> Written:  # noqa: ARG001
        return site.create_upload(address, token, deadline_s, patience.keep)

    return _stream("upload", run, lambda: service, attempt, rate, deadline_s, clock, write, patience)


def _stream(
    what: str,
    run: str,
    address: Callable[[], str | None],
    attempt: Attempt,
    rate: float,
    deadline_s: float,
    clock: Clock,
    write: Callable[[Record], None],
    patience: Patience | None = None,
) -> Stream:
    numbers, writer = itertools.count(1), f"{what}s"

    def request(due: float) -> Record | None:
        where = address()
        if where is None:
            return None
        seq = next(numbers)
        token = f"{run}-{what}-{seq}"
        start = clock.now()
        try:
            done = attempt(where, token, seq)
        except Exception as error:  # noqa: BLE001
            # It may have been sent: without a record of it, what it wrote would be there and tried by nobody.
            done = Written("info", f"tool: {error!r}")
        if done.reason == NO_WAY:
            return Skipped(writer, round(due, 6), done.reason)
        return Write(
            what=what,
            writer=writer,
            seq=seq,
            token=token,
            due=round(due, 6),
            start=start,
            end=clock.now(),
            outcome=done.outcome,
            reason=done.reason,
            key=done.key,
            path=done.path,
            digest=done.digest,
        )

    asked = request if patience is None else patient(patience, writer, request)
    return Stream(writer, rate, deadline_s, asked, clock, write)
