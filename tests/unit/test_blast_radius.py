"""What a run would touch is said in full, and nobody's silence is taken for a yes."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from chaos import blast_radius
from chaos.cluster.target import Target
from chaos.errors import ExitCode, UsageError
from chaos.scenario.plan import Plan, PlannedStep, Suite, Wait, Workload
from chaos.stack.profile import Profile
from chaos.stack.roles import Pod
from chaos.stack.source import Source

BINDING = Profile.load("hardened").binding
WORKLOAD = Workload(reads_per_s=5, pod_reads_per_s=1, writes_per_s=5, posts_per_s=1, deadline_s=2)


@dataclass
class FakeApi:
    server: str = "https://192.0.2.7:6443"
    namespace: str = "blog"
    when_scaled: str = "Retain"

    def get(self, kind: str, name: str) -> dict[str, Any]:
        policy = {"whenScaled": self.when_scaled}
        return {"spec": {"replicas": 3, "volumeClaimTemplates": [{}], "persistentVolumeClaimRetentionPolicy": policy}}


@dataclass
class FakeStack:
    binding: Any = BINDING
    api: FakeApi = field(default_factory=FakeApi)
    credentials: Any = field(default_factory=lambda: type("Known", (), {"admin_user": "anna"}))

    def pods(self, role: str) -> list[Pod]:
        names = ("mysql-1", "mysql-2")
        return [Pod(name, "uid", role, "node-1", "10.0.0.1", ready=True, terminating=False) for name in names]

    def controller(self, role: str) -> tuple[str, str]:
        return "StatefulSet", "mysql"


class FakeSource:
    spec = "/home/anna/my-stack.yaml"

    def attach(self, target: Target) -> FakeStack:
        return FakeStack(api=cast("FakeApi", target.api))


def plan(action: str, target: str, **more: Any) -> Plan:
    step = PlannedStep(0, "break it", action, target, {"ordinal": 1}, Wait("database/ready", 60), {})
    return Plan("kill-replica", "a replica comes back", "p.yaml", "", WORKLOAD, (step,), **more)


def text(*items: Plan | Suite, when_scaled: str = "Retain") -> str:
    api = cast("Any", FakeApi(when_scaled=when_scaled))
    target = Target("context/prod-like", local=False, nodes=3, api=api, versions={})
    return "\n".join(blast_radius.of(items, target, cast("Source", FakeSource())))


def test_it_names_cluster_namespace_objects_undo_and_what_is_written() -> None:
    said = text(plan("delete-pod", "database/replica"))
    assert "context/prod-like, https://192.0.2.7:6443" in said
    assert "namespace  blog" in said
    assert "StatefulSet mysql; its pods of database/replica now: mysql-1, mysql-2" in said
    assert "undo     the controller replaces the pods" in said
    assert "hachaos.ledger" in said or f"{BINDING.database.schema}.{BINDING.database.table}" in said
    assert "'anna'" in said
    assert "destroys   nothing" in said
    assert "at most, every undo included" in said


def test_what_destroys_data_says_so() -> None:
    said = text(plan("delete-volume", "database/replica", destructive=True))
    assert "DESTROYS" in said
    assert "destroys   data that nothing brings back (kill-replica)" in said


def test_a_scale_down_says_where_it_destroys_volumes() -> None:
    wanted = plan("stop-service", "files", destructive=True)
    assert "DESTROYS the volumes of the pods that it takes away" in text(wanted, when_scaled="Delete")
    assert "DESTROYS" not in text(wanted)
    assert "DESTROYS" not in text(plan("delete-pod", "database"), when_scaled="Delete")


def test_a_suite_is_told_with_all_its_scenarios_and_its_budget() -> None:
    inner = (plan("delete-pod", "database/replica"), plan("noop", "stack"))
    said = text(Suite("all", "all holds", "s.yaml", "", 1800, 0, inner))
    assert said.count("kill-replica: a replica comes back") == 2
    assert "lasts      30m at most" in said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_yes_on_the_command_line_agrees_and_is_shown_what_to(capsys: pytest.CaptureFixture[str]) -> None:
    blast_radius.agreed(["namespace  blog"], yes=True, quiet=False)
    assert "namespace  blog" in capsys.readouterr().err
    blast_radius.agreed(["namespace  blog"], yes=True, quiet=True)
    assert capsys.readouterr().err == ""


def test_without_a_terminal_and_without_yes_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    with pytest.raises(UsageError, match="no terminal to ask on: nothing was touched") as caught:
        blast_radius.agreed(["namespace  blog"], yes=False, quiet=False)
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("answer", ["y\n", "no\n", "\n", ""])
def test_on_a_terminal_nothing_but_the_word_yes_agrees(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    blast_radius.agreed(["namespace  blog"], yes=False, quiet=False)
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    with pytest.raises(UsageError, match="not agreed"):
        blast_radius.agreed(["namespace  blog"], yes=False, quiet=False)
