"""How a borrowed stack is reached for what a run leaves in it: XML-RPC for its site, SQL for its database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chaos.stack import tables, xml_rpc
from chaos.stack.binding import Binding
from chaos.stack.clients import NotYet, WordPress, gist
from chaos.stack.credentials import Credentials
from chaos.stack.database import Connection
from chaos.stack.stack import Stack

DEADLINE_S = 20.0
"""What one answer may take."""


@dataclass(frozen=True)
class Remote:
    """WordPress's XML-RPC at an address. Safe to use from many threads."""

    address: str
    host: str
    known: Credentials

    def call(self, method: str, *arguments: dict[str, Any] | list[str] | int) -> Any:
        """Call one method. Raises NotYet without an answer to it, and xml_rpc.Fault for a fault."""
        body = xml_rpc.request(method, self.known.admin_user, self.known.admin_password, *arguments)
        site = WordPress(self.address, self.host, timeout_s=DEADLINE_S)
        answer = site.request("POST", xml_rpc.PATH, data=body, headers={"Content-Type": "text/xml"})
        try:
            return xml_rpc.read(answer.content)
        except ValueError as error:
            raise NotYet(f"{method}: {answer.status_code} {gist(answer)}") from error


def remote(stack: Stack) -> Remote:
    """The stack's XML-RPC through its Service, as its user."""
    return Remote(stack.site_address(), stack.binding.site.host, stack.credentials)


def run(connection: Connection, statement: str, arguments: tuple[Any, ...] | None = None) -> Sequence[tuple[Any, ...]]:
    """Run one statement; its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return tuple(cursor.fetchall())


def table(binding: Binding, name: str) -> str:
    """WordPress's table of that name, quoted."""
    return f"`{binding.site.schema}`.`{binding.site.prefix}{name}`"


def ledger(binding: Binding) -> str:
    """The ledger's table, quoted."""
    return tables.quoted(binding.database.schema, binding.database.table)


def mark(site_id: str) -> str:
    """The comment on the ledger's table that the run with this id made: a table without it is somebody else's."""
    return f"hachaos {site_id}"


def is_marked(connection: Connection, binding: Binding, site_id: str) -> bool:
    """Whether the table that has the ledger's name is the one that the run with this id made."""
    return mark(site_id) in marks_on(connection, binding)


def marks_on(connection: Connection, binding: Binding) -> list[str]:
    """The comment on the table (or view) that has the ledger's name; nothing where there is none on this server."""
    statement = "SELECT table_comment FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
    rows = run(connection, statement, (binding.database.schema, binding.database.table))
    return [str(comment) for (comment,) in rows]
