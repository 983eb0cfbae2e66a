"""A stack that somebody deployed by hand is borrowed, written to, and given back without a trace."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest
import yaml

from chaos.cluster.api import Api
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.target import Target
from chaos.errors import ExitCode, StackError
from chaos.progress import PlainProgress
from chaos.stack import bind, bound, xml_rpc
from chaos.stack.bound_file import BoundFile, parse
from chaos.stack.clients import NotYet, WordPress
from chaos.stack.database import Database
from chaos.stack.site import Site
from chaos.stack.stack import service_address
from embedded import NAME, ROOT, Hachaos, inside

MANIFEST = Path(__file__).parent / "blog.yaml"
Dump = dict[str, list[tuple[object, ...]]]


def until(what: str, deadline_s: float, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {deadline_s} s: {what}"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def deployed(cluster: Cluster) -> Iterator[None]:
    """WordPress and its database in the namespace `blog`, installed by Anna, with two untitled notes of hers, alike."""
    with inside(cluster) as target:
        deploy(target.api.in_namespace("blog"))
    yield
    with inside(cluster) as target:
        api = target.api.in_namespace("blog")
        for kind, name in (("Namespace", "blog"), ("StorageClass", "blog-disk")):
            api.delete(kind, name)
        until("the blog is gone", 120, lambda: api.get("Namespace", "blog") is None)


@pytest.fixture
def blog(deployed: None, target: Target) -> Api:
    """The API in the namespace of Anna's blog, which each test has to leave as it was."""
    return target.api.in_namespace("blog")


def deploy(api: Api) -> None:
    for item in yaml.safe_load_all(MANIFEST.read_text()):
        api.apply(item)

    def served() -> bool:
        parts = [api.get("StatefulSet", "db"), api.get("Deployment", "web")]
        return all(each and each.get("status", {}).get("readyReplicas") == each["spec"]["replicas"] for each in parts)

    until("the blog is ready", 180, served)
    site = WordPress(service_address(api, "front"), "front.blog.svc")
    form = {
        "weblog_title": "Anna's garden & kitchen",
        "user_name": "anna",
        "admin_password": "correct-horse-battery",
        "admin_password2": "correct-horse-battery",
        "admin_email": "anna@example.com",
        "language": "",
    }

    def installed() -> bool:
        try:
            if site.request("GET", "/").status_code == 200:
                return True
            site.request("POST", "/wp-admin/install.php?step=2", data=form)
        except NotYet:
            pass
        return False

    until("the blog is installed", 120, installed)
    note = {
        "post_type": "post",
        "post_status": "publish",
        "post_title": "",
        "post_content": "The first tomato is ripe.",
    }
    for _ in range(2):
        body = xml_rpc.request("wp.newPost", form["user_name"], form["admin_password"], note)
        xml_rpc.read(site.request("POST", xml_rpc.PATH, data=body, headers={"Content-Type": "text/xml"}).content)


def file_of(api: Api) -> BoundFile:
    return parse(proposal(api), "blog-binding.yaml")


def proposal(api: Api) -> str:
    """What `stack bind` proposes, with what only the user knows: a Secret, and a folder that no object names."""
    proposed = bind.propose(api).replace("secret: fill-in", "secret: editor")
    return proposed.replace("data: /var/lib/mysql", "data: /var/lib/mysql/data")


def tables(api: Api) -> Dump:
    """Every row of WordPress's content tables on each database pod, and the names of all tables."""
    found: Dump = {}
    for pod in api.list("Pod", "tier=data"):
        address = pod["status"]["podIP"]
        login = pymysql.connect(host=address, user="root", password="r00t-of-db", database="pages")
        with closing(login) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW TABLES")
            found[f"{pod['metadata']['name']} tables"] = list(cursor.fetchall())
            for table in ("posts", "postmeta", "term_relationships", "users"):
                cursor.execute(f"SELECT * FROM blog_{table}")
                found[f"{pod['metadata']['name']} {table}"] = list(cursor.fetchall())
    return found


