"""SIGKILL at any moment of a run, then `hachaos recover`: is the stack as it was found?

`python -m benchmarks.crash [N] [SEED]`: N kills (60 if nothing is said), over four scenarios in turn, at moments drawn
evenly over each one's life; over others with `--scenario NAME`, which may be said more than once. Prints a Markdown
table; exit code 1 when a stack was not as it was found.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.table import HACHAOS, ROOT
from chaos import journal
from chaos.cluster import target as targets
from chaos.cluster.api import Object
from chaos.cluster.lease import NAME as LEASE
from chaos.errors import HachaosError
from chaos.history import ActionEnded, History, RunBegun, RunEnded, StepBegun, StepEnded, UndoDone, UndoPlanned
from chaos.progress import NoProgress
from chaos.stack import deploy, verify
from chaos.stack.profile import Profile
from chaos.stack.stack import Stack

CLUSTER = "crash"
LIFE_S = {"kill-master": 30.0, "mysql-shrink": 40.0, "stop-nfs": 142.0, "wordpress-scale": 58.0}
"""How long each scenario takes, from the call of the command to its end, on a machine with two cores."""

LOSE_DISKS = {"mysql-shrink-volumes": 64.0, "kill-replica-while-cloning": 36.0}
"""The same of scenarios that take volumes, which nothing brings back: what is there instead has to be whole."""

_SETTLED_S = 20.0
_TOLD = (RunBegun, StepBegun, UndoPlanned, ActionEnded, StepEnded, UndoDone, RunEnded)


@dataclass(frozen=True)
class Crash:
    """One kill: `after` is the last thing that the journal had, `differs` what was not as found, a phrase each."""

    scenario: str
    moment_s: float
    after: str
    recover_s: float
    differs: tuple[str, ...]


def moments(seed: int, scenarios: Sequence[str] = tuple(LIFE_S)) -> Iterator[tuple[str, float]]:
    """Scenarios in turn, each with how many seconds after its start it is to be killed."""
    drawn = random.Random(seed)
    while True:
        for scenario in scenarios:
            life_s = (LIFE_S | LOSE_DISKS)[scenario]
            yield scenario, drawn.uniform(0.0, life_s)


def crash(stack: Stack, cluster: str, scenario: str, moment_s: float, reports: Path) -> Crash:
    """Kill a run, recover, and compare the stack with what it was. The calling thread is in the cluster's network."""
    disks = scenario not in LOSE_DISKS
    found = state_of(stack, disks=disks)
    run = [HACHAOS, "run", f"scenarios/{scenario}.yaml", "--baseline", "record", "--name", cluster]
    with (reports.parent / f"{reports.name}.out").open("w") as out:
        running = subprocess.Popen([*run, "--reports", str(reports)], cwd=ROOT, stdout=out, stderr=out)
        try:
            running.wait(moment_s)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
    after = _last(reports)
    began = time.monotonic()
    first = _recover(cluster, reports)
    recover_s = time.monotonic() - began
    differs = list(_differences(found, state_of(stack, disks=disks)))
    if first.returncode != 0:
        differs.append(f"recover ended with {first.returncode}: {first.stderr.strip()}")
    differs += _not_served(stack)
    again = _recover(cluster, reports)
    if again.returncode != 0 or not again.stdout.startswith("nothing to recover"):
        differs.append(f"a second recover ended with {again.returncode}: {again.stdout}{again.stderr}")
    for folder in journal.folders(reports):
        if journal.read(folder).of(RunBegun) and not (folder / "report.json").exists():
            differs.append(f"{folder.name} has no report")
    return Crash(scenario, moment_s, after, recover_s, tuple(differs))


