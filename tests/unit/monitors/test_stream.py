"""The open loop: requests leave when they are due, a bounded number is in flight, nothing is dropped in silence."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from chaos.clock import Clock
from chaos.history import Note, Read, Record, Skipped
from chaos.monitors.pacer import Pacer
from chaos.monitors.stream import Stream


class Sink:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self._changed = threading.Condition()

    def write(self, record: Record) -> None:
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()

    def wait_for(self, enough: Callable[[list[Record]], bool], timeout_s: float = 20) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.records), timeout_s), self.records[-3:]


def reads(records: list[Record]) -> list[Read]:
    return [record for record in records if isinstance(record, Read)]


def skips(records: list[Record]) -> list[Skipped]:
    return [record for record in records if isinstance(record, Skipped)]


def make(sink: Sink, clock: Clock, request: Callable[[float], Record | None], rate: float, deadline_s: float) -> Stream:
    return Stream("read service", rate, deadline_s, request, clock, sink.write)


def answered(clock: Clock) -> Callable[[float], Record]:
    return lambda due: Read("service", due, clock.now(), clock.now(), ok=True)


@given(rate=st.floats(0.1, 200), start=st.floats(0, 1000), number=st.integers(0, 100_000))
def test_the_schedule_does_not_drift(rate: float, start: float, number: int) -> None:
    pacer = Pacer(rate, start)
    assert abs(pacer.due(number) - (start + number / rate)) < 1e-6
    assert pacer.due(number + 1) > pacer.due(number)


@given(rate=st.floats(0.1, 200), start=st.floats(0, 100), now=st.floats(0, 1000))
def test_what_is_next_is_not_overdue_and_is_the_first_such(rate: float, start: float, now: float) -> None:
    pacer = Pacer(rate, start)
    number = pacer.next_after(now)
    assert pacer.due(number) >= now - 1e-6
    assert number == 0 or pacer.due(number - 1) <= now + 1e-6


def test_requests_are_due_at_even_distances_whatever_came_of_the_last_one() -> None:
    sink, clock = Sink(), Clock()

    def slow(due: float) -> Record:
        time.sleep(0.12)
        return Read("service", due, due, clock.now(), ok=True)

    stream = make(sink, clock, slow, rate=50, deadline_s=2)
    stream.start()
    sink.wait_for(lambda records: len(reads(records)) >= 30)
    stream.stop()
    due = sorted(read.due for read in reads(sink.records))
    assert all(abs(later - earlier - 0.02) < 1e-3 for earlier, later in pairwise(due))


def test_what_finds_no_place_in_flight_is_written_down_as_skipped() -> None:
    sink, clock, hold = Sink(), Clock(), threading.Event()

    def hang(due: float) -> Record:
        hold.wait(20)
        return Read("service", due, due, clock.now(), ok=False, reason="timeout")

    stream = make(sink, clock, hang, rate=50, deadline_s=0.1)
    stream.start()
    sink.wait_for(lambda records: len(skips(records)) >= 10)
    hold.set()
    stream.stop()
    assert {skip.stream for skip in skips(sink.records)} == {"read service"}
    assert len(reads(sink.records)) >= 7, "the bound is what rate and deadline call for, and two more"


def test_every_due_request_is_either_sent_or_skipped() -> None:
    sink, clock, hold = Sink(), Clock(), threading.Event()

    def sometimes(due: float) -> Record:
        if len(sink.records) > 5:
            hold.wait(0.3)
        return Read("service", due, due, clock.now(), ok=True)

    stream = make(sink, clock, sometimes, rate=40, deadline_s=0.2)
    stream.start()
    sink.wait_for(lambda records: len(records) >= 60)
    hold.set()
    stream.stop()
    due = sorted(record.due for record in sink.records if isinstance(record, Read | Skipped))
    numbers = [round((at - due[0]) * 40) for at in due]
    assert numbers == list(range(len(numbers)))


def test_a_pause_waits_for_what_is_in_flight_and_nothing_leaves_until_resume() -> None:
    sink, clock = Sink(), Clock()
    stream = make(sink, clock, answered(clock), rate=100, deadline_s=1)
    stream.start()
    sink.wait_for(lambda records: len(records) >= 5)
    assert stream.pause(10) == 0
    paused = len(sink.records)
    time.sleep(0.3)
    assert len(sink.records) <= paused + 1
    stream.resume()
    sink.wait_for(lambda records: len(records) >= paused + 5)
    stream.stop()
    due = [read.due for read in reads(sink.records)]
    assert max(later - earlier for earlier, later in pairwise(due)) > 0.2, "the pause is not made up for"


def test_answers_to_what_has_left_are_awaited_while_others_go_on_to_leave() -> None:
    sink, clock, hold, began = Sink(), Clock(), threading.Event(), threading.Event()

    def first_hangs(due: float) -> Record:
        if not began.is_set():
            began.set()
            hold.wait(20)
        return Read("service", due, clock.now(), clock.now(), ok=True)

    stream = make(sink, clock, first_hangs, rate=50, deadline_s=1)
    stream.start()
    sink.wait_for(lambda records: len(records) >= 5)
    threading.Timer(0.3, hold.set).start()
    asked = clock.now()
    stream.await_answers(asked, 20)
    seen = reads(sink.records)
    stream.stop()
    assert hold.is_set()
    assert max(read.due for read in seen) > asked
    assert min(read.due for read in seen) == min(read.due for read in reads(sink.records))


def test_a_pause_that_cannot_drain_says_how_many_are_in_flight() -> None:
    sink, clock, hold = Sink(), Clock(), threading.Event()
    began = threading.Event()

    def hang(due: float) -> Record | None:
        began.set()
        hold.wait(20)
        return None

    stream = make(sink, clock, hang, rate=2, deadline_s=0.5)
    stream.start()
    assert began.wait(10)
    assert stream.pause(0.1) >= 1
    hold.set()
    stream.stop()


def test_after_stop_nothing_is_written() -> None:
    sink, clock, hold = Sink(), Clock(), threading.Event()
    began = threading.Event()

    def hang(due: float) -> Record:
        began.set()
        hold.wait(20)
        return Read("service", due, due, clock.now(), ok=True)

    stream = make(sink, clock, hang, rate=2, deadline_s=0.1)
    stream.start()
    assert began.wait(10)
    stream.stop()
    written = len(sink.records)
    hold.set()
    time.sleep(0.3)
    assert len(sink.records) == written


def test_a_request_that_breaks_off_is_said_and_the_stream_goes_on() -> None:
    sink, clock = Sink(), Clock()

    def break_off(due: float) -> Record:
        raise LookupError("no such thing")

    stream = make(sink, clock, break_off, rate=50, deadline_s=1)
    stream.start()
    sink.wait_for(lambda records: len(records) >= 3)
    assert stream.pause(10) == 0
    stream.stop()
    assert {type(record) for record in sink.records} == {Note}
    assert "read service: a request broke off: LookupError" in cast("Note", sink.records[0]).text


def test_streams_that_are_held_first_are_stopped_in_the_time_of_one() -> None:
    sink, clock = Sink(), Clock()
    began = threading.Semaphore(0)

    def take_a_second(due: float) -> None:
        began.release()
        time.sleep(1)

    streams = [make(sink, clock, take_a_second, rate=5, deadline_s=2) for _ in range(6)]
    for stream in streams:
        stream.start()
    for _ in streams:
        assert began.acquire(timeout=10)
    for stream in streams:
        stream.hold()
    at = time.monotonic()
    for stream in streams:
        stream.stop()
    assert time.monotonic() - at < 3
