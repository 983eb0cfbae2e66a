"""Uploads (D1): is every acknowledged upload served by every site pod that stays, byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

from chaos.checks import facts, named, words
from chaos.checks.findings import Finding
from chaos.history import BASELINE, History, SiteContents, Step, Write

WHAT = "upload"
MISSING = "missing"
"""How the word begins that stands for what a pod did not serve."""


@dataclass(frozen=True)
class Judged:
    """What a reading of the site pods tells of uploads."""

    findings: list[Finding]
    unknown: list[str]
    figures: dict[str, Any]


def judge(history: History, step: Step, sites: dict[str, SiteContents]) -> Judged:
    """Hold what the pods serve against what was acknowledged before they were read.

    On all pods missing, or other bytes: lost. On some: their volume or their mount is not the one that the others have.
    """
    digests = _acknowledged(history, facts.reading_time(step, sites.values()))
    bad = {pod: _bad(digests, one) for pod, one in sorted(sites.items())}
    looked = {pod: {token for token, _ in one.uploads} & digests.keys() for pod, one in sites.items()}
    seen: set[str] = set().union(*looked.values()) if looked else set()
    lost = {token for token in seen if all(token in bad[pod] for pod in sites)}
    figures: dict[str, Any] = {
        "acknowledged": len(digests),
        "looked_for": len(seen),
        "lost": len(lost),
        "missing_on": {pod: len(found) for pod, found in bad.items()},
    }
    good, lost_before = _earlier(history, step, digests)
    found, of_all = [], f"of {words.count(len(digests), 'acknowledged upload')}"
    if lost:
        tried = history.of(Write)
        figures["lost_writes"] = named.whole(each for each in tried if each.what == WHAT and each.token in lost)
        text = f"{len(lost)} {of_all} {words.were(len(lost))} lost"
        if lost_before is not None:
            text += f", {words.how_many(len(lost & lost_before), len(lost))} of them missing before the first fault"
        gone = any(lost & tokens for tokens in good.values())
        gone = gone or (lost_before is not None and not lost & lost_before)
        found.append(Finding("lost-upload", f"{text} ({_instead(bad, lost)})", False if gone else None))
    some = {pod: tokens.keys() - lost for pod, tokens in bad.items() if tokens.keys() - lost}
    if some:
        missed = set().union(*some.values())
        text = f"{len(missed)} {of_all} {words.are(len(missed))} not served by {words.names(some)}"
        gone = any(tokens & good.get(pod, set()) for pod, tokens in some.items())
        found.append(Finding("upload-missing:site", f"{text} ({_instead(bad, missed)})", False if gone else None))
    return Judged(found, list(_not_looked_for(digests.keys(), looked)), figures)


def _not_looked_for(tokens: Set[str], looked: dict[str, set[str]]) -> Iterator[str]:
    """That some were looked for on no pod, or not on all of them: a pod that was not asked may lack any."""
    if not looked:
        return
    nowhere = len(tokens - set().union(*looked.values()))
    if nowhere:
        yield f"{words.count(nowhere, 'acknowledged upload')} {words.were(nowhere)} not looked for"
    unasked = [pod for pod, asked in sorted(looked.items()) if tokens - asked]
    some = len(set().union(*(tokens - asked for asked in looked.values()))) - nowhere
    if some:
        yield f"{words.count(some, 'acknowledged upload')} {words.were(some)} not looked for on {words.names(unasked)}"


def _acknowledged(history: History, until: float) -> dict[str, str]:
    """The digest of each upload by its token."""
    return {
        write.token: write.digest
        for write in history.of(Write)
        if write.what == WHAT and write.outcome == "ok" and write.end <= until
    }


def _bad(digests: dict[str, str], reading: SiteContents) -> dict[str, str]:
    """What came in place of an upload, by its token."""
    return {
        token: value
        for token, value in reading.uploads
        if token in digests and (value.startswith(MISSING) or (digests[token] and value != digests[token]))
    }


def _earlier(history: History, step: Step, digests: dict[str, str]) -> tuple[dict[str, set[str]], set[str] | None]:
    """What each pod had served in an earlier reading; what no pod had in the baseline (None without one)."""
    good: dict[str, set[str]] = {}
    baseline: list[set[str]] = []
    for one in history.of(SiteContents):
        if one.step >= step.index:
            continue
        bad = _bad(digests, one)
        good.setdefault(one.pod, set()).update({token for token, _ in one.uploads} - bad.keys())
        if one.step == BASELINE and not one.error:
            baseline.append(set(bad))
    return good, set.intersection(*baseline) if baseline else None


def _instead(bad: dict[str, dict[str, str]], tokens: set[str]) -> str:
    """What came in place of them: `3 missing (404)`, `1 with other bytes`."""
    said = Counter(
        value if value.startswith(MISSING) else "with other bytes"
        for found in bad.values()
        for token, value in found.items()
        if token in tokens
    )
    return ", ".join(f"{number} x {value}" for value, number in said.most_common(3))