def state_of(stack: Stack, *, disks: bool = True) -> dict[str, Any]:
    """All that has to be as it was: replicas, ready pods, volumes, what hachaos wrote on objects, the Lease.

    Without `disks` a claim may be another one, on another volume; but none may be on its way out.
    """
    state: dict[str, Any] = {}
    for role, controller in stack.binding.controllers.items():
        workload = stack.api.get(controller.kind, controller.name) or {}
        state[f"replicas of {controller.name}"] = workload["spec"]["replicas"]
        state[f"annotations of {controller.name}"] = _ours(workload)
        state[f"ready pods of {role}"] = sum(pod.ready and not pod.terminating for pod in stack.pods(role))
        state[f"pods of {role}"] = len(stack.pods(role))
    for item in stack.api.list("ReplicaSet"):
        state[f"annotations of {item['metadata']['name']}"] = _ours(item)
    for item in stack.api.list("PersistentVolumeClaim"):
        metadata = item["metadata"]
        which = (metadata["uid"], item["spec"].get("volumeName")) if disks else ()
        state[f"claim {metadata['name']}"] = (*which, item["status"]["phase"], "deletionTimestamp" in metadata)
    for item in stack.api.list("PersistentVolume") if disks else ():
        state[f"volume {item['metadata']['name']}"] = (item["metadata"]["uid"], item["status"]["phase"])
    state["lease"] = stack.api.get("Lease", LEASE) is not None
    return state


def _ours(item: Object) -> dict[str, str]:
    annotations = item["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key.startswith("hachaos.dev/")}


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for what in sorted(before.keys() | after.keys()):
        if before.get(what) != after.get(what):
            yield f"{what}: {before.get(what)} -> {after.get(what)}"


def _not_served(stack: Stack) -> list[str]:
    """What every site pod and database pod must serve, hold and take, and does not."""
    try:
        with NoProgress().task("") as task:
            verify.verify(stack, task, _SETTLED_S)
    except HachaosError as error:
        return [str(error)]
    return []


def _recover(cluster: str, reports: Path) -> subprocess.CompletedProcess[str]:
    command = [HACHAOS, "recover", "--name", cluster, "--reports", str(reports)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)


def _last(reports: Path) -> str:
    """The last thing that was journalled of what was done."""
    folders = journal.folders(reports)
    if not folders:
        return "no journal"
    history: History = journal.read(folders[-1])
    told = [record for record in history if isinstance(record, _TOLD)]
    if not told:
        return "nothing"
    step = getattr(told[-1], "step", getattr(told[-1], "index", None))
    return told[-1].kind + (f" of step {step + 1}" if step is not None and step >= 0 else "")


@click.command()
@click.argument("times", type=click.IntRange(min=1), default=60)
@click.argument("seed", type=int, default=1)
@click.option("--name", "cluster", default=CLUSTER, show_default=True)
@click.option(
    "--scenario", "scenarios", multiple=True, default=tuple(LIFE_S), type=click.Choice([*LIFE_S, *LOSE_DISKS])
)
def main(times: int, seed: int, cluster: str, scenarios: tuple[str, ...]) -> None:
    """Kill hachaos TIMES times at moments drawn from SEED."""
    target = targets.local(cluster, None, quiet=True)
    folder = Path(tempfile.mkdtemp(prefix="hachaos-crash-"))
    print("| scenario | killed after | last in the journal | recover | as found |\n|---|---|---|---|---|", flush=True)
    bad = 0
    for number, (scenario, moment_s) in zip(range(1, times + 1), moments(seed, scenarios), strict=False):
        stack = deploy.ensure(target, Profile.load("hardened"), NoProgress())
        one = crash(stack, cluster, scenario, moment_s, folder / f"{number:02}")
        bad += bool(one.differs)
        print(
            f"| {scenario} | {moment_s:.1f} s | {one.after} | {one.recover_s:.1f} s | "
            f"{'; '.join(one.differs).replace('|', '/') or 'yes'} |",
            flush=True,
        )
    print(f"\n{times - bad} of {times} as found (seed {seed})")
    if not bad:
        shutil.rmtree(folder)
    subprocess.run([HACHAOS, "cluster", "down", "--name", cluster], cwd=ROOT, check=False)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
