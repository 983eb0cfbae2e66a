"""A stack that is already there: borrowed for a run, and given back without a trace.

Nothing is deployed. What is written is one table, a few posts and a picture to begin with, then the run's own rows,
posts and uploads. Before the first of them a ConfigMap says so; it goes last, so a process that is killed in between
leaves word of what has to be removed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
import xmlrpc.client
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from chaos.cluster.api import Api, Object
from chaos.cluster.target import Target
from chaos.errors import ClusterError, StackError
from chaos.progress import Progress, Task
from chaos.stack import xml_rpc
from chaos.stack.binding import Binding
from chaos.stack.bound_file import BoundFile, SecretKey, Value, load
from chaos.stack.clients import NotYet, WordPress, gist
from chaos.stack.credentials import Credentials
from chaos.stack.database import Connection, Database, NoDatabase
from chaos.stack.stack import Article, Picture, Pod, Seed, Stack, pods, service_address

__all__ = ["BoundFile", "attach", "detach", "leftovers", "load", "look", "resume"]

CONFIG_MAP = "hachaos"
"""What says, in the stack's namespace, that something of ours is in it."""

_TRIES_S = 60.0
_DEADLINE_S = 20.0
_AT_ONCE = 4
_LOOK_EVERY_S = 0.5
_PICTURE = Path(__file__).parent / "seed" / "picture.png"
_TITLE = re.compile(r"<title>[^<]*\S[^<]*</title>")
_OURS = "^([0-9a-f]{8}-(post|upload)-[0-9]+([.]txt)?|hachaos[ -][0-9a-f]{16}[ -][a-z]+([.]png)?)$"
"""The titles of what a run posts and uploads, and of the seed: nobody else's are so. For MySQL and for Python."""

_OUR_FILES = re.compile(r"([0-9a-f]{8}-upload-[0-9]+(-[0-9]+)?[.]txt|hachaos-[0-9a-f]{16}-picture(-[0-9a-z]+)*[.]png)")

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class _Remote:
    """WordPress's XML-RPC at an address. Safe to use from many threads."""

    address: str
    host: str
    known: Credentials

    def call(self, method: str, *arguments: dict[str, Any] | list[str] | int) -> Any:
        """Call one method. Raises NotYet without an answer to it, and xml_rpc.Fault for a fault."""
        body = xml_rpc.request(method, self.known.admin_user, self.known.admin_password, *arguments)
        site = WordPress(self.address, self.host, timeout_s=_DEADLINE_S)
        answer = site.request("POST", xml_rpc.PATH, data=body, headers={"Content-Type": "text/xml"})
        try:
            return xml_rpc.read(answer.content)
        except ValueError as error:
            raise NotYet(f"{method}: {answer.status_code} {gist(answer)}") from error


def attach(target: Target, file: BoundFile, progress: Progress) -> Stack:
    """Borrow the stack: look whether it is fit, then write the ledger's table and the seed.

    What an earlier run left is removed first. Raises StackError, before anything is written, for a stack that is not
    fit: the message says what would be right.
    """
    api = target.api.in_namespace(file.namespace)
    with progress.task(f"stack {file.name}") as task:
        task.update("looking at the objects")
        binding = _binding(api, file)
        known = _credentials(api, file, secrets.token_hex(8))
        task.update("signing in")
        _fit_database(api, binding, known)
        marker = _fit_site(api, binding, known)
        stack = Stack(binding, api, known, _seed(marker), _local_cluster(target))
        if leftovers(api):
            progress.say(f"namespace {file.namespace} holds what an earlier run left: it is removed")
            _remove(stack, file.uploads, task)
        # Before the first write, so that there is no moment in which nobody knows of it.
        _note(stack, file, complete=False)
        task.update("ledger and seed")
        _make_ledger(stack)
        stack = Stack(binding, api, known, _make_seed(stack), stack.local_cluster)
        _note(stack, file, complete=True)
        return stack


def resume(target: Target, file: BoundFile) -> Stack:
    """The stack without a look at its state. Its seed is the one that `attach` made, and empty when that is gone."""
    api = target.api.in_namespace(file.namespace)
    found = leftovers(api) or {}
    known = _credentials(api, file, found.get("site_id", ""))
    seed = Seed.from_json(found["seed"]) if "seed" in found else _seed("")
    return Stack(_binding(api, file, ready=False), api, known, seed, _local_cluster(target))


