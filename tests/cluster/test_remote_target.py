"""A cluster is broken from outside of its network, by its kubeconfig's context: everything goes by port-forward."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.cluster.api import Api, Objects
from chaos.cluster.local.cluster import Cluster
from chaos.errors import ExitCode
from chaos.stack import bound
from embedded import NAME, ROOT, Hachaos
from test_bound_stack import blog, deployed, proposal, state  # noqa: F401

CONTEXT = "prod-like"
KINDS = ("ConfigMap", "Deployment", "Lease", "Pod", "Secret", "Service", "StatefulSet")


@pytest.fixture
def kubeconfig(cluster: Cluster, hachaos: Hachaos, tmp_path: Path) -> Iterator[str]:
    """A kubeconfig for this machine's own network, in which nothing but the API server can be reached."""
    command = [str(ROOT / "hachaos"), "cluster", "forward", "api", "--name", NAME]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as forwarding:
        try:
            assert forwarding.stdout is not None
            server = "https://" + forwarding.stdout.readline().split()[0]
            printed = hachaos("cluster", "kubeconfig", "--name", NAME, "--server", server)
            content = json.loads(printed.stdout)
            content["contexts"][0]["name"] = CONTEXT
            file = tmp_path / "kubeconfig"
            file.write_text(json.dumps(content))
            yield str(file)
        finally:
            forwarding.terminate()


@pytest.fixture
def file(blog: Api, tmp_path: Path) -> str:  # noqa: F811
    written = tmp_path / "my-stack.yaml"
    written.write_text(proposal(blog))
    return str(written)


def objects(api: Api) -> dict[str, Objects]:
    """All that is in the namespace, each with its version: nothing was touched when they are the same."""
    return {kind: api.list(kind) for kind in KINDS}


def test_a_scenario_passes_from_outside_and_leaves_the_stack_as_it_was(
    blog: Api,  # noqa: F811
    hachaos: Hachaos,
    kubeconfig: str,
    file: str,
    tmp_path: Path,
) -> None:
    before = state(blog)
    reports = tmp_path / "reports"
    # Each request is a connection through the API server, beside whatever else these cores have to do.
    text = (ROOT / "scenarios/kill-replica.yaml").read_text()
    calm, changed = re.subn(r"workload: .*", "workload: {reads: 2/s, writes: 5/s, posts: 0.5/s, deadline: 10s}", text)
    assert changed == 1
    scenario = tmp_path / "kill-replica.yaml"
    scenario.write_text(calm)
    there = ("--context", CONTEXT, "--kubeconfig", kubeconfig, "--stack", file)
    went = hachaos("run", str(scenario), *there, "--yes", "--reports", str(reports))
    assert went.returncode == ExitCode.PASS, went.stdout + went.stderr
    assert "context/prod-like, https://127.0.0.1:" in went.stderr
    assert "StatefulSet db; its pods of database/replica now: db-1, db-2" in went.stderr
    (folder,) = reports.glob("2*")
    begun = json.loads((folder / "journal.jsonl").read_text().splitlines()[0])
    assert begun["stack"]["target"] == "context/prod-like"
    assert begun["stack"]["reach"] == "port-forward"
    assert "by a port-forward through the API server" in (folder / "report.html").read_text()
    assert blog.get("ConfigMap", bound.CONFIG_MAP) is None
    assert state(blog) == before


def test_looking_and_being_refused_touch_nothing(
    blog: Api,  # noqa: F811
    hachaos: Hachaos,
    kubeconfig: str,
    file: str,
    tmp_path: Path,
) -> None:
    before, objects_before = state(blog), objects(blog)
    there = ("--context", CONTEXT, "--kubeconfig", kubeconfig)
    for command, said in (
        (("stack", "bind", "--namespace", "blog", *there), "workload: StatefulSet/db"),
        (("stack", "status", "--stack", file, *there), "every pod is ready"),
        (("preflight", "--stack", file, *there), "StatefulSet/db"),
        (("plan", "scenarios/kill-replica.yaml", "--stack", file, *there), "context/prod-like"),
    ):
        went = hachaos(*command)
        assert went.returncode == ExitCode.PASS, went.stdout + went.stderr
        assert said in went.stdout

    reports = tmp_path / "reports"

    def refused(said: str, *arguments: str) -> None:
        what = () if arguments[0].endswith(".yaml") else ("scenarios/kill-replica.yaml",)
        went = hachaos("run", *what, *arguments, "--reports", str(reports))
        assert went.returncode == ExitCode.USAGE, went.stdout + went.stderr
        assert said in went.stderr
        assert not reports.exists()

    refused("no terminal to ask on: nothing was touched", *there, "--stack", file)
    refused("hardened is a profile", *there, "--yes")
    refused("--allow-destructive says", "scenarios/lose-master-disk.yaml", *there, "--stack", file, "--yes")
    suite = ("scenarios/go-live.yaml", "--baseline", "stop")
    refused("--allow-destructive says", *suite, *there, "--stack", file, "--yes")
    refused("current one is never taken", "--kubeconfig", kubeconfig, "--stack", file, "--yes")
    refused("there is no context 'prod'", "--context", "prod", "--kubeconfig", kubeconfig, "--stack", file, "--yes")
    blog.patch("Namespace", "blog", {"metadata": {"labels": {"hachaos.dev/protected": "true"}}})
    try:
        refused("namespace blog is protected", *there, "--stack", file, "--yes")
        refused("namespace blog is protected", "--name", NAME, "--stack", file)
    finally:
        blog.patch("Namespace", "blog", {"metadata": {"labels": {"hachaos.dev/protected": None}}})
    assert (state(blog), objects(blog)) == (before, objects_before)
