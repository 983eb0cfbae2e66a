"""A borrowed stack is given back by the run that wrote into it, and by no other."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fake_api import FakeApi

from chaos.progress import PlainProgress
from chaos.stack import bound
from chaos.stack.stack import Stack

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
