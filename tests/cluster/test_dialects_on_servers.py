"""A real MariaDB 10.11 and a real MySQL 9.7, a source and a replica each, are spoken to in their own words.

With RECORD_DIALECTS=1 what they say is written to tests/unit/recorded, from where the unit tests read it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from pymysql.cursors import DictCursor

from chaos.cluster.api import Api, connect
from chaos.cluster.local import cluster as clusters
from chaos.cluster.local.images import load, mysql_9, reference
from chaos.cluster.local.namespaces import enter_network
from chaos.progress import PlainProgress
from chaos.stack import dialects
from chaos.stack.binding import Binding, DatabaseBinding, SiteBinding
from chaos.stack.credentials import Credentials
from chaos.stack.database import Connection, Database, NoDatabase, dialect, position
from chaos.stack.dialects import Dialect
from chaos.stack.roles import Controller
from chaos.stack.site import Written
from chaos.stack.stack import Seed, Stack
from embedded import ROOT

NAME = "dialects"
"""A cluster of its own: no other test needs the image."""
RECORDED = ROOT / "tests" / "unit" / "recorded"
START_S = 120.0
DEADLINE_S = 5.0
ROLES = {"database/primary", "database/replica"}
SCHEMA, TABLE = "shop `1`", "led%ser"

_INIT = """\
SET sql_log_bin = 0;
CREATE USER root@'%' IDENTIFIED BY '';
GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
CREATE USER writer@'%' IDENTIFIED BY 'a secret';
GRANT ALL ON `{schema}`.* TO writer@'%';
GRANT {monitor} ON *.* TO writer@'%';
CREATE USER copier@'%' IDENTIFIED BY 'another secret';
GRANT REPLICATION SLAVE ON *.* TO copier@'%';
"""
_START = {
    "mariadb-10.11": "mariadb-install-db --no-defaults --user=mysql --auth-root-authentication-method=normal >&2;"
    " exec mariadbd --no-defaults --gtid-strict-mode=ON",
    "mysql-9.7": "mysqld --no-defaults --user=mysql --initialize-insecure;"
    " exec mysqld --no-defaults --gtid-mode=ON --enforce-gtid-consistency=ON --mysqlx=OFF",
}
_IMAGES = {"mariadb-10.11": reference("database"), "mysql-9.7": reference("mysql-9")}
_MONITOR = {"mariadb-10.11": "BINLOG MONITOR, REPLICA MONITOR", "mysql-9.7": "REPLICATION CLIENT"}


def pod(server: str, number: int) -> dict[str, Any]:
    init = _INIT.format(schema=SCHEMA.replace("`", "``"), monitor=_MONITOR[server])
    start = (
        f'printf "%s" "$INIT" > /tmp/init.sql; chmod 644 /tmp/init.sql; {_START[server]} --user=mysql'
        f" --server-id={number} --log-bin=binlog --init-file=/tmp/init.sql --innodb-buffer-pool-size=64M"
        " --skip-name-resolve --bind-address=0.0.0.0"
    )
    text = f"""
