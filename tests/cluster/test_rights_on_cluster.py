"""Under the Role that `hachaos rbac` prints, and under no other right, a borrowed stack is broken and judged."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

import calls
from chaos import preconditions, rights
from chaos.cluster.api import Api, Object, connect
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.rights import Right
from chaos.cluster.target import Target
from chaos.errors import ClusterError, ExitCode
from chaos.scenario.load import load_any
from chaos.scenario.plan import Plan, plans_of
from chaos.stack import bound, source
from chaos.stack.source import Source
from chaos.stack.stack import Stack
from embedded import NAME, ROOT, Hachaos
from test_bound_stack import blog, deployed, proposal  # noqa: F401

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

    def __init__(self, cluster: Cluster, kubectl: Hachaos, printed: str, place: Path, namespace: str = "blog") -> None:
        role = place / "role.yaml"
        role.write_text(printed)
        kubectl("apply", "-f", str(role))
        admin = yaml.safe_load(cluster.kubeconfig.read_text())
        token = str(kubectl("-n", namespace, "create", "token", "hachaos", "--duration=2h")).strip()
        admin["users"] = [{"name": "least", "user": {"token": token}}]
        admin["contexts"] = [
            {"name": "least", "context": {"cluster": admin["clusters"][0]["name"], "user": "least"}},
        ]
        admin["current-context"] = ""
        self.kubeconfig = place / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(admin))

    @property
    def api(self) -> Api:
        return connect(self.kubeconfig, context="least")


def plans(*names: str) -> tuple[Plan, ...]:
    return plans_of([load_any(ROOT / name) for name in names])


def printed(hachaos: Hachaos, file: Path, *scenarios: str) -> str:
    done = hachaos("rbac", *scenarios, "--stack", str(file))
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def without_each_rule(text: str) -> Iterator[tuple[list[Object], re.Pattern[str]]]:
    """What was printed less one rule, and how a refusal names what is lost with it, for each rule of it."""
    documents = list(yaml.safe_load_all(text))
    for document in documents:
        whole = document.get("rules", ())
        for rule in whole:
            document["rules"] = [each for each in whole if each is not rule]
            yield documents, re.compile(rf"{rule['verbs'][-1]} {rule['resources'][0]}(?![/\w])")
        if whole:
            document["rules"] = whole


def refusal(lost: re.Pattern[str], wanted: tuple[Plan, ...], stacks: Source, api: Api) -> ClusterError:
    """The refusal that names it, once the API server knows of the Role as it is now."""
    deadline, said = time.monotonic() + 20, "not refused"
    while time.monotonic() < deadline:
        try:
            preconditions.require_rights(wanted, stacks, api, outside=True)
        except ClusterError as error:
            said = str(error)
            if lost.search(said):
                return error
        time.sleep(0.1)
    raise AssertionError(f"{lost.pattern} is not named: {said}")


def run(
    scenarios: Sequence[str], stack: Path, account: Account, reports: Path, *more: str, timeout_s: float = 1200
) -> tuple[subprocess.CompletedProcess[str], set[Right]]:
    """What a run with the account's rights alone ended with, and every right that its calls needed."""
    seen = reports.with_suffix(".calls")
    arguments = ["run", *scenarios, "--stack", str(stack), "--reports", str(reports), "--quiet", "--yes", *more]
    arguments += ["--context", "least", "--kubeconfig", str(account.kubeconfig)]
    command = [sys.executable, "-P", str(Path(calls.__file__)), str(seen), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
    return done, calls.read(seen)


def require_exact(needed: Sequence[Right], used: set[Right]) -> None:
    more = [str(each) for each in used if not any(calls.covers(right, each) for right in needed)]
    # Done without where it is not allowed, as here.
    assert sorted(each for each in more if each != "list nodes") == []
    idle = [right for right in needed if not any(calls.covers(right, each) for each in used)]
    assert [str(right) for right in idle if right.resource not in OF_A_BAD_RUN] == []


def test_what_is_printed_is_all_that_a_run_uses_and_nothing_else(
    target: Target, cluster: Cluster, file: Path, hachaos: Hachaos, kubectl: Hachaos, tmp_path: Path
) -> None:
    text = printed(hachaos, file, *SCENARIOS)
    account = Account(cluster, kubectl, text, tmp_path)
    stacks, wanted = source.of(str(file)), plans(*SCENARIOS)
    needed = rights.needed(wanted, stacks, outside=True)
    began = time.monotonic()
    assert rights.missing(account.api.in_namespace("blog"), needed) == []
    print(f"{len(needed)} rights were asked for in {time.monotonic() - began:.2f} s")
    done, used = run(SCENARIOS, file, account, tmp_path / "runs", "--baseline", "record")
    require_exact(needed, used)
    # A busy machine may show in the verdict; this is about rights.
    assert done.returncode in (ExitCode.PASS, ExitCode.FAIL, ExitCode.UNKNOWN), done.stdout + done.stderr

    for less, lost in without_each_rule(text):
        for document in less:
            target.api.apply(document)
        assert "hachaos rbac" in str(refusal(lost, wanted, stacks, account.api).hint)
    done, used = run(SCENARIOS, file, account, tmp_path / "refused")
    assert done.returncode == ExitCode.TROUBLE, done.stdout + done.stderr
    assert lost.search(done.stderr), done.stderr
    assert "nothing was touched" in done.stderr
    assert {each.verb for each in used} <= {"get", "list"}
    assert not list((tmp_path / "refused").glob("*/journal.jsonl"))
    api = target.api.in_namespace("blog")
    assert bound.leftovers(api) is None
    assert api.get("Lease", "hachaos") is None


@pytest.mark.long
def test_no_scenario_that_a_borrowed_stack_can_run_is_refused_anything(
    cluster: Cluster, file: Path, hachaos: Hachaos, kubectl: Hachaos, tmp_path: Path
) -> None:
    scenarios = [f"scenarios/{plan.name}.yaml" for plan in plans("scenarios/go-live.yaml") if plan.name != "stop-nfs"]
    account = Account(cluster, kubectl, printed(hachaos, file, *scenarios), tmp_path)
    all_used: set[Right] = set()
    for name in scenarios:
        # This stack clones nothing, so that what takes its data is no pass; that is no matter of rights.
        done, used = run([name], file, account, tmp_path / Path(name).stem, "--allow-destructive")
        print(f"{name}: {ExitCode(done.returncode).name} {done.stderr.strip()}")
        assert done.returncode != ExitCode.UNDO_INCOMPLETE
        all_used |= used
    assert not [each for each in tmp_path.rglob("journal.jsonl") if "forbidden" in each.read_text()]
    require_exact(rights.needed(plans(*scenarios), source.of(str(file)), outside=True), all_used)


@pytest.mark.long
def test_every_scenario_passes_on_the_hardened_stack_that_is_borrowed_under_what_is_printed(
    stack: Stack, cluster: Cluster, hachaos: Hachaos, kubectl: Hachaos, tmp_path: Path
) -> None:
    file = ROOT / "manifests/nightly/stack.yaml"
    wanted = ("scenarios/go-live.yaml", "scenarios/drain-node.yaml")
    account = Account(cluster, kubectl, printed(hachaos, file, *wanted), tmp_path, stack.binding.namespace)
    allowed = ("--allow-destructive", "--allow-nodes", "--baseline", "stop")
    done, used = run(wanted, file, account, tmp_path / "runs", *allowed, timeout_s=2400)
    assert done.returncode == ExitCode.PASS, done.stdout + done.stderr
    assert not [each for each in (tmp_path / "runs").rglob("journal.jsonl") if "forbidden" in each.read_text()]
    require_exact(rights.needed(plans(*wanted), source.of(str(file)), outside=True), used)
