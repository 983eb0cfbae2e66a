"""Lineage (C6): whose data a database pod bears, by the marks that were written to each pod's data alone.

A mark is a row that replication does not carry, written to each pod before a step's fault. Data that was kept has its
own mark, a physical copy has its donor's. What a clone leaves beside the data is only what somebody wrote there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.history import History, Step, VolumeSeen

OWN, COPY, STALE, FOREIGN = "own", "copy", "stale", "none"


@dataclass(frozen=True)
class Origin:
    """Whose data a pod bears after a step.

    `own`: that which it had. `copy`: that which `donor` had; `fresh` = with the mark of this very step. `stale`: its
    own, as it was earlier in the run. `none`: data that bears no mark of this run.
    """

    how: str
    donor: str = ""
    fresh: bool = True


def origin(history: History, step: Step, after: VolumeSeen) -> Origin | None:
    """Whose data it is that was seen after the step's fault; None where marks were not written, or not read."""
    if after.marks is None:
        return None
    written = {
        one.mark: one
        for one in history.of(VolumeSeen)
        if one.mark and (one.step < step.index or (one.step == step.index and one.when == "before"))
    }
    mine = [one for one in written.values() if one.pod == after.pod]
    if mine and mine[-1].mark in after.marks:
        return Origin(OWN)
    known = [written[mark] for mark in after.marks if mark in written]
    if not known:
        return Origin(FOREIGN) if mine or _all_marked(written, step) else None
    last = max(known, key=lambda one: one.at)
    if last.pod == after.pod:
        return Origin(STALE)
    newest = max((one for one in written.values() if one.pod == last.pod), key=lambda one: one.at)
    return Origin(COPY, last.pod, fresh=newest.mark == last.mark)


def unproven(history: History, step: Step, after: VolumeSeen, source: str) -> str:
    """Why marks do not show whose data a pod bears that is held to be that of `source`; empty where they do.

    Empty as well where no mark was written in this run: nobody may write any to this stack.
    """
    looks = [one for one in history.of(VolumeSeen) if one.when == "before" and one.step <= step.index]
    if not any(one.mark for one in looks):
        return ""
    if after.marks is None:
        return "the marks in its data could not be read"
    of_step = [one for one in looks if one.step == step.index and one.pod == source]
    return f"{source} could be given no mark before the fault" if of_step and not of_step[-1].mark else ""


def kept(earlier: VolumeSeen, later: VolumeSeen) -> bool | None:
    """Whether data still bears the newest mark that it bore at an earlier look; None where that can't be known."""
    if not earlier.marks or later.marks is None:
        return None
    return earlier.marks[-1] in later.marks


def contradiction(pod: str, origins: Mapping[str, Origin | None], *, kept: bool, donor: str) -> str:
    """How a pod's marks contradict what else is known of it; empty where they don't, or where there are none.

    `kept` = it is held to have come back on its own data; else `donor` is said to be whom its data was copied from.
    """
    found = origins.get(pod)
    if found is None or (found.how == OWN and kept):
        return ""
    bears = {
        OWN: f"bears the mark that was written to {pod} alone before the fault",
        COPY: f"bears the mark that was written to {found.donor} alone",
        STALE: "lacks the mark that was written to it before the fault, and bears an older one: it is old data",
        FOREIGN: "bears no mark that was written in this run",
    }[found.how]
    if kept:
        return f"came back as if on its own data, but that {bears}"
    if found.how == COPY and not found.fresh:
        return f"was cloned, but its data {bears} earlier in the run, and not that of this step: it is old data"
    of_donor = origins.get(donor)
    through = of_donor is not None and of_donor.how == COPY and of_donor.donor == found.donor
    if found.how == COPY and (found.donor == donor or not donor or through):
        return ""
    return f"was cloned{f' from {donor}' if donor else ''} by what is known of it, but its data {bears}"


def _all_marked(written: dict[str, VolumeSeen], step: Step) -> bool:
    """Whether any pod could have given this step's mark to a copy."""
    return any(one.step == step.index for one in written.values())
