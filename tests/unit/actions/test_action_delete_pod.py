"""delete-pod hits the pods that it aimed at and no other, all at once, and sees that they are gone."""

from __future__ import annotations

import pytest
from acted_cluster import ActedCluster

from chaos.actions.delete_pod import DeletePod
from chaos.errors import ClusterError, StackError

ACTION = DeletePod()


def test_it_hits_the_first_pod_of_its_role_and_sees_the_successor() -> None:
    cluster = ActedCluster()
    stack, old = cluster.stack(), cluster.uid("Pod", "mysql-0")
    aim = ACTION.aim(stack, "database/primary", {"grace_s": 7})
    ACTION.inject(stack, aim)
    assert cluster.deletions == [("Pod", "mysql-0", 7)]
    assert ACTION.effect(stack, aim, 5) == (True, {"uid of pod/mysql-0": [old, cluster.uid("Pod", "mysql-0")]})


def test_no_grace_is_one_second_or_the_pod_would_be_forgotten_while_its_processes_go_on() -> None:
    cluster = ActedCluster()
    ACTION.inject(cluster.stack(), ACTION.aim(cluster.stack(), "database/primary", {"grace_s": 0}))
    assert cluster.deletions == [("Pod", "mysql-0", 1)]


def test_without_a_word_of_grace_the_pods_own_holds() -> None:
    cluster = ActedCluster()
    ACTION.inject(cluster.stack(), ACTION.aim(cluster.stack(), "database/primary", {}))
    assert cluster.deletions == [("Pod", "mysql-0", None)]


@pytest.mark.parametrize(
    ("target", "params", "hit"),
    [
        ("database", {"count": 3}, ["mysql-0", "mysql-1", "mysql-2"]),
        ("database/replica", {}, ["mysql-1"]),
        ("database/replica", {"count": 2}, ["mysql-1", "mysql-2"]),
        ("database/replica", {"ordinal": 2}, ["mysql-2"]),
        ("database", {"ordinal": 1, "count": 2}, ["mysql-1", "mysql-2"]),
        ("files", {}, ["nfs-0"]),
    ],
)
def test_ordinal_and_count_say_which(target: str, params: dict[str, int], hit: list[str]) -> None:
    cluster = ActedCluster()
    aim = ACTION.aim(cluster.stack(), target, params)
    assert aim.objects == tuple(f"pod/{name}" for name in hit)
    ACTION.inject(cluster.stack(), aim)
    assert sorted(name for _, name, _ in cluster.deletions) == hit


def test_pods_of_a_deployment_can_be_counted_but_not_numbered() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "site", {"count": 2})
    ACTION.inject(stack, aim)
    happened, effect = ACTION.effect(stack, aim, 5)
    assert (happened, [after for _, after in effect.values()]) == (True, ["gone", "gone"])
    with pytest.raises(StackError, match="the pods of site have no ordinals, being those of a Deployment"):
        ACTION.aim(stack, "site", {"ordinal": 1})


@pytest.mark.parametrize(
    ("target", "params", "said"),
    [
        ("database/primary", {"count": 2}, "2 pods of database/primary are wanted, and there are: mysql-0"),
        ("database/replica", {"ordinal": 0}, "1 pods of database/replica from ordinal 0 on are wanted, and .*: none"),
    ],
)
def test_fewer_pods_than_wanted_are_refused(target: str, params: dict[str, int], said: str) -> None:
    with pytest.raises(StackError, match=said):
        ACTION.aim(ActedCluster().stack(), target, params)


def test_a_pod_that_is_ending_already_is_not_aimed_at() -> None:
    cluster = ActedCluster()
    cluster.ending("mysql-0")
    with pytest.raises(StackError, match="1 pods of database/primary are wanted, and there are: none"):
        ACTION.aim(cluster.stack(), "database/primary", {})


def test_a_successor_of_a_target_is_left_alone() -> None:
    cluster = ActedCluster()
    aim = ACTION.aim(cluster.stack(), "database", {"count": 2})
    cluster.delete_exactly("Pod", "mysql-1", cluster.uid("Pod", "mysql-1"))
    successor = cluster.uid("Pod", "mysql-1")
    with pytest.raises(ClusterError, match="mysql-1 was gone or replaced before it could be deleted"):
        ACTION.inject(cluster.stack(), aim)
    assert cluster.uid("Pod", "mysql-1") == successor


def test_one_pod_of_several_that_stays_means_that_it_did_not_happen() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database", {"count": 2})
    cluster.delete_exactly("Pod", "mysql-0", cluster.uid("Pod", "mysql-0"))
    happened, effect = ACTION.effect(stack, aim, 0.1)
    assert happened is False
    assert len(set(effect["uid of pod/mysql-1"])) == 1


def test_it_is_put_back_when_as_many_pods_are_ready_as_before() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    undo = ACTION.aim(stack, "database/primary", {}).undo
    ACTION.put_back(stack, undo, 1)
    cluster.unready("mysql-1")
    with pytest.raises(ClusterError, match=r"fewer than 3 pods are ready after 0\.1 s \(not ready: mysql-1\)"):
        ACTION.put_back(stack, undo, 0.1)
