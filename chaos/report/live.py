"""What a run shows while it lasts: one calm display in a terminal, a line for each notable record elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from chaos.history import (
    BASELINE,
    FIRST_READING,
    ActionBegun,
    ActionEnded,
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
from chaos.progress import is_live
from chaos.redact import plain
from chaos.report import words

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

See = Callable[[Record], None]

_MINUTE = 60
_CALM_S = 2.0
"""So long a stream has to be answered again before it is told: one that comes and goes would fill the screen."""

_BARS = "▁▂▃▄▅▆▇█"
_SAID = len("up, was out 12 min 34 s")
_ROLES = ("database", "site", "files")
_NEXT = {"steady before the fault": "aiming", "steady after the fault": "reading what every pod holds"}
_PUTTING_BACK = "putting back what was changed"
_CAP = {"read": "reads", "row": "SQL rows", "post": "posts", "upload": "uploads"}


@dataclass
class _Stream:
    """One stream's last minute, a slot a second: [good, bad].

    `since` is when its first good answer of now had come, or when its first bad request of now had left. `out_since` is
    that of an outage of which the end has not been told: good answers in between are too few to be one.
    """

    up: bool | None = None
    since: float = 0.0
    out_since: float | None = None
    was_out: float | None = None
    slots: deque[list[int]] = field(default_factory=lambda: deque(maxlen=_MINUTE))
    second: int = -1
    latest: float = 0.0

    def answer(self, start: float, end: float, *, good: bool) -> bool:
        """Count an answer; whether an outage is to be told by it as begun, or as over."""
        self.tick(end)
        if self.slots:
            self.slots[-1][0 if good else 1] += 1
        # Requests that hang end after later ones were answered: they tell nothing of now.
        if start < self.latest:
            return False
        self.latest = start
        if self.up != good:
            self.since = end if good else start
        self.up = good
        if not good and self.out_since is None:
            self.out_since = start
            return True
        if good and self.out_since is not None and end - self.since >= _CALM_S:
            self.was_out, self.out_since = self.since - self.out_since, None
            return True
        return False

    def tick(self, now: float) -> None:
        """Begin the slots up to this second."""
        self.second = max(self.second, int(now) - _MINUTE)
        while self.second < int(now):
            self.slots.append([0, 0])
            self.second += 1

    def spark(self, most: int = _MINUTE) -> str:
        """The share of good answers in each of the last seconds; a blank where there was none."""
        return "".join(
            _BARS[round((len(_BARS) - 1) * good / (good + bad))] if good + bad else " "
            for good, bad in list(self.slots)[-most:]
        )

    def said(self, now: float) -> str:
        """Up or down, and for how long it is, or was last, out."""
        if not self.up:
            return f"down for {_whole(now - self.since)}"
        if self.out_since is not None:
            return f"up again for {_whole(now - self.since)}"
        return "up" if self.was_out is None else f"up, was out {words.seconds(self.was_out)}"


class _State:
    """What is known of the run so far. `see` returns the line that a record is worth, or nothing."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.steps: list[dict[str, Any]] = plan["steps"]
        self.index = FIRST_READING
        self.faults = 0
        self.doing = "reading the baseline"
        self.doing_since = 0.0
        self.now = 0.0
        self.streams: dict[str, _Stream] = {}
        self.pods: dict[str, PodSeen] = {}
        self.most: dict[str, int] = {}
        self.roles: set[str] = set()
        self.api_server = True

    def see(self, record: Record) -> str:
        """Take note of one record."""
        self.now = max(self.now, getattr(record, "at", None) or getattr(record, "end", 0.0) or 0.0)
        line = ""
        match record:
            case Read(via="service", what="page"):
                line = self._answer("read", record.start, record.end, record.reason, good=record.ok)
            case Write():
                line = self._answer(record.what, record.start, record.end, record.reason, good=record.outcome == "ok")
            case PodSeen():
                line = self._pod(record)
            case ApiServerSeen():
                self.api_server = record.answers
                line = "the API server answers again" if record.answers else "the API server does not answer"
            case UndoDone():
                self._do(_PUTTING_BACK, record.at)
                line = "" if record.verified else f"undo failed: {record.error}"
            case StepBegun() | ActionBegun() | ActionEnded() | WaitEnded() | StepEnded():
                line = self._progress(record)
        return plain(line).replace("\n", " ")

    def _progress(self, record: StepBegun | ActionBegun | ActionEnded | WaitEnded | StepEnded) -> str:
        match record:
            case StepBegun():
                self.index = record.index
                self._do("waiting for steady answers", record.at)
                line = self.where(record.name)
            case ActionBegun():
                self.faults += 1
                self.recount()
                self._do(f"{record.action}: waiting for its effect", record.at)
                line = f"{record.action} {', '.join(record.objects)}" + (f" ({record.detail})" if record.detail else "")
            case ActionEnded():
                self._do(f"waiting for {self._awaited()}", record.at)
                line = f"{record.action} failed: {record.error}" if record.error else ""
            case WaitEnded():
                self._do(_NEXT.get(record.condition, "waiting for steady answers"), record.at)
                word = words.waited(record)
                tail = f": {record.detail}" if record.detail else ""
                line = f"{record.condition} {word} {words.seconds(record.took_s)}{tail}"
            case StepEnded():
                last = record.index == len(self.steps) - 1 or record.problem
                self._do(_PUTTING_BACK if last else "on to what is next", record.at)
                line = f"{self._name(record.index)} is over" + (f": {record.problem}" if record.problem else "")
        return line

    def _name(self, index: int) -> str:
        if index >= len(self.steps):
            return "the end"
        return "the baseline" if index == BASELINE else f"step {index + 1}"

    def where(self, name: str = "") -> str:
        """Which step it is at."""
        if self.index == BASELINE:
            return "baseline"
        if self.index >= len(self.steps):
            return "the end: all is put back"
        if self.index < 0:
            return "before the first step"
        return f"step {self.index + 1} of {len(self.steps)}: {name or self.steps[self.index]['name']}"

    def _awaited(self) -> str:
        """What the step waits for, and for how long at most."""
        if not 0 <= self.index < len(self.steps):
            return "recovery"
        wait = self.steps[self.index]["wait"]
        return f"{wait['condition']}, at most {words.limit(wait['timeout_s'])}"

    def ready(self, role: str) -> tuple[int, int]:
        """How many pods of a role are ready, of how many there were at most since the last fault."""
        pods = [pod for pod in self.pods.values() if pod.role.split("/")[0] == role]
        self.most[role] = max(self.most.get(role, 0), len(pods))
        return sum(pod.ready and not pod.terminating for pod in pods), self.most[role]

    def recount(self) -> None:
        """Count the pods of each role anew: a scaled role has another number from now on."""
        self.most.clear()
        for role in _ROLES:
            self.ready(role)

    def _do(self, what: str, at: float) -> None:
        self.doing, self.doing_since = what, at

    def _answer(self, name: str, start: float, end: float, reason: str, *, good: bool) -> str:
        stream = self.streams.setdefault(name, _Stream())
        if not stream.answer(start, end, good=good):
            return ""
        if good:
            since, out = words.clock(stream.since), words.seconds(stream.was_out or 0.0)
            return f"{_CAP[name]} are answered again since {since}, {out} after the first that was not had left"
        return f"{_CAP[name]} are not answered ({reason}, sent at {words.clock(start)})"

    def _pod(self, record: PodSeen) -> str:
        known = self.pods.get(record.name)
        self.roles.add(record.role.split("/")[0])
        if record.change == "deleted":
            if known is not None and known.uid == record.uid:
                del self.pods[record.name]
            return f"{record.name} is gone"
        self.pods[record.name] = record
        if known is None or known.uid != record.uid:
            return "" if not self.faults else f"{record.name} is new on {record.node or 'no node yet'}"
        if known.ready != record.ready and not record.terminating:
            return f"{record.name} is {'ready' if record.ready else 'not ready'}"
        return ""


