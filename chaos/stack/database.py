"""What the tool says to the databases. How their dialects differ is known to `dialects`."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import pymysql
from pymysql.constants import CR, ER
from pymysql.cursors import DictCursor

from chaos.cluster import reach
from chaos.history import BROKEN_TABLE
from chaos.stack import dialects, tables
from chaos.stack.binding import Binding
from chaos.stack.credentials import Credentials
from chaos.stack.dialects import Dialect
from chaos.stack.written import Written

Connection: TypeAlias = "pymysql.Connection[Any]"
Row = Mapping[str, Any]

_LOST = (CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST)
_BROKEN = (1030, 1033, 1034, 1194, 1195, 1712, 1812, 1932)
"""Of the storage engine: no tablespace, a table's file that is wrong, crashed, corrupted, or not there."""
_CALLED = {
    **dict.fromkeys(_LOST, "connection lost"),
    ER.OPTION_PREVENTS_STATEMENT: "read-only",
    **{number: f"{BROKEN_TABLE}, error {number}" for number in _BROKEN},
}
"""What the reports call a server's number that says more than it."""
_NO_SUCH_THING = (ER.NO_SUCH_TABLE, ER.BAD_DB_ERROR)
_BATCH = 5000
_SNAPSHOTS = 5

LINEAGE = "lineage"
"""The table in the ledger's schema whose rows differ from pod to pod on purpose (see `lineage`)."""

_IN_CONTENT = "LOCATE(CAST(post_title AS BINARY), CAST(post_content AS BINARY))"
_POST = "[0-9a-f]+-post-[0-9]+"
_WHOLE_POST = (
    f"CASE WHEN post_title REGEXP '^{_POST}$' AND {_IN_CONTENT} = 0 THEN '' "
    f"WHEN post_title = '' AND post_content NOT REGEXP '{_POST}' THEN CONCAT('untitled ', ID) "
    "ELSE post_title END"
)
"""A post's title. Ours have their token as content as well, within whatever WordPress or a plugin puts around it.

Those of other people need no title.
"""

_KIND_OF_ROW = "SUBSTRING_INDEX(SUBSTRING_INDEX(token, '-', -2), '-', 1)"
_WRITER = f"CASE {_KIND_OF_ROW} WHEN 'row' THEN 'rows' WHEN 'beat' THEN 'heartbeat' END"
_WHOLE_ROW = f"IF(CONCAT(writer, '-', seq) <> CONCAT({_WRITER}, '-', SUBSTRING_INDEX(token, '-', -1)), '', token)"
"""A row's token. Those of our writers end with what they write and its number, which two other columns hold as well."""

