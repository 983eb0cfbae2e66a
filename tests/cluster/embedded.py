"""What the cluster tests share beside fixtures."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chaos import journal
from chaos.cluster.api import connect
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.local.layout import Places
from chaos.cluster.local.namespaces import enter_network
from chaos.cluster.target import Target
from chaos.stack.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
NAME = "test"
"""The name of the tests' own cluster, so that one that the user has is left alone."""

Hachaos = Callable[..., "subprocess.CompletedProcess[str]"]
"""What the fixture `hachaos` gives: a call of the launcher with these arguments."""


@contextmanager
def inside(cluster: Cluster) -> Iterator[Target]:
    """The cluster, with the calling thread in its network until the end."""
    with Path("/proc/thread-self/ns/net").open() as home:
        back = Path(f"/proc/{os.getpid()}/fd/{home.fileno()}")
        enter_network(cluster.switch_netns)
        try:
            yield Target(
                name=f"local/{cluster.name}",
                local=True,
                nodes=len(cluster.nodes),
                api=connect(cluster.kubeconfig),
                versions=cluster.versions,
            )
        finally:
            enter_network(back)


def await_in_journal(
    running: subprocess.Popen[Any], reports: Path, there: Callable[[str], bool], timeout_s: float = 300
) -> Path:
    """The folder of a run that writes below `reports`, once what is looked for is in its journal's text."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and running.poll() is None:
        for path in reports.glob(f"*/{journal.NAME}"):
            if there(path.read_text()):
                return path.parent
        time.sleep(0.1)
    if running.poll() is None:
        running.kill()
    out, _ = running.communicate(timeout=60)
    raise AssertionError(f"it did not come that far; the run said: {out}")


def sql(stack: Stack, pod: str, *statements: str) -> str:
    """What the pod's database answers its root user."""
    command = ["mariadb", "-uroot", "-N", "-B", "-e", "; ".join(statements)]
    done = stack.api.execute(pod, "mysql", command, timeout_s=30)
    assert done.code == 0, done.err
    return done.out.strip()


@contextmanager
def cut_off(cluster: Cluster, node: str) -> Iterator[None]:
    """A node without the network, and let back."""
    link = ["nsenter", f"--net={cluster.switch_netns}", "ip", "link", "set", node]
    subprocess.run([*link, "down"], check=True)
    try:
        yield
    finally:
        subprocess.run([*link, "up"], check=True)


def in_network_of(node: str) -> list[str]:
    """What a command begins with that is to run in the network of a node."""
    return ["nsenter", f"--net={Places.of(NAME).netns(node)}"]


def volume(stack: Stack, cluster: Cluster, pod: str) -> Path:
    """The folder on this machine that a database pod's volume is."""
    claim = stack.api.get("PersistentVolumeClaim", f"data-{pod}")
    assert claim is not None
    found = stack.api.get("PersistentVolume", claim["spec"]["volumeName"])
    assert found is not None
    return cluster.kubeconfig.parent / "volumes" / Path(found["spec"]["hostPath"]["path"]).name


def put_data(old: Path, place: Path) -> None:
    """Replace a data folder by another, with the owners that the first had."""
    owner = place.stat()
    shutil.rmtree(place)
    shutil.copytree(old, place)
    for path in (place, *place.rglob("*")):
        shutil.chown(path, owner.st_uid, owner.st_gid)
