from __future__ import annotations

from pathlib import Path

import pytest

from chaos.cluster.local import cgroup, layout, teardown
from chaos.cluster.local.layout import Places


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layout, "RUN", tmp_path / "run")
    monkeypatch.setattr(teardown, "RUN", tmp_path / "run")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    hierarchy = cgroup.Hierarchy(tmp_path / "cgroup", 1, frozenset())
    monkeypatch.setattr(cgroup, "mounted", lambda: (hierarchy,))


def test_where_there_is_nothing_there_are_no_traces() -> None:
    assert teardown.traces("a") == []


def test_whatever_was_left_is_told_and_removed() -> None:
    places = Places.of("a")
    places.volumes.mkdir(parents=True)
    (places.volumes / "data").write_text("x")
    places.netns("switch").parent.mkdir(parents=True)
    places.netns("switch").touch()
    assert teardown.traces("a") == [str(places.run), str(places.state)]
    teardown.remove("a")
    assert teardown.traces("a") == []
    assert not layout.RUN.exists()
    assert not places.state.parent.exists()


def test_another_cluster_is_left_alone() -> None:
    for name in ("a", "ab"):
        Places.of(name).state.mkdir(parents=True)
        Places.of(name).run.mkdir(parents=True)
    teardown.remove("a")
    assert teardown.traces("ab") == [str(Places.of("ab").run), str(Places.of("ab").state)]


def test_loop_devices_are_known_by_their_backing_file(tmp_path: Path) -> None:
    for number, backing in enumerate([tmp_path / "a" / "disk", tmp_path / "ab" / "disk"]):
        file = tmp_path / f"loop{number}" / "loop" / "backing_file"
        file.parent.mkdir(parents=True)
        file.write_text(f"{backing}\n")
    found = teardown.backed_by(tmp_path / "a", sorted(tmp_path.glob("loop*/loop/backing_file")))
    assert found == ["/dev/loop0"]
