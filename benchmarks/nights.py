"""Records nights for `benchmarks.alarms`: healthy runs of kill-master, then five whose recovery is half as long again.

`python -m benchmarks.nights REPORTS [HEALTHY]`: 30 healthy ones, if nothing is said. In a slow one the kubelet of the
master's node is stopped, from when the pod is ending, for half of what recovery took the healthy ones. Prints after
which runs the rule for slower alarms.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import click

from benchmarks.table import HACHAOS, ROOT
from chaos import journal
from chaos.cluster.local import cgroup
from chaos.cluster.local.layout import Places
from chaos.cluster.local.machine import Machine
from chaos.history import PodSeen
from chaos.past import rule
from chaos.past.index import past
from chaos.past.runs import Run

CLUSTER = "nights"
SLOW = 5
_SLOWER_BY = 0.5
_FAULT_WITHIN_S = 120.0


@click.command()
@click.argument("reports", type=click.Path(path_type=Path))
@click.argument("healthy", type=click.IntRange(min=rule.LEAST + rule.LAST), default=30)
def main(reports: Path, healthy: int) -> None:
    """Run all of them and judge after each, as a nightly job would."""
    reports = reports.resolve()
    usual_s, judged, false = 0.0, 0, 0
    for number in range(1, healthy + SLOW + 1):
        slow = number > healthy
        cost = _run(reports, usual_s * _SLOWER_BY if slow else 0.0)
        runs = _runs(reports)
        found = rule.judge(runs)
        last = runs[-1]
        alarm = ", ".join(
            f"{one.figure} {one.before_s:.2f} s -> {one.late_s:.2f} s (p {one.p})" for one in found.slower
        )
        print(
            f"{number} {'slow' if slow else 'healthy'}: {last.verdict}, reads out {last.reads_s}, "
            f"writes out {last.writes_s}, recovered in {last.recovered_s}: {alarm or found.why_not or 'no alarm'}; "
            f"{cost}",
            flush=True,
        )
        if not slow:
            judged += not found.why_not
            false += bool(found.slower)
            usual_s = median(one.recovered_s for one in runs if one.recovered_s is not None)
    print(f"{false} false alarms in {judged} judgements of {healthy} healthy runs")
    subprocess.run([HACHAOS, "cluster", "down", "--name", CLUSTER], cwd=ROOT, check=False)


def _run(reports: Path, stop_s: float) -> str:
    """Run once; what it cost: all of the process, from its start to its written report."""
    command = [HACHAOS, "run", "scenarios/kill-master.yaml", "--baseline", "record", "--name", CLUSTER, "--quiet"]
    before = set(reports.glob(f"*/{journal.NAME}"))
    began = time.monotonic()
    running = subprocess.Popen([*command, "--reports", str(reports)], cwd=ROOT)
    while stop_s and time.monotonic() - began < _FAULT_WITHIN_S:
        if node := _node_of_what_ends(set(reports.glob(f"*/{journal.NAME}")) - before):
            _stop_kubelet(node, stop_s)
            break
        time.sleep(0.02)
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode not in (0, 1, 2):
        sys.exit(f"exit {running.returncode}")
    cpu_s, took_s = used.ru_utime + used.ru_stime, time.monotonic() - began
    return f"{cpu_s:.1f} s of a processor in {took_s:.1f} s, {used.ru_maxrss / 1000:.0f} MB at most"


def _node_of_what_ends(journals: set[Path]) -> str:
    for path in journals:
        for seen in journal.read(path.parent).of(PodSeen):
            if seen.terminating:
                return seen.node
    return ""


def _stop_kubelet(node: str, stop_s: float) -> None:
    places = Places.of(CLUSTER)
    pid = Machine(places, cgroup.Groups(cgroup.mounted(), places.group), node).pid("kubelet")
    if pid is None:
        sys.exit(f"{node} has no kubelet")
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(stop_s)
    finally:
        os.kill(pid, signal.SIGCONT)


def _runs(reports: Path) -> list[Run]:
    return sorted(past(reports).runs, key=lambda run: run.began)


if __name__ == "__main__":
    main()
