from __future__ import annotations

import os
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from chaos.cluster.local import artifacts, binaries, cache, packages, template
from chaos.cluster.local.commands import Cancelled, Commands
from chaos.cluster.local.images import builder
from chaos.errors import HostError
from chaos.progress import NoProgress

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(packages, "kernel_has_nfs", lambda: False)


def fill(entry: Path) -> None:
    with cache.building(entry) as folder:
        (folder / "x").write_text("x")


def fill_all() -> None:
    for entry in (
        binaries.go_entry(),
        binaries.nfs_entry(),
        builder.base_entry(),
        *(builder.layer_entry(recipe) for recipe in builder.DEBIAN_RECIPES),
        template.entry(builder.contents(binaries.coredns())),
    ):
        fill(entry)


def test_everything_is_missing_at_first_and_nothing_is_made_by_asking() -> None:
    lacking = artifacts.missing()
    assert any(what.startswith("Kubernetes") for what in lacking)
    assert "image wordpress" in lacking
    assert "the template with all images" in lacking
    assert not cache.root().exists()


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing", lambda: ["runc"])
    assert "Debian package runc" in artifacts.missing()


def test_with_all_there_nothing_is_built_and_no_lock_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    fill_all()
    assert artifacts.missing() == []
    monkeypatch.setattr(artifacts, "_build", None)
    made = artifacts.ensure(NoProgress())
    assert made.kube == binaries.kube()
    assert made.mount_nfs == binaries.mount_nfs()
    assert not (cache.root() / "lock").exists()


def test_less_disk_is_needed_the_more_is_there() -> None:
    nothing = artifacts.disk_needed()
    fill(binaries.go_entry())
    fill(binaries.nfs_entry())
    some = artifacts.disk_needed()
    fill_all()
    assert nothing > some > artifacts.disk_needed() > 0


def test_only_root_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError, match="only root") as caught:
        artifacts.ensure(NoProgress())
    assert caught.value.hint is not None


def test_too_small_a_disk_is_told_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10, 10, 1_000_000_000))
    monkeypatch.setattr(artifacts, "_build", None)
    with pytest.raises(HostError, match=r"needs \d+\.\d GB, 1\.0 GB is free") as caught:
        artifacts.ensure(NoProgress())
    assert str(cache.root()) in str(caught.value)


def test_when_one_part_fails_the_others_are_ended_and_its_error_is_the_one_raised() -> None:
    commands = Commands()
    begun = threading.Event()

    def long() -> None:
        commands.run("long work", ["sh", "-c", "echo begun; exec sleep 60"], on_line=lambda _: begun.set())

    def broken() -> None:
        assert begun.wait(10)
        raise HostError("it broke")

    with pytest.raises(HostError, match="it broke"):
        artifacts._side_by_side(commands, long, broken)


def test_parts_that_succeed_leave_the_commands_usable() -> None:
    commands = Commands()
    artifacts._side_by_side(commands, lambda: None, lambda: None)
    assert commands.run("echo", ["echo", "still"]) == ["still"]


def test_after_a_failed_build_only_what_is_missing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "ensure", lambda *_: None)
    built: list[str] = []

    def go(*_: object) -> None:
        if not cache.is_whole(binaries.go_entry()):
            built.append("go")
            fill(binaries.go_entry())

    def images(*_: object) -> None:
        built.append("images")
        raise HostError("the archive does not answer")

    monkeypatch.setattr(binaries, "ensure_go", go)
    monkeypatch.setattr(binaries, "ensure_nfs", lambda *_: None)
    monkeypatch.setattr(builder, "ensure_pause", lambda *_: None)
    monkeypatch.setattr(builder, "ensure_coredns", lambda *_: None)
    monkeypatch.setattr(builder, "ensure", images)
    for _ in range(2):
        with pytest.raises(HostError, match="does not answer"):
            artifacts.ensure(NoProgress())
    assert sorted(built) == ["go", "images", "images"]


def test_cancelled_is_not_shown_as_the_reason() -> None:
    commands = Commands()

    def cancelled() -> None:
        raise Cancelled("given up")

    def broken() -> None:
        raise HostError("the reason")

    with pytest.raises(HostError, match="the reason"):
        artifacts._side_by_side(commands, cancelled, broken)
