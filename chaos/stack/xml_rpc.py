"""WordPress's XML-RPC: user and password travel in each request, so that no session has to be kept in the database.

Methods and faults: https://codex.wordpress.org/XML-RPC_WordPress_API
"""

from __future__ import annotations

import xmlrpc.client
from typing import Any
from xml.parsers.expat import ExpatError

PATH = "/xmlrpc.php"
_MOST = 1 << 16
_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")


class Fault(Exception):
    """WordPress answered with a fault. `code` is an HTTP status, or below zero: it did not take it for a request."""

    def __init__(self, code: int) -> None:
        super().__init__(f"fault {code}")
        self.code = code

    @property
    def refused(self) -> bool:
        """Whether nothing can have been done: no right to, no such thing, no such method."""
        return self.code < 0 or 400 <= self.code < 500


def request(method: str, user: str, password: str, *arguments: dict[str, Any] | list[str] | int) -> bytes:
    """The body of a call of one of WordPress's own methods, all of which begin with blog, user and password."""
    return xmlrpc.client.dumps((1, user, password, *arguments), method).encode()


def read(body: bytes) -> Any:
    """What a call returned. Raises Fault for a fault, and ValueError for all that is no answer to a call.

    What the parser is given is bounded and declares no entities: it is not made for data of others.
    """
    if len(body) > _MOST or any(mark in body for mark in _DECLARATIONS):
        raise ValueError("no answer of WordPress's is so long or declares entities")
    try:
        (value,), _ = xmlrpc.client.loads(body.decode())
    except xmlrpc.client.Fault as fault:
        raise Fault(int(fault.faultCode)) from fault
    except (xmlrpc.client.Error, ExpatError, LookupError, TypeError) as error:
        raise ValueError(str(error)) from error
    return value
