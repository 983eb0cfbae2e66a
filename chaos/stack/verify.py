"""Whether a stack is deployed: by what its pods serve and hold, not by what their probes say."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pymysql

from chaos.errors import StackError
from chaos.progress import Task
from chaos.stack.clients import NotYet, WordPress, connect, gist, run
from chaos.stack.database import Database
from chaos.stack.stack import Article, Seed, Stack

_LOOK_EVERY_S = 0.5
_HEARTBEAT_S = 5.0
_MYSQL_PORT = 3306
_HTTP_PORT = 80
_HTTP_TIMEOUT_S = 10.0


def verify(stack: Stack, task: Task, timeout_s: float = 60.0) -> None:
    """Wait until nothing is wrong with the stack. Raises StackError that says what still is, pod by pod."""
    deadline = time.monotonic() + timeout_s
    while wrong := problems(stack):
        task.update(wrong[0])
        if time.monotonic() >= deadline:
            raise StackError(
                f"the stack is deployed but not sound after {timeout_s:g} s: {'; '.join(wrong)}",
                hint=f"kubectl -n {stack.api.namespace} get pods",
            )
        time.sleep(_LOOK_EVERY_S)


def problems(stack: Stack) -> list[str]:
    """What is wrong with the stack, a sentence each; empty when it is deployed and sound.

    Every site pod and the Service must serve the seed, exactly one database pod may be writable, and a heartbeat that
    is written now must arrive on the others, each of which must hold the seed's rows.
    """
    site, database = stack.pods("site"), stack.pods("database")
    wrong = [f"{pod.name} has no address" for pod in (*site, *database) if not pod.ip]
    if not site or not database:
        return [*wrong, f"there are {len(site)} site pods and {len(database)} database pods"]
    checks: list[Callable[[], list[str]]] = [
        lambda: _served("the Service", stack.site_address(), stack),
        lambda: _held({pod.name: pod.ip for pod in database if pod.ip}, stack),
    ]
    checks += [_bound(pod.name, f"{pod.ip}:{_HTTP_PORT}", stack) for pod in site if pod.ip]
    with ThreadPoolExecutor(len(checks)) as pool:
        for found in pool.map(lambda check: check(), checks):
            wrong += found
    return wrong


def _bound(name: str, address: str, stack: Stack) -> Callable[[], list[str]]:
    return lambda: _served(name, address, stack)


def _served(name: str, address: str, stack: Stack) -> list[str]:
    try:
        return [
            f"{name} serves {what}"
            for what in not_served(WordPress(address, stack.site_host, timeout_s=_HTTP_TIMEOUT_S), stack.seed)
        ]
    except StackError as error:
        return [f"{name}: {error}"]


def not_served(site: WordPress, seed: Seed) -> Iterator[str]:
    """What a site serves in place of the seed content. Raises StackError when it does not answer."""
    front = site.request("GET", "/")
    if front.status_code != 200 or seed.marker not in front.text:
        yield f"a front page without {seed.marker!r}: {front.status_code} {gist(front)}"
    ids = ",".join(str(post.id) for post in seed.posts)
    fields = {"include": ids, "per_page": "100", "_fields": "id,title,content"}
    served = {each["id"]: each for each in site.rest("GET", "/wp/v2/posts", query=fields)}
    for post in seed.posts:
        found = served.get(post.id)
        if found is None:
            yield f"no post {post.id} ({post.title!r})"
        elif post.title not in found["title"]["rendered"] or post.text not in found["content"]["rendered"]:
            yield f"another text as post {post.id} ({post.title!r})"
    page = site.request("GET", seed.page.path)
    if page.status_code != 200 or seed.page.text not in page.text:
        yield f"no page {seed.page.path}: {page.status_code} {gist(page)}"
    picture = site.request("GET", seed.picture.path)
    digest = hashlib.sha256(picture.content).hexdigest()
    if picture.status_code != 200 or digest != seed.picture.sha256:
        yield f"another picture at {seed.picture.path}: {picture.status_code}, {len(picture.content)} bytes"


def _held(pods: dict[str, str], stack: Stack) -> list[str]:
    """What is wrong with the database pods (`{name: ip}`)."""
    open_: dict[str, pymysql.Connection[Any]] = {}
    wrong: list[str] = []
    try:
        for name, ip in pods.items():
            try:
                open_[name] = _connect(f"{ip}:{_MYSQL_PORT}", stack)
            except NotYet as error:
                wrong.append(f"{name}: {error}")
        return wrong + _roles_and_rows(open_, stack)
    except StackError as error:
        return [*wrong, str(error)]
    finally:
        for connection in open_.values():
            connection.close()


def _connect(address: str, stack: Stack) -> pymysql.Connection[Any]:
    known = stack.credentials
    return connect(address, known.ledger_user, known.ledger_password, known.ledger_database)


def _roles_and_rows(open_: dict[str, pymysql.Connection[Any]], stack: Stack) -> list[str]:
    writable = [name for name, connection in open_.items() if run(connection, "SELECT @@read_only")[0][0] == 0]
    wrong = [] if len(writable) == 1 else [f"{len(writable)} database pods are writable ({', '.join(writable)})"]
    for name, connection in open_.items():
        articles = (*stack.seed.posts, stack.seed.page)
        held = rows_of(connection, articles)
        missing = [each.id for each in articles if each.text not in held.get(each.id, "")]
        if missing:
            wrong.append(f"{name} lacks the seed's rows {missing} of wp_posts")
    beat = secrets.token_hex(16)
    with closing(_connect(stack.database_address(), stack)) as primary:
        run(primary, f"REPLACE INTO heartbeat (id, token) VALUES (1, '{beat}')")  # noqa: S608
    deadline = time.monotonic() + _HEARTBEAT_S
    late = dict(open_)
    while late and time.monotonic() < deadline:
        late = {name: connection for name, connection in late.items() if beat_of(connection) != beat}
        if late:
            time.sleep(0.05)
    return wrong + [f"{name} does not replicate: {replication(connection, stack)}" for name, connection in late.items()]


def rows_of(connection: pymysql.Connection[Any], articles: tuple[Article, ...]) -> dict[int, str]:
    """The texts of these articles as the database holds them, by id."""
    ids = ", ".join(str(each.id) for each in articles)
    rows = run(connection, f"SELECT ID, post_content FROM wordpress.wp_posts WHERE ID IN ({ids})")  # noqa: S608
    return {int(row[0]): str(row[1]) for row in rows}


def beat_of(connection: pymysql.Connection[Any]) -> str:
    """The last heartbeat that has arrived here."""
    rows = run(connection, "SELECT token FROM heartbeat WHERE id = 1")
    return str(rows[0][0]) if rows else ""


def replication(connection: pymysql.Connection[Any], stack: Stack) -> str:
    """What the server itself says of its replication, in one line."""
    try:
        said = Database(stack.credentials, stack.binding).replication(connection)
    except pymysql.MySQLError as error:
        return str(error)
    if said.source is None:
        return "it has no source"
    return f"IO {said.io_running}, SQL {said.sql_running}, {said.last_error or 'no error'}"