_UPLOAD = "'^[0-9a-f]+-upload-[0-9]+(-[0-9]+)?([.]txt)?$'"
_UPLOADS_TOKEN = "SUBSTRING_INDEX(SUBSTRING_INDEX(post_title, '-', 3), '.', 1)"
"""An attachment is titled as its file, without the end (by REST) or with it. Where that was taken, a number follows."""

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
    """The replication state of one server; what the server does not have (a primary has no source) is None.

    `gtid` is how far it has got: by GTIDs, or where those are off as `FILE:OFFSET` in the source's log.
    `super_read_only` = administrators may not write either; None on MariaDB, where they always may.
    """

    read_only: bool
    gtid: str
    super_read_only: bool | None = None
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
        self._deadline = time.monotonic() + deadline_s
        super().__init__(fileno=reach.connect(host, port, deadline_s).detach())
        try:
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

    def __init__(self, credentials: Credentials, binding: Binding) -> None:
        self._credentials, self._port = credentials, binding.database.port
        self._schema = binding.database.schema
        self._ledger = _name(binding.database.schema, binding.database.table)
        self._site = binding.site
        self._schemas = {binding.site.schema, binding.database.schema}
        self._lineage = f"{binding.database.schema}.{LINEAGE}"

    def address(self, ip: str) -> str:
        """`IP:port` of a database pod. Of a pod without an IP it is one at which nothing can be reached."""
        return f"[{ip}]:{self._port}" if ":" in ip else f"{ip}:{self._port}"

    @contextmanager
    def connect(self, address: str, deadline_s: float) -> Iterator[Connection]:
        """A connection in autocommit mode to `IP:port`, all of whose use has to end within `deadline_s` seconds.

        No schema is chosen: a server that has lost them all is reached as well. Raises NoDatabase when no connection
        comes about, or for what went wrong in its use.
        """
        known = self._credentials
        host, _, port = address.rpartition(":")
        if not host:
            # An empty host would mean this machine.
            raise NoDatabase("no address")
        connection: Connection = pymysql.Connection(
            user=known.ledger_user,
            password=known.ledger_password,
            autocommit=True,
            # PyMySQL would load all of the system's certificates anew for each connection: 30 ms of CPU.
            ssl_disabled=True,
            defer_connect=True,
        )
        try:
            connection.connect(_Socket(host, int(port), deadline_s))
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
        statement = f"INSERT INTO {self._ledger} (token, writer, seq) VALUES (%s, %s, %s)"  # noqa: S608
        try:
            with self.connect(address, deadline_s) as connection:
                return _insert(connection, statement, (token, writer, seq))
        except NoDatabase as error:
            return Written("fail", str(error))

    def read_only(self, address: str, deadline_s: float) -> bool:
        """Whether the server refuses ordinary users' writes. Raises NoDatabase without an answer in time."""
        with self.connect(address, deadline_s) as connection:
            return dialects.switched_on(_one(connection, dialect(connection).read_only)["it"])

    def replication(self, connection: Connection) -> Replication:
        """How the server on the other end replicates."""
        said = _one(connection, dialect(connection).read_only)
        row = _maybe(connection, dialect(connection).replica_status)
        source = dialects.replica_of(row) if row else None
        return Replication(
            read_only=dialects.switched_on(said["it"]),
            gtid=position(connection),
            super_read_only=dialects.switched_on(said["super"]) if "super" in said else None,
            io_running=source.io if source else None,
            sql_running=source.sql if source else None,
            lag_s=source.lag_s if source else None,
            source=source.host if source else None,
            last_error=source.last_error if source else None,
        )

    def ledger(self, connection: Connection) -> Iterator[tuple[int, str]]:
        """All rows of the ledger as (id, token), in the order of their ids; none where there is no such table.

        The token of a row is empty where its other columns contradict it: the row is torn.
        """
        statement = f"SELECT id, {_WHOLE_ROW} FROM {self._ledger} WHERE id > %s ORDER BY id LIMIT %s"  # noqa: S608
        after = 0
        while True:
            rows = _rows(connection, statement, (after, _BATCH))
            for row in rows:
                yield int(row[0]), str(row[1])
            if len(rows) < _BATCH:
                return
            after = int(rows[-1][0])

    def has(self, connection: Connection, token: str) -> bool:
        """Whether the ledger holds a row with this token."""
        return bool(_rows(connection, f"SELECT 1 AS it FROM {self._ledger} WHERE token = %s", (token,)))  # noqa: S608

    def snapshot(self, connection: Connection) -> str:
        """Let all later reads see this one moment; the position of that moment.

        Empty where something was written all the time, so that nobody can say which position it has.
        """
        for _ in range(_SNAPSHOTS):
            before = position(connection)
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            if position(connection) == before:
                return before
        return ""

    def tables(self, connection: Connection, left_out: Collection[str] = ()) -> dict[str, str]:
        """What each table of the site and of the ledger's schema holds, as `COUNT:BIT_XOR` by `schema.table`.

        Those in `left_out`, as `too_large` names them, are not read.
        """
        return tables.sums(connection, self._schemas, (self._lineage,), left_out)

    def too_large(self, connection: Connection) -> frozenset[str]:
        """The tables that are too large to be read, by what this server takes their sizes for."""
        return tables.too_large(connection, self._schemas, (self._lineage,))

    def posts(self, connection: Connection) -> list[tuple[int, str]]:
        """All published WordPress posts as (id, title); none where there is no such table.

        The title of a post that bears a token of ours is empty where its content does not say the token, or the other
        way round: it is torn. One that nobody gave a title is `untitled ID`.
        """
        return self._posts(connection, _WHOLE_POST, "post_status = 'publish' AND post_type = 'post'")

    def uploads(self, connection: Connection) -> list[tuple[int, str]]:
        """All that WordPress has entered of uploads of ours as (id, token); none where there is no such table."""
        attachments = "post_status = 'inherit' AND post_type = 'attachment'"
        return self._posts(connection, _UPLOADS_TOKEN, f"{attachments} AND post_title REGEXP {_UPLOAD}")

    def _posts(self, connection: Connection, what: str, where: str) -> list[tuple[int, str]]:
        statement = f"SELECT ID, {what} FROM {self._table('posts')} WHERE {where} ORDER BY ID"  # noqa: S608
        return [(int(row[0]), str(row[1])) for row in _rows(connection, statement, ())]

    def has_posts(self, connection: Connection) -> bool:
        """Whether WordPress's table of posts is there and has any."""
        return bool(_rows(connection, f"SELECT 1 AS it FROM {self._table('posts')} LIMIT 1", ()))  # noqa: S608

    def seed_hash(self, connection: Connection, ids: tuple[int, ...]) -> str:
        """Number and content of these posts as `COUNT:BIT_XOR`, a sum that does not depend on the order of rows."""
        marks = ", ".join(["%s"] * len(ids))
        columns = "ID, post_title, post_content, post_status, post_name"
        return _hash(connection, columns, f"{self._table('posts')} WHERE ID IN ({marks})", ids)

    def options_hash(self, connection: Connection) -> str:
        """The settings that make the site this one and that nothing changes while it runs, as `COUNT:BIT_XOR`."""
        names = ("siteurl", "home", "blogname", "template", "stylesheet", "permalink_structure")
        marks = ", ".join(["%s"] * len(names))
        rows = f"{self._table('options')} WHERE option_name IN ({marks})"
        return _hash(connection, "option_name, option_value", rows, names)

    def users_hash(self, connection: Connection) -> str:
        """The site's users as `COUNT:BIT_XOR`, without their passwords: WordPress may hash those anew at a login."""
        return _hash(connection, "ID, user_login, user_email", self._table("users"))

    def _table(self, name: str) -> str:
        return _name(self._site.schema, self._site.prefix + name)


