"""The pod that hachaos runs in is no part of a stack, whatever the stack's labels select."""

from __future__ import annotations

from pathlib import Path

import pytest
from acted_cluster import ActedCluster

from chaos.actions.delete_pod import DeletePod
from chaos.cluster import own_pod
from chaos.errors import StackError

ACTION = DeletePod()


@pytest.fixture(autouse=True)
def no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POD_NAME", "POD_NAMESPACE", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


def be(monkeypatch: pytest.MonkeyPatch, name: str, namespace: str = "wordpress") -> None:
    monkeypatch.setenv("POD_NAME", name)
    monkeypatch.setenv("POD_NAMESPACE", namespace)


def test_its_own_pod_is_never_aimed_at_though_the_labels_select_it(monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, "mysql-0")
    stack = ActedCluster().stack()
    assert ACTION.aim(stack, "database", {}).objects == ("pod/mysql-1",)
    with pytest.raises(StackError, match=r"3 pods of database are wanted, and there are: mysql-1, mysql-2"):
        ACTION.aim(stack, "database", {"count": 3})
    with pytest.raises(StackError, match="1 pods of database/primary are wanted, and there are: none"):
        ACTION.aim(stack, "database/primary", {})


@pytest.mark.parametrize(("name", "namespace"), [("hachaos-nightly-1-x", "wordpress"), ("mysql-0", "elsewhere")])
def test_any_other_pod_is_aimed_at(monkeypatch: pytest.MonkeyPatch, name: str, namespace: str) -> None:
    be(monkeypatch, name, namespace)
    assert ACTION.aim(ActedCluster().stack(), "database/primary", {}).objects == ("pod/mysql-0",)


def test_a_pod_that_was_told_nothing_knows_itself_by_its_host_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "namespace").write_text("wordpress\n")
    monkeypatch.setattr(own_pod, "_ACCOUNT", tmp_path / "namespace")
    monkeypatch.setenv("HOSTNAME", "mysql-0")
    assert not own_pod.is_own("wordpress", "mysql-0")  # a machine of that name is no pod
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    assert own_pod.is_own("wordpress", "mysql-0")
    assert not own_pod.is_own("wordpress", "mysql-1")
    assert not own_pod.is_own("blog", "mysql-0")
