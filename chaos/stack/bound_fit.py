"""Whether a stack that is there is fit to be borrowed: looked at before anything is written into it."""

from __future__ import annotations

import base64
import re

from chaos.cluster import reach
from chaos.cluster.api import Api, ApiRefused, Object
from chaos.errors import StackError
from chaos.stack import xml_rpc
from chaos.stack.binding import Binding
from chaos.stack.bound_file import BoundFile, SecretKey, Value
from chaos.stack.bound_reach import DEADLINE_S, Remote, mark, marks_on, run
from chaos.stack.clients import WordPress, gist
from chaos.stack.credentials import Credentials
from chaos.stack.database import Database, NoDatabase
from chaos.stack.stack import Pod, Stack, no_seed, pods, service_address

_TITLE = re.compile(r"<title>[^<]*\S[^<]*</title>")


def binding_of(api: Api, file: BoundFile, *, ready: bool = True) -> Binding:
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
        raise _wrong(file, f"there is no {kind} {name} in namespace {file.namespace}", _others(api, kind))
    return item | {"kind": kind}


def _others(api: Api, kind: str) -> str | None:
    """Which objects of the kind there are. A run needs no right to list them, so it may not be told."""
    try:
        there = [each["metadata"]["name"] for each in api.list(kind)]
    except ApiRefused:
        return None
    return f"there are: {', '.join(there) or 'none'}"


def _wrong(file: BoundFile, message: str, hint: str | None) -> StackError:
    return StackError(f"{file.path}: {message}", hint=hint)


def credentials_of(api: Api, file: BoundFile, site_id: str) -> Credentials:
    """The credentials from the Secrets that the file names. Raises StackError for one that is not there."""

    def value(said: Value) -> str:
        if not isinstance(said, SecretKey):
            return said
        data = _object(api, file, "Secret", said.secret).get("data") or {}
        if said.key not in data:
            raise _wrong(file, f"Secret {said.secret} has no key {said.key}", f"there are: {', '.join(data) or 'none'}")
        try:
            return base64.b64decode(data[said.key]).decode().rstrip("\n")
        except ValueError:
            # Without the error's own text, which quotes some of it.
            raise _wrong(file, f"Secret {said.secret}, key {said.key}: is not UTF-8", "write it as text") from None

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


def require_database(api: Api, binding: Binding, known: Credentials, left_by: str = "") -> None:
    """Raises StackError when a ready database pod does not take the credentials, or there is no writable primary.

    Also when a pod has its data elsewhere than the binding says, or does not show the user what verdicts rest on; when
    the primary has no posts; and when a table already has the ledger's name, but for one that the run with the id
    `left_by` made.
    """
    database = Database(known, binding)
    schemas = {binding.database.schema, binding.site.schema}
    for pod in pods(api, binding, "database"):
        if not pod.ready:
            continue
        try:
            with database.connect(database.address(pod.ip), DEADLINE_S) as connection:
                there = {str(row[0]) for row in run(connection, "SHOW DATABASES")}
                marks = marks_on(connection, binding)
                ((data,),) = run(connection, "SELECT @@datadir")
        except NoDatabase as error:
            raise StackError(
                f"{pod.name} does not let {known.ledger_user!r} in: {error}",
                hint="database.user and database.password have to be right on every pod, "
                + (
                    "and from 127.0.0.1: a port-forward ends there"
                    if reach.is_forwarded()
                    else "from other hosts as well"
                ),
            ) from error
        if missing := sorted(schemas - there):
            raise StackError(
                f"{pod.name} has no schema {missing[0]!r} that {known.ledger_user!r} may use",
                hint=f"there are: {', '.join(sorted(there))}",
            )
        if str(data).rstrip("/") != binding.database.data.rstrip("/"):
            raise StackError(
                f"{pod.name} has its data in {data}, and not in {binding.database.data}",
                hint=f"write data: {data} below database; by that folder's age a clone is told",
            )
        _require_sight(database, known, pod, binding.site.schema)
        if any(each != mark(left_by) for each in marks):
            raise StackError(
                f"{pod.name} has a table {binding.database.schema}.{binding.database.table} already, and it is not a "
                "ledger that hachaos has noted here",
                hint="write another name at database.table; a table that is there is never written to or dropped",
            )
    stack = Stack(binding, api, known, no_seed(""))
    try:
        if database.read_only(stack.database_address(), DEADLINE_S):
            raise StackError(
                f"the database at {stack.database_address()} is read-only, so it is no primary",
                hint="see database.primary and database.writes in the binding's file",
            )
        with database.connect(stack.database_address(), DEADLINE_S) as connection:
            if not database.has_posts(connection):
                raise StackError(
                    f"the primary's table {binding.site.schema}.{binding.site.prefix}posts is not there, or is empty",
                    hint="see site.schema and site.prefix in the binding's file",
                )
    except NoDatabase as error:
        raise StackError(f"the primary at {stack.database_address()} does not answer: {error}") from error


def _require_sight(database: Database, known: Credentials, pod: Pod, schema: str) -> None:
    """Raises StackError when the user may not see what every verdict rests on: the replicas' state and the posts."""
    for what, look, privilege in (
        ("how it replicates", database.replication, "REPLICATION CLIENT ON *.*"),
        ("WordPress's tables", database.has_posts, f"SELECT ON {schema}.*"),
    ):
        try:
            with database.connect(database.address(pod.ip), DEADLINE_S) as connection:
                look(connection)
        except NoDatabase as error:
            newer = "; for MariaDB 10.5 and newer BINLOG MONITOR, REPLICA MONITOR" if "CLIENT" in privilege else ""
            raise StackError(
                f"{pod.name} does not show {known.ledger_user!r} {what}: {error}",
                hint=f"GRANT {privilege} TO {known.ledger_user!r}@'%'{newer}",
            ) from error


def require_site(api: Api, binding: Binding, known: Credentials) -> str:
    """What marks the site's front page. Raises StackError for a site that is not installed or refuses the user."""
    address = service_address(api, binding.controller("site").service)
    visitor = WordPress(address, binding.site.host, timeout_s=DEADLINE_S)
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
        Remote(address, binding.site.host, known).call("wp.getProfile", ["user_id"])
    except xml_rpc.Fault as error:
        raise StackError(
            f"WordPress at {address} does not take user {known.admin_user!r} by XML-RPC: {error}",
            hint="site.user and site.password are those of an editor or administrator; XML-RPC has to be enabled",
        ) from error
    return found[0]