def files(api: Api) -> set[str]:
    pod = api.list("Pod", "tier=web")[0]["metadata"]["name"]
    listed = api.execute(pod, "php", ["find", "/var/www/html/wp-content/uploads", "-type", "f"], timeout_s=20)
    return set(listed.out.split())


def state(api: Api) -> tuple[Dump, set[str]]:
    """What is in the stack, once the replicas have all of it."""
    until(
        "the replicas have all",
        60,
        lambda: len({str(rows) for key, rows in tables(api).items() if "posts" in key}) == 1,
    )
    return tables(api), files(api)


def test_a_stack_is_given_back_as_it_was(target: Target, blog: Api) -> None:
    before, files_before = state(blog)
    file = file_of(blog)
    assert (file.site.schema, file.site.prefix, file.database.writes) == ("pages", "blog_", "service")

    blog.patch("Secret", "editor", {"stringData": {"password": "wrong"}})
    with pytest.raises(StackError, match="does not take user 'anna'"):
        bound.attach(target, file, PlainProgress())
    assert bound.leftovers(blog) is None
    assert tables(blog) == before
    blog.patch("Secret", "editor", {"stringData": {"password": "correct-horse-battery"}})

    stack = bound.attach(target, file, PlainProgress())
    site, address = Site(stack), stack.site_address()
    assert site.read_front(address, 20).ok
    assert site.read_upload(address, 20).ok
    assert site.create_post(address, "0a1b2c3d-post-1", 20).outcome == "ok"
    assert site.create_upload(address, "0a1b2c3d-upload-1", 20).outcome == "ok"
    database = Database(stack.credentials, stack.binding)
    assert database.insert(stack.database_address(), "0a1b2c3d-row-1", "rows", 1, 20).outcome == "ok"
    assert bound.resume(target, file).seed == stack.seed

    # As after kill -9: the next one finds the note, and removes what is left before it begins.
    again = bound.attach(target, file, PlainProgress())
    assert again.credentials.site_id != stack.credentials.site_id
    bound.detach(again, PlainProgress())
    bound.detach(again, PlainProgress())

    assert bound.leftovers(blog) is None
    assert blog.get("ConfigMap", bound.CONFIG_MAP) is None
    assert files(blog) == files_before
    assert tables(blog) == before


def test_a_table_of_somebody_elses_with_the_ledgers_name_is_refused_and_never_dropped(
    target: Target, blog: Api, hachaos: Hachaos, tmp_path: Path
) -> None:
    address = next(each["status"]["podIP"] for each in blog.list("Pod", "tier=data") if is_first(each))
    login = pymysql.connect(host=address, user="root", password="r00t-of-db", database="pages", autocommit=True)
    with closing(login) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE orders (id INT PRIMARY KEY, what TEXT)")
        cursor.execute("INSERT INTO orders VALUES (1, 'tulips'), (2, 'thyme')")
        until("the replicas have it", 60, lambda: str(tables(blog)).count("('orders',)") == 3)
        before = state(blog)
        file = tmp_path / "my-stack.yaml"
        file.write_text(proposal(blog).replace("database:\n", "database:\n  table: orders\n"))
        there = ("--stack", str(file), "--name", NAME, "--reports", str(tmp_path / "reports"))

        went = hachaos("run", "scenarios/kill-replica.yaml", *there)
        assert went.returncode == ExitCode.TROUBLE, went.stdout + went.stderr
        assert "has a table pages.orders already" in went.stderr
        assert bound.leftovers(blog) is None
        assert state(blog) == before

        # As after kill -9 of a run that had noted the name, and never made the table.
        noted = {"site_id": "0a1b2c3d4e5f6071", "uploads": "/var/www/html/wp-content/uploads"}
        made = json.dumps(noted | {"schema": "pages", "table": "orders"})
        blog.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": bound.CONFIG_MAP}, "data": {"made": made}}
        )
        done = hachaos("recover", *there)
        assert done.returncode == ExitCode.PASS, done.stdout + done.stderr
        assert bound.leftovers(blog) is None
        assert state(blog) == before
        cursor.execute("SELECT what FROM orders ORDER BY id")
        assert cursor.fetchall() == (("tulips",), ("thyme",))
        cursor.execute("DROP TABLE orders")


