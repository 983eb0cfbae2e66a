"""A containerd root with all images in it, which every node begins with a copy of."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos.cluster.local import cache, versions
from chaos.cluster.local.images import archive
from chaos.cluster.local.images.archive import Image
from chaos.errors import HostError
from chaos.progress import Progress

_DATABASES = (
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
)
"""What containerd changes in place: a node needs its own copy, not a link."""
_FORMAT = "1"
_READY_S = 30.0
_STOP_S = 10.0
_IN_THE_ENTRY = "root"


def entry(layers: Sequence[Path]) -> Path:
    """The cache entry of the template with the images of these layers (cache entries)."""
    return cache.entry("template", cache.key(_FORMAT, versions.IMAGES, *sorted(path.name for path in layers)))


def root(layers: Sequence[Path]) -> Path:
    """The containerd root in that entry."""
    return entry(layers) / _IN_THE_ENTRY


def clone_template(template: Path, root: Path) -> None:
    """Make `root`, which must not exist, a containerd root with the template's images.

    Both must be on one file system: what containerd only reads is linked, not copied, so it costs no disk. Raises
    HostError when the copy fails.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    copy = subprocess.run(["cp", "-al", "--", template, root], check=False, capture_output=True, text=True)
    if copy.returncode:
        raise HostError(f"cannot link the image template into {root}: {copy.stderr.strip().splitlines()[-1:]}")
    for name in _DATABASES:
        (root / name).unlink()
        shutil.copy2(template / name, root / name)


def ensure(images: Sequence[Image], layers: Sequence[Path], progress: Progress) -> None:
    """Import `images` into a containerd of its own and keep its root.

    Raises HostError when containerd does not serve or refuses an image.
    """
    target = entry(layers)
    if cache.is_whole(target):
        return
    with (
        progress.task("import the images") as task,
        cache.building(target, watch=_is_database) as folder,
        # Sockets lie in a short path: their names are limited to 108 characters.
        tempfile.TemporaryDirectory(prefix="hachaos-", dir="/run") as short,
        _containerd(folder / _IN_THE_ENTRY, Path(short)) as address,
    ):
        for number, image in enumerate(images):
            task.update(image.reference, done=number, total=len(images))
            _import(image, address)


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


def _import(image: Image, address: Path) -> None:
    """Stream the image's archive into `ctr`, which unpacks it."""
    argv = ["ctr", "-a", str(address), "-n", "k8s.io", "images", "import", "-"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=said, stderr=said)
        assert process.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError), process.stdin:
                archive.write_archive([image], process.stdin, created=versions.SOURCE_DATE_EPOCH)
        finally:
            status = process.wait()
        said.seek(0)
        words = said.read().decode(errors="replace").strip().splitlines()
    if status:
        raise HostError(f"cannot import the image {image.reference}: {words[-1] if words else f'exit status {status}'}")
