"""CoreDNS, the binary alone."""

from __future__ import annotations

from pathlib import Path

from chaos.cluster.local.images.recipe import Recipe

RECIPE = Recipe(name="coredns", folder=Path(__file__).parent, command=("/coredns",), ports=(53, 8080, 8181))
