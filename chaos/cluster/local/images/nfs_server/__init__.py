"""An NFS server in user space (nfs-ganesha) that exports /exports as `/`, on ports 2049, 20048 and 111."""

from __future__ import annotations

from pathlib import Path

from chaos.cluster.local.images.recipe import Recipe

RECIPE = Recipe(
    name="nfs-server",
    folder=Path(__file__).parent,
    packages=("nfs-ganesha", "nfs-ganesha-vfs", "rpcbind"),
    # nfs-common wants Python for a tool that a server has no use for.
    leave_out=("usr/lib/python3*", "usr/bin/python3*", "usr/share/python3*"),
    command=("/usr/local/bin/nfs-server",),
    ports=(2049, 20048, 111),
)
