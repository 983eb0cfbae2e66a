"""hachaos in a pod of the cluster: the Job breaks the stack and nothing else, and gives it back as it was."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from chaos.cluster.api import Api
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.local.images.hachaos import USER
from chaos.cluster.target import Target
from chaos.stack import bound
from chaos.stack.bound_file import LEDGER_TABLE
from chaos.stack.stack import Stack
from embedded import NAME, ROOT, Hachaos

FOLDER = "manifests/nightly"


def until(what: str, deadline_s: float, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {deadline_s} s: {what}"
        time.sleep(0.3)


class Nightly:
    """The manifests, applied; `api` is in their namespace, `reports` the folder on this machine that is the volume."""

    def __init__(self, api: Api, hachaos: Hachaos, cluster: Cluster) -> None:
        self.api, self._hachaos = api, hachaos
        self.apply("-f", f"{FOLDER}/namespace.yaml")
        until("the namespace has its account", 30, lambda: api.get("ServiceAccount", "default") is not None)
        self.kubectl("apply", "--dry-run=server", "--validate=strict", "-k", FOLDER)
        self.apply("-k", FOLDER)
        self.kubectl("create", "--dry-run=server", "--validate=strict", "-f", f"{FOLDER}/job.yaml")
        until("the volume is there", 30, lambda: bool(self._volume()))
        self.reports = cluster.kubeconfig.parent / "volumes" / Path(self._volume()).name
        # What fsGroup does elsewhere: to a folder of the host Kubernetes gives no owner.
        shutil.chown(self.reports, USER, USER)

    def _volume(self) -> str:
        claim = self.api.get("PersistentVolumeClaim", "hachaos-reports") or {"spec": {}}
        volume = self.api.get("PersistentVolume", claim["spec"].get("volumeName", "none")) or {}
        return str(volume.get("spec", {}).get("hostPath", {}).get("path", ""))

    def kubectl(self, *arguments: str) -> str:
        went = self._hachaos("cluster", "kubectl", "--name", NAME, *arguments)
        assert went.returncode == 0, went.stdout + went.stderr
        # A warning is what PodSecurity or a deprecation would say.
        assert "Warning" not in went.stderr, went.stderr
        return went.stdout

    def apply(self, *arguments: str) -> None:
        self.kubectl("apply", "--validate=strict", *arguments)

    def night_falls(self) -> str:
        """The Job that the CronJob starts by its own schedule, which is set to each minute until there is one."""
        self.api.patch("CronJob", "hachaos-nightly", {"spec": {"schedule": "* * * * *"}})
        try:
            until("the CronJob starts a Job", 90, lambda: bool(self.api.list("Job")))
        finally:
            self.api.patch("CronJob", "hachaos-nightly", {"spec": {"suspend": True}})
        (job,) = self.api.list("Job")
        (owner,) = job["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("CronJob", "hachaos-nightly")
        return str(job["metadata"]["name"])

    def copied(self, to: Path, *arguments: str) -> tuple[list[str], str]:
        """What `hachaos report --from-cluster` prints: a line a report, and what it says beside."""
        went = self._hachaos("report", "--from-cluster", "--name", NAME, "--to", str(to), *arguments)
        assert went.returncode == 0, went.stdout + went.stderr
        # How far it is, is shown once it takes a while.
        said = [line for line in went.stderr.splitlines() if "copying reports" not in line]
        return went.stdout.splitlines(), "\n".join(said)

    def pod(self, job: str) -> dict[str, Any]:
        """The only pod of a Job, once it is there."""
        until(f"{job} has a pod", 30, lambda: bool(self.api.list("Pod", f"job-name={job}")))
        (pod,) = self.api.list("Pod", f"job-name={job}")
        return pod

    def ended(self, job: str, deadline_s: float) -> tuple[int, str]:
        """The exit code of a Job's only container, once it has ended, and its log."""
        name = self.pod(job)["metadata"]["name"]

        def over() -> bool:
            return self.pod(job)["status"]["phase"] in ("Succeeded", "Failed")

        until(f"{job} ends", deadline_s, over)
        log = self.api.logs(name, "hachaos")
        (container,) = self.pod(job)["status"]["containerStatuses"]
        assert container["restartCount"] == 0
        return int(container["state"]["terminated"]["exitCode"]), log

    def condition(self, job: str) -> str:
        """`Complete` or `Failed`, once the Job says so."""

        def said() -> list[str]:
            found = json.loads(self.kubectl("get", "job", job, "-n", "hachaos", "-o", "json"))
            kinds = [each["type"] for each in found["status"].get("conditions", ()) if each["status"] == "True"]
            return [kind for kind in kinds if kind in ("Complete", "Failed")]

        until(f"{job} has ended", 60, lambda: bool(said()))
        return said()[0]


