"""The cgroups of a cluster: everything that it runs is in them from before its exec, so nothing can escape `down`.

A group is named by its path, `hachaos/NAME/node-1/system` for instance, and has a folder in every hierarchy: each
cgroup v1 hierarchy that is mounted, and cgroup v2's where it is (alone, or beside v1 as systemd's hybrid mode has it).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaos.errors import ClusterError, HostError

_JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"'
_POLL_S = 0.02


@dataclass(frozen=True)
class Hierarchy:
    """A mounted hierarchy: where, of which version (1 or 2), and with which controllers (as the mount names them)."""

    mount: Path
    version: int
    controllers: frozenset[str]

    def folder(self, group: str) -> Path:
        return self.mount / group


def hierarchies(mountinfo: str) -> tuple[Hierarchy, ...]:
    """The hierarchies that the text of /proc/self/mountinfo names, each once, in the order of their mounting."""
    found: dict[str, Hierarchy] = {}
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        if not separator:
            continue
        fields, (kind, _, options) = before.split(), after.split()[:3]
        if kind not in {"cgroup", "cgroup2"} or "rw" not in fields[5].split(","):
            continue
        mount = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        controllers = frozenset(options.split(",")) - {"rw", "ro", "xattr", "nsdelegate", "memory_recursiveprot"}
        found.setdefault(fields[2], Hierarchy(mount, 2 if kind == "cgroup2" else 1, controllers))
    return tuple(found.values())


def mounted() -> tuple[Hierarchy, ...]:
    """The hierarchies of this host. Raises HostError when there is none that can be written."""
    found = hierarchies(Path("/proc/self/mountinfo").read_text())
    if not found:
        raise HostError("no cgroup hierarchy is mounted for writing", hint="`hachaos cluster doctor` says more.")
    return found


@dataclass(frozen=True)
class Groups:
    """The groups of one cluster, below `top`."""

    hierarchies: tuple[Hierarchy, ...]
    top: str

    def create(self, group: str) -> None:
        """Make a group and those above it, ready to take processes. Raises HostError."""
        for hierarchy in self.hierarchies:
            try:
                try:
                    self._create_in(hierarchy, group)
                except FileNotFoundError:
                    # The end of another cluster may have removed `hachaos` between two steps.
                    self._create_in(hierarchy, group)
            except OSError as error:
                raise HostError(
                    f"cannot make the cgroup {hierarchy.folder(group)}: {error.strerror}",
                    hint="The embedded cluster needs to write the host's cgroup root.",
                ) from error

    def command(self, group: str, argv: Sequence[str | Path]) -> list[str]:
        """The command that joins `group` in every hierarchy and then becomes `argv`."""
        joined = [str(hierarchy.folder(group) / "cgroup.procs") for hierarchy in self.hierarchies]
        return ["sh", "-c", _JOIN, "join", *joined, "--", *map(str, argv)]

    def run(self, group: str, argv: Sequence[str | Path], *, text: str | None = None) -> str:
        """Run a short-lived command within `group`, with `text` on its stdin, and give back its stdout.

        Raises ClusterError with the command's own words.
        """
        done = subprocess.run(self.command(group, argv), input=text or "", capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip() or f"exit status {done.returncode}"
            raise ClusterError(f"`{' '.join(map(str, argv))}` failed: {said}")
        return done.stdout

    def processes(self, group: str | None = None) -> set[int]:
        """The processes of a group and of those below it, in any hierarchy."""
        found: set[int] = set()
        for hierarchy in self.hierarchies:
            for folder in _tree(hierarchy.folder(group or self.top)):
                with suppress(OSError, ValueError):
                    found.update(map(int, (folder / "cgroup.procs").read_text().split()))
        return found

    def exists(self) -> bool:
        return any(hierarchy.folder(self.top).is_dir() for hierarchy in self.hierarchies)

    def kill(self, group: str | None = None, *, timeout_s: float = 20.0) -> set[int]:
        """End everything in a group and below it, and wait until it is dead. Gives back what was there.

        Raises ClusterError when it stays.
        """
        group = group or self.top
        deadline, found = time.monotonic() + timeout_s, set[int]()
        while True:
            found |= self.processes(group)
            self._strike(group)
            if not (left := {pid for pid in self.processes(group) if not is_dead(pid)}):
                return found
            if time.monotonic() > deadline:
                raise ClusterError(f"processes of {group} do not end: {', '.join(map(str, sorted(left)))}")
            time.sleep(_POLL_S)

    def remove(self, group: str | None = None, *, timeout_s: float = 20.0) -> set[int]:
        """Kill, then remove the group's folders everywhere, and `hachaos` too when nothing is left in it.

        Gives back the processes that were killed. Raises ClusterError when something stays.
        """
        group = group or self.top
        deadline, found = time.monotonic() + timeout_s, set[int]()
        while True:
            found |= self.kill(group, timeout_s=timeout_s)
            left = [folder for hierarchy in self.hierarchies for folder in _remove_tree(hierarchy.folder(group))]
            if not left:
                break
            if time.monotonic() > deadline:
                raise ClusterError(f"the cgroup {left[0]} cannot be removed")
            time.sleep(_POLL_S)
        for hierarchy in self.hierarchies:
            for parent in Path(group).parents:
                if parent != Path():
                    with suppress(OSError):
                        hierarchy.folder(str(parent)).rmdir()
        return found

    def _create_in(self, hierarchy: Hierarchy, group: str) -> None:
        folder = hierarchy.mount
        for part in Path(group).parts:
            if hierarchy.version == 2:
                # Controllers reach a group only if every group above passes them on.
                _pass_controllers_on(folder)
            parent, folder = folder, folder / part
            folder.mkdir(exist_ok=True)
            if "cpuset" in hierarchy.controllers:
                # A v1 cpuset starts empty, and nothing can run in an empty one.
                for name in ("cpuset.cpus", "cpuset.mems"):
                    if not (folder / name).read_text().strip():
                        (folder / name).write_text((parent / name).read_text())

    def _strike(self, group: str) -> None:
        freezers = []
        for hierarchy in self.hierarchies:
            folder = hierarchy.folder(group)
            if hierarchy.version == 2 and (folder / "cgroup.kill").exists():
                (folder / "cgroup.kill").write_text("1")
            elif "freezer" in hierarchy.controllers and folder.is_dir():
                freezers.append(folder / "freezer.state")
        # Frozen, nothing can fork away between the look and the blow.
        for freezer in freezers:
            with suppress(OSError):
                freezer.write_text("FROZEN")
        for pid in self.processes(group):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # A frozen process dies only when it is thawed, and a group below may have been frozen on its own.
        for freezer in freezers:
            for folder in _tree(freezer.parent):
                with suppress(OSError):
                    (folder / "freezer.state").write_text("THAWED")


def _pass_controllers_on(folder: Path) -> None:
    wanted = (folder / "cgroup.controllers").read_text().split()
    have = (folder / "cgroup.subtree_control").read_text().split()
    for controller in wanted:
        if controller not in have:
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def _tree(top: Path) -> Iterable[Path]:
    """`top` and every folder below it, parents first; nothing if it is not there."""
    for folder, _, _ in os.walk(top):
        yield Path(folder)


def _remove_tree(top: Path) -> list[Path]:
    """Remove the folders, the deepest first. Gives back those that would not go."""
    left = []
    for folder in reversed(list(_tree(top))):
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            left.append(folder)
    return left


def is_dead(pid: int) -> bool:
    """Whether the process is gone, or only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (OSError, IndexError):
        return True