def detach(stack: Stack, progress: Progress) -> bool:
    """Remove all that was written into a borrowed stack, and look whether it is gone. Whether there was anything.

    Raises StackError with what is left.
    """
    found = leftovers(stack.api)
    if found is None:
        return False
    with progress.task(f"giving back {stack.binding.name}") as task:
        _remove(stack, found["uploads"], task)
    return True


def leftovers(api: Api) -> dict[str, Any] | None:
    """What a run that borrowed the stack in the API's namespace wrote down and did not remove; None for nothing.

    Keys: `site_id`, `uploads` (their folder), `schema`, `table`, and `seed` once it is whole.
    """
    found = api.get("ConfigMap", CONFIG_MAP)
    if found is None:
        return None
    try:
        told: dict[str, Any] = json.loads(found["data"]["made"])
    except (LookupError, ValueError) as error:
        raise StackError(
            f"namespace {api.namespace}: the ConfigMap {CONFIG_MAP} is not one that hachaos made",
            hint="rename it: hachaos keeps its own notes under that name",
        ) from error
    return told


def look(api: Api, file: BoundFile) -> Binding:
    """The file's binding with what the cluster adds to it. Raises StackError for an object that is not there."""
    return _binding(api, file, ready=False)


# Whether the stack is fit


def _binding(api: Api, file: BoundFile, *, ready: bool = True) -> Binding:
    """The file's binding with what the cluster adds to it. Raises StackError for what is not there, or not `ready`."""
    if api.get("Namespace", file.namespace) is None:
        raise _wrong(file, f"there is no namespace {file.namespace}", "kubectl get namespaces")
    selectors = {}
    for part, wanted in file.workloads.items():
        item = _object(api, file, wanted.kind, wanted.name)
        if wanted.service:
            _object(api, file, "Service", wanted.service)
        labels = item["spec"]["selector"].get("matchLabels")
        if not labels:
            raise _wrong(file, f"{wanted.kind} {wanted.name} selects its pods by no matchLabels", None)
        selectors[part] = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        names = [each["name"] for each in item["spec"]["template"]["spec"]["containers"]]
        if wanted.container not in names:
            raise _wrong(
                file,
                f"{wanted.kind} {wanted.name} has no container {wanted.container}",
                f"there are: {', '.join(names)}",
            )
        if ready:
            _is_served(file, part, item)
    return file.binding(selectors)


def _is_served(file: BoundFile, part: str, item: Object) -> None:
    what = f"{item['kind']} {item['metadata']['name']}"
    replicas = item["spec"].get("replicas", 1)
    if part == "database" and replicas < 2:
        raise _wrong(
            file,
            f"{what} has {replicas} replica{'s' * (replicas != 1)}; there is nothing to replicate to",
            "a highly available database has 2 or more",
        )
    if not item.get("status", {}).get("readyReplicas"):
        raise _wrong(file, f"{what}: none of {replicas} pods is ready", f"kubectl -n {file.namespace} get pods")


def _object(api: Api, file: BoundFile, kind: str, name: str) -> Object:
    item = api.get(kind, name)
    if item is None:
        there = [each["metadata"]["name"] for each in api.list(kind)]
        raise _wrong(
            file,
            f"there is no {kind} {name} in namespace {file.namespace}",
            f"there are: {', '.join(there) or 'none'}",
        )
    return item | {"kind": kind}


def _wrong(file: BoundFile, message: str, hint: str | None) -> StackError:
    return StackError(f"{file.path}: {message}", hint=hint)


def _credentials(api: Api, file: BoundFile, site_id: str) -> Credentials:
    def value(said: Value) -> str:
        if not isinstance(said, SecretKey):
            return said
        data = _object(api, file, "Secret", said.secret).get("data") or {}
        if said.key not in data:
            raise _wrong(file, f"Secret {said.secret} has no key {said.key}", f"there are: {', '.join(data) or 'none'}")
        return base64.b64decode(data[said.key]).decode().rstrip("\n")

    return Credentials(
        ledger_user=value(file.database_user),
        ledger_password=value(file.database_password),
        ledger_database=file.database.schema,
        site_password="",
        admin_user=value(file.site_user),
        admin_password=value(file.site_password),
        application_password="",
        site_id=site_id,
    )


