"""A namespace that is marked as protected is refused; one that is not, is not."""

from __future__ import annotations

from typing import Any, cast

import pytest

from chaos.cluster import protected
from chaos.cluster.api import Api
from chaos.errors import ExitCode, UsageError
from tests.unit.fake_api import FakeApi


def refuse(**metadata: Any) -> None:
    namespace = {"kind": "Namespace", "metadata": {"name": "shop", **metadata}}
    protected.refuse(cast("Api", FakeApi(namespace)), "shop")


@pytest.mark.parametrize("where", ["labels", "annotations"])
@pytest.mark.parametrize("value", ["true", "", "yes", "nightly only"])
def test_the_mark_refuses_as_label_and_as_annotation(where: str, value: str) -> None:
    with pytest.raises(UsageError, match="namespace shop is protected") as caught:
        refuse(**{where: {"hachaos.dev/protected": value}})
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("labels", [None, {}, {"hachaos.dev/protected": "false"}, {"protected": "true"}])
def test_other_namespaces_are_not_refused(labels: dict[str, str] | None) -> None:
    refuse(labels=labels)


def test_a_namespace_that_is_not_there_yet_is_not_refused() -> None:
    protected.refuse(cast("Api", FakeApi()), "shop")
