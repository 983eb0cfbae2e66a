"""Installs the published stack's WordPress through its Service, as a visitor would, and gives it the seed content.

Each request meets a database pod at random, and what it writes stays there: so the install page comes back, and the
seed's posts lie on different pods, under ids that other pods may use for something else.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from chaos.cluster.api import Api
from chaos.errors import StackError
from chaos.progress import Task
from chaos.stack import xml_rpc
from chaos.stack.clients import NotYet, WordPress, gist
from chaos.stack.credentials import Credentials
from chaos.stack.database import Database, NoDatabase
from chaos.stack.install import SEED_CONFIG_MAP, install_form, marker
from chaos.stack.stack import Article, Picture, Seed, Stack

_INSTALL_TIMEOUT_S = 120.0
_IN_A_ROW = 15
"""So many front pages are the site's before it counts as installed: of three database pods each is then met but for one
case in 150."""
_SAID = 120
"""So many characters of a server's error are told: it may quote a whole statement."""
_LOOK_EVERY_S = 0.3
_DEADLINE_S = 10.0
_CONTENT = Path(__file__).parent / "seed"


def install(api: Api, secrets: Credentials, site: str, site_host: str, task: Task) -> tuple[Seed, list[str]]:
    """Install WordPress (at `site`, IP:port) and its seed content; the seed, and what was odd, a sentence each.

    Raises StackError when the front page is not the site's a number of times in a row within two minutes.
    """
    deadline = time.monotonic() + _INSTALL_TIMEOUT_S
    visitor = WordPress(site, site_host)
    filled_in, in_a_row, said = 0, 0, ""
    while in_a_row < _IN_A_ROW:
        if time.monotonic() >= deadline:
            raise StackError(
                f"WordPress at {site} could not be installed within {_INSTALL_TIMEOUT_S:g} s: its install page was "
                f"filled in {filled_in} times; last: {said}",
                hint=f"kubectl -n {api.namespace} logs deployment/wordpress",
            )
        task.update(said)
        try:
            front = visitor.request("GET", "/")
            if front.status_code == 200 and marker(secrets.site_id) in front.text:
                in_a_row += 1
                continue
            in_a_row, said = 0, f"{front.status_code} {gist(front)}"
            if "/wp-admin/install.php" in front.headers.get("Location", ""):
                answer = visitor.request("POST", "/wp-admin/install.php?step=2", data=install_form(secrets))
                # "Already installed" is another database pod's answer.
                filled_in += "Success" in answer.text
                said = gist(answer)
        except NotYet as error:
            in_a_row, said = 0, str(error)
        time.sleep(_LOOK_EVERY_S)
    notes = []
    if filled_in > 1:
        notes.append(f"WordPress's install page came back and was filled in {filled_in} times")
    task.update("posts, page and picture")
    return _make_content(visitor, secrets, deadline), notes


def look(stack: Stack) -> list[str]:
    """What the database pods say of their replication, and where the seed's posts have landed, a sentence each."""
    database = Database(stack.credentials, stack.binding)
    titles: dict[str, set[str]] = {}
    said = []
    for pod in stack.pods("database"):
        try:
            with database.connect(database.address(pod.ip), _DEADLINE_S) as connection:
                found = database.replication(connection)
                titles[pod.name] = {title for _, title in database.posts(connection)}
        except NoDatabase as error:
            said.append(f"{pod.name}: {error}")
            continue
        if pod.role == "database/primary":
            continue
        if found.source is None:
            said.append(f"{pod.name} replicates from nobody")
        elif (found.io_running, found.sql_running) != ("Yes", "Yes"):
            why = f": {found.last_error[:_SAID]}" if found.last_error else ""
            said.append(f"{pod.name} does not replicate: IO {found.io_running}, SQL {found.sql_running}{why}")
    for post in stack.seed.posts:
        holders = [name for name, held in titles.items() if post.title in held]
        if not holders:
            said.append(f"the post {post.title!r} is on no database pod")
        elif len(holders) < len(titles):
            said.append(f"the post {post.title!r} is on {' and '.join(holders)} only")
    return said


def keep(api: Api, seed: Seed, notes: list[str]) -> None:
    """Write down that the installation is complete, and what was odd in it."""
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": SEED_CONFIG_MAP},
            "data": {"seed": json.dumps(seed.to_json(), indent=1), "notes": json.dumps(notes, indent=1)},
        }
    )


def notes_of(api: Api) -> list[str]:
    """What was odd in the installation."""
    found = api.get("ConfigMap", SEED_CONFIG_MAP) or {}
    return [str(each) for each in json.loads(found.get("data", {}).get("notes", "[]"))]


def _make_content(site: WordPress, secrets: Credentials, deadline: float) -> Seed:
    content = yaml.safe_load((_CONTENT / "articles.yaml").read_text(encoding="utf-8"))
    data = (_CONTENT / content["picture"]["file"]).read_bytes()
    upload = {"name": f"{content['picture']['slug']}.png", "type": "image/png", "bits": data}
    made = _call(site, "wp.uploadFile", secrets, upload, deadline)
    picture = Picture(int(made["id"]), urlsplit(made["url"]).path, hashlib.sha256(data).hexdigest())

    def article(kind: str, wanted: dict[str, str], more: str = "") -> Article:
        text = f"{wanted['text']} ({secrets.site_id})"
        body = {
            "post_type": kind,
            "post_status": "publish",
            "post_name": wanted["slug"],
            "post_title": wanted["title"],
            "post_content": f"<p>{text}</p>{more}",
        }
        number = int(_call(site, "wp.newPost", secrets, body, deadline))
        query = "p" if kind == "post" else "page_id"
        return Article(number, wanted["title"], text, f"/?{query}={number}")

    posts = tuple(article("post", each) for each in content["posts"])
    page = article("page", content["page"], f'<p><img src="{picture.path}" alt=""></p>')
    return Seed(marker(secrets.site_id), posts, page, picture)


def _call(site: WordPress, method: str, secrets: Credentials, content: dict[str, Any], deadline: float) -> Any:
    """Call until it is done: a fault or an error of one database pod may be none on the next."""
    while True:
        try:
            body = xml_rpc.request(method, secrets.admin_user, secrets.admin_password, content)
            answer = site.request("POST", xml_rpc.PATH, data=body, headers={"Content-Type": "text/xml"})
            return xml_rpc.read(answer.content)
        except (NotYet, xml_rpc.Fault, ValueError) as error:
            if time.monotonic() >= deadline:
                raise StackError(f"WordPress did not take the seed content ({method}): {error}") from error
            time.sleep(_LOOK_EVERY_S)
