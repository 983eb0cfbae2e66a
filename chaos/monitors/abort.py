"""Watches the conditions under which a run must not go on: time, errors, what another service says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType

from chaos.clock import Clock
from chaos.history import Note, Read, Record, Write
from chaos.journal import Journal
from chaos.scenario.plan import Abort, HttpCondition, PrometheusCondition
from chaos.units import write_duration

_KINDS = {"row": "writes", "post": "writes", "upload": "uploads"}
_LOOK_EVERY_S = 0.5
_LARGEST_BYTES = 1024 * 1024


class Budget:
    """How long a kind of requests was out in all: the time from each bad answer to the next good one of its stream.

    Of several streams of a kind (rows and posts) the one that was out longest counts. Listens to the journal.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._streams: dict[str, dict[str, _Out]] = {}

    def see(self, record: Record) -> None:
        """Take note of one record."""
        if isinstance(record, Read) and record.via == "service":
            self._note("reads", f"reads {record.what}", record.start, good=record.ok)
        elif isinstance(record, Write):
            self._note(_KINDS.get(record.what, record.what), record.what, record.start, good=record.outcome == "ok")

    def _note(self, kind: str, stream: str, start: float, *, good: bool) -> None:
        with self._lock:
            self._streams.setdefault(kind, {}).setdefault(stream, _Out()).answer(start, good=good)

    def spent_s(self, kind: str) -> float:
        """Seconds so far, with an outage that goes on counted up to now."""
        now = self._clock.now()
        with self._lock:
            return max((out.spent_s(now) for out in self._streams.get(kind, {}).values()), default=0.0)


class _Out:
    """One stream's time out. Answers come in any order: one that left before the latest tells nothing of now."""

    def __init__(self) -> None:
        self._latest = float("-inf")
        self._since: float | None = None
        self._spent_s = 0.0

    def answer(self, start: float, *, good: bool) -> None:
        if start < self._latest:
            return
        self._latest = start
        if good and self._since is not None:
            self._spent_s += start - self._since
            self._since = None
        elif not good and self._since is None:
            self._since = start

    def spent_s(self, now: float) -> float:
        return self._spent_s + (0.0 if self._since is None else now - self._since)


class Watch:
    """A context in which the conditions are watched, each by a thread. The first that holds calls `stop`, once."""

    def __init__(self, abort: Abort, clock: Clock, journal: Journal, stop: Callable[[str], None]) -> None:
        self._abort, self._clock, self._journal, self._stop = abort, clock, journal, stop
        self._budget = Budget(clock)
        self._over = threading.Event()
        self._once = threading.Lock()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Watch:
        abort = self._abort
        if abort.error_budget:
            self._journal.listen(self._budget.see)
        watched: list[Callable[[], None]] = []
        if abort.wall_time_s is not None or abort.error_budget:
            watched.append(self._own)
        if abort.http is not None:
            watched.append(partial(self._http, abort.http))
        if abort.prometheus is not None:
            watched.append(partial(self._prometheus, abort.prometheus))
        for each in watched:
            thread = threading.Thread(target=each, name="abort", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._once:
            self._over.set()

    def _holds(self, reason: str) -> None:
        """Stop the run, unless it is over or another condition was first."""
        with self._once:
            if not self._over.is_set():
                self._over.set()
                self._journal.write(Note(self._clock.now(), f"abort: {reason}"))
                self._stop(reason)

    def _note(self, text: str) -> None:
        with self._once:
            # The journal may be closed by then.
            if not self._over.is_set():
                self._journal.write(Note(self._clock.now(), text))

    def _own(self) -> None:
        """The run's time, and the answers that it got."""
        while not self._over.wait(_LOOK_EVERY_S):
            limit_s = self._abort.wall_time_s
            if limit_s is not None and self._clock.now() >= limit_s:
                self._holds(f"wall_time: the run took longer than {write_duration(limit_s)}")
            for kind, budget_s in self._abort.error_budget.items():
                spent_s = self._budget.spent_s(kind)
                if spent_s > budget_s:
                    self._holds(
                        f"error_budget: {kind} were out for {spent_s:.1f} s in all, and {write_duration(budget_s)} are "
                        "allowed"
                    )

    def _http(self, wanted: HttpCondition) -> None:
        failed = 0
        while not self._over.is_set():
            problem = _answer_of(wanted.url, wanted.timeout_s)[1]
            failed = failed + 1 if problem else 0
            if failed >= wanted.fails:
                self._holds(f"http: {wanted.url} failed {failed} times in a row, the last time with: {problem}")
            self._over.wait(wanted.every_s)

    def _prometheus(self, wanted: PrometheusCondition) -> None:
        since: float | None = None
        silent = False
        while not self._over.is_set():
            found, problem = _value_of(wanted)
            if problem and not silent:
                self._note(f"abort: prometheus has no answer: {problem}")
            silent = bool(problem)
            if silent and wanted.missing == "abort":
                self._holds(f"prometheus: {wanted.query} has no answer: {problem}")
            # What is not known neither begins the time nor ends it.
            if not silent:
                holds = next((value for value in found if wanted.is_bad(value)), None)
                since = None if holds is None else since if since is not None else self._clock.now()
                if holds is not None and since is not None and self._clock.now() - since >= wanted.for_s:
                    lasted = f" for {write_duration(wanted.for_s)}" if wanted.for_s else ""
                    self._holds(f"prometheus: {wanted.query} is {holds:g}, {wanted.limit}{lasted}")
            self._over.wait(wanted.every_s)


def _answer_of(url: str, timeout_s: float, params: dict[str, str] | None = None) -> tuple[bytes, str]:
    """What a GET of exactly this URL gives, and what is wrong with it. A redirect is not followed: it is no success."""
    import requests

    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy, no .netrc: it goes to the URL and nowhere else
            with session.get(url, params=params, timeout=timeout_s, allow_redirects=False, stream=True) as answer:
                if not 200 <= answer.status_code < 300:
                    return b"", f"status {answer.status_code}"
                return next(answer.iter_content(_LARGEST_BYTES), b""), ""
    except (requests.RequestException, OSError, ValueError) as error:
        return b"", type(error).__name__


def _value_of(wanted: PrometheusCondition) -> tuple[list[float], str]:
    """The values of an instant query, and why there are none."""
    import json

    url = wanted.url.rstrip("/") + "/api/v1/query"
    data, problem = _answer_of(url, wanted.timeout_s, {"query": wanted.query})
    if problem:
        return [], problem
    try:
        told = json.loads(data)["data"]
        kind, result = told["resultType"], told["result"]
        if kind == "scalar":
            found = [float(result[1])]
        elif kind == "vector":
            found = [float(each["value"][1]) for each in result]
        else:
            return [], f"the query gives a {kind}, and a number or a vector is wanted"
    except (ValueError, LookupError, TypeError):
        return [], "the answer is not one of Prometheus's"
    return found, "" if found else "the query finds nothing"
