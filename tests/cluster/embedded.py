"""What the cluster tests share beside fixtures."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "test"
"""The name of the tests' own cluster, so that one that the user has is left alone."""
