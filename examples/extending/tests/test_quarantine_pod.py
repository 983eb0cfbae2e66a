"""quarantine-pod takes the labels off exactly the pods that it aimed at, and its undo deletes those and no others."""

from __future__ import annotations

import json

import pytest
from team_chaos.quarantine_pod import QuarantinePod

from chaos.actions import Aim
from chaos.cluster.rights import may
from chaos.errors import ClusterError, StackError
from tests.unit.actions.acted_cluster import BINDING, ActedCluster

ACTION = QuarantinePod()


def aimed(cluster: ActedCluster, count: int = 1) -> Aim:
    return ACTION.aim(cluster.stack(), "site", {"count": count})


def quarantined(cluster: ActedCluster) -> Aim:
    aim = aimed(cluster)
    ACTION.inject(cluster.stack(), aim)
    return aim


def test_aiming_changes_nothing_and_its_undo_survives_the_journal() -> None:
    cluster = ActedCluster()
    aim = aimed(cluster, count=2)
    assert (cluster.calls, cluster.deletions, len(aim.objects)) == ([], [], 2)
    assert json.loads(json.dumps(aim.undo)) == aim.undo


def test_more_pods_than_there_are_are_refused() -> None:
    with pytest.raises(StackError, match="4 pods of site are wanted"):
        aimed(ActedCluster(), count=4)


def test_a_statefulset_is_refused() -> None:
    with pytest.raises(StackError, match="need the old one's name"):
        ACTION.aim(ActedCluster().stack(), "database", {})


def test_a_pod_in_quarantine_runs_on_and_is_none_of_the_site_which_has_as_many_as_before() -> None:
    cluster = ActedCluster()
    aim = quarantined(cluster)
    assert ACTION.effect(cluster.stack(), aim, 1) == (True, {"quarantined pods that count as site": [1, 0]})
    (pod,) = aim.before["uids"]
    assert cluster.get("Pod", pod) is not None
    assert len(cluster.stack().pods("site")) == 3
    assert cluster.stack().ready("site")


def test_a_pod_that_keeps_its_labels_means_that_there_was_no_effect() -> None:
    cluster = ActedCluster()
    assert ACTION.effect(cluster.stack(), aimed(cluster), 0.1)[0] is False


def test_putting_back_deletes_the_pod_and_may_be_called_again() -> None:
    cluster = ActedCluster()
    aim = quarantined(cluster)
    for _ in range(2):
        ACTION.put_back(cluster.stack(), aim.undo, 1)
    (pod,) = aim.before["uids"]
    assert cluster.get("Pod", pod) is None
    assert {name for _, name, _ in cluster.deletions} == {pod}
    assert len(cluster.stack().pods("site")) == 3


def test_putting_back_what_was_never_put_in_touches_nothing() -> None:
    cluster = ActedCluster()
    ACTION.put_back(cluster.stack(), aimed(cluster).undo, 1)
    assert (cluster.calls, cluster.deletions) == ([], [])


def test_a_pod_that_does_not_go_is_told_with_what_to_do_by_hand() -> None:
    cluster = ActedCluster()
    aim = quarantined(cluster)
    cluster.stuck = True
    with pytest.raises(ClusterError, match="did not go in") as told:
        ACTION.put_back(cluster.stack(), aim.undo, 0.1)
    (pod,) = aim.before["uids"]
    assert told.value.hint is not None
    assert told.value.hint.startswith(f"kubectl -n wordpress delete pod --ignore-not-found {pod} && ")


def test_its_rights_are_those_to_the_pods_and_to_note_its_undo_on_the_deployment() -> None:
    rights = ACTION.rights(BINDING, "site", {})
    assert set(rights) == {*may("get list patch delete", "Pod"), *may("get patch", "Deployment", "wordpress")}
