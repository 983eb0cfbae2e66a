"""The Debian packages that the host needs: which are missing, and putting them there without starting a service."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chaos.cluster.local.commands import CommandFailed, Commands
from chaos.cluster.local.retry import retrying
from chaos.errors import HostError
from chaos.progress import Progress, Task


class Gone(HostError):
    """The archive no longer has a version that the lists name: they are too old."""


_ALWAYS = (
    "busybox-static",
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "debian-archive-keyring",
    "gcc",
    "iproute2",
    "ipset",
    "iptables",
    "libc6-dev",
    "mmdebstrap",
    "runc",
    "util-linux",
)
_FOR_OWN_NFS_CLIENT = ("fuse3", "libfuse3-dev", "libnfs-dev", "pkg-config")
_FOR_KERNEL_NFS_CLIENT = ("nfs-common",)

_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_TEXT = "#!/bin/sh\n# Put here by hachaos while it installs packages: no service may start.\nexit 101\n"

ARCHIVE = "the Debian package archive"
ARCHIVE_HINT = "Check this host's network and its apt sources (apt-get update), then run the same command again."

_STATUS = re.compile(r"(?:pm|dl)status:.*?:(\d+(?:\.\d+)?):(.*)")


def kernel_has_nfs() -> bool:
    """Whether this kernel can mount NFS itself: it is built in, or there is a module that the first mount will load."""
    if "nfs" in Path("/proc/filesystems").read_text().split():
        return True
    probe = ["modprobe", "--quiet", "--dry-run", "nfs"]
    return shutil.which("modprobe") is not None and subprocess.run(probe, check=False).returncode == 0


def needed() -> tuple[str, ...]:
    """The packages that this host needs."""
    return _ALWAYS + (_FOR_KERNEL_NFS_CLIENT if kernel_has_nfs() else _FOR_OWN_NFS_CLIENT)


def missing(wanted: Sequence[str] | None = None) -> list[str]:
    """Those of `wanted` (default: all that are needed) that dpkg does not have installed.

    Raises HostError on a host without dpkg.
    """
    wanted = needed() if wanted is None else wanted
    try:
        answer = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package} ${Provides}\n"],
            check=False,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise HostError(
            "this host has no dpkg: the embedded cluster needs Debian 12 or a relative of it",
            hint="Run on a Debian machine, or name another cluster with --context.",
        ) from error
    return not_installed(wanted, answer.stdout)


def not_installed(wanted: Sequence[str], listing: str) -> list[str]:
    """Those of `wanted` that no line `STATUS NAME PROVIDES` of `listing` has as installed."""
    there: set[str] = set()
    for line in listing.splitlines():
        status, _, rest = line.partition(" ")
        if status == "installed":
            name, _, provides = rest.partition(" ")
            there.add(name)
            there.update(item.split()[0] for item in provides.split(",") if item.strip())
    return [name for name in wanted if name not in there]


def ensure(progress: Progress, commands: Commands) -> None:
    """Install what is missing. Raises HostError: not root, no apt, no answer from the package archive."""
    lacking = missing()
    if not lacking:
        return
    if os.geteuid() != 0:
        raise HostError(
            f"packages are missing and only root can install them: {' '.join(lacking)}",
            hint=f"Run as root, or: apt-get install --no-install-recommends {' '.join(lacking)}",
        )
    if shutil.which("apt-get") is None:
        raise HostError(f"this host has no apt-get to install what is missing: {' '.join(lacking)}")
    with progress.task("install Debian packages") as task, no_services():
        task.update(f"0 of {len(lacking)}: {' '.join(lacking)}")
        # What an install that was killed left half done would keep the next from beginning.
        quietly = {"DEBIAN_FRONTEND": "noninteractive"}
        commands.run("dpkg", ["dpkg", "--configure", "--pending"], env=quietly, to_the_end=True)
        apt(commands, task, ["update"], what="apt-get update")
        apt(commands, task, ["install", *lacking], what="apt-get install", to_the_end=True)


@contextmanager
def no_services() -> Iterator[None]:
    """Keep packages from starting their services: a policy-rc.d for the length of the block, where there is none."""
    try:
        with _POLICY.open("x") as file:
            file.write(_POLICY_TEXT)
            _POLICY.chmod(0o755)
        ours = True
    except FileExistsError:
        # A killed install may have left ours behind: then it is ours to remove.
        ours = _POLICY.read_text(errors="replace") == _POLICY_TEXT
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


def apt(
    commands: Commands,
    task: Task,
    arguments: Sequence[str],
    *,
    what: str,
    options: Sequence[str] = (),
    to_the_end: bool = False,
) -> None:
    """Run apt-get with progress; try again, after a while, what may be a passing failure of the network.

    Raises Gone when the lists are too old, HostError when the archive does not answer.
    """
    argv = [
        # apt closes the descriptor that its status goes to in the programs that it starts, so it cannot be stdout.
        *("sh", "-c", 'exec apt-get "$@" 3>&1', "apt-get"),
        "--yes",
        "--no-install-recommends",
        "--option=APT::Status-Fd=3",
        "--option=DPkg::Lock::Timeout=300",
        "--option=Acquire::Retries=3",
        # A failed `update` of one archive is a warning to apt, and the install then asks for versions that are gone.
        "--option=APT::Update::Error-Mode=any",
        "--option=Dpkg::Use-Pty=0",
        *(f"--option={option}" for option in options),
        *arguments,
    ]

    environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}

    def show(line: str) -> None:
        share = status_percent(line)
        if share is not None:
            task.update(share[1], done=share[0], total=100)

    def ask() -> None:
        try:
            commands.run(what, argv, env=environment, on_line=show, to_the_end=to_the_end)
        except CommandFailed as error:
            if any(" 404 " in line for line in error.lines):
                raise Gone(*error.args) from error
            raise

    retrying(ask, task, source=ARCHIVE, hint=ARCHIVE_HINT)


def status_percent(line: str) -> tuple[float, str] | None:
    """The percentage and text of a line that apt writes to its status descriptor (`pmstatus:PKG:PERCENT:TEXT`)."""
    match = _STATUS.match(line)
    return (float(match[1]), match[2]) if match else None
