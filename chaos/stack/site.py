"""What a visitor and a writer see of the site: each answer is told apart by its content, not by its status alone."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from chaos.history import INSTALL_PAGE
from chaos.stack import xml_rpc
from chaos.stack.http import Answer, NoAnswer, NotSent, OnHang, exchange
from chaos.stack.kept import KeptConnections
from chaos.stack.written import Written

if TYPE_CHECKING:
    from chaos.stack.stack import Stack

DATABASE_ERROR = "database-error"
STALE = "stale"
UPLOAD_BYTES = 4096
"""Size of each upload."""

_INSTALL_MARKS = (b"wp-admin/install.php", b'id="setup"')
# PHP states no length, so a page that it gave up in the middle of ends like a whole one.
_END_OF_PAGE = b"</html>"
_DATABASE_ERROR_MARK = b"Error establishing a database connection"
_PAGE_MARKS = (b"<!doctype html", b"<html", b"<?php")
_SIGNED_IN = "wordpress_logged_in_"
_USER = re.compile(rb'<input[^>]*\bid="user_login"[^>]*\bvalue="([^"]*)"')


@dataclass(frozen=True)
class Seen:
    """What a read came to: `reason` is empty when it was good. See `history.Read`."""

    ok: bool
    reason: str = ""
    status: int = 0


class NotSignedIn(Exception):
    """WordPress did not take the user's name and password. The text says what came instead."""


