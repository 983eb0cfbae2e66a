"""An undo goes on while there is time and the cluster is away, says what is wrong, and what is left to do by hand."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
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
