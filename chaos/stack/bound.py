"""A stack that is already there: borrowed for a run, and given back without a trace.

Nothing is deployed. What is written is one table, a few posts and a picture to begin with, then the run's own rows,
posts and uploads. Before the first of them a ConfigMap says so; it goes last, so a process that is killed in between
leaves word of what has to be removed.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import xmlrpc.client
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chaos.cluster import reach
from chaos.cluster.api import Api
from chaos.cluster.elsewhere import Elsewhere
from chaos.cluster.target import Target
from chaos.errors import StackError
from chaos.progress import Progress, Task
from chaos.stack import bound_remove, xml_rpc
from chaos.stack.access import CONFIG_MAP
from chaos.stack.binding import Binding
from chaos.stack.bound_file import BoundFile, load
from chaos.stack.bound_fit import binding_of, credentials_of, require_database, require_site
from chaos.stack.bound_reach import DEADLINE_S, ledger, mark, remote, run
from chaos.stack.bound_remove import remove
from chaos.stack.database import Database, NoDatabase
from chaos.stack.stack import Article, Picture, Seed, Stack, no_seed

__all__ = ["CONFIG_MAP", "BoundFile", "attach", "detach", "left", "leftovers", "load", "look", "resume"]

_PICTURE = Path(__file__).parent / "seed" / "picture.png"


def attach(target: Target, file: BoundFile, progress: Progress) -> Stack:
    """Borrow the stack: look whether it is fit, then write the ledger's table and the seed.

    What an earlier run left is removed first. Raises StackError, before anything is written, for a stack that is not
    fit: the message says what would be right.
    """
    api = _api(target, file)
    with progress.task(f"stack {file.name}") as task:
        task.update("looking at the objects")
        binding = binding_of(api, file)
        known = credentials_of(api, file, secrets.token_hex(8))
        task.update("signing in")
        found = leftovers(api)
        require_database(api, binding, known, left_by=found["site_id"] if found else "")
        marker = require_site(api, binding, known)
        stack = Stack(binding, api, known, no_seed(marker), *_place(target))
        if found:
            progress.say(f"namespace {file.namespace} holds what an earlier run left: it is removed")
            _remove(stack, found, task)
        # Before the first write, so that there is no moment in which nobody knows of it.
        _note(stack, file, complete=False)
        task.update("ledger and seed")
        _make_ledger(stack)
        stack = Stack(binding, api, known, _make_seed(stack), *_place(target))
        _note(stack, file, complete=True)
        return stack


def resume(target: Target, file: BoundFile) -> Stack:
    """The stack without a look at its state. Its seed is the one that `attach` made, and empty when that is gone."""
    api = _api(target, file)
    found = leftovers(api) or {}
    known = credentials_of(api, file, found.get("site_id", ""))
    seed = Seed.from_json(found["seed"]) if "seed" in found else no_seed("")
    return Stack(binding_of(api, file, ready=False), api, known, seed, *_place(target))


def detach(stack: Stack, progress: Progress) -> bool:
    """Remove all that was written into a borrowed stack, and look whether it is gone. Whether there was anything.

    What another run has written since, one that took the stack over and removed ours first, is left alone. Raises
    StackError with what is left.
    """
    found = leftovers(stack.api)
    if found is None or found.get("site_id", "") != stack.credentials.site_id:
        return False
    with progress.task(f"giving back {stack.binding.name}") as task:
        _remove(stack, found, task)
        stack.api.delete("ConfigMap", CONFIG_MAP)
    return True


def left(stack: Stack) -> list[str]:
    """What `detach` would remove, a phrase each; none where there is nothing. Changes nothing."""
    found = leftovers(stack.api)
    if found is None:
        return []
    made = bound_remove.left(_as_noted(stack, found), found["uploads"], found["site_id"])
    return [*made, f"the ConfigMap {CONFIG_MAP}"]


def leftovers(api: Api) -> dict[str, Any] | None:
    """What a run that borrowed the stack in the API's namespace wrote down and did not remove; None for nothing.

    Keys: `site_id`, `uploads` (their folder), `schema`, `table`, and `seed` once it is whole.
    """
    found = api.get("ConfigMap", CONFIG_MAP)
    if found is None:
        return None
    try:
        told: dict[str, Any] = json.loads(found["data"]["made"])
        if not all(isinstance(told[key], str) for key in ("site_id", "uploads", "schema", "table")):
            raise ValueError("not text")
    except (LookupError, TypeError, ValueError) as error:
        raise StackError(
            f"namespace {api.namespace}: the ConfigMap {CONFIG_MAP} is not one that hachaos made",
            hint="rename it: hachaos keeps its own notes under that name",
        ) from error
    return told


def look(api: Api, file: BoundFile) -> Binding:
    """The file's binding with what the cluster adds to it. Raises StackError for an object that is not there."""
    return binding_of(api, file, ready=False)


def _remove(stack: Stack, found: dict[str, Any], task: Task) -> None:
    remove(_as_noted(stack, found), found["uploads"], found["site_id"], task)


def _as_noted(stack: Stack, found: dict[str, Any]) -> Stack:
    """The stack with the ledger that was noted: the binding's file may name another by now."""
    database = replace(stack.binding.database, schema=found["schema"], table=found["table"])
    return replace(stack, binding=replace(stack.binding, database=database))


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
        f"CREATE TABLE {ledger(stack.binding)} ("
        "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, token CHAR(36) NOT NULL UNIQUE, writer VARCHAR(64) NOT NULL,"
        " seq BIGINT NOT NULL, written_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)"
        ") ENGINE=InnoDB DEFAULT CHARSET=ascii"
        # With the table, in one statement: so nobody's table can ever be taken for it, nor it for nobody's.
        f" COMMENT='{mark(stack.credentials.site_id)}'"
    )
    try:
        with Database(stack.credentials, stack.binding).connect(stack.database_address(), DEADLINE_S) as connection:
            run(connection, statement)
    except NoDatabase as error:
        raise StackError(
            f"the ledger's table {ledger(stack.binding)} can't be made: {error}",
            hint="the user needs CREATE, INSERT, SELECT, DELETE and DROP there; a table of that name must not exist",
        ) from error


def _make_seed(stack: Stack) -> Seed:
    """Two posts, a page and a picture of our own, with an id that no other site has."""
    site, known = remote(stack), stack.credentials

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


def _api(target: Target, file: BoundFile) -> Api:
    """The API in the stack's namespace, which it does not leave; its pods are then reached as the target has it."""
    api = target.api.in_namespace(file.namespace).fenced()
    if target.reach == "port-forward":
        reach.forwarded(api)
    return api


def _place(target: Target) -> tuple[str, Elsewhere | None]:
    """The embedded cluster's name, or what names another."""
    return target.name.partition("/")[2] if target.local else "", target.elsewhere