@contextmanager
def display(
    plan: dict[str, Any], *, quiet: bool, usual_s: float | None = None, out: IO[str] | None = None
) -> Iterator[See]:
    """Show a run while the block lasts. What is yielded takes every record, from any thread.

    `usual_s` is how many seconds such a run is expected to take, where that is known.

    In a terminal it is a live display; elsewhere, in CI and with TERM=dumb it is lines; with `quiet` nothing.
    """
    stream = out or sys.stderr
    state, lock = _State(plan), threading.Lock()
    if quiet:
        yield lambda record: None  # noqa: ARG005
    elif is_live(stream):
        with _terminal(state, lock, stream, usual_s) as see:
            yield see
    else:
        yield _lines(state, lock, stream)


def _lines(state: _State, lock: threading.Lock, stream: IO[str]) -> See:
    def see(record: Record) -> None:
        with lock:
            line = state.see(record)
            if line:
                # A log that cannot be written to must not end the run, of which the journal has it all.
                with suppress(OSError, ValueError):
                    print(f"{words.clock(state.now):>8}  {line}", file=stream, flush=True)

    return see


@contextmanager
def _terminal(state: _State, lock: threading.Lock, stream: IO[str], usual_s: float | None) -> Iterator[See]:
    from rich.console import Console
    from rich.live import Live

    console = Console(file=stream, highlight=False)
    began = time.monotonic()

    def render() -> RenderableType:
        with lock:
            return _panel(state, time.monotonic() - began, usual_s, console.width)

    with Live(get_renderable=render, console=console, refresh_per_second=4, transient=True) as live:

        def see(record: Record) -> None:
            with lock:
                line = state.see(record)
            if line:
                _say(live.console, state.now, line)

        yield see


