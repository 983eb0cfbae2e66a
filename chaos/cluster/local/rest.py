"""The API server as the cluster's own parts talk to it: a handful of calls over one kept connection.

`up` is over before a full client library would have been imported.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from chaos.cluster.local.layout import API_SERVER
from chaos.errors import ClusterError

_TIMEOUT_S = (2.0, 10.0)
_FIELD_MANAGER = "hachaos-cluster"

Object = dict[str, Any]


class Rest:
    """A connection to the API server with a client certificate. Use it within the switch's or a machine's network."""

    def __init__(self, folder: Path, user: str) -> None:
        """`folder` holds ca.crt, `user`.crt and `user`.key."""
        self._session = requests.Session()
        self._session.verify = str(folder / "ca.crt")
        self._session.cert = (str(folder / f"{user}.crt"), str(folder / f"{user}.key"))
        # A proxy that the environment names is not inside the cluster's network.
        self._session.trust_env = False

    def __enter__(self) -> Rest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session.close()

    def get(self, path: str) -> Object:
        """The object or list at `path`. Raises ClusterError."""
        return self._call("GET", path)

    def apply(self, path: str, manifest: Object) -> Object:
        """Server-side apply of the object at `path`. Raises ClusterError."""
        return self._call(
            "PATCH",
            f"{path}?fieldManager={_FIELD_MANAGER}&force=true",
            manifest,
            "application/apply-patch+yaml",
        )

    def merge(self, path: str, body: Object) -> Object:
        """Merge patch of the object at `path`. Raises ClusterError."""
        return self._call("PATCH", path, body, "application/merge-patch+json")

    def is_ready(self) -> bool:
        """Whether the API server says that it is."""
        try:
            return self._session.get(f"{API_SERVER}/readyz", timeout=_TIMEOUT_S).ok
        except requests.RequestException:
            return False

    def _call(self, verb: str, path: str, body: Object | None = None, kind: str = "application/json") -> Object:
        try:
            answer = self._session.request(
                verb, f"{API_SERVER}{path}", json=body, headers={"Content-Type": kind}, timeout=_TIMEOUT_S
            )
            if not answer.ok:
                raise ClusterError(f"{verb} {path}: {answer.status_code} {_message(answer)}")
            found: Object = answer.json()
        except requests.RequestException as error:
            raise ClusterError(f"the API server does not answer {verb} {path}: {error}") from error
        return found


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def retrying(call: Callable[[], Object], *, timeout_s: float, poll_s: float = 0.1) -> Object:
    """Call until it works. Raises the last ClusterError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return call()
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(poll_s)
