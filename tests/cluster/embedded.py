"""What the cluster tests share beside fixtures."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "test"
"""The name of the tests' own cluster, so that one that the user has is left alone."""

Hachaos = Callable[..., "subprocess.CompletedProcess[str]"]
"""What the fixture `hachaos` gives: a call of the launcher with these arguments."""
