"""What an image is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """One image. An image with packages stands on the shared base layer; one without holds only what is put into it.

    One that names a release of its own shares nothing: it is a whole Debian of that release.
    """

    name: str
    folder: Path
    """Where the recipe lies: `rootfs/` in it is copied into the image, `setup.sh` is then run inside."""
    packages: tuple[str, ...] = ()
    release: str = ""
    """The Debian release, where it is not that of the others."""
    leave_out: tuple[str, ...] = ()
    """Patterns (fnmatch, of paths without the leading slash) of what the layer leaves out."""
    command: tuple[str, ...] = ()
    entry_point: tuple[str, ...] = ()
    """What stands before the command, and before arguments that take the command's place."""
    user: str = ""
    """`UID:GID`, numbers, so that a kubelet can tell that it is not root; empty for root."""
    environment: tuple[str, ...] = ()
    """`NAME=value` each."""
    working_directory: str = "/"
    stop_signal: str = "SIGTERM"
    """What a container runtime sends to end it in good order."""
    ports: tuple[int, ...] = ()

    def settings(self) -> dict[str, object]:
        """What a container runtime is told of the image: the `config` part of the image's configuration."""
        settings: dict[str, object] = {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *self.environment],
            "Cmd": list(self.command),
            "WorkingDir": self.working_directory,
            "StopSignal": self.stop_signal,
            "ExposedPorts": {f"{port}/tcp": {} for port in self.ports},
        }
        if self.entry_point:
            settings["Entrypoint"] = list(self.entry_point)
        if self.user:
            settings["User"] = self.user
        return settings