apiVersion: v1
kind: Pod
metadata:
  name: {server.replace(".", "-")}-{number}
  labels: {{app: {server}}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: mysql
      image: {_IMAGES[server]}
      command: [bash, -ec]
      readinessProbe: {{tcpSocket: {{port: 3306}}, periodSeconds: 1}}
"""
    made: dict[str, Any] = yaml.safe_load(text)
    made["spec"]["containers"][0]["command"].append(start)
    made["spec"]["containers"][0]["env"] = [{"name": "INIT", "value": init}]
    return made


def until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.1)


@dataclass
class Pair:
    """A source and its replica. `writer` is the ledger's owner, `root` may do all and has no password."""

    server: str
    stack: Stack
    writer: Database
    root: Database
    source: str
    replica: str

    @contextmanager
    def at(self, address: str, *, as_root: bool = False) -> Iterator[tuple[Connection, Dialect]]:
        with (self.root if as_root else self.writer).connect(address, 30) as connection:
            yield connection, dialect(connection)

    def run(self, address: str, statement: str, arguments: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """Run a statement as root."""
        with self.at(address, as_root=True) as (connection, _), connection.cursor(DictCursor) as cursor:
            cursor.execute(statement, arguments or None)
            return [dict(row) for row in cursor.fetchall()]

    def words(self, address: str) -> Dialect:
        with self.at(address) as (_, words):
            return words

    def position(self, address: str) -> str:
        with self.at(address) as (connection, _):
            return position(connection)

    def state(self, address: str) -> Any:
        with self.at(address) as (connection, _):
            return self.writer.replication(connection)

    def insert(self, seq: int, address: str = "") -> Written:
        return self.writer.insert(address or self.source, f"token-{seq}-{time.monotonic_ns()}", "test", seq, DEADLINE_S)

    def wait(self, wanted: str, timeout_s: int) -> str:
        statement, arguments = self.words(self.replica).wait_for(wanted, timeout_s)
        (row,) = self.run(self.replica, statement, arguments)
        return dialects.waited(wanted, row["it"])

    def drain(self) -> None:
        assert self.wait(self.position(self.source), 20) == "reached"

    def ledger(self, address: str) -> list[tuple[int, str]]:
        with self.at(address) as (connection, _):
            return list(self.writer.ledger(connection))


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """A cluster of one node that has the image, with this thread in its network."""
    was_there = clusters.find(NAME) is not None
    cluster = clusters.up(name=NAME, nodes=1, progress=PlainProgress())
    try:
        load.load(mysql_9.RECIPE, cluster, PlainProgress())
        with Path("/proc/thread-self/ns/net").open() as home:
            enter_network(cluster.switch_netns)
            try:
                yield connect(cluster.kubeconfig).in_namespace("default")
            finally:
                enter_network(Path(f"/proc/{os.getpid()}/fd/{home.fileno()}"))
    finally:
        if not was_there:
            clusters.down(NAME)


@pytest.fixture(scope="module")
def pairs(api: Api) -> Iterator[dict[str, Pair]]:
    pods = {server: [pod(server, number) for number in (1, 2)] for server in _START}
    names = [each["metadata"]["name"] for both in pods.values() for each in both]
    for both in pods.values():
        for each in both:
            api.create(each)
    try:
        yield {server: make(api, server) for server in pods}
    finally:
        for name in names:
            api.delete("Pod", name, grace_s=0)
        until(lambda: not any(api.get("Pod", name) for name in names), 60, "the pods to go")


@pytest.fixture(params=sorted(_START))
def pair(request: pytest.FixtureRequest, pairs: dict[str, Pair]) -> Iterator[Pair]:
    """With its replica read-only and replicating, its source writable, before the test and after."""
    made = pairs[request.param]
    yield made
    for statement in made.words(made.source).set_read_only(on=False):
        made.run(made.source, statement)
    for statement in made.words(made.replica).set_read_only(on=True):
        made.run(made.replica, statement)
    made.run(made.replica, made.words(made.replica).start_replica)


def make(api: Api, server: str) -> Pair:
    """Set up replication in the dialect's own words."""
    database = DatabaseBinding(primary="read-only", writes="primary", schema=SCHEMA, table=TABLE)
    controllers = {"database": Controller("StatefulSet", server, f"app={server}", server, "mysql")}
    binding = Binding("test", "default", controllers, SiteBinding("test"), database)
    known = Credentials("writer", "a secret", SCHEMA, "", "", "", "", "")
    stack = Stack(binding, api, known, cast("Seed", None))
    writer, root = Database(known, binding), Database(replace(known, ledger_user="root", ledger_password=""), binding)

    def addresses() -> list[str]:
        items = sorted(api.list("Pod", f"app={server}"), key=lambda each: str(each["metadata"]["name"]))
        return [writer.address(each["status"].get("podIP", "")) for each in items]

    def answer() -> bool:
        try:
            return all(root.read_only(each, DEADLINE_S) is False for each in addresses())
        except NoDatabase:
            return False

    until(answer, START_S, f"{server} to answer")
    source, replica = addresses()
    pair = Pair(server, stack, writer, root, source, replica)
    host, _, port = source.rpartition(":")
    words = pair.words(replica)
    pair.run(replica, *words.change_source(host, int(port), "copier", "another secret"))
    pair.run(replica, words.start_replica)
    for statement in words.set_read_only(on=True):
        pair.run(replica, statement)
    name = f"`{SCHEMA.replace('`', '``')}`"
    pair.run(source, f"CREATE DATABASE {name}")
    columns = "id BIGINT AUTO_INCREMENT PRIMARY KEY, token CHAR(36) UNIQUE, writer VARCHAR(64), seq BIGINT"
    pair.run(source, f"CREATE TABLE {name}.`{TABLE}` ({columns})")
    pair.drain()
    return pair


def test_each_server_is_known_for_what_it_is(pair: Pair) -> None:
    words = pair.words(pair.source)
    expected = {"mariadb-10.11": ("mariadb", (10, 11)), "mysql-9.7": ("mysql", (9, 7))}[pair.server]
    assert (words.family, words.version[:2]) == expected
    own = [pair.run(address, words.identity)[0]["it"] for address in (pair.source, pair.replica)]
    assert own[0] != own[1]


def test_no_connection_is_encrypted_and_a_password_still_reaches_a_server_that_hides_it(pair: Pair) -> None:
    with pair.at(pair.source) as (connection, _), connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        assert cursor.fetchall() == (("Ssl_cipher", ""),)
    (user,) = pair.run(pair.source, "SELECT plugin AS it FROM mysql.user WHERE user = 'writer'")
    plugins = {"mariadb-10.11": "mysql_native_password", "mysql-9.7": "caching_sha2_password"}
    assert user["it"] == plugins[pair.server]


def test_the_writable_server_is_the_primary(pair: Pair) -> None:
    until(lambda: {each.role for each in pair.stack.pods("database")} == ROLES, 20, "both to be ready")
    (primary,), (replica,) = pair.stack.pods("database/primary"), pair.stack.pods("database/replica")
    assert (pair.writer.address(primary.ip), pair.writer.address(replica.ip)) == (pair.source, pair.replica)
    assert pair.stack.database_address() == pair.source


def test_a_replica_says_how_it_replicates_and_a_source_that_it_does_not(pair: Pair) -> None:
    until(lambda: pair.state(pair.replica).lag_s == 0, 20, "a replica without lag")
    state, source = pair.state(pair.replica), pair.state(pair.source)
    assert (state.io_running, state.sql_running, state.last_error) == ("Yes", "Yes", None)
    assert state.source == pair.source.rpartition(":")[0]
    assert (source.io_running, source.sql_running, source.source) == (None, None, None)
    assert (state.read_only, source.read_only) == (True, False)
    none = pair.server == "mariadb-10.11"
    assert (state.super_read_only, source.super_read_only) == ((None, None) if none else (True, False))


def test_what_is_written_at_the_source_is_read_at_the_replica_and_the_positions_then_mean_the_same(pair: Pair) -> None:
    before = pair.position(pair.source)
    written = [pair.insert(seq) for seq in range(20)]
    assert {each.outcome for each in written} == {"ok"}
    pair.drain()
    ours, theirs = pair.position(pair.source), pair.position(pair.replica)
    assert dialects.same(ours, theirs)
    assert dialects.contains(theirs, before)
    assert not dialects.contains(before, theirs)
    assert dialects.subtract(theirs, before)
    assert pair.ledger(pair.replica) == pair.ledger(pair.source)
    assert {each.key for each in written} <= {number for number, _ in pair.ledger(pair.replica)}


def test_entries_whose_parts_contradict_each_other_are_read_without_their_token(pair: Pair) -> None:
    table = f"`{SCHEMA.replace('`', '``')}`.`{TABLE}`"
    rows = {
        ("1a-row-7", "rows", 7): "1a-row-7",
        ("1a-beat-3", "heartbeat", 3): "1a-beat-3",
        ("errant", "nobody", 1): "errant",
        ("1a-row-8", "rows", 9): "",
        ("1a-row-10", "ro", 10): "",
        ("1a-beat-4", "rows", 4): "",
    }
    for token, writer, seq in rows:
        pair.run(pair.source, f"INSERT INTO {table} (token, writer, seq) VALUES ('{token}', '{writer}', {seq})")
    assert [token for _, token in pair.ledger(pair.source)][-len(rows) :] == list(rows.values())

    pair.run(pair.source, "CREATE DATABASE wordpress")
    columns = "post_title TEXT, post_content LONGTEXT, post_status VARCHAR(20), post_type VARCHAR(20)"
    pair.run(pair.source, f"CREATE TABLE wordpress.wp_posts (ID BIGINT AUTO_INCREMENT PRIMARY KEY, {columns})")
    posts = [
        ("1a-post-12", "1a-post-12", "publish", "post", "1a-post-12"),
        ("1a-post-13", "<!-- wp:paragraph -->\n<p>1a-post-13</p>", "publish", "post", "1a-post-13"),
        ("News, 100 %", "of the day", "publish", "post", "News, 100 %"),
        ("1a-post-14", "1a-post-1", "publish", "post", ""),
        ("1a-post-15", "", "publish", "post", ""),
        ("", "<p>1a-post-16</p>", "publish", "post", ""),
        ("", "a picture, and no more", "publish", "post", "untitled 7"),
    ]
    others = [
        ("1a-upload-1", "", "inherit", "attachment", "1a-upload-1"),
        ("1a-upload-2.txt", "", "inherit", "attachment", "1a-upload-2"),
        ("1a-upload-2-1", "", "inherit", "attachment", "1a-upload-2"),
    ]
    alien = [("a picture", "", "inherit", "attachment", ""), ("1a-post-16", "", "draft", "post", "")]
    for *values, _ in (*posts, *others, *alien):
        into = "INSERT INTO wordpress.wp_posts (post_title, post_content, post_status, post_type) VALUES"
        pair.run(pair.source, f"{into} (%s, %s, %s, %s)", tuple(values))
    with pair.at(pair.source, as_root=True) as (connection, _):
        assert [title for _, title in pair.root.posts(connection)] == [title for *_, title in posts]
        assert [token for _, token in pair.root.uploads(connection)] == [token for *_, token in others]
    pair.run(pair.source, "DROP DATABASE wordpress")


def test_without_gtids_the_place_in_the_log_would_tell(pair: Pair) -> None:
    pair.insert(1)
    (row,) = pair.run(pair.source, pair.words(pair.source).source_status)
    end = dialects.end_of_log(row)
    assert pair.wait(end, 20) == "reached"
    (row,) = pair.run(pair.replica, pair.words(pair.replica).replica_status)
    assert dialects.contains(dialects.replica_of(row).applied, end)


def test_a_stopped_replica_is_seen_and_stays_behind(pair: Pair) -> None:
    pair.run(pair.replica, pair.words(pair.replica).stop_replica)
    assert pair.insert(1).outcome == "ok"
    state = pair.state(pair.replica)
    assert (state.io_running, state.sql_running) == ("No", "No")
    ours, theirs = pair.position(pair.source), pair.position(pair.replica)
    assert not dialects.same(ours, theirs)
    assert (dialects.contains(ours, theirs), dialects.contains(theirs, ours)) == (True, False)
    assert pair.wait(ours, 1) in {"timeout", "stopped"}
    pair.run(pair.replica, pair.words(pair.replica).start_replica)
    assert pair.wait(ours, 20) == "reached"


def test_read_only_is_seen_and_a_row_for_it_is_a_fail(pair: Pair) -> None:
    before = pair.ledger(pair.source)
    for statement in pair.words(pair.source).set_read_only(on=True):
        pair.run(pair.source, statement)
    assert pair.writer.read_only(pair.source, DEADLINE_S) is True
    assert pair.insert(1) == Written("fail", "read-only")
    assert pair.ledger(pair.source) == before
    for statement in pair.words(pair.source).set_read_only(on=False):
        pair.run(pair.source, statement)
    assert pair.writer.read_only(pair.source, DEADLINE_S) is False
    assert pair.insert(2).outcome == "ok"


def test_what_is_recorded_is_what_the_servers_say(pair: Pair) -> None:
    pair.drain()
    until(lambda: pair.state(pair.replica).lag_s == 0, 20, "a replica without lag")
    for address, statement, name in (
        (pair.replica, pair.words(pair.replica).replica_status, "replica-status"),
        (pair.source, pair.words(pair.source).source_status, "source-status"),
    ):
        (row,) = pair.run(address, statement)
        file = RECORDED / f"{pair.server}-{name}.txt"
        if os.environ.get("RECORD_DIALECTS"):
            lines = [f"recorded from a server: {pair.run(address, 'SELECT VERSION() AS it')[0]['it']}", statement]
            lines += [f"{column}: {'NULL' if value is None else value}".rstrip() for column, value in row.items()]
            file.write_text("\n".join(lines) + "\n")
        said = file.read_text().splitlines()
        assert said[0].startswith("recorded from a server")
        assert [line.split(":", maxsplit=1)[0] for line in said[2:]] == list(row)
