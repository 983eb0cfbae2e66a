"""`make bench-peers`: the tutorial's stack loses its master's disk; what Chaos Toolkit says, what we say, what is true.

Each run gets a freshly deployed published stack, ours three. The truth is asked by SQL, of each pod, for rows that were
acknowledged: by a writer of the benchmark's own beside Chaos Toolkit, and from the journal of our run. It is asked with
the server's own client within the pod, so that nothing which judges has a part in it, and what we say is lost has to be
that to the last id.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.table import CLUSTER, HACHAOS, ROOT
from chaos import journal
from chaos.cluster import target as targets
from chaos.cluster.local import cluster as clusters
from chaos.cluster.local import state
from chaos.cluster.local.layout import Places
from chaos.cluster.target import Target
from chaos.history import Contents, Heartbeat, Write
from chaos.progress import PlainProgress
from chaos.stack import deploy
from chaos.stack.database import Database
from chaos.stack.profile import Profile
from chaos.stack.stack import Stack

VERSIONS = ("chaostoolkit==1.19.0", "chaostoolkit-lib==1.44.0", "chaostoolkit-kubernetes==0.39.0")
HOME = Path.home() / ".cache" / "hachaos" / "chaostoolkit-1.19.0-1"
TIMES = 3
ROWS = 140
ROWS_PER_S = 10
READY_S = 300
CONTINUOUSLY = ("--hypothesis-strategy", "continuously", "--hypothesis-frequency", "1")
"""How Chaos Toolkit looks at its steady state once a second, all the while."""
_CLIENT = 'exec "$(command -v mariadb || command -v mysql)" -uroot -N -B -e "$1"'
_NO_SUCH_TABLE = ("ERROR 1146 ", "ERROR 1049 ")
SCENARIO = ("scenarios/lose-master-disk.yaml", "--stack", "published", "--baseline", "record")


@click.command()
@click.option(
    "--count", type=click.Path(path_type=Path), help="Only hold the run in this folder against the databases."
)
def main(count: Path | None) -> None:
    """Print a Markdown table of both tools' words beside the truth."""
    if count is not None:
        print(_ours(deploy.attach(targets.local(CLUSTER, 3, quiet=True), Profile.load("published")), count))
        return
    chaos = chaos_toolkit()
    up()
    print("| tool | its verdict | lost, it says | lost of those acknowledged, by SQL | readable afterwards, by pod |")
    print("|---|---|---|---|---|", flush=True)
    for _ in range(TIMES):
        with tempfile.TemporaryDirectory() as folder:
            _hachaos("stack", "delete", "--name", CLUSTER, "--stack", "published")
            _hachaos("run", *SCENARIO, "--name", CLUSTER, "--reports", folder, codes=(0, 1, 2))
            # In a process of its own: one that is in the cluster's network can start no other that has to join it.
            subprocess.run([sys.executable, "-P", "-m", "benchmarks.peers", "--count", folder], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        print(_theirs(chaos, fresh(targets.local(CLUSTER, 3, quiet=True)), Path(folder)))


def up() -> None:
    """Have the benchmarks' cluster running."""
    _hachaos("cluster", "up", "--name", CLUSTER, "--nodes", "3")


def _hachaos(*arguments: str, codes: Sequence[int] = (0,)) -> int:
    done = subprocess.run([HACHAOS, *arguments], cwd=ROOT, stdout=sys.stderr, check=False)
    if done.returncode not in codes:
        sys.exit(f"hachaos {' '.join(arguments)}: exit {done.returncode}")
    return done.returncode


def chaos_toolkit() -> Path:
    """The program `chaos`, in an environment of its own."""
    program = HOME / "bin" / "chaos"
    if not program.exists():
        print(f"installing {', '.join(VERSIONS)} into {HOME} (once) ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True)
        subprocess.run([str(HOME / "bin" / "pip"), "-q", "install", *VERSIONS], check=True)
    return program


def fresh(target: Target) -> Stack:
    """The published stack, deployed anew."""
    profile, progress = Profile.load("published"), PlainProgress()
    deploy.remove(target, profile, progress)
    return deploy.ensure(target, profile, progress)


def _theirs(chaos: Path, stack: Stack, folder: Path) -> str:
    tokens = write(stack)
    found = clusters.find(CLUSTER)
    assert found is not None
    experiment = folder / "experiment.json"
    experiment.write_text(json.dumps(_experiment(stack, kubectl(folder))))
    done = subprocess.run(
        [*within(stack, folder), str(chaos), "run", *CONTINUOUSLY, str(experiment)],
        cwd=folder,
        env=os.environ | {"KUBECONFIG": str(found.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not (folder / "journal.json").exists():
        sys.exit(
            f"Chaos Toolkit wrote no journal (exit {done.returncode}):\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    said = json.loads((folder / "journal.json").read_text())
    states = _looks(said)
    word = f"{said['status']}, deviated: {json.dumps(said['deviated'])}, exit {done.returncode}"
    looked = f"no word ({len(states)} looks at the site, {sum(not state for state in states)} not met)"
    missing = len(set(tokens) - held(stack, "mysql-0")["row"])
    truth = f"{missing} of {len(tokens)} rows"
    return f"| Chaos Toolkit 1.19.0 | {word} | {looked} | {truth} | {readable(stack, tokens)} |"


def kubectl(folder: Path) -> Path:
    """The benchmarks' cluster's own kubectl, under that name in a folder."""
    anchor, program = state.read(Places.of(CLUSTER)), folder / "kubectl"
    assert anchor is not None
    program.symlink_to(anchor.kube)
    return program


def within(stack: Stack, folder: Path) -> list[str]:
    """What a command has to be started with so that it resolves names by the cluster's DNS.

    A site that lost its database sends visitors to its own name, which nobody else knows.
    """
    service = stack.api.in_namespace("kube-system").get("Service", "kube-dns")
    assert service is not None
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {service['spec']['clusterIP']}\nsearch cluster.local\noptions ndots:5\n")
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(resolver)]


def _looks(said: dict[str, Any]) -> list[bool]:
    """Whether the site was well, at each look at it: before, all the while, and after."""
    states = said["steady_states"]
    looks = [states.get("before"), *(states.get("during") or ()), states.get("after")]
    return [bool(each.get("steady_state_met")) for each in looks if each]


def _experiment(stack: Stack, kubectl: Path) -> dict[str, Any]:
    """Its tutorial's form: the site answers 200, before, while and after the master's volume and pod are deleted."""

    def call(name: str, arguments: str, timeout_s: int = 30) -> dict[str, Any]:
        said = f"-n {stack.api.namespace} {arguments}"
        provider = {"type": "process", "path": str(kubectl), "arguments": said, "timeout": timeout_s}
        return {"type": "action", "name": name, "provider": provider}

    site = {
        "type": "probe",
        "name": "the site answers",
        "tolerance": 200,
        "provider": {
            "type": "http",
            "url": f"http://{stack.site_address()}/",
            "headers": {"Host": stack.site_host},
            "timeout": 5,
        },
    }
    delete = {
        "type": "python",
        "module": "chaosk8s.pod.actions",
        "func": "terminate_pods",
        "arguments": {"name_pattern": "^mysql-0$", "ns": stack.api.namespace, "grace_period": 0, "all": True},
    }
    return {
        "title": "a master that lost its disk is re-cloned",
        "description": "the master's volume and pod are deleted",
        "steady-state-hypothesis": {"title": "the site is there", "probes": [site]},
        "method": [
            call("delete the claim", "delete pvc data-mysql-0 --wait=false"),
            {"type": "action", "name": "delete the pod", "provider": delete, "pauses": {"after": 5}},
            call("wait for the pod", f"wait --for=condition=Ready pod/mysql-0 --timeout={READY_S}s", READY_S + 10),
        ],
        "rollbacks": [],
    }


def write(stack: Stack) -> list[str]:
    """Rows that the master has acknowledged, `ROWS` of them, `ROWS_PER_S` a second."""
    database, tokens = Database(stack.credentials, stack.binding), []
    mine = secrets.token_hex(4)
    for number in range(ROWS):
        token = f"{mine}-bench-{number}"
        if database.insert(stack.database_address(), token, "bench", number, 5.0).outcome == "ok":
            tokens.append(token)
        time.sleep(1 / ROWS_PER_S)
    return tokens


def _ours(stack: Stack, reports: Path) -> str:
    """The run's row: what its last reading found lost, and what the primary lacks of all that was acknowledged.

    Exits where these are not the same writes.
    """
    (run,) = reports.glob("2*")
    report = json.loads((run / "report.json").read_text())
    last = next(check for check in reversed(_checks(report, "continuity")) if check["figures"].get("pods_read"))
    history = journal.read(run)
    read_at = max(one.at for one in history.of(Contents) if one.pod)
    tried = [*history.of(Write), *(beat.write for beat in history.of(Heartbeat))]
    written = [one for one in tried if one.outcome == "ok" and one.end <= read_at]
    there = held(stack, "mysql-0")
    lost = [one for one in written if one.token not in there[one.what]]
    _require_same(last["figures"].get("lost_writes", {}), lost)
    fault = next(step for step in report["steps"] if step["index"] == 0)["time_to_recovery"]["fault_at_s"]
    before = [one.token for one in written if one.what == "row" and one.end < fault]
    says = f"{last['figures']['lost']} of {last['figures']['acknowledged']} writes"
    truth = f"{len(lost)} of {len(written)} writes, the same by their ids"
    return f"| hachaos | {report['verdict']} | {says} | {truth} | {readable(stack, before)} |"


def _require_same(said: dict[str, dict[str, Any]], lost: list[Write]) -> None:
    for what in {*said, *(one.what for one in lost)}:
        named = set(_spelled_out(said[what]["ids"])) if what in said else set()
        truth = {str(one.token if one.key is None else one.key) for one in lost if one.what == what}
        numbers = said.get(what, {}).get("number", 0), sum(one.what == what for one in lost)
        if named != truth or len(set(numbers)) > 1:
            apart = f"only we say {sorted(named - truth)}, only SQL does {sorted(truth - named)}"
            sys.exit(f"lost, of kind {what}: {numbers[0]} we say, {numbers[1]} by SQL; {apart}")


def _spelled_out(ids: str) -> list[str]:
    """Each of `1-40, 7, 9, ... 295`."""
    found: list[str] = []
    for each in ids.split(", "):
        low, _, high = each.partition("-")
        if each.startswith("... "):
            apart = int(found[-1]) - int(found[-2])
            found += map(str, range(int(found[-1]) + apart, int(each[4:]) + 1, apart))
        elif low.isdigit() and high.isdigit():
            found += map(str, range(int(low), int(high) + 1))
        else:
            found.append(each)
    return found


def _checks(report: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [check for step in report["steps"] for check in step["checks"] if check["name"] == name]


def held(stack: Stack, pod: str) -> dict[str, set[str]]:
    """The tokens that a database pod holds, of rows and of posts."""
    ledger, site = stack.binding.database, stack.binding.site
    posts = f"`{site.schema}`.`{site.prefix}posts`"
    return {
        "row": _asked(stack, pod, f"SELECT token FROM `{ledger.schema}`.`{ledger.table}`"),
        "post": _asked(stack, pod, f"SELECT post_title FROM {posts} WHERE post_status = 'publish'"),
    }


def _asked(stack: Stack, pod: str, statement: str) -> set[str]:
    """What the server's own client says within the pod; nothing of a table that is not there."""
    command = ["sh", "-c", _CLIENT, "sh", statement]
    said = stack.api.execute(pod, stack.binding.controller("database").container, command, timeout_s=60.0)
    if said.code and not any(each in said.err for each in _NO_SUCH_TABLE):
        sys.exit(f"{pod}: {said.err.strip() or said.code}")
    return set(said.out.splitlines())


def readable(stack: Stack, tokens: Iterable[str]) -> str:
    """How many of the tokens each pod still holds."""
    wanted, pods = set(tokens), [pod.name for pod in stack.pods("database")]
    return ", ".join(f"{pod}: {len(wanted & held(stack, pod)['row'])} of {len(wanted)}" for pod in pods)


if __name__ == "__main__":
    main()
