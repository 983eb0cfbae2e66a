"""The words that a scenario may use, as data: the code of the actions lies in a layer above."""

from __future__ import annotations

from chaos import extensions
from chaos.scenario.words import ActionWords, Parameter
from chaos.stack.roles import ROLES, part

API_VERSION = "hachaos/v1"

STACK = "stack"
"""The target of what breaks nothing."""


_PODS = ("database", "database/primary", "database/replica", "site", "files")
_ORDINAL = Parameter(
    key="ordinal",
    kind="count",
    lowest=0,
    highest=8,
    about="which one, by its number in the StatefulSet",
    unset="the first of the target",
)

_DELETING = (
    "a StatefulSet that deletes the volumes of pods that it is scaled down by (`whenScaled: Delete`), unless the "
    "scenario is `destructive`"
)

ACTIONS: dict[str, ActionWords] = {
    "scale": ActionWords(
        about="sets the number of the target's pods",
        targets=("database", "site"),
        parameters={
            "replicas": Parameter(
                key="replicas", kind="count", lowest=0, highest=9, required=True, about="how many pods there shall be"
            ),
        },
        undo="the number from before is set again at the end, and that many pods have to be ready",
        effect="as many pods as asked for are there, all ready",
        refuses=_DELETING,
        scales=True,
    ),
    "delete-pod": ActionWords(
        about="deletes pods of the target; their controller makes new ones",
        targets=_PODS,
        parameters={
            "grace": Parameter(
                key="grace_s",
                kind="seconds",
                lowest=0,
                highest=3600,
                about="time that the pod's processes get to end; 0s kills them at once",
                unset="what the pod's own manifest says",
            ),
            "ordinal": _ORDINAL,
            "count": Parameter(
                key="count", kind="count", lowest=1, highest=9, about="how many, all at once", unset="one"
            ),
        },
        undo="the controller replaces the pods; at the end as many of the role as before have to be ready again",
        effect="each pod aimed at is gone, or its name has another uid",
        refuses="fewer pods than `count`; an `ordinal` of a Deployment's pods",
    ),
    "kill-process": ActionWords(
        about="sends a signal to the server process of one container of a pod of the target; kubelet starts it again",
        targets=_PODS,
        parameters={
            "signal": Parameter(
                key="signal",
                kind="word",
                words=("KILL", "TERM", "ABRT", "SEGV"),
                about="which signal",
                unset="KILL",
            ),
            "container": Parameter(
                key="container", kind="name", about="in which container", unset="the one that serves the role"
            ),
            "ordinal": _ORDINAL,
        },
        undo="kubelet starts the process again; at the end as many pods as before have to be ready again",
        effect="the container was started again (restart count, container ID), in the same pod",
        refuses="a signal that the kernel would drop, or, outside of the embedded cluster, a container without a shell",
        replaces=False,
    ),
    "delete-volume": ActionWords(
        about="deletes the volume claim of a database pod with all its data, and the pod, where there is one",
        targets=("database", "database/primary", "database/replica"),
        parameters={
            "ordinal": _ORDINAL,
            "count": Parameter(
                key="count", kind="count", lowest=1, highest=9, about="of how many pods, all at once", unset="one"
            ),
            "interrupt": Parameter(
                key="interrupt",
                kind="word",
                words=("itself", "primary"),
                about="kill this pod as well, while the new pod gets its data: the new pod itself, or the primary",
                unset="nothing more is killed",
            ),
        },
        undo="nothing brings the data back; a deletion that was cut off is finished, and as many pods as before have "
        "to be ready again",
        effect="the claim and the pod have other uids; a claim without a pod is gone",
        refuses="a volume with the reclaim policy Retain; a workload that makes no claims",
        destructive=True,
    ),
    "stop-service": ActionWords(
        about="stops the server of the shared files: its workload is scaled to none",
        targets=("files",),
        parameters={},
        undo="the number of pods from before is set again at the end, and that many have to be ready",
        effect="no pod is left",
        refuses=f"a workload that is stopped already; {_DELETING}",
        scales=True,
    ),
    "start-service": ActionWords(
        about="starts the server of the shared files that stop-service has stopped",
        targets=("files",),
        parameters={},
        undo="nothing is taken, so there is nothing to put back",
        effect="as many pods are ready as before the stop",
        refuses="a workload that stop-service has not stopped",
    ),
    "rolling-restart": ActionWords(
        about="replaces all pods of the target as a roll-out does, like kubectl rollout restart",
        targets=("database", "site", "files"),
        parameters={},
        undo="the roll-out has to be complete at the end; its annotation restartedAt stays, as kubectl's does",
        effect="every pod was replaced, and the roll-out is complete",
        refuses="updateStrategy OnDelete, a partition, a roll-out that is paused",
    ),
    "drain-node": ActionWords(
        about="cordons the node of a pod of the target and evicts the stack's pods from it, as kubectl drain does",
        targets=_PODS,
        parameters={"ordinal": _ORDINAL},
        undo="the node takes pods again, if it did before; as many pods of each part as before have to be ready again",
        effect="each pod of the stack that was on the node is gone, or its name has another uid",
        refuses="a node without another one that takes pods",
        nodes=True,
    ),
    "pause": ActionWords(
        about="does nothing for a time, with everything watched",
        targets=("stack",),
        parameters={
            "for": Parameter(key="for_s", kind="seconds", lowest=1, highest=3600, required=True, about="for how long"),
        },
        undo="nothing is touched",
        breaks=False,
        replaces=False,
    ),
    "noop": ActionWords(
        about="does nothing: the step is judged like any other",
        targets=("stack",),
        parameters={},
        undo="nothing is touched",
        breaks=False,
        replaces=False,
    ),
}


