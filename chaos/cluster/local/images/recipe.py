"""What an image is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """One image. An image with packages stands on the shared base layer; one without holds only what is put into it."""

    name: str
    folder: Path
    """Where the recipe lies: `rootfs/` in it is copied into the image, `setup.sh` is then run inside."""
    packages: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    """Patterns (fnmatch, of paths without the leading slash) of what the layer leaves out."""
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    """`NAME=value` each."""
    working_directory: str = "/"
    stop_signal: str = "SIGTERM"
    """What a container runtime sends to end it in good order."""
    ports: tuple[int, ...] = ()
