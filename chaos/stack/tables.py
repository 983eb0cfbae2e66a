"""What all tables of a schema hold on one server, each as a sum that does not depend on the order of its rows.

Number of rows and BIT_XOR of CRC32 over the columns, with a mark for each NULL, as pt-table-checksum has it: CHECKSUM
TABLE differs between versions of the server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

import pymysql
from pymysql.constants import ER

from chaos.history import TOO_LARGE

Connection: TypeAlias = "pymysql.Connection[Any]"

CHUNK = 5000
"""So many rows are summed up at a time, in the order of the primary key, where that is one number."""

MOST_BYTES = 64 << 20
"""Of larger schemas the smallest tables are read, up to so much: a reading may not take as long as a step.

The sizes are estimates that differ from server to server, so one of them decides for all.
"""

_NOT_THERE = "can't be read (no such table)"
_ALL_TABLES = (
    "SELECT table_schema, table_name, COALESCE(data_length, 0) FROM information_schema.tables"
    " WHERE table_type = 'BASE TABLE' AND table_schema IN ({marks}) ORDER BY 3, table_schema, table_name"
)
_COLUMNS = (
    "SELECT table_schema, table_name, column_name, data_type, column_key FROM information_schema.columns"
    " WHERE table_schema IN ({marks}) ORDER BY table_schema, table_name, ordinal_position"
)
_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")

Column: TypeAlias = tuple[str, str, str]
"""Name, type, and `PRI` for one that is in the primary key."""


def too_large(connection: Connection, schemas: Collection[str], without: Collection[str] = ()) -> frozenset[str]:
    """The tables of these schemas, as `schema.table`, that are not to be read anywhere. Raises pymysql's errors."""
    read, found = 0, set()
    for name, size, _ in _tables(connection, schemas):
        if name not in without:
            read += size
            found |= {name} if read > MOST_BYTES else set()
    return frozenset(found)


def sums(
    connection: Connection,
    schemas: Collection[str],
    without: Collection[str] = (),
    left_out: Collection[str] = (),
) -> dict[str, str]:
    """`COUNT:BIT_XOR` by `schema.table` of each table in these schemas but those in `without`.

    Those in `left_out` are said to be too large. Read in the connection's transaction. Raises pymysql's errors.
    """
    names = tuple(sorted(schemas))
    columns: Mapping[str, list[Column]] = defaultdict(list)
    for schema, table, *column in _rows(connection, _COLUMNS.format(marks=_marks(names)), names):
        columns[f"{schema}.{table}"].append((str(column[0]), str(column[1]), str(column[2])))
    found: dict[str, str] = {}
    for name, _, quoted in _tables(connection, schemas):
        if name not in without and columns[name]:
            found[name] = TOO_LARGE if name in left_out else _said(connection, quoted, columns[name])
    return found


def _tables(connection: Connection, schemas: Collection[str]) -> list[tuple[str, int, str]]:
    """Of each table, the smallest first, `schema.table`, about how many bytes it has, and its name for statements."""
    names = tuple(sorted(schemas))
    found = _rows(connection, _ALL_TABLES.format(marks=_marks(names)), names)
    return [(f"{schema}.{table}", int(size), quoted(str(schema), str(table))) for schema, table, size in found]


def _marks(names: Collection[str]) -> str:
    return ", ".join(["%s"] * len(names))


def _said(connection: Connection, table: str, columns: Sequence[Column]) -> str:
    """A table's sum; of one that is listed and not there, which a half copy may have, that it can't be read."""
    try:
        return _sum(connection, table, columns)
    except pymysql.MySQLError as error:
        if error.args and error.args[0] == ER.NO_SUCH_TABLE:
            return _NOT_THERE
        raise


def _sum(connection: Connection, table: str, columns: Sequence[Column]) -> str:
    names = [quoted(name) for name, *_ in columns]
    nulls = ", ".join(f"ISNULL({name})" for name in names)
    content = f"BIT_XOR(CRC32(CONCAT_WS('#', {', '.join(names)}, CONCAT({nulls}))))"
    keys = [(name, kind) for name, kind, key in columns if key == "PRI"]
    if len(keys) != 1 or keys[0][1] not in _INTEGERS:
        ((count, xor),) = _rows(connection, f"SELECT COUNT(*) AS n, {content} AS x FROM {table}")  # noqa: S608
        return f"{count}:{xor:x}"
    key = quoted(keys[0][0])
    total, whole, after = 0, 0, None
    while True:
        where = "" if after is None else f"WHERE {key} > {int(after)}"
        chunk = f"(SELECT * FROM {table} {where} ORDER BY {key} LIMIT {CHUNK}) AS chunk"  # noqa: S608
        found = _rows(connection, f"SELECT COUNT(*) AS n, {content} AS x, MAX({key}) AS k FROM {chunk}")  # noqa: S608
        count, xor, after = found[0]
        total, whole = total + int(count), whole ^ int(xor)
        if int(count) < CHUNK:
            return f"{total}:{whole:x}"


def quoted(*parts: str) -> str:
    """A name for a statement, whatever is in its parts."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def _rows(connection: Connection, statement: str, arguments: tuple[Any, ...] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())
