"""`hachaos report --from-cluster` copies whole runs and nothing else, and leaves no pod behind."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from chaos import paths
from chaos.cli import report as command
from chaos.cluster.api import NoAnswer
from chaos.cluster.rights import Right
from chaos.errors import ClusterError, ExitCode, HachaosError, UndoIncomplete, UsageError
from chaos.past import from_cluster, unpack
from chaos.report import NOT_YET
from tests.unit.fake_api import FakeApi, Object
from tests.unit.past import made

CRONJOB: Object = yaml.safe_load((paths.manifests() / "nightly" / "cronjob.yaml").read_text())
CLAIM: Object = yaml.safe_load((paths.manifests() / "nightly" / "reports.yaml").read_text())
RUNNING = {"phase": "Running"}


class Cluster(FakeApi):
    """A nightly run's namespace, with a folder for the volume: a pod that reads runs its commands there."""

    def __init__(self, volume: Path, *objects: Object) -> None:
        super().__init__(*objects, namespace="default")
        self.volume, self.status, self.denied = volume, RUNNING, ""
        self.pods: list[Object] = []
        self.tampers: Callable[[bytes], Iterator[bytes]] = lambda data: iter([data])

    def allows(self, attributes: Object) -> bool:
        asked = f"{attributes['verb']} {attributes['resource']}"
        return not self.denied or asked not in ("* *", self.denied)

    def create(self, manifest: Object) -> Object:
        self.pods.append(manifest)
        return super().create(manifest | {"metadata": manifest["metadata"] | {"uid": "1"}, "status": self.status})

    def stream(self, pod: str, container: str, command: Sequence[str], *, timeout_s: float) -> Iterator[bytes]:
        assert self.get("Pod", pod)
        assert container == "reader"
        here = [str(self.volume) if word == "/reports" else word for word in command]
        data = subprocess.run(here, capture_output=True, check=True).stdout
        return self.tampers(data) if command[0] == "tar" else iter([data])

    @property
    def left(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.list("Pod")]


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Three nights."""
    for number, verdict in enumerate(("pass", "fail", "pass")):
        (made.write(tmp_path / "volume", made.run(number, verdict)) / "report.html").write_bytes(b"\x00\xff\r\n" * 9000)
    return tmp_path / "volume"


@pytest.fixture
def cluster(volume: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = Cluster(volume, CRONJOB, CLAIM)
    monkeypatch.setattr(command.targets, "api", lambda *_: found)
    return found


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "reports"


def copied(to: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command.report, ["--from-cluster", "--to", str(to), *arguments], catch_exceptions=False)


def names(to: Path) -> list[str]:
    return sorted(path.name for path in to.iterdir())


def test_each_run_is_copied_byte_by_byte_and_told_with_its_verdict(cluster: Cluster, to: Path) -> None:
    found = copied(to)
    assert found.exit_code == 0
    assert found.stdout.splitlines() == [
        f"pass     {to}/0000-kill-master/report.html",
        f"fail     {to}/0001-kill-master/report.html",
        f"pass     {to}/0002-kill-master/report.html",
    ]
    for path in cluster.volume.rglob("*.*"):
        assert (to / path.relative_to(cluster.volume)).read_bytes() == path.read_bytes()
    assert len(names(to)) == 3, "and nothing beside them"
    assert cluster.namespace == "hachaos"
    assert cluster.left == []


def test_runs_that_are_here_are_left_as_they_are(cluster: Cluster, to: Path) -> None:
    (to / "0001-kill-master").mkdir(parents=True)
    found = copied(to)
    assert len(found.stdout.splitlines()) == 2
    assert found.stderr == f"1 of them was in {to} already\n"
    assert list((to / "0001-kill-master").iterdir()) == []
    assert copied(to).stderr == f"3 of them were in {to} already\n"


def test_the_last_runs_or_those_that_are_named_can_be_had_alone(cluster: Cluster, to: Path) -> None:
    copied(to, "--last", "1")
    assert names(to) == ["0002-kill-master"]
    copied(to, "0000-kill-master")
    assert names(to) == ["0000-kill-master", "0002-kill-master"]
    with pytest.raises(UsageError, match="hachaos/hachaos-reports: there is no run '0003-kill-master'"):
        copied(to, "0003-kill-master")
    with pytest.raises(UsageError, match="only one of them"):
        copied(to, "0000-kill-master", "--last", "2")
    assert cluster.left == []


def test_a_run_that_has_no_report_is_copied_only_by_its_name(cluster: Cluster, to: Path) -> None:
    (cluster.volume / "0002-kill-master" / "report.json").unlink()
    (cluster.volume / "0002-kill-master" / "report.html").unlink()
    found = copied(to)
    assert "0002-kill-master: no report yet" in found.stderr
    assert names(to) == ["0000-kill-master", "0001-kill-master"]
    assert copied(to, "0002-kill-master").stdout == f"unknown  {to}/0002-kill-master\n"


def test_a_suite_that_goes_on_is_not_copied_and_a_run_that_never_was_is(cluster: Cluster, to: Path) -> None:
    (cluster.volume / "0003-go-live").mkdir()
    suite = {"verdict": "unknown", "scenarios": [{"not_run": ""}, {"not_run": NOT_YET}]}
    (cluster.volume / "0003-go-live" / "report.json").write_text(json.dumps(suite))
    (cluster.volume / "0004-kill-master-not-run").mkdir()
    (cluster.volume / "0004-kill-master-not-run" / "not-run.json").write_text("{}")
    found = copied(to, "--last", "2")
    assert found.stdout == f"missing  {to}/0004-kill-master-not-run\n"
    assert "0003-go-live: no report yet" in found.stderr
    assert names(to) == ["0004-kill-master-not-run"]


def test_the_pod_that_reads_is_confined_and_of_the_nightly_runs_image(cluster: Cluster, to: Path) -> None:
    spec = cluster.get("CronJob", "hachaos-nightly")
    assert spec
    inner = spec["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    inner["containers"][0]["image"] = "registry.example/hachaos@sha256:1"
    inner["imagePullSecrets"] = [{"name": "registry"}]
    cluster.apply(spec)
    copied(to)
    (pod,) = cluster.pods
    (its,) = pod["spec"]["containers"]
    assert its["image"] == "registry.example/hachaos@sha256:1"
    assert its["volumeMounts"] == [{"name": "reports", "mountPath": "/reports", "readOnly": True}]
    assert its["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["metadata"]["namespace"] == "hachaos"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--claim", "other"), "there is no claim 'other' in namespace hachaos"),
        (("--claim", "../secrets"), "--claim: '../secrets' is no name"),
    ],
)
def test_a_claim_that_is_not_there_is_said_and_nothing_is_made(
    cluster: Cluster, to: Path, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        copied(to, *arguments)
    assert cluster.calls == []
    assert not to.exists()


def test_a_claim_that_no_nightly_run_mounts_is_said(volume: Path, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command.targets, "api", lambda *_: Cluster(volume, CLAIM))
    with pytest.raises(UsageError, match=r"no CronJob in namespace hachaos .* mounts the claim 'hachaos-reports'"):
        copied(to)


def test_a_volume_without_a_run_is_trouble(cluster: Cluster, to: Path, tmp_path: Path) -> None:
    cluster.volume = tmp_path / "empty"
    (cluster.volume / "lost+found").mkdir(parents=True)
    with pytest.raises(ClusterError, match="no run has left anything there yet") as caught:
        copied(to)
    assert caught.value.exit_code == ExitCode.TROUBLE
    assert cluster.left == []


def test_a_right_that_is_missing_is_named_before_anything_is_touched(cluster: Cluster, to: Path) -> None:
    cluster.denied = "create pods"
    with pytest.raises(ClusterError, match="missing in namespace hachaos: create pods, create pods/exec"):
        copied(to)
    assert cluster.calls == []


def test_the_role_in_the_docs_has_exactly_the_rights_that_are_asked_for() -> None:
    page = (paths.data_root() / "docs" / "nightly.md").read_text()
    (block,) = [each.partition("```")[0] for each in page.split("```yaml\n")[1:] if each.startswith("rules:")]
    written = {
        Right(group, resource, verb, name)
        for rule in yaml.safe_load(block)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }
    assert written == set(from_cluster.needed("hachaos-reports"))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"phase": "Failed", "message": "evicted"}, "does not start: evicted"),
        (
            {
                "phase": "Pending",
                "containerStatuses": [{"state": {"waiting": {"reason": "ErrImageNeverPull", "message": "no image"}}}],
            },
            "does not start: ErrImageNeverPull: no image",
        ),
        (
            {
                "phase": "Pending",
                "conditions": [{"status": "False", "reason": "Unschedulable", "message": "no node is free"}],
            },
            "did not start within 0 s: Unschedulable: no node is free",
        ),
    ],
)
def test_a_pod_that_does_not_start_says_why_and_is_removed(
    cluster: Cluster, to: Path, monkeypatch: pytest.MonkeyPatch, status: dict[str, Any], message: str
) -> None:
    monkeypatch.setattr(from_cluster, "START_TIMEOUT_S", 0.0)
    cluster.status = status
    with pytest.raises(ClusterError, match=message):
        copied(to)
    assert len(cluster.pods) == 1
    assert cluster.left == []


def test_the_pod_is_removed_where_the_answer_to_its_creation_was_lost(
    cluster: Cluster, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(manifest: Object) -> Object:
        Cluster.create(cluster, manifest)
        raise NoAnswer("no answer")

    monkeypatch.setattr(cluster, "create", lost)
    with pytest.raises(NoAnswer):
        copied(to)
    assert len(cluster.pods) == 1
    assert cluster.left == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_the_pod_is_removed(cluster: Cluster, to: Path, number: int) -> None:
    def interrupted(data: bytes) -> Iterator[bytes]:
        yield data[:512]
        os.kill(os.getpid(), number)
        yield data[512:]

    cluster.tampers = interrupted
    found = copied(to)
    assert found.exit_code != 0
    assert names(to) == []
    assert cluster.left == []


def test_a_pod_that_cannot_be_removed_is_said_with_what_removes_it(
    cluster: Cluster, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bool:
        raise ClusterError("no answer")

    monkeypatch.setattr(cluster, "delete_exactly", refuse)
    with pytest.raises(UndoIncomplete) as caught:
        copied(to)
    assert caught.value.hint == f"kubectl -n hachaos delete pod {cluster.left[0]}"
    assert len(names(to)) == 3


def test_of_half_a_stream_nothing_is_left(cluster: Cluster, to: Path) -> None:
    told = []

    def second_breaks(data: bytes) -> Iterator[bytes]:
        told.append(data)
        yield data
        if len(told) == 2:
            raise ClusterError("tar in reader: the connection ended before the command did")

    cluster.tampers = second_breaks
    with pytest.raises(ClusterError, match="the connection ended before the command did"):
        copied(to)
    assert names(to) == ["0000-kill-master"], "what was whole before stays"
    assert cluster.left == []


def test_a_folder_with_a_link_is_named_and_the_others_are_copied(cluster: Cluster, to: Path) -> None:
    (cluster.volume / "0001-kill-master" / "link").symlink_to("/etc/passwd")
    with pytest.raises(ClusterError, match="0001-kill-master: it holds '0001-kill-master/link', which is no plain"):
        copied(to)
    assert names(to) == ["0000-kill-master", "0002-kill-master"]
    assert cluster.left == []


def test_without_from_cluster_it_says_which_command_draws_a_report_again() -> None:
    with pytest.raises(UsageError) as caught:
        CliRunner().invoke(command.report, ["0000-kill-master"], catch_exceptions=False)
    assert "check --write" in str(caught.value.hint)


def archive(*members: tuple[str, Any]) -> bytes:
    """A tar archive of names with what they hold: bytes, or the fields of a header."""
    made_ = io.BytesIO()
    with tarfile.open(fileobj=made_, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, held in members:
            member = tarfile.TarInfo(name)
            data = held if isinstance(held, bytes) else b""
            member.size = len(data)
            for field, value in held.items() if isinstance(held, dict) else ():
                setattr(member, field, value)
            tar.addfile(member, io.BytesIO(data))
    return made_.getvalue()


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 511, 512, 100_000])
def test_an_archive_may_come_in_pieces_of_any_size(tmp_path: Path, size: int) -> None:
    data = archive(("run", {"type": tarfile.DIRTYPE}), ("run/a", b"x" * 700), ("run/sub/b", b""))
    unpack.unpack(in_pieces(data, size), "run", tmp_path)
    assert (tmp_path / "run/a").read_bytes() == b"x" * 700
    assert (tmp_path / "run/sub/b").read_bytes() == b""


@pytest.mark.parametrize(
    "member",
    [
        ("/etc/passwd", b"x"),
        ("../out", b"x"),
        ("run/../../out", b"x"),
        ("run/./a", b"x"),
        ("other/a", b"x"),
        ("run/a\x1b[2J", b"x"),
        ("run/link", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("run/link", {"type": tarfile.SYMTYPE, "linkname": ".."}),
        ("run/link", {"type": tarfile.LNKTYPE, "linkname": "../out"}),
        ("run/device", {"type": tarfile.CHRTYPE}),
        ("run/pipe", {"type": tarfile.FIFOTYPE}),
        ("run/holes", {"pax_headers": {"GNU.sparse.map": "0,0", "GNU.sparse.size": "99999999999"}}),
    ],
)
def test_what_is_no_plain_file_of_the_run_is_refused(tmp_path: Path, member: tuple[str, Any]) -> None:
    to = tmp_path / "to"
    to.mkdir()
    with pytest.raises(ClusterError, match="which is no plain file in it"):
        unpack.unpack([archive(("run/first", b"1"), member)], "run", to)
    assert names(tmp_path) == ["to"]
    assert [path.name for path in to.rglob("*")] == ["run", "first"]


def test_rights_and_owners_of_the_archive_are_not_taken(tmp_path: Path) -> None:
    unpack.unpack([archive(("run/a", {"mode": 0o6777, "uid": 12345}))], "run", tmp_path)
    found = (tmp_path / "run/a").stat()
    assert found.st_mode & 0o7111 == 0
    assert found.st_uid == os.getuid()


@pytest.mark.parametrize("cut", [0, 100, 600, 1024, 1100])
def test_an_archive_that_breaks_off_is_no_archive(tmp_path: Path, cut: int) -> None:
    data = archive(("run/a", b"x" * 2000))
    with pytest.raises(HachaosError, match="what came is"):
        unpack.unpack([data[:cut]], "run", tmp_path)


def test_a_file_that_comes_twice_and_one_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match="no whole archive"):
        unpack.unpack([archive(("run/a", b"1"), ("run/a", b"2"))], "run", tmp_path)
    monkeypatch.setattr(unpack, "MOST_BYTES", 5000)
    with pytest.raises(ClusterError, match="run: it is larger than"):
        unpack.unpack(in_pieces(archive(("run/b", b"1" * 9000)), 512), "run", tmp_path)
