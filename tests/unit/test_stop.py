"""A stop reaches the main thread wherever it is, but never breaks what puts back; Ctrl-C twice does."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from chaos import stop
from chaos.stop import Aborted, Interrupted, UndoStopped


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_main_thread_and_handlers_are_as_before_after_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=number.name), stop.by_signals():
        send(number)
        time.sleep(10)
    assert signal.getsignal(number) is before


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop.by_signals():
            send(signal.SIGHUP)
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_another_thread_asks_for_stops_the_main_thread_where_it_waits() -> None:
    with pytest.raises(Aborted, match="too long"), stop.by_signals():
        threading.Timer(0.05, stop.ask, ("too long",)).start()
        threading.Event().wait(10)


def test_no_except_exception_swallows_a_stop() -> None:
    assert not issubclass(Aborted, Exception)
    assert not issubclass(Interrupted, Exception)


def test_one_signal_does_not_break_an_undo_and_is_raised_after_it() -> None:
    done = []
    with pytest.raises(Interrupted), stop.by_signals():
        with stop.undoing():
            send(signal.SIGINT)
            time.sleep(0.01)
            done.append("undo")
        done.append("what comes after it")
    assert done == ["undo"]


def test_a_second_ctrl_c_stops_the_undo_and_a_third_one_nothing_more() -> None:
    done = []
    with stop.by_signals():
        try:
            try:
                send(signal.SIGINT)
                time.sleep(10)
            finally:
                with stop.undoing():
                    send(signal.SIGINT)
                    time.sleep(10)
                    done.append("undo")
        except UndoStopped:
            with stop.undoing():
                send(signal.SIGINT)
                time.sleep(0.01)
                done.append("said what is left")
    assert done == ["said what is left"]


def test_a_second_ctrl_c_that_comes_while_the_first_is_still_said_stops_the_undo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []

    def say(text: str, **_: object) -> None:
        done.append(text.removeprefix("hachaos: "))
        if len(done) == 1:
            send(signal.SIGINT)
            time.sleep(0.01)

    monkeypatch.setattr("builtins.print", say)
    with pytest.raises(UndoStopped), stop.by_signals():
        try:
            send(signal.SIGINT)
            time.sleep(10)
        finally:
            with stop.undoing():
                done.append("undo")
    assert done == ["SIGINT: stopping; Ctrl-C once more stops the undo too", "the undo is stopped"]


def test_a_second_ctrl_c_on_the_way_to_the_undo_stops_it_before_it_begins() -> None:
    done = []
    with pytest.raises(UndoStopped), stop.by_signals():
        try:
            send(signal.SIGINT)
            time.sleep(10)
        finally:
            send(signal.SIGINT)
            time.sleep(0.01)
            done.append("on the way")
            with stop.undoing():
                done.append("undo")
    assert done == ["on the way"]


@pytest.mark.parametrize("later", [signal.SIGTERM, signal.SIGHUP])
def test_no_other_signal_stops_an_undo(later: signal.Signals) -> None:
    done = []
    with pytest.raises(Interrupted, match="SIGTERM"), stop.by_signals():
        try:
            send(signal.SIGTERM)
            time.sleep(10)
        finally:
            with stop.undoing():
                send(later)
                time.sleep(0.01)
                done.append("undo")
    assert done == ["undo"]


def test_what_is_asked_for_while_it_puts_back_waits_until_it_may_be_stopped() -> None:
    done = []
    with stop.by_signals(), stop.sealed():
        with pytest.raises(Aborted, match="full"), stop.exposed():
            with stop.undoing():
                stop.ask("full")
                time.sleep(0.01)
                done.append("undo")
            done.append("what comes after it")
        done.append("report")
    assert done == ["undo", "report"]


def test_an_error_of_the_undo_is_not_hidden_by_a_stop_that_waits() -> None:
    with pytest.raises(Interrupted) as caught, stop.by_signals(), stop.sealed():
        with pytest.raises(RuntimeError, match="left"), stop.exposed(), stop.undoing():
            send(signal.SIGTERM)
            time.sleep(0.01)
            raise RuntimeError("left")
    assert caught.value.args == ("SIGTERM",)


def test_without_a_run_nothing_is_stopped_by_a_question_and_undo_goes_on() -> None:
    stop.ask("nobody is there")
    with stop.undoing(), stop.sealed(), stop.exposed():
        pass


def test_an_exception_on_its_way_is_not_replaced_by_a_stop_that_came_while_things_were_put_back() -> None:
    with stop.by_signals(), pytest.raises(RuntimeError, match="left"):
        try:
            raise RuntimeError("left")
        finally:
            with stop.undoing():
                send(signal.SIGINT)
                time.sleep(0.01)


def test_an_abort_that_came_too_late_can_be_taken_back() -> None:
    with stop.by_signals():
        with stop.sealed():
            stop.ask("late")
            time.sleep(0.01)
            assert stop.taken_back() == "late"
            assert stop.taken_back() == ""
