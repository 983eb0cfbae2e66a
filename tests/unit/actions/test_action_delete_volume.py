"""delete-volume takes the claims that the StatefulSet made, with the pods on them, and can catch the next clone."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from acted_cluster import ActedCluster

from chaos.actions import delete_volume
from chaos.actions.delete_volume import DeleteVolume
from chaos.cluster.api import ApiRefused
from chaos.errors import ClusterError, StackError

ACTION = DeleteVolume()
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
CLONING = (
    "2026-01-01T00:00:00Z start-mysql.sh: EMPTY; peers: 0=DATA:0-1-2:live -> CLONE 2 0-1-2: it is the most advanced\n"
)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delete_volume, "CATCH_TIMEOUT_S", 0.3)


def names(cluster: ActedCluster) -> list[str]:
    return [name for _, name, _ in cluster.deletions]


def test_the_claim_goes_first_then_its_pod_and_both_come_back_as_others() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    claim, pod = cluster.uid("PersistentVolumeClaim", "data-mysql-0"), cluster.uid("Pod", "mysql-0")
    aim = ACTION.aim(stack, "database/primary", {})
    assert aim.objects == ("pod/mysql-0", "persistentvolumeclaim/data-mysql-0")
    ACTION.inject(stack, aim)
    assert names(cluster) == ["data-mysql-0", "mysql-0"]
    assert ACTION.effect(stack, aim, 1) == (
        True,
        {
            "uid of claim data-mysql-0": [claim, cluster.uid("PersistentVolumeClaim", "data-mysql-0")],
            "uid of pod/mysql-0": [pod, cluster.uid("Pod", "mysql-0")],
        },
    )


@pytest.mark.parametrize(
    ("target", "params", "hit"),
    [
        ("database", {"count": 3}, ["data-mysql-0", "data-mysql-1", "data-mysql-2"]),
        ("database/replica", {"count": 2}, ["data-mysql-1", "data-mysql-2"]),
        ("database", {"ordinal": 2}, ["data-mysql-2"]),
    ],
)
def test_ordinal_and_count_say_which(target: str, params: dict[str, int], hit: list[str]) -> None:
    aim = ACTION.aim(ActedCluster().stack(), target, params)
    assert list(aim.before["claims"]) == hit


def test_claims_that_a_scale_down_left_are_deleted_alone_and_stay_away() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": 1}})
    aim = ACTION.aim(stack, "database/replica", {"count": 2})
    assert aim.objects == ("persistentvolumeclaim/data-mysql-1", "persistentvolumeclaim/data-mysql-2")
    claims = {name: cluster.uid("PersistentVolumeClaim", name) for name in ("data-mysql-1", "data-mysql-2")}
    assert aim.undo == {
        "role": "database",
        "ready": 1,
        "controller": "statefulset/mysql",
        "claims": claims,
        "pods": {},
    }
    ACTION.inject(stack, aim)
    assert names(cluster) == ["data-mysql-1", "data-mysql-2"]
    happened, effect = ACTION.effect(stack, aim, 1)
    assert (happened, [after for _, after in effect.values()]) == (True, ["gone", "gone"])


def test_a_pod_that_is_not_there_is_a_replica_where_only_the_server_could_tell() -> None:
    cluster = ActedCluster()
    cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": 0}})
    aim = ACTION.aim(cluster.stack(primary="read-only"), "database/replica", {"count": 3})
    assert len(aim.before["claims"]) == 3


def test_the_claims_name_is_that_of_the_statefulsets_template_and_not_a_guess() -> None:
    cluster = ActedCluster()
    templates = [{"metadata": {"name": "disk"}}]
    cluster.change("StatefulSet", "mysql", spec={"replicas": 3, "volumeClaimTemplates": templates})
    with pytest.raises(StackError, match="1 claims of database/primary are wanted, and there are: none"):
        ACTION.aim(cluster.stack(), "database/primary", {})
    cluster.change("StatefulSet", "mysql", spec={"replicas": 3})
    with pytest.raises(StackError, match="StatefulSet mysql makes no volume claims of its own"):
        ACTION.aim(cluster.stack(), "database/primary", {})


def test_a_volume_that_would_be_retained_is_refused() -> None:
    cluster = ActedCluster()
    volume = (cluster.get("PersistentVolumeClaim", "data-mysql-1") or {})["spec"]["volumeName"]
    cluster.change("PersistentVolume", volume, spec={"persistentVolumeReclaimPolicy": "Retain"})
    with pytest.raises(StackError, match=f"volume {volume} of claim data-mysql-1 has the reclaim policy Retain"):
        ACTION.aim(cluster.stack(), "database/replica", {})
    ACTION.aim(cluster.stack(), "database/primary", {})


def test_a_claim_that_is_another_one_by_now_is_left_alone() -> None:
    cluster = ActedCluster()
    aim = ACTION.aim(cluster.stack(), "database/primary", {})
    cluster.change("PersistentVolumeClaim", "data-mysql-0", metadata={"name": "data-mysql-0", "uid": "another"})
    with pytest.raises(ClusterError, match="claim data-mysql-0 was gone or replaced before it could be deleted"):
        ACTION.inject(cluster.stack(), aim)
    assert names(cluster) == ["data-mysql-0"]


def test_a_claim_and_a_pod_that_stay_mean_that_it_did_not_happen() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database/primary", {})
    cluster.stuck = True
    ACTION.inject(stack, aim)
    assert ACTION.effect(stack, aim, 0.1)[0] is False


def test_a_new_pod_on_the_old_claim_is_not_enough() -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    aim = ACTION.aim(stack, "database/primary", {})
    cluster.delete_exactly("Pod", "mysql-0", cluster.uid("Pod", "mysql-0"))
    happened, effect = ACTION.effect(stack, aim, 0.1)
    assert happened is False
    assert len(set(effect["uid of claim data-mysql-0"])) == 1


def test_it_is_put_back_when_as_many_pods_are_ready_as_before() -> None:
    cluster = ActedCluster()
    undo = ACTION.aim(cluster.stack(), "database/primary", {}).undo
    cluster.unready("mysql-0")
    with pytest.raises(ClusterError, match="fewer than 3 pods are ready"):
        ACTION.put_back(cluster.stack(), undo, 0.1)


# cut off between the claims and the pods


def cut_off(cluster: ActedCluster, target: str = "database/replica", **params: Any) -> Any:
    """The undo of a run that ended when it had deleted the claims, and none of the pods yet."""
    aim = ACTION.aim(cluster.stack(), target, params)
    for claim, uid in aim.before["claims"].items():
        cluster.delete_exactly("PersistentVolumeClaim", claim, uid)
    cluster.deletions.clear()
    return aim.undo


def test_a_claim_that_waits_for_its_pod_is_finished_and_not_left_to_the_pods_next_restart() -> None:
    cluster = ActedCluster()
    undo = cut_off(cluster)
    ACTION.put_back(cluster.stack(), undo, 1)
    assert names(cluster) == ["mysql-1"]
    assert cluster.uid("PersistentVolumeClaim", "data-mysql-1") != undo["claims"]["data-mysql-1"]
    assert delete_volume.doomed(cluster.stack(), undo) == []
    ACTION.put_back(cluster.stack(), undo, 1)
    assert names(cluster) == ["mysql-1"]


def test_of_several_claims_the_last_one_is_finished_first_and_the_next_when_all_pods_are_ready_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = ActedCluster()
    undo = cut_off(cluster, "database", count=3)
    seen: list[list[str]] = []
    delete = cluster.delete_exactly

    def deleted(kind: str, name: str, uid: str, *, grace_s: int | None = None) -> bool:
        seen.append([pod.name for pod in cluster.stack().pods("database") if pod.ready])
        done = delete(kind, name, uid, grace_s=grace_s)
        cluster.unready(name)
        timer = threading.Timer(0.1, cluster.change, ("Pod", name), {"status": {"phase": "Running", **READY}})
        timer.start()
        return done

    monkeypatch.setattr(cluster, "delete_exactly", deleted)
    ACTION.put_back(cluster.stack(), undo, 10)
    assert names(cluster) == ["mysql-2", "mysql-1", "mysql-0"]
    assert seen == [["mysql-0", "mysql-1", "mysql-2"]] * 3


def test_a_claim_that_the_action_never_came_to_is_left_with_its_pod() -> None:
    cluster = ActedCluster()
    aim = ACTION.aim(cluster.stack(), "database/replica", {"count": 2})
    cluster.delete_exactly("PersistentVolumeClaim", "data-mysql-1", aim.before["claims"]["data-mysql-1"])
    cluster.deletions.clear()
    ACTION.put_back(cluster.stack(), aim.undo, 1)
    assert names(cluster) == ["mysql-1"]


def test_an_undo_record_of_an_older_hachaos_knows_of_no_claims() -> None:
    cluster = ActedCluster()
    undo = {key: value for key, value in cut_off(cluster).items() if key not in {"claims", "pods"}}
    ACTION.put_back(cluster.stack(), undo, 1)
    assert names(cluster) == []
    assert len(ACTION.by_hand(undo, "wordpress")) == 1


COMMAND = "kubectl -n wordpress delete pod mysql-1 is left to do"


def test_a_pod_that_does_not_end_is_left_with_the_command_that_ends_it() -> None:
    cluster = ActedCluster()
    undo = cut_off(cluster)
    cluster.stuck = True
    with pytest.raises(ClusterError, match=f"claim data-mysql-1 is deleted as soon as .* not ended: {COMMAND}"):
        ACTION.put_back(cluster.stack(), undo, 0.1)


def test_a_pod_is_not_ended_while_another_is_missing_from_which_the_new_one_would_be_filled() -> None:
    cluster = ActedCluster()
    undo = cut_off(cluster)
    cluster.unready("mysql-0")
    with pytest.raises(ClusterError, match=f"fewer than 3 pods are ready to fill a new one from: {COMMAND}"):
        ACTION.put_back(cluster.stack(), undo, 0.1)
    assert names(cluster) == []
    with pytest.raises(ClusterError, match="from: hachaos cluster kubectl --name mine -- -n wordpress delete pod"):
        ACTION.put_back(cluster.stack("mine"), undo, 0.1)


def test_a_pod_that_alone_has_the_data_is_left_to_a_person() -> None:
    cluster = ActedCluster()
    cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": 1}})
    undo = cut_off(cluster, "database/primary")
    with pytest.raises(ClusterError, match=r"no other pod has its data.*delete pod mysql-0 is left to do"):
        ACTION.put_back(cluster.stack(), undo, 0.1)
    assert names(cluster) == []


def test_a_successor_on_a_doomed_claim_is_not_ended() -> None:
    cluster = ActedCluster()
    undo = cut_off(cluster)
    cluster.change("Pod", "mysql-1", metadata={"name": "mysql-1", "uid": "another", "labels": {"app": "mysql"}})
    with pytest.raises(ClusterError, match=COMMAND):
        ACTION.put_back(cluster.stack(), undo, 0.1)
    assert names(cluster) == []


def test_by_hand_no_pod_is_deleted_without_a_look_at_the_claims() -> None:
    cluster = ActedCluster()
    assert ACTION.by_hand(cut_off(cluster), "wordpress") == (
        "kubectl -n wordpress get pvc --ignore-not-found data-mysql-1",
        "kubectl -n wordpress rollout status statefulset/mysql --timeout=5m",
    )


# interrupt


def being_filled(cluster: ActedCluster, log: str = CLONING, target: str = "database/replica", **params: Any) -> Any:
    """The aim at a volume whose new pod is not ready and whose container says `log`."""
    aim = ACTION.aim(cluster.stack(), target, params)
    ACTION.inject(cluster.stack(), aim)
    for pod in aim.before["pods"]:
        cluster.unready(pod)
    cluster.log = log
    cluster.deletions.clear()
    return aim


def test_the_new_pod_is_killed_while_it_is_being_filled() -> None:
    cluster = ActedCluster()
    aim = being_filled(cluster, interrupt="itself")
    second = cluster.uid("Pod", "mysql-1")
    happened, effect = ACTION.effect(cluster.stack(), aim, 1)
    assert cluster.deletions == [("Pod", "mysql-1", 1)]
    assert happened is True
    assert effect["uid of the killed pod/mysql-1"] == [second, cluster.uid("Pod", "mysql-1")]
    assert effect["clone"][1] == CLONING.strip()
    assert len({second, *effect["uid of pod/mysql-1"]}) == 3


def test_the_primary_is_killed_while_a_replica_is_being_filled() -> None:
    cluster = ActedCluster()
    primary = cluster.uid("Pod", "mysql-0")
    aim = being_filled(cluster, interrupt="primary")
    assert aim.objects == ("pod/mysql-1", "pod/mysql-0", "persistentvolumeclaim/data-mysql-1")
    happened, effect = ACTION.effect(cluster.stack(), aim, 1)
    assert cluster.deletions == [("Pod", "mysql-0", 1)]
    assert happened is True
    assert effect["uid of the killed pod/mysql-0"] == [primary, cluster.uid("Pod", "mysql-0")]


def test_a_new_pod_that_is_ending_but_not_yet_gone_is_not_the_successor_that_is_looked_for() -> None:
    cluster = ActedCluster()
    aim = being_filled(cluster, interrupt="itself")
    cluster.stuck = True
    assert ACTION.effect(cluster.stack(), aim, 0.1)[0] is False


@pytest.mark.parametrize("log", ["", "start-mysql.sh: EMPTY -> WAIT: no peer\n", CLONING + "in place: {}\n"])
def test_without_a_clone_under_way_nothing_is_killed_and_it_did_not_happen(log: str) -> None:
    cluster = ActedCluster()
    aim = being_filled(cluster, log, interrupt="itself")
    happened, effect = ACTION.effect(cluster.stack(), aim, 1)
    assert (happened, cluster.deletions) == (False, [])
    assert effect["clone"] == ["caught none within 0.3 s", "a new pod, with no sign of a clone"]


def test_a_container_that_has_no_log_yet_is_looked_at_again() -> None:
    cluster = ActedCluster()
    aim = being_filled(cluster, interrupt="itself")
    logs, refused = cluster.logs, [ApiRefused(400, "container is waiting to start"), ClusterError("no answer")]

    def later(pod: str, container: str, *, tail: int | None = None, previous: bool = False) -> str:
        if refused:
            raise refused.pop()
        return logs(pod, container)

    cluster.logs = later  # type: ignore[method-assign]
    assert ACTION.effect(cluster.stack(), aim, 1)[0] is True


def test_a_container_that_never_has_a_log_is_no_clone_that_was_caught() -> None:
    cluster = ActedCluster()
    aim = being_filled(cluster, interrupt="itself")

    def never(pod: str, container: str, *, tail: int | None = None, previous: bool = False) -> str:
        raise ApiRefused(400, "container is waiting to start")

    cluster.logs = never  # type: ignore[method-assign]
    happened, effect = ACTION.effect(cluster.stack(), aim, 1)
    assert (happened, cluster.deletions) == (False, [])
    assert effect["clone"][1] == "a new pod, and nothing of a clone: container is waiting to start"


def test_a_new_pod_that_is_ready_already_is_not_killed() -> None:
    cluster = ActedCluster()
    aim = ACTION.aim(cluster.stack(), "database/replica", {"interrupt": "itself"})
    ACTION.inject(cluster.stack(), aim)
    cluster.log = CLONING
    happened, effect = ACTION.effect(cluster.stack(), aim, 1)
    assert happened is False
    assert effect["clone"][1] == "the new pod was ready before a clone could be caught"


def test_a_clone_that_was_over_before_the_primary_was_killed_is_not_an_interrupted_one() -> None:
    cluster = ActedCluster()
    aim = being_filled(cluster, interrupt="primary")
    delete = cluster.delete_exactly

    def late(kind: str, name: str, uid: str, *, grace_s: int | None = None) -> bool:
        cluster.log += "in place: {}\n"
        return delete(kind, name, uid, grace_s=grace_s)

    cluster.delete_exactly = late  # type: ignore[method-assign]
    happened, effect = ACTION.effect(cluster.stack(), aim, 1)
    assert happened is False
    assert effect["clone"][2] == "was over before the primary was killed"


def test_whether_a_clone_that_nobody_could_look_at_was_over_is_not_known() -> None:
    cluster = ActedCluster()
    aim = being_filled(cluster, interrupt="primary")
    delete = cluster.delete_exactly

    def away(pod: str, container: str, *, tail: int | None = None, previous: bool = False) -> str:
        raise ClusterError("no answer from the API server")

    def late(kind: str, name: str, uid: str, *, grace_s: int | None = None) -> bool:
        cluster.logs = away  # type: ignore[method-assign]
        return delete(kind, name, uid, grace_s=grace_s)

    cluster.delete_exactly = late  # type: ignore[method-assign]
    with pytest.raises(ClusterError, match="no answer from the API server"):
        ACTION.effect(cluster.stack(), aim, 1)


def test_of_the_tutorials_stack_the_init_container_that_clones_is_the_sign() -> None:
    cluster = ActedCluster()
    stack = cluster.stack(provenance="xtrabackup", clone_log="clone-mysql")
    aim = ACTION.aim(stack, "database/replica", {"interrupt": "itself"})
    ACTION.inject(stack, aim)
    cluster.deletions.clear()
    init = {"name": "clone-mysql", "state": {"running": {}}}
    cluster.change("Pod", "mysql-1", status={"phase": "Pending", "initContainerStatuses": [init]})
    happened, effect = ACTION.effect(stack, aim, 1)
    assert (happened, cluster.deletions) == (True, [("Pod", "mysql-1", 1)])
    assert effect["clone"][1] == "init container clone-mysql is running"


@pytest.mark.parametrize(
    ("target", "params", "database", "said"),
    [
        ("database", {"count": 2, "interrupt": "itself"}, {}, "`interrupt` needs one claim, with a pod on it"),
        ("database/primary", {"interrupt": "primary"}, {}, "mysql-0 is the primary itself"),
        ("database/replica", {"interrupt": "itself"}, {"provenance": "none"}, "it is known how a clone looks"),
        ("database", {"interrupt": "primary", "ordinal": 1}, {"primary": "label"}, "there is no primary to be killed"),
    ],
)
def test_what_cannot_be_interrupted_is_refused(
    target: str, params: dict[str, Any], database: dict[str, Any], said: str
) -> None:
    with pytest.raises(StackError, match=said):
        ACTION.aim(ActedCluster().stack(**database), target, params)
