"""Everything that the embedded cluster needs built or downloaded once: is it there, and if not, make it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from chaos.cluster.local import binaries, cache, packages, template
from chaos.cluster.local.commands import Cancelled, Commands
from chaos.cluster.local.images import builder
from chaos.errors import HostError
from chaos.progress import Progress

_MB = 1_000_000
_PACKAGES_BYTES = 400 * _MB
_GO_BYTES = 4_500 * _MB
_IMAGES_BYTES = 1_600 * _MB
_TEMPLATE_BYTES = 1_100 * _MB
_RUNNING_BYTES = 2_000 * _MB


@dataclass(frozen=True)
class Artifacts:
    """Where the finished things are."""

    kube: Path
    """The multi-call binary: `kube kubelet ...`, or through a link named after the component."""
    coredns: Path
    mount_nfs: Path | None
    """Our NFS client, to be bound over /sbin/mount.nfs in a node; None where the kernel has one."""
    template: Path
    """A containerd root with all images. Nodes may link to its layers but need bolt files of their own."""


def missing() -> list[str]:
    """What would have to be installed, built or downloaded, in words. Changes nothing."""
    lacking = [f"Debian package {name}" for name in packages.missing()]
    lacking += binaries.missing()
    lacking += [f"image {name}" for name in builder.missing()]
    if not cache.is_whole(template.entry(_contents())):
        lacking.append("the template with all images")
    return lacking


def disk_needed() -> int:
    """Bytes that are still to be written for what is missing, and by a cluster that runs with a small stack."""
    needed = _RUNNING_BYTES
    if packages.missing():
        needed += _PACKAGES_BYTES
    if binaries.missing():
        needed += _GO_BYTES
    if builder.missing():
        needed += _IMAGES_BYTES
    if not cache.is_whole(template.entry(_contents())):
        needed += _TEMPLATE_BYTES
    return needed


def ensure(progress: Progress) -> Artifacts:
    """Build or download whatever is missing. What is whole is kept, so a call goes on where the last was cut off.

    Raises HostError, with what to do: not root, no room on the disk, a registry that does not answer, a failed build.
    """
    if missing():
        if os.geteuid() != 0:
            raise HostError(
                "only root can build what the embedded cluster needs: " + ", ".join(missing()),
                hint="Run the same command as root (sudo).",
            )
        with cache.lock(progress):
            _check_room()
            cache.sweep()
            _build(progress)
    return Artifacts(
        kube=binaries.kube(),
        coredns=binaries.coredns(),
        mount_nfs=binaries.mount_nfs(),
        template=template.root(_contents()),
    )


def _contents() -> tuple[str, ...]:
    return builder.contents(binaries.coredns())


def _check_room() -> None:
    needed, free = disk_needed(), shutil.disk_usage(cache.root()).free
    if free < needed:
        raise HostError(
            f"not enough room for the embedded cluster: {cache.root()} needs {needed / 1e9:.1f} GB,"
            f" {free / 1e9:.1f} GB is free",
            hint="Make room, or set XDG_CACHE_HOME to a folder on a larger disk.",
        )


def _build(progress: Progress) -> None:
    commands = Commands()
    packages.ensure(progress, commands)

    def go() -> None:
        binaries.ensure_go(progress, commands)
        builder.ensure_coredns(binaries.coredns())

    def images() -> None:
        builder.ensure_pause(commands)
        builder.ensure(progress, commands)

    _side_by_side(commands, go, images, lambda: binaries.ensure_nfs(progress, commands))
    template.ensure(builder.images(binaries.coredns()), _contents(), progress)


def _side_by_side(commands: Commands, *works: Callable[[], None]) -> None:
    """Do all `works`; when one fails, end the others at once and raise what the first failure was."""
    with ThreadPoolExecutor(len(works), thread_name_prefix="build") as pool:
        jobs = [pool.submit(work) for work in works]
        try:
            wait(jobs, return_when=FIRST_EXCEPTION)
        finally:
            if not all(job.done() and job.exception() is None for job in jobs):
                commands.cancel()
    failures = [error for job in jobs if (error := job.exception()) is not None]
    for error in sorted(failures, key=lambda each: isinstance(each, Cancelled)):
        raise error
