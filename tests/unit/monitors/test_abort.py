"""Each abort condition stops a run when it holds, and not before."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from chaos.clock import Clock
from chaos.history import Note, Read, Write
from chaos.journal import Journal
from chaos.monitors import abort
from chaos.monitors.abort import Budget, Watch
from chaos.scenario.plan import Abort, HttpCondition, PrometheusCondition


class Service:
    """Answers with the next of the answers (the last one for ever): a status, or values of a query."""

    def __init__(self) -> None:
        self.answers: list[int | list[float] | str] = [200]
        self.asked: list[str] = []
        service = self

        class Handle(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.asked.append(self.path)
                answer = service.answers.pop(0) if len(service.answers) > 1 else service.answers[0]
                status = answer if isinstance(answer, int) else 200
                found = answer if isinstance(answer, list) else []
                values = [{"metric": {}, "value": [1.5, str(each)]} for each in found]
                told = {"status": "success", "data": {"resultType": "vector", "result": values}}
                body = answer.encode() if isinstance(answer, str) else json.dumps(told).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handle)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def http(self, fails: int = 3) -> Abort:
        return Abort(http=HttpCondition(f"{self.url}/health", 0.01, fails, 5))

    def prometheus(self, *, above: float | None = 5, for_s: float = 0, missing: str = "ignore") -> Abort:
        below = 1 if above is None else None
        return Abort(
            prometheus=PrometheusCondition(self.url, "sum(x) > 0", above, below, 0.01, for_s, 5, missing),
        )


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path) as made:
        yield made


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def reason(written: Journal, condition: Abort) -> str:
    """What stops the run."""
    said = list[str]()
    with Watch(condition, Clock(), written, said.append):
        until(lambda: said)
    notes = [note.text for note in written.history().of(Note)]
    assert notes[-1] == f"abort: {said[0]}"
    assert len(said) == 1
    return said[0]


def does_not_stop(written: Journal, condition: Abort, service: Service, requests: int = 12) -> list[str]:
    """Assert that so many requests stop nothing; the notes that were made."""
    said = list[str]()
    with Watch(condition, Clock(), written, said.append):
        until(lambda: len(service.asked) >= requests)
    assert said == []
    return [note.text for note in written.history().of(Note)]


def test_a_run_that_takes_too_long_is_stopped(written: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abort, "_LOOK_EVERY_S", 0.01)
    assert reason(written, Abort(wall_time_s=0.1)) == "wall_time: the run took longer than 100ms"


@pytest.mark.parametrize("answer", [503, 302, 404])
def test_so_many_failures_in_a_row_stop_the_run(written: Journal, service: Service, answer: int) -> None:
    service.answers = [answer]
    found = reason(written, service.http())
    assert found == f"http: {service.url}/health failed 3 times in a row, the last time with: status {answer}"
    assert set(service.asked) == {"/health"}


def test_failures_with_a_good_answer_in_between_stop_nothing(written: Journal, service: Service) -> None:
    service.answers = [503, 503, 200] * 4 + [200]
    does_not_stop(written, service.http(), service)


def test_a_server_that_is_not_there_counts_as_failed(written: Journal) -> None:
    gone = Service()
    gone.server.shutdown()
    gone.server.server_close()
    assert reason(written, gone.http()).endswith("failed 3 times in a row, the last time with: ConnectionError")


def test_a_value_beyond_the_bound_stops_the_run_and_one_on_it_does_not(written: Journal, service: Service) -> None:
    service.answers = [[5.0], [1.0, 6.5]]
    assert reason(written, service.prometheus()) == "prometheus: sum(x) > 0 is 6.5, above 5"
    assert parse_qs(urlsplit(service.asked[0]).query) == {"query": ["sum(x) > 0"]}
    assert urlsplit(service.asked[0]).path == "/api/v1/query"


def test_a_value_below_the_bound_stops_the_run(written: Journal, service: Service) -> None:
    service.answers = [[0.5]]
    assert reason(written, service.prometheus(above=None)) == "prometheus: sum(x) > 0 is 0.5, below 1"


def test_a_value_has_to_be_beyond_the_bound_for_the_whole_time(written: Journal, service: Service) -> None:
    service.answers = [[9.0], [9.0], [1.0]] * 4 + [[1.0]]
    does_not_stop(written, service.prometheus(for_s=60), service)
    service.answers = [[9.0]]
    assert reason(written, service.prometheus(for_s=0.1)).endswith("is 9, above 5 for 100ms")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (500, "status 500"),
        ("<html>", "the answer is not one of Prometheus's"),
        ('{"data": {"resultType": "matrix", "result": []}}', "the query gives a matrix, and a number or a vector"),
        ([], "the query finds nothing"),
    ],
)
def test_a_query_without_an_answer_is_noted_once_and_stops_the_run_only_where_that_is_wanted(
    written: Journal, service: Service, answer: int | list[float] | str, why: str
) -> None:
    service.answers = [answer]
    (note,) = does_not_stop(written, service.prometheus(), service)
    assert note.startswith(f"abort: prometheus has no answer: {why}")
    assert why in reason(written, service.prometheus(missing="abort"))


def test_what_is_out_for_longer_than_its_budget_in_all_stops_the_run(
    written: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abort, "_LOOK_EVERY_S", 0.01)
    said = list[str]()
    with Watch(Abort(error_budget={"reads": 60, "writes": 10}), Clock(), written, said.append):
        written.write(Write("row", "w", 1, "t", -8, -8, -7, "info", "timeout"))
        until(lambda: said or written.history())
        assert said == []
        written.write(Write("row", "w", 2, "u", -20, -20, -19, "fail", "refused"))
        written.write(Write("post", "w", 1, "v", -11, -11, -10, "info", "timeout"))
        until(lambda: said)
    assert said[0].startswith("error_budget: writes were out for 11.")
    assert said[0].endswith("s in all, and 10s are allowed")


def test_outages_add_up_late_answers_tell_nothing_and_rows_and_posts_are_not_added() -> None:
    spent = Budget(Clock())
    for start, good in ((0.0, True), (1.0, False), (3.0, True), (2.5, False), (5.0, False), (6.0, False), (9.0, True)):
        spent.see(Read("service", start, start, start + 0.1, ok=good))
        spent.see(Write("row", "w", 1, "t", start, start, start, "ok" if good else "info"))
    spent.see(Write("post", "w", 1, "t", 0, 0.0, 0, "info"))
    spent.see(Write("post", "w", 2, "t", 1, 3.0, 0, "ok"))
    spent.see(Read("wordpress-1", 9.0, 9.0, 9.0, ok=False))
    assert [spent.spent_s(kind) for kind in ("reads", "writes", "uploads")] == [6.0, 6.0, 0.0]
