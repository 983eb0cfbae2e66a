"""What a stack or a cluster lacks refuses a run before anything is broken, and says what would be right."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos import undo_notes
from chaos.actions import ACTIONS
from chaos.actions.workload import takes_volumes
from chaos.cluster.target import Target
from chaos.errors import StackError, UsageError
from chaos.history import UndoPlanned
from chaos.preconditions import require, require_allowed, require_fit, require_put_back
from chaos.scenario.plan import Needs, Plan, PlannedStep, Suite, Wait, Workload
from chaos.stack.profile import Profile
from chaos.stack.roles import Pod
from chaos.stack.source import Source
from chaos.stack.stack import Stack
from tests.unit.actions.acted_cluster import ActedCluster
from tests.unit.fake_api import FakeApi

BINDING = Profile.load("hardened").binding


def pod(name: str, role: str, *, ready: bool = True) -> Pod:
    return Pod(name, f"uid-{name}", role, "node-1", "10.0.0.1", ready=ready, terminating=False)


DATABASE = [pod("mysql-0", "database/primary"), *[pod(f"mysql-{n}", "database/replica") for n in (1, 2)]]
OTHERS = [pod("wordpress-a", "site"), pod("nfs-0", "files")]


@dataclass
class FakeStack:
    found: list[Pod] = field(default_factory=lambda: [*DATABASE, *OTHERS])
    api: Any = field(default_factory=FakeApi)
    binding: Any = BINDING

    def pods(self, role: str) -> list[Pod]:
        return [each for each in self.found if role in (each.role, each.role.split("/")[0])]


def plan(action: str = "delete-pod", target: str = "database/primary", **more: Any) -> Plan:
    step = PlannedStep(0, "break it", action, target, {}, Wait("database/ready", 60), {})
    workload = Workload(reads_per_s=5, pod_reads_per_s=1, writes_per_s=5, posts_per_s=1, deadline_s=2)
    return Plan("p", "it holds", "p.yaml", "", workload, (step,), **more)


def check(wanted: Plan, stack: FakeStack | None = None, *, nodes: int = 3) -> None:
    require([wanted], cast("Stack", stack or FakeStack()), nodes=nodes)


def test_a_stack_that_has_all_is_taken() -> None:
    check(plan(needs=Needs(nodes=3, database=3)))


def test_too_few_nodes_are_refused_with_both_numbers() -> None:
    with pytest.raises(StackError, match="needs 3 nodes, and the cluster has 1"):
        check(plan(needs=Needs(nodes=3)), nodes=1)


def test_too_few_ready_pods_are_refused() -> None:
    stack = FakeStack([DATABASE[0], replace(DATABASE[1], ready=False), *OTHERS])
    with pytest.raises(StackError, match="needs 2 ready pods of database, and there are 1"):
        check(plan(needs=Needs(database=2)), stack)


def test_a_step_at_replicas_is_refused_when_there_are_none() -> None:
    with pytest.raises(StackError, match="aims at database/replica, and no such pod is ready"):
        check(plan(target="database/replica"), FakeStack([DATABASE[0], *OTHERS]))


def test_a_step_at_a_part_that_the_stack_lacks_is_refused() -> None:
    binding = replace(BINDING, controllers={k: v for k, v in BINDING.controllers.items() if k != "files"})
    with pytest.raises(StackError, match=r"step 1 \(break it\) aims at files, which the stack does not have"):
        check(plan("stop-service", "files"), FakeStack(binding=binding))


def test_a_quiet_step_aims_at_nothing() -> None:
    check(plan("pause", "stack"))


@pytest.mark.parametrize(("policy", "refused"), [("Retain", True), ("Delete", False)])
def test_a_volume_that_would_outlive_its_claim_is_refused_for_deletion(policy: str, refused: bool) -> None:
    claim = {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-mysql-0", "labels": {"app": "mysql"}},
        "spec": {"volumeName": "pv-1"},
    }
    volume = {
        "kind": "PersistentVolume",
        "metadata": {"name": "pv-1"},
        "spec": {"persistentVolumeReclaimPolicy": policy},
    }
    stack = FakeStack(api=FakeApi(claim, volume))
    wanted = plan("delete-volume", destructive=True)
    if refused:
        with pytest.raises(StackError, match="pv-1 of claim data-mysql-0 has the reclaim policy Retain"):
            check(wanted, stack)
    else:
        check(wanted, stack)
    check(plan(), stack)


def statefulset(when_scaled: str | None, **spec: Any) -> FakeStack:
    spec = {"replicas": 3, "volumeClaimTemplates": [{"metadata": {"name": "data"}}], **spec}
    if when_scaled:
        spec["persistentVolumeClaimRetentionPolicy"] = {"whenScaled": when_scaled}
    sets = ({"kind": "StatefulSet", "metadata": {"name": name}, "spec": spec} for name in ("mysql", "nfs"))
    return FakeStack(api=FakeApi(*sets))


DELETES = "has whenScaled: Delete, so .* would delete the volumes of the pods that it takes away"


def steps(action: str, target: str, params: dict[str, Any]) -> Plan:
    made = plan(action, target)
    return replace(made, steps=(replace(made.steps[0], params=params),))


@pytest.mark.parametrize(("action", "target"), [("scale", "database"), ("stop-service", "files")])
def test_scaling_down_what_then_deletes_its_volumes_has_to_be_called_destructive(action: str, target: str) -> None:
    wanted = steps(action, target, {"replicas": 1} if action == "scale" else {})
    with pytest.raises(StackError, match=rf"step 1 \(break it\): StatefulSet (mysql|nfs) {DELETES}"):
        check(wanted, statefulset("Delete"))
    check(replace(wanted, destructive=True), statefulset("Delete"))
    for keeps in (statefulset("Retain"), statefulset(None), statefulset("Delete", volumeClaimTemplates=[])):
        check(wanted, keeps)
    assert takes_volumes(cast("Stack", statefulset("Delete")), wanted.steps[0])


def test_a_scale_up_and_other_faults_delete_no_volumes() -> None:
    for wanted in (steps("scale", "database", {"replicas": 3}), plan(), plan("rolling-restart", "database")):
        check(wanted, statefulset("Delete"))


def test_destroying_data_has_to_be_allowed_where_the_target_is_not_local() -> None:
    wanted = plan("delete-volume", destructive=True)
    suite = Suite("s", "c", "s.yaml", "", budget_s=60, between_s=1, plans=(plan(), wanted))
    for item in (wanted, suite):
        with pytest.raises(UsageError, match=r"p\.yaml: p takes data .* the target is not local") as caught:
            require_allowed(item, allow_nodes=False, local=False)
        assert caught.value.hint == "--allow-destructive says that this is meant"
        require_allowed(item, allow_nodes=False, local=False, allow_destructive=True)
        require_allowed(item, allow_nodes=False)
    require_allowed(plan(), allow_nodes=False, local=False)


def test_all_that_is_lacking_is_said_at_once() -> None:
    with pytest.raises(StackError, match=r"needs 3 nodes.*; it needs 5 ready pods of site"):
        check(plan(needs=Needs(nodes=3, site=5)), nodes=2)


@dataclass
class FakeSource:
    stack: FakeStack
    borrowed: bool

    def attach(self, target: Target) -> FakeStack:
        return self.stack


def test_of_all_scenarios_what_a_borrowed_stack_lacks_is_said_before_it_is_touched() -> None:
    stack = FakeStack([DATABASE[0], *OTHERS])
    target = cast("Target", SimpleNamespace(nodes=1))
    plans = [plan(), replace(plan(needs=Needs(nodes=3)), name="q"), replace(plan(target="database/replica"), name="r")]
    with pytest.raises(StackError) as caught:
        require_fit(plans, cast("Source", FakeSource(stack, borrowed=True)), target)
    assert str(caught.value).splitlines() == [
        "q cannot be run here: it needs 3 nodes, and the cluster has 1 (hachaos cluster up --nodes)",
        "r cannot be run here: it aims at database/replica, and no such pod is ready",
    ]
    assert stack.api.calls == []
    require_fit(plans[:1], cast("Source", FakeSource(stack, borrowed=True)), target)


def test_a_stack_that_is_only_deployed_by_the_run_is_not_looked_at_before() -> None:
    empty = cast("Source", FakeSource(FakeStack([]), borrowed=False))
    require_fit([plan(needs=Needs(database=3))], empty, cast("Target", SimpleNamespace(nodes=3)))


def test_a_step_that_changes_a_node_needs_a_flag_of_its_own_on_any_target() -> None:
    wanted = plan("drain-node")
    with pytest.raises(UsageError, match=r"p\.yaml: step 1 \(break it\): drain-node changes a node") as caught:
        require_allowed(wanted, allow_nodes=False)
    assert caught.value.hint == "--allow-nodes says that this is meant"
    require_allowed(wanted, allow_nodes=True)
    require_allowed(plan(), allow_nodes=False)


def test_a_suite_with_such_a_step_needs_it_too() -> None:
    suite = Suite("s", "c", "s.yaml", "", budget_s=60, between_s=1, plans=(plan(), plan("drain-node")))
    with pytest.raises(UsageError, match="drain-node changes a node"):
        require_allowed(suite, allow_nodes=False)
    require_allowed(suite, allow_nodes=True)


def test_a_stack_that_another_run_has_left_changed_is_refused_until_it_is_recovered() -> None:
    stack = ActedCluster().stack("mine")
    require_put_back(stack, "hardened")
    planned = UndoPlanned(0.0, 0, 0, "scale", ACTIONS["scale"].aim(stack, "database", {"replicas": 1}).undo)
    undo_notes.note(stack, "reports/cut-off", planned)
    with pytest.raises(StackError, match="hardened: what reports/cut-off changed was never put back") as caught:
        require_put_back(stack, "hardened")
    assert caught.value.hint == "first: hachaos recover --stack hardened --name mine"
    undo_notes.forget(stack, "reports/cut-off", [planned])
    require_put_back(stack, "hardened")


def test_no_file_alone_breaks_a_stack_that_is_not_well_on_a_cluster_that_is_there() -> None:
    wanted = replace(plan(), baseline="record")
    with pytest.raises(UsageError, match=r"p\.yaml: `baseline: record` breaks a stack") as caught:
        require_allowed(wanted, allow_nodes=False, local=False)
    assert "--baseline record" in caught.value.hint
    require_allowed(wanted, allow_nodes=False, local=False, baseline="record")
    require_allowed(wanted, allow_nodes=False, local=False, baseline="stop")
    require_allowed(wanted, allow_nodes=False, local=True)
    require_allowed(plan(), allow_nodes=False, local=False)
    suite = Suite("s", "c", "s.yaml", "", budget_s=60, between_s=1, plans=(plan(),), baseline="record")
    with pytest.raises(UsageError, match=r"s\.yaml: `baseline: record` breaks a stack"):
        require_allowed(suite, allow_nodes=False, local=False)
