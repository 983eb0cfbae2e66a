"""`hachaos preflight` reads what there is: the cluster's objects, or the manifests where the stack is not deployed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chaos.cli import preflight as command
from chaos.errors import ClusterError, UsageError

BINDING = """\
apiVersion: hachaos/v1
name: my-blog
namespace: blog
site:
  {workload: Deployment/web, container: php, service: front, host: a.org, user: a, password: {secret: a, key: b}}
database: {workload: StatefulSet/db, container: mariadb, user: root, password: {secret: a, key: b}}
"""
MANIFESTS = "its manifests are read"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(command.preflight, arguments, catch_exceptions=False)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A cluster of which only the namespace is asked for; empty for none."""
    known: dict[str, Any] = {}
    monkeypatch.setattr(
        command.targets, "api", lambda *_: SimpleNamespace(get=lambda *_: known["namespace"]) if known else None
    )
    return known


@pytest.mark.parametrize("namespace", [None, {"metadata": {}}])
def test_without_the_stack_its_manifests_are_read_and_that_is_said(cluster: dict[str, Any], namespace: Any) -> None:
    cluster["namespace"] = namespace
    found = call("--stack", "published")
    assert found.exit_code == 0
    assert MANIFESTS in found.stderr
    assert "manifests/published/mysql-statefulset.yaml:" in found.stdout


def test_another_profiles_stack_is_not_taken_for_this_one(cluster: dict[str, Any]) -> None:
    labels = {"app.kubernetes.io/part-of": "hachaos"}
    cluster["namespace"] = {"metadata": {"labels": labels, "annotations": {"hachaos/profile": "hardened"}}}
    assert MANIFESTS in call("--stack", "published").stderr


def test_without_a_cluster_the_risks_are_json_alone_on_standard_output(cluster: dict[str, Any]) -> None:
    assert len(json.loads(call("--stack", "hardened", "--json").stdout)["risks"]) == 6


def test_a_binding_needs_its_cluster_and_has_no_manifests(cluster: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "my-stack.yaml"
    file.write_text(BINDING)
    with pytest.raises(UsageError, match="has no manifests"):
        call("--stack", str(file), "--manifests")
    with pytest.raises(ClusterError, match="there is no cluster"):
        call("--stack", str(file))
