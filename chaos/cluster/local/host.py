"""What this host has of what the embedded cluster needs. Only reads."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaos import paths
from chaos.cluster.local import cgroup
from chaos.errors import HostError

_CAP_SYS_RESOURCE = 24
MEMORY_BASE = 1 << 30
MEMORY_PER_NODE = 256 << 20
CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids")
"""The cgroup v1 controllers that kubelet and runc need."""
CONTROLLERS_V2 = ("cpu", "cpuset", "memory", "pids")
PROGRAMS = ("containerd", "runc", "iptables", "conntrack", "ip", "nsenter", "unshare", "setsid", "mount")


@dataclass(frozen=True)
class Host:
    """Facts of a host. Sizes in bytes."""

    linux: bool
    root: bool
    namespaces: bool
    cgroup_version: int
    """1, 2, or 0 when none is mounted for writing."""
    controllers: frozenset[str]
    overlayfs: bool
    lower_oom_score: bool
    """Whether a process may lower its OOM score (CAP_SYS_RESOURCE)."""
    kernel_nfs: bool
    fuse: bool
    loop_devices: bool
    iptables_matches: bool
    """Whether iptables has the matches and targets that kube-proxy uses, as far as the kernel says."""
    disk_free: int
    disk_path: Path
    memory_available: int
    cpus: int
    go: str | None
    missing_programs: tuple[str, ...]


def read() -> Host:
    """Look at this host."""
    hierarchies = _hierarchies()
    version = _cgroup_version(hierarchies)
    disk_path = _nearest(paths.cache_root())
    filesystems = _text("/proc/filesystems").split()
    return Host(
        linux=platform.system() == "Linux",
        root=os.geteuid() == 0,
        namespaces=all(Path(f"/proc/self/ns/{kind}").exists() for kind in ("net", "mnt")),
        cgroup_version=version,
        controllers=_controllers(hierarchies, version),
        overlayfs="overlay" in filesystems or _module("overlay"),
        lower_oom_score=can_lower_oom_score(),
        kernel_nfs="nfs" in filesystems or "nfs4" in filesystems or _module("nfs"),
        fuse=Path("/dev/fuse").exists(),
        loop_devices=Path("/dev/loop-control").exists(),
        iptables_matches=_iptables_matches(),
        disk_free=shutil.disk_usage(disk_path).free,
        disk_path=disk_path,
        memory_available=_memory_available(),
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        go=shutil.which("go"),
        missing_programs=tuple(name for name in PROGRAMS if not _which(name)),
    )


def can_lower_oom_score() -> bool:
    """Whether this process has CAP_SYS_RESOURCE, or would have it as root."""
    kind = "CapEff" if os.geteuid() == 0 else "CapBnd"
    found = re.search(rf"^{kind}:\s*([0-9a-f]+)", _text("/proc/self/status"), re.MULTILINE)
    return bool(found and int(found[1], 16) >> _CAP_SYS_RESOURCE & 1)


def require_root() -> None:
    """Raises HostError for anybody else, or on anything but Linux."""
    if platform.system() != "Linux":
        raise HostError("the embedded cluster needs Linux", hint="Name another cluster with --context.")
    if os.geteuid() != 0:
        raise HostError("the embedded cluster needs root", hint="Run it with sudo, or name a cluster with --context.")


def require(host: Host, nodes: int, disk_needed: int) -> None:
    """Raises HostError for the first thing that a cluster of so many nodes cannot do without."""
    if host.cgroup_version == 0:
        raise HostError("no cgroup hierarchy is mounted for writing", hint="`hachaos cluster doctor` says more.")
    if lacking := missing_controllers(host):
        raise HostError(
            f"the cgroup controllers {', '.join(lacking)} are missing", hint="`hachaos cluster doctor` says more."
        )
    if host.disk_free < disk_needed:
        free = f"{host.disk_free / 1e9:.1f} GB are free"
        raise HostError(
            f"{disk_needed / 1e9:.1f} GB are needed below {paths.cache_root()}, and {free}",
            hint="Make room, or set XDG_CACHE_HOME to a folder on a larger disk.",
        )
    if host.memory_available < (needed := memory_needed(nodes)):
        available = f"{host.memory_available / 1e9:.1f} GB are available"
        raise HostError(
            f"{nodes} nodes need {needed / 1e9:.1f} GB of memory, and {available}",
            hint="Ask for fewer with --nodes, or end something.",
        )


def memory_needed(nodes: int) -> int:
    """Bytes that must be available for the cluster and a small stack on it."""
    return MEMORY_BASE + nodes * MEMORY_PER_NODE


def missing_controllers(host: Host) -> list[str]:
    """The cgroup controllers that the cluster needs and the host lacks."""
    wanted = CONTROLLERS_V2 if host.cgroup_version == 2 else CONTROLLERS
    return [name for name in wanted if name not in host.controllers]


def containerd_version() -> str:
    """What containerd calls itself, `1.6.20~ds1` for instance, or "" when it is not there."""
    try:
        said = subprocess.run(["containerd", "--version"], capture_output=True, text=True, check=False).stdout.split()
    except FileNotFoundError:
        return ""
    return said[2] if len(said) > 2 else ""


def _hierarchies() -> tuple[cgroup.Hierarchy, ...]:
    return cgroup.hierarchies(_text("/proc/self/mountinfo"))


def _cgroup_version(hierarchies: tuple[cgroup.Hierarchy, ...]) -> int:
    if any(hierarchy.version == 1 and "memory" in hierarchy.controllers for hierarchy in hierarchies):
        return 1
    return 2 if any(hierarchy.version == 2 for hierarchy in hierarchies) else 0


def _controllers(hierarchies: tuple[cgroup.Hierarchy, ...], version: int) -> frozenset[str]:
    found: set[str] = set()
    for hierarchy in hierarchies:
        if hierarchy.version != version:
            continue
        if version == 1:
            found |= hierarchy.controllers
        else:
            found |= set(_text(hierarchy.mount / "cgroup.controllers").split())
    return frozenset(found)


def _iptables_matches() -> bool:
    listed = "/proc/net/ip_tables_matches"
    # With the nf_tables back end, or before the first rule, the list is empty or not there: nothing speaks against it.
    names = _text(listed).split()
    return not names or {"comment", "statistic"} <= set(names) or _which("iptables-nft")


def _memory_available() -> int:
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _text("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _module(name: str) -> bool:
    listed = _text(f"/lib/modules/{platform.release()}/modules.dep")
    return re.search(rf"/{name}\.ko", listed) is not None


def _which(name: str) -> bool:
    # An ordinary user's PATH often lacks the folders that hold these.
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin") is not None


def _nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _text(path: str | Path) -> str:
    with suppress(OSError):
        return Path(path).read_text()
    return ""
