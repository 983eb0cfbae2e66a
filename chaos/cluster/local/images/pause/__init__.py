"""The process that holds a pod's namespaces."""

from __future__ import annotations

from pathlib import Path

from chaos.cluster.local.images.recipe import Recipe

RECIPE = Recipe(name="pause", folder=Path(__file__).parent, command=("/pause",))
