"""What has to be known of a stack to break and to judge it, whoever deployed it: a binding.

A profile brings its own; for a stack that is already there the user's file is one (docs/binding.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from chaos.errors import StackError
from chaos.stack.roles import ROLES, Controller, part

PARTS = ("database", "site", "files")


@dataclass(frozen=True)
class DatabaseBinding:
    """How the database is reached and what lies where.

    `primary` tells how the one that takes the writes is known: it is ordinal 0 of its StatefulSet, it carries
    `primary_label` (KEY=VALUE), or it is the one whose `@@read_only` is 0. `writes` is where rows are written: through
    the Service of the part, or at the primary's own address. The ledger is `schema`.`table`. `data` is the data folder
    in the part's container. `provenance` is how a clone is told: by the file that the hardened stack keeps, by what
    xtrabackup leaves in the data folder and the log of the container `clone_log`, or not at all. `marks` = the tool may
    mark each pod's data, as root within the container (see `lineage`).
    """

    port: int = 3306
    primary: Literal["ordinal", "label", "read-only"] = "ordinal"
    primary_label: str = ""
    writes: Literal["service", "primary"] = "service"
    schema: str = "hachaos"
    table: str = "ledger"
    data: str = "/data/mysql"
    provenance: Literal["hachaos", "xtrabackup", "none"] = "hachaos"
    clone_log: str = "clone-mysql"
    marks: bool = False


@dataclass(frozen=True)
class SiteBinding:
    """How the site is reached: `host` is the name to which it answers without a redirect.

    `schema` and `prefix` are those of WordPress's tables. `posts` is how posts and uploads are written: REST with an
    application password, or XML-RPC with the user's own. `static` is the path of a file that no PHP has to run for.
    `fresh` = a search's page names what was searched for, so that pages that are read can be told from kept ones.
    """

    host: str
    port: int = 80
    schema: str = "wordpress"
    prefix: str = "wp_"
    posts: Literal["rest", "xmlrpc"] = "rest"
    static: str = "/wp-includes/css/dist/block-library/style.min.css"
    fresh: bool = False


@dataclass(frozen=True)
class Binding:
    """A stack's parts and how to speak to them. `name` is the profile's, or that of the user's file."""

    name: str
    namespace: str
    controllers: Mapping[str, Controller]
    site: SiteBinding
    database: DatabaseBinding = field(default_factory=DatabaseBinding)

    def controller(self, role: str) -> Controller:
        """What keeps the pods of a role alive. Raises StackError for a role that the stack does not have."""
        if role not in ROLES or part(role) not in self.controllers:
            there = [each for each in ROLES if part(each) in self.controllers]
            raise StackError(f"the stack has no role {role!r}", hint=f"roles: {', '.join(there)}")
        return self.controllers[part(role)]

    def role_of(self, labels: Mapping[str, str]) -> str | None:
        """The part (database, site or files) that a pod with these labels belongs to, or None."""
        for role, controller in self.controllers.items():
            wanted = dict(pair.split("=", maxsplit=1) for pair in controller.selector.split(","))
            if wanted.items() <= labels.items():
                return role
        return None

    def narrowest(self, role: str, pod: str, labels: Mapping[str, str]) -> str:
        """The narrowest role of a pod of a part: of the database's, `database/primary` or `database/replica`.

        With `primary: read-only` nothing but the database itself can tell; then it is just `database`.
        """
        if role != "database" or self.database.primary == "read-only":
            return role
        if self.database.primary == "label":
            key, _, value = self.database.primary_label.partition("=")
            return "database/primary" if labels.get(key) == value else "database/replica"
        return "database/primary" if pod.endswith("-0") else "database/replica"