class Site:
    """The site as a client meets it. Safe to use from many threads; each call has its own deadline.

    Each has a connection of its own as well. With `keep`, reads share connections that stay open; writes, which must
    never be sent twice, do not.
    """

    def __init__(self, stack: Stack, *, keep: bool = False) -> None:
        self._kept = KeptConnections() if keep else None
        known = stack.credentials
        self._user, self._password = known.admin_user, known.admin_password
        pair = f"{known.admin_user}:{known.application_password}".encode()
        self._basic = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        self._marker, self._picture = stack.seed.marker.encode(), stack.seed.picture
        self._fresh = stack.binding.site.fresh
        self._static, self._by_xml_rpc = stack.binding.site.static, stack.binding.site.posts == "xmlrpc"
        self._host = {"Host": stack.site_host, "User-Agent": "hachaos"}
        self._first_static = ""
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the connections that were kept."""
        if self._kept is not None:
            self._kept.close()

    def read_front(self, address: str, deadline_s: float) -> Seen:
        """Fetch a page from `IP:port`; good only when it is whole and carries this installation's marker.

        It is the front page or, where the stack can make one, the page of a search for a word that nobody has used
        before: a copy that somebody kept of an earlier page (`stale`) does not name it.
        """
        nonce = secrets.token_hex(8) if self._fresh else ""
        path = f"/?s={nonce}" if nonce else "/"
        return self._read(
            address,
            path,
            deadline_s,
            lambda page: self._marker in page.body and _END_OF_PAGE in page.body,
            named=nonce,
        )

    def read_static(self, address: str, deadline_s: float, on_hang: OnHang | None = None) -> Seen:
        """Fetch a file for which no PHP runs; good when it is no page, and as it was when it was first good."""
        return self._read(address, self._static, deadline_s, self._is_static, on_hang)

    def read_upload(self, address: str, deadline_s: float, on_hang: OnHang | None = None) -> Seen:
        """Fetch the seed picture, which lies on the shared files; good only when it is that byte for byte."""

        def is_picture(answer: Answer) -> bool:
            return hashlib.sha256(answer.body).hexdigest() == self._picture.sha256

        return self._read(address, self._picture.path, deadline_s, is_picture, on_hang)

    def create_post(self, address: str, token: str, deadline_s: float) -> Written:
        """Publish a post titled with the token, by the REST API or by XML-RPC as the stack has it; sent once.

        An id is `ok`. What cannot have reached WordPress, or was refused by it (3xx, 4xx, such a fault), is `fail`. All
        else, 5xx and a lost answer among them, may have happened: `info`.
        """
        if self._by_xml_rpc:
            content = {"post_type": "post", "post_status": "publish", "post_title": token, "post_content": token}
            return self._call(address, "wp.newPost", content, deadline_s)
        body = json.dumps({"title": token, "content": token, "status": "publish"}).encode()
        return self._rest(address, "/wp/v2/posts", body, {"Content-Type": "application/json"}, deadline_s)

    def create_upload(self, address: str, token: str, deadline_s: float, on_hang: OnHang | None = None) -> Written:
        """Upload `upload_content(token)` as the file `upload_name(token)`; sent once. Outcomes as of `create_post`.

        But 400 is `info`: it is also what comes when the file is there, and the database did not take its entry. Here
        and in reads, `on_hang` is given the connection on which no answer came in time.
        """
        name, content = upload_name(token), upload_content(token)
        if self._by_xml_rpc:
            said = {"name": name, "type": "text/plain", "bits": content}
            done = self._call(address, "wp.uploadFile", said, deadline_s, on_hang)
        else:
            headers = {"Content-Type": "text/plain", "Content-Disposition": f'attachment; filename="{name}"'}
            done = self._rest(address, "/wp/v2/media", content, headers, deadline_s, on_hang)
            done = replace(done, outcome="info") if done.reason == "status 400" else done
        return replace(done, digest=digest(content))

    def sign_in(self, address: str, deadline_s: float) -> str:
        """Sign in with the login form: the cookies of that session, as a Cookie header has them.

        Raises NotSignedIn, NotSent and NoAnswer.
        """
        form = urlencode({"log": self._user, "pwd": self._password, "testcookie": "1"}).encode()
        headers = self._host | {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": "wordpress_test_cookie=WP%20Cookie%20check",
        }
        answer = exchange(address, "POST", "/wp-login.php", headers, form, deadline_s=deadline_s)
        if not any(name.startswith(_SIGNED_IN) for name in answer.cookies):
            raise NotSignedIn(_alarm(answer) or f"status {answer.status}")
        return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())

    def whose(self, address: str, cookie: str, deadline_s: float) -> str:
        """The login name of the user that this pod takes the bearer of the cookies for; `missing (...)` for nobody.

        Raises NotSent and NoAnswer.
        """
        headers = self._host | {"Cookie": cookie}
        answer = exchange(address, "GET", "/wp-admin/profile.php", headers, deadline_s=deadline_s)
        found = _USER.search(answer.body)
        if answer.status == 200 and found:
            return html.unescape(found[1].decode(errors="replace"))
        to_login = answer.status == 302 and "wp-login.php" in answer.headers.get("location", "")
        return f"missing ({_alarm(answer) or ('asked to sign in' if to_login else answer.status)})"

    def fetch(self, address: str, path: str, deadline_s: float, on_hang: OnHang | None = None) -> Answer:
        """Fetch any page. Raises NotSent and NoAnswer."""
        return exchange(address, "GET", path, self._host, deadline_s=deadline_s, on_hang=on_hang)

    def _read(
        self,
        address: str,
        path: str,
        deadline_s: float,
        good: Callable[[Answer], bool],
        on_hang: OnHang | None = None,
        named: str = "",
    ) -> Seen:
        try:
            if self._kept is None:
                answer = self.fetch(address, path, deadline_s, on_hang)
            else:
                answer = self._kept.get(address, path, self._host, deadline_s=deadline_s, on_hang=on_hang)
        except (NotSent, NoAnswer) as error:
            return Seen(ok=False, reason=error.reason)
        bad = _alarm(answer)
        if bad:
            return Seen(ok=False, reason=bad, status=answer.status)
        if answer.status != 200:
            return Seen(ok=False, reason="status", status=answer.status)
        if not good(answer):
            return Seen(ok=False, reason="wrong-content", status=answer.status)
        if named.encode() not in answer.body:
            return Seen(ok=False, reason=STALE, status=answer.status)
        return Seen(ok=True, status=answer.status)

    def _is_static(self, answer: Answer) -> bool:
        start = answer.body[:512].lstrip().lower()
        if not start or any(mark in start for mark in _PAGE_MARKS):
            return False
        found = digest(answer.body)
        with self._lock:
            self._first_static = self._first_static or found
            return found == self._first_static

    def _rest(
        self,
        address: str,
        route: str,
        body: bytes,
        headers: Mapping[str, str],
        deadline_s: float,
        on_hang: OnHang | None = None,
    ) -> Written:
        def read(answer: Answer) -> Written | None:
            if answer.status != 201:
                return None
            made = json.loads(answer.body)
            return Written("ok", key=int(made["id"]), path=_path(made.get("source_url")))

        headers = self._host | self._basic | dict(headers)
        return _write(address, f"/?rest_route={route}", headers, body, deadline_s, read, on_hang)

    def _call(
        self,
        address: str,
        method: str,
        content: Mapping[str, Any],
        deadline_s: float,
        on_hang: OnHang | None = None,
    ) -> Written:
        def read(answer: Answer) -> Written | None:
            try:
                made = xml_rpc.read(answer.body)
            except xml_rpc.Fault as fault:
                return Written("fail" if fault.refused else "info", str(fault))
            if isinstance(made, dict):
                return Written("ok", key=int(made["id"]), path=_path(made["url"]))
            return Written("ok", key=int(made))

        body = xml_rpc.request(method, self._user, self._password, dict(content))
        return _write(address, xml_rpc.PATH, self._host | {"Content-Type": "text/xml"}, body, deadline_s, read, on_hang)


def _write(
    address: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    deadline_s: float,
    read: Callable[[Answer], Written | None],
    on_hang: OnHang | None = None,
) -> Written:
    """Send a write, once. `read` tells what a good answer (2xx) says; None and what it raises for one that is none."""
    try:
        answer = exchange(address, "POST", path, headers, body, deadline_s=deadline_s, on_hang=on_hang)
    except NotSent as error:
        return Written("fail", error.reason)
    except NoAnswer as error:
        return Written("info", error.reason)
    bad = _alarm(answer) or f"status {answer.status}"
    if not 200 <= answer.status < 300:
        return Written("fail" if 300 <= answer.status < 500 else "info", bad)
    try:
        return read(answer) or Written("info", bad)
    except (ValueError, LookupError, TypeError):
        return Written("info", bad if answer.status != 201 else "201 without an id")


def _path(url: object) -> str:
    return urlsplit(url).path if isinstance(url, str) else ""


def _alarm(answer: Answer) -> str:
    """`install-page` (there is no site in the database any more) or `database-error`; empty for neither."""
    if any(mark in answer.body or mark in answer.headers.get("location", "").encode() for mark in _INSTALL_MARKS):
        return INSTALL_PAGE
    return DATABASE_ERROR if _DATABASE_ERROR_MARK in answer.body else ""


def upload_name(token: str) -> str:
    """What the file of this token's upload is called, where no other has its name."""
    return f"{token}.txt"


def upload_content(token: str) -> bytes:
    """The upload of this token: text that no other token has, of `UPLOAD_BYTES` bytes."""
    lines = [f"upload of hachaos {token}"]
    lines += [hashlib.sha256(f"{token} {number}".encode()).hexdigest() for number in range(UPLOAD_BYTES // 64)]
    return "\n".join(lines).encode()[: UPLOAD_BYTES - 1] + b"\n"


def digest(body: bytes) -> str:
    """How evidence names a content: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(body).hexdigest()[:16]
