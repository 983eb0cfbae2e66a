"""The extensions that are installed beside hachaos: the one place that reads their entry points (docs/extending.md)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from chaos.errors import HachaosError

WORDS, ACTIONS, CHECKS = GROUPS = ("hachaos.words", "hachaos.actions", "hachaos.checks")

_T = TypeVar("_T")


@dataclass(frozen=True)
class Extension:
    """What one entry point names: its `value`, loaded, and the package that has it, like `team-chaos` of `1.0`."""

    group: str
    name: str
    value: Any
    package: str
    version: str

    def wrong(self, problem: str) -> HachaosError:
        """The error for one that cannot be used."""
        return _wrong(self.package, self.version, self.group, self.name, problem)

    def add(self, attribute: str, cls: type[_T], known: MutableMapping[str, _T], *, taken: Iterable[str] = ()) -> None:
        """Add what the value has under an attribute, a mapping from names, to what is known.

        Raises HachaosError for one of another shape, and for a name that is taken.
        """
        found = getattr(self.value, attribute, {})
        if not isinstance(found, dict) or not all(isinstance(each, cls) for each in found.values()):
            raise self.wrong(f"its {attribute} is no dict of {cls.__name__}")
        for name, each in found.items():
            if name in known or name in taken:
                raise self.wrong(f"{name!r} of its {attribute} is taken; give it another name")
            known[name] = each


@cache
def found(group: str) -> tuple[Extension, ...]:
    """What all installed packages name in a group, by name. Raises HachaosError for what cannot be loaded."""
    loaded: dict[str, Extension] = {}
    for entry, package, version in _entries():
        if entry.group != group:
            continue
        try:
            value = entry.load()
        except Exception as error:
            problem = f"{entry.value} cannot be loaded: {type(error).__name__}: {error}"
            raise _wrong(package, version, group, entry.name, problem) from error
        if entry.name in loaded:
            raise _wrong(package, version, group, entry.name, f"{loaded[entry.name].package} has one of that name")
        loaded[entry.name] = Extension(group, entry.name, value, package, version)
    return tuple(loaded[name] for name in sorted(loaded))


def versions() -> dict[str, str]:
    """The packages that extend hachaos here, as `extension NAME`, and their versions."""
    return {f"extension {package}": version for _, package, version in _entries()}


@cache
def _entries() -> tuple[tuple[Any, str, str], ...]:
    """The entry points of all groups, each with its package's name and version."""
    if not any(map(_names_any, sys.path)):
        return ()
    # Takes longer to import than a scenario to validate; most have no extension.
    from importlib.metadata import entry_points

    return tuple(
        (entry, entry.dist.name if entry.dist else "?", entry.dist.version if entry.dist else "?")
        for group in GROUPS
        for entry in entry_points(group=group)
    )


def _names_any(folder: str) -> bool:
    """Whether a package in a folder of the path names any of ours, as one that was installed has it."""
    try:
        return any(b"[hachaos." in file.read_bytes() for file in Path(folder).glob("*.dist-info/entry_points.txt"))
    except OSError:
        return False


def _wrong(package: str, version: str, group: str, name: str, problem: str) -> HachaosError:
    where = f"extension {package} {version}: {group} {name}"
    return HachaosError(f"{where}: {problem}", hint=f"mend it, or remove it: pip uninstall {package}")
