"""A containerd root with all images in it, which every node begins with a copy of."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from chaos.cluster.local import cache, versions
from chaos.cluster.local.images import archive
from chaos.cluster.local.images.archive import Image
from chaos.errors import HostError
from chaos.progress import Progress, Task

_DATABASES = (
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
)
"""What containerd changes in place: it is whole when these are."""
_FORMAT = "1"
_READY_S = 30.0
_STOP_S = 10.0
_IN_THE_ENTRY = "root"


def entry(contents: Sequence[str]) -> Path:
    """The cache entry of the template with images that are made of `contents`."""
    return cache.entry("template", cache.key(_FORMAT, *contents))


def root(contents: Sequence[str]) -> Path:
    """The containerd root in that entry."""
    return entry(contents) / _IN_THE_ENTRY


def ensure(images: Sequence[Image], contents: Sequence[str], progress: Progress) -> None:
    """Import `images`, which are made of `contents`, into a containerd of its own and keep its root.

    Raises HostError when containerd does not serve or refuses an image.
    """
    target = entry(contents)
    if cache.is_whole(target):
        return
    with (
        progress.task("import the images") as task,
        cache.building(target, watch=_is_database) as folder,
        # Sockets lie in a short path: their names are limited to 108 characters.
        tempfile.TemporaryDirectory(prefix="hachaos-", dir="/run") as short,
        _containerd(folder / _IN_THE_ENTRY, Path(short)) as address,
    ):
        import_images(images, ["ctr", "-a", str(address)], task)


def _is_database(file: Path) -> bool:
    return any(str(file).endswith(name) for name in _DATABASES)


@contextlib.contextmanager
def _containerd(root: Path, short: Path) -> Iterator[Path]:
    """A containerd that serves nothing but this import, in a mount namespace of its own."""
    address = short / "c.sock"
    settings = short / "config.toml"
    settings.write_text(
        "\n".join(
            (
                "version = 2",
                f'root = "{root}"',
                f'state = "{short}/state"',
                'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
                "[grpc]",
                f'address = "{address}"',
                "[ttrpc]",
                f'address = "{short}/t.sock"',
            )
        )
    )
    log = cache.root() / "log" / "template-containerd.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    argv = ["setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount", "--propagation=private"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*argv, "containerd", "--config", settings],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _READY_S
        while subprocess.run(["ctr", "-a", address, "version"], check=False, capture_output=True).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise HostError("containerd does not start to import the images", hint=f"Its log is {log}.")
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def import_images(images: Sequence[Image], ctr: Sequence[str], task: Task) -> None:
    """Stream one archive with all images into `ctr` (the command with its address), which unpacks it.

    Raises HostError when it refuses.
    """
    argv = [*ctr, "-n", "k8s.io", "images", "import", "-"]
    total = sum(layer.file.stat().st_size for layer in {layer for image in images for layer in image.layers})
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=said, stderr=said)
        assert process.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError), process.stdin:
                stream = _Counting(process.stdin, lambda written: task.update(done=written, total=total))
                archive.write_archive(images, stream, created=versions.SOURCE_DATE_EPOCH)
            task.update("unpacking")
        finally:
            status = process.wait()
        said.seek(0)
        words = said.read().decode(errors="replace").strip().splitlines()
    if status:
        raise HostError(f"cannot import the images: {words[-1] if words else f'ctr ended with status {status}'}")


class _Counting(io.RawIOBase):
    """Passes on what is written to it and tells how much that was so far."""

    def __init__(self, raw: IO[bytes], tell: Callable[[int], None]) -> None:
        self._raw, self._tell, self._written = raw, tell, 0

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._written += len(data)
        self._tell(self._written)
        return self._raw.write(data)
