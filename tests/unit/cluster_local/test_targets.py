from __future__ import annotations

from pathlib import Path

import pytest

from chaos.cluster.local.cluster import Cluster
from chaos.cluster.local.targets import resolve
from chaos.errors import UsageError

CLUSTER = Cluster("a", (), Path("/nowhere"), Path("/nowhere"), {})


def test_the_api_server_and_plain_addresses_need_no_look_up() -> None:
    assert resolve(CLUSTER, "api") == ("172.30.0.1", 6443)
    assert resolve(CLUSTER, "10.244.1.7:8080") == ("10.244.1.7", 8080)


@pytest.mark.parametrize("target", ["", "wordpress", "/x", "x/", "10.0.0.1:", "10.0.0.1:http", "a/b:0", "a/b:70000"])
def test_anything_else_is_refused_with_the_forms_that_are_taken(target: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(CLUSTER, target)
    assert caught.value.hint == "Name it as api, ADDRESS:PORT, or NAMESPACE/SERVICE[:PORT]."
