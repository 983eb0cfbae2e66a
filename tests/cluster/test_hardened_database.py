"""The hardened database keeps its promises when pods and volumes go: with a writer of the test's own as the witness."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest

from chaos.cluster.local.cluster import Cluster
from chaos.errors import ClusterError
from chaos.stack.stack import Pod, Stack
from embedded import cut_off, in_network_of, put_data, sql, volume

PODS = ("mysql-0", "mysql-1", "mysql-2")
READY_S = 180.0
BACKUP_PORT = 3307


def connect(stack: Stack, host: str, user: str = "hachaos") -> pymysql.Connection[Any]:
    known = stack.credentials
    password = {"hachaos": known.ledger_password, "wordpress": known.site_password}.get(user, "")
    return pymysql.connect(
        host=host, user=user, password=password, connect_timeout=1, read_timeout=5, write_timeout=5, autocommit=True
    )


class Writer:
    """Writes 20 numbered rows a second through `mysql-primary`, and keeps the tokens that were acknowledged."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._host = stack.database_address().rpartition(":")[0]
        self._stop = threading.Event()
        self.acknowledged: list[str] = []
        self.at: list[float] = []
        await_(self._table_is_there, 30, "a connection: nodes hear a little later than the API that a pod is ready")
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writer:
        self._thread.start()
        await_(lambda: len(self.at) >= 20, 30, "the first rows")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _table_is_there(self) -> bool:
        try:
            with connect(self._stack, self._host).cursor() as cursor:
                cursor.execute("CREATE TABLE IF NOT EXISTS hachaos.witness (token CHAR(36) PRIMARY KEY)")
        except pymysql.MySQLError:
            return False
        return True

    def await_acknowledged_again(self) -> None:
        since = time.monotonic()
        await_(lambda: bool(self.at) and self.at[-1] > since, 60, "an acknowledged write")

    @property
    def longest_gap_s(self) -> float:
        return max(later - earlier for earlier, later in zip(self.at, self.at[1:], strict=False))

    def _write(self) -> None:
        connection: pymysql.Connection[Any] | None = None
        while not self._stop.wait(0.05):
            token = str(uuid.uuid4())
            try:
                connection = connection or connect(self._stack, self._host)
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO hachaos.witness VALUES (%s)", (token,))
                self.acknowledged.append(token)
                self.at.append(time.monotonic())
            except pymysql.MySQLError:
                connection = None


def await_(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.1)


def uids(stack: Stack) -> dict[str, str]:
    return {pod.name: pod.uid for pod in stack.pods("database")}


def await_renewed(stack: Stack, before: dict[str, str], *names: str) -> None:
    """All are ready, and those named are not the pods that they were before."""

    def renewed() -> bool:
        now = uids(stack)
        return all(now.get(name, before[name]) != before[name] for name in names) and stack.ready("database")

    await_(renewed, READY_S, f"new and ready {', '.join(names)}")


def lose_volume(stack: Stack, name: str) -> None:
    """Delete a pod and its claim: the claim goes when the pod no longer uses it."""
    stack.api.delete("PersistentVolumeClaim", f"data-{name}")
    stack.api.delete("Pod", name)


def scale(stack: Stack, replicas: int) -> None:
    stack.api.patch("StatefulSet", "mysql", {"spec": {"replicas": replicas}}, subresource="scale")
    await_(lambda: len(stack.pods("database")) == replicas, 90, f"{replicas} pods")


def execute(stack: Stack, name: str, command: str, container: str = "mysql") -> str:
    done = stack.api.execute(name, container, ["bash", "-c", command], timeout_s=30)
    assert done.code == 0, done.err
    return done.out.strip()


