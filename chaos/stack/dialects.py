"""How MySQL 5.7, 8.0, 8.4, 9 and MariaDB name the same things, and what their positions mean. Nothing here does I/O.

Sources: MySQL's reference manuals 5.7 to 9 (replication statements, GTID functions), MariaDB's knowledge base, and
what both said when asked (tests/unit/recorded).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Row = Mapping[str, Any]
Statement: TypeAlias = tuple[str, tuple[Any, ...]]
"""A statement with `%s` marks, and what belongs there."""

_VERSION = re.compile(r"(?:5\.5\.5-)?(\d+)\.(\d+)(?:\.(\d+))?")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_INTERVAL = re.compile(r"(\d+)(?:-(\d+))?")
_TAG = re.compile(r"[a-z_][a-z0-9_]{0,31}", re.IGNORECASE)
_MARIADB = re.compile(r"(\d+)-(\d+)-(\d+)")
_COORDINATES = re.compile(r"(.+)\.(\d+):(\d+)")

# The versions of MySQL from which on a new word is known. 8.4 no longer knows the old ones.
_REPLICA = (8, 0, 22)
_CHANGE_SOURCE = (8, 0, 23)
_SOURCE_POS_WAIT = (8, 0, 26)
_BINARY_LOG_STATUS = (8, 2, 0)
# The version from which on a password may need the server's public key.
_PUBLIC_KEY = (8, 0, 4)
# MariaDB knows the new words as well from here on; the columns keep their old names.
_REPLICA_OF_MARIADB = (10, 5, 1)


@dataclass(frozen=True)
class Dialect:
    """The words of one server."""

    family: Literal["mysql", "mariadb"]
    version: tuple[int, int, int]

    @property
    def replica_status(self) -> str:
        """Asks a replica for its state: a row for `replica_of`; no row from a server that has no source."""
        return f"SHOW {self._replica} STATUS"

    @property
    def source_status(self) -> str:
        """Asks for the end of the server's own binary log; no row without one. `end_of_log` reads it."""
        new = self.family == "mysql" and self.version >= _BINARY_LOG_STATUS
        return "SHOW BINARY LOG STATUS" if new else "SHOW MASTER STATUS"

    @property
    def read_only(self) -> str:
        """Asks for `it`: whether ordinary users may not write; and for `super`, where there is such a thing."""
        more = ", @@global.super_read_only AS super" if self.has_super_read_only else ""
        return f"SELECT @@global.read_only AS it{more}"

    @property
    def has_super_read_only(self) -> bool:
        """Whether the server can refuse its administrators' writes too. MariaDB's root always writes."""
        return self.family == "mysql"

    @property
    def position(self) -> str:
        """Asks for `it`: the GTID position up to which changes have been applied; empty where GTIDs are off."""
        if self.family == "mariadb":
            return "SELECT @@global.gtid_current_pos AS it"
        # What was executed before GTIDs were switched off no longer moves.
        return "SELECT IF(@@global.gtid_mode LIKE 'OFF%', '', @@global.gtid_executed) AS it"

    @property
    def identity(self) -> str:
        """Asks for `it`: what tells this server from the others of its topology."""
        return f"SELECT @@global.{'server_id' if self.family == 'mariadb' else 'server_uuid'} AS it"

    @property
    def start_replica(self) -> str:
        """Starts both of a replica's threads."""
        return f"START {self._replica}"

    @property
    def stop_replica(self) -> str:
        """Stops both of a replica's threads."""
        return f"STOP {self._replica}"

    @property
    def forget_source(self) -> str:
        """Makes a stopped replica a server without a source."""
        return f"RESET {self._replica} ALL"

    def set_read_only(self, on: bool) -> tuple[str, ...]:
        """Refuses writes, those of administrators too where that can be said, or takes them again."""
        value = "ON" if on else "OFF"
        names = ("super_read_only", "read_only") if self.has_super_read_only else ("read_only",)
        return tuple(f"SET GLOBAL {name} = {value}" for name in names)

    def change_source(self, host: str, port: int, user: str, password: str) -> Statement:
        """Tells a stopped replica where its source is; where to begin they find out by their GTIDs."""
        new = self.family == "mysql" and self.version >= _CHANGE_SOURCE
        prefix = "SOURCE" if new else "MASTER"
        values: dict[str, Any] = {"HOST": host, "PORT": port, "USER": user, "PASSWORD": password}
        options = [f"{prefix}_{name} = %s" for name in values]
        if self.family == "mariadb":
            options.append("MASTER_USE_GTID = slave_pos")
        else:
            options.append(f"{prefix}_AUTO_POSITION = 1")
            if self.version >= _PUBLIC_KEY:
                # Without TLS caching_sha2_password sends the password under the source's own key.
                options.append(f"GET_{prefix}_PUBLIC_KEY = 1")
        command = "CHANGE REPLICATION SOURCE TO" if new else "CHANGE MASTER TO"
        return f"{command} {', '.join(options)}", tuple(values.values())

    def wait_for(self, position: str, timeout_s: int) -> Statement:
        """Waits on a replica for `it`, which `waited` reads, until it has applied `position`, 1 s at least.

        Raises ValueError for a position that this server can't wait for.
        """
        wanted = _parsed(position)
        if isinstance(wanted, _Coordinates):
            new = self.family == "mysql" and self.version >= _SOURCE_POS_WAIT
            function = f"{'SOURCE' if new else 'MASTER'}_POS_WAIT(%s, %s, %s)"
            return f"SELECT {function} AS it", (wanted.file, wanted.offset, max(1, timeout_s))
        kinds = {"mysql": (_Executed, "WAIT_FOR_EXECUTED_GTID_SET"), "mariadb": (_Domains, "MASTER_GTID_WAIT")}
        kind, function = kinds[self.family]
        if not isinstance(wanted, kind):
            raise ValueError(f"no position of {self.family}: {position!r}")  # noqa: TRY004 - what is in it is wrong
        return f"SELECT {function}(%s, %s) AS it", (position, max(1, timeout_s))

    @property
    def _replica(self) -> str:
        since = _REPLICA if self.family == "mysql" else _REPLICA_OF_MARIADB
        return "REPLICA" if self.version >= since else "SLAVE"


