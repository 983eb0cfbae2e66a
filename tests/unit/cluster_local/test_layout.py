from __future__ import annotations

from pathlib import Path

import pytest

from chaos.cluster.local import layout
from chaos.cluster.local.layout import Places
from chaos.errors import UsageError


@pytest.mark.parametrize("nodes", range(1, 6))
def test_no_two_machines_of_a_cluster_share_an_address(nodes: int) -> None:
    planned = layout.plan(nodes)
    addresses = [layout.CONTROL_PLANE_ADDRESS, layout.SWITCH_ADDRESS, *(node.address for node in planned)]
    addresses += layout.LOAD_BALANCER_ADDRESSES
    assert len(set(addresses)) == len(addresses)
    assert all(address in layout.SUBNET for address in addresses)
    assert [node.name for node in planned] == [f"node-{index}" for index in range(1, nodes + 1)]


@pytest.mark.parametrize("nodes", range(1, 6))
def test_each_node_has_a_range_of_its_own_for_pods(nodes: int) -> None:
    ranges = [node.pods for node in layout.plan(nodes)]
    assert all(each.subnet_of(layout.PODS) for each in ranges)
    assert not any(one.overlaps(other) for one in ranges for other in ranges if one is not other)


@pytest.mark.parametrize("nodes", [0, 6, -1])
def test_another_number_of_nodes_is_refused(nodes: int) -> None:
    with pytest.raises(UsageError, match=f"cannot have {nodes} nodes") as caught:
        layout.plan(nodes)
    assert str(caught.value.hint).endswith("from 1 to 5")


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a/b", "..", "a" * 21, "a b"])
def test_a_name_that_cannot_be_a_folder_and_a_cgroup_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a cluster"):
        Places.of(name)


def test_the_anchor_does_not_depend_on_who_asks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    places = Places.of("a")
    assert places.anchor == Path("/run/hachaos/a/cluster.json")
    assert places.state == tmp_path / "hachaos/clusters/a"


def test_the_lock_does_not_lie_in_what_down_removes() -> None:
    places = Places.of("a")
    assert not places.lock.is_relative_to(places.run)
    assert not places.lock.is_relative_to(layout.RUN)