def provenance(stack: Stack, name: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(execute(stack, name, "cat /data/provenance.json"))
    return said


def missing(stack: Stack, tokens: list[str]) -> dict[str, int]:
    """For each pod, read at its own address, how many of the tokens it lacks once it has caught up."""
    primary = sql(stack, "mysql-0", "SELECT @@gtid_binlog_pos")
    lacking: dict[str, int] = {}
    for pod in stack.pods("database"):
        await_(
            lambda pod=pod: sql(stack, pod.name, "SELECT @@gtid_binlog_pos") == primary,  # type: ignore[misc]
            30,
            f"{pod.name} at {primary}",
        )
        with connect(stack, pod.ip).cursor() as cursor:
            cursor.execute("SELECT token FROM hachaos.witness")
            lacking[pod.name] = len(set(tokens) - {row[0] for row in cursor.fetchall()})
    return lacking


@contextmanager
def no_dns(pod: Pod) -> Iterator[None]:
    """Nothing that the pod asks DNS leaves its node."""

    def rule(change: str) -> None:
        wanted = ["-s", pod.ip, "-p", "udp", "--dport", "53", "-j", "DROP"]
        subprocess.run([*in_network_of(pod.node), "iptables", "-t", "raw", change, "PREROUTING", *wanted], check=True)

    rule("--insert")
    try:
        yield
    finally:
        rule("--delete")


NONE_MISSING = dict.fromkeys(PODS, 0)


@pytest.fixture
def database(stack: Stack) -> Iterator[Stack]:
    """The stack, whose database is brought back to three pods whatever a test left."""
    yield stack
    stack.api.patch("ConfigMap", "mysql", {"data": {"BOOTSTRAP": "no"}})
    stack.api.patch("StatefulSet", "mysql", {"spec": {"replicas": 3}}, subresource="scale")
    await_(lambda: stack.ready("database"), READY_S, "the database")


def test_a_deleted_master_comes_back_on_its_volume_without_loss(database: Stack) -> None:
    was, before = provenance(database, "mysql-0"), uids(database)
    with Writer(database) as writer:
        database.api.delete("Pod", "mysql-0")
        await_renewed(database, before, "mysql-0")
        writer.await_acknowledged_again()
    assert missing(database, writer.acknowledged) == NONE_MISSING
    assert provenance(database, "mysql-0") == was
    assert writer.longest_gap_s < 20


def test_a_master_that_lost_its_volume_is_cloned_from_a_replica_without_loss(database: Stack) -> None:
    was, before = provenance(database, "mysql-0"), uids(database)
    with Writer(database) as writer:
        lose_volume(database, "mysql-0")
        await_renewed(database, before, "mysql-0")
        writer.await_acknowledged_again()
    assert missing(database, writer.acknowledged) == NONE_MISSING
    now = provenance(database, "mysql-0")
    assert now["how"] == "clone"
    assert now["donor"] in ("mysql-1", "mysql-2")
    assert now["volume_seen_empty"] is True
    assert now["began"] > was["finished"]
    assert now["bytes"] > 10_000_000
    written = sql(database, "mysql-0", "SELECT @@gtid_binlog_pos").split("-")
    assert written[1] == sql(database, "mysql-0", "SELECT @@server_id") != now["gtid"].split("-")[1]


def test_three_pods_that_are_deleted_at_once_find_each_other_again(database: Stack) -> None:
    before = uids(database)
    with Writer(database) as writer:
        for name in PODS:
            database.api.delete("Pod", name)
        await_renewed(database, before, *PODS)
        writer.await_acknowledged_again()
    assert missing(database, writer.acknowledged) == NONE_MISSING


def test_an_old_volume_of_the_master_is_cloned_anew_and_kept_aside(
    database: Stack, cluster: Cluster, tmp_path: Path
) -> None:
    scale(database, 0)
    shutil.copytree(volume(database, cluster, "mysql-0"), tmp_path / "old", symlinks=True)
    scale(database, 3)
    await_(lambda: database.ready("database"), READY_S, "the database")
    with Writer(database) as writer:
        pass
    scale(database, 0)
    put_data(tmp_path / "old" / "mysql", volume(database, cluster, "mysql-0") / "mysql")
    scale(database, 3)
    await_(lambda: database.ready("database"), READY_S, "the database")
    assert missing(database, writer.acknowledged) == NONE_MISSING
    now = provenance(database, "mysql-0")
    assert (now["how"], now["volume_seen_empty"]) == ("clone", False)
    assert execute(database, "mysql-0", "ls /data/aside")


def test_what_a_replica_only_received_survives_its_restart_and_the_loss_of_the_master(database: Stack) -> None:
    with Writer(database) as writer:
        sql(database, "mysql-2", "STOP REPLICA")
        sql(database, "mysql-1", "STOP REPLICA SQL_THREAD")
        written = len(writer.at)
        await_(lambda: len(writer.at) > written + 20, 30, "rows that mysql-1 alone received")
    applied, behind = (sql(database, name, "SELECT @@gtid_binlog_pos") for name in ("mysql-0", "mysql-1"))
    assert applied != behind
    before = uids(database)
    database.api.delete("PersistentVolumeClaim", "data-mysql-0")
    database.api.delete("Pod", "mysql-0", grace_s=0)
    database.api.delete("Pod", "mysql-1", grace_s=0)
    await_(lambda: uids(database).get("mysql-0", before["mysql-0"]) != before["mysql-0"], 60, "a new mysql-0")
    await_(lambda: any(pod.ready for pod in database.pods("database") if pod.name == "mysql-0"), READY_S, "mysql-0")
    sql(database, "mysql-2", "START REPLICA")
    await_renewed(database, before, "mysql-0", "mysql-1")
    assert missing(database, writer.acknowledged) == NONE_MISSING
    assert provenance(database, "mysql-0")["donor"] == "mysql-1"


def test_a_lone_master_without_data_waits_whatever_the_bootstrap_flag_says(database: Stack) -> None:
    with Writer(database) as writer:
        pass
    scale(database, 1)
    database.api.patch("ConfigMap", "mysql", {"data": {"BOOTSTRAP": "yes"}})
    before = uids(database)
    lose_volume(database, "mysql-0")
    await_(lambda: uids(database).get("mysql-0", before["mysql-0"]) != before["mysql-0"], 60, "a new mysql-0")

    def decided() -> bool:
        try:
            return "-> WAIT: no peer has data" in database.api.logs("mysql-0", "mysql")
        except ClusterError:
            return False  # the container has not begun

    await_(decided, 60, "the decision")
    assert not execute(database, "mysql-0", "ls /data")
    scale(database, 3)
    await_(lambda: database.ready("database"), READY_S, "the database")
    assert missing(database, writer.acknowledged) == NONE_MISSING


def test_a_lone_master_can_be_cloned_while_commits_wait_for_a_replica(database: Stack) -> None:
    with Writer(database) as writer:
        scale(database, 1)
        for name in ("mysql-1", "mysql-2"):
            database.api.delete("PersistentVolumeClaim", f"data-{name}")
        waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for semi-sync ACK%'"
        await_(lambda: int(sql(database, "mysql-0", waiting)) >= 1, 60, "a commit that waits")
        scale(database, 3)
        await_(lambda: database.ready("database"), READY_S, "the database")
        writer.await_acknowledged_again()
    assert missing(database, writer.acknowledged) == NONE_MISSING
    assert provenance(database, "mysql-1")["volume_seen_empty"]
    assert "commits that wait for one" in database.api.logs("mysql-0", "xtrabackup")


@pytest.mark.long
def test_a_replica_goes_on_after_it_was_lost_in_a_lookup_that_dns_did_not_answer(database: Stack) -> None:
    """To stop the I/O thread the server waits for the lookup's end: longer than the sidecar does, by chance."""
    (pod,) = [pod for pod in database.pods("database") if pod.name == "mysql-1"]
    dumps = (
        f"SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%' AND host LIKE '{pod.ip}:%'"
    )
    for lost_s in (6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0):
        with no_dns(pod):
            sql(database, "mysql-0", f"KILL {sql(database, 'mysql-0', dumps)}")
            time.sleep(lost_s)
        await_(lambda: database.ready("database"), 60, f"the replica, {lost_s:g} s after it lost its connection")


@pytest.mark.long
@pytest.mark.parametrize("name", ["mysql-1", "mysql-0"])
def test_replicas_go_on_after_a_node_was_cut_off_for_any_time(database: Stack, cluster: Cluster, name: str) -> None:
    """Which step of connecting anew the moment hits, in which a name is looked up and not found, is chance."""
    with Writer(database) as writer:
        for away_s in (8, 20, 30, 38, 45, 52, 60):
            (node,) = [pod.node for pod in database.pods("database") if pod.name == name]
            with cut_off(cluster, node):
                time.sleep(away_s)
            await_(lambda: database.ready("stack"), READY_S, f"the stack, {away_s} s after {node} was cut off")
            writer.await_acknowledged_again()
    assert missing(database, writer.acknowledged) == NONE_MISSING


def test_one_account_cannot_take_all_connections(database: Stack) -> None:
    address = next(pod.ip for pod in database.pods("database") if pod.name == "mysql-0")
    with ExitStack() as held:

        def take_all() -> None:
            for _ in range(300):
                held.enter_context(connect(database, address))

        with pytest.raises(pymysql.MySQLError, match="max_user_connections"):
            take_all()
        held.enter_context(connect(database, address, "wordpress"))
        assert sql(database, "mysql-0", "SELECT 1") == "1"


def test_the_backup_port_starts_nothing_for_who_has_no_token(database: Stack) -> None:
    def backups(pod: str) -> int:
        return database.api.logs(pod, "xtrabackup").count("a backup is asked for")

    for pod in database.pods("database"):
        before = backups(pod.name)
        for said in (b"", b"BACKUP\n", b"wrong BACKUP\n"):
            with socket.create_connection((pod.ip, BACKUP_PORT), timeout=10) as peer:
                peer.sendall(said)
                assert peer.recv(100) == b""
        assert backups(pod.name) == before


def test_accounts_can_do_what_they_are_for_and_no_more(database: Stack) -> None:
    primary, replica = (next(pod.ip for pod in database.pods("database") if pod.name == name) for name in PODS[:2])
    for user in ("root", "mysql", "", "backup"):
        with pytest.raises(pymysql.OperationalError, match="denied"):
            connect(database, primary, user)
    with connect(database, primary, "wordpress").cursor() as cursor:
        cursor.execute("SHOW DATABASES")
        assert {row[0] for row in cursor.fetchall()} == {"information_schema", "wordpress"}
    with connect(database, replica).cursor() as cursor:
        cursor.execute("SHOW REPLICA STATUS")
        assert cursor.fetchone() is not None
        cursor.execute("SELECT COUNT(*) FROM wordpress.wp_posts")
        with pytest.raises(pymysql.MySQLError, match="read-only"):
            cursor.execute("CREATE TABLE hachaos.never (id INT)")
        with pytest.raises(pymysql.MySQLError, match="denied"):
            cursor.execute("SET GLOBAL read_only = 0")
