"""MySQL 9, of Debian unstable. No stack runs on it: it is built when a test asks for it.

An unstable archive's Release file may have expired on a mirror that stands still, so its date is not looked at.
"""

from __future__ import annotations

from pathlib import Path

from chaos.cluster.local.images.recipe import Recipe

RECIPE = Recipe(
    name="mysql-9",
    folder=Path(__file__).parent,
    release="unstable",
    packages=("mysql-server-core", "passwd"),
    command=("mysqld",),
    ports=(3306,),
)