def _say(console: Console, at: float, line: str) -> None:
    with suppress(OSError, ValueError):
        console.print(f"{words.clock(at):>8}  {line}", markup=False, soft_wrap=True)


def _panel(state: _State, elapsed: float, usual_s: float | None, width: int) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    def line(*parts: str | tuple[str, str]) -> Text:
        return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")

    usual = f"about {_whole(usual_s)}, " if usual_s is not None else ""
    longest = words.seconds(state.plan.get("longest_s", 0.0))
    table = Table.grid(padding=(0, 2))
    table.add_column(width=max(map(len, _CAP.values())))
    table.add_column(width=_SAID)
    table.add_column(no_wrap=True)
    for key, stream in sorted(state.streams.items(), key=lambda item: (*_CAP, item[0]).index(item[0])):
        stream.tick(elapsed)
        style = "green" if stream.up else "bold red"
        spark = stream.spark(max(1, min(_MINUTE, width - _SAID - 12)))
        table.add_row(_CAP.get(key, key), Text(stream.said(elapsed), style=style), Text(spark, style=style))
    return Group(
        Text(),
        line((plain(state.plan["name"]), "bold"), f"  {plain(state.where())}"),
        line((f"{_whole(elapsed)} of {usual}at most {longest}", "dim")),
        table,
        _pods(state),
        line((f"{state.doing} ({_whole(elapsed - state.doing_since)} so far)", "dim")),
    )


def _whole(value: float) -> str:
    """Seconds as a display says them that is drawn anew four times a second: without digits that run."""
    minutes, rest = divmod(int(max(0.0, value)), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _pods(state: _State) -> RenderableType:
    from rich.text import Text

    parts = [f"{role} {'{}/{}'.format(*state.ready(role))} ready" for role in _ROLES if role in state.roles]
    last = "" if state.api_server else " when the API server last answered"
    return Text("pods: " + (", ".join(parts) or "none seen yet") + last, style="" if state.api_server else "bold red")
