"""What a run that was killed has left is found from its folder, and given back once."""

from __future__ import annotations

import json
import random
import shlex
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos import journal as journals
from chaos import recover as recovering
from chaos import undo_notes
from chaos.actions import ACTIONS
from chaos.cluster.api import ApiRefused
from chaos.cluster.elsewhere import Elsewhere
from chaos.cluster.target import Target
from chaos.errors import StackError, UndoIncomplete, UsageError
from chaos.history import FORMAT, RunBegun, RunEnded, UndoDone, UndoPlanned
from chaos.journal import Journal
from chaos.report import NOT_YET, write_suite
from chaos.report.suite import SuiteRun
from chaos.scenario.plan import Suite
from chaos.stack import deploy
from chaos.stack.stack import Stack
from chaos.undo import by_hand, unfinished
from tests.unit.actions.acted_cluster import BINDING, ActedCluster
from tests.unit.checks.histories import story
from tests.unit.fake_api import FakeApi


def recover(reports: Path, stack: str = "hardened") -> list[str]:
    return recovering.recover(reports, stack=stack, cluster="none", quiet=True)


@dataclass
class Lent:
    """A stack that is borrowed, in which a run that was killed left something."""

    spec: str
    released: int = 0
    borrowed = True

    def attach(self, target: Any) -> Any:
        return Stack(BINDING, cast("Any", FakeApi()), cast("Any", None), cast("Any", None))

    def left(self, stack: Any) -> list[str]:
        return [] if self.released else ["the table wp.hachaos with 7 rows"]

    def release(self, stack: Any, shown: Any) -> bool:
        self.released += 1
        return self.released == 1


def run_that_was_killed(folder: Path, spec: str, *ended: RunEnded) -> None:
    folder.mkdir(parents=True)
    begun = RunBegun(FORMAT, "r", "s", "c", 0.0, {}, {"source": spec}, {})
    with Journal(folder) as journal:
        for record in (begun, *ended):
            journal.write(record)


@pytest.fixture
def lent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lent:
    file = tmp_path / "my-stack.yaml"
    file.write_text("")
    made = Lent(str(file))
    known = recovering.source.of
    monkeypatch.setattr(recovering.source, "of", lambda spec: made if spec == made.spec else known(spec))
    on_cluster(monkeypatch)
    return made


def on_cluster(monkeypatch: pytest.MonkeyPatch, api: FakeApi | None = None, *, there: bool = True) -> None:
    """An embedded cluster on which there is no stack of ours."""
    target = cast("Target", SimpleNamespace(local=True, name="local/none", api=api or FakeApi())) if there else None
    monkeypatch.setattr(recovering, "is_gone", lambda _: not there)
    monkeypatch.setattr(recovering, "target_of", lambda *_, **__: target)
    monkeypatch.setattr(recovering.run_lock, "hold", lambda _: None)

    def no_stack(*_: object) -> Stack:
        raise StackError("no stack is installed")

    monkeypatch.setattr(deploy, "attach", no_stack)


def test_recover_gives_back_what_a_killed_run_had_borrowed(lent: Lent, tmp_path: Path) -> None:
    run_that_was_killed(tmp_path / "reports/suite/01-x", lent.spec)
    assert recover(tmp_path / "reports") == [
        "suite/01-x: nothing to put back, but it has no end: it is given one, and a report",
        f"{lent.spec}: the table wp.hachaos with 7 rows is taken out of the stack that was only borrowed",
        "suite/01-x: ended, and reported as far as it went",
        f"{lent.spec}: the rows, posts and uploads of a run that was killed are removed",
    ]
    assert recover(tmp_path / "reports") == []


def test_a_dry_run_names_what_would_be_taken_out_of_a_borrowed_stack_and_takes_out_nothing(
    lent: Lent, tmp_path: Path
) -> None:
    for _ in range(2):
        said = recovering.recover(tmp_path / "reports", stack=lent.spec, cluster="none", quiet=True, dry_run=True)
        assert said == [
            f"{lent.spec}: the table wp.hachaos with 7 rows is taken out of the stack that was only borrowed"
        ]
    assert lent.released == 0


def test_recover_gives_back_a_stack_by_its_file_when_no_run_has_a_journal(lent: Lent, tmp_path: Path) -> None:
    assert len(recover(tmp_path / "reports", lent.spec)) == 2


def test_recover_has_nothing_to_do_with_runs_that_ended(lent: Lent, tmp_path: Path) -> None:
    run_that_was_killed(tmp_path / "reports/a", lent.spec, RunEnded(1.0, "finished"))
    assert recover(tmp_path / "reports") == []
    assert lent.released == 0


