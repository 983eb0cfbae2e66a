"""`python -m benchmarks.krkn CHECKOUT PYTHON`: what Krkn says of the tutorial's stack, beside what is true.

CHECKOUT is Krkn's repository at its tag v5.2.7, PYTHON an interpreter that has its requirements. Each run gets a
freshly deployed published stack. Two faults: the master's pod is deleted, and the master loses its disk as well. For
the second Krkn has no scenario (its PVC scenario fills a volume), so the claim is deleted just before Krkn deletes the
pod.

The truth comes from a loop of this benchmark's own: 20 pages and 10 rows a second, and at the end SQL within each pod.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import yaml

from benchmarks import peers
from benchmarks.local_site import Server
from benchmarks.table import CLUSTER
from chaos.clock import Clock
from chaos.cluster import target as targets
from chaos.cluster.local import cluster as clusters
from chaos.errors import HachaosError
from chaos.stack.database import Database
from chaos.stack.stack import Stack

FAULTS = {"pod": "the master's pod is deleted", "disk": "the master loses its disk"}
TIMES = 2
MARGIN_S = 10.0
PAGES_PER_S, ROWS_PER_S = 20, 10
PAGE_S, ROW_S = 2.0, 5.0
FOLLOW_S = 0.5
LENGTHS_S = (0.3, 1.0, 3.0, 10.0)
KNOWN_TIMES = 20
INTERVAL_S = 2
_HEALTH_CHECK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from krkn.health_checks import HealthCheckFactory
factory = HealthCheckFactory()
settings = {"interval": 2, "config": [{"url": sys.argv[2], "exit_on_failure": True}]}
((plugin, worker, told),) = factory.start_all({"health_checks": settings})
print("ready", flush=True)
sys.stdin.read()
factory.increment_all_iterations()
factory.stop_all()
worker.join()
print(json.dumps([[[one.status, one.duration] for one in told.get_nowait()], plugin.get_return_value()]))
"""
"""Its health check alone, started and ended as `run_kraken.py` does."""


@dataclass(frozen=True)
class Try:
    """One page that was asked for, or one row that was written. Times are those of the wall clock."""

    start: float
    end: float
    ok: bool
    token: str = ""


class Watch:
    """Visitors and a writer, on schedule whatever the site does. Rows go to the master, wherever its pod is."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._database = stack, Database(stack.credentials, stack.binding)
        self._site, self._mark = stack.site_address(), stack.seed.marker.encode()
        self._master = stack.database_address()
        self._name = f"watch-{time.time_ns()}"
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.pages: list[Try] = []
        self.rows: list[Try] = []
        self._threads = [
            threading.Thread(target=self._follow),
            threading.Thread(target=self._beat, args=(PAGES_PER_S, PAGE_S, self._page)),
            threading.Thread(target=self._beat, args=(ROWS_PER_S, ROW_S, self._row)),
        ]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _follow(self) -> None:
        while not self._over.wait(FOLLOW_S):
            try:
                self._master = self._stack.database_address()
            except HachaosError:
                continue

    def _beat(self, per_s: int, life_s: float, one: Callable[[int], None]) -> None:
        began, number = time.monotonic(), 0
        with ThreadPoolExecutor(int(per_s * life_s) + 1) as pool:
            while not self._over.wait(max(0.0, began + number / per_s - time.monotonic())):
                pool.submit(one, number)
                number += 1

    def _page(self, _: int) -> None:
        start, ok = time.time(), False
        connection = http.client.HTTPConnection(self._site, timeout=PAGE_S)
        try:
            connection.request("GET", "/", headers={"Host": self._stack.site_host})
            answer = connection.getresponse()
            ok = answer.status == 200 and self._mark in answer.read()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        with self._lock:
            self.pages.append(Try(start, time.time(), ok))

    def _row(self, number: int) -> None:
        start, token = time.time(), f"{self._name}-{number}"
        ok = self._database.insert(self._master, token, "watch", number, ROW_S).outcome == "ok"
        with self._lock:
            self.rows.append(Try(start, time.time(), ok, token))


def outages(tries: Sequence[Try]) -> list[tuple[float, float | None]]:
    """From when the first bad one left to when the next good one did; None where none did."""
    found: list[tuple[float, float | None]] = []
    for one in sorted(tries, key=lambda each: each.start):
        out = bool(found) and found[-1][1] is None
        if one.ok and out:
            found[-1] = (found[-1][0], one.start)
        elif not one.ok and not out:
            found.append((one.start, None))
    return found


@click.command()
@click.argument("checkout", type=click.Path(path_type=Path, exists=True))
@click.argument("python", type=click.Path(path_type=Path, exists=True))
@click.option("--times", default=TIMES, show_default=True, help="How often each fault.")
@click.option("--known", is_flag=True, help="Only its health check, at outages of known length, without a cluster.")
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Keep Krkn's reports and what was asked beside it in this folder."
)
def main(checkout: Path, python: Path, times: int, known: bool, keep: Path | None) -> None:
    """Print a Markdown table of Krkn's words beside the truth."""
    if known:
        _known(checkout.absolute(), python.absolute())
        return
    peers.up()
    target = targets.local(CLUSTER, 3, quiet=True)
    print("| fault | its verdict | pod, it says | site out, it says | pages out | rows out | not on the master |")
    print("|---" * 7 + "|", flush=True)
    for number in range(times):
        for fault in FAULTS:
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                print(_row(fault, checkout, python.absolute(), peers.fresh(target), folder), flush=True)
                if keep is not None:
                    shutil.copytree(folder, keep / f"{fault}-{number + 1}", dirs_exist_ok=True)


