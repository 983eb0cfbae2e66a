"""scale sets a number and puts back the one from before."""

from __future__ import annotations

import pytest
from acted_cluster import ActedCluster

from chaos.actions.scale import Scale
from chaos.errors import ClusterError

ACTION = Scale()


def test_it_is_put_back_to_what_was_there_before() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database", {"replicas": 1})
    ACTION.inject(stack, aim)
    assert ACTION.effect(stack, aim, 1) == (True, {"replicas": [3, 1]})
    ACTION.put_back(stack, aim.undo, 1)
    assert [pod.name for pod in stack.pods("database")] == ["mysql-0", "mysql-1", "mysql-2"]


def test_none_of_the_pods_may_be_left_when_it_goes_to_none() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database", {"replicas": 0})
    ACTION.inject(stack, aim)
    assert ACTION.effect(stack, aim, 1) == (True, {"replicas": [3, 0]})


def test_what_is_there_already_has_no_effect() -> None:
    stack = ActedCluster().stack()
    aim = ACTION.aim(stack, "database", {"replicas": 3})
    ACTION.inject(stack, aim)
    happened, _ = ACTION.effect(stack, aim, 1)
    assert happened is False


def test_pods_that_do_not_go_are_no_effect_and_what_is_left_to_do_is_said() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database", {"replicas": 1})
    cluster.stuck = True
    ACTION.inject(stack, aim)
    happened, effect = ACTION.effect(stack, aim, 0.1)
    assert (happened, effect) == (False, {"replicas": [3, 3]})
    cluster.unready("mysql-2")
    with pytest.raises(ClusterError, match="not at 3 ready replicas") as caught:
        ACTION.put_back(stack, aim.undo, 0.1)
    assert caught.value.hint == "kubectl -n wordpress scale statefulset/mysql --replicas=3"
