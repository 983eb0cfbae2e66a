from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import tarfile
from pathlib import Path

import pytest

from chaos.cluster.local.images.archive import Image, Layer, layer_of, write_archive, write_layer
from chaos.cluster.local.images.recipe import Recipe

NEWEST = 1_700_000_000
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make an overlay's marks")


def packed(tree: Path, target: Path, leave_out: tuple[str, ...] = ()) -> tuple[Layer, dict[str, tarfile.TarInfo]]:
    layer = write_layer(tree, target, leave_out=leave_out, newest=NEWEST)
    with tarfile.open(target) as tar:
        return layer, {entry.name: entry for entry in tar}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / "mariadbd").write_text("program")
    (root / "usr" / "bin" / "mariadbd").chmod(0o755)
    (root / "usr" / "bin" / "mysqld").symlink_to("mariadbd")
    (root / "usr" / "old").write_text("old")
    os.utime(root / "usr" / "old", (1_000_000_000, 1_000_000_000))
    return root


def test_files_links_modes_and_contents_are_kept(tree: Path, tmp_path: Path) -> None:
    layer, entries = packed(tree, tmp_path / "layer.tar")
    assert list(entries) == ["usr", "usr/bin", "usr/bin/mariadbd", "usr/bin/mysqld", "usr/old"]
    assert entries["usr/bin/mariadbd"].mode == 0o755
    assert entries["usr/bin/mysqld"].linkname == "mariadbd"
    with tarfile.open(layer.file) as tar:
        member = tar.extractfile("usr/bin/mariadbd")
        assert member is not None
        assert member.read() == b"program"


def test_the_same_tree_gives_the_same_bytes_at_any_time(tree: Path, tmp_path: Path) -> None:
    first, _ = packed(tree, tmp_path / "1.tar")
    for file in (tree / "usr" / "bin" / "mariadbd", tree / "usr" / "bin", tree / "usr"):
        os.utime(file, (2_000_000_000, 2_000_000_000))
    second, _ = packed(tree, tmp_path / "2.tar")
    assert first.digest == second.digest


def test_no_time_is_later_than_allowed_and_older_ones_are_kept(tree: Path, tmp_path: Path) -> None:
    _, entries = packed(tree, tmp_path / "layer.tar")
    assert entries["usr/bin/mariadbd"].mtime == NEWEST
    assert entries["usr/old"].mtime == 1_000_000_000


def test_owners_are_numbers_without_names(tree: Path, tmp_path: Path) -> None:
    _, entries = packed(tree, tmp_path / "layer.tar")
    assert {(entry.uname, entry.gname) for entry in entries.values()} == {("", "")}
    assert entries["usr/old"].uid == os.geteuid()


def test_a_hard_link_is_packed_once(tree: Path, tmp_path: Path) -> None:
    os.link(tree / "usr" / "old", tree / "usr" / "same")
    _, entries = packed(tree, tmp_path / "layer.tar")
    assert entries["usr/same"].islnk()
    assert entries["usr/same"].linkname == "usr/old"


def test_what_is_to_be_left_out_is_left_out_with_all_below_it(tree: Path, tmp_path: Path) -> None:
    _, entries = packed(tree, tmp_path / "layer.tar", ("usr/bin",))
    assert list(entries) == ["usr", "usr/old"]
    _, entries = packed(tree, tmp_path / "layer.tar", ("usr/bin/*",))
    assert list(entries) == ["usr", "usr/bin", "usr/old"]


