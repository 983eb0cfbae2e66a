from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.cluster.local import doctor
from chaos.cluster.local.doctor import Row
from chaos.cluster.local.host import CONTROLLERS, Host, memory_needed, require
from chaos.errors import HostError

GB = 10**9
GOOD = Host(
    linux=True,
    root=True,
    namespaces=True,
    cgroup_version=1,
    controllers=frozenset(CONTROLLERS),
    overlayfs=True,
    lower_oom_score=True,
    kernel_nfs=True,
    fuse=True,
    loop_devices=True,
    iptables_matches=True,
    disk_free=100 * GB,
    disk_path=Path("/cache"),
    memory_available=16 * GB,
    cpus=4,
    go="/usr/bin/go",
    missing_programs=(),
)


def examine(host: Host, to_make: tuple[str, ...] = ()) -> list[Row]:
    return doctor.examine(host, nodes=3, disk_needed=5 * GB, to_make=to_make)


def row(rows: list[Row], subject: str) -> Row:
    return next(row for row in rows if row.subject == subject)


def test_a_host_that_has_everything_has_no_remarks() -> None:
    rows = examine(GOOD)
    assert {row.level for row in rows} == {"ok"}
    assert doctor.works(rows)


@pytest.mark.parametrize(
    ("host", "subject"),
    [
        (replace(GOOD, lower_oom_score=False), "CAP_SYS_RESOURCE"),
        (replace(GOOD, kernel_nfs=False), "NFS mounts"),
        (replace(GOOD, loop_devices=False), "loop devices"),
        (replace(GOOD, go=None), "Go"),
        (replace(GOOD, cpus=1), "processors"),
        (replace(GOOD, missing_programs=("containerd",)), "programs"),
    ],
)
def test_what_has_a_substitute_names_it_and_the_cluster_still_works(host: Host, subject: str) -> None:
    rows = examine(host)
    assert row(rows, subject).level == "instead"
    assert row(rows, subject).instead
    assert doctor.works(rows)


@pytest.mark.parametrize(
    ("host", "subject"),
    [
        (replace(GOOD, linux=False), "Linux"),
        (replace(GOOD, root=False), "root"),
        (replace(GOOD, namespaces=False), "namespaces"),
        (replace(GOOD, cgroup_version=0), "cgroups"),
        (replace(GOOD, controllers=GOOD.controllers - {"memory"}), "cgroups"),
        (replace(GOOD, cgroup_version=2, controllers=frozenset({"cpu", "cpuset", "pids"})), "cgroups"),
        (replace(GOOD, overlayfs=False), "overlayfs"),
        (replace(GOOD, kernel_nfs=False, fuse=False), "NFS mounts"),
        (replace(GOOD, iptables_matches=False), "iptables"),
        (replace(GOOD, disk_free=4 * GB), "disk"),
        (replace(GOOD, memory_available=GB), "memory"),
    ],
)
def test_what_has_no_substitute_says_what_to_do_and_the_cluster_does_not_work(host: Host, subject: str) -> None:
    rows = examine(host)
    assert row(rows, subject).level == "lacking"
    assert row(rows, subject).instead
    assert not doctor.works(rows)


def test_cgroup_v2_needs_no_controllers_that_only_v1_has() -> None:
    rows = examine(replace(GOOD, cgroup_version=2, controllers=frozenset({"cpu", "cpuset", "memory", "pids"})))
    assert row(rows, "cgroups").level == "ok"


def test_what_is_still_to_be_made_is_listed() -> None:
    assert row(examine(GOOD, ("image database",)), "artefacts").found == "image database"


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (replace(GOOD, disk_free=4 * GB), r"5\.0 GB are needed below .*, and 4\.0 GB are free"),
        (replace(GOOD, memory_available=GB), r"3 nodes need .* GB of memory, and 1\.0 GB are available"),
        (replace(GOOD, cgroup_version=0), "no cgroup hierarchy"),
        (replace(GOOD, controllers=GOOD.controllers - {"cpuset", "pids"}), "cpuset, pids are missing"),
    ],
)
def test_up_is_refused_in_one_line_with_a_hint(host: Host, message: str) -> None:
    with pytest.raises(HostError, match=message) as caught:
        require(host, 3, 5 * GB)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_up_is_not_refused_where_all_is_well() -> None:
    require(GOOD, 3, 5 * GB)
    assert memory_needed(1) < memory_needed(3)