def _fit_database(api: Api, binding: Binding, known: Credentials) -> None:
    """Raises StackError when a ready database pod does not take the credentials, or there is no writable primary."""
    database = Database(known, binding)
    schemas = {binding.database.schema, binding.site.schema}
    for pod in pods(api, binding, "database"):
        if not pod.ready:
            continue
        try:
            with database.connect(database.address(pod.ip), _DEADLINE_S) as connection:
                there = {str(row[0]) for row in _run(connection, "SHOW DATABASES")}
        except NoDatabase as error:
            raise StackError(
                f"{pod.name} does not let {known.ledger_user!r} in: {error}",
                hint="database.user and database.password have to be right on every pod, from other hosts as well",
            ) from error
        if missing := sorted(schemas - there):
            raise StackError(
                f"{pod.name} has no schema {missing[0]!r} that {known.ledger_user!r} may use",
                hint=f"there are: {', '.join(sorted(there))}",
            )
    stack = Stack(binding, api, known, _seed(""))
    try:
        if database.read_only(stack.database_address(), _DEADLINE_S):
            raise StackError(
                f"the database at {stack.database_address()} is read-only, so it is no primary",
                hint="see database.primary and database.writes in the binding's file",
            )
    except NoDatabase as error:
        raise StackError(f"the primary at {stack.database_address()} does not answer: {error}") from error


def _fit_site(api: Api, binding: Binding, known: Credentials) -> str:
    """What marks the site's front page. Raises StackError for a site that is not installed or refuses the user."""
    address = service_address(api, binding.controller("site").service)
    visitor = WordPress(address, binding.site.host, timeout_s=_DEADLINE_S)
    front = visitor.request("GET", "/")
    if "/wp-admin/install.php" in front.headers.get("Location", ""):
        raise StackError(
            f"WordPress at {address} is not installed: its front page leads to the install page",
            hint="install it, or see whether it uses the right database",
        )
    if front.status_code != 200:
        raise StackError(
            f"the front page at {address} is {front.status_code} {gist(front)}",
            hint=f"site.host is {binding.site.host!r}; write the name under which the site answers without a redirect",
        )
    found = _TITLE.search(front.text)
    if found is None:
        raise StackError(
            f"the front page at {address} has no title, so nothing on it tells this site from any other",
            hint="give the site a title (Settings, General)",
        )
    try:
        _Remote(address, binding.site.host, known).call("wp.getProfile", ["user_id"])
    except xml_rpc.Fault as error:
        raise StackError(
            f"WordPress at {address} does not take user {known.admin_user!r} by XML-RPC: {error}",
            hint="site.user and site.password are those of an editor or administrator; XML-RPC has to be enabled",
        ) from error
    return found[0]


# What is written


def _note(stack: Stack, file: BoundFile, *, complete: bool) -> None:
    made: dict[str, Any] = {
        "site_id": stack.credentials.site_id,
        "uploads": file.uploads,
        "schema": file.database.schema,
        "table": file.database.table,
    }
    if complete:
        made["seed"] = stack.seed.to_json()
    stack.api.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CONFIG_MAP, "labels": {"app.kubernetes.io/managed-by": "hachaos"}},
            "data": {"made": json.dumps(made, indent=1)},
        }
    )


def _make_ledger(stack: Stack) -> None:
    statement = (
        f"CREATE TABLE {_ledger(stack.binding)} ("
        "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, token CHAR(36) NOT NULL UNIQUE, writer VARCHAR(64) NOT NULL,"
        " seq BIGINT NOT NULL, written_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)"
        ") ENGINE=InnoDB DEFAULT CHARSET=ascii"
    )
    try:
        with Database(stack.credentials, stack.binding).connect(stack.database_address(), _DEADLINE_S) as connection:
            _run(connection, statement)
    except NoDatabase as error:
        raise StackError(
            f"the ledger's table {_ledger(stack.binding)} can't be made: {error}",
            hint="the user needs CREATE, INSERT, SELECT, DELETE and DROP there; a table of that name must not exist",
        ) from error


def _seed(marker: str) -> Seed:
    return Seed(marker, (), Article(0, "", "", ""), Picture(0, "", ""))


