"""How the installation and its verification speak to WordPress and to the database."""

from __future__ import annotations

import html
import re
import socket
from collections.abc import Mapping
from typing import Any

import pymysql
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

from chaos.cluster import reach
from chaos.errors import StackError

_CONNECT_S = 5.0


class NotYet(StackError):
    """The site answered badly, or not at all; it may do better in a moment."""


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        try:
            return reach.connect(self.host, self.port, _CONNECT_S)
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _Adapter(HTTPAdapter):
    """Has `reach` dial."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool}


class WordPress:
    """One WordPress, spoken to at an address, under the name that it knows itself by."""

    def __init__(
        self, address: str, host: str, basic: tuple[str, str] | None = None, *, timeout_s: float = 60.0
    ) -> None:
        self._base = f"http://{address}"
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", _Adapter())
        self._session.headers["Host"] = host
        self._session.auth = basic

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send one request, follow no redirect. Raises NotYet without an answer, or with one of 500 and above."""
        try:
            response = self._session.request(
                method, self._base + path, timeout=self._timeout_s, allow_redirects=False, **more
            )
        except requests.RequestException as error:
            raise NotYet(f"{method} {path}: {error}") from error
        if response.status_code >= 500:
            raise NotYet(f"{method} {path}: {response.status_code} {gist(response)}")
        return response

    def rest(self, method: str, route: str, *, query: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Call the REST API, whose address depends on no rewrite rule. Raises StackError when it refuses."""
        response = self.request(method, "/", params={"rest_route": route} | dict(query or {}), **more)
        if response.status_code >= 300:
            raise StackError(f"WordPress refused {method} {route}: {response.status_code} {gist(response)}")
        try:
            return response.json()
        except ValueError as error:
            raise NotYet(f"{method} {route}: no JSON but {gist(response)}") from error

    def knows(self, user: str, password: str) -> bool:
        """Whether the REST API takes this user's application password."""
        response = self.request("GET", "/", params={"rest_route": "/wp/v2/users/me"}, auth=(user, password))
        return response.status_code == 200

    def sign_in(self, user: str, password: str) -> bool:
        """Sign in with the login form; the session then has the cookies and the nonce for the REST API."""
        form = {"log": user, "pwd": password, "testcookie": "1"}
        answer = self.request("POST", "/wp-login.php", data=form, cookies={"wordpress_test_cookie": "WP Cookie check"})
        if answer.status_code != 302:
            return False
        nonce = self.request("GET", "/wp-admin/admin-ajax.php", params={"action": "rest-nonce"})
        self._session.headers["X-WP-Nonce"] = nonce.text.strip()
        return nonce.status_code == 200


def gist(response: requests.Response) -> str:
    """What an answer says, in one line."""
    if response.is_redirect:
        return f"a redirect to {response.headers['Location']}"
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", response.text)
    return " ".join(html.unescape(text).split())[:200]


def connect(address: str, user: str, password: str, database: str) -> pymysql.Connection[Any]:
    """A connection in autocommit mode; every call on it has a deadline. Raises NotYet when it can't be made."""
    host, _, port = address.rpartition(":")
    connection: pymysql.Connection[Any] = pymysql.Connection(
        user=user,
        password=password,
        database=database,
        autocommit=True,
        read_timeout=20,
        write_timeout=20,
        ssl_disabled=True,
        defer_connect=True,
    )
    try:
        connection.connect(reach.connect(host, int(port), _CONNECT_S))
    except (pymysql.MySQLError, OSError) as error:
        raise NotYet(f"database at {address} as {user}: {error}") from error
    return connection


def run(connection: pymysql.Connection[Any], statement: str) -> tuple[tuple[Any, ...], ...]:
    """Run one statement and return its rows. Raises NotYet when the database refuses it or does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return tuple(cursor.fetchall())
    except pymysql.MySQLError as error:
        raise NotYet(f"database: {statement.split(maxsplit=3)[:3]}: {error}") from error
