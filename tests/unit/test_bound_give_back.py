"""A borrowed stack is given back by the run that wrote into it, and by no other; what is not ours is never dropped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pymysql
import pytest
from fake_api import FakeApi, pod

from chaos.errors import StackError
from chaos.progress import PlainProgress
from chaos.stack import bound
from chaos.stack.bound_fit import no_seed
from chaos.stack.bound_reach import mark
from chaos.stack.credentials import Credentials
from chaos.stack.database import Database, NoDatabase
from chaos.stack.stack import Stack
from tests.unit.actions.acted_cluster import BINDING

KNOWN = BINDING.database
MADE = {"site_id": "of-run-a", "uploads": "/up", "schema": KNOWN.schema, "table": KNOWN.table}
NOTE = {"kind": "ConfigMap", "metadata": {"name": bound.CONFIG_MAP}, "data": {"made": json.dumps(MADE)}}
FOREIGN = ""
"""The comment on a table of the user's."""


@dataclass
class Server:
    """A database server by its tables alone: the comment on each, by `schema.table`. `asked` is each statement."""

    tables: dict[str, str] = field(default_factory=dict)
    posts: Sequence[tuple[object, ...]] = ()
    asked: list[str] = field(default_factory=list)
    down: bool = False
    hidden: bool = False
    """The user may not see what is there."""
    data: str = f"{KNOWN.data}/"
    denied: Sequence[str] = ()
    """What is in the statements that the user may not run."""
    wordpress: bool = True
    """Whether WordPress's tables are there."""

    @contextmanager
    def connect(self, *_: object) -> Iterator[Server]:
        if self.down:
            raise NoDatabase("refused")
        try:
            yield self
        except pymysql.MySQLError as error:
            raise NoDatabase(f"error {error.args[0]}") from error

    @contextmanager
    def cursor(self) -> Iterator[Server]:
        yield self

    def execute(self, statement: str, arguments: tuple[str, ...] | None = None) -> None:
        self.asked.append(statement)
        name = ".".join(re.findall("`([^`]+)`", statement))
        self.rows: Sequence[tuple[object, ...]] = ()
        if any(each in statement for each in self.denied):
            raise pymysql.OperationalError(1227, "denied")
        if "information_schema.tables" in statement:
            assert arguments is not None
            comment = self.tables.get(".".join(arguments))
            self.rows = () if comment is None or self.hidden else ((comment,),)
        elif statement == "SHOW DATABASES":
            self.rows = ((KNOWN.schema,), (BINDING.site.schema,))
        elif statement == "SELECT @@datadir":
            self.rows = ((self.data,),)
        elif "_posts` LIMIT 1" in statement:
            self.rows = ((1,),) if self.wordpress else ()
        elif statement.startswith("CREATE TABLE"):
            if name in self.tables:
                raise pymysql.OperationalError(1050, "exists")
            self.tables[name] = re.findall("COMMENT='([^']*)'", statement)[0]
        elif statement.startswith("DROP TABLE"):
            del self.tables[name]
        elif statement.startswith("SELECT COUNT(*)"):
            self.rows = ((1234,),)
        elif "GROUP BY post_type" in statement:
            self.rows = self.posts

    def fetchall(self) -> Sequence[tuple[object, ...]]:
        return self.rows


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(Database, "connect", lambda *_: made.connect())
    monkeypatch.setattr(Database, "read_only", lambda *_: False)
    monkeypatch.setattr(Database, "replication", lambda _, connection: connection.execute("SHOW REPLICA STATUS"))
    return made


@pytest.fixture
def api() -> FakeApi:
    """A stack with one database pod, and nothing of ours."""
    services = [
        {"kind": "Service", "metadata": {"name": each.service}, "spec": {"ports": [{"port": 1}]}}
        for each in BINDING.controllers.values()
    ]
    return FakeApi(pod("mysql-0", {"app": "mysql"}), *services)


