from __future__ import annotations

from pathlib import Path

import pytest

from chaos.cluster.local import node
from chaos.cluster.local.layout import plan

SNAPSHOTS = "io.containerd.snapshotter.v1.overlayfs"
BOLT = "io.containerd.metadata.v1.bolt/meta.db"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    root = tmp_path / "template"
    for name in (f"{SNAPSHOTS}/snapshots/1/fs/bin/sh", f"{SNAPSHOTS}/metadata.db", BOLT, "content/blobs/sha256/abc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def test_a_node_shares_blobs_copies_databases_and_leaves_layers_to_be_bound(template: Path, tmp_path: Path) -> None:
    root = tmp_path / "lib" / "containerd"
    node.copy_images(template, root)
    assert (root / "content/blobs/sha256/abc").samefile(template / "content/blobs/sha256/abc")
    for database in (f"{SNAPSHOTS}/metadata.db", BOLT):
        assert (root / database).read_text() == database
        assert not (root / database).samefile(template / database)
    assert list((root / SNAPSHOTS / "snapshots").iterdir()) == []


def test_blobs_are_copied_where_they_cannot_be_linked(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: str, target: str) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", link)
    node.copy_images(template, tmp_path / "root")
    assert (tmp_path / "root/content/blobs/sha256/abc").read_text() == "content/blobs/sha256/abc"


def test_kubelet_lets_nobody_in_without_a_certificate_or_a_right() -> None:
    configuration = node.kubelet_configuration(plan(1)[0], "hachaos/a/node-1", restrict_oom=False)
    assert configuration["authentication"] == {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": True},
        "x509": {"clientCAFile": "/run/hachaos/machine/etc/ca.crt"},
    }
    assert configuration["authorization"] == {"mode": "Webhook"}


def test_kubelet_keeps_to_its_own_cgroup_and_its_own_folders() -> None:
    configuration = node.kubelet_configuration(plan(2)[1], "hachaos/a/node-2", restrict_oom=False)
    assert configuration["cgroupRoot"] == "/hachaos/a/node-2"
    assert configuration["address"] == "172.30.0.12"
    assert str(configuration["volumePluginDir"]).startswith("/var/lib/kubelet/")
    assert configuration["protectKernelDefaults"] is True


@pytest.mark.parametrize("restrict", [True, False])
def test_kubelet_lowers_its_oom_score_only_where_it_may(restrict: bool) -> None:
    configuration = node.kubelet_configuration(plan(1)[0], "hachaos/a/node-1", restrict_oom=restrict)
    assert ("oomScoreAdj" in configuration) is restrict


def test_pods_get_addresses_of_their_node() -> None:
    plugins = node.cni(plan(3)[2])["plugins"]
    assert isinstance(plugins, list)
    assert plugins[0]["ipam"]["ranges"] == [[{"subnet": "10.244.3.0/24"}]]
