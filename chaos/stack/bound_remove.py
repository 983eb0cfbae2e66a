"""Takes out of a borrowed stack what was written into it, and looks whether it is gone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from chaos.errors import ClusterError, StackError
from chaos.progress import Task
from chaos.stack import xml_rpc
from chaos.stack.bound_reach import DEADLINE_S, is_marked, ledger, remote, run, table
from chaos.stack.clients import NotYet
from chaos.stack.database import Database, NoDatabase
from chaos.stack.stack import Pod, Stack

_TRIES_S = 60.0
_AT_ONCE = 4
_LOOK_EVERY_S = 0.5
_OURS = "^([0-9a-f]{8}-(post|upload)-[0-9]+([.]txt)?|hachaos[ -][0-9a-f]{16}[ -][a-z]+([.]png)?)$"
"""The titles of what a run posts and uploads, and of the seed: nobody else's are so. For MySQL and for Python."""

_OUR_FILES = re.compile(r"([0-9a-f]{8}-upload-[0-9]+(-[0-9]+)?[.]txt|hachaos-[0-9a-f]{16}-picture(-[0-9a-z]+)*[.]png)")

_Result = TypeVar("_Result")


def remove(stack: Stack, uploads: str, site_id: str, task: Task) -> None:
    """Remove the posts, the uploads, and the table that the run with this id made. Raises StackError with what is left.

    A table of that name without the run's mark is somebody else's, and is left alone.
    """
    deadline = time.monotonic() + _TRIES_S
    # Of revisions WordPress deletes none by itself: they go with their post.
    ids = _until(deadline, lambda: _posts(stack, stack.database_address(), "AND post_type <> 'revision'"))
    task.update(f"{len(ids)} posts and uploads")
    _delete_posts(stack, ids, task)
    task.update("table and files")
    _until(time.monotonic() + _TRIES_S, lambda: _delete_rows(stack, ids, site_id))
    left = [line for pod in stack.pods("site") if pod.ready for line in _delete_files(stack, pod.name, uploads)]
    deadline = time.monotonic() + _TRIES_S
    for pod in stack.pods("database"):
        if pod.ready:
            left += _last_of(stack, pod, site_id, deadline)
    if left:
        raise StackError(
            f"not all that was written into {stack.binding.name} could be removed: {'; '.join(left)}",
            hint="mend what is said; the next run then removes the rest",
        )


def left(stack: Stack, uploads: str, site_id: str) -> list[str]:
    """What `remove` takes out, a phrase each: counted where the database answers, else only named. Changes nothing."""
    known = stack.binding.database
    name, posts, files = f"the table {known.schema}.{known.table}", "posts", "uploads"
    try:
        with Database(stack.credentials, stack.binding).connect(stack.database_address(), DEADLINE_S) as connection:
            where = "post_title REGEXP %s AND post_type <> 'revision' GROUP BY post_type"
            statement = f"SELECT post_type, COUNT(*) FROM {table(stack.binding, 'posts')} WHERE {where}"  # noqa: S608
            number = {str(kind): int(count) for kind, count in run(connection, statement, (_OURS,))}
            attached = number.pop("attachment", 0)
            posts, files = f"{sum(number.values())} posts and pages", f"{attached} uploads"
            made = []
            if is_marked(connection, stack.binding, site_id):
                ((count,),) = run(connection, f"SELECT COUNT(*) FROM {ledger(stack.binding)}")  # noqa: S608
                made = [f"{name} with {count} rows"]
    except (NoDatabase, ClusterError, StackError) as error:
        made = [f"{name}, if the run made it (its database could not be asked: {error})"]
    return [
        *made,
        f"{posts} of hachaos's own",
        f"{files} of hachaos's own, and what is left of such files below {uploads}",
    ]


