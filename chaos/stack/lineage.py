"""Marks in a pod's data that replication never carries: a physical copy has those of its donor, a kept volume its own.

They are rows that are written with the binary log switched off, as root within the container, which passes over
read-only: the ledger's user has neither right, and must not have it. Oracle's mysql-operator tells a clone from an
incremental recovery in the same way.
"""

from __future__ import annotations

from chaos.cluster.api import Api, Output
from chaos.errors import ClusterError
from chaos.stack.database import LINEAGE

_EXEC_S = 10.0
_KEPT = 500

_CLIENT = 'exec "$(command -v mariadb || command -v mysql)" -uroot -N -B -e "$1"'
_NO_SUCH_TABLE = ("ERROR 1146 ", "ERROR 1049 ")


class NoMarks(Exception):
    """The pod's database did not answer root within its container. The text says what it said instead."""


def write(api: Api, pod: str, container: str, schema: str, mark: str) -> None:
    """Put a mark (letters and digits) into this pod's data alone. Raises NoMarks."""
    table = f"`{schema}`.`{LINEAGE}`"
    columns = "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, mark CHAR(16) NOT NULL"
    # The schema is not made: its creation may yet come by replication, which would break over one that is there.
    create = f"CREATE TABLE IF NOT EXISTS {table} ({columns}) ENGINE=InnoDB DEFAULT CHARSET=ascii"
    insert = f"INSERT INTO {table} (mark) VALUES ('{mark}')"  # noqa: S608
    said = _run(api, pod, container, f"SET sql_log_bin = 0; {create}; {insert}")
    if said.code:
        raise NoMarks(said.err.strip() or f"exit code {said.code}")


def read(api: Api, pod: str, container: str, schema: str) -> tuple[str, ...]:
    """The last marks in this pod's data, the oldest first; none where it has no such table. Raises NoMarks."""
    select = f"SELECT mark FROM `{schema}`.`{LINEAGE}` ORDER BY id DESC LIMIT {_KEPT}"  # noqa: S608
    said = _run(api, pod, container, select)
    if said.code and any(each in said.err for each in _NO_SUCH_TABLE):
        return ()
    if said.code:
        raise NoMarks(said.err.strip() or f"exit code {said.code}")
    return tuple(reversed(said.out.split()))


def _run(api: Api, pod: str, container: str, statements: str) -> Output:
    try:
        return api.execute(pod, container, ["sh", "-c", _CLIENT, "sh", statements], timeout_s=_EXEC_S)
    except (ClusterError, ValueError) as error:
        raise NoMarks(str(error)) from error
