"""Each server is spoken to in its own words, and what it answers is read alike; positions are compared by meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.stack import dialects
from chaos.stack.dialects import Source, contains, dialect, replica_of, same, subtract

RECORDED = Path(__file__).parent / "recorded"
A, B = "3c1f0e58-7a04-11ee-9d1b-0242ac140002", "9b2d6a10-7a04-11ee-9d1b-0242ac140003"
ORIGINS = ("recorded from a server", "from documentation")
MARIADB_10_4, MARIADB, MARIADB_11 = "10.4.34-MariaDB-log", "5.5.5-10.11.19-MariaDB-0+deb12u1-log", "11.4.5-MariaDB"


def recorded(name: str) -> tuple[str, dict[str, Any]]:
    """The statement of a recorded file, and the row that it gave."""
    _, statement, *lines = (RECORDED / f"{name}.txt").read_text().splitlines()
    pairs = (line.split(":", maxsplit=1) for line in lines)
    return statement, {column: None if value.strip() == "NULL" else value.strip() for column, value in pairs}


def test_every_recorded_output_says_where_it_comes_from() -> None:
    heads = {file.name: file.read_text().splitlines()[0] for file in RECORDED.iterdir()}
    assert len(heads) >= 11
    assert [name for name, head in heads.items() if not head.startswith(ORIGINS)] == []
    assert {name for name, head in heads.items() if head.startswith(ORIGINS[0])} == {
        f"{server}-{what}-status.txt" for server in ("mariadb-10.11", "mysql-9.7") for what in ("replica", "source")
    }


@pytest.mark.parametrize(
    ("version", "replica", "source"),
    [
        ("5.7.44-log", "SHOW SLAVE STATUS", "SHOW MASTER STATUS"),
        ("8.0.21", "SHOW SLAVE STATUS", "SHOW MASTER STATUS"),
        ("8.0.22", "SHOW REPLICA STATUS", "SHOW MASTER STATUS"),
        ("8.0.36-28", "SHOW REPLICA STATUS", "SHOW MASTER STATUS"),
        ("8.0.mysql_aurora.3.04", "SHOW SLAVE STATUS", "SHOW MASTER STATUS"),
        ("8.2.0", "SHOW REPLICA STATUS", "SHOW BINARY LOG STATUS"),
        ("8.4.3", "SHOW REPLICA STATUS", "SHOW BINARY LOG STATUS"),
        ("9.7.4-2", "SHOW REPLICA STATUS", "SHOW BINARY LOG STATUS"),
        (MARIADB_10_4, "SHOW SLAVE STATUS", "SHOW MASTER STATUS"),
        (MARIADB, "SHOW REPLICA STATUS", "SHOW MASTER STATUS"),
        (MARIADB_11, "SHOW REPLICA STATUS", "SHOW MASTER STATUS"),
    ],
)
def test_a_server_is_asked_in_words_that_it_knows(version: str, replica: str, source: str) -> None:
    words = dialect(version)
    assert (words.replica_status, words.source_status) == (replica, source)
    noun = replica.split()[1]
    assert (words.start_replica, words.stop_replica) == (f"START {noun}", f"STOP {noun}")
    assert words.forget_source == f"RESET {noun} ALL"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("mysql-5.7", "5.7.44"),
        ("mysql-8.0", "8.0.36"),
        ("mysql-8.4", "8.4.3"),
        ("mysql-9.7", "9.7.4"),
        ("mariadb-10.11", MARIADB),
        ("mariadb-11.4", MARIADB_11),
    ],
)
def test_the_recorded_statements_are_those_that_are_sent(name: str, version: str) -> None:
    assert recorded(f"{name}-replica-status")[0] == dialect(version).replica_status
    if name != "mariadb-11.4":
        assert recorded(f"{name}-source-status")[0] == dialect(version).source_status


def test_a_version_without_a_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="no server's version"):
        dialect("MariaDB")


def test_mariadb_is_told_from_a_mysql_of_the_same_number() -> None:
    assert (dialect(MARIADB).family, dialect(MARIADB).version) == ("mariadb", (10, 11, 19))
    assert (dialect("5.7.44").family, dialect("5.7.44").version) == ("mysql", (5, 7, 44))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mysql-5.7", Source("mysql-0.mysql", "Yes", "No", None, "Could not execute Write", "mysql-0-bin.000003:1033")),
        ("mysql-8.0", Source("mysql-0.mysql", "Yes", "Yes", 0, None, "binlog.000002:2310")),
        ("mysql-8.4", Source("mysql-0.mysql", "Connecting", "Yes", None, "Error reconnecting", "binlog.000002:2310")),
        ("mariadb-11.4", Source("mysql-0.mysql", "Yes", "Yes", 6, None, "mariadb-bin.000001:900")),
    ],
)
def test_a_replicas_state_is_read_alike_in_every_dialect(name: str, expected: Source) -> None:
    _, row = recorded(f"{name}-replica-status")
    source = replica_of(row)
    assert (source.host, source.io, source.sql, source.lag_s) == (
        expected.host,
        expected.io,
        expected.sql,
        expected.lag_s,
    )
    assert (source.last_error or "").startswith(expected.last_error or "")
    assert bool(source.last_error) == bool(expected.last_error)
    assert source.applied == expected.applied


@pytest.mark.parametrize("name", ["mysql-9.7", "mariadb-10.11"])
def test_what_real_servers_said_of_a_drained_replica_is_understood(name: str) -> None:
    source = replica_of(recorded(f"{name}-replica-status")[1])
    assert (source.io, source.sql, source.lag_s, source.last_error) == ("Yes", "Yes", 0, None)
    assert source.host
    assert same(source.applied, dialects.end_of_log(recorded(f"{name}-source-status")[1]))


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("mysql-5.7", "mysql-0-bin.000003:4821"),
        ("mysql-8.0", "binlog.000002:2310"),
        ("mysql-8.4", "binlog.000002:2310"),
    ],
)
def test_the_end_of_a_log_is_read_alike_in_every_dialect(name: str, end: str) -> None:
    assert dialects.end_of_log(recorded(f"{name}-source-status")[1]) == end


def test_a_row_that_lacks_all_that_is_asked_is_no_state_and_no_place() -> None:
    assert replica_of({}) == Source(None, None, None, None, None, "")
    assert dialects.end_of_log({}) == ""


def test_only_mysql_has_super_read_only() -> None:
    assert "super_read_only" in dialect("5.7.44").read_only
    assert "super_read_only" not in dialect(MARIADB).read_only
    assert dialect("9.7.4").set_read_only(on=True) == (
        "SET GLOBAL super_read_only = ON",
        "SET GLOBAL read_only = ON",
    )
    assert dialect(MARIADB).set_read_only(on=False) == ("SET GLOBAL read_only = OFF",)


@pytest.mark.parametrize(("value", "on"), [(0, False), (1, True), ("OFF", False), ("ON", True), ("NO_LOCK", True)])
def test_read_only_is_a_number_or_a_word(value: Any, on: bool) -> None:
    assert dialects.switched_on(value) is on


def test_what_is_neither_on_nor_off_is_an_error() -> None:
    with pytest.raises(ValueError, match="perhaps"):
        dialects.switched_on("perhaps")


@pytest.mark.parametrize(
    ("version", "position", "identity"),
    [
        ("5.7.44", "gtid_executed", "server_uuid"),
        ("9.7.4", "gtid_executed", "server_uuid"),
        (MARIADB, "gtid_current_pos", "server_id"),
        (MARIADB_11, "gtid_current_pos", "server_id"),
    ],
)
def test_positions_and_identities_have_their_own_variables(version: str, position: str, identity: str) -> None:
    assert position in dialect(version).position
    assert identity in dialect(version).identity


@pytest.mark.parametrize(
    ("version", "statement"),
    [
        (
            "5.7.44",
            "CHANGE MASTER TO MASTER_HOST = %s, MASTER_PORT = %s, MASTER_USER = %s, MASTER_PASSWORD = %s,"
            " MASTER_AUTO_POSITION = 1",
        ),
        (
            "8.0.22",
            "CHANGE MASTER TO MASTER_HOST = %s, MASTER_PORT = %s, MASTER_USER = %s, MASTER_PASSWORD = %s,"
            " MASTER_AUTO_POSITION = 1, GET_MASTER_PUBLIC_KEY = 1",
        ),
        (
            "8.4.3",
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = %s, SOURCE_PORT = %s, SOURCE_USER = %s, SOURCE_PASSWORD = %s,"
            " SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1",
        ),
        (
            MARIADB,
            "CHANGE MASTER TO MASTER_HOST = %s, MASTER_PORT = %s, MASTER_USER = %s, MASTER_PASSWORD = %s,"
            " MASTER_USE_GTID = slave_pos",
        ),
    ],
)
def test_a_replica_is_given_its_source_in_its_own_words(version: str, statement: str) -> None:
    assert dialect(version).change_source("mysql-0", 3306, "repl", "word") == (
        statement,
        ("mysql-0", 3306, "repl", "word"),
    )


@pytest.mark.parametrize(
    ("version", "position", "expected"),
    [
        ("5.7.44", f"{A}:1-5", ("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s) AS it", (f"{A}:1-5", 10))),
        (MARIADB, "0-1-7", ("SELECT MASTER_GTID_WAIT(%s, %s) AS it", ("0-1-7", 10))),
        ("5.7.44", "bin.000003:154", ("SELECT MASTER_POS_WAIT(%s, %s, %s) AS it", ("bin.000003", 154, 10))),
        ("8.0.25", "bin.000003:154", ("SELECT MASTER_POS_WAIT(%s, %s, %s) AS it", ("bin.000003", 154, 10))),
        ("8.0.26", "bin.000003:154", ("SELECT SOURCE_POS_WAIT(%s, %s, %s) AS it", ("bin.000003", 154, 10))),
        (MARIADB, "bin.000003:154", ("SELECT MASTER_POS_WAIT(%s, %s, %s) AS it", ("bin.000003", 154, 10))),
    ],
)
def test_a_position_is_waited_for_with_the_function_of_its_kind(version: str, position: str, expected: Any) -> None:
    assert dialect(version).wait_for(position, 10) == expected


@pytest.mark.parametrize(("version", "position"), [("9.7.4", "0-1-7"), (MARIADB, f"{A}:1-5"), (MARIADB, "")])
def test_a_position_of_another_kind_of_server_is_not_waited_for(version: str, position: str) -> None:
    with pytest.raises(ValueError, match="no position of"):
        dialect(version).wait_for(position, 10)


@pytest.mark.parametrize(
    ("position", "answer", "meaning"),
    [
        (f"{A}:1-5", 0, "reached"),
        (f"{A}:1-5", 1, "timeout"),
        ("0-1-7", 0, "reached"),
        ("0-1-7", -1, "timeout"),
        ("bin.000003:154", 0, "reached"),
        ("bin.000003:154", 1, "reached"),
        ("bin.000003:154", -1, "timeout"),
        ("bin.000003:154", None, "stopped"),
    ],
)
def test_one_functions_success_is_anothers_time_out(position: str, answer: int | None, meaning: str) -> None:
    assert dialects.waited(position, answer) == meaning


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{A}:1-5", f"{A.upper()}:1-5"),
        (f"{A}:1-5,{B}:1-3", f"{B}:1-3,\n{A}:1-5"),
        (f"{A}:1-3:4-5", f"{A}:1-5"),
        (f"{A}:1-5:bulk:1-2", f"{A}:bulk:1-2,{A}:1-5"),
        ("0-1-7,1-2-9", "1-2-9, 0-1-7"),
        ("bin.000003:154", "bin.000003:154"),
        ("", ""),
        (None, None),
        ("not known", "not known"),
    ],
)
def test_a_position_means_the_same_however_it_is_written(one: str | None, other: str | None) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{A}:1-5", f"{A}:1-6"),
        (f"{A}:1-5", f"{B}:1-5"),
        (f"{A}:1-5", f"{A}:bulk:1-5"),
        ("0-1-7", "0-1-8"),
        ("0-1-7", "0-2-7"),
        ("0-1-7", f"{A}:1-7"),
        ("bin.000003:154", "bin.000004:154"),
        ("", "0-1-7"),
        (None, ""),
        ("not known", "0-1-7"),
    ],
)
def test_other_positions_are_not_the_same(one: str | None, other: str | None) -> None:
    assert not same(one, other)


@pytest.mark.parametrize(
    ("position", "other", "left"),
    [
        (f"{A}:1-10", f"{A}:3-4:8", f"{A}:1-2:5-7:9-10"),
        (f"{A}:1-5,{B}:1", f"{A}:1-9", f"{B}:1"),
        (f"{A}:1-5", f"{A}:1-5", ""),
        (f"{A}:1-5:bulk:1-2", f"{A}:1-5", f"{A}:bulk:1-2"),
        (f"{A}:1-5", "", f"{A}:1-5"),
        ("", f"{A}:1-5", ""),
        ("0-1-7,1-2-9", "0-1-8,1-2-8", "1-2-9"),
        ("0-2-7", "0-1-7", "0-2-7"),
        ("0-1-7", "1-1-7", "0-1-7"),
        ("bin.000003:154", "bin.000004:4", ""),
        ("bin.000010:154", "bin.000009:900", "bin.000010:154"),
        ("bin.000003:154", "other.000004:4", "bin.000003:154"),
    ],
)
def test_what_one_position_has_and_another_has_not(position: str, other: str, left: str) -> None:
    assert subtract(position, other) == left
    assert contains(other, position) is (left == "")


@pytest.mark.parametrize("text", ["not known", f"{A}:x-y", f"{A}:1-5,0-1-7", "bin:5", "bin.000001:5,bin.000002:6"])
def test_what_is_no_position_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no position"):
        contains(text, "0-1-7")


def test_positions_of_different_servers_cannot_contain_each_other() -> None:
    with pytest.raises(ValueError, match="different kinds"):
        contains("0-1-7", f"{A}:1-5")


_SETS = st.dictionaries(st.sampled_from([A, B]), st.sets(st.integers(1, 12), min_size=1), min_size=1)


def _text(numbers: dict[str, set[int]]) -> str:
    return ",".join(":".join([uuid, *map(str, sorted(each))]) for uuid, each in numbers.items())


@given(_SETS, _SETS)
def test_sets_are_subtracted_as_sets(one: dict[str, set[int]], other: dict[str, set[int]]) -> None:
    left = {uuid: numbers - other.get(uuid, set()) for uuid, numbers in one.items()}
    assert same(subtract(_text(one), _text(other)), _text({uuid: numbers for uuid, numbers in left.items() if numbers}))
    assert contains(_text(other), _text(one)) is not any(left.values())
