from __future__ import annotations

import pytest

from chaos.cluster.local import addons

DNS = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"


@pytest.mark.parametrize(("nodes", "replicas"), [(1, 1), (2, 2), (5, 2)])
def test_dns_survives_the_loss_of_a_node_where_there_is_another(nodes: int, replicas: int) -> None:
    deployment = addons.manifests(nodes, "image")[DNS]
    assert deployment["spec"]["replicas"] == replicas
    affinity = deployment["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    assert "requiredDuringSchedulingIgnoredDuringExecution" in affinity


def test_every_object_lies_at_the_path_of_its_name_and_namespace() -> None:
    for path, manifest in addons.manifests(3, "image").items():
        metadata = manifest["metadata"]
        assert path.endswith(f"/{metadata['name']}")
        assert (f"/namespaces/{metadata.get('namespace')}/" in path) == ("namespace" in metadata)
        assert path.startswith(("/api/v1/", f"/apis/{manifest['apiVersion']}/"))


def test_there_is_one_default_storage_class() -> None:
    classes = [each for each in addons.manifests(3, "image").values() if each["kind"] == "StorageClass"]
    assert [each["metadata"]["annotations"] for each in classes] == [
        {"storageclass.kubernetes.io/is-default-class": "true"}
    ]
    assert classes[0]["provisioner"] == "kubernetes.io/host-path"


def test_the_load_balancer_may_write_nothing_but_the_status_of_services() -> None:
    role = addons.manifests(3, "image")["/apis/rbac.authorization.k8s.io/v1/clusterroles/hachaos-load-balancer"]
    writing = [rule for rule in role["rules"] if set(rule["verbs"]) - {"get", "list", "watch"}]
    assert [rule["resources"] for rule in writing] == [["services/status"]]