TARGETS: tuple[str, ...] = tuple(dict.fromkeys(target for words in ACTIONS.values() for target in words.targets))

WITH_ORDINALS = ("database", "files")
"""The parts of the stack whose pods are a StatefulSet's, so that each has a number."""

KINDS = ("reads", "writes", "uploads")
"""What `expect` may limit: reads through the Service, rows and posts, uploads."""

DEFAULT_WORKLOAD = {
    "reads": "20/s",
    "pod_reads": "1/s",
    "writes": "10/s",
    "posts": "1/s",
    "deadline": "2s",
    "connections": "new",
}

CONNECTIONS: dict[str, str] = {
    "new": "each read has a connection of its own, as a browser's first visit has",
    "kept": "reads share connections that stay open, as a browser's later visits do; through a Service such a "
    "connection stays with the pod that it first came to",
}

DEFAULT_ABORT = {"every": "15s", "for": "0s", "fails": "3", "timeout": "5s", "missing": "ignore"}

ABORTS: dict[str, str] = {
    "wall_time": "the run takes longer than this",
    "error_budget": "reads, writes or uploads were out for longer than this in all, over the whole run",
    "http": "so many GETs of a URL in a row had no 2xx answer",
    "prometheus": "a value of an instant query was above or below a bound for so long",
}

CONDITIONS: dict[str, str] = {
    "database/ready": "as many database pods as wanted are there and ready",
    "site/ready": "as many site pods as wanted are there and ready",
    "files/ready": "as many pods of the file server as wanted are there and ready",
    "stack/ready": "database, site and files are all ready",
}

CLONES: dict[str, str] = {
    "resume": "the database pod comes back on the data that it had; nothing is cloned",
    "re-clone": "the database pod gets its data anew, from another one",
}


CHECKS: dict[str, str] = {
    "effect": "the fault happened: what it was to change was seen to change",
    "recovery": "everything came back within the step's timeout: the condition, and good answers without a break",
    "availability": "no outage of reads, writes or uploads was longer than `expect` allows",
    "continuity": "every acknowledged row, post and upload is still there, once and whole, and so is the seed content",
    "replication": "every replica replicates from the one primary and holds the same as it",
    "clone": "each new database pod came back on its own data, or on a whole copy where its volume was new",
}

