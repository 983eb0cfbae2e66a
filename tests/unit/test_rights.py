"""The rights of a run: computed without a cluster, written as a Role, asked for before anything is touched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from click.testing import CliRunner

from chaos import rights, role
from chaos.cli.rbac import rbac
from chaos.cluster.api import Api, Object
from chaos.cluster.rights import Right, may, merged
from chaos.errors import ClusterError, ExitCode, UsageError
from chaos.preconditions import require_rights
from chaos.role import Account
from chaos.scenario.load import load_any
from chaos.scenario.plan import Plan, plans_of
from chaos.stack import source

ROOT = Path(__file__).resolve().parents[2]
ALL = sorted(path for path in (ROOT / "scenarios").glob("*.yaml"))
BINDING = """\
apiVersion: hachaos/v1
name: my-blog
namespace: blog
site:
  workload: Deployment/web
  container: php
  service: front
  host: blog.example.com
  user: anna
  password: {secret: editor, key: password}
database:
  workload: StatefulSet/db
  service: "on"
  container: server
  user: {secret: db, key: user}
  password: {secret: db, key: root}
"""


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    file = tmp_path / "my-stack.yaml"
    file.write_text(BINDING)
    return file


def plans(*names: str) -> tuple[Plan, ...]:
    return plans_of([load_any(ROOT / "scenarios" / f"{name}.yaml") for name in names])


def needed(stack: Path, *names: str, outside: bool = False) -> rights.Rights:
    return rights.needed(plans(*names), source.of(str(stack)), outside=outside)


def words(found: Sequence[Right]) -> set[str]:
    return {str(each) for each in found}


def granted(text: str) -> list[Right]:
    """The rights that the objects in the text give."""
    found = []
    for item in yaml.safe_load_all(text):
        for rule in item.get("rules", ()):
            for name in rule.get("resourceNames", [""]):
                (group,), (resource,) = rule["apiGroups"], rule["resources"]
                found += [Right(group, resource, v, name, item["kind"] == "ClusterRole") for v in rule["verbs"]]
    return found


def test_each_right_is_there_once_whatever_needs_it(stack: Path) -> None:
    found = needed(stack, "go-live")
    assert len(found) == len(set(found))
    assert list(found) == sorted(found, key=lambda right: right.order)
    (deleting,) = [each for each in found if str(each) == "delete pods"]
    assert deleting.why == "delete-pod; delete-volume"
    assert all(each.why for each in found)


def test_a_scenario_needs_nothing_of_another_ones(stack: Path) -> None:
    scale, kill = words(needed(stack, "wordpress-scale")), words(needed(stack, "kill-replica"))
    assert scale - kill == {"patch deployments.apps web", "patch deployments/scale.apps web"} | REPLICA_SETS
    assert kill - scale == {"delete pods", "get pods"} - scale


REPLICA_SETS = {"list replicasets.apps", "patch replicasets.apps"}


def test_credentials_are_read_by_name_and_no_list_is_needed_of_them(stack: Path) -> None:
    found = [each for each in needed(stack, "go-live", outside=True) if each.resource in ("secrets", "configmaps")]
    assert words(found) == {
        "get secrets db",
        "get secrets editor",
        *(f"{verb} configmaps hachaos" for verb in ("get", "create", "patch", "delete")),
    }


def test_what_belongs_to_no_namespace_is_needed_only_for_volumes_and_nodes(stack: Path) -> None:
    assert [each for each in needed(stack, "kill-master", "stop-nfs") if each.cluster] == []
    assert words([each for each in needed(stack, "lose-master-disk") if each.cluster]) == {"get persistentvolumes"}
    on_nodes = words([each for each in needed(stack, "drain-node") if each.cluster])
    assert on_nodes == {"get nodes", "list nodes", "patch nodes"}


def test_port_forward_is_needed_from_outside_alone(stack: Path) -> None:
    more = words(needed(stack, "kill-master", outside=True)) - words(needed(stack, "kill-master"))
    assert {"get pods/portforward", "create pods/portforward"} <= more
    assert not any(each.startswith(("delete", "patch", "update")) for each in more)


def test_a_step_at_a_part_that_the_stack_lacks_needs_nothing(stack: Path) -> None:
    assert not any("nfs" in str(each) for each in needed(stack, "stop-nfs"))
    assert "patch statefulsets.apps nfs" in words(
        rights.needed(plans("stop-nfs"), source.of("hardened"), outside=False)
    )


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("spec", ["hardened", "published", "bound"])
@pytest.mark.parametrize("scenario", ALL, ids=lambda path: path.stem)
def test_what_is_written_gives_what_is_needed_and_nothing_else(
    scenario: Path, spec: str, outside: bool, stack: Path
) -> None:
    found = rights.needed(
        plans_of([load_any(scenario)]), source.of(str(stack) if spec == "bound" else spec), outside=outside
    )
    text = role.manifest(found, Account("hachaos", "blog"), "blog")
    assert sorted(granted(text), key=lambda right: right.order) == list(found)
    for right in granted(text):
        # Kubernetes gives these to nobody by name.
        assert not (right.name and right.verb in ("list", "watch"))
        assert "*" not in (right.verb, right.resource, right.group, right.name)
    assert text == role.manifest(found, Account("hachaos", "blog"), "blog")


def test_the_account_of_another_namespace_is_bound_to_the_stacks_role() -> None:
    found = merged((*may("get", "PersistentVolume"), *may("get", "Secret", "null", why="to sign in")))
    text = role.manifest(found, Account("nightly", "jobs"), "blog", about=["made by hand"])
    made = {item["kind"]: item for item in yaml.safe_load_all(text)}
    assert made["ServiceAccount"]["metadata"] == {"name": "nightly", "namespace": "jobs"}
    assert made["Role"]["metadata"] == {"name": "nightly", "namespace": "blog"}
    assert made["Role"]["rules"][0]["resourceNames"] == ["null"]
    assert made["ClusterRole"]["metadata"] == {"name": "nightly-blog"}
    for kind in ("Role", "ClusterRole"):
        bound = made[f"{kind}Binding"]
        assert bound["roleRef"]["name"] == made[kind]["metadata"]["name"]
        assert bound["subjects"] == [{"kind": "ServiceAccount", "name": "nightly", "namespace": "jobs"}]
    assert text.startswith("# made by hand\n")
    assert "  # get: to sign in\n" in text


def test_no_cluster_role_is_written_where_none_is_needed(stack: Path) -> None:
    text = role.manifest(needed(stack, "kill-master"), Account("hachaos", "blog"), "blog")
    kinds = [item["kind"] for item in yaml.safe_load_all(text)]
    assert kinds == ["ServiceAccount", "Role", "RoleBinding"]


def test_the_command_prints_for_kubectl_what_a_run_needs(stack: Path) -> None:
    arguments = [str(ROOT / "scenarios/kill-replica.yaml"), str(ROOT / "scenarios/go-live.yaml")]
    done = CliRunner().invoke(rbac, [*arguments, "--stack", str(stack), "--service-account", "on"])
    assert done.exit_code == 0, done.output
    assert set(granted(done.stdout)) == set(needed(stack, "go-live", outside=True))
    assert [item["metadata"]["name"] for item in yaml.safe_load_all(done.stdout)][:3] == ["on"] * 3
    inside = CliRunner().invoke(rbac, [*arguments, "--stack", str(stack), "--in-cluster"])
    assert set(granted(inside.stdout)) == set(needed(stack, "go-live"))


@pytest.mark.parametrize("option", ["--service-account", "--namespace"])
def test_a_name_that_kubernetes_does_not_have_is_refused(option: str, stack: Path) -> None:
    done = CliRunner().invoke(
        rbac, [str(ROOT / "scenarios/kill-replica.yaml"), "--stack", str(stack), option, "a}\nb: c"]
    )
    assert isinstance(done.exception, UsageError)
    assert option in str(done.exception)
    assert done.exception.exit_code is ExitCode.USAGE


class Asked:
    """An API server that allows some things, and notes what it was asked."""

    def __init__(self, *, admin: bool = False, denied: Sequence[Right] = ()) -> None:
        self.namespace = "default"
        self.questions: list[Object] = []
        self._admin = admin
        self._denied = {(each.group, each.resource, each.verb, each.name) for each in denied}

    def in_namespace(self, namespace: str) -> Asked:
        self.namespace = namespace
        return self

    def allows(self, attributes: Object) -> bool:
        self.questions.append(attributes)
        if attributes["verb"] == "*":
            return self._admin
        sub = attributes["subresource"]
        resource = attributes["resource"] + (f"/{sub}" if sub else "")
        return (attributes["group"], resource, attributes["verb"], attributes["name"]) not in self._denied


def check(api: Asked, spec: str, *names: str) -> None:
    require_rights(plans(*names), source.of(spec), cast("Api", api), outside=False)


def test_all_that_is_missing_is_named_at_once_and_where_to_get_it(stack: Path) -> None:
    denied = (*may("patch", "Deployment", "web", sub="scale"), *may("get", "Secret", "editor"))
    api = Asked(denied=denied)
    with pytest.raises(ClusterError) as caught:
        check(api, str(stack), "wordpress-scale")
    assert str(caught.value) == (
        "2 rights are missing in namespace blog: get secrets editor, patch deployments/scale.apps web"
    )
    hint = str(caught.value.hint)
    assert hint.startswith("hachaos rbac ")
    assert "wordpress-scale.yaml" in hint
    assert f"--stack {stack}" in hint
    assert caught.value.exit_code is ExitCode.TROUBLE
    one = Asked(denied=denied[:1])
    with pytest.raises(ClusterError, match="1 right is missing"):
        check(one, str(stack), "wordpress-scale")


def test_who_has_every_right_is_let_through_and_each_was_asked_for(stack: Path) -> None:
    api = Asked()
    check(api, str(stack), "lose-master-disk")
    asked = [each for each in api.questions if each["verb"] != "*"]
    assert len(asked) == len(needed(stack, "lose-master-disk"))
    (volume,) = [each for each in asked if each["resource"] == "persistentvolumes"]
    assert "namespace" not in volume
    assert {each["namespace"] for each in asked if each is not volume} == {"blog"}


def test_an_administrator_is_asked_for_one_thing(stack: Path) -> None:
    api = Asked(admin=True)
    check(api, str(stack), "go-live")
    assert len(api.questions) == 1


def test_a_stack_of_ours_is_not_asked_about() -> None:
    api = Asked()
    check(api, "hardened", "go-live")
    assert api.questions == []


def test_a_right_is_written_as_kubectl_has_it() -> None:
    found: list[Any] = [*may("get patch", "StatefulSet", "db", sub="scale"), *may("watch", "Pod")]
    assert list(map(str, found)) == ["get statefulsets/scale.apps db", "patch statefulsets/scale.apps db", "watch pods"]
