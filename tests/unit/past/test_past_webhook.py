"""A webhook is told of changes alone, in its format, and its trouble is nobody else's."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from made import run, write

from chaos.debug import LOG, DebugLog
from chaos.errors import ClusterError, HachaosError, UsageError
from chaos.past import webhook
from chaos.past.after import told
from chaos.past.index import past
from chaos.past.runs import MISSING
from chaos.redact import redact
from chaos.stop import Interrupted


@dataclass
class Hook:
    url: str
    answers: list[int] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            made.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(made.answers.pop(0) if made.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Hook(f"http://127.0.0.1:{server.server_address[1]}/services/s3cret")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def after(reports: Path, hook: Hook, verdict: str, style: str = "json", **also: Any) -> None:
    """A run with this verdict begins, is reported and over."""
    with told(reports, ["kill-master"], "hardened", "local/hachaos", hook.url, style):
        write(reports, run(verdict=verdict, began=time.time() + 1, **also))


def test_a_verdict_that_changed_is_told(tmp_path: Path, hook: Hook) -> None:
    write(tmp_path, run(1))
    after(tmp_path, hook, "fail", folder="bad", reason="2 acknowledged writes are lost")
    (got,) = hook.got
    assert got.pop("began")
    assert got == {
        "format": 1,
        "event": "verdict-changed",
        "scenario": "kill-master",
        "stack": "hardened",
        "target": "local/hachaos",
        "verdict": "fail",
        "before": "pass",
        "reason": "2 acknowledged writes are lost",
        "run": "bad",
    }


@pytest.mark.parametrize(
    ("before", "verdict", "sent"),
    [
        ("pass", "pass", False),
        ("fail", "fail", False),
        ("fail", "pass", True),
        ("pass", "unknown", True),
        ("unknown", "fail", True),
    ],
)
def test_only_a_change_is_told(tmp_path: Path, hook: Hook, before: str, verdict: str, sent: bool) -> None:
    write(tmp_path, run(1, before))
    after(tmp_path, hook, verdict, folder="new")
    assert bool(hook.got) == sent


@pytest.mark.parametrize(("verdict", "sent"), [("pass", False), ("fail", True)])
def test_a_first_run_is_told_unless_it_passed(tmp_path: Path, hook: Hook, verdict: str, sent: bool) -> None:
    after(tmp_path / "reports", hook, verdict)
    assert bool(hook.got) == sent


def test_what_was_interrupted_is_no_change_and_hides_none(tmp_path: Path, hook: Hook) -> None:
    write(tmp_path, run(1))
    after(tmp_path, hook, "unknown", folder="a", ended="interrupted")
    assert hook.got == []
    after(tmp_path, hook, "fail", folder="b")
    assert [got["before"] for got in hook.got] == ["pass"]


def test_another_stack_is_no_change(tmp_path: Path, hook: Hook) -> None:
    write(tmp_path, run(1, "fail", stack="published"))
    after(tmp_path, hook, "pass", folder="new")
    assert hook.got == []


def test_slack_gets_one_text_in_which_nothing_is_its_own_mark(tmp_path: Path, hook: Hook) -> None:
    write(tmp_path, run(1))
    after(tmp_path, hook, "fail", style="slack", folder="bad", reason="<!channel> a & b")
    (got,) = hook.got
    said = "kill-master on hardened, local/hachaos: *fail* (was pass). &lt;!channel&gt; a &amp; b. bad"
    assert got == {"text": said}


def test_a_busy_webhook_is_told_again(tmp_path: Path, hook: Hook) -> None:
    hook.answers = [503, 429]
    after(tmp_path, hook, "fail")
    assert len(hook.got) == 3


def test_a_webhook_that_refuses_costs_a_line_without_its_secret(
    tmp_path: Path, hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.answers = [404]
    after(tmp_path, hook, "fail")
    said = capsys.readouterr().err
    assert said == "hachaos: the webhook at 127.0.0.1 was not told: it answered 404\n"
    assert len(hook.got) == 1


@pytest.mark.parametrize(
    "url", ["nonsense/s3cret", "http://[/s3cret", "ftp://host/s3cret", "https:///s3cret", "http://h:x/"]
)
def test_what_is_no_address_is_refused_before_anything_is_run(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="this is no address") as error:
        after(tmp_path, Hook(url), "fail")
    assert "s3cret" not in f"{error.value} {error.value.hint}"
    assert list(tmp_path.iterdir()) == []


def test_a_webhook_that_is_not_there_costs_a_line_without_its_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after(tmp_path, Hook("http://127.0.0.1:1/s3cret"), "fail")
    said = capsys.readouterr().err
    assert said.startswith("hachaos: the webhook at ")
    assert "s3cret" not in said
    assert said.count("\n") == 1


def test_the_address_of_a_webhook_is_redacted(hook: Hook) -> None:
    webhook.require_address(hook.url)
    assert "s3cret" not in redact(f"POST {hook.url} failed") + redact('"POST /services/s3cret HTTP/1.1" 500')


def test_a_webhook_that_redirects_is_not_followed(hook: Hook) -> None:
    hook.answers = [302]
    with pytest.raises(HachaosError, match="it answered 302"):
        webhook.send(hook.url, {})


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ClusterError("the API server does not answer"), "the API server does not answer"),
        (Interrupted("SIGTERM"), "interrupted before it began"),
    ],
)
def test_a_run_that_cannot_start_is_missing_and_told(
    tmp_path: Path, hook: Hook, error: BaseException, reason: str
) -> None:
    write(tmp_path, run(1))
    with pytest.raises(type(error)), told(tmp_path, ["kill-master"], "hardened", "local/hachaos", hook.url):
        raise error
    latest = past(tmp_path).runs[-1]
    assert (latest.verdict, latest.reason) == (MISSING, reason)
    assert [(got["verdict"], got["before"]) for got in hook.got] == [(MISSING, "pass")]


def test_of_several_only_those_that_had_not_begun_are_missing(tmp_path: Path, hook: Hook) -> None:
    with suppress(ClusterError), told(tmp_path, ["kill-master", "drain-node"], "hardened", "local/hachaos"):
        write(tmp_path, run(verdict="unknown", began=time.time(), ended="failed"))
        raise ClusterError("it is gone")
    assert {one.scenario: one.verdict for one in past(tmp_path).runs} == {
        "kill-master": "unknown",
        "drain-node": MISSING,
    }


def test_what_comes_after_a_run_that_was_aborted_is_missing(tmp_path: Path) -> None:
    with told(tmp_path, ["kill-master", "drain-node"], "hardened", "local/hachaos"):
        write(tmp_path, run(verdict="fail", began=time.time(), ended="aborted"))
    assert [(one.scenario, one.verdict) for one in past(tmp_path).runs] == [
        ("kill-master", "fail"),
        ("drain-node", MISSING),
    ]


def test_what_comes_after_a_run_that_was_interrupted_is_missing_and_that_one_is_not(tmp_path: Path) -> None:
    with suppress(Interrupted), told(tmp_path, ["kill-master", "drain-node"], "hardened", "local/hachaos"):
        write(tmp_path, run(verdict="unknown", began=time.time(), ended="interrupted"))
        raise Interrupted("SIGINT")
    assert {one.scenario: (one.verdict, one.ended) for one in past(tmp_path).runs} == {
        "kill-master": ("unknown", "interrupted"),
        "drain-node": (MISSING, "not begun"),
    }


def test_a_note_names_a_bound_stack_as_reports_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: Hook) -> None:
    monkeypatch.chdir(tmp_path)
    bound = str(tmp_path / "my-stack.yaml")
    write(tmp_path / "reports", run(1, stack=bound, target="context/c"))
    with suppress(ClusterError), told(Path("reports"), ["kill-master"], "my-stack.yaml", "context/c", hook.url):
        raise ClusterError("it is gone")
    assert [one.stack for one in past(tmp_path / "reports").runs] == [bound, bound]
    assert [got["before"] for got in hook.got] == ["pass"]


def test_a_format_that_is_none_is_refused_before_anything_is_run(tmp_path: Path, hook: Hook) -> None:
    with pytest.raises(UsageError, match="'teams' is none of json, slack"):
        after(tmp_path, hook, "fail", style="teams")
    assert list(tmp_path.iterdir()) == []


def logged(debug: DebugLog, text: str = "GET version") -> None:
    with debug.kept():
        LOG.debug(text)


def test_the_debug_log_of_a_run_that_could_not_start_lies_beside_its_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    debug = DebugLog()
    with suppress(ClusterError), told(tmp_path, ["kill-master"], "hardened", "local/hachaos", debug=debug):
        logged(debug)
        raise ClusterError("it is gone")
    (one,) = past(tmp_path).runs
    path = tmp_path / one.folder / "debug.log"
    first, last = path.read_text().splitlines()
    assert first.endswith("GET version")
    assert last.endswith("not begun: it is gone")
    assert capsys.readouterr().err == f"debug log: {path}\n"


def test_a_debug_log_without_a_note_to_lie_beside_is_in_the_reports(tmp_path: Path) -> None:
    debug, reports = DebugLog(), tmp_path / "reports"
    with suppress(UsageError), told(reports, ["kill-master"], "hardened", "local/hachaos", debug=debug):
        raise UsageError("no such stack")
    assert not reports.exists(), "nothing was logged"
    with suppress(UsageError), told(reports, ["kill-master"], "hardened", "local/hachaos", debug=debug):
        logged(debug)
        raise UsageError("the namespace is protected")
    assert [path.name for path in reports.iterdir()] == ["debug.log"]


def test_a_run_that_began_has_its_debug_log_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    debug = DebugLog()
    with suppress(ClusterError), told(tmp_path, ["kill-master"], "hardened", "local/hachaos", debug=debug):
        folder = write(tmp_path, run(verdict="unknown", began=time.time(), ended="failed"))
        with debug.into(folder):
            logged(debug)
        logged(debug, "DELETE leases")
        raise ClusterError("it is gone")
    assert [path.parent for path in tmp_path.rglob("debug.log")] == [folder]
    assert capsys.readouterr().err == ""


def test_a_debug_log_that_cannot_be_written_costs_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reports").write_text("a file")
    debug = DebugLog()
    with suppress(UsageError), told(tmp_path / "reports", ["a"], "hardened", "local/hachaos", debug=debug):
        logged(debug)
        raise UsageError("--reports names a folder that can be written to")
    assert "there is no debug log: " in capsys.readouterr().err


def test_a_mistake_on_the_command_line_leaves_nothing(tmp_path: Path) -> None:
    with suppress(UsageError), told(tmp_path / "reports", ["kill-master"], "hardened", "local/hachaos"):
        raise UsageError("no such stack")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_noted_the_error_stays_what_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(ClusterError), told(tmp_path / "reports", ["a"], "hardened", "local/hachaos"):
        raise ClusterError("it is gone")
    assert "the history does not know of this" in capsys.readouterr().err
