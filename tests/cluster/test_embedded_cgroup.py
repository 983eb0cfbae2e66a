"""Killing what is in a cgroup, on the kernel's own: nothing that forks gets away, whichever cgroup version does it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from chaos.cluster.local import cgroup
from chaos.cluster.local.cgroup import Groups, is_dead

TOP = "hachaos/test-cgroup"
FORKS = "while :; do (sleep 0.05; sleep 60) & sleep 0.01; done"


@pytest.fixture(params=[1, 2])
def groups(request: pytest.FixtureRequest) -> Iterator[Groups]:
    """The cgroup's folders in the hierarchies of one version only."""
    hierarchies = tuple(each for each in cgroup.mounted() if each.version == request.param)
    if not hierarchies or (request.param == 1 and not any("freezer" in each.controllers for each in hierarchies)):
        pytest.skip(f"cgroup v{request.param} is not mounted here")
    made = Groups(hierarchies, TOP)
    yield made
    if made.exists():
        made.remove()


def start(groups: Groups, group: str) -> subprocess.Popen[bytes]:
    groups.create(group)
    process = subprocess.Popen(groups.command(group, ["sh", "-c", FORKS]))
    deadline = time.monotonic() + 10
    while len(groups.processes(group)) < 10:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def test_what_forks_all_the_time_is_killed_to_the_last(groups: Groups) -> None:
    process = start(groups, f"{TOP}/node-1/system")
    found = groups.remove()
    assert process.wait(10) == -9
    assert process.pid in found
    assert all(is_dead(pid) for pid in found)
    assert not groups.exists()


def test_a_group_is_killed_and_its_neighbour_lives(groups: Groups) -> None:
    lost = start(groups, f"{TOP}/node-1/system")
    kept = start(groups, f"{TOP}/node-2/system")
    groups.kill(f"{TOP}/node-1")
    assert lost.wait(10) == -9
    assert groups.processes(f"{TOP}/node-1") == set()
    assert kept.poll() is None
    groups.remove()
    assert kept.wait(10) == -9


def test_what_was_frozen_is_killed_too(groups: Groups) -> None:
    process = start(groups, f"{TOP}/node-1/system")
    for hierarchy in groups.hierarchies:
        folder = hierarchy.folder(f"{TOP}/node-1/system")
        if hierarchy.version == 2:
            (folder / "cgroup.freeze").write_text("1")
        elif "freezer" in hierarchy.controllers:
            (folder / "freezer.state").write_text("FROZEN")
    groups.remove()
    assert process.wait(10) == -9
