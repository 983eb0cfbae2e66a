"""The images of the embedded cluster. They come from no registry: each is made on this host."""

from __future__ import annotations

from chaos.cluster.local import versions

NAMES = ("pause", "coredns", "database", "wordpress", "nfs-server")


def reference(name: str) -> str:
    """The full name, with its tag, under which containers ask for the image `name` (one of NAMES)."""
    if name not in NAMES:
        raise KeyError(name)
    return f"localhost/hachaos/{name}:{versions.IMAGES}"