def _row(fault: str, checkout: Path, python: Path, stack: Stack, folder: Path) -> str:
    found = clusters.find(CLUSTER)
    assert found is not None
    config = _configure(stack, found.kubeconfig, folder)
    command = [str(python), str(checkout.absolute() / "run_kraken.py"), "--config", str(config)]
    tokens = peers.write(stack)
    with Watch(stack) as watch:
        time.sleep(MARGIN_S)
        if fault == "disk":
            stack.api.delete("PersistentVolumeClaim", "data-mysql-0")
        done = subprocess.run(
            [*peers.within(stack, folder), *command, "--output", "report.log"],
            cwd=folder,
            env=os.environ | {"HOME": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        time.sleep(MARGIN_S)
    (folder / "output.log").write_text(done.stdout + done.stderr)
    tries = {"pages": watch.pages, "rows": watch.rows}
    (folder / "watch.json").write_text(json.dumps(tries, default=dataclasses.astuple))
    report = (folder / "report.log").read_text()
    if "Chaos data:\n" not in report:
        sys.exit(f"Krkn ended without a report (exit {done.returncode}):\n{report[-3000:]}{done.stderr[-3000:]}")
    said = json.JSONDecoder().raw_decode(report.partition("Chaos data:\n")[2])[0]["telemetry"]
    since = min(scenario["start_timestamp"] for scenario in said["scenarios"])
    acknowledged = [*tokens, *(one.token for one in watch.rows if one.ok)]
    lost = len(set(acknowledged) - peers.held(stack, "mysql-0")["row"])
    words = [
        FAULTS[fault],
        f"exit {done.returncode}, {_summary(report)}",
        _recovery(said["scenarios"]),
        _health(said.get("health_checks") or []),
        _told(watch.pages, since),
        _told(watch.rows, since),
        f"{lost} of {len(acknowledged)}; of the {len(tokens)} before: {peers.readable(stack, tokens)}",
    ]
    return f"| {' | '.join(words)} |"


def _configure(stack: Stack, kubeconfig: Path, folder: Path) -> Path:
    """The two files that its documentation asks for, with all off that wants a Prometheus or another server."""
    scenario = {
        "id": "kill-pods",
        "config": {
            "namespace_pattern": f"^{stack.api.namespace}$",
            "name_pattern": "^mysql-0$",
            "kill": 1,
            "krkn_pod_recovery_time": peers.READY_S,
        },
    }
    (folder / "pod.yaml").write_text(yaml.safe_dump([scenario]))
    config = {
        "kraken": {
            "kubeconfig_path": str(kubeconfig),
            "exit_on_failure": False,
            "auto_rollback": True,
            "rollback_versions_directory": str(folder / "rollback"),
            "publish_kraken_status": False,
            "signal_state": "RUN",
            "signal_address": "127.0.0.1",
            "port": 8081,
            "generate_pdf_report": False,
            "chaos_scenarios": [{"pod_disruption_scenarios": [str(folder / "pod.yaml")]}],
        },
        "resiliency": {"resiliency_run_mode": "disabled"},
        "cerberus": {"cerberus_enabled": False},
        "performance_monitoring": {"enable_alerts": False, "enable_metrics": False, "check_critical_alerts": False},
        "elastic": {"enable_elastic": False},
        "tunings": {"wait_duration": 60, "iterations": 1, "daemon_mode": False},
        "telemetry": {"enabled": False, "events_backup": False},
        "health_checks": {
            "interval": INTERVAL_S,
            "config": [{"url": f"http://{stack.site_host}/", "exit_on_failure": True}],
        },
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _recovery(scenarios: Sequence[dict[str, Any]]) -> str:
    told = []
    for scenario in scenarios:
        pods = scenario["affected_pods"]
        told += [f"{pod['pod_name']}: not recovered" for pod in pods["unrecovered"]]
        for pod in pods["recovered"]:
            ready, total = pod["pod_readiness_time"], pod["total_recovery_time"]
            told.append(f"{pod['pod_name']}: ready after {ready:.1f} s, total {total:.1f} s")
    return ", ".join(told) or "no pod"


def _health(checks: Sequence[dict[str, Any]]) -> str:
    """Its health check's word: each time in which it was bad, and how long the check told of anything."""
    bad = [f"{check['duration']:.1f} s ({check['status_code']})" for check in checks if not check["status"]]
    spans = [[datetime.fromisoformat(check[end]) for end in ("start_timestamp", "end_timestamp")] for check in checks]
    watched = (max(end for _, end in spans) - min(start for start, _ in spans)).total_seconds() if spans else 0.0
    return f"{', '.join(bad) or 'never'} ({len(checks)} period(s) in {watched:.0f} s)"


def _summary(report: str) -> str:
    """What the summary that it prints at the end says of the run as a whole."""
    told = re.search(r"^Status +: (\w+)$", report, re.MULTILINE)
    return f"summary {told[1]}" if told else "no summary"


def _told(watched: Sequence[Try], since: float) -> str:
    """The longest outage since Krkn began with its scenario, and how many were bad of all since then."""
    tries = [one for one in watched if one.start >= since]
    found, last = outages(tries), max(one.end for one in tries)
    bad = f"{sum(not one.ok for one in tries)} of {len(tries)} bad"
    if not found:
        return f"never, {bad}"
    longest = max(found, key=lambda out: (out[1] or last) - out[0])
    until = "" if longest[1] else ", to the end"
    return f"{(longest[1] or last) - longest[0]:.1f} s{until}, {len(found)} times, {bad}"


def _known(checkout: Path, python: Path) -> None:
    """Print what its health check says of outages of known length, at evenly spread phases of its interval."""
    print("| outage | a look failed | a bad period told | exit 3 | how long, it says |")
    print("|---|---|---|---|---|", flush=True)
    with ThreadPoolExecutor(len(LENGTHS_S)) as pool:
        for row in pool.map(lambda length: _lane(checkout, python, length), LENGTHS_S):
            print(row, flush=True)


def _lane(checkout: Path, python: Path, length: float) -> str:
    clock = Clock()
    broken, failed, told = 0, 0, []
    for number in range(KNOWN_TIMES):
        server = Server(clock)
        command = [str(python), "-c", _HEALTH_CHECK, str(checkout), f"http://127.0.0.1:{server.port}/"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as running:
            assert running.stdout is not None
            if running.stdout.readline() != "ready\n":
                sys.exit("Krkn's health check did not start")
            time.sleep(5.0 + INTERVAL_S * number / KNOWN_TIMES)
            server.out("refused", length)
            time.sleep(8.0)
            periods, code = json.loads(running.communicate()[0])
        server.close()
        broken += len(periods) > 1
        failed += code == 3
        told += [[duration for good, duration in periods if not good]]
    seen = sorted(sum(one) for one in told if one)
    span = f"{statistics.median(seen):.1f} s ({seen[0]:.1f}-{seen[-1]:.1f})" if seen else "-"
    counts = " | ".join(f"{number} of {KNOWN_TIMES}" for number in (broken, len(seen), failed))
    return f"| {length:g} s | {counts} | {span} |"


if __name__ == "__main__":
    main()