def is_first(pod: dict[str, Any]) -> bool:
    return str(pod["metadata"]["name"]) == "db-0"


def test_a_scenario_passes_and_leaves_nothing_behind(blog: Api, hachaos: Hachaos, tmp_path: Path) -> None:
    before = state(blog)
    file = tmp_path / "my-stack.yaml"
    file.write_text(proposal(blog))
    went = hachaos(
        "run", "scenarios/kill-replica.yaml", "--stack", str(file), "--name", NAME, "--reports", str(tmp_path)
    )
    assert went.returncode == ExitCode.PASS, went.stdout + went.stderr
    assert blog.get("ConfigMap", bound.CONFIG_MAP) is None
    assert state(blog) == before
    for kind in ("StatefulSet", "Deployment", "Service", "Pod"):
        for item in blog.list(kind):
            assert "hachaos" not in str(item["metadata"].get("annotations", {}))


def test_recover_gives_back_what_a_killed_run_had_borrowed(blog: Api, hachaos: Hachaos, tmp_path: Path) -> None:
    before = state(blog)
    file = tmp_path / "my-stack.yaml"
    file.write_text(proposal(blog))
    command = [str(ROOT / "hachaos"), "run", "scenarios/kill-replica.yaml", "--stack", str(file)]
    command += ["--name", NAME, "--reports", str(tmp_path), "--quiet"]
    killed = subprocess.Popen(command, cwd=ROOT)
    until("posts of the run", 120, lambda: number_of_posts(blog) > len(before[0]["db-0 posts"]) + 8)
    killed.kill()
    killed.wait()
    done = hachaos("recover", "--name", NAME, "--reports", str(tmp_path))
    assert done.returncode == ExitCode.PASS, done.stdout + done.stderr
    assert "of a run that was killed are removed" in done.stdout
    assert bound.leftovers(blog) is None
    assert state(blog) == before
    again = hachaos("recover", "--stack", str(file), "--name", NAME, "--reports", str(tmp_path))
    assert again.stdout.startswith("nothing to recover")


def number_of_posts(api: Api) -> int:
    """How many posts the primary has."""
    return len(tables(api)["db-0 posts"])


def test_what_is_not_fit_is_refused_before_anything_is_written(target: Target, blog: Api) -> None:
    text = proposal(blog)
    for changes, said in (
        ({"service: front": "service: fromt"}, "there is no Service fromt"),
        ({"container: php": "container: http"}, "has no container http"),
        ({"schema: pages": "schema: sites"}, "has no schema 'sites'"),
        ({"prefix: blog_": "prefix: wp_"}, "table pages.wp_posts is not there"),
        ({"/mysql/data": "/mysql"}, "db-0 has its data in /var/lib/mysql/data/, and not in /var/lib/mysql"),
        ({"key: root}": "key: app}"}, "does not let 'root' in"),
        ({"key: root}": "key: app}", "user: root": "user: app"}, "db-0 does not show 'app' how it replicates"),
        ({"namespace: blog": "namespace: nowhere"}, "there is no namespace nowhere"),
    ):
        unfit = text
        for old, new in changes.items():
            assert old in unfit
            unfit = unfit.replace(old, new)
        with pytest.raises(StackError, match=said) as caught:
            bound.attach(target, parse(unfit, "blog-binding.yaml"), PlainProgress())
        assert caught.value.exit_code is ExitCode.TROUBLE
    assert bound.leftovers(blog) is None