def _name(*parts: str) -> str:
    """A table's name, whatever is in it, for a statement that is run with arguments (so `%` is doubled)."""
    return tables.quoted(*parts).replace("%", "%%")


def _insert(connection: Connection, statement: str, row: tuple[str, str, int]) -> Written:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, row)
            return Written("ok", key=int(cursor.lastrowid))
    except (pymysql.MySQLError, OSError, *_GARBLED) as error:
        refused = isinstance(error, pymysql.MySQLError) and bool(error.args) and error.args[0] in _REFUSED
        return Written("fail" if refused else "info", reason(error))


def reason(error: Exception) -> str:
    """A word or two for the reports: a known condition by name, else the server's own number."""
    if isinstance(error, reach.NoWay | TimeoutError) or "timed out" in str(error):
        return reach.NO_WAY if isinstance(error, reach.NoWay) else "timeout"
    if "Connection refused" in str(error):
        return "refused"
    if "unreachable" in str(error) or "No route" in str(error):
        return "unreachable"
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    return type(error).__name__ if number is None else _CALLED.get(number, f"error {number}")


def position(connection: Connection) -> str:
    """How far the server has applied changes: by GTIDs, or where it has none as `FILE:OFFSET` in the source's log."""
    words = dialect(connection)
    gtid = str(_one(connection, words.position)["it"] or "").replace("\n", "")
    if gtid:
        return gtid
    replica = _maybe(connection, words.replica_status)
    if replica:
        return dialects.replica_of(replica).applied
    own = _maybe(connection, words.source_status)
    return dialects.end_of_log(own) if own else ""


def dialect(connection: Connection) -> Dialect:
    """The words of the server on the other end."""
    return dialects.dialect(str(connection.get_server_info()))  # type: ignore[no-untyped-call]


def _hash(connection: Connection, columns: str, rows: str, arguments: tuple[Any, ...] = ()) -> str:
    content = f"BIT_XOR(CRC32(CONCAT_WS('#', {columns})))"
    found = _rows(connection, f"SELECT COUNT(*) AS n, {content} AS x FROM {rows}", arguments)  # noqa: S608
    return f"{found[0][0]}:{found[0][1]:x}" if found else "missing (no such table)"


def _rows(connection: Connection, statement: str, arguments: tuple[Any, ...]) -> Sequence[tuple[Any, ...]]:
    """What a statement finds: nothing on a server that does not have the table, such as one that started empty."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return tuple(cursor.fetchall())
    except pymysql.MySQLError as error:
        if error.args and error.args[0] in _NO_SUCH_THING:
            return ()
        raise


def _one(connection: Connection, statement: str, arguments: tuple[Any, ...] | None = None) -> Row:
    row = _maybe(connection, statement, arguments)
    if row is None:
        raise NoDatabase(f"no answer to {statement}")
    return row


def _maybe(connection: Connection, statement: str, arguments: tuple[Any, ...] | None = None) -> Row | None:
    with connection.cursor(DictCursor) as cursor:
        cursor.execute(statement, arguments)
        row = cursor.fetchone()
    return dict(row) if row else None
