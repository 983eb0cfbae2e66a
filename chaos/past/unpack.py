"""Makes one run's folder from a tar archive that comes in pieces, of which nothing is trusted."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chaos.errors import ClusterError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_BYTES: Final = 1 << 30
"""How large a run's archive may be: one is a few MB."""

_MOST_FILES: Final = 20_000


class Unfit(ClusterError):
    """What one run's folder holds is not copied; others may be."""

    usual_hint = "no run of hachaos leaves such a thing: who else writes to that volume?"


def bounded(pieces: Iterable[bytes], most: int, what: str) -> Iterator[bytes]:
    """The same pieces. Raises Unfit once they are more bytes than `most`."""
    number = 0
    for piece in pieces:
        number += len(piece)
        if number > most:
            raise Unfit(f"{what}: it is larger than {most >> 20} MiB, so it is not copied")
        yield piece


def unpack(pieces: Iterable[bytes], name: str, to: Path) -> None:
    """Write the folder `name` of an archive into the folder `to`, in which it is not yet.

    Only plain files and folders below `name` are taken, as somebody's who runs this, with no rights or times of theirs.
    Raises Unfit for a link, a device, a way out of the folder or too much of anything, ClusterError for half an
    archive, and what the pieces raise. Then a part may have been written.
    """
    source = iter(bounded(pieces, MOST_BYTES, name))
    try:
        # No `extractall`: the Python of Debian 12 (3.11.2) has no filters for it. Plain files need none.
        with tarfile.open(fileobj=io.BufferedReader(_Pieces(source)), mode="r|") as archive:
            for number, member in enumerate(archive):
                if number >= _MOST_FILES:
                    raise Unfit(f"{name}: it holds more than {_MOST_FILES} files, so it is not copied")
                _write(archive, member, _place(member, name, to))
        # The end of the archive is not the end of the command, and only that one tells that all of it has come.
        for _ in source:
            pass
    except (tarfile.TarError, EOFError, FileExistsError) as error:
        raise ClusterError(f"{name}: what came is no whole archive: {error}") from error
    if not (to / name).is_dir():
        raise ClusterError(f"{name}: what came is an archive without it")


def _place(member: tarfile.TarInfo, name: str, to: Path) -> Path:
    parts = member.name.split("/")
    inside = parts[0] == name and all(each not in ("", ".", "..") and each.isprintable() for each in parts)
    if not inside or member.issparse() or not (member.isreg() or member.isdir()):
        raise Unfit(f"{name}: it holds {member.name!r}, which is no plain file in it, so it is not copied")
    return to.joinpath(*parts)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    assert content is not None
    with path.open("xb") as file:
        shutil.copyfileobj(content, file)
        if file.tell() != member.size:
            raise EOFError(f"{member.name} breaks off")


class _Pieces(io.RawIOBase):
    """A file to read from, of the pieces one after the other."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        view = memoryview(buffer)
        number = min(len(view), len(self._left))
        view[:number], self._left = self._left[:number], self._left[number:]
        return number
