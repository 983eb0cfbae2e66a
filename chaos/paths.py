"""Where things lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

CLUSTER = "hachaos"
"""The name of the embedded cluster where no other is said."""


def data_root() -> Path:
    """The folder that holds `manifests/` and `scenarios/`: the checkout, or the package's own copy when installed."""
    bundled = _PACKAGE / "_data"
    return bundled if bundled.is_dir() else _PACKAGE.parent


def manifests() -> Path:
    """The folder of the stack profiles."""
    return data_root() / "manifests"


def scenarios() -> Path:
    """The folder of the bundled scenarios."""
    return data_root() / "scenarios"


def is_binding(stack: str) -> bool:
    """Whether `--stack` was given the file of a binding, and not the name of a profile."""
    return stack.endswith((".yaml", ".yml"))


def cache_root() -> Path:
    """Everything that is built or downloaded once: `$XDG_CACHE_HOME/hachaos`, else `~/.cache/hachaos`."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "hachaos"
