"""Files of uploads (D1, D3, D5): every acknowledged one is served by every site pod that stays, byte for byte.

One that had failed is served by none, and one that was never answered by all or by none. What WordPress's database says
of uploads is judged in `continuity`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
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
    """What a reading of the site pods tells of uploads: also the tokens of the acknowledged ones, and of the lost."""

    findings: list[Finding]
    unknown: list[str]
    figures: dict[str, Any]
    acknowledged: Set[str]
    lost: Set[str]


def judge(history: History, step: Step, sites: dict[str, SiteContents]) -> Judged:
    """Hold what the pods serve against what was tried before they were read.

    On all pods missing, or other bytes: lost. On some: their volume or their mount is not the one that the others have.
    """
    at = facts.reading_time(step, sites.values())
    tried = [write for write in facts.writes(history).get(WHAT, ()) if write.end <= at]
    digests = _acknowledged(tried)
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
    serving = {pod: tokens - bad[pod].keys() for pod, tokens in looked.items()}
    if lost:
        figures["lost_writes"] = named.whole(each for each in tried if each.token in lost)
        text = f"{len(lost)} {of_all} {words.were(len(lost))} lost"
        if lost_before is not None:
            text += f", {words.how_many(len(lost & lost_before), len(lost))} of them missing before the first fault"
        gone = any(lost & tokens for tokens in good.values())
        gone = gone or (lost_before is not None and not lost & lost_before)
        text, items = f"{text} ({_instead(bad, lost)})", _items(lost, tried, looked, serving)
        found.append(Finding("lost-upload", text, False if gone else None, items=items))
    some = {pod: tokens.keys() - lost for pod, tokens in bad.items() if tokens.keys() - lost}
    if some:
        missed = set().union(*some.values())
        text = f"{len(missed)} {of_all} {words.are(len(missed))} not served by {words.names(some)}"
        gone = any(tokens & good.get(pod, set()) for pod, tokens in some.items())
        text, items = f"{text} ({_instead(bad, missed)})", _items(missed, tried, looked, serving)
        found.append(Finding("upload-missing:site", text, False if gone else None, items=items))
    unknown = list(_not_looked_for("acknowledged upload", digests.keys(), looked))
    unsure = [write for write in tried if write.token not in digests]
    return Judged(found + _unsure(unsure, sites, figures, unknown), unknown, figures, digests.keys(), lost)


def _unsure(
    tried: Collection[Write], sites: dict[str, SiteContents], figures: dict[str, Any], unknown: list[str]
) -> list[Finding]:
    """D3, D5: of uploads that were not acknowledged, those that pods serve though they must not, or not alike."""
    sent = {write.token: write for write in tried}
    looked = {pod: {token for token, _ in one.uploads} & sent.keys() for pod, one in sites.items()}
    serving = {
        pod: {t for t, value in one.uploads if t in sent and value == sent[t].digest} for pod, one in sites.items()
    }
    served = set().union(*serving.values()) if serving else set()
    failed = {token for token in served if sent[token].outcome == "fail"}
    split = {t for t in served - failed if any(t in looked[pod] - serving[pod] for pod in sites)}
    figures |= {"resurrected": len(failed), "differing": len(split)}
    unknown += _not_looked_for("unacknowledged upload", set().union(*looked.values()) if looked else set(), looked)
    sayings = (
        ("resurrected", failed, "that had failed"),
        ("split", split, "without an answer, served by some pods and not by others"),
    )
    return [
        Finding(
            f"{key}-{WHAT}",
            f"there {words.are(len(some))} {words.count(len(some), WHAT)} {saying}",
            items=_items(some, tried, looked, serving),
        )
        for key, some, saying in sayings
        if some
    ]


def _items(
    tokens: Set[str], tried: Iterable[Write], looked: Mapping[str, Set[str]], serving: Mapping[str, Set[str]]
) -> tuple[dict[str, Any], ...]:
    """As all findings name writes; `on` are the pods that serve a file, `not_on` those that were asked and do not."""
    writes = {(WHAT, write.token): write for write in tried if write.token in tokens}
    pods = {pod: {(WHAT, token) for token in held & tokens} for pod, held in serving.items()}
    return tuple(
        one | {"not_on": [pod for pod in one["not_on"] if one["token"] in looked[pod]]}
        for one in named.items(writes.keys(), writes, pods)
    )


def _not_looked_for(what: str, tokens: Set[str], looked: dict[str, set[str]]) -> Iterator[str]:
    """That some were looked for on no pod, or not on all of them: a pod that was not asked may lack any."""
    if not looked:
        return
    nowhere = len(tokens - set().union(*looked.values()))
    if nowhere:
        yield f"{words.count(nowhere, what)} {words.were(nowhere)} not looked for"
    unasked = [pod for pod, asked in sorted(looked.items()) if tokens - asked]
    some = len(set().union(*(tokens - asked for asked in looked.values()))) - nowhere
    if some:
        yield f"{words.count(some, what)} {words.were(some)} not looked for on {words.names(unasked)}"


def _acknowledged(tried: Iterable[Write]) -> dict[str, str]:
    """The digest of each upload by its token."""
    return {write.token: write.digest for write in tried if write.outcome == "ok"}


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
