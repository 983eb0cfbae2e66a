from __future__ import annotations

from pathlib import Path

import pytest

from chaos.cluster.local import cgroup
from chaos.cluster.local.cgroup import Groups, Hierarchy
from chaos.errors import HostError

V1 = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
"""
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"


def test_every_hierarchy_is_found_with_its_controllers() -> None:
    assert cgroup.hierarchies(V1) == (
        Hierarchy(Path("/sys/fs/cgroup/cpu,cpuacct"), 1, frozenset({"cpu", "cpuacct"})),
        Hierarchy(Path("/sys/fs/cgroup/cpuset"), 1, frozenset({"cpuset"})),
        Hierarchy(Path("/sys/fs/cgroup/systemd"), 1, frozenset({"name=systemd"})),
        Hierarchy(Path("/sys/fs/cgroup/unified"), 2, frozenset()),
    )
    assert cgroup.hierarchies(V2) == (Hierarchy(Path("/sys/fs/cgroup"), 2, frozenset()),)


def test_a_hierarchy_that_is_mounted_twice_or_read_only_is_not_counted() -> None:
    again = V2 + V2.replace("/sys/fs/cgroup", "/elsewhere") + V1.replace("rw,relatime", "ro,relatime")
    assert len(cgroup.hierarchies(again)) == 1


def test_octal_escapes_in_a_mount_point_are_read() -> None:
    found = cgroup.hierarchies(V2.replace("/sys/fs/cgroup", r"/sys/fs/c\040group"))
    assert found[0].mount == Path("/sys/fs/c group")


def v2(root: Path) -> Groups:
    (root / "cgroup.controllers").write_text("cpu memory\n")
    (root / "cgroup.subtree_control").write_text("cpu\n")
    return Groups((Hierarchy(root, 2, frozenset()),), "hachaos/a")


def test_on_v2_a_group_above_passes_on_the_controllers_that_it_does_not_yet(tmp_path: Path) -> None:
    groups = v2(tmp_path)
    for part in ("hachaos", "hachaos/a"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "cgroup.controllers").write_text("")
        (tmp_path / part / "cgroup.subtree_control").write_text("")
    groups.create("hachaos/a/system")
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"
    assert (tmp_path / "hachaos/a/system").is_dir()


def test_a_v1_cpuset_is_filled_from_the_group_above(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "hachaos", tmp_path / "hachaos/a"):
        folder.mkdir(exist_ok=True)
        (folder / "cpuset.cpus").write_text("0-1\n" if folder == tmp_path else "\n")
        (folder / "cpuset.mems").write_text("0\n" if folder == tmp_path else "\n")
    Groups((Hierarchy(tmp_path, 1, frozenset({"cpuset"})),), "hachaos/a").create("hachaos/a")
    assert (tmp_path / "hachaos/a/cpuset.cpus").read_text() == "0-1\n"
    assert (tmp_path / "hachaos/a/cpuset.mems").read_text() == "0\n"


def test_a_group_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "hachaos").write_text("in the way")
    groups = Groups((Hierarchy(tmp_path, 1, frozenset()),), "hachaos/a")
    with pytest.raises(HostError, match=f"cannot make the cgroup {tmp_path}/hachaos/a"):
        groups.create("hachaos/a")


def test_a_command_joins_every_hierarchy_before_it_runs(tmp_path: Path) -> None:
    roots = (tmp_path / "one", tmp_path / "two")
    for root in roots:
        (root / "hachaos/a").mkdir(parents=True)
    groups = Groups(tuple(Hierarchy(root, 1, frozenset()) for root in roots), "hachaos/a")
    joined = [root / "hachaos/a/cgroup.procs" for root in roots]
    assert groups.run("hachaos/a", ["cat", *joined]) == "0\n0\n"


def test_a_command_that_cannot_join_does_not_run(tmp_path: Path) -> None:
    groups = Groups((Hierarchy(tmp_path, 1, frozenset()),), "hachaos/a")
    with pytest.raises(Exception, match="failed"):
        groups.run("hachaos/a", ["touch", tmp_path / "ran"])
    assert not (tmp_path / "ran").exists()


def test_the_processes_of_all_groups_below_are_found_once(tmp_path: Path) -> None:
    for group, text in (("hachaos/a", ""), ("hachaos/a/b", "12\n13\n"), ("hachaos/a/b/c", "13\n14\n")):
        (tmp_path / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / group / "cgroup.procs").write_text(text)
    groups = Groups((Hierarchy(tmp_path, 1, frozenset()),), "hachaos/a")
    assert groups.processes() == {12, 13, 14}
    assert groups.processes("hachaos/other") == set()
