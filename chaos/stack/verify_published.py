"""Whether the published stack is as it was deployed; its replication, which the order of things breaks, is no part."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

from chaos.errors import StackError
from chaos.stack.clients import NotYet, WordPress, connect, gist, run
from chaos.stack.install_published import look, notes_of
from chaos.stack.stack import Stack

_PODS = {"database": 3, "site": 3, "files": 1}
_LOOKS = 5
_HTTP_TIMEOUT_S = 10.0


def problems(stack: Stack) -> list[str]:
    """What keeps the stack from being used as it is, a sentence each.

    All pods of the deployment must be there, the Service and every site pod must serve the site, every database pod
    must know it (else some requests meet the install page), and the ledger on the primary must take a row.
    """
    there = {role: len(stack.pods(role)) for role in _PODS}
    missing = [
        f"{there[role]} of {wanted} {role} pods are there" for role, wanted in _PODS.items() if there[role] < wanted
    ]
    if missing:
        # Without the files' server every look at a page would wait for its deadline.
        return missing
    site, base = stack.binding.site, stack.binding.database
    checks: list[Callable[[], list[str]]] = [
        partial(_not_served, pod.name, f"{pod.ip}:{site.port}", stack, 1) for pod in stack.pods("site")
    ]
    checks += [partial(_not_known, pod.name, f"{pod.ip}:{base.port}", stack) for pod in stack.pods("database")]
    checks += [lambda: _not_served("the Service", stack.site_address(), stack, _LOOKS), lambda: _not_written(stack)]
    with ThreadPoolExecutor(len(checks)) as pool:
        return [line for found in pool.map(lambda check: check(), checks) for line in found]


def faults(stack: Stack) -> list[str]:
    """What is wrong with it all the same: how its database pods are now, and what was odd in its installation."""
    now = look(stack)
    return [*now, *(f"{note} (when it was deployed)" for note in notes_of(stack.api) if note not in now)]


def _not_served(name: str, address: str, stack: Stack, times: int) -> list[str]:
    site = WordPress(address, stack.site_host, timeout_s=_HTTP_TIMEOUT_S)
    for _ in range(times):
        try:
            front = site.request("GET", "/")
        except NotYet as error:
            return [f"{name}: {error}"]
        if front.status_code != 200 or stack.seed.marker not in front.text:
            said = f"{front.status_code} {gist(front)}"
            return [f"{name} serves a front page without {stack.seed.marker!r}: {said}"]
    return []


def _not_known(name: str, address: str, stack: Stack) -> list[str]:
    known, site = stack.credentials, stack.binding.site
    title = f"SELECT option_value FROM {site.prefix}options WHERE option_name = 'blogname'"  # noqa: S608
    try:
        with closing(connect(address, known.ledger_user, known.ledger_password, site.schema)) as connection:
            rows = run(connection, title)
    except NotYet as error:
        return [f"{name}: {error}"]
    return [] if rows == ((stack.seed.marker,),) else [f"{name} does not hold the site {stack.seed.marker!r}"]


def _not_written(stack: Stack) -> list[str]:
    known = stack.credentials
    try:
        address = stack.database_address()
        with closing(connect(address, known.ledger_user, known.ledger_password, known.ledger_database)) as primary:
            run(primary, "SELECT 1 FROM ledger LIMIT 1")
            run(primary, f"REPLACE INTO heartbeat (id, token) VALUES (1, '{secrets.token_hex(16)}')")  # noqa: S608
    except StackError as error:
        return [f"the primary takes no row: {error}"]
    return []
