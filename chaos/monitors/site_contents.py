"""What a site pod serves with writers stopped: seed content, the login's session, the picture, the run's uploads."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from chaos.clock import Clock
from chaos.history import SiteContents
from chaos.stack.http import Answer, NoAnswer, NotSent
from chaos.stack.site import Site, digest
from chaos.stack.stack import Pod, Stack

T = TypeVar("T")

PICTURE, SESSION = "picture", "session"

_POD_S = 25.0
"""How long one pod is read in all: on shared files that hang, each single one costs its deadline."""

_TRIES = 3
_AGAIN_S = 1.0
"""How often a page that could not be made is asked for, and after how many seconds again."""

_BROKEN = ("missing (5", "missing (database-error)")
"""How what `Site.whose` says of such a page begins."""

_PAGE_S = 10.0
_FILE_S = 5.0
_TIMEOUT = "missing (timeout)"
_TIMEOUTS = 2


@dataclass(frozen=True)
class Session:
    """The run's one login: the Cookie header of it, or (without one) why there is none."""

    cookie: str = ""
    problem: str = "nobody signed in"


def read(
    stack: Stack, site: Site, pod: Pod, clock: Clock, step: int, session: Session, uploads: Mapping[str, str]
) -> SiteContents:
    """Read a pod at its own address. `uploads` are the paths of those that are looked for, by their tokens.

    A pod that does not answer for a seed post is an error. Files are read last, and what then does not answer is
    `missing`. An upload for which no time was left, though files did not hang, is left out.
    """
    address, began = f"{pod.ip}:{stack.binding.site.port}", clock.now()
    until = time.monotonic() + _POD_S
    baseline: dict[str, str] = {}
    try:
        for article in (*stack.seed.posts, stack.seed.page):
            answer = _answer(site, address, article.path, until)
            there = answer.status == 200 and article.text.encode() in answer.body
            baseline[f"seed {article.id}"] = digest(article.text.encode()) if there else f"missing ({answer.status})"
    except (NotSent, NoAnswer) as error:
        return SiteContents(began, step, pod.name, error=error.reason, baseline=baseline)
    baseline[SESSION] = _whose(site, address, session, min(_PAGE_S, _left(until)))
    baseline[PICTURE] = _file(site, address, stack.seed.picture.path, until)
    served = _uploads(site, address, uploads, until, timeouts=int(baseline[PICTURE] == _TIMEOUT))
    return SiteContents(began, step, pod.name, baseline=baseline, uploads=served)


def _answer(site: Site, address: str, path: str, until: float) -> Answer:
    """A page as the pod serves it. Raises NotSent and NoAnswer."""
    return _made(
        lambda: site.fetch(address, path, min(_PAGE_S, _left(until))), lambda answer: answer.status >= 500, until
    )


def _made(ask: Callable[[], T], broken: Callable[[T], bool], until: float) -> T:
    """An answer; one that the pod could not make says nothing of what it holds, and is asked for again.

    That pages cannot be made is what the streams of reads measure.
    """
    for _ in range(_TRIES - 1):
        found = ask()
        if not broken(found) or time.monotonic() + _AGAIN_S >= until:
            return found
        time.sleep(_AGAIN_S)
    return ask()


def _uploads(
    site: Site, address: str, uploads: Mapping[str, str], until: float, *, timeouts: int
) -> tuple[tuple[str, str], ...]:
    """Each upload as it is served. After two files in a row that hung the rest is taken to hang as well.

    Each that is tried holds one of the pod's processes for as long as the shared files are away.
    """
    served: list[tuple[str, str]] = []
    for token, path in uploads.items():
        if timeouts >= _TIMEOUTS:
            value = _TIMEOUT
        elif time.monotonic() >= until:
            break
        else:
            value = _file(site, address, path, until) if path else "missing (no address)"
            timeouts = timeouts + 1 if value == _TIMEOUT else 0
        served.append((token, value))
    return tuple(served)


def _file(site: Site, address: str, path: str, until: float) -> str:
    try:
        answer = site.fetch(address, path, min(_FILE_S, _left(until)))
    except (NotSent, NoAnswer) as error:
        return f"missing ({error.reason})"
    return digest(answer.body) if answer.status == 200 else f"missing ({answer.status})"


def _whose(site: Site, address: str, session: Session, deadline_s: float) -> str:
    if not session.cookie:
        return f"missing ({session.problem})"
    until = time.monotonic() + deadline_s
    try:
        return _made(
            lambda: site.whose(address, session.cookie, _left(until)), lambda name: name.startswith(_BROKEN), until
        )
    except (NotSent, NoAnswer) as error:
        return f"missing ({error.reason})"


def _left(until: float) -> float:
    return max(0.1, until - time.monotonic())
