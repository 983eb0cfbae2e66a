"""A proposed binding loads, names what is there, and says where it guessed."""

from __future__ import annotations

from typing import Any, cast

import pytest
from fake_api import FakeApi

from chaos.cluster.api import Api
from chaos.errors import StackError
from chaos.stack import bind
from chaos.stack.bound_file import BoundFile, SecretKey, parse
from chaos.stack.profile import Profile

Object = dict[str, Any]


def workload(kind: str, name: str, container: Object, **spec: Object) -> Object:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], **spec}}
    body = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
    return {"kind": kind, "metadata": {"name": name}, "spec": body}


def service(name: str, selector: Object, **spec: str) -> Object:
    return {"kind": "Service", "metadata": {"name": name}, "spec": {"selector": selector, "ports": [], **spec}}


def secret(name: str, key: str) -> Object:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


NAMESPACE = {"kind": "Namespace", "metadata": {"name": "blog"}}
WEB = workload(
    "Deployment",
    "web",
    {
        "name": "php",
        "image": "example.com/shop:3",
        "ports": [{"containerPort": 8080}],
        "env": [
            {"name": "WORDPRESS_DB_HOST", "value": "db-primary"},
            {"name": "WORDPRESS_DB_NAME", "value": "shop"},
            {"name": "WORDPRESS_DB_USER", "value": "shop"},
            {"name": "WORDPRESS_DB_PASSWORD"} | secret("shop", "password"),
        ],
    },
)
DB = workload(
    "StatefulSet",
    "db",
    {
        "name": "server",
        "image": "mariadb:10.11",
        "ports": [{"containerPort": 3306}],
        "env": [{"name": "MARIADB_ROOT_PASSWORD"} | secret("db", "root")],
    },
)
FRONT = service("front", {"app": "web"})
PRIMARY = service("db-primary", {"app": "db", "role": "primary"})


def proposed(*objects: Object, namespace: str = "blog") -> tuple[str, BoundFile]:
    text = bind.propose(cast("Api", FakeApi(*objects, namespace=namespace)))
    return text, parse(text, "proposed.yaml")


def test_it_finds_each_part_under_any_name() -> None:
    _, found = proposed(NAMESPACE, WEB, DB, FRONT, PRIMARY)
    assert (found.workloads["site"].name, found.workloads["site"].service) == ("web", "front")
    assert (found.workloads["database"].name, found.workloads["database"].container) == ("db", "server")
    assert (found.site.schema, found.site.port) == ("shop", 8080)
    assert (found.database.primary, found.database.primary_label) == ("label", "role=primary")
    assert found.database.writes == "service"
    assert (found.database_user, found.database_password) == ("root", SecretKey("db", "root"))
    assert "files" not in found.workloads


def test_a_service_over_every_pod_is_not_where_rows_are_written() -> None:
    text, found = proposed(NAMESPACE, WEB, DB, FRONT, service("db-primary", {"app": "db"}, clusterIP="None"))
    assert found.database.writes == "primary"
    assert "leads to every pod" in text


def test_what_it_can_not_know_is_said() -> None:
    text, found = proposed(NAMESPACE, WEB, DB, FRONT, PRIMARY)
    assert found.site_password == SecretKey("fill-in", "password")
    assert "nobody but you knows" in text


@pytest.mark.parametrize("profile", ["hardened", "published"])
def test_it_binds_our_own_stacks_as_their_profiles_do(profile: str) -> None:
    known = Profile.load(profile)
    there = {"kind": "Namespace", "metadata": {"name": known.namespace}}
    text, found = proposed(*known.objects, there, namespace=known.namespace)
    for part, controller in known.binding.controllers.items():
        bound = found.workloads[part]
        assert (bound.kind, bound.name, bound.container) == (controller.kind, controller.name, controller.container)
    assert found.database.writes == known.binding.database.writes
    assert found.workloads["site"].service == "wordpress", text


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ((), "no namespace blog"),
        ((NAMESPACE, DB), "looks like WordPress"),
        ((NAMESPACE, WEB), "looks like database"),
    ],
)
def test_a_namespace_without_the_stack_is_refused(objects: tuple[Object, ...], said: str) -> None:
    with pytest.raises(StackError, match=said):
        proposed(*objects)
