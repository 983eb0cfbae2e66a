"""What a database pod stands on is told by its claim, its data folder's birth and what a clone left, or is an error."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.clock import Clock
from chaos.cluster.api import ApiRefused, Output
from chaos.errors import ClusterError
from chaos.history import VolumeSeen
from chaos.monitors.volumes import Volumes
from chaos.stack.profile import Profile
from chaos.stack.roles import Pod
from chaos.stack.stack import Stack

INFO = """uuid = 5f0a-1
name = 
tool_name = mariadb-backup
tool_command = --backup --slave-info --stream=xbstream
start_time = 2026-11-23 05:40:01
end_time = 2026-11-23 05:40:03
binlog_pos = filename 'mysql-bin.000003', position '154'
innodb_from_lsn = 0
"""  # noqa: W291
FETCHED = "+ ordinal=1\n+ [[ 1 -eq 0 ]]\n+ ncat --recv-only mysql-0.mysql 3307\n+ xbstream -x -C /var/lib/mysql\n"
SKIPPED = "+ [[ -d /var/lib/mysql/mysql ]]\n+ exit 0\n"


class World:
    """One database pod with a claim, in which commands and logs say what the test wants."""

    def __init__(self, provenance: str) -> None:
        self.said = Output(0, '1700000000\n{"how": "clone", "donor": "mysql-1"}', "")
        self.exec_error = self.api_error = self.log_error = ""
        self.logs: dict[bool, str] = {}
        self.commands: list[list[str]] = []
        self.marked: list[Output] = []
        self.mounts = [{"name": "conf", "mountPath": "/etc/mysql"}, {"name": "store", "mountPath": "/data"}]
        binding = Profile.load("hardened").binding
        binding = replace(binding, database=replace(binding.database, provenance=cast("Any", provenance)))
        api = SimpleNamespace(get=self._get, execute=self._execute, logs=self._logs)
        stack = SimpleNamespace(pods=self._pods, api=api, binding=binding)
        self.volumes = Volumes(cast("Stack", stack), Clock())

    def _pods(self, role: str) -> list[Pod]:
        if self.api_error:
            raise ClusterError(self.api_error)
        return [Pod("mysql-1", "uid-1", "database/replica", "n", "10.0.0.1", ready=True, terminating=False)]

    def _get(self, kind: str, name: str) -> dict[str, Any]:
        if kind == "Pod":
            claimed = {"name": "store", "persistentVolumeClaim": {"claimName": f"store-{name}"}}
            containers = [{"name": "sidecar", "volumeMounts": []}, {"name": "mysql", "volumeMounts": self.mounts}]
            return {"spec": {"volumes": [{"name": "conf", "configMap": {}}, claimed], "containers": containers}}
        assert kind == "PersistentVolumeClaim"
        return {"metadata": {"uid": f"uid-{name}"}, "spec": {"volumeName": f"pv-{name}"}}

    def _execute(self, pod: str, container: str, command: list[str], *, timeout_s: float) -> Output:
        assert (pod, container) == ("mysql-1", "mysql")
        self.commands.append(command)
        if self.exec_error:
            raise ClusterError(self.exec_error)
        if "-uroot" in command[2]:
            return self.marked.pop(0) if self.marked else Output(0, "", "")
        return self.said

    def _logs(self, pod: str, container: str, *, previous: bool = False) -> str:
        if self.log_error:
            raise ClusterError(self.log_error)
        if previous not in self.logs:
            raise ApiRefused(400, "no such container")
        return self.logs[previous]

    def look(self) -> VolumeSeen:
        (seen,) = self.volumes.look(0, "after")
        return seen


@pytest.fixture
def world() -> World:
    return World("hachaos")


@pytest.fixture
def xtrabackup() -> World:
    made = World("xtrabackup")
    made.said = Output(0, f"1700000000\n{INFO}", "")
    made.logs = {False: FETCHED}
    return made


def test_a_volume_is_told_by_claim_birth_and_what_the_clone_left(world: World) -> None:
    seen = world.look()
    assert (seen.pod, seen.pod_uid, seen.claim) == ("mysql-1", "uid-1", "store-mysql-1")
    assert (seen.claim_uid, seen.volume) == ("uid-store-mysql-1", "pv-store-mysql-1")
    assert (seen.born, seen.provenance, seen.error) == (1700000000.0, {"how": "clone", "donor": "mysql-1"}, "")
    assert world.commands[0][-2:] == ["/data/mysql", "provenance.json"]


def test_a_clone_of_a_replica_that_keeps_no_log_tells_its_source_s_position(xtrabackup: World) -> None:
    info = INFO.replace("filename 'mysql-bin.000003', position '154'", "")
    told = "CHANGE MASTER TO MASTER_LOG_FILE='mysql-0-bin.000001',        MASTER_LOG_POS=330\n"
    xtrabackup.said = Output(0, f"1\n{info}{told}", "")
    assert (xtrabackup.look().provenance or {})["gtid"] == "mysql-0-bin.000001:330"
    xtrabackup.said = Output(0, f"1\n{info}", "")
    assert (xtrabackup.look().provenance or {})["gtid"] == ""


def test_the_claim_is_the_one_that_is_mounted_closest_to_the_data(world: World) -> None:
    world.mounts = [{"name": "store", "mountPath": "/data/mysql"}, {"name": "conf", "mountPath": "/data"}]
    assert world.look().claim == "store-mysql-1"
    world.mounts = [{"name": "store", "mountPath": "/data/my"}]
    assert world.look().claim == ""


@pytest.mark.parametrize("birth", ["0", "-", "?", ""])
def test_a_file_system_that_keeps_no_births_gives_none_and_not_1970(world: World, birth: str) -> None:
    world.said = Output(0, f"{birth}\n", "")
    seen = world.look()
    assert (seen.born, seen.provenance, seen.error) == (None, None, "")


@pytest.mark.parametrize(
    "said",
    [
        Output(3, "", "stat: cannot stat '/data/mysql'"),
        Output(4, "1700000000\n", "cat: Permission denied"),
        Output(0, '1700000000\n{"how": "cl', ""),
        Output(137, "", ""),
        Output(0, "1\n[]", ""),
    ],
    ids=["no data folder", "no right to read", "half a file", "killed", "no object"],
)
def test_a_volume_that_cannot_be_told_is_an_error_with_its_claim(world: World, said: Output) -> None:
    world.said = said
    seen = world.look()
    assert seen.error
    assert (seen.provenance, seen.claim_uid) == (None, "uid-store-mysql-1")


def test_a_pod_in_which_nothing_can_run_still_tells_its_claim(world: World) -> None:
    world.exec_error = "stat in mysql-1/mysql: no end after 10 s"
    seen = world.look()
    assert (seen.error, seen.volume) == (world.exec_error, "pv-store-mysql-1")


def test_a_cluster_that_does_not_answer_is_an_error(world: World) -> None:
    world.api_error = "no answer from the API server"
    assert (world.look().pod, world.look().error) == ("", world.api_error)


def test_a_clone_by_xtrabackup_is_told_by_what_it_left_and_by_the_log_of_the_start(xtrabackup: World) -> None:
    assert xtrabackup.look().provenance == {
        "kind": "xtrabackup",
        "how": "clone",
        "donor": "mysql-0",
        "gtid": "mysql-bin.000003:154",
        "began": "2026-11-23T05:40:01Z",
        "finished": "2026-11-23T05:40:03Z",
    }
    assert xtrabackup.commands[0][5:7] == ["xtrabackup_info", "xtrabackup_slave_info"]


def test_a_backup_of_mariadb_s_tells_its_gtid(xtrabackup: World) -> None:
    said = "position '154', GTID of the last change '0-1-7'"
    xtrabackup.said = Output(0, "1\n" + INFO.replace("position '154'", said), "")
    assert (xtrabackup.look().provenance or {})["gtid"] == "0-1-7"


def test_the_donor_is_remembered_when_the_pod_that_cloned_is_gone(xtrabackup: World) -> None:
    first = xtrabackup.look()
    xtrabackup.logs = {False: SKIPPED}
    assert xtrabackup.look().provenance == first.provenance, "it resumed: nothing of where its data came from changed"
    xtrabackup.said = Output(0, "1\n" + INFO.replace("5f0a-1", "77"), "")
    assert (xtrabackup.look().provenance or {})["donor"] == "", "another clone, of which no log tells"


def test_the_donor_is_in_the_log_of_a_start_that_was_tried_again(xtrabackup: World) -> None:
    xtrabackup.logs = {False: SKIPPED, True: FETCHED}
    assert (xtrabackup.look().provenance or {})["donor"] == "mysql-0"


def test_a_server_that_never_fetched_a_clone_began_empty_when_its_folder_was_born(xtrabackup: World) -> None:
    xtrabackup.said, xtrabackup.logs = Output(0, "1700000000\n", ""), {False: SKIPPED}
    first = xtrabackup.look().provenance
    assert first == {"kind": "xtrabackup", "how": "bootstrap", "began": "2023-11-14T22:13:20Z"}
    xtrabackup.said = Output(0, "1700000100\n", "")
    assert xtrabackup.look().provenance != first, "another empty start is another provenance"


def test_a_clone_that_is_not_whole_is_no_empty_start(xtrabackup: World) -> None:
    xtrabackup.said = Output(0, "1700000000\n", "")
    assert (xtrabackup.look().provenance, xtrabackup.look().error) == (None, "")


def test_an_empty_start_of_unknown_birth_is_not_guessed(xtrabackup: World) -> None:
    xtrabackup.said, xtrabackup.logs = Output(0, "-\n", ""), {}
    assert xtrabackup.look().provenance is None


def test_a_stack_that_keeps_no_provenance_has_none() -> None:
    world = World("none")
    seen = world.look()
    assert (seen.born, seen.provenance, seen.error) == (1700000000.0, None, "")


def marks(world: World, when: str, answers: list[Output]) -> VolumeSeen:
    """A look at a pod whose database answers root so; the first command of a look is about the folder."""
    world.marked = answers
    (seen,) = world.volumes.look(0, when)
    return seen


def test_before_a_fault_each_pod_is_given_a_mark_past_its_binary_log(world: World) -> None:
    seen = marks(world, "before", [Output(0, "", ""), Output(0, "b\na\n", "")])
    assert (seen.marks, len(seen.mark)) == (("a", "b"), 16)
    statements = world.commands[1][-1]
    assert statements.startswith("SET sql_log_bin = 0; CREATE TABLE IF NOT EXISTS `hachaos`.`lineage`")
    assert f"VALUES ('{seen.mark}')" in statements


def test_after_a_fault_marks_are_read_and_none_is_written(world: World) -> None:
    seen = marks(world, "after", [Output(0, "a\n", "")])
    assert (seen.marks, seen.mark) == (("a",), "")
    assert not any("INSERT" in command[-1] for command in world.commands)


def test_a_database_without_the_table_has_no_marks(world: World) -> None:
    assert marks(world, "after", [Output(1, "", "ERROR 1146 (42S02) at line 1: no such table")]).marks == ()


def test_marks_that_root_may_not_read_are_unknown_and_spoil_nothing_else(world: World) -> None:
    seen = marks(world, "before", [Output(1, "", "ERROR 1045 (28000): Access denied")] * 2)
    assert (seen.marks, seen.mark, seen.error, seen.born) == (None, "", "", 1700000000.0)


def test_marks_that_could_not_be_written_or_read_at_once_are_tried_again(world: World) -> None:
    away = Output(1, "", "ERROR 2002 (HY000): Can't connect")
    seen = marks(world, "before", [away, Output(0, "", ""), Output(0, "b\na\n", "")])
    assert (seen.marks, len(seen.mark)) == (("a", "b"), 16)
    assert marks(world, "after", [away, Output(0, "a\n", "")]).marks == ("a",)


def test_a_borrowed_database_is_given_no_marks(world: World) -> None:
    binding = world.volumes._stack.binding
    unmarked = replace(binding, database=replace(binding.database, marks=False))
    world.volumes._stack = cast("Stack", SimpleNamespace(**vars(world.volumes._stack) | {"binding": unmarked}))
    seen = marks(world, "before", [])
    assert (seen.marks, seen.mark, len(world.commands)) == (None, "", 1)


def test_a_log_that_could_not_be_read_does_not_say_that_nothing_was_fetched(xtrabackup: World) -> None:
    xtrabackup.said = Output(0, "1700000000\n", "")
    xtrabackup.logs = {False: SKIPPED}
    assert (xtrabackup.look().provenance or {})["how"] == "bootstrap"
    xtrabackup.log_error = "no answer from the API server"
    seen = xtrabackup.look()
    assert (seen.provenance, seen.error) == (None, "no answer from the API server")


def test_a_pod_in_which_a_command_hangs_is_asked_once(world: World) -> None:
    world.exec_error = "sh in mysql-1/mysql: no end after 10 s"
    seen = world.look()
    assert (seen.error, seen.born, seen.marks, seen.mark) == (world.exec_error, None, None, "")
    assert len(world.commands) == 1
