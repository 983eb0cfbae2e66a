"""Makes the image of hachaos itself: a layer of Python and the dependencies, and on it the code as it is here."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from chaos import paths
from chaos.cluster.local import cache, packages, versions
from chaos.cluster.local.commands import Commands
from chaos.cluster.local.images import archive, builder, reference
from chaos.cluster.local.images.archive import Image, Layer
from chaos.cluster.local.images.hachaos import HOME, RECIPE
from chaos.cluster.local.retry import retrying
from chaos.errors import HostError
from chaos.progress import Progress, Task

_PYTHON = "3.11"
"""That of versions.DEBIAN."""
_GLIBC = (36, 34, 28, 17)
"""Wheels are built for the oldest C library (2.N) that they run with; Debian's is 2.36."""
_CODE = "image-hachaos-code"
_LAYER = "layer.tar"
_INDEX = "the Python package index"
_INDEX_HINT = "Is a package index reachable? (pip config list) What is whole is kept; run the same command again."


def ensure(progress: Progress, commands: Commands) -> Image:
    """The image, made if need be. A change of the code makes its own small layer anew, and no other.

    Raises HostError: not root, a package archive or index that does not answer, no list of locked dependencies.
    """
    if os.geteuid() != 0:
        raise HostError("only root can build the image of hachaos", hint="Run the same command as root (sudo).")
    locked = paths.data_root() / "requirements.lock"
    if not locked.is_file():
        raise HostError(
            f"the image of hachaos is made from the locked dependencies, and there is no {locked}",
            hint="Build it from a checkout.",
        )
    packages.ensure(progress, commands)

    def dependencies(tree: Path, task: Task) -> None:
        _install(locked, tree / HOME / "lib", commands, task)

    system = builder.ensure_alone(RECIPE, progress, commands, fill=dependencies, inputs=(locked,))
    with cache.lock(progress):
        code = _code()
    return Image(reference(RECIPE.name), RECIPE, (*system.layers, code))


def _install(locked: Path, target: Path, commands: Commands, task: Task) -> None:
    task.update("Python dependencies")
    machine = os.uname().machine
    argv: list[str | Path] = [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"),
        *("--implementation", "cp", "--python-version", _PYTHON),
        *(f"--platform=manylinux_2_{minor}_{machine}" for minor in _GLIBC),
        *("--only-binary=:all:", "--no-compile", "--no-deps", "--require-hashes"),
        *("--target", target, "--requirement", locked),
    ]
    log = cache.root() / "log" / f"image-{RECIPE.name}-dependencies.log"
    retrying(
        lambda: commands.run("pip", argv, log=log),
        task,
        source=_INDEX,
        hint=_INDEX_HINT,
        before=lambda: cache.remove(target),
    )


def _code() -> Layer:
    """The layer of the package, manifests and scenarios; those of earlier states of the code are removed."""
    parts = {
        "chaos": Path(__file__).resolve().parents[4],
        "manifests": paths.manifests(),
        "scenarios": paths.scenarios(),
    }
    target = cache.entry(_CODE, cache.key(HOME, *parts.values()))
    if not cache.is_whole(target):
        for old in cache.root().glob(f"{_CODE}-*"):
            cache.remove(old)
        with cache.building(target) as folder:
            tree = folder / "tree"
            for name, source in parts.items():
                shutil.copytree(source, tree / HOME / name, ignore=shutil.ignore_patterns("__pycache__", "_data"))
            for path in (tree, *tree.rglob("*")):
                # Another user reads them, whatever the umask was with which they were checked out.
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            archive.write_layer(tree, folder / _LAYER, newest=versions.SOURCE_DATE_EPOCH)
            cache.remove(tree)
    return archive.layer_of(target / _LAYER)
