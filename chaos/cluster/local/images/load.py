"""Gives an image that is not among those which every cluster has to a running cluster's nodes, or to a file."""

from __future__ import annotations

from pathlib import Path

from chaos.cluster.local import template, versions
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.local.commands import Commands
from chaos.cluster.local.images import archive, builder
from chaos.cluster.local.images.archive import Image
from chaos.cluster.local.images.recipe import Recipe
from chaos.cluster.local.layout import Places
from chaos.cluster.local.machine import HOLDER
from chaos.cluster.local.node import CONTAINERD_SOCKET
from chaos.errors import UsageError
from chaos.progress import Progress


def load(recipe: Recipe, cluster: Cluster, progress: Progress) -> None:
    """Build the image if need be and import it on each node. Raises HostError."""
    give(builder.ensure_alone(recipe, progress, Commands()), cluster, progress)


def give(image: Image, cluster: Cluster, progress: Progress) -> None:
    """Import an image on each node; one of the same name gives way to it. Raises HostError."""
    places = Places.of(cluster.name)
    for node in cluster.nodes:
        holder = int(places.pid(node.name, HOLDER).read_text())
        ctr = ["nsenter", f"--mount=/proc/{holder}/ns/mnt", "ctr", "--address", CONTAINERD_SOCKET]
        with progress.task(f"import {image.recipe.name} on {node.name}") as task:
            template.import_images([image], ctr, task)


def save(image: Image, file: Path) -> None:
    """Write the image to a file, as `docker save` would. Raises UsageError when it cannot be written."""
    try:
        with file.open("wb") as stream:
            archive.write_archive([image], stream, created=versions.SOURCE_DATE_EPOCH)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", hint="--save names a file that can be written to") from error
