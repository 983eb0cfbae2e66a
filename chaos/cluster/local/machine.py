"""A machine of the cluster: a network namespace and a private mount namespace, held by one sleeping process.

A daemon of a machine is started into its namespaces and its cgroup `.../MACHINE/system`; on a node, pods get the
cgroup `.../MACHINE/kubepods` from kubelet.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.cluster.local.cgroup import Groups, is_dead
from chaos.cluster.local.layout import INSIDE, Places
from chaos.errors import ClusterError

HOLDER = "machine"
KEEPER = "keeper"
STATE_VARIABLE = "HACHAOS_STATE"
KUBE = INSIDE / "kube"

_SCRIPT = Path(__file__).with_name("machine.sh")
_FOLDERS = ("lib", "log", "var-log", "tmp", "etc")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_READY_S = 20.0
_POLL_S = 0.01
_LOG_TAIL_LINES = 3


@dataclass(frozen=True)
class Machine:
    """One machine. `name` is `control-plane` or a node's name."""

    places: Places
    groups: Groups
    name: str

    @property
    def group(self) -> str:
        return f"{self.places.group}/{self.name}"

    @property
    def folder(self) -> Path:
        return self.places.machine(self.name)

    def start(self, kube: Path, *, template: Path | None = None, mount_nfs: Path | None = None) -> None:
        """Make the namespaces. The network namespace must be there. Raises ClusterError."""
        for name in _FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "tmp").chmod(0o1777)
        stage = self.places.stage(self.name)
        stage.mkdir(parents=True, exist_ok=True)
        arguments = [stage, self.folder, self.places.volumes, kube, template or "", mount_nfs or ""]
        netns = f"--net={self.places.netns(self.name)}"
        self._launch(HOLDER, ["nsenter", netns, "unshare", "--mount", "sh", _SCRIPT, *arguments])
        log, deadline = self.places.log(self.name, HOLDER), time.monotonic() + _READY_S
        while not log.read_text().endswith("ready\n"):
            if time.monotonic() > deadline or self.ended(HOLDER):
                raise ClusterError(f"the namespaces of {self.name} could not be made: {self.last_words(HOLDER)}")
            time.sleep(_POLL_S)

    def spawn(self, unit: str, argv: Sequence[str | Path]) -> None:
        """Start a daemon of this machine in the background, its output going to its log."""
        holder = self.pid(HOLDER)
        namespaces = [f"--net={self.places.netns(self.name)}", f"--mount=/proc/{holder}/ns/mnt"]
        variables = {"PATH": _PATH, "HOME": "/root", STATE_VARIABLE: str(self.places.state)}
        environment = ["env", "-i", *(f"{name}={value}" for name, value in variables.items())]
        self._launch(unit, ["nsenter", *namespaces, *environment, *argv])

    def spawn_outside(self, unit: str, argv: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Start a daemon in this machine's network and cgroup that sees the host's files."""
        variables = [f"{name}={value}" for name, value in {"PATH": _PATH, "HOME": "/root", **environment}.items()]
        self._launch(unit, ["nsenter", f"--net={self.places.netns(self.name)}", "env", "-i", *variables, *argv])

    def pid(self, unit: str) -> int | None:
        """The process id of a daemon; None when it was never started."""
        try:
            return int(self.places.pid(self.name, unit).read_text())
        except (OSError, ValueError):
            return None

    def ended(self, unit: str) -> bool:
        """Whether a daemon was started and is no longer there, in this machine's cgroup."""
        pid = self.pid(unit)
        return pid is not None and not self._is_ours(pid)

    def units(self) -> list[str]:
        """The daemons that were started, the holder of the namespaces first."""
        found = sorted(path.name.partition(".")[2] for path in self.places.run.glob(f"pids/{self.name}.*"))
        return sorted(found, key=lambda unit: unit != HOLDER)

    def last_words(self, unit: str) -> str:
        """The end of a daemon's log."""
        path = self.places.log(self.name, unit)
        try:
            lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
        except OSError:
            lines = []
        return " | ".join(lines[-_LOG_TAIL_LINES:]) or "it said nothing"

    def _launch(self, unit: str, argv: Sequence[str | Path]) -> None:
        pid, log = self.places.pid(self.name, unit), self.places.log(self.name, unit)
        pid.parent.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        pid.unlink(missing_ok=True)
        # The process notes its own number once it is in its group, and keeps it through every exec that follows.
        noted = ["sh", "-c", 'echo $$ > "$1.new" && mv "$1.new" "$1" && shift && exec "$@"', "note", pid, *argv]
        command = self.groups.command(f"{self.group}/system", noted)
        with log.open("ab") as output:
            subprocess.run(
                ["setsid", "--fork", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=True,
                env={"PATH": _PATH},
            )
        deadline = time.monotonic() + _READY_S
        while not pid.exists():
            if time.monotonic() > deadline:
                raise ClusterError(f"{unit} of {self.name} did not start: {self.last_words(unit)}")
            time.sleep(_POLL_S / 5)

    def _is_ours(self, pid: int) -> bool:
        try:
            return not is_dead(pid) and f"/{self.group}/" in Path(f"/proc/{pid}/cgroup").read_text()
        except OSError:
            return False