def dialect(version: str) -> Dialect:
    """The dialect of a server that greets with this version, e.g. `5.5.5-10.11.11-MariaDB-log` or `8.4.3`.

    Raises ValueError when it has no number.
    """
    numbers = _VERSION.match(version)
    if numbers is None:
        raise ValueError(f"no server's version: {version!r}")
    major, minor, patch = (int(each or 0) for each in numbers.groups())
    return Dialect("mariadb" if "mariadb" in version.lower() else "mysql", (major, minor, patch))


@dataclass(frozen=True)
class Source:
    """What a replica says of its replication. `applied` = up to where in the source's log, as `FILE:OFFSET`.

    `io` and `sql` are its threads' states as the server words them (`Yes`, `No`, `Connecting`, `Preparing`); `lag_s`
    is None when it is not known.
    """

    host: str | None
    io: str | None
    sql: str | None
    lag_s: int | None
    last_error: str | None
    applied: str


def replica_of(row: Row) -> Source:
    """Reads a row of SHOW REPLICA STATUS or SHOW SLAVE STATUS, whatever its columns are called."""
    words = {name.replace("Slave", "Replica").replace("Master", "Source"): value for name, value in row.items()}
    lag = words.get("Seconds_Behind_Source")
    return Source(
        host=words.get("Source_Host"),
        io=words.get("Replica_IO_Running"),
        sql=words.get("Replica_SQL_Running"),
        lag_s=None if lag is None else int(lag),
        last_error=words.get("Last_IO_Error") or words.get("Last_SQL_Error") or None,
        applied=_coordinates(words.get("Relay_Source_Log_File"), words.get("Exec_Source_Log_Pos")),
    )


