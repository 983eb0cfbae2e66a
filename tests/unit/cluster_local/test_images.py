from __future__ import annotations

import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from chaos import paths
from chaos.cluster.local import binaries, cache, images, packages, versions
from chaos.cluster.local.commands import Commands
from chaos.cluster.local.images import builder, coredns, database, hachaos, mysql_9, nfs_server, pause, wordpress
from chaos.cluster.local.images.archive import Image, Layer
from chaos.cluster.local.images.hachaos import build
from chaos.progress import NoProgress

RECIPES = [pause.RECIPE, coredns.RECIPE, database.RECIPE, wordpress.RECIPE, nfs_server.RECIPE]
SCRIPTS = sorted(
    path
    for path in Path(images.__file__).parent.rglob("*")
    if path.is_file() and path.read_bytes().startswith((b"#!/bin/sh", b"# Runs inside"))
)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_every_image_has_a_recipe_and_a_name() -> None:
    assert sorted(recipe.name for recipe in RECIPES) == sorted(images.NAMES)
    assert images.reference("database") == f"localhost/hachaos/database:{versions.IMAGES}"


def test_an_image_on_demand_has_a_name_and_is_not_built_for_every_cluster() -> None:
    assert images.reference("mysql-9") == f"localhost/hachaos/mysql-9:{versions.IMAGES}"
    assert (mysql_9.RECIPE.name, hachaos.RECIPE.name) == images.ON_DEMAND
    always = (*builder.missing(), *builder.contents(binaries.coredns()))
    assert not any(images.reference(name) in line or line == name for name in images.ON_DEMAND for line in always)


def test_an_image_with_a_release_of_its_own_is_built_with_that_release_and_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[list[str]] = []

    def run(self: Commands, what: str, argv: list[str | Path], **_: object) -> list[str]:
        if argv[0] != "apt-config":
            asked.append([str(each) for each in argv])
            (Path(argv[-2]) / "etc").mkdir(parents=True)
        return []

    monkeypatch.setattr(Commands, "run", run)
    first = builder.ensure_alone(mysql_9.RECIPE, NoProgress(), Commands())
    again = builder.ensure_alone(mysql_9.RECIPE, NoProgress(), Commands())
    assert first == again
    (argv,) = asked
    assert argv[-3] == "unstable"
    assert argv[-1].split()[2:] == ["unstable", "main"]
    assert '--aptopt=Acquire::Check-Valid-Until "false"' in argv
    assert [layer.file.parent for layer in first.layers] == [builder.alone_entry(mysql_9.RECIPE)]


def made(monkeypatch: pytest.MonkeyPatch) -> tuple[Image, list[str]]:
    """The image of hachaos, and what was done for it."""
    done: list[str] = []

    def run(self: Commands, what: str, argv: list[str | Path], **_: object) -> list[str]:
        if what == "mmdebstrap":
            (Path(argv[argv.index("bookworm") + 1]) / "etc").mkdir(parents=True)
        if what in ("mmdebstrap", "pip"):
            done.append(what)
        return []

    monkeypatch.setattr(Commands, "run", run)
    monkeypatch.setattr(packages, "ensure", lambda *_: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return build.ensure(NoProgress(), Commands()), done


def names(layer: Layer) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(layer.file) as tar:
        return {entry.name: entry for entry in tar}


def test_the_image_of_hachaos_has_its_code_above_its_dependencies(monkeypatch: pytest.MonkeyPatch) -> None:
    image, done = made(monkeypatch)
    assert done == ["pip", "mmdebstrap"]
    code = names(image.layers[1])
    assert {"opt/hachaos/chaos/cli/main.py", "opt/hachaos/scenarios/kill-master.yaml"} <= code.keys()
    assert "opt/hachaos/manifests/nightly/stack.yaml" in code
    assert not [name for name in code if "__pycache__" in name]
    assert all(entry.mode & 0o005 >= (0o005 if entry.isdir() else 0o004) for entry in code.values())


def test_a_change_of_the_code_makes_no_other_layer_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before, _ = made(monkeypatch)
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "other.yaml").write_text("name: other")
    monkeypatch.setattr(paths, "scenarios", lambda: tmp_path / "scenarios")
    after, done = made(monkeypatch)
    assert done == []
    assert after.layers[0] == before.layers[0]
    assert after.layers[1].digest != before.layers[1].digest
    assert "opt/hachaos/scenarios/other.yaml" in names(after.layers[1])
    assert not before.layers[1].file.exists(), "layers of code that is gone would pile up"


def test_hachaos_runs_as_a_user_that_a_kubelet_can_tell_from_root() -> None:
    settings = hachaos.RECIPE.settings()
    assert settings["User"] == "10001:10001"
    assert settings["Entrypoint"] == ["/usr/local/bin/hachaos"]
    assert "User" not in database.RECIPE.settings()
    said = (hachaos.RECIPE.folder / "setup.sh").read_text()
    assert f"hachaos:x:{hachaos.USER}:{hachaos.USER}:" in said


def test_an_unknown_image_is_an_error() -> None:
    with pytest.raises(KeyError):
        images.reference("mysql")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_can_be_parsed(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)


def test_programs_that_images_start_are_executable() -> None:
    programs = [path for path in Path(images.__file__).parent.rglob("rootfs/usr/local/bin/*") if path.is_file()]
    assert {path.name for path in programs} == {"apache2-foreground", "nfs-server", "hachaos"}
    assert all(path.stat().st_mode & 0o111 for path in programs)


def test_in_an_empty_cache_the_base_system_and_all_debian_images_are_missing() -> None:
    assert builder.missing() == ["base", "database", "wordpress", "nfs-server"]


def test_an_image_that_is_there_is_not_missing() -> None:
    with cache.building(builder.layer_entry(wordpress.RECIPE)) as folder:
        (folder / "layer.tar").write_text("layer")
    assert builder.missing() == ["base", "database", "nfs-server"]


def test_each_image_has_a_cache_entry_of_its_own() -> None:
    entries = [builder.base_entry(), builder.pause_entry(), builder.coredns_entry(binaries.coredns())]
    entries += [builder.layer_entry(recipe) for recipe in builder.DEBIAN_RECIPES]
    assert len(set(entries)) == len(entries)


def test_the_contents_change_with_a_command_without_a_layer_being_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before, layer = builder.contents(binaries.coredns()), builder.pause_entry()
    monkeypatch.setattr(type(pause.RECIPE), "settings", lambda _: {"Cmd": ["/other"]})
    assert builder.contents(binaries.coredns()) != before
    assert builder.pause_entry() == layer


def test_wordpress_reads_the_variables_of_the_public_image() -> None:
    config = (wordpress.RECIPE.folder / "rootfs/var/www/html/wp-config.php").read_text()
    assert set(re.findall(r"hachaos_env\( '(\w+)'", config)) >= {
        "WORDPRESS_DB_HOST",
        "WORDPRESS_DB_NAME",
        "WORDPRESS_DB_USER",
        "WORDPRESS_DB_PASSWORD",
        "WORDPRESS_CONFIG_EXTRA",
    }


def test_apache_is_stopped_by_the_signal_that_lets_it_answer_what_it_has() -> None:
    assert wordpress.RECIPE.settings()["StopSignal"] == "SIGWINCH"