PROFILE = "hardened"
FOLDER = "20260101T000000Z-shrink"
UID = "uid-of-the-namespace"


@dataclass
class Broken:
    """A run on our own stack that was killed after it had scaled the database to one pod."""

    cluster: ActedCluster
    stack: Stack
    reports: Path

    @property
    def folder(self) -> Path:
        return self.reports / FOLDER

    def workload(self, name: str = "mysql") -> Any:
        return self.cluster.get("Deployment" if name == "wordpress" else "StatefulSet", name)

    def annotations(self, name: str = "mysql") -> Any:
        return self.workload(name)["metadata"].get("annotations") or {}


def without_notes(broken: Broken) -> dict[str, Any]:
    """The patch of a StatefulSet's metadata that takes all notes off mysql."""
    return {"annotations": {key: None for key in broken.annotations() if key.startswith(undo_notes.UNDO)}}


def begin(reports: Path) -> Journal:
    (reports / FOLDER).mkdir(parents=True)
    journal = Journal(reports / FOLDER)
    stack = {"source": PROFILE, "target": "local/none", "namespace_uid": UID}
    journal.write(RunBegun(FORMAT, FOLDER, "s", "c", 0.0, {"steps": []}, stack, {}))
    return journal


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Broken:
    cluster = ActedCluster()
    on_cluster(monkeypatch, cluster)
    cluster.namespace = "wordpress"
    cluster.apply({"kind": "Namespace", "metadata": {"name": "wordpress", "uid": UID}})
    cluster.calls.clear()
    stack = cluster.stack("none")

    def attach(_: object, profile: Any) -> Stack:
        if profile.name != PROFILE:
            raise StackError("not installed")
        return stack

    monkeypatch.setattr(deploy, "attach", attach)
    monkeypatch.setattr(recovering.lease, "hold", lambda *_: nullcontext())
    monkeypatch.setattr(recovering.report, "write", lambda folder, *_: (folder / "report.json").write_text("{}"))
    return Broken(cluster, stack, tmp_path / "reports")


def killed(broken: Broken, target: str, *, after: str, to: int = 1, action: str = "scale") -> None:
    """A run that was killed after its undo was in the journal, was noted, or after the change was made."""
    params = {"replicas": to} if action == "scale" else {}
    aim = ACTIONS[action].aim(broken.stack, target, params)
    planned = UndoPlanned(1.0, 0, 0, action, aim.undo)
    with begin(broken.reports) as journal:
        journal.write(planned)
    if after == "journal":
        return
    undo_notes.note(broken.stack, undo_notes.run_of(broken.folder), planned)
    if after == "note":
        return
    ACTIONS[action].inject(broken.stack, aim)
    if after == "undo":
        ACTIONS[action].put_back(broken.stack, aim.undo, 1)


@pytest.mark.parametrize("after", ["journal", "note", "change", "undo"])
@pytest.mark.parametrize("folder", ["kept", "lost"])
@pytest.mark.parametrize(("target", "action"), [("database", "scale"), ("site", "scale"), ("files", "stop-service")])
def test_a_kill_at_any_moment_is_put_back_once(
    broken: Broken, target: str, action: str, after: str, folder: str
) -> None:
    killed(broken, target, after=after, action=action)
    reports = broken.reports if folder == "kept" else broken.reports.parent / "others"
    done = recover(reports)
    assert bool(done) == (folder == "kept" or after != "journal")
    for name, replicas in (("mysql", 3), ("nfs", 1), ("wordpress", 3)):
        assert broken.workload(name)["spec"]["replicas"] == replicas
        assert broken.annotations(name) == {}
    broken.cluster.calls.clear()
    assert recover(reports) == []
    assert broken.cluster.calls == []


def test_a_run_that_is_put_back_gets_an_end_and_a_report(broken: Broken) -> None:
    killed(broken, "database", after="change")
    assert recover(broken.reports) == [
        f"{FOLDER}: step 1 (scale): statefulset/mysql is given 3 replica(s) again, and looked at until they are ready",
        f"{FOLDER}: 1 change(s) put back",
    ]
    history = journals.read(broken.folder)
    assert history.ended
    assert history.ended.how == "recovered"
    assert (broken.folder / "report.json").exists()


