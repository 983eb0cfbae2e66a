"""The real cluster and the real stack of the cluster tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "cluster"))

from tests.cluster.conftest import cluster, hachaos, stack, target  # noqa: E402

__all__ = ["cluster", "hachaos", "stack", "target"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
