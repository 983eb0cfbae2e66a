"""The client takes names and port from the binding, and asks each server in its own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.stack.binding import Binding
from chaos.stack.credentials import Credentials
from chaos.stack.database import Database, NoDatabase, Replication, position
from chaos.stack.profile import Profile
from tests.unit.monitors.fake_database import FakeDatabase, Rows

MARIADB, MYSQL_5_7, MYSQL_9 = "10.11.11-MariaDB-log", "5.7.44-log", "9.7.4"
UUID = "3c1f0e58-7a04-11ee-9d1b-0242ac140002"
STOPPED = {"Slave_IO_Running": "Yes", "Slave_SQL_Running": "No", "Master_Host": "mysql-0"}
APPLIED = {"Relay_Master_Log_File": "bin.000003", "Exec_Master_Log_Pos": 154}

Serve = Callable[[str, dict[str, Rows]], FakeDatabase]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server of that version that answers statements which hold a key with its rows, others with an error."""
    with ExitStack() as running:

        def start(version: str, answers: dict[str, Rows]) -> FakeDatabase:
            def answer(statement: str) -> Rows | None:
                said.append(statement)
                return next((rows for part, rows in answers.items() if part in statement), None)

            said: list[str] = []
            made = FakeDatabase("127.0.0.1", 0, answer, version)
            cast("Any", made).said = said
            running.callback(made.close)
            return made

        yield start


def binding(port: int, **site: Any) -> Binding:
    hardened = Profile.load("hardened").binding
    database = replace(hardened.database, port=port, schema="shop`1", table="led%ser")
    return replace(hardened, database=database, site=replace(hardened.site, **site))


def client(server: FakeDatabase, **site: Any) -> Database:
    known = SimpleNamespace(ledger_user="root", ledger_password="")
    return Database(cast("Credentials", known), binding(server.port, **site))


def replication(server: FakeDatabase) -> Replication:
    database = client(server)
    with database.connect(database.address("127.0.0.1"), 5) as connection:
        return database.replication(connection)


def test_the_ledger_and_the_site_have_the_names_of_the_binding_whatever_is_in_them(serve: Serve) -> None:
    server = serve(MARIADB, {"`shop``1`.`led%ser`": [{"id": 7, "token": "t"}], "posts": [{"ID": 3, "t": "title"}]})
    database = client(server, schema="blog", prefix="a`b%_")
    with database.connect(database.address("127.0.0.1"), 5) as connection:
        assert list(database.ledger(connection)) == [(7, "t")]
        assert database.posts(connection) == [(3, "title")]
    assert "FROM `blog`.`a``b%_posts` WHERE" in cast("Any", server).said[-1]


def test_an_address_has_the_port_of_the_binding_and_none_without_an_ip(serve: Serve) -> None:
    database = client(serve(MARIADB, {}))
    port = database.address("10.0.0.1").rpartition(":")[2]
    assert database.address("fd00::1") == f"[fd00::1]:{port}"
    with pytest.raises(NoDatabase, match="no address"), database.connect(database.address(""), 1):
        pass


@pytest.mark.parametrize("value", [0, 1])
def test_whether_a_server_is_read_only_is_asked_alone(serve: Serve, value: int) -> None:
    server = serve(MARIADB, {"read_only": [{"it": value}]})
    database = client(server)
    assert database.read_only(database.address("127.0.0.1"), 5) is bool(value)
    assert [statement for statement in cast("Any", server).said if statement.startswith("SHOW")] == []


def test_a_server_that_does_not_say_whether_it_is_read_only_is_an_error_and_not_writable(serve: Serve) -> None:
    database = client(serve(MARIADB, {"read_only": [{"it": "perhaps"}]}))
    with pytest.raises(NoDatabase):
        database.read_only(database.address("127.0.0.1"), 5)
    with pytest.raises(NoDatabase, match="refused"):
        database.read_only("127.0.0.9:1", 5)


def test_mysql_9_is_asked_in_the_new_words_and_for_super_read_only(serve: Serve) -> None:
    row = {"Replica_IO_Running": "Yes", "Replica_SQL_Running": "Yes", "Seconds_Behind_Source": 0, "Source_Host": "it"}
    answers: dict[str, Rows] = {
        "super_read_only": [{"it": 1, "super": 1}],
        "gtid_executed": [{"it": f"{UUID}:1-5,\n{UUID}:9"}],
        "SHOW REPLICA STATUS": [row],
    }
    assert replication(serve(MYSQL_9, answers)) == Replication(
        read_only=True,
        gtid=f"{UUID}:1-5,{UUID}:9",
        super_read_only=True,
        io_running="Yes",
        sql_running="Yes",
        lag_s=0,
        source="it",
    )


def test_a_replica_without_gtids_is_as_far_as_it_has_applied_its_sources_log(serve: Serve) -> None:
    answers: dict[str, Rows] = {
        "read_only": [{"it": 0, "super": 0}],
        "gtid_mode": [{"it": ""}],
        "SHOW SLAVE STATUS": [STOPPED | APPLIED],
        "SHOW MASTER STATUS": [{"File": "own.000009", "Position": 4}],
    }
    found = replication(serve(MYSQL_5_7, answers))
    assert (found.gtid, found.sql_running, found.super_read_only) == ("bin.000003:154", "No", False)


def test_a_source_without_gtids_is_at_the_end_of_its_own_log(serve: Serve) -> None:
    answers: dict[str, Rows] = {
        "gtid_mode": [{"it": ""}],
        "SHOW SLAVE STATUS": [],
        "SHOW MASTER STATUS": [{"File": "bin.000003", "Position": 154}],
    }
    database = client(serve(MYSQL_5_7, answers))
    with database.connect(database.address("127.0.0.1"), 5) as connection:
        assert position(connection) == "bin.000003:154"


def test_a_server_without_gtids_and_without_a_log_has_no_position(serve: Serve) -> None:
    database = client(serve(MARIADB, {"gtid_current_pos": [{"it": ""}], "SHOW": []}))
    with database.connect(database.address("127.0.0.1"), 5) as connection:
        assert position(connection) == ""
