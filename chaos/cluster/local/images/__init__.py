"""The images of the embedded cluster. They come from no registry: each is made on this host."""

from __future__ import annotations

from chaos.cluster.local import versions

NAMES = ("pause", "coredns", "database", "wordpress", "nfs-server")
"""What every cluster has."""
ON_DEMAND = ("mysql-9", "hachaos")
"""What a running cluster can be given besides (see `load`)."""


def reference(name: str) -> str:
    """The full name, with its tag, under which containers ask for the image `name` (of NAMES or ON_DEMAND)."""
    if name not in (*NAMES, *ON_DEMAND):
        raise KeyError(name)
    return f"localhost/hachaos/{name}:{versions.IMAGES}"
