"""Order (R2, R3): a replica holds a beginning of what each writer wrote, and what a pod was seen to hold stays there.

A replica that is behind lacks the last of a writer's rows. One that lacks a row and holds a later one of the same
writer has skipped it, and will never have it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Set

from chaos.checks import named, words
from chaos.checks.findings import Finding
from chaos.checks.named import Key
from chaos.history import Write


def holes(
    tried: Mapping[Key, Write],
    acknowledged: Set[Key],
    missing: Mapping[str, Set[Key]],
    pods: Mapping[str, Collection[Key]],
) -> list[Finding]:
    """R2: what each pod lacks though it holds what its writer began to write only once that was acknowledged.

    `missing` is what each pod lacks of the acknowledged writes, without what the primary lacks as well.
    """
    found = []
    for pod, lacks in sorted(missing.items()):
        latest: dict[tuple[str, str], float] = {}
        for key in pods[pod] if lacks else ():
            if key not in acknowledged:
                continue
            write = tried[key]
            of = (write.what, write.writer)
            latest[of] = max(latest.get(of, -math.inf), write.start)
        skipped = {key for key in lacks if tried[key].end < latest.get((tried[key].what, tried[key].writer), -math.inf)}
        for what, some in named.by_kind(skipped).items():
            text = f"{pod} skipped {words.count(len(some), what)}: it holds what was written after {_them(some)}"
            found.append(Finding(f"hole-{what}:{pod}", text, items=named.items(some, tried, pods)))
    return found


def vanished(
    tried: Mapping[Key, Write], before: Mapping[str, Set[Key]], pods: Mapping[str, Collection[Key]], told: Set[Key]
) -> list[Finding]:
    """R3: what each pod was seen to hold in an earlier reading and holds no more.

    `told` are the entries whose loss is told anyway: acknowledged ones, and those from before the run.
    """
    found = []
    for pod in sorted(before.keys() & pods.keys()):
        gone = {key for key in before[pod] if key[1] and key not in pods[pod] and key not in told}
        for what, some in named.by_kind(gone).items():
            text = f"{words.count(len(some), what)} that {pod} was seen to hold {words.are(len(some))} gone from it"
            found.append(Finding(f"vanished-{what}:{pod}", text, items=named.items(some, tried, pods)))
    return found


def _them(some: Set[Key]) -> str:
    return "it" if len(some) == 1 else "them"
