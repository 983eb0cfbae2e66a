"""The file that binds the roles of a stack that is already there to its objects. docs/binding.md describes each key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import CoreSchema, SchemaValidator, ValidationError
from pydantic_core import core_schema as core

from chaos import strict_yaml, suggest
from chaos.errors import InputError, UsageError
from chaos.stack.binding import Binding, DatabaseBinding, SiteBinding
from chaos.stack.roles import Controller
from chaos.strict_yaml import Document, Place, SyntaxProblem
from chaos.units import shown

API_VERSION = "hachaos/v1"
LEDGER_TABLE = "hachaos_ledger"
LARGEST_BYTES = 64 * 1024

_NAME = re.compile(r"[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?")
_IDENTIFIER = re.compile(r"[0-9A-Za-z_$-]{1,64}")
_HOST = re.compile(r"[0-9A-Za-z.-]{1,253}(?::[0-9]{1,5})?")
_LABEL = re.compile(r"[-._/0-9A-Za-z]+=[-._0-9A-Za-z]+")


def is_name(text: str) -> bool:
    """Whether an object of Kubernetes may have that name."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True)
class SecretKey:
    """Where a credential is: a key of a Secret in the stack's namespace."""

    secret: str
    key: str

    def __str__(self) -> str:
        return f"Secret {self.secret}, key {self.key}"


Value = str | SecretKey
"""A credential as the file has it: the text itself, or where it is."""


@dataclass(frozen=True)
class Workload:
    """A part's workload. `selector` comes from the cluster; `service` is empty where the part has none."""

    kind: str
    name: str
    container: str
    service: str = ""


@dataclass(frozen=True)
class BoundFile:
    """What a binding's file says. `uploads` is the folder of the uploads in the site's container."""

    path: str
    name: str
    namespace: str
    workloads: Mapping[str, Workload]
    site: SiteBinding
    site_user: Value
    site_password: SecretKey
    database: DatabaseBinding
    database_user: Value
    database_password: Value
    uploads: str = "/var/www/html/wp-content/uploads"
    files_mount: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the Secrets that hold the credentials."""
        said = (self.site_user, self.site_password, self.database_user, self.database_password)
        return tuple(sorted({each.secret for each in said if isinstance(each, SecretKey)}))

    def binding(self, selectors: Mapping[str, str]) -> Binding:
        """The binding, once it is known by which labels each part's pods are found."""
        controllers = {
            part: Controller(each.kind, each.name, selectors[part], each.service, each.container)
            for part, each in self.workloads.items()
        }
        return Binding(self.name, self.namespace, controllers, self.site, self.database)


def load(path: Path) -> BoundFile:
    """Read a binding's file.

    Raises InputError with the place of what is wrong with it, UsageError with a line each when several things are.
    """
    name = str(path)
    try:
        content = None
        if path.is_file():
            with path.open("rb") as file:
                content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(name, 1, 1, f"cannot be read: {error.strerror}; name a file that can") from error
    if content is None:
        raise InputError(name, 1, 1, "no such file; hachaos stack bind --namespace NS proposes one")
    if len(content) > LARGEST_BYTES:
        raise InputError(
            name, 1, 1, f"larger than {LARGEST_BYTES // 1024} KiB; a binding is a page: hachaos stack bind proposes one"
        )
    try:
        return parse(content.decode("utf-8"), name)
    except UnicodeDecodeError as error:
        raise InputError(name, 1, 1, "is not UTF-8; save the file as UTF-8") from error


def parse(text: str, name: str) -> BoundFile:
    """As `load`, for the text of a file; `name` stands in the errors."""
    try:
        document = strict_yaml.parse(text)
    except SyntaxProblem as error:
        place = error.problem.place
        raise InputError(name, place.line, place.column, error.problem.message) from error
    problems = [(each.place, each.message) for each in document.problems]
    said: dict[str, Any] = {}
    try:
        said = _FILE.validate_python(document.value)
    except ValidationError as error:
        problems += [_problem(document, each) for each in error.errors(include_url=False)]
    else:
        problems += _together(document, said)
    if not problems:
        return _bound(name, said)
    ordered = sorted(set(problems), key=lambda each: (each[0].line, each[0].column, each[1]))
    errors = [InputError(name, place.line, place.column, message) for place, message in ordered]
    if len(errors) == 1:
        raise errors[0]
    raise UsageError("\n".join(map(str, errors)))


