"""What the API server answered: how it is read, and its no told from no answer."""

from __future__ import annotations

import json
import time

import urllib3

from chaos.cluster.kinds import Object, Objects
from chaos.errors import ClusterError, Unreachable


class ApiRefused(ClusterError):
    """The API server answered, and the answer was no. `status` is the HTTP status.

    `reason` is the API's own word for it, such as `NotFound`; empty where it was not the API that said no. `in_doubt`
    = an earlier try of the same call had no answer, and may have been carried out.
    """

    def __init__(
        self, status: int, message: str, *, reason: str = "", in_doubt: bool = False, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status, self.reason, self.in_doubt = status, reason, in_doubt

    @property
    def is_missing(self) -> bool:
        """Whether there is no such object: where the API says so, and nobody in between."""
        return self.status == 404 and self.reason == "NotFound"


class NoAnswer(Unreachable):
    """No answer, or one that says to come back later: worth another try where trying twice is safe.

    `status` is the HTTP status; 0 without an answer. `after_s`: not before so many seconds. `lost`: the request may
    have been carried out.
    """

    def __init__(self, message: str, status: int = 0, *, after_s: float = 0.0, lost: bool = True) -> None:
        super().__init__(message)
        self.status, self.after_s, self.lost = status, after_s, lost


def whole(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """The body. Raises TimeoutError when it goes on beyond the deadline, however it trickles."""
    parts = []
    try:
        while part := response.read1(65536):
            parts.append(part)
            if time.monotonic() > deadline:
                raise TimeoutError("it took too long")
    except BaseException:
        response.close()
        raise
    return b"".join(parts)


def refusal(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """What a refusal says; nothing where that breaks off or goes on beyond the deadline."""
    try:
        return whole(response, deadline)
    except (urllib3.exceptions.HTTPError, OSError):
        return b""


def object_in(what: str, data: bytes) -> Object:
    """The object that a body is. Raises NoAnswer where it is a part of one, and ClusterError where it is none."""
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise NoAnswer(f"{what}: the answer is not whole: {error}") from error
    if not isinstance(answer, dict):
        raise ClusterError(f"{what}: the answer is no object of the API")
    return answer


def items_of(answer: Object) -> Objects:
    """The items of a list. Raises ClusterError where there is none: that is not a list without any."""
    items = answer.get("items")
    if not isinstance(items, list):
        raise ClusterError("the API server answered with something that is no list")
    return items


def after_s(response: urllib3.BaseHTTPResponse) -> float:
    """The seconds of a Retry-After; the API server gives no dates there."""
    given = response.headers.get("retry-after", "")
    return float(given) if given.isdigit() else 0.0


def message_in(data: bytes) -> str:
    """The message of a refusal; the beginning of what was said instead, where it was not the API that said it."""
    try:
        return str(json.loads(data)["message"])
    except (ValueError, LookupError, TypeError):
        return data[:200].decode(errors="replace").strip()


def reason_in(data: bytes) -> str:
    """The API's own word for a refusal; empty where it was not the API that refused."""
    try:
        return str(json.loads(data)["reason"])
    except (ValueError, LookupError, TypeError):
        return ""
