"""Seed content (D7): is what was there before the run still there, in each database and as each site pod serves it.

A site that offers to be installed has none of it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from chaos.checks import facts, words
from chaos.checks.findings import Finding
from chaos.checks.uploads import MISSING
from chaos.history import INSTALL_PAGE, Contents, History, Read, SiteContents, Step, Write

PICTURE, SESSION = "picture", "session"
"""Of what a site pod serves: what lies on the shared files, and who it takes the login cookie for."""

_NO_LOGIN = ("missing (no login", "missing (nobody signed in")
"""How a session begins that there was no cookie for."""


def in_databases(history: History, step: Step, read: dict[str, Contents], figures: dict[str, Any]) -> list[Finding]:
    """D7 in the databases: the seed content of each against the first reading."""
    reference = first(history.of(Contents), step)
    changed = {
        pod: names
        for pod, reading in read.items()
        if (names := _changed(reference, reading.baseline, reference.keys() | reading.baseline.keys()))
    }
    figures["baseline_changed"] = changed
    return [
        Finding(f"seed:{pod}", f"the seed content of {pod} changed ({words.names(names)})")
        for pod, names in sorted(changed.items())
    ]


def as_served(history: History, step: Step, sites: dict[str, SiteContents], figures: dict[str, Any]) -> list[Finding]:
    """D7 as each site pod serves it: seed posts and page, the picture from the shared files, the login's session.

    While reads may stay out nothing of it is judged, while uploads may, the picture is not.
    """
    if "reads" in step.limits.may_stay_out:
        return []
    reference = first(history.of(SiteContents), step)
    of_kind: dict[str, dict[str, list[str]]] = {"seed": {}, PICTURE: {}, SESSION: {}}
    for pod, reading in staying(history, step, sites).items():
        # What a pod that hung half-way did not get to is not judged.
        names = reading.baseline.keys() | (set() if reading.error else reference.keys())
        for name in _changed(reference, reading.baseline, names):
            if name == SESSION and _without_login(reading):
                continue
            if name == PICTURE and "uploads" in step.limits.may_stay_out:
                continue
            of_kind[name if name in of_kind else "seed"].setdefault(pod, []).append(name)
            figures["baseline_changed"].setdefault(pod, []).append(name)
    sayings = (
        ("seed", "the seed content of {} changed ({})"),
        (PICTURE, "the seed picture is not served by {} as it was ({})"),
        (SESSION, "the login cookie is not taken by {} for the user that it was made for ({})"),
    )
    found = []
    for kind, saying in sayings:
        pods = of_kind[kind]
        named = {name for names in pods.values() for name in names}
        what = named if kind == "seed" else {sites[pod].baseline.get(kind) or "not read" for pod in pods}
        if pods:
            found.append(Finding(f"{kind}:site", saying.format(words.names(pods), words.names(what))))
    return found


def installers(history: History, step: Step, figures: dict[str, Any]) -> list[Finding]:
    """D7 as users meet it: WordPress offers to install itself only where it found none of its data in the database.

    Whether reads or writes may stay out does not matter: a database that is away is no empty one.
    """
    begin, end = facts.since(step), step.end
    offered = [one for one in _installers(history) if begin <= one.start <= end]
    if not offered:
        return []
    first = min(one.end for one in offered)
    figures["install_offered"] = {"first_at_s": first, **Counter(one.what for one in offered)}
    text = f"WordPress offered to install itself to {words.count(len(offered), 'request')}: it found an empty database"
    return [Finding("install-offered:site", text)]


@lru_cache(maxsize=1)
def _installers(history: History) -> tuple[Read | Write, ...]:
    """All requests of the run that were answered so. A run has very many: they are looked through once."""
    asked = itertools.chain[Read | Write](history.of(Read), history.of(Write))
    return tuple([one for one in asked if one.reason == INSTALL_PAGE])


def staying(history: History, step: Step, sites: dict[str, SiteContents]) -> dict[str, SiteContents]:
    """What the site pods that stay served, as far as they could be read."""
    gone, _ = facts.leaving(history, step, "site", list(sites.values()))
    partly = "uploads" in step.limits.may_stay_out
    return {pod: one for pod, one in sites.items() if pod and pod not in gone and (partly or not one.error)}


def _changed(reference: dict[str, str], found: dict[str, str], names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if _differs(reference, found, name))


def _differs(reference: dict[str, str], found: dict[str, str], name: str) -> bool:
    value = found.get(name)
    before = reference.get(name, "")
    if value is None or value.startswith(MISSING):
        return True
    # What could not be read before can't be told from what it is now: see `unread`.
    return bool(reference) and value != before and not before.startswith(MISSING)


def unread(reference: dict[str, str], step: Step) -> list[str]:
    """What no reading before this step had a value of."""
    excused = {PICTURE} if "uploads" in step.limits.may_stay_out else set()
    return sorted(name for name, value in reference.items() if value.startswith(MISSING) and name not in excused)


def nobody_signed_in(history: History, step: Step, sites: dict[str, SiteContents]) -> bool:
    """Whether the tool itself got no login, so that a pod had no cookie to refuse."""
    return any(map(_without_login, staying(history, step, sites).values()))


def _without_login(reading: SiteContents) -> bool:
    return reading.baseline.get(SESSION, "").startswith(_NO_LOGIN)


def first(records: Iterable[Contents] | Iterable[SiteContents], step: Step) -> dict[str, str]:
    """The seed content as it was before this step, the primary's word first; empty when nobody read it.

    Of what was first looked for (and of who the login cookie is taken for) the first reading counts that has a value.
    Where none has, it stays `missing`.
    """
    earlier = [one for one in records if one.step < step.index and not one.error and one.baseline]
    earlier.sort(key=lambda one: (one.step, not getattr(one, "primary", False)))
    found: dict[str, str] = {}
    for one in earlier:
        for name, value in one.baseline.items():
            if one.step != earlier[0].step and name != SESSION and name not in found:
                continue
            if found.get(name, MISSING).startswith(MISSING):
                found[name] = value
    return found