def _bound(path: str, said: dict[str, Any]) -> BoundFile:
    site, database, files = said["site"], said["database"], said.get("files")
    primary, label = database["primary"]
    schema = site["schema"]
    workloads = {
        "database": _part(database),
        "site": _part(site),
    }
    if files is not None:
        workloads["files"] = _part(files)
    return BoundFile(
        path=path,
        name=said["name"],
        namespace=said["namespace"],
        workloads=workloads,
        site=SiteBinding(
            host=site["host"],
            port=site["port"],
            schema=schema,
            prefix=site["prefix"],
            posts="xmlrpc",
            static=site["static"],
        ),
        site_user=site["user"],
        site_password=site["password"],
        database=DatabaseBinding(
            port=database["port"],
            primary=primary,
            primary_label=label,
            writes=database["writes"],
            schema=database["schema"] or schema,
            table=database["table"],
            data=database["data"],
            provenance=database["provenance"],
            clone_log=database["clone_log"],
        ),
        database_user=database["user"],
        database_password=database["password"],
        uploads=site["uploads"],
        files_mount=files["mount"] if files else "",
    )


def _part(said: dict[str, Any]) -> Workload:
    kind, name = said["workload"]
    return Workload(kind, name, said["container"], said["service"])


# Values


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("is not one line of text; write one")
    return value