def test_sockets_are_not_packed(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("a.sock")
        _, entries = packed(tree, tmp_path / "layer.tar")
    assert "a.sock" not in entries


def test_long_names_survive(tree: Path, tmp_path: Path) -> None:
    name = "n" * 200
    (tree / name).mkdir()
    (tree / name / name).write_text("x")
    _, entries = packed(tree, tmp_path / "layer.tar")
    assert f"{name}/{name}" in entries


@needs_root
def test_what_the_overlay_removed_becomes_a_whiteout(tree: Path, tmp_path: Path) -> None:
    os.mknod(tree / "usr" / "gone", 0o20000, os.makedev(0, 0))
    os.mknod(tree / "top", 0o20000, os.makedev(0, 0))
    _, entries = packed(tree, tmp_path / "layer.tar")
    assert {"usr/.wh.gone", ".wh.top"} <= set(entries)
    assert not {"usr/gone", "top"} & set(entries)
    assert entries["usr/.wh.gone"].isreg()
    assert entries["usr/.wh.gone"].size == 0


@needs_root
def test_a_folder_that_hides_the_one_below_is_marked_opaque(tree: Path, tmp_path: Path) -> None:
    try:
        os.setxattr(tree / "usr" / "bin", "trusted.overlay.opaque", b"y")
    except OSError as error:
        pytest.skip(f"no trusted attributes here: {error}")
    _, entries = packed(tree, tmp_path / "layer.tar")
    assert "usr/bin/.wh..wh..opq" in entries
    assert "usr/.wh..wh..opq" not in entries


def test_the_digest_is_that_of_the_file(tree: Path, tmp_path: Path) -> None:
    layer, _ = packed(tree, tmp_path / "layer.tar")
    assert layer.digest == f"sha256:{hashlib.sha256(layer.file.read_bytes()).hexdigest()}"
    assert layer_of(layer.file) == layer


def archive(images: list[Image]) -> dict[str, bytes]:
    stream = io.BytesIO()
    write_archive(images, stream, created=NEWEST)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        names = tar.getnames()
        assert len(names) == len(set(names))
        contents = {}
        for name in names:
            member = tar.extractfile(name)
            assert member is not None
            contents[name] = member.read()
        return contents


@pytest.fixture
def images(tree: Path, tmp_path: Path) -> list[Image]:
    base = write_layer(tree, tmp_path / "base.tar", newest=NEWEST)
    (tree / "more").write_text("more")
    top = write_layer(tree, tmp_path / "top.tar", newest=NEWEST)
    small = Recipe("pause", tmp_path, command=("/pause",))
    large = Recipe(
        "wordpress",
        tmp_path,
        command=("apache2-foreground",),
        stop_signal="SIGWINCH",
        ports=(80,),
        environment=("A=b",),
    )
    return [Image("localhost/x/pause:1", small, (base,)), Image("localhost/x/wordpress:1", large, (base, top))]


def test_an_archive_names_each_image_with_its_configuration_and_layers(images: list[Image]) -> None:
    contents = archive(images)
    manifest = json.loads(contents["manifest.json"])
    assert [entry["RepoTags"] for entry in manifest] == [["localhost/x/pause:1"], ["localhost/x/wordpress:1"]]
    for entry, image in zip(manifest, images, strict=True):
        config = contents[entry["Config"]]
        assert entry["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
        digests = [f"sha256:{hashlib.sha256(contents[name]).hexdigest()}" for name in entry["Layers"]]
        assert json.loads(config)["rootfs"]["diff_ids"] == digests == [layer.digest for layer in image.layers]


def test_a_shared_layer_is_in_the_archive_once(images: list[Image]) -> None:
    assert len([name for name in archive(images) if name.endswith(".tar")]) == 2


def test_the_configuration_says_what_runs_and_how_it_is_stopped(images: list[Image]) -> None:
    contents = archive(images)
    manifest = json.loads(contents["manifest.json"])
    config = json.loads(contents[manifest[1]["Config"]])["config"]
    assert config["Cmd"] == ["apache2-foreground"]
    assert config["StopSignal"] == "SIGWINCH"
    assert config["ExposedPorts"] == {"80/tcp": {}}
    assert config["Env"][0].startswith("PATH=")
    assert config["Env"][1:] == ["A=b"]


def test_an_archive_is_the_same_each_time(images: list[Image]) -> None:
    assert archive(images) == archive(images)
