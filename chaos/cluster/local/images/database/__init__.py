"""MariaDB 10.11 with its backup tool, also under the names of MySQL's and Percona's commands."""

from __future__ import annotations

from pathlib import Path

from chaos.cluster.local.images.recipe import Recipe

RECIPE = Recipe(
    name="database",
    folder=Path(__file__).parent,
    packages=("mariadb-server-core", "mariadb-client", "mariadb-backup", "ncat", "socat", "jq"),
    command=("mariadbd",),
    ports=(3306,),
)