HOLDS: dict[str, tuple[str, ...]] = {
    "effect": ("A2",),
    "recovery": ("A1",),
    "availability": ("A1", "A3"),
    "continuity": ("D1", "D2", "D3", "D4", "D5", "D6", "D7", "R2", "R3", "R4", "R8", "P2", "A3"),
    "replication": ("R1", "R4", "R5", "R6", "R7"),
    "clone": ("C1", "C2", "C3", "C4", "C5", "C6", "P1"),
}
"""Which invariants each check holds a run against."""

INVARIANTS: dict[str, str] = {
    "D1": "every acknowledged write is still there, and of an upload every byte",
    "D2": "nothing is there that nobody wrote",
    "D3": "nothing is there whose write had failed",
    "D4": "no write is there twice",
    "D5": "a write that was never answered is on all database pods or on none",
    "D6": "everything that is there can be read whole",
    "D7": "the seed content and what was written before the run are there, as they were",
    "R1": "no replica holds more than its primary",
    "R2": "a replica that holds a later write of a writer holds the earlier ones too",
    "R3": "what was seen on a pod stays there, whether it was acknowledged or not",
    "R4": "every replica has all that was acknowledged and is on the primary",
    "R5": "at one position every replica holds the same content as the primary",
    "R6": "a replica that says that it replicates gets a fresh row of the primary",
    "R7": "as many pods are there as there have to be; exactly one database pod takes writes, and it is the primary",
    "R8": "a write stays under the id that was acknowledged, and no other gets that id",
    "P1": "the primary comes back on the data that it had, or on a whole copy of it",
    "P2": "ids only go up: none is given that was given before, or that is lower",
    "C1": "a new database pod has data: its own, or a copy, as the step says",
    "C2": "a copy is of this step, and not an old one",
    "C3": "a pod's copy comes from another pod",
    "C4": "a copy was taken at a position that its primary had",
    "C5": "a copy has all that was acknowledged before it was taken",
    "C6": "the marks in a pod's data agree with how it is said to have come back",
    "A1": "nobody is out or slow for longer than the step allows, and everything comes back in time",
    "A2": "the fault happened: what it was to change was seen to change (else the verdict is unknown)",
    "A3": "enough was seen to judge by: good answers, and acknowledged writes (else the verdict is unknown)",
}
"""What the checks hold a run against, by the letters that a finding names: data, replication, primary, clone, evidence.
"""


LIMITS: dict[str, Parameter] = {}
"""What `expect` may limit beside `KINDS` and `clone`: each is judged by a check of an extension."""


def _extend() -> None:
    """Add the words of extensions. Raises HachaosError for what is wrong with them."""
    for each in extensions.found(extensions.WORDS):
        if not any(hasattr(each.value, name) for name in ("ACTIONS", "CHECKS", "LIMITS")):
            raise each.wrong("it has none of ACTIONS, CHECKS, LIMITS")
        each.add("ACTIONS", ActionWords, ACTIONS)
        each.add("CHECKS", str, CHECKS)
        each.add("LIMITS", Parameter, LIMITS, taken=(*KINDS, "clone"))
        for name, words in getattr(each.value, "ACTIONS", {}).items():
            unknown = set(words.targets) - {*ROLES, STACK}
            if unknown or not words.targets:
                raise each.wrong(f"{name!r} has to have targets of {', '.join((*ROLES, STACK))}")


_extend()


def condition_of(target: str) -> str:
    """What is waited for after a fault to this target when a step does not say: its part of the stack is ready."""
    return part(target) + "/ready"


def has_clone(target: str) -> bool:
    """Whether a fault to this target can make a database pod resume or clone."""
    return part(target) == "database"
