"""`down` leaves the host as it was, whatever state the cluster was in."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.cluster.local import teardown
from chaos.cluster.local.cgroup import is_dead
from chaos.cluster.local.layout import CONTROL_PLANE, Places
from embedded import ROOT, Hachaos

NAME = "reap"
FOLDERS = ("/run", "/var/lib", "/var/log", "/opt", "/usr/libexec", "/etc", "/tmp", "/sys/fs/cgroup")
TABLES = (["ip", "address"], ["ip", "route"], ["ip", "netns"], ["iptables-save"], ["losetup", "--all"])
SYSCTLS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward")
DEEPEST = 4


def belongs_to_others(path: Path) -> bool:
    """Other clusters, and the tests' own folders, come and go beside this test."""
    text = str(path)
    if "hachaos" in text:
        return path.name != "hachaos" and f"/hachaos/{NAME}" not in text and f"hachaos-{NAME}" not in text
    return path.is_relative_to("/tmp") or path.is_relative_to("/sys/fs/cgroup")


def listing() -> set[str]:
    """Everything of the host that a cluster could leave behind or change, a line each."""
    found: set[str] = set()
    for top in FOLDERS:
        for folder, names, files in os.walk(top):
            here = Path(folder)
            if len(here.parts) > DEEPEST:
                names.clear()
            found |= {str(here / name) for name in (*names, *files) if not belongs_to_others(here / name)}
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found |= {line for line in mounts if "/hachaos/" not in line or f"/hachaos/{NAME}/" in line}
    return found | tables()


def tables() -> set[str]:
    """The host's network and its sysctls."""
    found: set[str] = set()
    for command in TABLES:
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found |= {line for line in out.splitlines() if not line.startswith("#") and "valid_lft" not in line}
    return found | {f"{name} {Path('/proc/sys', name).read_text()}" for name in SYSCTLS}


def processes() -> list[str]:
    """What runs in the cluster's cgroup. The dead that process 1 has not yet taken note of do not run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"/hachaos/{NAME}/" in (folder / "cgroup").read_text() and not is_dead(int(folder.name)):
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.fixture(autouse=True)
def gone(hachaos: Hachaos) -> Iterator[None]:
    hachaos("cluster", "down", "--name", NAME)
    yield
    hachaos("cluster", "down", "--name", NAME)


def start(nodes: int = 3) -> subprocess.Popen[bytes]:
    command = [str(ROOT / "hachaos"), "cluster", "up", "--name", NAME, "--nodes", str(nodes)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_once(condition: Callable[[], bool], nodes: int = 3) -> None:
    """Start a cluster and kill `up` with SIGKILL as soon as the condition holds."""
    process = start(nodes)
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "up ended before it could be killed"
        assert time.monotonic() < deadline, "the moment to kill did not come"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def down(home: Path) -> None:
    """Take the cluster down as somebody with another HOME."""
    environment = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}
    command = [str(ROOT / "hachaos"), "cluster", "down", "--name", NAME]
    done = subprocess.run(
        command, env={**environment, "HOME": str(home)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"cluster {NAME} is gone\n"


PLACES = Places.of(NAME)
MOMENTS = {
    "the anchor is written": PLACES.anchor.exists,
    "the network is being made": PLACES.netns("switch").exists,
    "the first machine is being made": PLACES.pid(CONTROL_PLANE, "machine").exists,
    "the API server starts": PLACES.pid(CONTROL_PLANE, "kube-apiserver").exists,
    "containerd starts": PLACES.pid("node-1", "containerd").exists,
    "kubelet starts": PLACES.pid("node-3", "kubelet").exists,
    "the cluster's keeper starts": PLACES.pid(CONTROL_PLANE, "keeper").exists,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_down_leaves_nothing_of_an_up_that_was_killed(moment: str, tmp_path: Path) -> None:
    before = listing()
    kill_once(MOMENTS[moment])
    assert teardown.traces(NAME)
    down(tmp_path)
    assert teardown.traces(NAME) == []
    assert processes() == []
    assert listing() == before


def test_down_leaves_nothing_of_a_cluster_that_ran(hachaos: Hachaos, tmp_path: Path) -> None:
    before = listing()
    assert hachaos("cluster", "up", "--name", NAME, "--nodes", "1").returncode == 0
    assert len(processes()) > 5
    assert tables() <= before
    down(tmp_path)
    assert processes() == []
    assert listing() == before


def test_down_finds_a_cluster_whose_anchor_is_lost(hachaos: Hachaos, tmp_path: Path) -> None:
    before = listing()
    assert hachaos("cluster", "up", "--name", NAME, "--nodes", "1").returncode == 0
    PLACES.anchor.unlink()
    down(tmp_path)
    assert teardown.traces(NAME) == []
    assert processes() == []
    assert listing() == before


def test_up_after_a_killed_up_makes_a_sound_cluster(hachaos: Hachaos) -> None:
    kill_once(MOMENTS["kubelet starts"])
    done = hachaos("cluster", "up", "--name", NAME, "--nodes", "1")
    assert done.returncode == 0, done.stderr
    assert hachaos("cluster", "status", "--name", NAME).returncode == 0


def test_up_makes_a_cluster_anew_whose_daemon_has_died(hachaos: Hachaos) -> None:
    assert hachaos("cluster", "up", "--name", NAME, "--nodes", "1").returncode == 0
    os.kill(int(PLACES.pid(CONTROL_PLANE, "kube-scheduler").read_text()), signal.SIGKILL)
    assert hachaos("cluster", "status", "--name", NAME).returncode == 3
    done = hachaos("cluster", "up", "--name", NAME, "--nodes", "1")
    assert done.returncode == 0, done.stderr
    assert "kube-scheduler of control-plane has ended" in done.stderr
    assert hachaos("cluster", "status", "--name", NAME).returncode == 0


def test_up_starts_a_dead_load_balancer_again_and_keeps_the_cluster(hachaos: Hachaos) -> None:
    assert hachaos("cluster", "up", "--name", NAME, "--nodes", "1").returncode == 0
    server = PLACES.pid(CONTROL_PLANE, "kube-apiserver").read_text()
    keeper = int(PLACES.pid(CONTROL_PLANE, "keeper").read_text())
    os.kill(keeper, signal.SIGKILL)
    assert hachaos("cluster", "up", "--name", NAME, "--nodes", "1").returncode == 0
    assert PLACES.pid(CONTROL_PLANE, "kube-apiserver").read_text() == server
    assert int(PLACES.pid(CONTROL_PLANE, "keeper").read_text()) != keeper


def test_a_second_up_waits_for_the_first(hachaos: Hachaos) -> None:
    first = start(nodes=1)
    deadline = time.monotonic() + 60
    while not PLACES.anchor.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    second = hachaos("cluster", "up", "--name", NAME, "--nodes", "1")
    assert first.wait(60) == 0
    assert second.returncode == 0, second.stderr
    assert f"waiting for `hachaos cluster up` (process {first.pid})" in second.stderr
    assert "start cluster" not in second.stderr


def test_down_of_nothing_says_so(hachaos: Hachaos) -> None:
    done = hachaos("cluster", "down", "--name", NAME)
    assert done.returncode == 0
    assert done.stdout == f"there is no cluster {NAME}\n"
