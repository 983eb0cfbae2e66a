from __future__ import annotations

import io
import threading

import pytest
import sample

from chaos.history import ActionBegun, History, PodSeen, Read, StepBegun, StepEnded, UndoDone
from chaos.report import live

PLAN = sample.PLAN | {"longest_s": 300.0}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(records, plan=PLAN) -> list[str]:
    out = io.StringIO()
    with live.display(plan, quiet=False, out=out) as see:
        for record in records:
            see(record)
    return out.getvalue().splitlines()


def read(at: float, *, ok: bool, took: float = 0.01) -> Read:
    return Read("service", at, at, at + took, ok, "" if ok else "timeout")


def test_a_log_gets_a_line_for_each_notable_record_and_no_more():
    history = sample.passing()[0]
    said = lines(history)
    text = "\n".join(said)
    for what in (
        "step 1 of 2: delete the master's pod", "delete-pod pod/mysql-0", "reads are not answered (database-error",
        "reads are answered again", "SQL rows are not answered", "mysql-0 is gone", "mysql-0 is new",
        "mysql-0 is ready",
        "database/ready after 3.00 s", "step 1 is over", "step 2 of 2", "step 2 is over",
    ):  # fmt: skip
        assert what in text
    assert len(said) < 40 < len(history.records)


def test_a_hung_request_that_ends_late_does_not_take_the_site_down_again():
    records = [
        read(1.0, ok=True),
        read(2.0, ok=False),
        read(4.0, ok=True),
        read(2.5, ok=False, took=2.0),
        read(6.1, ok=True),
    ]
    said = lines(records)
    assert len(said) == 2
    assert "reads are answered again" in said[-1]


def test_nothing_is_shown_when_quiet():
    out = io.StringIO()
    with live.display(PLAN, quiet=True, out=out) as see:
        for record in sample.passing()[0]:
            see(record)
    assert out.getvalue() == ""


def test_ci_gets_lines_even_with_a_terminal(monkeypatch):
    monkeypatch.setenv("CI", "true")
    out = Terminal()
    with live.display(PLAN, quiet=False, out=out) as see:
        see(StepBegun(1.0, 0, "delete", "delete-pod", "site", {}))
    assert out.getvalue() == "  0:01.0  step 1 of 2: delete\n"


def test_a_terminal_shows_streams_pods_and_what_is_waited_for(monkeypatch):
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()
    with live.display(PLAN, quiet=False, out=out) as see:
        for record in sample.passing()[0]:
            if getattr(record, "at", getattr(record, "end", 0.0)) < 16.0:
                see(record)
    text = out.getvalue()
    for what in (
        "kill-master",
        "step 1 of 2",
        "of at most 5 min 00 s",
        "down",
        "database 2/3 ready",
        "waiting for database/ready, at most 180 s",
    ):
        assert what in text


def test_no_color_is_honoured(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    with live.display(PLAN, quiet=False, out=out) as see:
        see(read(1.0, ok=False))
    assert "\x1b[31" not in out.getvalue()
    assert "\x1b[1;31" not in out.getvalue()


def test_a_log_that_cannot_be_written_to_does_not_stop_a_run():
    out = io.StringIO()
    with live.display(PLAN, quiet=False, out=out) as see:
        out.close()
        for record in sample.passing()[0]:
            see(record)


def test_records_may_come_from_many_threads():
    out = io.StringIO()
    history = History(sample.records())
    with live.display(PLAN, quiet=False, out=out) as see:
        threads = [threading.Thread(target=lambda: [see(record) for record in history]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(line[8:10] == "  " for line in out.getvalue().splitlines())


def test_control_characters_of_the_cluster_do_not_reach_the_terminal():
    said = lines([StepBegun(1.0, 0, "x\x1b[2J\ny", "delete-pod", "site", {})])
    assert len(said) == 1
    assert "\x1b" not in said[0]


@pytest.mark.parametrize(("pods", "shown"), [(("a", "b"), (2, 2)), (("a",), (1, 1))])
def test_pods_are_counted_by_role(pods, shown):
    state = live._State(PLAN)
    for name in pods:
        state.see(PodSeen(1.0, "added", name, name, "site", "n", "Running", True, False, 0, {}))
    assert state.ready("site") == shown


def shown(monkeypatch, records) -> str:
    """The display on a terminal after these records, its last frame."""
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()
    with live.display(PLAN, quiet=False, out=out) as see:
        for record in records:
            see(record)
    return out.getvalue().rpartition("kill-master")[2]


def test_before_a_pod_was_seen_none_is_counted(monkeypatch):
    assert "pods: none seen yet" in shown(monkeypatch, [])


def test_a_part_that_the_stack_does_not_have_is_not_counted_and_one_that_is_scaled_to_none_is(monkeypatch):
    web = [
        PodSeen(1.0, change, "a", "a", "site", "n", "Running", True, False, 0, {}) for change in ("added", "deleted")
    ]
    fault = ActionBegun(3.0, 0, "scale", ("deployment/wordpress",))
    text = shown(monkeypatch, [*web, fault])
    assert "pods: site 0/0 ready" in text
    assert "files" not in text


@pytest.mark.parametrize(
    ("record", "doing"),
    [
        (StepEnded(5.0, 0), "on to what is next"),
        (StepEnded(5.0, 0, "the stack did not recover in time"), "putting back what was changed"),
        (StepEnded(5.0, 1), "putting back what was changed"),
        (UndoDone(5.0, 0, verified=True), "putting back what was changed"),
    ],
)
def test_that_all_is_being_put_back_is_told(monkeypatch, record, doing):
    assert f"{doing} (" in shown(monkeypatch, [record])
