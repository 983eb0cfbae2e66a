"""An undo goes on while there is time and the cluster is away, says what is wrong, and what is left to do by hand."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chaos import undo, undo_notes
from chaos.actions import ACTIONS
from chaos.clock import Clock
from chaos.cluster.api import ApiRefused
from chaos.cluster.elsewhere import Elsewhere
from chaos.errors import ClusterError, StackError, Unreachable
from chaos.history import UndoDone, UndoPlanned
from chaos.journal import Journal
from chaos.undo import by_hand, incomplete, put_back, recovery, unfinished
from tests.unit.actions.acted_cluster import ActedCluster

AIMS: dict[str, tuple[str, dict[str, Any]]] = {
    "scale": ("site", {"replicas": 1}),
    "delete-pod": ("database/primary", {}),
    "delete-volume": ("database/replica", {}),
    "stop-service": ("files", {}),
    "rolling-restart": ("site", {}),
    "pause": ("stack", {"for_s": 0}),
    "noop": ("stack", {}),
}


class Flaky:
    """Put back after so many errors."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def put_back(self, stack: object, undo: object, timeout_s: float) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


def tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, action: Any, timeout_s: float = 20.0) -> list[str]:
    monkeypatch.setattr(undo, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setitem(ACTIONS, "flaky", action)
    with Journal(tmp_path) as journal:
        planned = [UndoPlanned(0.0, 0, 0, "noop", {}), UndoPlanned(0.0, 1, 1, "flaky", {})]
        for each in planned:
            journal.write(each)
        left = put_back(ActedCluster().stack(), planned, journal, Clock(), timeout_s)
        history = journal.history()
    assert [each.id for each in history.of(UndoDone)] == [1, 0]
    assert [each.id for each in unfinished(history)] == ([1] if left else [])
    return left


@pytest.mark.parametrize("error", [Unreachable("no answer"), ApiRefused(401, "token expired"), ApiRefused(409, "busy")])
def test_an_undo_is_tried_again_while_the_cluster_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    action = Flaky(error, error, error)
    assert tried(monkeypatch, tmp_path, action) == []
    assert action.calls == 4


def test_an_undo_that_the_cluster_never_answered_says_so_when_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    action = Flaky(*[Unreachable("connection refused")] * 1000)
    (left,) = tried(monkeypatch, tmp_path, action, 0.2)
    assert left.startswith("flaky: not put back: the cluster could not be reached for 0 s: connection refused")
    assert action.calls > 1


@pytest.mark.parametrize(
    "error",
    [ClusterError("2 of 3 ready"), StackError("no Service"), ApiRefused(404, "not found"), KeyError("replicas")],
)
def test_an_undo_that_does_not_hold_is_not_tried_again_and_the_others_are_carried_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    action = Flaky(error)
    (left,) = tried(monkeypatch, tmp_path, action)
    assert str(error) in left
    assert action.calls == 1


@pytest.mark.parametrize("name", [*AIMS])
def test_every_undo_says_what_is_to_be_done_by_hand_in_words_for_a_shell(name: str) -> None:
    stack = ActedCluster().stack()
    target, params = AIMS[name]
    aim = ACTIONS[name].aim(stack, target, params)
    commands = by_hand(stack, "r", [UndoPlanned(0.0, 0, 0, name, aim.undo)])
    assert bool(commands) == bool(aim.undo)
    for command in commands:
        assert shlex.split(command)[:3] == ["kubectl", "-n", "wordpress"]


def test_by_hand_comes_the_last_change_first_and_of_those_that_restore_one_thing_the_first_alone() -> None:
    stack = ActedCluster().stack("mine")
    steps = (("scale", "database"), ("stop-service", "files"), ("scale", "database"))
    planned = [
        UndoPlanned(0.0, number, number, action, ACTIONS[action].aim(stack, role, {"replicas": 1}).undo)
        for number, (action, role) in enumerate(steps)
    ]
    kubectl = "hachaos cluster kubectl --name mine -- -n wordpress"
    nfs, *mysql = (f"{undo_notes.key_of('r', each)}-" for each in (planned[1], planned[0], planned[2]))
    assert by_hand(stack, "r", planned) == [
        f"{kubectl} scale statefulset/nfs --replicas=1",
        f"{kubectl} annotate statefulset/nfs hachaos.dev/replicas-",
        f"{kubectl} scale statefulset/mysql --replicas=3",
        f"{kubectl} annotate statefulset/nfs {nfs}",
        f"{kubectl} annotate statefulset/mysql {' '.join(mysql)}",
    ]


@pytest.mark.parametrize(
    ("kubeconfig", "words"),
    [
        ("", ["kubectl", "--context", "prod like"]),
        ("my files/prod", ["kubectl", "--kubeconfig", "my files/prod", "--context", "prod like"]),
        ("a:b", ["KUBECONFIG=a:b", "kubectl", "--context", "prod like"]),
    ],
)
def test_by_hand_names_the_context_of_another_cluster_and_its_file(kubeconfig: str, words: list[str]) -> None:
    stack = replace(ActedCluster().stack(), elsewhere=Elsewhere("prod like", kubeconfig))
    aim = ACTIONS["scale"].aim(stack, "database", {"replicas": 1})
    planned = [UndoPlanned(0.0, 0, 0, "scale", aim.undo)]
    for command in by_hand(stack, "r", planned):
        assert shlex.split(command)[: len(words) + 2] == [*words, "-n", "wordpress"]
    hint = incomplete(stack, "r", ["not back"], planned).hint
    assert hint
    assert hint.startswith("hachaos recover --context 'prod like'")
    assert (" --kubeconfig " in hint.splitlines()[0]) == bool(kubeconfig)


def test_recover_names_an_embedded_cluster_that_has_a_name_of_its_own() -> None:
    assert recovery(ActedCluster().stack("mine")) == "hachaos recover --name mine"
    assert recovery(ActedCluster().stack("hachaos")) == "hachaos recover"


def test_a_name_that_a_shell_would_read_otherwise_is_quoted() -> None:
    (command, *_) = ACTIONS["scale"].by_hand({"kind": "Deployment", "name": "a b;c", "replicas": 2}, "n$s")
    assert shlex.split(command) == ["kubectl", "-n", "n$s", "scale", "deployment/a b;c", "--replicas=2"]


def changed(cluster: ActedCluster, tmp_path: Path, *steps: tuple[str, str, int]) -> list[UndoPlanned]:
    """The undo records of steps (action, target, replicas), which are noted and put in one after another."""
    stack, run, undos = cluster.stack(), undo_notes.run_of(tmp_path), list[UndoPlanned]()
    for number, (action, role, replicas) in enumerate(steps):
        aim = ACTIONS[action].aim(stack, role, {"replicas": replicas})
        undos.append(UndoPlanned(0.0, number, number, action, aim.undo))
        undo_notes.note(stack, run, undos[-1])
        ACTIONS[action].inject(stack, aim)
    return undos


def restored(cluster: ActedCluster, tmp_path: Path, undos: list[UndoPlanned]) -> list[str]:
    with Journal(tmp_path) as journal:
        return put_back(cluster.stack(), undos, journal, Clock(), 0.2)


def replicas(cluster: ActedCluster, name: str = "mysql") -> int:
    found = cluster.get("StatefulSet", name)
    assert found
    return int(found["spec"]["replicas"])


@pytest.mark.parametrize(
    ("action", "role", "name", "found"), [("scale", "database", "mysql", 3), ("stop-service", "files", "nfs", 1)]
)
def test_replicas_that_somebody_else_has_set_since_are_left_and_how_to_choose_is_said(
    tmp_path: Path, action: str, role: str, name: str, found: int
) -> None:
    cluster = ActedCluster()
    undos = changed(cluster, tmp_path, (action, role, 0))
    cluster.patch("StatefulSet", name, {"spec": {"replicas": 5}})
    (left,) = restored(cluster, tmp_path, undos)
    assert left == (
        f"statefulset/{name}: somebody else has set its replicas to 5 (the run found {found} and set 0), so they are "
        f"left: by hand, kubectl scale puts {found} back, kubectl annotate alone keeps 5"
    )
    assert replicas(cluster, name) == 5
    run = undo_notes.run_of(tmp_path)
    assert undo_notes.is_noted(cluster.stack(), run, undos)
    commands = by_hand(cluster.stack(), run, undos)
    assert commands[0] == f"kubectl -n wordpress scale statefulset/{name} --replicas={found}"
    assert commands[-1] == f"kubectl -n wordpress annotate statefulset/{name} {undo_notes.key_of(run, undos[0])}-"


@pytest.mark.parametrize("now", [3, 2, 1])
def test_each_number_that_a_run_found_or_set_in_any_of_its_steps_is_put_back(tmp_path: Path, now: int) -> None:
    """A step may not have come to its change, or an operator may have put back what it wants."""
    cluster = ActedCluster()
    undos = changed(cluster, tmp_path, ("scale", "database", 2), ("scale", "database", 1))
    cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": now}})
    assert restored(cluster, tmp_path, undos) == []
    assert replicas(cluster) == 3


def test_what_different_actions_did_to_one_workload_is_put_back_the_last_first(tmp_path: Path) -> None:
    cluster = ActedCluster()
    steps = (("scale", "database", 2), ("stop-service", "database", 0), ("scale", "database", 1))
    undos = changed(cluster, tmp_path, *steps)
    assert restored(cluster, tmp_path, undos) == []
    assert replicas(cluster) == 3
    assert undo_notes.on_workloads(cluster.stack()) == []


def test_a_run_that_was_killed_between_its_note_and_the_change_left_what_it_found(tmp_path: Path) -> None:
    cluster = ActedCluster()
    stack = cluster.stack()
    planned = UndoPlanned(0.0, 0, 0, "scale", ACTIONS["scale"].aim(stack, "database", {"replicas": 1}).undo)
    undo_notes.note(stack, undo_notes.run_of(tmp_path), planned)
    cluster.calls.clear()
    assert restored(cluster, tmp_path, [planned]) == []
    assert replicas(cluster) == 3
    assert cluster.calls == [("patch", "StatefulSet", "mysql")]  # its note


def test_a_record_of_a_hachaos_that_did_not_write_what_it_set_is_carried_out(tmp_path: Path) -> None:
    cluster = ActedCluster()
    (planned,) = changed(cluster, tmp_path, ("scale", "database", 1))
    old = replace(planned, undo={key: value for key, value in planned.undo.items() if key != "set"})
    cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": 5}})
    assert restored(cluster, tmp_path, [old]) == []
    assert replicas(cluster) == 3


@pytest.mark.parametrize("now", [0, 5])
def test_a_stack_of_ours_is_deployed_again_but_not_over_what_somebody_else_has_set(tmp_path: Path, now: int) -> None:
    cluster = ActedCluster()
    with Journal(tmp_path) as journal:
        for planned in changed(cluster, tmp_path, ("scale", "database", 1)):
            journal.write(planned)
    cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": now}})
    deployed: list[int] = []

    def ensure(target: object, shown: object) -> Any:
        deployed.append(now)
        cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": 3}})
        return cluster.stack()

    stacks: Any = SimpleNamespace(borrowed=False, ensure=ensure, attach=lambda target: cluster.stack())
    target: Any = SimpleNamespace(local=True)
    assert not undo.deployed_again(stacks, target, tmp_path, quiet=True)
    assert deployed == []
    cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": 1}})
    assert undo.deployed_again(stacks, target, tmp_path, quiet=True)
    assert replicas(cluster) == 3