def end_of_log(row: Row) -> str:
    """Reads a row of `source_status`, as `FILE:OFFSET`."""
    return _coordinates(row.get("File"), row.get("Position"))


def switched_on(value: Any) -> bool:
    """Reads @@read_only: a number, from MariaDB 12 on one of several words. Raises ValueError for others."""
    text = str(value).upper()
    if text in {"0", "OFF", "FALSE"}:
        return False
    if text in {"1", "ON", "TRUE"} or text.startswith("NO_LOCK"):
        return True
    raise ValueError(f"neither on nor off: {value!r}")


def waited(position: str, answer: int | None) -> Literal["reached", "timeout", "stopped"]:
    """What the answer of `wait_for` means: one function returns 1 for a time-out, others -1, and None when stopped."""
    if answer is None:
        return "stopped"
    timeout = 1 if isinstance(_parsed(position), _Executed) else -1
    return "timeout" if answer == timeout else "reached"


def same(one: str | None, other: str | None) -> bool:
    """Whether two positions mean the same, however they are written. What is no position is only the same as itself."""
    if one is None or other is None:
        return one is other
    try:
        return _parsed(one) == _parsed(other)
    except ValueError:
        return one == other


def is_gtid(position: str) -> bool:
    """Whether a position counts transactions, the same on all servers, and is no place in one server's log."""
    try:
        return isinstance(_parsed(position), (_Executed, _Domains))
    except ValueError:
        return False


def is_place(position: str) -> bool:
    """Whether a position is a place in one server's log (`FILE:OFFSET`)."""
    try:
        return isinstance(_parsed(position), _Coordinates)
    except ValueError:
        return False


def reached(whole: str, part: str) -> bool | None:
    """As `contains`; None for what can't be compared: no position, none at all, different kinds, or another log."""
    try:
        mine, theirs = _parsed(whole), _parsed(part)
        if isinstance(mine, _Coordinates) and isinstance(theirs, _Coordinates) and mine.name != theirs.name:
            return None
        return None if mine is None or theirs is None else contains(whole, part)
    except ValueError:
        return None


def contains(whole: str, part: str) -> bool:
    """Whether a server at `whole` has all that one at `part` has, as far as positions tell.

    Raises ValueError for what is no position, and for two of different kinds.
    """
    return not subtract(part, whole)


def subtract(position: str, other: str) -> str:
    """What is in `position` and not in `other`, empty if nothing: GTID_SUBTRACT, for positions of each kind.

    MariaDB's position names a domain's last transaction only. One at the same number from another server is not in it;
    two histories that parted before that can't be told. Raises ValueError as `contains`.
    """
    left, right = _parsed(position), _parsed(other)
    if left is None or right is None:
        return position if left is not None else ""
    if isinstance(left, _Executed) and isinstance(right, _Executed):
        return str(left.without(right))
    if isinstance(left, _Domains) and isinstance(right, _Domains):
        return str(left.without(right))
    if isinstance(left, _Coordinates) and isinstance(right, _Coordinates):
        return "" if left.within(right) else str(left)
    raise ValueError(f"positions of different kinds: {position!r}, {other!r}")


def moved_on(position: str, later: str) -> bool:
    """Whether a server at `position` comes to `later` by more of what the servers in `position` wrote alone.

    So a replica that is ahead of what its primary was read at is told from one that took a write of its own, which
    bears its own name. False for what is no position, and for two of different kinds.
    """
    try:
        old, new = _parsed(position), _parsed(later)
    except ValueError:
        return False
    if isinstance(old, _Executed) and isinstance(new, _Executed):
        more, less = new.without(old), old.without(new)
        return bool(more.intervals) and not less.intervals and more.intervals.keys() <= old.intervals.keys()
    if isinstance(old, _Domains) and isinstance(new, _Domains):
        pairs = [(one, new.last.get(domain, (-1, -1))) for domain, one in old.last.items()]
        same_servers = old.last.keys() == new.last.keys() and all(one[0] == other[0] for one, other in pairs)
        return same_servers and old != new and all(one[1] <= other[1] for one, other in pairs)
    if isinstance(old, _Coordinates) and isinstance(new, _Coordinates):
        return old != new and old.within(new)
    return False


