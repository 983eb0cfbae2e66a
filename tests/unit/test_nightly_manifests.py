"""The manifests of the nightly run agree with each other and with the tool that they start."""

from __future__ import annotations

from typing import Any

import yaml
from click.testing import CliRunner

from chaos import paths
from chaos.cli.rbac import rbac
from chaos.cli.run import run
from chaos.cluster.local.images import hachaos, reference
from chaos.scenario.load import load_any
from chaos.scenario.plan import PUT_BACK_TIMEOUT_S, Plan
from chaos.stack import bound_file
from chaos.stack.profile import Profile

FOLDER = paths.manifests() / "nightly"
SCENARIO = paths.scenarios() / "kill-master.yaml"


def specs() -> list[dict[str, Any]]:
    """What the Job and the CronJob say of their Jobs."""
    cron = yaml.safe_load((FOLDER / "cronjob.yaml").read_text())
    return [yaml.safe_load((FOLDER / "job.yaml").read_text())["spec"], cron["spec"]["jobTemplate"]["spec"]]


def container() -> dict[str, Any]:
    (found,) = specs()[0]["template"]["spec"]["containers"]
    return dict(found)


def test_the_rights_are_exactly_those_that_the_run_needs() -> None:
    arguments = [str(SCENARIO), "--stack", str(FOLDER / "stack.yaml"), "--in-cluster", "--namespace", "hachaos"]
    printed = CliRunner().invoke(rbac, arguments)
    assert printed.exit_code == 0, printed.output
    assert (FOLDER / "rights.yaml").read_text() == printed.output, "write the output of hachaos rbac there (docs)"


def test_the_job_and_the_cronjob_start_the_same() -> None:
    once, nightly = specs()
    assert once == nightly


def test_the_command_is_one_that_the_tool_takes() -> None:
    name, *arguments = container()["args"]
    assert name == "run"
    context = run.make_context("run", list(arguments))
    assert context.params["in_cluster"] is True
    assert context.params["yes"] is True
    assert paths.data_root() / context.params["scenario"][0] == SCENARIO
    assert hachaos.RECIPE.working_directory == f"/{hachaos.HOME}", "from where the scenario's path begins"


def test_the_image_and_its_user_are_those_that_are_built() -> None:
    assert container()["image"] == reference("hachaos")
    assert specs()[0]["template"]["spec"]["securityContext"]["runAsUser"] == hachaos.USER


def test_the_pod_that_holds_the_reports_is_confined_as_the_run_is() -> None:
    reader = yaml.safe_load((FOLDER / "reader.yaml").read_text())["spec"]
    (its,) = reader["containers"]
    run_of = specs()[0]["template"]["spec"]
    assert its["image"] == container()["image"]
    assert its["securityContext"] == container()["securityContext"]
    assert reader["securityContext"] == run_of["securityContext"]
    assert reader["volumes"] == [each for each in run_of["volumes"] if each["name"] == "reports"]


def test_there_is_time_to_put_back_and_time_for_the_whole_run() -> None:
    plan = load_any(SCENARIO)
    assert isinstance(plan, Plan)
    assert specs()[0]["template"]["spec"]["terminationGracePeriodSeconds"] > PUT_BACK_TIMEOUT_S
    assert specs()[0]["activeDeadlineSeconds"] > plan.longest_s


def test_the_binding_is_that_of_the_hardened_stack() -> None:
    found, hardened = bound_file.load(FOLDER / "stack.yaml"), Profile.load("hardened").binding
    selectors = {part: each.selector for part, each in hardened.controllers.items()}
    assert found.binding(selectors).controllers == hardened.controllers
    assert (found.namespace, found.site.host) == (hardened.namespace, hardened.site.host)
    assert (found.database.data, found.database.provenance) == (hardened.database.data, hardened.database.provenance)


def test_its_pod_is_none_that_the_stack_selects() -> None:
    binding = Profile.load("hardened").binding
    for spec in specs():
        assert binding.role_of(spec["template"]["metadata"]["labels"]) is None
    assert binding.namespace != "hachaos"


def test_what_is_applied_is_all_in_namespaces_that_are_written_out() -> None:
    # kustomize's own `namespace` would move the Role to where there is nothing to break.
    whole = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert "namespace" not in whole
    items = [item for name in whole["resources"] for item in yaml.safe_load_all((FOLDER / name).read_text())]
    where = {item["kind"]: item["metadata"].get("namespace", "") for item in items}
    assert where == {
        "Namespace": "",
        "ServiceAccount": "hachaos",
        "Role": "wordpress",
        "RoleBinding": "wordpress",
        "PersistentVolumeClaim": "hachaos",
        "CronJob": "hachaos",
    }
    assert [each["namespace"] for each in whole["configMapGenerator"]] == ["hachaos"]
