"""A borrowed stack is given back by the run that wrote into it, and by no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fake_api import FakeApi

from chaos.progress import PlainProgress
from chaos.stack import bound, bound_remove
from chaos.stack.database import NoDatabase
from chaos.stack.stack import Stack
from tests.unit.actions.acted_cluster import BINDING

MADE = {"site_id": "of-run-a", "uploads": "/up", "schema": "wp", "table": "hachaos_ledger"}
NOTE = {"kind": "ConfigMap", "metadata": {"name": bound.CONFIG_MAP}, "data": {"made": json.dumps(MADE)}}


@pytest.mark.parametrize("run", ["of-run-a", "of-run-b"])
def test_what_another_run_wrote_that_took_the_stack_over_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    removed: list[str] = []
    monkeypatch.setattr(bound, "remove", lambda stack, uploads, task: removed.append(uploads))
    api = FakeApi(NOTE)
    stack: Any = SimpleNamespace(
        api=api, credentials=SimpleNamespace(site_id=run), binding=SimpleNamespace(name="my-stack")
    )
    is_its_own = run == MADE["site_id"]
    assert bound.detach(cast("Stack", stack), PlainProgress()) is is_its_own
    assert removed == (["/up"] if is_its_own else [])
    assert (api.get("ConfigMap", bound.CONFIG_MAP) is None) is is_its_own


def stack_with(api: FakeApi) -> Stack:
    service = {"kind": "Service", "metadata": {"name": "mysql-primary"}, "spec": {"ports": [{"port": 3306}]}}
    api.apply(service)
    return Stack(BINDING, cast("Any", api), cast("Any", None), cast("Any", None))


def database(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], Any]) -> None:
    """A database that answers each statement so."""

    @contextmanager
    def connect(*_: object) -> Iterator[None]:
        yield

    monkeypatch.setattr(bound_remove.Database, "connect", connect)
    monkeypatch.setattr(bound_remove, "run", lambda connection, statement, arguments=None: answer(statement))


def test_what_would_be_removed_is_named_and_counted_and_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(statement: str) -> Any:
        asked.append(statement)
        if "post_type" in statement:
            return (("post", 4), ("page", 1), ("attachment", 2))
        return ((1234,),)

    database(monkeypatch, answer)
    api = FakeApi(NOTE)
    stack = stack_with(api)
    api.calls.clear()
    known = BINDING.database
    assert bound.left(stack) == [
        f"the table {known.schema}.{known.table} with 1234 rows",
        "5 posts and pages of hachaos's own",
        "2 uploads of hachaos's own, and what is left of such files below /up",
        f"the ConfigMap {bound.CONFIG_MAP}",
    ]
    assert api.calls == []
    assert all(statement.startswith("SELECT ") for statement in asked)


def test_what_would_be_removed_is_named_without_a_database_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(statement: str) -> Any:
        raise NoDatabase("refused")

    database(monkeypatch, answer)
    first, *rest = bound.left(stack_with(FakeApi(NOTE)))
    assert first.endswith(" (its database could not be asked: refused)")
    assert len(rest) == 3


def test_of_a_stack_that_bears_no_note_nothing_would_be_removed() -> None:
    assert bound.left(stack_with(FakeApi())) == []