def test_the_report_of_a_suite_that_was_killed_tells_of_the_run_that_was_put_back(broken: Broken) -> None:
    killed(broken, "database", after="change")
    suite = broken.reports.parent / "reports/20260101T000000Z-all"
    suite.mkdir()
    (broken.reports / FOLDER).rename(suite / "01-shrink")
    waits = [SuiteRun(name, f"{name} holds", "", None, None, NOT_YET) for name in ("shrink", "later")]
    write_suite(suite, Suite("all", "it stands", "", "", 60, 0, ()), PROFILE, waits)
    *_, last = recover(broken.reports)
    assert last == "20260101T000000Z-all: its report is drawn anew"
    rows = json.loads((suite / "report.json").read_text())["scenarios"]
    assert [(row["folder"], row["verdict"], row["not_run"]) for row in rows] == [
        ("01-shrink", "unknown", ""),
        ("", "unknown", "the suite was cut off before it"),
    ]
    assert recover(broken.reports) == []


def test_a_suite_s_report_that_cannot_be_drawn_keeps_nothing_from_being_put_back(broken: Broken) -> None:
    killed(broken, "database", after="change")
    (broken.reports / "report.json").write_text("{")
    *_, last = recover(broken.reports)
    assert last.startswith("the suite's report could not be drawn anew: ")
    assert broken.workload()["spec"]["replicas"] == 3


