"""`python -m benchmarks.krkn CHECKOUT PYTHON`: what Krkn says of the tutorial's stack, beside what is true.

CHECKOUT is Krkn's repository at its tag v5.2.7, PYTHON an interpreter that has its requirements. Each run gets a
freshly deployed published stack. Two faults: the master's pod is deleted, and the master loses its disk as well. For
the second Krkn has no scenario (its PVC scenario fills a volume), so the claim is deleted just before Krkn deletes the
pod.

The truth comes from a loop of this benchmark's own: 20 pages and 10 rows a second, and at the end SQL within each pod.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import yaml

from benchmarks import peers
from benchmarks.local_site import Server
from benchmarks.table import CLUSTER
from benchmarks.watch import FAULTS, Watch, longest_outage, missing
from chaos.clock import Clock
from chaos.cluster import target as targets
from chaos.cluster.local import cluster as clusters
from chaos.stack.stack import Stack

TIMES = 2
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
    with Watch(stack, fault, folder) as watch:
        done = subprocess.run(
            [*peers.within(stack, folder), *command, "--output", "report.log"],
            cwd=folder,
            env=os.environ | {"HOME": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
    (folder / "output.log").write_text(done.stdout + done.stderr)
    report = (folder / "report.log").read_text()
    if "Chaos data:\n" not in report:
        sys.exit(f"Krkn ended without a report (exit {done.returncode}):\n{report[-3000:]}{done.stderr[-3000:]}")
    said = json.JSONDecoder().raw_decode(report.partition("Chaos data:\n")[2])[0]["telemetry"]
    since = min(scenario["start_timestamp"] for scenario in said["scenarios"])
    words = [
        FAULTS[fault],
        f"exit {done.returncode}, {_summary(report)}",
        _recovery(said["scenarios"]),
        _health(said.get("health_checks") or []),
        longest_outage(watch.pages, since),
        longest_outage(watch.rows, since),
        missing(stack, tokens, watch.rows),
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
