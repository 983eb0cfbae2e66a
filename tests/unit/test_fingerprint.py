"""A stack can be told again by the images that its pods run and by what it was made from."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fake_api import FakeApi

from chaos import paths
from chaos.stack import fingerprint
from chaos.stack.stack import Stack

ONE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def pod(name: str, **images: str) -> dict[str, Any]:
    statuses = [{"name": container, "imageID": image} for container, image in images.items()]
    status = {"containerStatuses": statuses[:1], "initContainerStatuses": statuses[1:]}
    return {"kind": "Pod", "metadata": {"name": name, "labels": {"app": "mysql"}}, "status": status}


def stack(*pods: dict[str, Any]) -> Stack:
    controllers = {"database": SimpleNamespace(name="mysql", selector="app=mysql")}
    return cast("Stack", SimpleNamespace(api=FakeApi(*pods), binding=SimpleNamespace(controllers=controllers)))


def test_each_container_has_the_digest_of_the_image_that_it_runs() -> None:
    found = fingerprint.digests(stack(pod("mysql-0", mysql=f"registry/mysql@{ONE}", init=OTHER)))
    assert found == {"mysql/mysql": ONE, "mysql/init": OTHER}


def test_pods_that_run_different_images_are_all_told() -> None:
    found = fingerprint.digests(stack(pod("mysql-0", mysql=ONE), pod("mysql-1", mysql=OTHER)))
    assert found == {"mysql/mysql": f"{ONE}, {OTHER}"}


def test_a_container_that_never_started_has_no_digest() -> None:
    assert fingerprint.digests(stack(pod("mysql-0", mysql=""), {**pod("mysql-1"), "status": {}})) == {}


@pytest.mark.parametrize("profile", ["hardened", "published"])
def test_a_profiles_hash_is_what_the_shell_says_in_its_folder(profile: str) -> None:
    said = subprocess.run(
        "find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum",
        shell=True, cwd=paths.manifests() / profile, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert fingerprint.manifests(profile) == said.split()[0]


def test_a_changed_line_is_another_hash(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("a: 1\n")
    before = fingerprint.manifests(str(file))
    assert before == hashlib.sha256(b"a: 1\n").hexdigest()
    file.write_text("a: 2\n")
    assert fingerprint.manifests(str(file)) != before


def test_what_cannot_be_read_has_no_hash(tmp_path: Path) -> None:
    assert fingerprint.manifests(str(tmp_path / "gone.yaml")) == ""