def _make_seed(stack: Stack) -> Seed:
    """Two posts, a page and a picture of our own, with an id that no other site has."""
    site, known = _remote(stack), stack.credentials

    def article(kind: str, number: str) -> Article:
        title = f"hachaos {known.site_id} {number}"
        text = f"This is here for a test, and goes with it: {number} of {known.site_id}"
        content = {"post_type": kind, "post_status": "publish", "post_title": title, "post_content": text}
        made = int(site.call("wp.newPost", content | {"comment_status": "closed"}))
        link = urlsplit(str(site.call("wp.getPost", made, ["link"])["link"]))
        return Article(made, title, text, link.path + (f"?{link.query}" if link.query else ""))

    picture = _PICTURE.read_bytes()
    name = f"hachaos {known.site_id} picture.png"
    sent = {"name": name, "type": "image/png", "bits": xmlrpc.client.Binary(picture)}
    try:
        uploaded = site.call("wp.uploadFile", sent)
        where = urlsplit(str(uploaded["url"])).path
        return Seed(
            marker=stack.seed.marker,
            posts=(article("post", "first"), article("post", "second")),
            page=article("page", "page"),
            picture=Picture(int(uploaded["id"]), where, hashlib.sha256(picture).hexdigest()),
        )
    except xml_rpc.Fault as error:
        raise StackError(
            f"WordPress does not let {known.admin_user!r} post: {error}", hint="it has to be an editor or administrator"
        ) from error


# What is removed


def _remove(stack: Stack, uploads: str, task: Task) -> None:
    """Remove the posts, the uploads, the table and last the note of them. Raises StackError with what is left."""
    deadline = time.monotonic() + _TRIES_S
    # Of revisions WordPress deletes none by itself: they go with their post.
    ids = _until(deadline, lambda: _posts(stack, stack.database_address(), "AND post_type <> 'revision'"))
    task.update(f"{len(ids)} posts and uploads")
    _delete_posts(stack, ids, task)
    task.update("table and files")
    _until(time.monotonic() + _TRIES_S, lambda: _delete_rows(stack, ids))
    left = [line for pod in stack.pods("site") if pod.ready for line in _delete_files(stack, pod.name, uploads)]
    deadline = time.monotonic() + _TRIES_S
    for pod in stack.pods("database"):
        if pod.ready:
            left += _last_of(stack, pod, deadline)
    if left:
        raise StackError(
            f"not all that was written into {stack.binding.name} could be removed: {'; '.join(left)}",
            hint="mend what is said; the next run then removes the rest",
        )
    stack.api.delete("ConfigMap", CONFIG_MAP)


def _posts(stack: Stack, address: str, more: str = "") -> list[int]:
    """The ids of all posts, pages and attachments of ours on one server, those in the trash included."""
    where = f"post_title REGEXP %s {more} ORDER BY ID"
    statement = f"SELECT ID FROM {_table(stack.binding, 'posts')} WHERE {where}"  # noqa: S608
    with Database(stack.credentials, stack.binding).connect(address, _DEADLINE_S) as connection:
        return [int(row[0]) for row in _run(connection, statement, (_OURS,))]


def _delete_posts(stack: Stack, ids: Sequence[int], task: Task) -> None:
    """Have WordPress delete posts and uploads, with the files and all that it keeps beside them."""
    site = _remote(stack)
    deadline = time.monotonic() + _TRIES_S + len(ids)
    foreign = _until(deadline, lambda: _foreign(stack, ids))

    def delete(number: int) -> None:
        # The first call puts a post into the trash, the second deletes it for good; of an attachment the first does.
        for _ in range(2):
            try:
                _until(deadline, lambda: site.call("wp.deletePost", number))
            except xml_rpc.Fault as error:
                if error.code != 404:
                    raise StackError(f"WordPress does not delete post {number}: {error}") from error

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="delete") as pool:
        for done, _ in enumerate(pool.map(delete, sorted(set(ids) - foreign)), start=1):
            task.update(done=done, total=len(ids))


