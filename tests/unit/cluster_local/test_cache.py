from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.cluster.local import cache
from chaos.errors import HostError
from chaos.progress import NoProgress, Task


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hachaos"


def make(path: Path, text: str = "whole") -> None:
    with cache.building(path) as folder:
        (folder / "kube").write_text(text)


def test_a_key_depends_on_names_contents_and_x_bits_of_a_folder(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "a").write_text("1")
    keys = [cache.key(recipe)]
    (recipe / "a").write_text("2")
    keys.append(cache.key(recipe))
    (recipe / "a").chmod(0o755)
    keys.append(cache.key(recipe))
    (recipe / "a").rename(recipe / "b")
    keys.append(cache.key(recipe))
    assert len(set(keys)) == len(keys)


def test_a_key_does_not_depend_on_where_the_recipe_lies_or_on_compiled_python(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "__pycache__").mkdir(parents=True)
        (tmp_path / name / "a").write_text("1")
        (tmp_path / name / "__pycache__" / "a.pyc").write_text(name)
    assert cache.key(tmp_path / "one") == cache.key(tmp_path / "two")


def test_keys_tell_apart_where_one_part_ends_and_the_next_begins() -> None:
    assert cache.key("ab", "c") != cache.key("a", "bc")


def test_what_was_built_to_the_end_is_whole() -> None:
    path = cache.entry("go", "1")
    make(path)
    assert cache.is_whole(path)
    assert (path / "kube").read_text() == "whole"


def test_an_entry_is_not_there_while_it_is_being_built() -> None:
    path = cache.entry("go", "1")
    with cache.building(path) as folder:
        (folder / "kube").write_text("half")
        assert not path.exists()
        assert not cache.is_whole(path)


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_build_that_fails_leaves_nothing(failure: type[BaseException]) -> None:
    def build() -> None:
        with cache.building(cache.entry("go", "1")) as folder:
            (folder / "kube").write_text("half")
            raise failure

    with pytest.raises(failure):
        build()
    assert list(cache.root().iterdir()) == []


def test_a_build_that_was_killed_is_not_taken_for_whole_and_is_swept_away(root: Path) -> None:
    path = cache.entry("go", "1")
    process = os.fork()
    if process == 0:
        with cache.building(path) as folder:
            (folder / "kube").write_text("half")
            os.kill(os.getpid(), 9)
    os.waitpid(process, 0)
    assert [entry.name for entry in root.iterdir()] == [f"{path.name}.unfinished"]
    assert not cache.is_whole(path)
    cache.sweep()
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("harm", ["truncate", "remove", "spoil the list", "remove the list"])
def test_a_broken_entry_is_noticed_and_built_anew(harm: str) -> None:
    path = cache.entry("go", "1")
    make(path)
    if harm == "truncate":
        os.truncate(path / "kube", 2)
    elif harm == "remove":
        (path / "kube").unlink()
    elif harm == "spoil the list":
        (path / ".contents.json").write_text("[1")
    else:
        (path / ".contents.json").unlink()
    assert not cache.is_whole(path)
    make(path)
    assert cache.is_whole(path)


def test_only_the_watched_files_count() -> None:
    path = cache.entry("base", "1")
    with cache.building(path, watch=lambda file: file.name == "layer.tar") as folder:
        (folder / "layer.tar").write_text("layer")
        (folder / "log").write_text("log")
    (path / "log").unlink()
    assert cache.is_whole(path)


def test_a_full_disk_is_one_line_that_names_the_folder() -> None:
    with pytest.raises(HostError, match="No space left on device") as caught, cache.building(cache.entry("go", "1")):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(cache.root()) in str(caught.value)
    assert caught.value.hint is not None


def test_other_errors_of_the_system_are_not_taken_for_a_full_disk() -> None:
    with pytest.raises(FileNotFoundError), cache.building(cache.entry("go", "1")):
        raise FileNotFoundError(errno.ENOENT, "no such file")


class Notes(NoProgress):
    """Keeps what was said, and tells when it is."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.heard = threading.Event()

    @contextmanager
    def task(self, title: str) -> Iterator[Task]:
        self.said.append(title)
        yield self

    def update(self, note: str | None = None, *, done: float | None = None, total: float | None = None) -> None:
        self.said.append(note or "")
        self.heard.set()


def test_a_second_build_waits_and_says_for_whom() -> None:
    notes = Notes()
    order: list[str] = []

    def second() -> None:
        with cache.lock(notes, poll_s=0.01):
            order.append("second")

    with cache.lock(NoProgress()):
        thread = threading.Thread(target=second)
        thread.start()
        assert notes.heard.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert notes.said[0] == "wait for another build"
    assert f"process {os.getpid()}" in notes.said[1]


def test_nothing_is_said_when_nobody_else_builds() -> None:
    notes = Notes()
    with cache.lock(notes):
        pass
    assert notes.said == []