def _posts(stack: Stack, address: str, more: str = "") -> list[int]:
    """The ids of all posts, pages and attachments of ours on one server, those in the trash included."""
    where = f"post_title REGEXP %s {more} ORDER BY ID"
    statement = f"SELECT ID FROM {table(stack.binding, 'posts')} WHERE {where}"  # noqa: S608
    with Database(stack.credentials, stack.binding).connect(address, DEADLINE_S) as connection:
        return [int(row[0]) for row in run(connection, statement, (_OURS,))]


def _delete_posts(stack: Stack, ids: Sequence[int], task: Task) -> None:
    """Have WordPress delete posts and uploads, with the files and all that it keeps beside them."""
    site = remote(stack)
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
    statement = f"SELECT ID, post_title FROM {table(stack.binding, 'posts')} WHERE ID IN ({marks})"  # noqa: S608
    found: set[int] = set()
    database = Database(stack.credentials, stack.binding)
    for pod in stack.pods("database"):
        if pod.ready:
            with database.connect(database.address(pod.ip), DEADLINE_S) as connection:
                rows = run(connection, statement, tuple(ids))
            found |= {int(row[0]) for row in rows if not re.fullmatch(_OURS.strip("^$"), str(row[1]))}
    return found


def _delete_rows(stack: Stack, ids: Sequence[int], site_id: str) -> None:
    """By SQL, what WordPress left of these posts, and the ledger's table that the run with this id made."""
    posts, numbers = table(stack.binding, "posts"), tuple(ids)
    marks = ", ".join(["%s"] * len(ids))
    with Database(stack.credentials, stack.binding).connect(stack.database_address(), DEADLINE_S) as connection:

        def clear(where_from: str, values: tuple[object, ...]) -> None:
            # WordPress leaves nothing as a rule: then a user who may only read these tables is enough.
            if run(connection, f"SELECT 1 FROM {where_from} LIMIT 1", values):  # noqa: S608
                run(connection, f"DELETE FROM {where_from}", values)  # noqa: S608

        if ids:
            for name, column in (("postmeta", "post_id"), ("term_relationships", "object_id")):
                clear(f"{table(stack.binding, name)} WHERE {column} IN ({marks})", numbers)
            clear(f"{posts} WHERE post_type = 'revision' AND post_parent IN ({marks})", numbers)
        clear(f"{posts} WHERE post_title REGEXP %s", (_OURS,))
        if is_marked(connection, stack.binding, site_id):
            run(connection, f"DROP TABLE IF EXISTS {ledger(stack.binding)}")


def _delete_files(stack: Stack, pod: str, uploads: str) -> list[str]:
    """Files of ours that no attachment led to (an upload that was cut off); what could not be removed, in words."""
    container = stack.binding.controller("site").container
    names = ["(", "-name", "*-upload-*.txt", "-o", "-name", "hachaos-*.png", ")"]

    def found() -> list[str]:
        listed = stack.api.execute(pod, container, ["find", uploads, "-type", "f", *names], timeout_s=DEADLINE_S)
        # 1 is a folder that is not there or may not be read; all else, such as a kill, says nothing of files.
        if listed.code > 1:
            raise ClusterError(f"find: exit status {listed.code}: {listed.err.strip()}")
        return [path for path in listed.out.splitlines() if _OUR_FILES.fullmatch(path.rpartition("/")[2])]

    try:
        files = found()
        if files:
            stack.api.execute(pod, container, ["rm", "-f", "--", *files], timeout_s=DEADLINE_S)
            files = found()
    except ClusterError as error:
        return [f"the uploads on {pod} can't be looked at: {error}"]
    return [f"the file {path} on {pod}" for path in files]


def _last_of(stack: Stack, pod: Pod, site_id: str, deadline: float) -> list[str]:
    """What a database pod still has of ours when the deadline is over: replicas get the deletion a little later."""
    database = Database(stack.credentials, stack.binding)
    address, known = database.address(pod.ip), stack.binding.database
    while True:
        try:
            left = [f"the post {number} on {pod.name}" for number in _posts(stack, address)]
            with database.connect(address, DEADLINE_S) as connection:
                if is_marked(connection, stack.binding, site_id):
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