def _foreign(stack: Stack, ids: Sequence[int]) -> set[int]:
    """Those of our ids that are somebody else's post on another database pod.

    Where the databases have drifted apart WordPress may be speaking to that pod, and would delete his.
    """
    if not ids:
        return set()
    marks = ", ".join(["%s"] * len(ids))
    statement = f"SELECT ID, post_title FROM {_table(stack.binding, 'posts')} WHERE ID IN ({marks})"  # noqa: S608
    found: set[int] = set()
    database = Database(stack.credentials, stack.binding)
    for pod in stack.pods("database"):
        if pod.ready:
            with database.connect(database.address(pod.ip), _DEADLINE_S) as connection:
                rows = _run(connection, statement, tuple(ids))
            found |= {int(row[0]) for row in rows if not re.fullmatch(_OURS.strip("^$"), str(row[1]))}
    return found


def _delete_rows(stack: Stack, ids: Sequence[int]) -> None:
    """By SQL, what WordPress left of these posts, and the ledger's table."""
    posts, numbers = _table(stack.binding, "posts"), tuple(ids)
    marks = ", ".join(["%s"] * len(ids))
    with Database(stack.credentials, stack.binding).connect(stack.database_address(), _DEADLINE_S) as connection:
        if ids:
            for table, column in (("postmeta", "post_id"), ("term_relationships", "object_id")):
                where = f"{column} IN ({marks})"
                _run(connection, f"DELETE FROM {_table(stack.binding, table)} WHERE {where}", numbers)  # noqa: S608
            where = f"post_type = 'revision' AND post_parent IN ({marks})"
            _run(connection, f"DELETE FROM {posts} WHERE {where}", numbers)  # noqa: S608
        _run(connection, f"DELETE FROM {posts} WHERE post_title REGEXP %s", (_OURS,))  # noqa: S608
        _run(connection, f"DROP TABLE IF EXISTS {_ledger(stack.binding)}")


def _delete_files(stack: Stack, pod: str, uploads: str) -> list[str]:
    """Files of ours that no attachment led to (an upload that was cut off); what could not be removed, in words."""
    container = stack.binding.controller("site").container
    names = ["(", "-name", "*-upload-*.txt", "-o", "-name", "hachaos-*.png", ")"]

    def found() -> list[str]:
        listed = stack.api.execute(pod, container, ["find", uploads, "-type", "f", *names], timeout_s=_DEADLINE_S)
        return [path for path in listed.out.splitlines() if _OUR_FILES.fullmatch(path.rpartition("/")[2])]

    try:
        files = found()
        if files:
            stack.api.execute(pod, container, ["rm", "-f", "--", *files], timeout_s=_DEADLINE_S)
            files = found()
    except ClusterError as error:
        return [f"the uploads on {pod} can't be looked at: {error}"]
    return [f"the file {path} on {pod}" for path in files]


def _last_of(stack: Stack, pod: Pod, deadline: float) -> list[str]:
    """What a database pod still has of ours when the deadline is over: replicas get the deletion a little later."""
    database = Database(stack.credentials, stack.binding)
    address, known = database.address(pod.ip), stack.binding.database
    tables = "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
    while True:
        try:
            left = [f"the post {number} on {pod.name}" for number in _posts(stack, address)]
            with database.connect(address, _DEADLINE_S) as connection:
                if _run(connection, tables, (known.schema, known.table)):
                    left.append(f"the table {known.table} on {pod.name}")
        except NoDatabase as error:
            left = [f"{pod.name} can't be looked at: {error}"]
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(_LOOK_EVERY_S)


def _until(deadline: float, attempt: Callable[[], _Result]) -> _Result:
    """Try until it goes well; after the deadline raises StackError with what was wrong last."""
    while True:
        try:
            return attempt()
        except (NotYet, NoDatabase, ClusterError) as error:
            if time.monotonic() >= deadline:
                raise StackError(str(error)) from error
        time.sleep(_LOOK_EVERY_S)


def _remote(stack: Stack) -> _Remote:
    return _Remote(stack.site_address(), stack.binding.site.host, stack.credentials)


def _run(connection: Connection, statement: str, arguments: tuple[Any, ...] | None = None) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return tuple(cursor.fetchall())


def _table(binding: Binding, name: str) -> str:
    return f"`{binding.site.schema}`.`{binding.site.prefix}{name}`"


def _ledger(binding: Binding) -> str:
    return f"`{binding.database.schema}`.`{binding.database.table}`"


def _local_cluster(target: Target) -> str:
    return target.name.removeprefix("local/") if target.local else ""
