"""What commands that read run folders have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chaos import journal, suggest
from chaos.errors import UsageError
from chaos.scenario.vocabulary import CHECKS

if TYPE_CHECKING:
    from chaos.history import History

_HINT = "a run's folder is the one that its report is in"


def find(paths: Iterable[Path]) -> list[Path]:
    """The run folders at or below each path. Raises UsageError for a path without any."""
    found = []
    for path in paths:
        require_there(path)
        folders = journal.folders(path)
        if not folders:
            raise UsageError(f"{path}: no {journal.NAME} here, or below it", hint=_HINT)
        found += folders
    return found


def require_there(path: Path) -> None:
    """Raise UsageError for a path that leads nowhere."""
    if not path.exists():
        raise UsageError(f"{path}: there is no such folder", hint=_HINT)


def read(folder: Path) -> History:
    """What the journal of one run holds.

    Raises UsageError for one that is missing or without a beginning, InputError for one that is broken.
    """
    history = journal.read(folder)
    try:
        assert history.run
    except LookupError:
        raise UsageError(
            f"{folder / journal.NAME}: the run had not begun, so there is nothing to judge",
            hint="nothing was broken by it either; name another run's folder",
        ) from None
    return history


def each(folders: Iterable[Path], unread: list[UsageError]) -> Iterator[tuple[Path, History]]:
    """What each folder's journal holds, as `read` does; what is wrong with one that cannot be read goes to `unread`."""
    for folder in folders:
        try:
            history = read(folder)
        except UsageError as error:
            unread.append(error)
        else:
            yield folder, history


def require_checks(names: Iterable[str]) -> None:
    """Raise UsageError for a name that is no check's."""
    for name in names:
        if name not in CHECKS:
            raise UsageError(f"no check {name!r}: {suggest.instead_of(name, CHECKS)}")