FILE: Any = SimpleNamespace(name="my-stack", namespace="wordpress", uploads="/up", database=KNOWN)
LEDGER = f"{KNOWN.schema}.{KNOWN.table}"


@pytest.fixture
def target(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where `bound.attach` finds the binding's objects, the credentials and the site fit."""

    def known(api: object, file: object, site_id: str) -> Credentials:
        return Credentials("u", "p", KNOWN.schema, "", "anna", "p", "", site_id)

    monkeypatch.setattr(bound, "binding_of", lambda *_, **__: BINDING)
    monkeypatch.setattr(bound, "credentials_of", known)
    monkeypatch.setattr(bound, "require_site", lambda *_: "<title>Anna's</title>")
    monkeypatch.setattr(bound, "_make_seed", lambda stack: no_seed(""))
    return SimpleNamespace(api=api, reach="direct", local=True, name="local/test", elsewhere=None)


def give_back(target: Any) -> bool:
    """As a run does at its end, and `hachaos recover` after it."""
    return bound.detach(bound.resume(target, FILE), PlainProgress())


def test_the_ledger_that_a_run_made_is_dropped_and_its_note_goes_last(
    target: Any, api: FakeApi, server: Server
) -> None:
    stack = bound.attach(target, FILE, PlainProgress())
    assert server.tables == {LEDGER: mark(stack.credentials.site_id)}
    assert give_back(target)
    assert server.tables == {}
    assert api.get("ConfigMap", bound.CONFIG_MAP) is None
    assert not give_back(target)


@pytest.mark.parametrize(
    ("unfit", "said", "hint"),
    [
        ({"data": "/var/elsewhere/"}, "mysql-0 has its data in /var/elsewhere/, and not in", "write data: /var/else"),
        ({"denied": ["REPLICA STATUS"]}, "mysql-0 does not show 'u' how it replicates: ", "GRANT REPLICATION CLIENT"),
        ({"denied": ["_posts`"]}, "mysql-0 does not show 'u' WordPress's tables: ", "GRANT SELECT ON wordpress"),
        ({"wordpress": False}, "table wordpress.wp_posts is not there, or is empty", "site.prefix"),
    ],
)
def test_a_database_by_which_nothing_could_be_proven_is_refused_before_anything_is_written(
    target: Any, api: FakeApi, server: Server, unfit: dict[str, Any], said: str, hint: str
) -> None:
    vars(server).update(unfit)
    api.calls.clear()
    with pytest.raises(StackError, match=re.escape(said)) as caught:
        bound.attach(target, FILE, PlainProgress())
    assert hint in (caught.value.hint or "")
    assert api.calls == []
    assert server.tables == {}


@pytest.mark.parametrize("comment", [FOREIGN, "hachaos of-another-binding"])
def test_a_table_that_has_the_ledgers_name_is_refused_before_anything_is_written(
    target: Any, api: FakeApi, server: Server, comment: str
) -> None:
    server.tables[LEDGER] = comment
    api.calls.clear()
    with pytest.raises(StackError, match=f"mysql-0 has a table {LEDGER} already"):
        bound.attach(target, FILE, PlainProgress())
    assert api.calls == []
    assert not give_back(target)
    assert server.tables == {LEDGER: comment}


def test_a_table_that_came_up_after_the_look_is_not_dropped_when_the_run_gives_back(
    target: Any, api: FakeApi, server: Server
) -> None:
    server.tables[LEDGER], server.hidden = FOREIGN, True
    with pytest.raises(StackError, match=r"can't be made: error 1050"):
        bound.attach(target, FILE, PlainProgress())
    assert bound.leftovers(cast("Any", api)) is not None
    server.hidden = False
    assert give_back(target)
    assert server.tables == {LEDGER: FOREIGN}
    assert api.get("ConfigMap", bound.CONFIG_MAP) is None


def test_the_next_run_drops_what_a_killed_one_made_and_makes_its_own(target: Any, api: FakeApi, server: Server) -> None:
    killed = bound.attach(target, FILE, PlainProgress())
    stack = bound.attach(target, FILE, PlainProgress())
    assert stack.credentials.site_id != killed.credentials.site_id
    assert server.tables == {LEDGER: mark(stack.credentials.site_id)}


def test_the_next_run_refuses_a_table_that_a_killed_one_noted_and_never_made(
    target: Any, api: FakeApi, server: Server
) -> None:
    api.apply(NOTE)
    server.tables[LEDGER] = FOREIGN
    with pytest.raises(StackError, match="already"):
        bound.attach(target, FILE, PlainProgress())
    assert give_back(target)
    assert server.tables == {LEDGER: FOREIGN}


def test_the_ledger_that_was_noted_is_dropped_where_the_file_names_another_by_now(
    target: Any, api: FakeApi, server: Server
) -> None:
    api.apply(NOTE | {"data": {"made": json.dumps(MADE | {"table": "before"})}})
    server.tables = {f"{KNOWN.schema}.before": mark("of-run-a"), LEDGER: FOREIGN}
    assert bound.left(bound.resume(target, FILE))[0] == f"the table {KNOWN.schema}.before with 1234 rows"
    assert give_back(target)
    assert server.tables == {LEDGER: FOREIGN}


@pytest.mark.parametrize("made", ["no JSON", "[]", "{}", json.dumps(MADE | {"table": 7})])
def test_a_note_that_is_not_hachaoss_is_refused_and_nothing_is_removed(
    target: Any, api: FakeApi, server: Server, made: str
) -> None:
    api.apply(NOTE | {"data": {"made": made}})
    with pytest.raises(StackError, match="is not one that hachaos made"):
        bound.attach(target, FILE, PlainProgress())
    assert server.asked == []


@pytest.mark.parametrize("run", ["of-run-a", "of-run-b"])
def test_what_another_run_wrote_that_took_the_stack_over_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    removed: list[str] = []
    monkeypatch.setattr(bound, "remove", lambda stack, uploads, site_id, task: removed.append(uploads))
    api = FakeApi(NOTE)
    stack = Stack(BINDING, cast("Any", api), cast("Any", SimpleNamespace(site_id=run)), no_seed(""))
    is_its_own = run == MADE["site_id"]
    assert bound.detach(stack, PlainProgress()) is is_its_own
    assert removed == (["/up"] if is_its_own else [])
    assert (api.get("ConfigMap", bound.CONFIG_MAP) is None) is is_its_own


def test_what_would_be_removed_is_named_and_counted_and_nothing_is_changed(
    target: Any, api: FakeApi, server: Server
) -> None:
    api.apply(NOTE)
    server.tables[LEDGER] = mark("of-run-a")
    server.posts = (("post", 4), ("page", 1), ("attachment", 2))
    api.calls.clear()
    rest = [
        "5 posts and pages of hachaos's own",
        "2 uploads of hachaos's own, and what is left of such files below /up",
        f"the ConfigMap {bound.CONFIG_MAP}",
    ]
    assert bound.left(bound.resume(target, FILE)) == [f"the table {LEDGER} with 1234 rows", *rest]
    server.tables[LEDGER] = FOREIGN
    assert bound.left(bound.resume(target, FILE)) == rest
    assert api.calls == []
    assert all(statement.startswith("SELECT ") for statement in server.asked)


def test_what_would_be_removed_is_named_without_a_database_too(target: Any, api: FakeApi, server: Server) -> None:
    api.apply(NOTE)
    server.down = True
    first, *rest = bound.left(bound.resume(target, FILE))
    assert first.endswith(", if the run made it (its database could not be asked: refused)")
    assert len(rest) == 3


def test_of_a_stack_that_bears_no_note_nothing_would_be_removed(target: Any, server: Server) -> None:
    assert bound.left(bound.resume(target, FILE)) == []
