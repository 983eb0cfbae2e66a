"""Records nights for `benchmarks.alarms`: healthy runs of kill-master, then slowed ones, five of each kind.

`python -m benchmarks.nights REPORTS [HEALTHY]`: 30 healthy ones, if nothing is said. Of the slow ones the first five
answer their pages half as long again: PHP sleeps that long before each page. In the others recovery takes half as long
again: the kubelet of the master's node is stopped, from when the pod is ending, for half of what it took the healthy
ones. Prints after which runs which rule alarms.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import click

from benchmarks.table import HACHAOS, ROOT
from chaos import journal
from chaos.cluster.local import cgroup
from chaos.cluster.local.layout import Places
from chaos.cluster.local.machine import Machine
from chaos.history import PodSeen
from chaos.past import rule, slow_run
from chaos.past.index import past
from chaos.past.runs import FIGURES, Run

CLUSTER = "nights"
SLOW = 5
KINDS = ("pages", "recovery")
_SLOWER_BY = 0.5
_PLUGINS = "/var/www/html/wp-content/mu-plugins"
_FAULT_WITHIN_S = 120.0


@click.command()
@click.argument("reports", type=click.Path(path_type=Path))
@click.argument("healthy", type=click.IntRange(min=0), default=30)
@click.option("--slow", "kinds", type=click.Choice(KINDS), multiple=True, default=KINDS)
def main(reports: Path, healthy: int, kinds: tuple[str, ...]) -> None:
    """Run all of them and judge after each, as a nightly job would."""
    reports = reports.resolve()
    alarms = [_night(reports, "healthy") for _ in range(healthy)]
    print(f"{sum(alarms)} false alarms in {healthy} healthy runs", flush=True)
    usual = _runs(reports)
    for kind in kinds:
        longer_s = _SLOWER_BY * median(_known(usual, "pages_s" if kind == "pages" else "recovered_s"))
        with _slow_pages(longer_s if kind == "pages" else 0.0):
            alarms = [_night(reports, kind, longer_s if kind == "recovery" else 0.0) for _ in range(SLOW)]
        print(f"{sum(alarms)} alarms in {SLOW} runs with {kind} longer by {longer_s:.3f} s", flush=True)
    subprocess.run([HACHAOS, "cluster", "down", "--name", CLUSTER], cwd=ROOT, check=False)


def _night(reports: Path, kind: str, stop_s: float = 0.0) -> bool:
    """One run; whether any rule alarms after it."""
    cost = _run(reports, stop_s)
    runs = _runs(reports)
    last, grown, alone = runs[-1], rule.judge(runs), slow_run.judge(runs)
    said = [f"the last {grown.runs}: {one.figure} {one.before_s:.3f} -> {one.late_s:.3f} s" for one in grown.slower]
    said += [f"alone: {one.figure} {one.before_s:.3f} -> {one.latest_s:.3f} s (z {one.z:.1f})" for one in alone.slow]
    figures = ", ".join(f"{called} {getattr(last, figure)}" for figure, called in FIGURES.items())
    print(
        f"{len(runs)} {kind}: {last.verdict}, {figures}: {', '.join(said) or alone.why_not or '-'}; {cost}", flush=True
    )
    return bool(said)


def _known(runs: list[Run], figure: str) -> list[float]:
    return [value for run in runs if (value := getattr(run, figure)) is not None]


@contextmanager
def _slow_pages(longer_s: float) -> Iterator[None]:
    """Each page of the site takes so much longer, on each of its pods."""
    if not longer_s:
        yield
        return
    subprocess.run([HACHAOS, "stack", "deploy", "--name", CLUSTER], cwd=ROOT, check=True)
    command = [HACHAOS, "cluster", "kubectl", "--name", CLUSTER, "--", "-n", "wordpress"]
    listed = subprocess.run(
        [*command, "get", "pods", "-o", "name"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    pods = [name for name in listed.stdout.split() if name.startswith("pod/wordpress-")]

    def each(words: str) -> None:
        for pod in pods:
            inside = ["exec", pod, "-c", "wordpress", "--", "sh", "-c", words]
            subprocess.run([*command, *inside], cwd=ROOT, check=True, capture_output=True)

    each(f"mkdir -p {_PLUGINS} && printf '<?php usleep({longer_s * 1e6:.0f});' >{_PLUGINS}/slow.php")
    try:
        yield
    finally:
        each(f"rm -f {_PLUGINS}/slow.php")


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
