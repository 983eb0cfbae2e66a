"""Installs WordPress as a person would, through its own install page and REST API, and gives it the seed content.

Every step looks first whether it has been done, so an installation that was cut off goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from chaos.cluster.api import Api
from chaos.errors import StackError
from chaos.progress import Task
from chaos.stack import credentials
from chaos.stack.clients import NotYet, WordPress, connect, gist, run
from chaos.stack.credentials import SITE_DATABASE, SITE_USER, Credentials
from chaos.stack.stack import Article, Picture, Seed

SEED_CONFIG_MAP = "hachaos-seed"
_APPLICATION = "hachaos"
_INSTALL_TIMEOUT_S = 120.0
_CONTENT = Path(__file__).parent / "seed"

_LEDGER = """
CREATE TABLE IF NOT EXISTS ledger (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    token CHAR(36) NOT NULL UNIQUE,
    writer VARCHAR(64) NOT NULL,
    seq BIGINT NOT NULL,
    written_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) ENGINE=InnoDB DEFAULT CHARSET=ascii
"""
_HEARTBEAT = """
CREATE TABLE IF NOT EXISTS heartbeat (
    id INT NOT NULL PRIMARY KEY,
    token CHAR(32) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=ascii
"""


def seed_of(api: Api) -> Seed | None:
    """What an earlier installation wrote down when it was complete, or None."""
    found = api.get("ConfigMap", SEED_CONFIG_MAP)
    if found is None:
        return None
    try:
        return Seed.from_json(json.loads(found["data"]["seed"]))
    except (ValueError, LookupError, TypeError) as error:
        raise StackError(
            f"ConfigMap {SEED_CONFIG_MAP}: {error!r}", hint="hachaos stack delete, then hachaos stack deploy"
        ) from error


def marker(site_id: str) -> str:
    """The site's title: it is on every page, and its id is random."""
    return f"hachaos {site_id}"


def install(api: Api, secrets: Credentials, *, site: str, site_host: str, database: str, task: Task) -> Seed:
    """Install WordPress (at `site`, IP:port), its seed content, and the ledger (at `database`, IP:port).

    Raises StackError when it is not done within two minutes, or when the site is somebody else's.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(NotYet), wait=wait_fixed(0.5), stop=stop_after_delay(_INSTALL_TIMEOUT_S)
    )
    try:
        return retrying(_install_once, api, secrets, site, site_host, database, task)
    except RetryError as error:
        raise StackError(
            f"WordPress at {site} could not be installed within {_INSTALL_TIMEOUT_S:g} s: "
            f"{error.last_attempt.exception()}",
            hint=f"kubectl -n {api.namespace} logs deployment/wordpress",
        ) from error


def _install_once(api: Api, secrets: Credentials, site: str, site_host: str, database: str, task: Task) -> Seed:
    task.update("ledger")
    make_ledger(database, secrets)
    visitor = WordPress(site, site_host)
    task.update("WordPress's install page")
    _make_site(visitor, secrets, database)
    task.update("application password")
    password = secrets.application_password
    if not password or not visitor.knows(secrets.admin_user, password):
        password = _application_password(WordPress(site, site_host), secrets)
        credentials.keep_application_password(api, password)
    task.update("posts, page and picture")
    seed = _make_content(WordPress(site, site_host, (secrets.admin_user, password)), secrets.site_id)
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": SEED_CONFIG_MAP},
            "data": {"seed": json.dumps(seed.to_json(), indent=1)},
        }
    )
    return seed


def make_ledger(database: str, secrets: Credentials) -> None:
    """Create the tables that the tool itself writes to, through the primary, if they are not there."""
    with connect(database, secrets.ledger_user, secrets.ledger_password, secrets.ledger_database) as connection:
        for statement in (_LEDGER, _HEARTBEAT):
            run(connection, statement)


def _make_site(site: WordPress, secrets: Credentials, database: str) -> None:
    """Bring the site to where its front page carries the marker."""
    try:
        front = site.request("GET", "/")
    except NotYet:
        # A database with half of the tables also ends up here: WordPress asks for a repair.
        _clear_if_cut_off(database, secrets)
        raise
    if marker(secrets.site_id) in front.text:
        return
    if not (front.status_code == 302 and "/wp-admin/install.php" in front.headers.get("Location", "")):
        _clear_if_cut_off(database, secrets)
        raise StackError(
            f"the site in this namespace was installed by somebody else (its front page says {gist(front)!r})",
            hint="hachaos stack delete removes it with all its data",
        )
    answer = site.request("POST", "/wp-admin/install.php?step=2", data=install_form(secrets))
    front = site.request("GET", "/")
    if marker(secrets.site_id) not in front.text:
        raise NotYet(f"WordPress's install page said: {gist(answer)}; the front page then: {gist(front)}")


def install_form(secrets: Credentials) -> dict[str, str]:
    """What is filled in on WordPress's install page."""
    return {
        "weblog_title": marker(secrets.site_id),
        "user_name": secrets.admin_user,
        "admin_password": secrets.admin_password,
        "admin_password2": secrets.admin_password,
        "pw_weak": "1",
        "admin_email": "hachaos@example.com",
        "blog_public": "0",
        "language": "",
        "Submit": "Install WordPress",
    }


def _clear_if_cut_off(database: str, secrets: Credentials) -> None:
    """Drop WordPress's tables when an installation ended before it made the first user: there is nothing in them.

    Raises NotYet when it did.
    """
    with connect(database, SITE_USER, secrets.site_password, SITE_DATABASE) as connection:
        tables = [str(row[0]) for row in run(connection, "SHOW TABLES LIKE 'wp\\_%'")]
        if not tables or ("wp_users" in tables and run(connection, "SELECT 1 FROM wp_users LIMIT 1")):
            return
        run(connection, f"DROP TABLE {', '.join(f'`{name}`' for name in tables)}")
    raise NotYet(f"an installation that had been cut off was cleared away ({len(tables)} tables)")


def _application_password(site: WordPress, secrets: Credentials) -> str:
    if not site.sign_in(secrets.admin_user, secrets.admin_password):
        raise StackError(
            f"WordPress does not take the password of {secrets.admin_user!r} from the Secret `wordpress`",
            hint="hachaos stack delete, then hachaos stack deploy",
        )
    mine = "/wp/v2/users/me/application-passwords"
    for old in site.rest("GET", mine):
        # One that was made but not stored, since the tool was killed in between.
        if old["name"] == _APPLICATION:
            site.rest("DELETE", f"{mine}/{old['uuid']}")
    return str(site.rest("POST", mine, json={"name": _APPLICATION})["password"])


@dataclass(frozen=True)
class _Text:
    slug: str
    title: str
    text: str


def _make_content(site: WordPress, site_id: str) -> Seed:
    content = yaml.safe_load((_CONTENT / "articles.yaml").read_text(encoding="utf-8"))
    posts = [_Text(**each) for each in content["posts"]]
    there = _existing(site, "posts", [each.slug for each in posts])
    with ThreadPoolExecutor(3) as pool:
        made = [pool.submit(_article, site, "posts", each, site_id, there.get(each.slug)) for each in posts]
        picture = _picture(site, content["picture"])
        page = _article(site, "pages", _Text(**content["page"]), site_id, None, picture)
        return Seed(marker(site_id), tuple(each.result() for each in made), page, picture)


def _existing(site: WordPress, kind: str, slugs: list[str]) -> dict[str, Any]:
    found = site.rest("GET", f"/wp/v2/{kind}", query={"slug": ",".join(slugs), "per_page": "100"})
    return {each["slug"]: each for each in found}


def _article(
    site: WordPress, kind: str, wanted: _Text, site_id: str, found: Any, picture: Picture | None = None
) -> Article:
    if found is None:
        found = _existing(site, kind, [wanted.slug]).get(wanted.slug)
    text = f"{wanted.text} ({site_id})"
    if found is None:
        content = f"<p>{text}</p>" + (f'<p><img src="{picture.path}" alt=""></p>' if picture else "")
        body = {"slug": wanted.slug, "title": wanted.title, "content": content, "status": "publish"}
        found = site.rest("POST", f"/wp/v2/{kind}", json=body)
    return Article(id=int(found["id"]), title=wanted.title, text=text, path=_path(found["link"]))


def _picture(site: WordPress, wanted: Mapping[str, str]) -> Picture:
    data = (_CONTENT / wanted["file"]).read_bytes()
    found = _existing(site, "media", [wanted["slug"]]).get(wanted["slug"])
    if found is None:
        headers = {"Content-Type": "image/png", "Content-Disposition": f'attachment; filename="{wanted["slug"]}.png"'}
        query = {"slug": wanted["slug"], "title": wanted["title"]}
        found = site.rest("POST", "/wp/v2/media", query=query, data=data, headers=headers)
    return Picture(id=int(found["id"]), path=_path(found["source_url"]), sha256=hashlib.sha256(data).hexdigest())


def _path(link: str) -> str:
    parts = urlsplit(link)
    return parts.path + (f"?{parts.query}" if parts.query else "")