def _fits(pattern: re.Pattern[str], right: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not pattern.fullmatch(_text(value)):
            raise ValueError(f"{shown(str(value))} is {right}")
        return str(value)

    return read


_name = _fits(_NAME, "no name of an object; write lower-case letters, digits, dashes and dots")
_identifier = _fits(_IDENTIFIER, "no name of a schema or table; write letters, digits and _, 64 at most")
_host = _fits(_HOST, "no host name; write what the browser's address line has, without http:// and path")
_absolute = _fits(
    re.compile(r"(?!.*/\.\.(?:/|$))/[^\s'\"`$\\;]*"),
    "no absolute path; begin it with / and leave out spaces, quotes and ..",
)


def _prefix(value: object) -> str:
    return "" if value == "" else _identifier(value)


def _one_of(*valid: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in valid:
            raise ValueError(f"not {shown(str(value))}; {suggest.instead_of(str(value), valid)}")
        return str(value)

    return read


def _port(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
        raise ValueError("is no port; write a number from 1 to 65535")
    return value


def _workload(*kinds: str) -> Callable[[object], tuple[str, str]]:
    def read(value: object) -> tuple[str, str]:
        kind, found, name = _text(value).partition("/")
        if not found:
            raise ValueError(f"{shown(str(value))} is not KIND/NAME; write for example {kinds[0]}/{kind.lower()}")
        if kind not in kinds:
            raise ValueError(f"no kind {shown(kind)} here; {suggest.instead_of(kind, kinds)}")
        return kind, _name(name)

    return read


def _primary(value: object) -> tuple[str, str]:
    if isinstance(value, dict) and set(value) == {"label"}:
        label = value["label"]
        if not isinstance(label, str) or not _LABEL.fullmatch(label):
            raise ValueError(f"{shown(str(label))} is no label; write KEY=VALUE")
        return "label", label
    if value not in ("ordinal", "read-only"):
        raise ValueError("write ordinal (the primary is pod 0), read-only (the pods are asked), or {label: KEY=VALUE}")
    return str(value), ""


def _secret(value: object) -> SecretKey:
    if not isinstance(value, dict) or set(value) != {"secret", "key"}:
        # The value itself is not repeated: it may be a password.
        raise ValueError("a credential is never written here; write {secret: NAME, key: KEY}")
    return SecretKey(_name(value["secret"]), _text(value["key"]))


def _user(value: object) -> Value:
    return _secret(value) if isinstance(value, dict) else _text(value)


def _password_or_none(value: object) -> Value:
    return "" if value == "" else _secret(value)


# Shape


@dataclass(frozen=True)
class _Key:
    """How a key's value is read, and its default (... = it has to be there)."""

    read: Callable[[object], Any]
    default: Any = ...


@dataclass(frozen=True)
class _Section:
    keys: dict[str, _Key | _Section] = field(default_factory=dict)
    optional: bool = False


_SECTION = _Section(
    {
        "apiVersion": _Key(_one_of(API_VERSION)),
        "name": _Key(_name),
        "namespace": _Key(_name),
        "site": _Section(
            {
                "workload": _Key(_workload("Deployment", "StatefulSet")),
                "container": _Key(_name),
                "service": _Key(_name),
                "host": _Key(_host),
                "port": _Key(_port, 80),
                "user": _Key(_user),
                "password": _Key(_secret),
                "schema": _Key(_identifier, "wordpress"),
                "prefix": _Key(_prefix, "wp_"),
                "static": _Key(_absolute, SiteBinding.static),
                "uploads": _Key(_absolute, BoundFile.uploads),
            }
        ),
        "database": _Section(
            {
                "workload": _Key(_workload("StatefulSet")),
                "container": _Key(_name),
                "service": _Key(_name, ""),
                "port": _Key(_port, 3306),
                "primary": _Key(_primary, ("ordinal", "")),
                "writes": _Key(_one_of("service", "primary"), "primary"),
                "user": _Key(_user),
                "password": _Key(_password_or_none),
                "schema": _Key(_identifier, ""),
                "table": _Key(_identifier, LEDGER_TABLE),
                "data": _Key(_absolute, "/var/lib/mysql"),
                "provenance": _Key(_one_of("none", "xtrabackup", "hachaos"), "none"),
                "clone_log": _Key(_name, DatabaseBinding.clone_log),
            }
        ),
        "files": _Section(
            {
                "workload": _Key(_workload("Deployment", "StatefulSet")),
                "container": _Key(_name),
                "service": _Key(_name, ""),
                "mount": _Key(_absolute, ""),
            },
            optional=True,
        ),
    }
)


def _schema(section: _Section) -> CoreSchema:
    def one(key: _Key | _Section) -> core.TypedDictField:
        if isinstance(key, _Section):
            return core.typed_dict_field(_schema(key), required=not key.optional)
        schema: CoreSchema = core.no_info_plain_validator_function(key.read)
        if key.default is not ...:
            schema = core.with_default_schema(schema, default=key.default)
        return core.typed_dict_field(schema, required=key.default is ...)

    return core.typed_dict_schema({name: one(key) for name, key in section.keys.items()}, extra_behavior="forbid")


_FILE = SchemaValidator(_schema(_SECTION))


def _problem(document: Document, error: Any) -> tuple[Place, str]:
    path = tuple(error["loc"])
    key = str(path[-1]) if path else "the file"
    match error["type"]:
        case "missing":
            return _place(document, path), f"{'.'.join(map(str, path))} is missing; add it"
        case "extra_forbidden":
            at = document.keys.get(path, _place(document, path))
            return at, f"no key {shown(key)} here; {suggest.instead_of(key, tuple(_valid(path[:-1])))}"
        case "dict_type":
            return _place(document, path), f"{key} has to hold keys and values; see docs/binding.md"
        case _:
            return _place(document, path), f"{key}: {error['ctx']['error']}"


def _valid(path: tuple[Any, ...]) -> dict[str, _Key | _Section]:
    section: _Key | _Section = _SECTION
    for key in path:
        section = section.keys[key] if isinstance(section, _Section) else section
    return section.keys if isinstance(section, _Section) else {}


def _place(document: Document, path: tuple[Any, ...]) -> Place:
    while path not in document.values and path:
        path = path[:-1]
    return document.values.get(path, Place(1, 1))


def _together(document: Document, said: dict[str, Any]) -> list[tuple[Place, str]]:
    """What fits its key and does not fit the rest."""
    database = said["database"]
    if database["writes"] == "service" and not database["service"]:
        place = _place(document, ("database", "writes"))
        return [(place, "writes: service needs database.service, the Service that leads to the primary alone")]
    return []
