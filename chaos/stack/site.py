"""What a visitor and a writer see of the site: each answer is told apart by its content, not by its status alone."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass

from chaos.stack.http import Answer, NoAnswer, NotSent, exchange
from chaos.stack.stack import Stack

INSTALL = "install-page"
DATABASE_ERROR = "database-error"
_INSTALL_MARKS = (b"wp-admin/install.php", b'id="setup"')
# PHP states no length, so a page that it gave up in the middle of ends like a whole one.
_END_OF_PAGE = b"</html>"
_DATABASE_ERROR_MARK = b"Error establishing a database connection"


@dataclass(frozen=True)
class Seen:
    """What a read came to: `reason` is empty when it was good. See `history.Read`."""

    ok: bool
    reason: str = ""
    status: int = 0


@dataclass(frozen=True)
class Written:
    """What a write came to: `ok` (with the server's key), `fail` or `info`. See `history.Write`."""

    outcome: str
    reason: str = ""
    key: int | None = None


class Site:
    """The site as a client meets it. Safe to use from many threads; each call has its own connection and deadline."""

    def __init__(self, stack: Stack) -> None:
        known = stack.credentials
        pair = f"{known.admin_user}:{known.application_password}".encode()
        self._marker = stack.seed.marker.encode()
        self._host = {"Host": stack.site_host, "User-Agent": "hachaos"}
        self._writer = {"Authorization": "Basic " + base64.b64encode(pair).decode(), "Content-Type": "application/json"}

    def read_front(self, address: str, deadline_s: float) -> Seen:
        """Fetch the front page from `IP:port`; good only when it is whole and carries this installation's marker."""
        try:
            answer = exchange(address, "GET", "/", self._host, deadline_s=deadline_s)
        except (NotSent, NoAnswer) as error:
            return Seen(ok=False, reason=error.reason)
        bad = _alarm(answer)
        if bad:
            return Seen(ok=False, reason=bad, status=answer.status)
        if answer.status != 200:
            return Seen(ok=False, reason="status", status=answer.status)
        if self._marker not in answer.body or _END_OF_PAGE not in answer.body:
            return Seen(ok=False, reason="wrong-content", status=answer.status)
        return Seen(ok=True, status=answer.status)

    def create_post(self, address: str, token: str, deadline_s: float) -> Written:
        """Publish a post titled with the token through the REST API; sent once.

        201 with an id is `ok`. What cannot have reached WordPress, or was refused by it (3xx, 4xx), is `fail`. All
        else, 5xx and a lost answer among them, may have happened: `info`.
        """
        body = json.dumps({"title": token, "content": token, "status": "publish"}).encode()
        headers = self._host | self._writer
        try:
            answer = exchange(address, "POST", "/?rest_route=/wp/v2/posts", headers, body, deadline_s=deadline_s)
        except NotSent as error:
            return Written("fail", error.reason)
        except NoAnswer as error:
            return Written("info", error.reason)
        return _outcome(answer)

    def fetch(self, address: str, path: str, deadline_s: float) -> Answer:
        """Fetch any page. Raises NotSent and NoAnswer."""
        return exchange(address, "GET", path, self._host, deadline_s=deadline_s)


def _alarm(answer: Answer) -> str:
    """`install-page` (there is no site in the database any more) or `database-error`; empty for neither."""
    if any(mark in answer.body or mark in answer.headers.get("location", "").encode() for mark in _INSTALL_MARKS):
        return INSTALL
    return DATABASE_ERROR if _DATABASE_ERROR_MARK in answer.body else ""


def _outcome(answer: Answer) -> Written:
    bad = _alarm(answer)
    if answer.status == 201:
        try:
            return Written("ok", key=int(json.loads(answer.body)["id"]))
        except (ValueError, LookupError, TypeError):
            return Written("info", "201 without an id")
    refused = 300 <= answer.status < 500
    return Written("fail" if refused else "info", bad or f"status {answer.status}")


def digest(body: bytes) -> str:
    """How evidence names a content: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(body).hexdigest()[:16]