@dataclass(frozen=True)
class _Executed:
    """MySQL's set, e.g. `UUID:1-5:7,UUID:TAG:1-3`: intervals in order, of one server (and tag) each."""

    intervals: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def without(self, other: _Executed) -> _Executed:
        left = {key: _minus(mine, other.intervals.get(key, ())) for key, mine in self.intervals.items()}
        return _Executed({key: rest for key, rest in left.items() if rest})

    def __str__(self) -> str:
        return ",".join(
            ":".join([key, *(str(low) if low == high else f"{low}-{high}" for low, high in intervals)])
            for key, intervals in sorted(self.intervals.items())
        )


@dataclass(frozen=True)
class _Domains:
    """MariaDB's position, e.g. `0-1-7,1-2-9`: of each domain the last transaction's server and number."""

    last: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def without(self, other: _Domains) -> _Domains:
        left = {}
        for domain, (server, number) in self.last.items():
            theirs = other.last.get(domain)
            if theirs is None or theirs[1] < number or (theirs[1] == number and theirs[0] != server):
                left[domain] = (server, number)
        return _Domains(left)

    def __str__(self) -> str:
        return ",".join(f"{domain}-{server}-{number}" for domain, (server, number) in sorted(self.last.items()))


@dataclass(frozen=True)
class _Coordinates:
    """A place in the source's log, for servers without GTIDs."""

    name: str
    number: str
    offset: int

    @property
    def file(self) -> str:
        return f"{self.name}.{self.number}"

    def within(self, other: _Coordinates) -> bool:
        mine, theirs = (int(self.number), self.offset), (int(other.number), other.offset)
        return self.name == other.name and mine <= theirs

    def __str__(self) -> str:
        return f"{self.file}:{self.offset}"


def _parsed(text: str) -> _Executed | _Domains | _Coordinates | None:
    """Raises ValueError for what is no position; None for the empty one, which is of every kind."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        return None
    if all(_MARIADB.fullmatch(part) for part in parts):
        last: dict[int, tuple[int, int]] = {}
        for part in parts:
            domain, server, number = (int(each) for each in part.split("-"))
            last[domain] = max(last.get(domain, (0, -1)), (server, number), key=lambda each: each[1])
        return _Domains(last)
    if all(_UUID.match(part) for part in parts):
        return _executed(parts, text)
    place = _COORDINATES.fullmatch(parts[0])
    if place is None or len(parts) > 1:
        raise ValueError(f"no position: {text!r}")
    return _Coordinates(place[1], place[2], int(place[3]))


def _executed(parts: list[str], text: str) -> _Executed:
    found: dict[str, list[tuple[int, int]]] = {}
    for part in parts:
        uuid, *rest = (each.strip().lower() for each in part.split(":"))
        key = uuid
        for each in rest:
            interval = _INTERVAL.fullmatch(each)
            if interval is not None:
                found.setdefault(key, []).append((int(interval[1]), int(interval[2] or interval[1])))
            elif _TAG.fullmatch(each):
                key = f"{uuid}:{each}"
            else:
                raise ValueError(f"no position: {text!r}")
    return _Executed({key: _merged(intervals) for key, intervals in found.items()})


def _merged(intervals: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _minus(mine: tuple[tuple[int, int], ...], theirs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    left = list(mine)
    for low, high in theirs:
        cut = [((start, min(end, low - 1)), (max(start, high + 1), end)) for start, end in left]
        left = [(start, end) for pair in cut for start, end in pair if start <= end]
    return tuple(sorted(set(left)))


def _coordinates(file: Any, offset: Any) -> str:
    return f"{file}:{offset}" if file else ""
