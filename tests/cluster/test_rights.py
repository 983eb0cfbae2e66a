"""Under the Role that `hachaos rbac` prints, and under no other right, a borrowed stack is broken and judged."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from calls import covers, recorded
from chaos import preconditions, rights, session
from chaos.cluster.api import Api, connect
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.target import Target
from chaos.errors import ClusterError
from chaos.scenario.load import load_any
from chaos.scenario.plan import Plan, plans_of
from chaos.stack import bound, source
from chaos.stack.source import Source
from chaos.verdict import Verdict
from embedded import NAME, ROOT, Hachaos
from test_bound_stack import blog, proposal  # noqa: F401

SCENARIOS = ("scenarios/kill-replica.yaml", "scenarios/wordpress-scale.yaml")
OF_A_BAD_RUN = {"pods/log"}
"""What only a run asks for whose pods do not come back, or whose clones are xtrabackup's."""


@pytest.fixture
def file(blog: Api, tmp_path: Path) -> Path:  # noqa: F811
    written = tmp_path / "my-stack.yaml"
    written.write_text(proposal(blog))
    return written


@pytest.fixture
def kubectl(hachaos: Hachaos) -> Hachaos:
    def call(*words: str) -> str:
        done = hachaos("cluster", "kubectl", "--name", NAME, "--", *words)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    return call


class Account:
    """The ServiceAccount with what `hachaos rbac` printed for these scenarios and nothing else."""

    def __init__(self, cluster: Cluster, kubectl: Hachaos, printed: str, place: Path) -> None:
        self.role = place / "role.yaml"
        self.role.write_text(printed)
        kubectl("apply", "-f", str(self.role))
        admin = yaml.safe_load(cluster.kubeconfig.read_text())
        token = str(kubectl("-n", "blog", "create", "token", "hachaos", "--duration=2h")).strip()
        admin["users"] = [{"name": "least", "user": {"token": token}}]
        admin["contexts"] = [
            {"name": "least", "context": {"cluster": admin["clusters"][0]["name"], "user": "least"}},
        ]
        admin["current-context"] = ""
        self.kubeconfig = place / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(admin))

    def target(self, of: Target) -> Target:
        api = connect(self.kubeconfig, context="least")
        return Target(name="context/least", local=False, nodes=of.nodes, api=api, versions=of.versions)


def plans(*names: str) -> tuple[Plan, ...]:
    return plans_of([load_any(ROOT / name) for name in names])


def printed(hachaos: Hachaos, file: Path, *scenarios: str) -> str:
    done = hachaos("rbac", *scenarios, "--stack", str(file), "--in-cluster")
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def without_each_rule(text: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """What was printed less one rule, and how a refusal names what is lost with it, for each rule of it."""
    documents = list(yaml.safe_load_all(text))
    for document in documents:
        whole = document.get("rules", ())
        for rule in whole:
            document["rules"] = [each for each in whole if each is not rule]
            yield yaml.safe_dump_all(documents), re.compile(rf"{rule['verbs'][-1]} {rule['resources'][0]}(?![/\w])")
        if whole:
            document["rules"] = whole


def refusal(lost: re.Pattern[str], wanted: tuple[Plan, ...], stacks: Source, api: Api) -> ClusterError:
    """The refusal that names it, once the API server knows of the Role as it is now."""
    deadline, said = time.monotonic() + 20, "not refused"
    while time.monotonic() < deadline:
        try:
            preconditions.require_rights(wanted, stacks, api, outside=False)
        except ClusterError as error:
            said = str(error)
            if lost.search(said):
                return error
        time.sleep(0.1)
    raise AssertionError(f"{lost.pattern} is not named: {said}")


def test_what_is_printed_is_all_that_a_run_uses_and_nothing_else(
    target: Target,
    cluster: Cluster,
    file: Path,
    hachaos: Hachaos,
    kubectl: Hachaos,
    tmp_path: Path,
) -> None:
    text = printed(hachaos, file, *SCENARIOS)
    account = Account(cluster, kubectl, text, tmp_path)
    stacks, wanted = source.of(str(file)), plans(*SCENARIOS)
    least = account.target(target)
    with recorded() as used:
        preconditions.require_rights(wanted, stacks, least.api, outside=False)
        went = session._Session(stacks, least, session.Options(stack=str(file), reports=tmp_path / "runs", quiet=True))
        try:
            verdicts = [went.scenario(plan).verdict for plan in wanted]
        finally:
            went.release()
    assert verdicts == [Verdict.PASS] * len(wanted)
    needed = rights.needed(wanted, stacks, outside=False)
    assert [str(each) for each in used if not any(covers(right, each) for right in needed)] == []

    for less, lost in without_each_rule(text):
        account.role.write_text(less)
        kubectl("apply", "-f", str(account.role))
        assert "hachaos rbac" in str(refusal(lost, wanted, stacks, least.api).hint)
    assert bound.leftovers(least.api.in_namespace("blog")) is None
    idle = [right for right in needed if not any(covers(right, each) for each in used)]
    assert [str(right) for right in idle if right.resource not in OF_A_BAD_RUN] == []
