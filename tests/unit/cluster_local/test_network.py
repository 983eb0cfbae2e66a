from __future__ import annotations

from pathlib import Path

from chaos.cluster.local import network
from chaos.cluster.local.layout import plan

NODES = plan(3)


def test_each_cable_is_made_with_its_far_end_in_the_machine() -> None:
    commands = network.switch_commands(NODES, {"node-1": Path("/run/x/net/node-1")})
    assert "link add node-1 type veth peer name eth0 netns /run/x/net/node-1" in commands
    assert "link set node-1 master br0 up" in commands


def test_the_switch_reaches_pods_and_services() -> None:
    commands = network.switch_commands(NODES, {})
    assert "route add 10.244.2.0/24 via 172.30.0.12" in commands
    assert "route add 10.96.0.0/16 via 172.30.0.1" in commands


def test_a_node_reaches_the_pods_of_the_others_and_not_its_own_by_a_route() -> None:
    commands = network.node_commands(NODES[1], NODES)
    assert "address add 172.30.0.12/24 dev eth0" in commands
    assert "route add 10.244.1.0/24 via 172.30.0.11" in commands
    assert not any(command.startswith("route add 10.244.2.0/24") for command in commands)


def test_nothing_has_a_way_out_of_the_cluster() -> None:
    commands = [
        *network.switch_commands(NODES, {}),
        *network.control_plane_commands(NODES),
        *(command for node in NODES for command in network.node_commands(node, NODES)),
    ]
    assert not any("default" in command for command in commands)
