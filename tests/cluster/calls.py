"""Every call of the API that a command makes, as the right that the API server asks for.

As a script: `calls.py FILE ARGUMENT...` runs `hachaos ARGUMENT...` and writes them into FILE.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

from chaos.cli.main import main
from chaos.cluster.api import Api
from chaos.cluster.link import Link, Request
from chaos.cluster.rights import Right, execute, port_forward

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@contextmanager
def recorded() -> Iterator[set[Right]]:
    """The rights that calls within the block need; each names the object that was called upon."""
    found: set[Right] = set()

    def seen(owner: type, method: str, note: Callable[..., None]) -> Any:
        original = getattr(owner, method)

        def call(self: Any, *arguments: Any, **options: Any) -> Any:
            note(*arguments, **options)
            return original(self, *arguments, **options)

        return mock.patch.object(owner, method, call)

    def sent(request: Request, *_: Any, **__: Any) -> None:
        # Who is asked, and whether anybody answers, is open to all.
        if request.path.startswith(("api/", "apis/")) and "selfsubjectaccessreviews" not in request.path:
            found.update(_of(request))

    with (
        seen(Link, "begin", sent),
        seen(Api, "execute", lambda *_, **__: found.update(execute(""))),
        seen(Api, "port_forward", lambda *_, **__: found.update(port_forward(""))),
    ):
        yield found


def read(file: Path) -> set[Right]:
    """What the script has written."""
    return {Right(**each) for each in json.loads(file.read_text())}


def _of(request: Request) -> Iterator[Right]:
    root, *words = request.path.split("/")
    group = "" if root == "api" else words.pop(0)
    del words[0]  # the version
    namespaced = words[0] == "namespaces"
    if namespaced and len(words) > 2:
        del words[:2]
    resource, name, sub = (*words, "", "")[:3]
    reading = "watch" if request.query.get("watch") else "get" if name else "list"
    full = f"{resource}/{sub}" if sub else resource
    cluster = not namespaced
    yield Right(group, full, _VERBS.get(request.method, reading), name, cluster)
    if request.content == "application/apply-patch+yaml":
        # What is not there yet is made, and that is asked for as well.
        yield Right(group, full, "create", name, cluster)


def covers(granted: Right, used: Right) -> bool:
    """Whether the right that is granted lets what was used through."""
    same = (granted.group, granted.resource, granted.verb) == (used.group, used.resource, used.verb)
    return same and granted.name in ("", used.name)


if __name__ == "__main__":
    _, place, *sys.argv[1:] = sys.argv
    with recorded() as used:
        try:
            main()
        finally:
            Path(place).write_text(json.dumps([asdict(each) for each in list(used)]))
