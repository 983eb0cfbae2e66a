"""The profile: what kustomize would render, images and storage of the target, and no value left open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from chaos.errors import StackError, UsageError
from chaos.stack import kustomize
from chaos.stack.profile import FILL_IN, Profile, containers, fill_in

PUBLIC_LOCAL = "localhost/"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.sh").write_text("echo a\n")
    (tmp_path / "things.yaml").write_text(
        "kind: Namespace\nmetadata: {name: x}\n---\nkind: Service\nmetadata: {name: s}\n---\n"
        "kind: PersistentVolume\nmetadata: {name: v}\n---\n"
    )
    kustomization(tmp_path)
    return tmp_path


def kustomization(folder: Path, **more: object) -> None:
    content = {
        "kind": "Kustomization",
        "namespace": "ns",
        "resources": ["things.yaml"],
        "generatorOptions": {"disableNameSuffixHash": True},
        "configMapGenerator": [{"name": "c", "files": ["conf/a.sh", "b=conf/a.sh"], "literals": ["K=v=w"]}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content | more))


def test_render_makes_config_maps_of_files_under_their_names_or_the_given_keys(folder: Path) -> None:
    made = kustomize.render(folder)[0]
    assert (made["kind"], made["metadata"]) == ("ConfigMap", {"name": "c", "namespace": "ns"})
    assert made["data"] == {"a.sh": "echo a\n", "b": "echo a\n", "K": "v=w"}


def test_render_puts_everything_that_has_a_namespace_into_that_of_the_kustomization(folder: Path) -> None:
    found = {item["kind"]: item["metadata"] for item in kustomize.render(folder)}
    assert found["Service"] == {"name": "s", "namespace": "ns"}
    assert found["PersistentVolume"] == {"name": "v"}
    assert found["Namespace"] == {"name": "ns"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"namePrefix": "a-"}, "namePrefix"),
        ({"configMapGenerator": [{"name": "c", "envs": ["e"]}]}, "envs"),
        ({"generatorOptions": {}}, "disableNameSuffixHash"),
        ({"resources": ["gone.yaml"]}, "gone.yaml: No such file"),
        ({"resources": ["conf/a.sh"]}, "no Kubernetes object"),
    ],
)
def test_render_refuses_what_it_does_not_know(folder: Path, more: dict[str, object], said: str) -> None:
    kustomization(folder, **more)
    with pytest.raises(StackError, match=said):
        kustomize.render(folder)


def test_an_unknown_profile_is_a_usage_error_that_names_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        Profile.load("hardend")
    assert "hardened" in (caught.value.hint or "")


def test_the_hardened_profile_uses_only_local_images_and_storage_on_the_embedded_cluster() -> None:
    objects = Profile.load("hardened").manifests(local=True)
    images = [container["image"] for item in objects for container in containers(item)]
    assert images
    assert all(image.startswith(PUBLIC_LOCAL) for image in images)
    classes = [item["provisioner"] for item in objects if item["kind"] == "StorageClass"]
    assert classes == ["kubernetes.io/host-path"]


def test_the_hardened_profile_keeps_public_images_on_another_cluster() -> None:
    profile = Profile.load("hardened")
    images = [container["image"] for item in profile.manifests(local=False) for container in containers(item)]
    assert images
    assert not any(image.startswith(PUBLIC_LOCAL) for image in images)
    assert set(images) == set(profile.local_images)


def test_an_image_without_a_local_one_is_refused_by_name() -> None:
    profile = Profile.load("hardened")
    workload = next(item for item in profile.objects if item["kind"] == "Deployment")
    workload["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1"
    with pytest.raises(StackError, match="nginx:1"):
        profile.manifests(local=True)


def test_every_role_of_the_hardened_profile_has_its_workload_service_and_labels() -> None:
    profile = Profile.load("hardened")
    there = {(item["kind"], item["metadata"]["name"]): item for item in profile.objects}
    for role, controller in profile.binding.controllers.items():
        workload = there[controller.kind, controller.name]
        template = workload["spec"]["template"]
        assert profile.binding.role_of(template["metadata"]["labels"]) == role
        assert controller.container in [each["name"] for each in template["spec"]["containers"]]
        assert ("Service", controller.service) in there


def test_the_site_host_is_the_one_that_wordpress_is_told() -> None:
    profile = Profile.load("hardened")
    workload = next(item for item in profile.objects if item["kind"] == "Deployment")
    environment = {each["name"]: each.get("value") for each in next(containers(workload))["env"]}
    assert environment["SITE_HOST"] == profile.binding.site.host


def test_what_is_to_be_filled_in_is_filled_in() -> None:
    volume = {"kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": {"nfs": {"server": f"{FILL_IN}-ip"}}}
    fill_in([volume], {("PersistentVolume", "v"): (("spec", "nfs", "server"), "10.0.0.1")})
    assert volume["spec"] == {"nfs": {"server": "10.0.0.1"}}


def test_what_is_left_to_be_filled_in_is_refused() -> None:
    storage = {"kind": "StorageClass", "metadata": {"name": "slow"}, "provisioner": f"{FILL_IN}/yours"}
    with pytest.raises(StackError, match="StorageClass slow"):
        fill_in([storage], {})


def test_a_value_without_a_place_is_refused() -> None:
    with pytest.raises(StackError, match="0 objects PersistentVolume v"):
        fill_in([], {("PersistentVolume", "v"): (("spec",), "x")})


def test_the_published_profile_names_the_public_images_of_the_tutorial_but_on_the_embedded_cluster() -> None:
    profile = Profile.load("published")
    public = {container["image"] for item in profile.objects for container in containers(item)}
    assert {"mysql:5.7", "gcr.io/google-samples/xtrabackup:1.0", "wordpress:4.9-apache"} < public
    local = [container["image"] for item in profile.manifests(local=True) for container in containers(item)]
    assert all(image.startswith(PUBLIC_LOCAL) for image in local)


def test_the_published_profile_keeps_the_tutorials_faults() -> None:
    objects = {(item["kind"], item["metadata"]["name"]): item for item in Profile.load("published").objects}
    database, site = objects["StatefulSet", "mysql"]["spec"], objects["Deployment", "wordpress"]["spec"]
    assert "podManagementPolicy" not in database
    assert objects["Service", "mysql"]["spec"]["clusterIP"] == "None"
    assert "read-only" not in str(objects["ConfigMap", "mysql"]["data"])
    clone = next(each for each in database["template"]["spec"]["initContainers"] if each["name"] == "clone-mysql")
    assert "[[ $ordinal -eq 0 ]] && exit 0" in clone["command"][2]
    (container,) = site["template"]["spec"]["containers"]
    assert not {"readinessProbe", "livenessProbe", "startupProbe"} & set(container)
    assert container["volumeMounts"][0]["mountPath"] == "/var/www/html"
    assert site["strategy"] == {"type": "Recreate"}
    assert site["replicas"] == 1


def test_what_the_embedded_cluster_changes_in_a_container_stays_there() -> None:
    def command(*, local: bool) -> object:
        objects = Profile.load("published").manifests(local=local)
        (files,) = [i for i in objects if (i["kind"], i["metadata"]["name"]) == ("Deployment", "nfs-server")]
        return next(containers(files)).get("command")

    assert command(local=False) is None
    assert command(local=True)


def test_a_change_of_a_container_that_is_not_there_is_refused() -> None:
    profile = replace(Profile.load("published"), local_containers={"StatefulSet/mysql/gone": {}})
    with pytest.raises(StackError, match="StatefulSet/mysql/gone"):
        profile.manifests(local=True)
