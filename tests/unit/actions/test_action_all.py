"""What holds for every action."""

from __future__ import annotations

import json
from typing import Any

import pytest
from acted_cluster import ActedCluster

from chaos.actions import ACTIONS
from chaos.actions.workload import REPLICAS
from chaos.scenario import vocabulary

AIMED: dict[str, tuple[str, dict[str, Any]]] = {
    "scale": ("database", {"replicas": 1}),
    "delete-pod": ("database", {"count": 2}),
    "delete-volume": ("database/replica", {}),
    "stop-service": ("files", {}),
    "start-service": ("files", {}),
    "rolling-restart": ("site", {}),
    "drain-node": ("database/primary", {}),
    "pause": ("stack", {"for_s": 1}),
    "noop": ("stack", {}),
}
"""Of each action but kill-process, whose way to the processes has tests of its own, a target and parameters."""


def test_every_word_of_the_vocabulary_has_an_action_and_every_action_a_word() -> None:
    assert set(ACTIONS) == set(vocabulary.ACTIONS) == {*AIMED, "kill-process"}


def test_every_action_is_known_under_its_own_name() -> None:
    assert {name: action.name for name, action in ACTIONS.items()} == {name: name for name in ACTIONS}


@pytest.mark.parametrize("name", AIMED)
def test_aiming_changes_nothing_and_its_undo_survives_the_journal(name: str) -> None:
    cluster = ActedCluster()
    target, params = AIMED[name]
    if name == "start-service":
        cluster.change(
            "StatefulSet",
            "nfs",
            metadata={"name": "nfs", "generation": 1, "annotations": {REPLICAS: "1"}},
            spec={"replicas": 0},
        )
    aim = ACTIONS[name].aim(cluster.stack(), target, params)
    assert (cluster.calls, cluster.deletions) == ([], [])
    assert json.loads(json.dumps(aim.undo)) == aim.undo


@pytest.mark.parametrize("name", [name for name in AIMED if name != "start-service"])
def test_putting_back_what_was_never_put_in_touches_nothing(name: str) -> None:
    cluster = ActedCluster()
    target, params = AIMED[name]
    undo = ACTIONS[name].aim(cluster.stack(), target, params).undo
    ACTIONS[name].put_back(cluster.stack(), undo, 1)
    assert (cluster.calls, cluster.deletions) == ([], [])
