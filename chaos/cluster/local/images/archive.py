"""Layers and docker archives (the format of `docker save`, image specification v1.2), always the same bytes."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from chaos.cluster.local.images.recipe import Recipe

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_OPAQUE_ATTRIBUTE = "trusted.overlay.opaque"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Layer:
    """A layer's tar file (not compressed) and its `sha256:...` digest."""

    file: Path
    digest: str


@dataclass(frozen=True)
class Image:
    """An image ready to be packed: its full name with tag, its recipe, its layers from the lowest up."""

    reference: str
    recipe: Recipe
    layers: tuple[Layer, ...]


def write_layer(tree: Path, target: Path, *, leave_out: Sequence[str] = (), newest: int) -> Layer:
    """Pack `tree`, a root filesystem or the upper folder of an overlay mount, as an image layer.

    The overlay's marks of what was removed (a character device 0:0, an opaque folder) become the whiteouts of the image
    format. Entries are sorted, owners are numbers, and no time is later than `newest` (seconds since 1970), so that the
    same tree gives the same bytes. Sockets and what matches `leave_out` are not packed.
    """
    first_name: dict[tuple[int, int], str] = {}
    with target.open("wb") as raw:
        hashing = _Hashing(raw)
        with tarfile.open(fileobj=hashing, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_CHUNK) as tar:
            for path, name in _walk(tree, tuple(leave_out)):
                _add(tar, path, name, newest, first_name)
    return Layer(target, hashing.digest())


def layer_of(file: Path) -> Layer:
    """The layer in a tar file that `write_layer` wrote earlier."""
    digest = hashlib.sha256()
    with file.open("rb") as raw:
        while chunk := raw.read(_CHUNK):
            digest.update(chunk)
    return Layer(file, f"sha256:{digest.hexdigest()}")


def write_archive(images: Sequence[Image], stream: IO[bytes] | io.RawIOBase, *, created: int) -> None:
    """Write one docker archive that holds all `images`; a layer that several share is in it once."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_CHUNK) as tar:
        manifest = []
        for image in images:
            config = config_of(image, created=created)
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add_bytes(tar, name, config)
            manifest.append(
                {
                    "Config": name,
                    "RepoTags": [image.reference],
                    "Layers": [_layer_name(layer) for layer in image.layers],
                }
            )
        for layer in sorted({layer for image in images for layer in image.layers}, key=lambda each: each.digest):
            entry = tarfile.TarInfo(_layer_name(layer))
            entry.size = layer.file.stat().st_size
            with layer.file.open("rb") as file:
                tar.addfile(entry, file)
        _add_bytes(tar, "manifest.json", json.dumps(manifest).encode())


def config_of(image: Image, *, created: int) -> bytes:
    """The image's configuration: what runs in it and of which layers it is made."""
    configuration = {
        "architecture": "amd64" if os.uname().machine == "x86_64" else "arm64",
        "os": "linux",
        "created": _rfc3339(created),
        "config": image.recipe.settings(),
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in image.layers]},
        "history": [{"created": _rfc3339(created), "created_by": "hachaos"} for _ in image.layers],
    }
    return json.dumps(configuration, sort_keys=True).encode()


def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _layer_name(layer: Layer) -> str:
    return f"{layer.digest.removeprefix('sha256:')}.tar"


class _Hashing(io.RawIOBase):
    """Passes on what is written to it, and hashes it on the way."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._hash = raw, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._hash.update(data)
        return self._raw.write(data)

    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def _walk(tree: Path, leave_out: tuple[str, ...], inside: str = "") -> Iterator[tuple[Path, str]]:
    with os.scandir(tree) as found:
        entries = sorted(found, key=lambda each: each.name)
    for each in entries:
        name = f"{inside}{each.name}"
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in leave_out):
            continue
        yield Path(each.path), name
        if each.is_dir(follow_symlinks=False):
            yield from _walk(Path(each.path), leave_out, f"{name}/")


def _add(tar: tarfile.TarFile, path: Path, name: str, newest: int, first_name: dict[tuple[int, int], str]) -> None:
    status = path.lstat()
    if stat.S_ISSOCK(status.st_mode):
        return
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
        _add_whiteout(tar, f"{name.rpartition('/')[0]}/{_WHITEOUT}{path.name}".lstrip("/"), newest)
        return
    entry = tarfile.TarInfo(name)
    entry.mode = stat.S_IMODE(status.st_mode)
    entry.uid, entry.gid = status.st_uid, status.st_gid
    entry.mtime = min(int(status.st_mtime), newest)
    if stat.S_ISDIR(status.st_mode):
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
        if _is_opaque(path):
            _add_whiteout(tar, f"{name}/{_OPAQUE}", newest)
    elif stat.S_ISLNK(status.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
        tar.addfile(entry)
    elif stat.S_ISREG(status.st_mode):
        known = first_name.setdefault((status.st_dev, status.st_ino), name)
        if known != name:
            entry.type, entry.linkname = tarfile.LNKTYPE, known
            tar.addfile(entry)
            return
        entry.size = status.st_size
        with path.open("rb") as file:
            tar.addfile(entry, file)
    elif stat.S_ISFIFO(status.st_mode):
        entry.type = tarfile.FIFOTYPE
        tar.addfile(entry)
    else:
        entry.type = tarfile.CHRTYPE if stat.S_ISCHR(status.st_mode) else tarfile.BLKTYPE
        entry.devmajor, entry.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
        tar.addfile(entry)


def _is_opaque(folder: Path) -> bool:
    try:
        return os.getxattr(folder, _OPAQUE_ATTRIBUTE) == b"y"
    except OSError:
        return False


def _add_whiteout(tar: tarfile.TarFile, name: str, newest: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.mtime = newest
    tar.addfile(entry)


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
