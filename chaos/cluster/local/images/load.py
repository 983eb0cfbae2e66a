"""Gives the nodes of a running cluster an image that is not among those which every cluster has."""

from __future__ import annotations

from chaos.cluster.local import template
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.local.commands import Commands
from chaos.cluster.local.images import builder
from chaos.cluster.local.images.recipe import Recipe
from chaos.cluster.local.layout import Places
from chaos.cluster.local.machine import HOLDER
from chaos.cluster.local.node import CONTAINERD_SOCKET
from chaos.progress import Progress


def load(recipe: Recipe, cluster: Cluster, progress: Progress) -> None:
    """Build the image if need be and import it on each node. Raises HostError."""
    image = builder.ensure_alone(recipe, progress, Commands())
    places = Places.of(cluster.name)
    for node in cluster.nodes:
        holder = int(places.pid(node.name, HOLDER).read_text())
        ctr = ["nsenter", f"--mount=/proc/{holder}/ns/mnt", "ctr", "--address", CONTAINERD_SOCKET]
        with progress.task(f"import {recipe.name} on {node.name}") as task:
            template.import_images([image], ctr, task)
