"""The primary is the pod that says it is writable, where the binding knows it by nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.cluster.api import Api
from chaos.errors import StackError
from chaos.stack.credentials import Credentials
from chaos.stack.profile import Profile
from chaos.stack.stack import Seed, Stack
from tests.unit.monitors.fake_database import FakeDatabase, Rows

NAMES = ("mysql-0", "mysql-1", "mysql-2")


class Servers:
    """Three servers on loopback addresses, the pods that they are in, and a stack that is bound to them."""

    def __init__(self) -> None:
        self.read_only = dict.fromkeys(NAMES, 1)
        self.ready = dict.fromkeys(NAMES, True)
        self.ips = {name: f"127.0.0.{number}" for number, name in enumerate(NAMES, start=2)}
        self.asked: list[str] = []
        self.fakes: list[FakeDatabase] = []
        for name in NAMES:
            port = self.fakes[0].port if self.fakes else 0
            self.fakes.append(FakeDatabase(self.ips[name], port, self._answers(name)))
        hardened = Profile.load("hardened").binding
        database = replace(hardened.database, primary="read-only", writes="primary", port=self.fakes[0].port)
        known = SimpleNamespace(ledger_user="root", ledger_password="")
        self.stack = Stack(
            replace(hardened, database=database),
            cast("Api", SimpleNamespace(list=self._pods, namespace="n")),
            cast("Credentials", known),
            cast("Seed", None),
        )

    def _answers(self, name: str) -> Any:
        def answer(statement: str) -> Rows | None:
            self.asked.append(name)
            return [{"it": self.read_only[name]}]

        return answer

    def _pods(self, kind: str, selector: str) -> list[dict[str, Any]]:
        return [
            {
                "metadata": {"name": name, "uid": f"uid-{name}"},
                "spec": {},
                "status": {
                    "podIP": self.ips[name],
                    "conditions": [{"type": "Ready", "status": str(self.ready[name])}],
                },
            }
            for name in NAMES
        ]

    def roles(self) -> dict[str, str]:
        return {pod.name: pod.role for pod in self.stack.pods("database")}


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    for fake in made.fakes:
        fake.close()


def test_the_writable_pod_is_the_primary_whatever_its_ordinal(servers: Servers) -> None:
    servers.read_only["mysql-1"] = 0
    assert servers.roles() == {
        "mysql-0": "database/replica",
        "mysql-1": "database/primary",
        "mysql-2": "database/replica",
    }
    assert [pod.name for pod in servers.stack.pods("database/primary")] == ["mysql-1"]
    assert [pod.name for pod in servers.stack.pods("database/replica")] == ["mysql-0", "mysql-2"]
    assert servers.stack.database_address() == f"127.0.0.3:{servers.fakes[0].port}"


def test_of_several_writable_pods_the_first_is_the_primary(servers: Servers) -> None:
    servers.read_only |= {"mysql-1": 0, "mysql-2": 0}
    assert [pod.name for pod in servers.stack.pods("database/primary")] == ["mysql-1"]
    assert [pod.name for pod in servers.stack.pods("database/replica")] == ["mysql-0", "mysql-2"]


def test_when_no_pod_is_writable_nobody_is_the_primary(servers: Servers) -> None:
    assert set(servers.roles().values()) == {"database/replica"}
    with pytest.raises(StackError, match="primary has no address"):
        servers.stack.database_address()


def test_a_pod_that_cannot_be_asked_is_neither(servers: Servers) -> None:
    servers.read_only["mysql-0"] = 0
    servers.ready["mysql-1"] = False
    servers.ips["mysql-2"] = "127.0.0.9"
    assert servers.roles() == {"mysql-0": "database/primary", "mysql-1": "database", "mysql-2": "database"}
    assert "mysql-1" not in servers.asked


def test_what_a_pod_said_is_remembered_for_a_moment_only(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("chaos.stack.writable.time", SimpleNamespace(monotonic=lambda: now))
    servers.read_only["mysql-0"] = 0
    first = servers.roles()
    servers.read_only |= {"mysql-0": 1, "mysql-1": 0}
    asked = len(servers.asked)
    assert servers.roles() == first
    assert len(servers.asked) == asked
    now += 1.1
    assert servers.roles()["mysql-1"] == "database/primary"


def test_a_role_that_no_stack_has_is_refused_without_asking(servers: Servers) -> None:
    with pytest.raises(StackError, match="no role 'database/master'"):
        servers.stack.pods("database/master")
    assert not servers.asked
