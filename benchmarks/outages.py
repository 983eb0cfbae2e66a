"""Outages of known length at a server of the benchmark's own: do the tool's bounds hold, and how wide are they?

The same requests, schedule and arithmetic as in a run: `Stream`, `Site.read_front` and `outages.find`. Beside it Chaos
Toolkit watches the same server by its HTTP probe, once a second.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from benchmarks.local_site import Kind, Server, stack
from benchmarks.table import Row
from chaos.checks import outages
from chaos.checks.outages import Attempt
from chaos.clock import Clock
from chaos.history import Read, Record, Skipped
from chaos.monitors.reads import SERVICE, through_service
from chaos.stack.site import Site
from chaos.verdict import Outage

RATE = 20.0
DEADLINE_S = 2.0
LENGTHS_S = (0.3, 1.0, 3.0, 10.0)
KINDS: tuple[Kind, ...] = ("refused", "hung") * 10
THEIR_TIMES = 5
SEED = 20261123


@dataclass(frozen=True)
class Found:
    """One outage as it was, and as the tool saw it: None where it saw none, or several."""

    kind: Kind
    length_s: float
    seen: Outage | None

    @property
    def holds(self) -> bool:
        """Whether the true length lies within the bounds."""
        if self.seen is None or self.seen.no_longer_than_s is None:
            return False
        return self.seen.no_shorter_than_s <= self.length_s <= self.seen.no_longer_than_s

    @property
    def width_s(self) -> float:
        """How far the bounds are apart."""
        high = None if self.seen is None else self.seen.no_longer_than_s
        return float("inf") if self.seen is None or high is None else high - self.seen.no_shorter_than_s


def measure() -> list[Row]:
    """Each length 20 times, half of them refused and half hung, at random phases of the schedule."""
    with ThreadPoolExecutor(len(LENGTHS_S)) as pool:
        lanes = list(pool.map(_lane, LENGTHS_S))
    rows = []
    for length, found in zip(LENGTHS_S, lanes, strict=True):
        held = sum(one.holds for one in found)
        rows.append(Row(f"outage of {length:g} s within its bounds", (100.0 * held / len(found),), "%", "100 %"))
        for kind in ("refused", "hung"):
            wide = tuple(one.width_s * 1000 for one in found if one.kind == kind)
            request = DEADLINE_S if kind == "hung" else 0.0
            target = f"<= {(2 / RATE + request) * 1000:.0f} ms and a request"
            rows.append(Row(f"outage of {length:g} s, {kind}: bounds apart by", wide, "ms", target))
    return rows + _theirs()


def _lane(length: float) -> list[Found]:
    """One length's outages, one after another, at one server with one stream of readers."""
    rng = random.Random(SEED + int(length * 10))
    clock = Clock()
    server, records = Server(clock), list[Record]()
    stream = through_service(stack(server.port), Site(stack(server.port)), RATE, DEADLINE_S, clock, records.append)
    stream.start()
    true = []
    for kind in KINDS:
        # More than the deadline: what hung in one outage has ended before the next begins.
        time.sleep(DEADLINE_S + 0.5 + rng.random())
        true.append(server.out(kind, length))
    time.sleep(DEADLINE_S + 0.5)
    stream.stop()
    server.close()
    seen = outages.find("reads", SERVICE, _attempts(records), _skipped(records))
    return [
        Found(kind, over - began, _only([one for one in seen if _touches(one, began, over)]))
        for kind, (began, over) in zip(KINDS, true, strict=True)
    ]


def _attempts(records: list[Record]) -> list[Attempt]:
    return [Attempt(one.due, one.start, one.end, one.ok, one.reason) for one in records if isinstance(one, Read)]


def _skipped(records: list[Record]) -> list[float]:
    return [one.due for one in records if isinstance(one, Skipped)]


def _touches(one: Outage, began: float, over: float) -> bool:
    first = began - DEADLINE_S
    return one.first_bad <= over + DEADLINE_S and one.last_bad >= first


def _only(found: list[Outage]) -> Outage | None:
    return found[0] if len(found) == 1 else None


def _theirs() -> list[Row]:
    """Of the same outages: whether Chaos Toolkit's journal has them, and what it says; it has no word on their length.

    Without `--fail-fast` it goes on after a look that failed, and judges by the one at the end.
    """
    chaos = peers.chaos_toolkit()
    with ThreadPoolExecutor(len(LENGTHS_S)) as pool:
        lanes = list(pool.map(lambda length: _their_lane(chaos, length), LENGTHS_S))
    rows = []
    for length, lane in zip(LENGTHS_S, lanes, strict=True):
        for what, found in lane.items():
            share = 100 * statistics.mean(found)
            rows.append(Row(f"outage of {length:g} s, Chaos Toolkit: {what}", (share,), "%", "no length"))
    return rows


def _their_lane(chaos: Path, length: float) -> dict[str, list[bool]]:
    server = Server(Clock())
    usual = [_their_word(chaos, server, length) for _ in range(THEIR_TIMES)]
    strict = [_their_word(chaos, server, length, "--fail-fast") for _ in range(THEIR_TIMES)]
    server.close()
    return {
        "a look in its journal failed": [seen for seen, _ in usual],
        "it said deviated": [deviated for _, deviated in usual],
        "with --fail-fast it did": [deviated for _, deviated in strict],
    }


def _their_word(chaos: Path, server: Server, length: float, *options: str) -> tuple[bool, bool]:
    """Whether any look while the server was out failed, and whether the experiment is called deviated."""
    with tempfile.TemporaryDirectory() as folder:
        provider = {"type": "http", "url": f"http://127.0.0.1:{server.port}/", "timeout": DEADLINE_S}
        probe = {"type": "probe", "name": "it answers", "tolerance": 200, "provider": provider}
        wait = {"type": "process", "path": sys.executable, "timeout": 60}
        code = f'-c "import time; time.sleep({length + 4:g})"'
        experiment = {
            "title": "an outage",
            "description": "of known length",
            "steady-state-hypothesis": {"title": "it is there", "probes": [probe]},
            "method": [{"type": "action", "name": "wait", "provider": wait | {"arguments": code}}],
            "rollbacks": [],
        }
        file = Path(folder) / "experiment.json"
        file.write_text(json.dumps(experiment))
        command = [str(chaos), "run", *peers.CONTINUOUSLY, *options, str(file)]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            log = Path(folder) / "chaostoolkit.log"
            while "Action: wait" not in (log.read_text() if log.exists() else "") and running.poll() is None:
                time.sleep(0.05)
            time.sleep(1 + random.random())
            server.out("refused", length)
            running.wait()
        said = json.loads((Path(folder) / "journal.json").read_text())
        seen = any(not look["steady_state_met"] for look in said["steady_states"]["during"])
        return seen, bool(said["deviated"]) or said["status"] != "completed"
