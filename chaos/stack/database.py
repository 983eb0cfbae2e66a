"""What the tool says to the databases, and the one place that knows how their dialects differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import pymysql
from pymysql.constants import CR, ER
from pymysql.cursors import DictCursor

from chaos.stack.credentials import SITE_DATABASE, Credentials
from chaos.stack.site import Written

Connection: TypeAlias = "pymysql.Connection[Any]"
Row = Mapping[str, Any]

_LOST = (CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST)
_BATCH = 5000


class NoDatabase(Exception):
    """The database could not be reached or did not answer in time. The text says why, without any password."""


@dataclass(frozen=True)
class Replication:
    """The replication state of one server; what the server does not have (a primary has no source) is None."""

    read_only: bool
    gtid: str
    io_running: str | None = None
    sql_running: str | None = None
    lag_s: int | None = None
    source: str | None = None
    last_error: str | None = None


class Database:
    """Opens connections as the ledger's owner. Safe to use from many threads: each call has a connection of its own."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    @contextmanager
    def connect(self, address: str, deadline_s: float) -> Iterator[Connection]:
        """A connection in autocommit mode to `IP:port`. Raises NoDatabase when none comes about."""
        known, host, port = self._credentials, *address.split(":")
        try:
            connection = pymysql.connect(
                host=host,
                port=int(port),
                user=known.ledger_user,
                password=known.ledger_password,
                database=known.ledger_database,
                autocommit=True,
                connect_timeout=max(1, round(deadline_s)),
                read_timeout=deadline_s,
                write_timeout=deadline_s,
                # PyMySQL would load all of the system's certificates anew for each connection: 30 ms of CPU.
                ssl_disabled=True,
            )
        except (pymysql.MySQLError, OSError) as error:
            raise NoDatabase(reason(error)) from error
        try:
            yield connection
        finally:
            connection.close()

    def insert(self, address: str, token: str, writer: str, seq: int, deadline_s: float) -> Written:
        """Write one row into the ledger; sent once.

        `ok` once the server has committed it. `fail` when no statement was sent or the server refused it. What was
        sent and never answered may have happened: `info`.
        """
        try:
            with self.connect(address, deadline_s) as connection:
                return _insert(connection, token, writer, seq)
        except NoDatabase as error:
            return Written("fail", str(error))

    def replication(self, connection: Connection) -> Replication:
        """How the server on the other end replicates."""
        read_only = int(_one(connection, "SELECT @@global.read_only AS it")["it"])
        return Replication(read_only=bool(read_only), gtid=position(connection), **_source(connection))


def _insert(connection: Connection, token: str, writer: str, seq: int) -> Written:
    try:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO ledger (token, writer, seq) VALUES (%s, %s, %s)", (token, writer, seq))
            return Written("ok", key=int(cursor.lastrowid))
    except pymysql.MySQLError as error:
        # A server that is being shut down may have committed what it then says was interrupted.
        unsure = not error.args or error.args[0] in (*_LOST, ER.SERVER_SHUTDOWN, ER.QUERY_INTERRUPTED)
        return Written("info" if unsure else "fail", reason(error))
    except OSError as error:
        return Written("info", reason(error))


def reason(error: Exception) -> str:
    """A word or two for the reports: a known condition by name, else the server's own number."""
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "timeout"
    if "Connection refused" in str(error):
        return "refused"
    if "unreachable" in str(error) or "No route" in str(error):
        return "unreachable"
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    if number in _LOST:
        return "connection lost"
    if number == ER.OPTION_PREVENTS_STATEMENT:
        return "read-only"
    return f"error {number}" if number is not None else type(error).__name__


def position(connection: Connection) -> str:
    """The GTID position up to which the server has applied changes: MariaDB's, or MySQL's executed set."""
    variable = "@@global.gtid_current_pos" if is_mariadb(connection) else "@@global.gtid_executed"
    return str(_one(connection, f"SELECT {variable} AS it")["it"]).replace("\n", "")


def is_mariadb(connection: Connection) -> bool:
    """Whether the server says that it is MariaDB."""
    return "mariadb" in version(connection).lower()


def version(connection: Connection) -> str:
    """The version string that the server greeted with, e.g. `10.11.11-MariaDB-0+deb12u1-log`."""
    return str(connection.get_server_info())  # type: ignore[no-untyped-call]


def status_statement(server: str) -> str:
    """How to ask for a replica's state: MySQL 5.7 knows only the old words, MySQL 8.4 only the new ones."""
    old = server.startswith("5.") and "mariadb" not in server.lower()
    return "SHOW SLAVE STATUS" if old else "SHOW REPLICA STATUS"


def _source(connection: Connection) -> dict[str, Any]:
    with connection.cursor(DictCursor) as cursor:
        cursor.execute(status_statement(version(connection)))
        row = cursor.fetchone()
    return read_status(row) if row else {}


def read_status(row: Row) -> dict[str, Any]:
    """A row of SHOW REPLICA STATUS (or SLAVE) of any dialect, as the fields of `Replication`."""
    words = {name.replace("Slave", "Replica").replace("Master", "Source"): value for name, value in row.items()}
    lag = words.get("Seconds_Behind_Source")
    return {
        "io_running": words.get("Replica_IO_Running"),
        "sql_running": words.get("Replica_SQL_Running"),
        "lag_s": None if lag is None else int(lag),
        "source": words.get("Source_Host"),
        "last_error": words.get("Last_IO_Error") or words.get("Last_SQL_Error") or None,
    }


def ledger(connection: Connection) -> Iterator[tuple[int, str]]:
    """All rows of the ledger as (id, token), in the order of their ids."""
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, token FROM ledger WHERE id > %s ORDER BY id LIMIT %s", (after, _BATCH))
            rows = cursor.fetchall()
        for row in rows:
            yield int(row[0]), str(row[1])
        if len(rows) < _BATCH:
            return
        after = int(rows[-1][0])


def posts(connection: Connection) -> list[tuple[int, str]]:
    """All published WordPress posts as (id, title)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT ID, post_title FROM {SITE_DATABASE}.wp_posts"  # noqa: S608
            " WHERE post_status = 'publish' AND post_type = 'post' ORDER BY ID"
        )
        return [(int(row[0]), str(row[1])) for row in cursor.fetchall()]


def seed_hash(connection: Connection, ids: tuple[int, ...]) -> str:
    """Number and content of these posts as `COUNT:BIT_XOR`, a sum that does not depend on the order of rows."""
    marks = ", ".join(["%s"] * len(ids))
    content = "BIT_XOR(CRC32(CONCAT_WS('#', ID, post_title, post_content, post_status, post_name)))"
    chosen = f"FROM {SITE_DATABASE}.wp_posts WHERE ID IN ({marks})"
    row = _one(connection, f"SELECT COUNT(*) AS n, {content} AS x {chosen}", ids)
    return f"{row['n']}:{row['x']:x}"


def _one(connection: Connection, statement: str, arguments: tuple[Any, ...] = ()) -> Row:
    with connection.cursor(DictCursor) as cursor:
        cursor.execute(statement, arguments)
        row = cursor.fetchone()
    if row is None:
        raise NoDatabase(f"no answer to {statement}")
    return dict(row)
