"""What the tool says to the databases, and the one place that knows how their dialects differ."""

from __future__ import annotations

import re
import socket
import struct
import time
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

# All that a server raises before it begins to commit. Any other error may come from a commit that held all the same.
_REFUSED = frozenset(
    {
        ER.CON_COUNT_ERROR,
        ER.DBACCESS_DENIED_ERROR,
        ER.ACCESS_DENIED_ERROR,
        ER.NO_DB_ERROR,
        ER.BAD_DB_ERROR,
        ER.BAD_NULL_ERROR,
        ER.BAD_FIELD_ERROR,
        ER.DUP_ENTRY,
        ER.PARSE_ERROR,
        ER.RECORD_FILE_FULL,
        ER.TABLEACCESS_DENIED_ERROR,
        ER.NO_SUCH_TABLE,
        ER.LOCK_WAIT_TIMEOUT,
        ER.LOCK_DEADLOCK,
        ER.OPTION_PREVENTS_STATEMENT,
        ER.DATA_TOO_LONG,
        1792,  # ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
        1836,  # ER_READ_ONLY_MODE
    }
)

# PyMySQL lets these through when a server, or what stands in for one, answers with something else than its protocol.
_GARBLED = (struct.error, LookupError, ValueError, AssertionError, TypeError)


class NoDatabase(Exception):
    """The database was not reached, refused, or did not answer in time. The text says why, without any password."""


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


class _Socket(socket.socket):
    """A TCP socket on which every wait ends at one deadline.

    PyMySQL's time-outs begin anew with each packet's bytes, so a server that trickles would be waited for for ever.
    """

    def __init__(self, host: str, port: int, deadline_s: float) -> None:
        super().__init__(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self._deadline = time.monotonic() + deadline_s
        try:
            self._limit()
            self.connect((host, port))
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            self.close()
            raise

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.settimeout(left)

    def recv_into(self, *args: Any, **more: Any) -> int:
        self._limit()
        return super().recv_into(*args, **more)

    def sendall(self, *args: Any, **more: Any) -> None:
        self._limit()
        super().sendall(*args, **more)


class Database:
    """Opens connections as the ledger's owner. Safe to use from many threads: each call has a connection of its own."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    @contextmanager
    def connect(self, address: str, deadline_s: float) -> Iterator[Connection]:
        """A connection in autocommit mode to `IP:port`, all of whose use has to end within `deadline_s` seconds.

        Raises NoDatabase when none comes about, or for what went wrong in its use.
        """
        known = self._credentials
        host, _, port = address.rpartition(":")
        if not host:
            # An empty host would mean this machine.
            raise NoDatabase("no address")
        connection: Connection = pymysql.Connection(
            user=known.ledger_user,
            password=known.ledger_password,
            database=known.ledger_database,
            autocommit=True,
            # PyMySQL would load all of the system's certificates anew for each connection: 30 ms of CPU.
            ssl_disabled=True,
            defer_connect=True,
        )
        try:
            connection.connect(_Socket(host.strip("[]"), int(port), deadline_s))
        except (pymysql.MySQLError, OSError, *_GARBLED) as error:
            raise NoDatabase(reason(error)) from error
        try:
            yield connection
        except (pymysql.MySQLError, OSError, *_GARBLED) as error:
            raise NoDatabase(reason(error)) from error
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
    except (pymysql.MySQLError, OSError, *_GARBLED) as error:
        refused = isinstance(error, pymysql.MySQLError) and bool(error.args) and error.args[0] in _REFUSED
        return Written("fail" if refused else "info", reason(error))


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
    """How to ask for a replica's state: MySQL before 8.0.22 knows only the old words, MySQL 8.4 only the new ones."""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", server)
    old = numbers is not None and tuple(map(int, numbers.groups())) < (8, 0, 22) and "mariadb" not in server.lower()
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
    columns = "ID, post_title, post_content, post_status, post_name"
    return _hash(connection, columns, f"wp_posts WHERE ID IN ({marks})", ids)


def options_hash(connection: Connection) -> str:
    """The settings that make the site this one and that nothing changes while it runs, as `COUNT:BIT_XOR`."""
    names = ("siteurl", "home", "blogname", "template", "stylesheet", "permalink_structure")
    marks = ", ".join(["%s"] * len(names))
    return _hash(connection, "option_name, option_value", f"wp_options WHERE option_name IN ({marks})", names)


def users_hash(connection: Connection) -> str:
    """The site's users as `COUNT:BIT_XOR`, without their passwords: WordPress may hash those anew at a login."""
    return _hash(connection, "ID, user_login, user_email", "wp_users")


def _hash(connection: Connection, columns: str, rows: str, arguments: tuple[Any, ...] = ()) -> str:
    content = f"BIT_XOR(CRC32(CONCAT_WS('#', {columns})))"
    row = _one(connection, f"SELECT COUNT(*) AS n, {content} AS x FROM {SITE_DATABASE}.{rows}", arguments)  # noqa: S608
    return f"{row['n']}:{row['x']:x}"


def _one(connection: Connection, statement: str, arguments: tuple[Any, ...] = ()) -> Row:
    with connection.cursor(DictCursor) as cursor:
        cursor.execute(statement, arguments)
        row = cursor.fetchone()
    if row is None:
        raise NoDatabase(f"no answer to {statement}")
    return dict(row)
