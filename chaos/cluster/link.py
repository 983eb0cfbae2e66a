"""The connections to one API server: a request on them, with which credentials, and when it is tried again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import urllib3
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay, wait_random_exponential

from chaos.cluster import answer, configuration
from chaos.cluster.answer import ApiRefused, NoAnswer
from chaos.cluster.kinds import Object
from chaos.debug import LOG
from chaos.errors import ClusterError
from chaos.redact import know

CALL_TIMEOUT_S = 10.0
"""How long nothing may come of the answer to a call."""

LONGEST_PAUSE_S = 3.0
"""Between two tries, unless the API server asks for more."""

_RETRY_FOR_S = 90.0
"""How long a call is tried again on a cluster that has answered before: it is expected to come back."""

_REACH_FOR_S = 20.0
"""How long it is on a cluster that has never answered: it may not be there at all."""

_RENEW_S = 20.0
"""How long the credentials are waited for when they are read anew; not at first, when somebody may have to log in."""

_BODY_S = 30.0
"""How long an answer may take to arrive, from its request on, once it has begun."""


@dataclass(frozen=True)
class Request:
    """What is asked of an API server: `path` without a slash before it, `content` is the media type of the body."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Object | None = None
    content: str = "application/json"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Link:
    """The connections to one API server, which all its Apis share, and the credentials on them.

    `load` reads where it is and the credentials, at first and whenever they are taken no longer; what it raises first
    is passed on. Safe to use from many threads.
    """

    def __init__(self, load: Callable[[], Configuration]) -> None:
        self.configuration = load()
        self._load, self._lock = load, threading.Lock()
        self._pool = RESTClientObject(self.configuration).pool_manager
        self._answered = False
        self._not_renewed = float("-inf")

    def authorization(self) -> dict[str, str]:
        """The header that says who asks; none where a certificate does."""
        for key in ("BearerToken", "authorization"):
            token = self.configuration.get_api_key_with_prefix(key)
            if token:
                know(token.rpartition(" ")[2])
                return {"authorization": token}
        return {}

    def renew(self, used: dict[str, str]) -> bool:
        """Read the credentials anew, unless somebody has since `used` was sent; whether there are others now.

        Where they cannot be read, those that are there are kept.
        """
        asked = time.monotonic()
        with self._lock:
            # Who waited while another tried in vain would try as long after him, and the next one after that.
            if self.authorization() == used and self._not_renewed < asked:
                try:
                    fresh = configuration.within(_RENEW_S, self._load)
                except ClusterError as error:
                    LOG.debug("the credentials are not taken, and there are no others: %s", error)
                    self._not_renewed = time.monotonic()
                    return False
                # A helper program that fails leaves none: without any one would be somebody else, not refused with 401.
                if fresh.api_key and fresh.api_key != self.configuration.api_key:
                    self._pool = RESTClientObject(fresh).pool_manager
                    self.configuration = fresh
            return self.authorization() != used

    def call(self, request: Request, *, again: bool = False) -> Object:
        """The object that is the answer. `again` = try again while there is none.

        Raises ClusterError: NoAnswer, ApiRefused, or that the answer is no object.
        """
        lost = False

        def once() -> Object:
            nonlocal lost
            try:
                return answer.object_in(str(request), self.send(request, CALL_TIMEOUT_S))
            except NoAnswer as error:
                lost = lost or error.lost
                raise
            except ApiRefused as error:
                if lost and error.status == 403:
                    # One that has just been started has not read yet who may do what.
                    raise NoAnswer(str(error), lost=False) from error
                error.in_doubt = lost
                raise

        if not again:
            return once()
        retrying = Retrying(
            retry=retry_if_exception_type(NoAnswer),
            wait=_pause,
            stop=stop_before_delay(_RETRY_FOR_S if self._answered else _REACH_FOR_S),
            reraise=True,
        )
        found: Object = retrying(once)
        return found

    def send(self, request: Request, timeout_s: float) -> bytes:
        """One request and its whole answer, of which nothing may come for `timeout_s` at most.

        Raises NoAnswer, ApiRefused.
        """
        began = time.monotonic()
        response = self.begin(request, timeout_s)
        try:
            return answer.whole(response, began + max(_BODY_S, timeout_s))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswer(f"{request}: the answer broke off: {error}") from error

    def begin(self, request: Request, timeout_s: float) -> urllib3.BaseHTTPResponse:
        """The beginning of a good answer; its body is still to be read. Raises NoAnswer, ApiRefused."""
        for last in (False, True):
            authorization = self.authorization()
            response = self._ask(request, timeout_s, authorization)
            if response.status < 300:
                self._answered = True
                return response
            said = answer.refusal(response, time.monotonic() + CALL_TIMEOUT_S)
            if response.status != 401 or last or not self.renew(authorization):
                break
        status, message = response.status, answer.message_in(said)
        if status == 429 or status >= 500:
            after_s = answer.after_s(response)
            raise NoAnswer(f"{request}: {status} {message}", status, after_s=after_s, lost=status != 429)
        self._answered = True
        text, hint = f"{request}: {status} {message}", None
        if status == 401:
            text = f"{request}: the API server does not take the credentials: {status} {message}"
            hint = "get new credentials for it (kubectl would be refused as well)"
        raise ApiRefused(status, text, reason=answer.reason_in(said), hint=hint)

    def _ask(self, request: Request, timeout_s: float, authorization: dict[str, str]) -> urllib3.BaseHTTPResponse:
        headers = {"accept": "application/json"} | authorization
        if request.body is not None:
            headers["content-type"] = request.content
        query = f"?{urlencode(request.query)}" if request.query else ""
        began = time.monotonic()
        try:
            response = self._pool.request(
                request.method,
                f"{self.configuration.host}/{request.path}{query}",
                body=None if request.body is None else json.dumps(request.body),
                headers=headers,
                timeout=urllib3.Timeout(connect=min(5.0, timeout_s), read=timeout_s),
                retries=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            spent = time.monotonic() - began
            LOG.debug("%s: no answer, %.0f ms: %s", request, 1000 * spent, error)
            lost = not isinstance(error, urllib3.exceptions.NewConnectionError)
            raise NoAnswer(
                f"{request}: no answer from the API server after {spent:.1f} s: {error}", lost=lost
            ) from error
        LOG.debug("%s: %d, %.0f ms", request, response.status, 1000 * (time.monotonic() - began))
        return response


def _pause(state: RetryCallState) -> float:
    """Seconds until the next try: with backoff and jitter, and no earlier than the API server asked for."""
    error = state.outcome.exception() if state.outcome else None
    after_s = error.after_s if isinstance(error, NoAnswer) else 0.0
    return after_s + wait_random_exponential(multiplier=0.2, max=LONGEST_PAUSE_S)(state)
