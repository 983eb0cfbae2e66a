"""A right scenario, and a way to write spoilt ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_files import RIGHT, Write


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a scenario `s.yaml` in the current folder."""
    monkeypatch.chdir(tmp_path)

    def write_(content: str | bytes) -> Path:
        Path("s.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
        return Path("s.yaml")

    return write_


@pytest.fixture
def right() -> str:
    return RIGHT
