"""The stack's secrets: random, made once, and never overwritten.

They live in the cluster only, in the Secrets `mysql` and `wordpress` of the stack's namespace; those of the published
stack, whose database has no passwords, in the Secret `hachaos`.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chaos.cluster.api import Api, ApiRefused, Object
from chaos.errors import StackError
from chaos.redact import know

LEDGER_USER = "hachaos"
LEDGER_DATABASE = "hachaos"
SITE_USER = "wordpress"
SITE_DATABASE = "wordpress"


def _password() -> str:
    return secrets.token_hex(16)


def _salt() -> str:
    return secrets.token_urlsafe(48)


DATABASE_SECRET: Mapping[str, Callable[[], str]] = {
    "TOKEN": _password,
    "REPL_PASSWORD": _password,
    "BACKUP_PASSWORD": _password,
    "WORDPRESS_PASSWORD": _password,
    "HACHAOS_PASSWORD": _password,
}
SITE_SECRET: Mapping[str, Callable[[], str]] = {
    **{f"{name}_{what}": _salt for name in ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE") for what in ("KEY", "SALT")},
    "ADMIN_USER": lambda: "hachaos",
    "ADMIN_PASSWORD": _password,
    "SITE_ID": lambda: secrets.token_hex(8),
}
PUBLISHED_SECRET = {key: SITE_SECRET[key] for key in ("ADMIN_USER", "ADMIN_PASSWORD", "SITE_ID")}
APPLICATION_PASSWORD = "APPLICATION_PASSWORD"
"""Key of the Secret `wordpress`: WordPress itself makes this one when it is installed."""

_NO_SECRETS = ("ADMIN_USER", "SITE_ID")
"""Keys whose values are in a Secret beside the others, but are shown to everybody."""


@dataclass(frozen=True)
class Credentials:
    """What the tool signs in with. `application_password` is empty until WordPress is installed.

    `ledger_*` is the database user that owns the ledger and may read WordPress's tables and the replicas' state;
    `site_password` is that of WordPress's own user; `admin_*` is WordPress's administrator, and
    `application_password` his for the REST API (basic authentication). `site_id` is random and no other
    installation's: it is what tells this site from any other. No password is in its `repr`, and each of them is
    redacted from then on in whatever is written.
    """

    ledger_user: str
    ledger_password: str = field(repr=False)
    ledger_database: str
    site_password: str = field(repr=False)
    admin_user: str
    admin_password: str = field(repr=False)
    application_password: str = field(repr=False)
    site_id: str

    def __post_init__(self) -> None:
        know(self.ledger_password, self.site_password, self.admin_password)
        # WordPress takes an application password with its spaces and without them.
        know(self.application_password, self.application_password.replace(" ", ""))


def ensure(api: Api) -> Credentials:
    """The stack's credentials; what is missing in the Secrets is made, what is there is kept."""
    _ensure_secret(api, "mysql", DATABASE_SECRET)
    _ensure_secret(api, "wordpress", SITE_SECRET)
    return load(api)


def load(api: Api) -> Credentials:
    """The credentials of a stack that is there. Raises StackError when a Secret or a key of it is missing."""
    database, site = _read(api, "mysql"), _read(api, "wordpress")
    try:
        return Credentials(
            ledger_user=LEDGER_USER,
            ledger_password=database["HACHAOS_PASSWORD"],
            ledger_database=LEDGER_DATABASE,
            site_password=database["WORDPRESS_PASSWORD"],
            admin_user=site["ADMIN_USER"],
            admin_password=site["ADMIN_PASSWORD"],
            application_password=site.get(APPLICATION_PASSWORD, ""),
            site_id=site["SITE_ID"],
        )
    except KeyError as error:
        raise StackError(
            f"namespace {api.namespace}: the stack's Secrets lack {error}", hint="hachaos stack deploy"
        ) from error


def ensure_published(api: Api) -> Credentials:
    """As `ensure`, for the published stack."""
    _ensure_secret(api, "hachaos", PUBLISHED_SECRET)
    return load_published(api)


def load_published(api: Api) -> Credentials:
    """As `load`, for the published stack: its only database user is root, without a password."""
    known = _read(api, "hachaos")
    try:
        return Credentials(
            ledger_user="root",
            ledger_password="",
            ledger_database=LEDGER_DATABASE,
            site_password="",
            admin_user=known["ADMIN_USER"],
            admin_password=known["ADMIN_PASSWORD"],
            application_password="",
            site_id=known["SITE_ID"],
        )
    except KeyError as error:
        raise StackError(
            f"namespace {api.namespace}: the Secret `hachaos` lacks {error}",
            hint="hachaos stack deploy --stack published",
        ) from error


def keep_application_password(api: Api, password: str) -> None:
    """Store what WordPress made; it cannot be asked for a second time."""
    know(password, password.replace(" ", ""))
    api.patch("Secret", "wordpress", {"stringData": {APPLICATION_PASSWORD: password}})


def _ensure_secret(api: Api, name: str, wanted: Mapping[str, Callable[[], str]]) -> None:
    found = api.get("Secret", name)
    if found is None:
        fresh: Object = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "hachaos"}},
            "stringData": {key: make() for key, make in wanted.items()},
        }
        try:
            api.create(fresh)
        except ApiRefused as error:
            if error.status != 409:
                raise
        else:
            return
        found = api.get("Secret", name) or fresh
    missing = {key: make() for key, make in wanted.items() if key not in found.get("data", {})}
    if missing:
        # With the version that was read, so that a key which somebody adds meanwhile is not overwritten.
        version = found["metadata"]["resourceVersion"]
        api.patch("Secret", name, {"metadata": {"resourceVersion": version}, "stringData": missing})


def _read(api: Api, name: str) -> dict[str, str]:
    found = api.get("Secret", name)
    if found is None:
        return {}
    values = {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}
    know(*(value for key, value in values.items() if key not in _NO_SECRETS))
    return values
