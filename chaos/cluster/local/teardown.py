"""Takes a cluster away with every trace of it, whatever state it is in and whoever made it.

Nothing here trusts the anchor alone: what runs is known from the cgroup, what is bound from the mount table, loop
devices from their backing files, and the state folder also from what the processes say of it.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from chaos.cluster.local import cgroup, network, state
from chaos.cluster.local.layout import RUN, Places
from chaos.cluster.local.machine import STATE_VARIABLE
from chaos.errors import ClusterError

_GONE_S = 10.0
_REAPED_S = 5.0


def traces(name: str) -> list[str]:
    """What there is of the cluster, in words; empty when there is nothing."""
    places = located(name)
    found = []
    groups = cgroup.Groups(cgroup.mounted(), places.group)
    if processes := groups.processes():
        found.append(f"{len(processes)} processes")
    if groups.exists():
        found.append(f"cgroup /{places.group}")
    if places.run.exists():
        found.append(str(places.run))
    if places.state.exists():
        found.append(str(places.state))
    return found


def located(name: str) -> Places:
    """Where the cluster lies: as its anchor says, else as its processes do, else where this user's would lie."""
    usual = Places.of(name)
    if anchor := state.read(usual):
        return anchor.places
    for pid in cgroup.Groups(cgroup.mounted(), usual.group).processes():
        with suppress(OSError):
            for variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                key, _, value = variable.partition(b"=")
                if key.decode() == STATE_VARIABLE:
                    return Places(name, Path(value.decode()))
    return usual


def remove(name: str) -> None:
    """Remove the cluster of that name. The lock must be held. Raises ClusterError when something does not go."""
    places = located(name)
    groups = cgroup.Groups(cgroup.mounted(), places.group)
    _wait_until_reaped(groups.remove())
    network.destroy(places.run)
    for device in loop_devices(places.state):
        subprocess.run(["losetup", "--detach", device], check=False, capture_output=True)
    for folder in (places.state, places.run):
        _remove_folder(folder)
    for parent in (places.state.parent, RUN):
        with suppress(OSError):
            parent.rmdir()


def loop_devices(folder: Path) -> list[str]:
    """The loop devices whose backing file is below `folder`, /dev/loopN each."""
    return backed_by(folder, Path("/sys/block").glob("loop*/loop/backing_file"))


def backed_by(folder: Path, files: Iterable[Path]) -> list[str]:
    """Of the files /sys/block/loopN/loop/backing_file, the devices whose backing file is below `folder`."""
    found = []
    for file in files:
        with suppress(OSError):
            if Path(file.read_text().strip()).is_relative_to(folder):
                found.append(f"/dev/{file.parent.parent.name}")
    return found


def _wait_until_reaped(processes: set[int]) -> None:
    """Give process 1 a while to take note of the dead: until then they are still listed."""
    deadline = time.monotonic() + _REAPED_S
    while any(Path(f"/proc/{pid}").exists() for pid in processes) and time.monotonic() < deadline:
        time.sleep(0.05)


def _remove_folder(folder: Path) -> None:
    # A namespace goes some milliseconds after its last process, and its mounts keep folders until then.
    deadline = time.monotonic() + _GONE_S
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            if time.monotonic() > deadline:
                raise ClusterError(f"{error.filename or folder} cannot be removed: {error.strerror}") from error
            time.sleep(0.05)
