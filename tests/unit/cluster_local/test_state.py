from __future__ import annotations

from pathlib import Path

import pytest

from chaos.cluster.local import layout, state
from chaos.cluster.local.layout import Places
from chaos.cluster.local.state import Anchor


@pytest.fixture(autouse=True)
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(layout, "RUN", tmp_path / "run")
    return tmp_path / "run"


def anchor(tmp_path: Path) -> Anchor:
    return Anchor("a", 3, str(tmp_path / "state"), "/somewhere/kube", "up", {"kubernetes": "v1.35.4"})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = anchor(tmp_path)
    state.write(written)
    assert state.read(Places.of("a")) == written


def test_the_state_folder_is_the_anchors_and_not_the_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.write(anchor(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/another/home")
    found = state.read(Places.of("a"))
    assert found is not None
    assert found.places.state == tmp_path / "state"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}', '{"format": 1, "name": "a"}'])
def test_a_record_that_cannot_be_read_is_none(run: Path, text: str) -> None:
    (run / "a").mkdir(parents=True)
    (run / "a" / "cluster.json").write_text(text)
    assert state.read(Places.of("a")) is None


def test_no_record_is_none() -> None:
    assert state.read(Places.of("a")) is None
