"""The processes of a container on a node of the embedded cluster, as the host sees them, and signals to them.

A node has no process namespace of its own, so the host sees all; which container a process is of, its cgroup tells:
`.../hachaos/NAME/NODE/kubepods/.../CONTAINER`, which containerd has set and a container can't leave.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path, PurePosixPath

from chaos.cluster.local.cgroup import is_dead
from chaos.cluster.local.layout import Places, check_name
from chaos.errors import ClusterError

PROC = Path("/proc")


def group_of(cluster: str, node: str) -> str:
    """The cgroup below which a node's pods are."""
    return f"/{Places.of(check_name(cluster)).group}/{node}/"


def processes(cluster: str, node: str, container: str, *, proc: Path = PROC) -> dict[int, str]:
    """The living processes of a container (its whole ID, without `containerd://`), each with its /proc/PID/stat."""
    found = {}
    for folder in proc.iterdir():
        if folder.name.isdigit() and is_in(cluster, node, container, int(folder.name), proc=proc):
            try:
                found[int(folder.name)] = (folder / "stat").read_text()
            except OSError:
                continue
    return found


def is_in(cluster: str, node: str, container: str, pid: int, *, proc: Path = PROC) -> bool:
    """Whether a process is, in every cgroup hierarchy that knows containers, one of this container on this node."""
    if not container:
        return False
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return False
    group = group_of(cluster, node)
    paths = [line.split(":", maxsplit=2)[2] for line in lines if line.count(":") >= 2]
    ours = [path for path in paths if path.startswith(group)]
    return bool(ours) and all(container in PurePosixPath(path).parts for path in ours)


def inner_pid(pid: int, *, proc: Path = PROC) -> int:
    """The process's number within its container. Raises ClusterError when it is gone."""
    return int(_status(pid, "NSpid", proc).split()[-1])


def handles(pid: int, number: signal.Signals, *, proc: Path = PROC) -> bool:
    """Whether a process has a handler of its own for a signal. Raises ClusterError when it is gone."""
    return bool(int(_status(pid, "SigCgt", proc), 16) >> (number - 1) & 1)


def send(cluster: str, node: str, container: str, pid: int, number: signal.Signals) -> None:
    """Signal one process of this very container, and nothing else ever.

    Raises ClusterError when the process is gone, or is not one of the container any more.
    """
    gone = ClusterError(f"process {pid} of container {container[:12]} on {node} is gone")
    try:
        # From here on the descriptor means the process that is looked at now, whoever gets its number later.
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        raise gone from None
    try:
        if is_dead(pid) or not is_in(cluster, node, container, pid):
            raise gone
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        raise gone from None
    finally:
        os.close(descriptor)


def _status(pid: int, field: str, proc: Path) -> str:
    try:
        for line in (proc / str(pid) / "status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return line.partition(":")[2].strip()
    except OSError as error:
        raise ClusterError(f"process {pid} is gone") from error
    raise ClusterError(f"process {pid}: the kernel says nothing of {field}")