@pytest.fixture(scope="module")
def image(cluster: Cluster) -> None:
    """hachaos's own image is on the nodes. Built before a test joins the cluster's network: it comes from outside."""
    subprocess.run([ROOT / "hachaos", "cluster", "image", "--name", NAME], cwd=ROOT, check=True)


@pytest.fixture
def nightly(image: None, target: Target, stack: Stack, cluster: Cluster, hachaos: Hachaos) -> Iterator[Nightly]:
    yield Nightly(target.api.in_namespace("hachaos"), hachaos, cluster)
    hachaos("cluster", "kubectl", "--name", NAME, "delete", "-k", FOLDER, "--wait=false")
    until("the namespace is gone", 90, lambda: target.api.get("Namespace", "hachaos") is None)


def left(stack: Stack) -> list[str]:
    """What a run has left in the stack, in words."""
    found = [
        f"annotation on {kind} {item['metadata']['name']}"
        for kind in ("StatefulSet", "Deployment", "Service")
        for item in stack.api.list(kind)
        if "hachaos.dev" in str(item["metadata"].get("annotations", {}))
    ]
    if bound.leftovers(stack.api) is not None:
        found.append("the note")
    if stack.api.get("Lease", "hachaos") is not None:
        found.append("the Lease")
    for pod in stack.pods("database"):
        login = pymysql.connect(host=pod.ip, user="hachaos", password=stack.credentials.ledger_password)
        with closing(login) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW TABLES IN hachaos LIKE %s", (LEDGER_TABLE,))
            found += [f"the ledger on {pod.name}" for _ in cursor.fetchall()]
    return found


def uid(stack: Stack, pod: str) -> str:
    item = stack.api.get("Pod", pod)
    return str(item["metadata"]["uid"]) if item else ""


def test_the_nightly_job_kills_the_master_alone_and_its_report_is_copied_out(
    nightly: Nightly, stack: Stack, tmp_path: Path
) -> None:
    before = {pod.name: pod.uid for role in ("database", "site", "files") for pod in stack.pods(role)}
    first = nightly.night_falls()
    own = nightly.pod(first)["metadata"]
    until("the first run holds the Lease", 60, lambda: stack.api.get("Lease", "hachaos") is not None)
    second = nightly.kubectl("create", "-f", f"{FOLDER}/job.yaml", "-o", "name").strip().rpartition("/")[2]

    code, log = nightly.ended(second, 60)
    assert code == 3, log
    assert own["name"] in log, "it says who holds the Lease"
    assert nightly.condition(second) == "Failed"

    code, log = nightly.ended(first, 240)
    assert code == 0, log
    assert nightly.condition(first) == "Complete"
    after = {pod.name: pod.uid for role in ("database", "site", "files") for pod in stack.pods(role)}
    assert {name for name in before if before[name] != after.get(name)} == {"mysql-0"}
    assert nightly.pod(first)["metadata"]["uid"] == own["uid"]

    lines, said = nightly.copied(tmp_path)
    (run,) = tmp_path.glob("*-kill-master")
    assert f"pass     {run}/report.html" in lines
    assert not said
    there = {path.name: path.read_bytes() for path in (nightly.reports / run.name).iterdir()}
    assert {"report.html", "report.json", "junit.xml"} <= there.keys()
    assert {path.name: path.read_bytes() for path in run.iterdir()} == there, "each byte is as it is on the volume"
    assert json.loads(there["report.json"])["verdict"] == "pass"
    assert own["name"] not in there["journal.jsonl"].decode(), "its own pod is none of the stack's"
    lines, said = nightly.copied(tmp_path, run.name)
    assert (lines, said) == ([], f"1 of them was in {tmp_path} already")
    until(
        "the pods that read are gone", 30, lambda: not nightly.api.list("Pod", "app.kubernetes.io/name=hachaos-reader")
    )
    assert left(stack) == []


@pytest.mark.long
def test_a_job_that_is_deleted_puts_back_what_it_has_done(nightly: Nightly, stack: Stack) -> None:
    old = uid(stack, "mysql-0")
    nightly.kubectl("create", "job", "cut-off", "-n", "hachaos", "--from=cronjob/hachaos-nightly")
    nightly.pod("cut-off")
    until("the master is killed", 120, lambda: uid(stack, "mysql-0") not in (old, ""))
    nightly.kubectl("delete", "job", "cut-off", "-n", "hachaos", "--cascade=foreground")
    until("its pod is gone", 180, lambda: not nightly.api.list("Pod", "job-name=cut-off"))
    (run,) = nightly.reports.glob("*-kill-master")
    assert (run / "report.json").is_file()
    until("the database is ready", 60, lambda: stack.ready("database"))
    assert left(stack) == []
