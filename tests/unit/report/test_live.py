"""What a run shows while it lasts, where there is no terminal: a line for each thing worth knowing, and no flicker."""

from __future__ import annotations

import io
from typing import Any

from chaos.history import (
    ActionBegun,
    ApiServerSeen,
    PodSeen,
    Read,
    Record,
    StepBegun,
    StepEnded,
    UndoDone,
    WaitEnded,
    Write,
)
from chaos.report import live

PLAN: dict[str, Any] = {"name": "kill-master", "longest_s": 600.0, "steps": [{"name": "delete the master's pod"}]}


def lines(*records: Record) -> list[str]:
    out = io.StringIO()
    with live.display(PLAN, quiet=False, out=out) as see:
        for record in records:
            see(record)
    return [line[10:] for line in out.getvalue().splitlines()]


def pod(change: str, uid: str, *, ready: bool) -> PodSeen:
    return PodSeen(1.0, change, "mysql-0", uid, "database/primary", "node-1", "Running", ready, False, 0, {})


def test_a_step_its_fault_and_its_end_are_a_line_each() -> None:
    assert lines(
        StepBegun(1.0, 0, "delete the master's pod", "delete-pod", "database/primary", {}),
        ActionBegun(2.0, 0, "delete-pod", ("pod/mysql-0",), "mysql-0 on node-1"),
        WaitEnded(5.0, 0, "database/ready", True, 3.0),
        StepEnded(6.0, 0),
    ) == [
        "step 1 of 1: delete the master's pod",
        "delete-pod pod/mysql-0 (mysql-0 on node-1)",
        "database/ready after 3.00 s",
        "step 1 is over",
    ]


def test_an_api_server_that_does_not_answer_is_told_once_when_it_ceases_and_once_when_it_is_back() -> None:
    assert lines(ApiServerSeen(2.0, False, 1.0, "no answer"), ApiServerSeen(9.0, True, 8.0)) == [
        "the API server does not answer",
        "the API server answers again",
    ]


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_ends() -> None:
    assert lines(
        Read("service", 1.0, 1.0, 1.1, ok=True),
        Read("service", 2.0, 2.0, 2.1, ok=False, reason="refused"),
        Read("service", 3.0, 3.0, 3.1, ok=False, reason="refused"),
        *(Read("service", at, at, at + 0.1, ok=True) for at in (4.0, 5.0, 6.0, 7.0, 8.0, 9.0)),
    ) == [
        "reads are not answered (refused, sent at 0:02.0)",
        "reads are answered again since 0:04.1, 2.10 s after the first that was not had left",
    ]


def test_requests_that_hang_are_out_from_when_the_first_of_them_left() -> None:
    assert lines(
        Write("post", "w", 1, "a", 1.0, 1.0, 1.1, "ok"),
        Write("post", "w", 2, "b", 2.0, 2.0, 4.0, "info", "timeout"),
        Write("post", "w", 3, "c", 4.5, 4.5, 4.6, "ok"),
        Write("post", "w", 4, "d", 6.5, 6.5, 6.6, "ok"),
    ) == [
        "posts are not answered (timeout, sent at 0:02.0)",
        "posts are answered again since 0:04.6, 2.60 s after the first that was not had left",
    ]


def test_a_stream_that_comes_and_goes_is_told_as_one_outage() -> None:
    flaps = [Read("service", at, at, at + 0.1, ok=at % 2 == 0, reason="reset") for at in range(1, 11)]
    calm = [Read("service", at, at, at + 0.1, ok=True) for at in range(11, 15)]
    assert lines(*flaps, *calm) == [
        "reads are not answered (reset, sent at 0:01.0)",
        "reads are answered again since 0:10.1, 9.10 s after the first that was not had left",
    ]


def test_a_late_answer_to_an_old_request_does_not_make_the_display_flicker() -> None:
    assert (
        lines(
            Write("row", "w", 1, "a", 1.0, 1.0, 1.1, "ok"),
            Write("row", "w", 3, "c", 3.0, 3.0, 3.1, "fail", "refused"),
            Write("row", "w", 4, "d", 4.0, 4.0, 4.1, "ok"),
            Write("row", "w", 2, "b", 2.0, 2.0, 4.2, "info", "timeout"),
            Write("row", "w", 5, "e", 6.2, 6.2, 6.3, "ok"),
        )[2:]
        == []
    )


def test_the_pods_that_were_there_before_the_fault_are_no_news() -> None:
    action = ActionBegun(2.0, 0, "delete-pod", ("pod/mysql-0",))
    assert lines(
        pod("added", "a", ready=True), action, pod("deleted", "a", ready=False), pod("added", "b", ready=False)
    )[1:] == ["mysql-0 is gone", "mysql-0 is new on node-1"]


def test_an_undo_that_did_not_hold_is_told() -> None:
    assert lines(UndoDone(1.0, 0, verified=False, error="not ready")) == ["undo failed: not ready"]


def test_quiet_shows_nothing() -> None:
    out = io.StringIO()
    with live.display(PLAN, quiet=True, out=out) as see:
        see(StepEnded(6.0, 0))
    assert out.getvalue() == ""
