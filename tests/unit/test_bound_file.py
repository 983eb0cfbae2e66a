"""A binding's file: what it gives, and that all that is wrong with one is said with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import ExitCode, InputError, UsageError
from chaos.stack.bound_file import SecretKey, load, parse

GOOD = """\
apiVersion: hachaos/v1
name: my-blog
namespace: blog
site:
  workload: Deployment/web
  container: wordpress
  service: front
  host: blog.example.com
  user: {secret: front-login, key: user}
  password: {secret: front-login, key: password}
database:
  workload: StatefulSet/db
  container: mariadb
  user: root
  password: {secret: db, key: root}
"""


def refusal(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse(text, "my.yaml")
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value


def test_what_is_left_out_has_the_defaults_of_a_usual_stack() -> None:
    found = parse(GOOD, "my.yaml")
    assert (found.name, found.namespace) == ("my-blog", "blog")
    assert found.site.posts == "xmlrpc"
    assert (found.site.schema, found.site.prefix, found.site.port) == ("wordpress", "wp_", 80)
    assert (found.database.schema, found.database.table) == ("wordpress", "hachaos_ledger")
    assert (found.database.primary, found.database.writes, found.database.provenance) == ("ordinal", "primary", "none")
    assert found.site_password == SecretKey("front-login", "password")
    assert "files" not in found.workloads


def test_the_binding_gets_the_labels_that_the_cluster_knows() -> None:
    binding = parse(GOOD, "my.yaml").binding({"database": "app=db", "site": "app=web"})
    assert binding.controller("site").service == "front"
    assert binding.controller("database/primary").selector == "app=db"


def test_the_primary_may_be_told_by_a_label_or_by_asking() -> None:
    by_label = parse(GOOD + "  primary: {label: role=primary}\n", "my.yaml").database
    assert (by_label.primary, by_label.primary_label) == ("label", "role=primary")
    assert parse(GOOD + "  primary: read-only\n", "my.yaml").database.primary == "read-only"


def test_an_empty_database_password_has_to_be_said() -> None:
    assert parse(GOOD.replace("{secret: db, key: root}", '""'), "my.yaml").database_password == ""
    assert "database.password is missing" in str(refusal(GOOD.replace("  password: {secret: db, key: root}\n", "")))


def test_a_password_in_the_file_is_refused_and_not_repeated() -> None:
    error = refusal(GOOD.replace("{secret: db, key: root}", "hunter2"))
    assert str(error).startswith("my.yaml:15:13: password: a credential is never written here")
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("container: mariadb", "contaner: mariadb", "my.yaml:13:3: no key 'contaner' here; did you mean 'container'?"),
        ("Deployment/web", "web", "my.yaml:5:13: workload: 'web' is not KIND/NAME"),
        ("StatefulSet/db", "Deployment/db", "my.yaml:12:13: workload: no kind 'Deployment' here"),
        ("hachaos/v1", "hachaos/v2", "my.yaml:1:13: apiVersion: not 'hachaos/v2'"),
        ("blog.example.com", "http://blog/", "my.yaml:8:9: host: 'http://blog/' is no host name"),
        ("namespace: blog", "namespace: Blog", "my.yaml:3:12: namespace: 'Blog' is no name of an object"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, said: str) -> None:
    assert said in str(refusal(GOOD.replace(old, new)))


def test_writes_through_a_service_need_one() -> None:
    assert "my.yaml:16:11: writes: service needs database.service" in str(refusal(GOOD + "  writes: service\n"))


def test_several_faults_are_told_at_once() -> None:
    text = GOOD.replace("Deployment/web", "web").replace("root}", "root}\n  port: 0")
    assert len(str(refusal(text)).splitlines()) == 2


def test_an_anchor_is_refused_as_in_a_scenario() -> None:
    assert "anchor" in str(refusal(GOOD.replace("name: my-blog", "name: &a my-blog")))


def test_a_file_that_is_not_there_is_told_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stack bind"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", ["/var/www/../../etc", "/..", "/a/.."])
def test_a_path_that_leads_up_is_refused(path: str) -> None:
    said = str(refusal(GOOD.replace("  host:", f"  uploads: {path}\n  host:")))
    assert "uploads: " in said
    assert "leave out spaces, quotes and .." in said


def test_dots_within_a_name_are_none_that_lead_up() -> None:
    assert parse(GOOD.replace("  host:", "  uploads: /a..b/..c/d..\n  host:"), "my.yaml").uploads == "/a..b/..c/d.."


def test_a_file_that_is_much_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="larger than 64 KiB"):
        load(path)
