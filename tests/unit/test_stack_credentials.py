"""Secrets: random, complete, and never overwritten."""

from __future__ import annotations

from typing import Any, cast

import pytest
from fake_api import FakeApi

from chaos.cluster.api import Api
from chaos.errors import StackError
from chaos.stack import credentials


def ensure(api: FakeApi) -> credentials.Credentials:
    return credentials.ensure(cast("Api", api))


def test_secrets_are_made_complete_and_each_stack_has_its_own() -> None:
    one, other = FakeApi(), FakeApi()
    assert ensure(one) != ensure(other)
    assert set(one.secret("mysql")) == set(credentials.DATABASE_SECRET)
    assert set(one.secret("wordpress")) == set(credentials.SITE_SECRET)
    values = [*one.secret("mysql").values(), *one.secret("wordpress").values()]
    assert len(set(values)) == len(values)


def test_secrets_that_are_there_are_kept() -> None:
    api = FakeApi()
    first = ensure(api)
    api.calls.clear()
    assert ensure(api) == first
    assert api.calls == []


def test_a_secret_made_by_hand_only_gets_what_it_lacks() -> None:
    by_hand: dict[str, Any] = {"kind": "Secret", "metadata": {"name": "mysql"}, "stringData": {"TOKEN": "mine"}}
    api = FakeApi(by_hand)
    ensure(api)
    assert api.secret("mysql")["TOKEN"] == "mine"
    assert set(api.secret("mysql")) == set(credentials.DATABASE_SECRET)


def test_the_application_password_is_kept_beside_the_others() -> None:
    api = FakeApi()
    before = ensure(api)
    credentials.keep_application_password(cast("Api", api), "abcd efgh")
    after = ensure(api)
    assert (before.application_password, after.application_password) == ("", "abcd efgh")
    assert after.admin_password == before.admin_password


def test_credentials_of_a_stack_that_was_never_deployed_are_an_error() -> None:
    with pytest.raises(StackError, match="HACHAOS_PASSWORD"):
        credentials.load(cast("Api", FakeApi()))


def test_the_published_stack_has_root_without_a_password_and_an_administrator_with_a_random_one() -> None:
    api = FakeApi()
    known = credentials.ensure_published(cast("Api", api))
    assert (known.ledger_user, known.ledger_password) == ("root", "")
    assert len(known.admin_password) == 32
    assert set(api.secret("hachaos")) == {"ADMIN_USER", "ADMIN_PASSWORD", "SITE_ID"}
    assert credentials.ensure_published(cast("Api", api)) == known


def test_a_published_stack_without_its_secret_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(StackError, match="`hachaos` lacks") as caught:
        credentials.load_published(cast("Api", FakeApi()))
    assert caught.value.hint == "hachaos stack deploy --stack published"