def test_parts_that_are_not_ready_after_all_is_put_back_are_said(
    broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(broken, "database", after="change")
    broken.cluster.unready(next(pod.name for pod in broken.stack.pods("site")))
    monkeypatch.setattr(recovering, "_READY_TIMEOUT_S", 0.1)
    *_, last = recover(broken.reports)
    assert last.startswith("all is put back, but after 0.1 s not all of the stack is ready: site: 2/3 ready, not:")


def test_a_dry_run_only_says_what_would_be_done(broken: Broken) -> None:
    killed(broken, "database", after="change")
    broken.cluster.calls.clear()
    text = (broken.folder / journals.NAME).read_text()
    lines = recovering.recover(broken.reports, stack=PROFILE, cluster="none", quiet=True, dry_run=True)
    assert len(lines) == 1
    assert broken.cluster.calls == []
    assert (broken.folder / journals.NAME).read_text() == text


def test_what_cannot_be_put_back_is_said_with_the_commands_that_do_it_in_their_order(
    broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(broken, "database", after="change")
    broken.cluster.stuck = True
    monkeypatch.setattr(recovering, "PUT_BACK_TIMEOUT_S", 0.1)
    monkeypatch.setattr(recovering, "deployed_again", lambda *_, **__: False)
    with pytest.raises(UndoIncomplete) as caught:
        recover(broken.reports)
    (key,) = broken.annotations()
    assert caught.value.hint == (
        "hachaos recover --name none, or by hand:\n"
        "hachaos cluster kubectl --name none -- -n wordpress scale statefulset/mysql --replicas=3\n"
        f"hachaos cluster kubectl --name none -- -n wordpress annotate statefulset/mysql {key}-"
    )
    assert len(unfinished(journals.read(broken.folder))) == 1


def test_a_cluster_that_is_gone_took_its_changes_with_it(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(broken, "database", after="change")
    on_cluster(monkeypatch, there=False)
    assert recover(broken.reports) == [f"{FOLDER}: the embedded cluster none is gone, and all changes with it"]
    assert recover(broken.reports) == []


def test_a_run_on_another_cluster_is_left_as_it_is(broken: Broken) -> None:
    killed(broken, "database", after="journal")
    lines = recovering.recover(broken.reports, stack=PROFILE, cluster="other", quiet=True)
    assert lines == [f"{FOLDER}: was not on local/other, but on local/none: it is left as it is"]
    assert unfinished(journals.read(broken.folder))


def test_what_was_put_back_by_hand_and_changed_on_purpose_since_is_left_as_it_is(broken: Broken) -> None:
    killed(broken, "database", after="change")
    broken.cluster.patch("StatefulSet", "mysql", {"metadata": without_notes(broken), "spec": {"replicas": 5}})
    said, ended = recover(broken.reports)
    assert said.startswith(
        f"{FOLDER}: step 1 (scale): nothing is noted on statefulset/mysql any more, so it was put back"
    )
    assert ended == f"{FOLDER}: ended, and reported as far as it went"
    assert broken.workload()["spec"]["replicas"] == 5
    assert recover(broken.reports) == []


def test_a_volume_that_waits_for_its_pod_to_be_deleted_is_told_and_the_deletion_finished(broken: Broken) -> None:
    aim = ACTIONS["delete-volume"].aim(broken.stack, "database/replica", {})
    with begin(broken.reports) as journal:
        journal.write(UndoPlanned(1.0, 0, 0, "delete-volume", aim.undo))
    broken.cluster.delete_exactly("PersistentVolumeClaim", "data-mysql-1", aim.before["claims"]["data-mysql-1"])
    said, done = recover(broken.reports)
    assert said == (
        f"{FOLDER}: step 1 (delete-volume): of data-mysql-1, deleted but for the pod on it, that pod is deleted as "
        "well, one after another; 3 ready pod(s) of database are waited for"
    )
    assert done == f"{FOLDER}: 1 change(s) put back"
    assert broken.cluster.uid("Pod", "mysql-1") != aim.before["pods"]["mysql-1"]
    assert broken.cluster.uid("PersistentVolumeClaim", "data-mysql-1") != aim.before["claims"]["data-mysql-1"]


def test_of_a_volume_that_is_another_by_now_pods_are_only_waited_for(broken: Broken) -> None:
    aim = ACTIONS["delete-volume"].aim(broken.stack, "database/replica", {})
    with begin(broken.reports) as journal:
        journal.write(UndoPlanned(1.0, 0, 0, "delete-volume", aim.undo))
    ACTIONS["delete-volume"].inject(broken.stack, aim)
    uid = broken.cluster.uid("Pod", "mysql-1")
    said, _ = recover(broken.reports)
    assert said == f"{FOLDER}: step 1 (delete-volume): 3 ready pod(s) of database are waited for"
    assert broken.cluster.uid("Pod", "mysql-1") == uid


@pytest.mark.parametrize("folder", ["kept", "lost"])
def test_replicas_that_somebody_else_has_set_are_left_until_he_has_chosen(
    broken: Broken, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setattr(recovering, "deployed_again", lambda *_, **__: False)
    killed(broken, "database", after="change")
    broken.cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": 5}})
    reports = broken.reports if folder == "kept" else broken.reports.parent / "others"
    (shown,) = recovering.recover(reports, stack=PROFILE, cluster="none", quiet=True, dry_run=True)
    assert "step 1 (scale): statefulset/mysql: somebody else has set its replicas to 5" in shown
    with pytest.raises(UndoIncomplete, match="somebody else has set its replicas to 5") as caught:
        recover(reports)
    assert broken.workload()["spec"]["replicas"] == 5
    *_, annotate = str(caught.value.hint).splitlines()
    assert shlex.split(annotate)[-1] == f"{next(iter(broken.annotations()))}-"
    broken.cluster.patch("StatefulSet", "mysql", {"metadata": without_notes(broken)})
    recover(reports)
    assert broken.workload()["spec"]["replicas"] == 5
    assert recover(reports) == []


def test_of_what_was_put_back_by_hand_nothing_is_left_to_do(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(broken, "database", after="change")
    aim = ACTIONS["stop-service"].aim(broken.stack, "files", {})
    with Journal(broken.folder) as journal:
        journal.write(UndoPlanned(2.0, 1, 1, "stop-service", aim.undo))  # the note was never written, nor it begun
    broken.cluster.stuck = True
    monkeypatch.setattr(recovering, "PUT_BACK_TIMEOUT_S", 0.1)
    monkeypatch.setattr(recovering, "deployed_again", lambda *_, **__: False)
    with pytest.raises(UndoIncomplete) as caught:
        recover(broken.reports)
    assert "nfs" not in str(caught.value.hint)
    assert [undo.id for undo in unfinished(journals.read(broken.folder))] == [0]


def test_a_namespace_that_was_made_anew_has_none_of_a_runs_changes(broken: Broken) -> None:
    killed(broken, "database", after="change")
    broken.cluster.apply({"kind": "Namespace", "metadata": {"name": "wordpress", "uid": "another"}})
    broken.cluster.patch("StatefulSet", "mysql", {"metadata": without_notes(broken), "spec": {"replicas": 2}})
    gone = f"{FOLDER}: its namespace wordpress was made anew since, and all changes are gone with it"
    assert recover(broken.reports) == [gone]
    assert broken.workload()["spec"]["replicas"] == 2
    assert recover(broken.reports) == []


def node(broken: Broken) -> tuple[bool, list[str]]:
    """Whether the drained node is cordoned still, and the annotations on it."""
    found = broken.cluster.get("Node", "node-1")
    assert found
    return bool(found["spec"].get("unschedulable")), list(found["metadata"].get("annotations") or {})


ANEW = ("lost", "anew")
"""Here nothing says that the namespace is another one than the run's."""


def made_anew(broken: Broken) -> None:
    broken.cluster.apply({"kind": "Namespace", "metadata": {"name": "wordpress", "uid": "another"}})


@pytest.mark.parametrize("cordoned", [False, True])
def test_of_a_drained_node_is_said_that_it_takes_pods_again_or_that_it_took_none_before(
    broken: Broken, cordoned: bool
) -> None:
    broken.cluster.change("Node", "node-1", spec={"unschedulable": True} if cordoned else {})
    killed(broken, "database", after="change", action="drain-node")
    assert recover(broken.reports) == [
        f"{FOLDER}: step 1 (drain-node): "
        + ("node/node-1 takes no new pods, as before" if cordoned else "pods may be placed on node/node-1 again")
        + ", and as many ready pods of each part as before are waited for",
        f"{FOLDER}: 1 change(s) put back",
    ]
    assert node(broken) == (cordoned, [])


def taken_away(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    """The namespace is deleted with the stack in it."""
    broken.cluster.delete("Namespace", "wordpress")
    on_cluster(monkeypatch, broken.cluster)
    for pod in broken.stack.pods("database"):
        broken.cluster.unready(pod.name)


@pytest.mark.parametrize("known", ["nothing", "scaled", "drained"])
def test_that_nodes_may_not_be_looked_at_is_said_unless_the_folder_tells_of_one_that_was_drained(
    broken: Broken, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    if known != "nothing":
        killed(broken, "database", after="change", action="scale" if known == "scaled" else "drain-node")
    listed = broken.cluster.list

    def refuse(kind: str, selector: str = "") -> Any:
        if kind == "Node":
            raise ApiRefused(403, "nodes is forbidden")
        return listed(kind, selector)

    monkeypatch.setattr(broken.cluster, "list", refuse)
    said: list[str] = []
    done = recovering.recover(broken.reports, stack=PROFILE, cluster="none", quiet=True, say=said.append)
    remarks = [line for line in said if "nodes may not be looked at" in line]
    remark = (
        "namespace wordpress: nodes may not be looked at, so one that is still drained by a run whose folder is not "
        "here would not be found"
    )
    assert remarks == ([] if known == "drained" else [remark])
    assert done == [line for line in said if line not in remarks]  # there may be nothing to recover all the same
    assert bool(done) == (known != "nothing")


@pytest.mark.parametrize("folder", ["kept", "lost"])
@pytest.mark.parametrize("namespace", ["anew", "away"])
def test_a_node_outlives_the_namespace_and_is_put_back_without_the_pods_of_before(
    broken: Broken, monkeypatch: pytest.MonkeyPatch, namespace: str, folder: str
) -> None:
    killed(broken, "database", after="change", action="drain-node")
    assert node(broken)[0]
    if namespace == "anew":
        made_anew(broken)
        broken.cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": 3 if folder == "lost" else 1}})
    else:
        taken_away(broken, monkeypatch)
    reports = broken.reports if folder == "kept" else broken.reports.parent / "others"
    said = recover(reports)
    assert node(broken) == (False, [])
    (told,) = (line for line in said if "step 1 (drain-node)" in line)
    waits = ", and as many ready pods of each part as before are waited for"
    assert told.endswith("pods may be placed on node/node-1 again" + (waits if (folder, namespace) == ANEW else ""))
    if folder == "kept":
        assert said[0].endswith(", and all changes with it, but those to nodes") or said[0].endswith(
            "all changes are gone with it, but those to nodes"
        )
        assert unfinished(journals.read(broken.folder)) == []
    assert recover(reports) == []


def test_a_node_that_cannot_be_put_back_is_not_said_to_be_gone_with_the_namespace(
    broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(broken, "database", after="change", action="drain-node")
    aim = ACTIONS["scale"].aim(broken.stack, "site", {"replicas": 1})
    with Journal(broken.folder) as journal:
        journal.write(UndoPlanned(2.0, 1, 1, "scale", aim.undo))
    made_anew(broken)

    def deployed(*_: object, **__: object) -> bool:
        raise AssertionError("no stack is deployed for the sake of a node")

    def refused(*_: object, **__: object) -> Any:
        raise ApiRefused(403, "nodes may not be patched")

    monkeypatch.setattr(recovering, "deployed_again", deployed)
    with monkeypatch.context() as patched:
        patched.setattr(broken.cluster, "patch", refused)
        with pytest.raises(UndoIncomplete, match="nodes may not be patched") as caught:
            recover(broken.reports)
    assert "-- uncordon node-1" in str(caught.value.hint)
    assert [undo.id for undo in unfinished(journals.read(broken.folder))] == [0]
    recover(broken.reports)
    assert node(broken) == (False, [])
    assert unfinished(journals.read(broken.folder)) == []


def test_a_node_that_was_put_back_by_hand_is_left_when_the_namespace_is_gone(broken: Broken) -> None:
    killed(broken, "database", after="change", action="drain-node")
    made_anew(broken)
    broken.cluster.change("Node", "node-1", metadata={"name": "node-1"})  # cordoned by somebody else since
    said = recover(broken.reports)
    assert any("nothing is noted on node/node-1 any more" in line for line in said)
    assert node(broken) == (True, [])
    assert recover(broken.reports) == []


def test_a_node_is_gone_with_the_whole_embedded_cluster(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(broken, "database", after="change", action="drain-node")
    on_cluster(monkeypatch, there=False)
    assert recover(broken.reports) == [f"{FOLDER}: the embedded cluster none is gone, and all changes with it"]
    assert unfinished(journals.read(broken.folder)) == []


def test_a_run_that_ends_while_its_lease_is_waited_for_is_not_put_back_once_more(
    broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(broken, "database", after="change")

    def hold(*_: object) -> Any:
        """The run is alive till now: it puts back what it changed, ends, and then somebody scales on purpose."""
        broken.cluster.patch("StatefulSet", "mysql", {"metadata": without_notes(broken), "spec": {"replicas": 5}})
        with Journal(broken.folder) as written:
            written.write(UndoDone(2.0, 0, verified=True))
            written.write(RunEnded(3.0, "finished"))
        return nullcontext()

    monkeypatch.setattr(recovering.lease, "hold", hold)
    assert recover(broken.reports) == []
    assert broken.workload()["spec"]["replicas"] == 5
    assert [record.how for record in journals.read(broken.folder) if isinstance(record, RunEnded)] == ["finished"]


@pytest.mark.parametrize("known", [{}, {"target": "context/other"}])
def test_a_run_that_does_not_say_that_it_was_there_is_not_put_back_on_a_cluster_that_is_not_the_embedded_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: dict[str, str]
) -> None:
    on_cluster(monkeypatch)
    folder = tmp_path / FOLDER
    folder.mkdir()
    with Journal(folder) as journal:
        journal.write(RunBegun(FORMAT, FOLDER, "s", "c", 0.0, {"steps": []}, {"source": PROFILE} | known, {}))
        journal.write(UndoPlanned(1.0, 0, 0, "scale", {"kind": "StatefulSet", "name": "mysql", "replicas": 1}))
    said, hint = recovering.recover(
        tmp_path, stack=PROFILE, cluster="none", elsewhere=Elsewhere("prod", "a-file"), quiet=True
    )
    assert hint.endswith("is left on context/prod; whose folder is not there is only found with --stack FILE")
    assert said.startswith(f"{FOLDER}: was not on context/prod, but on ")
    assert unfinished(journals.read(folder))


def test_a_stack_whose_binding_is_gone_keeps_no_other_from_being_put_back(broken: Broken, tmp_path: Path) -> None:
    killed(broken, "database", after="change")
    other = broken.reports / "20260102T000000Z-other"
    other.mkdir()
    gone = str(tmp_path / "gone.yaml")
    with Journal(other) as journal:
        stack = {"source": gone, "target": "local/none"}
        journal.write(RunBegun(FORMAT, "other", "s", "c", 0.0, {"steps": []}, stack, {}))
        journal.write(UndoPlanned(1.0, 0, 0, "scale", {"kind": "StatefulSet", "name": "db", "replicas": 1}))
    with pytest.raises(UsageError, match="gone"):
        recover(broken.reports)
    assert broken.workload()["spec"]["replicas"] == 3
    assert unfinished(journals.read(broken.folder)) == []
    assert unfinished(journals.read(other))


def record(**changes: Any) -> str:
    """The text of an annotation with one record, with something about it changed."""
    good = {"run": "r", "id": 0, "step": 0, "action": "scale", "undo": {"kind": "StatefulSet", "name": "mysql"}}
    return json.dumps(good | changes)


KEY = undo_notes.key_of("r", UndoPlanned(0.0, 0, 0, "scale", {}))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(
            (KEY, each)
            for each in ("no json", "[]", "[[]]", "{}", record(action="rm"), record(id="0"), record(undo=[]))
        ),
        *((KEY, each) for each in (record(more=1), record(run="s"), record(id=1))),
        (KEY, record(undo={"kind": "StatefulSet", "name": "nfs"})),
        (undo_notes.UNDO, record()),
        (f"{undo_notes.UNDO}-0", record()),
    ],
)
def test_an_annotation_that_hachaos_did_not_write_is_refused_and_nothing_is_changed(
    broken: Broken, key: str, text: str
) -> None:
    broken.cluster.patch("StatefulSet", "mysql", {"metadata": {"annotations": {key: text}}})
    broken.cluster.calls.clear()
    with pytest.raises(StackError, match=f"annotation {key} is not what hachaos writes"):
        recover(broken.reports)
    assert broken.cluster.calls == []


def test_an_annotation_of_which_only_the_name_s_beginning_is_alike_is_somebody_else_s(broken: Broken) -> None:
    broken.cluster.patch("StatefulSet", "mysql", {"metadata": {"annotations": {"hachaos.dev/undoing": "x"}}})
    assert recover(broken.reports) == []


def test_what_a_deployment_handed_on_to_its_replica_sets_is_taken_away_there(broken: Broken) -> None:
    killed(broken, "site", after="change")
    noted = broken.annotations("wordpress")
    owner = [{"kind": "Deployment", "name": "wordpress"}]
    metadata = {
        "name": "wordpress-abc",
        "generation": 1,
        "ownerReferences": owner,
        "annotations": noted | {"other": "stays"},
    }
    broken.cluster.create({"kind": "ReplicaSet", "metadata": metadata})
    recover(broken.reports)
    copy = broken.cluster.get("ReplicaSet", "wordpress-abc")
    assert copy
    assert copy["metadata"]["annotations"] == {"other": "stays"}


def test_undos_of_one_object_are_kept_in_their_order_and_only_the_first_counts(broken: Broken) -> None:
    stack = broken.stack
    for number, replicas in enumerate((2, 1)):
        aim = ACTIONS["scale"].aim(stack, "database", {"replicas": replicas})
        undo_notes.note(stack, "reports/r", UndoPlanned(0.0, number, number, "scale", aim.undo))
        ACTIONS["scale"].inject(stack, aim)
    assert [each.undo["replicas"] for each in undo_notes.on_workloads(stack)] == [3, 2]
    assert len(recover(broken.reports)) == 2
    assert broken.workload()["spec"]["replicas"] == 3
    assert broken.annotations() == {}


def test_a_journal_that_was_cut_off_anywhere_gets_an_end_and_a_report_that_is_no_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_cluster(monkeypatch, there=False)
    whole = tmp_path / "whole"
    whole.mkdir()
    with Journal(whole) as journal:
        for record in story(baseline=True):
            journal.write(replace(record, stack={}) if isinstance(record, RunBegun) else record)
    text = (whole / journals.NAME).read_bytes()
    before_end = text.rindex(b'{"kind":"run-ended"')
    drawn = random.Random(6)
    for number in range(25):
        folder = tmp_path / f"reports-{number}" / "r"
        folder.mkdir(parents=True)
        (folder / journals.NAME).write_bytes(text[: drawn.randrange(before_end)])
        lines = recover(folder.parent)
        assert recover(folder.parent) == []
        if lines:
            assert json.loads((folder / "report.json").read_text())["verdict"] != "pass"
            history = journals.read(folder)
            assert unfinished(history) == []
            assert history.ended


def drained(namespace: str) -> UndoPlanned:
    undo = {"kind": "Node", "name": "node-1", "namespace": namespace, "cordoned": False, "ready": {}}
    return UndoPlanned(0.0, 0, 0, "drain-node", undo)


def test_what_another_run_notes_on_the_same_node_meanwhile_is_kept(
    broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, planned = broken.stack, drained("wordpress")
    real = broken.cluster.get
    noted = []

    def get(kind: str, name: str) -> Any:
        found = real(kind, name)
        if kind == "Node" and not noted:
            noted.append(name)
            undo_notes.note(stack, "reports/other", planned)
        return found

    monkeypatch.setattr(broken.cluster, "get", get)
    undo_notes.note(stack, "reports/mine", planned)
    assert [each.run for each in undo_notes.on_nodes(stack) or ()] == ["reports/mine", "reports/other"]
    noted.clear()
    undo_notes.forget(stack, "reports/mine", [planned])
    assert [each.run for each in undo_notes.on_nodes(stack) or ()] == ["reports/other"]


@pytest.mark.parametrize("other", [("reports/b", "wordpress"), ("reports/a", "blog")])
def test_the_command_by_hand_takes_the_records_of_its_run_off_a_node_and_no_other_s(
    broken: Broken, other: tuple[str, str]
) -> None:
    mine, others = drained("wordpress"), drained(other[1])
    undo_notes.note(broken.stack, "reports/a", mine)
    undo_notes.note(broken.stack, other[0], others)
    *_, command = by_hand(broken.stack, "reports/a", [mine])
    *words, key = shlex.split(command)
    assert words[-2:] == ["annotate", "node/node-1"]
    node = broken.cluster.get("Node", "node-1")
    assert node
    left = node["metadata"]["annotations"].keys() - {key.removesuffix("-")}
    assert left == {undo_notes.key_of(other[0], others)}


@pytest.mark.parametrize("drained", [False, True])
def test_a_run_on_another_cluster_whose_context_has_the_same_name_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drained: bool
) -> None:
    spec = str(tmp_path / "blog.yaml")
    (tmp_path / "blog.yaml").write_text("")
    cluster = ActedCluster()
    cluster.apply({"kind": "Namespace", "metadata": {"name": "wordpress", "uid": "another"}})
    drain = ACTIONS["drain-node"].aim(cluster.stack(), "database/primary", {})
    noted = UndoPlanned(2.0, 1, 1, "drain-node", drain.undo)
    if drained:
        undo_notes.note(cluster.stack(), f"reports/{FOLDER}", noted)
        ACTIONS["drain-node"].inject(cluster.stack(), drain)
        cluster.patch("StatefulSet", "mysql", {"spec": {"replicas": 1}})
    cluster.calls.clear()
    lent = SimpleNamespace(
        spec=spec, borrowed=True, attach=lambda _: cluster.stack(), left=lambda _: [], release=lambda *_: False
    )
    target = SimpleNamespace(local=False, name="context/prod")
    monkeypatch.setattr(recovering.source, "of", lambda _: lent)
    monkeypatch.setattr(recovering, "target_of", lambda *_, **__: target)
    monkeypatch.setattr(recovering.lease, "hold", lambda *_: nullcontext())
    folder = tmp_path / "reports" / FOLDER
    folder.mkdir(parents=True)
    stack = {"source": spec, "target": "context/prod", "namespace_uid": UID}
    undo = {"kind": "StatefulSet", "name": "mysql", "role": "database", "replicas": 1}
    with Journal(folder) as journal:
        journal.write(RunBegun(FORMAT, FOLDER, "s", "c", 0.0, {"steps": []}, stack, {}))
        journal.write(UndoPlanned(1.0, 0, 0, "scale", undo))
        if drained:
            journal.write(noted)
    said, *more = recovering.recover(
        tmp_path / "reports", stack=spec, cluster="none", elsewhere=Elsewhere("prod", "a-file"), quiet=True
    )
    assert said.startswith(
        f"{FOLDER}: was not on this namespace wordpress of context/prod: another cluster has that name"
    )
    assert {name for _, _, name in cluster.calls} == ({"node-1"} if drained else set())
    assert unfinished(journals.read(folder))
    if drained:  # A node bears the note, so the run was here, and its namespace was made anew.
        place = f"reports/{FOLDER} (whose stack is gone)"
        assert more[0] == f"{place}: step 2 (drain-node): pods may be placed on node/node-1 again"
        assert not (cluster.get("Node", "node-1") or {})["spec"].get("unschedulable")
    else:
        assert more == []


def test_a_binding_that_is_named_by_another_path_is_the_same_stack(
    lent: Lent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_that_was_killed(tmp_path / "reports/x", lent.spec)
    monkeypatch.chdir(tmp_path)
    assert len(recover(tmp_path / "reports", "my-stack.yaml")) == 4
    ends = [record for record in journals.read(tmp_path / "reports/x") if isinstance(record, RunEnded)]
    assert len(ends) == 1


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_journal_that_cannot_be_read_is_told_once_and_keeps_no_other_from_being_put_back(
    broken: Broken, dry_run: bool
) -> None:
    killed(broken, "database", after="change")
    for name in ("0-spoilt", "1-spoilt"):
        (broken.reports / name).mkdir()
        (broken.reports / name / journals.NAME).write_text("{broken\n\n")
    told: list[str] = []
    with pytest.raises(UsageError) as error:
        recovering.recover(broken.reports, stack=PROFILE, cluster="none", quiet=True, dry_run=dry_run, say=told.append)
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == [
        f"{broken.reports / name / journals.NAME}:1:2" for name in ("1-spoilt", "0-spoilt")
    ]
    assert told
    assert not any("spoilt" in line for line in told)
    assert broken.workload()["spec"]["replicas"] == (1 if dry_run else 3)
