"""The words that a scenario may use, as data: the code of the actions lies in a layer above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

API_VERSION = "hachaos/v1"


@dataclass(frozen=True)
class Parameter:
    """One parameter of an action.

    `kind`: `seconds` is a duration of whole seconds, `count` a whole number. `key` is its name in the plan, with the
    unit where it has one. Bounds are inclusive, in the plan's unit. A parameter that is not required has no value in
    the plan when it is left out; `unset` tells what that means.
    """

    key: str
    kind: Literal["seconds", "count"]
    lowest: int
    highest: int
    required: bool
    about: str
    unset: str = ""


@dataclass(frozen=True)
class ActionWords:
    """What can be said of an action: what it does, to which roles, with which parameters, and what takes it back."""

    about: str
    targets: tuple[str, ...]
    parameters: dict[str, Parameter]
    undo: str


ACTIONS: dict[str, ActionWords] = {
    "delete-pod": ActionWords(
        about="deletes one pod of the target; its controller makes a new one",
        targets=("database/primary", "database/replica", "site", "files"),
        parameters={
            "grace": Parameter(
                key="grace_s",
                kind="seconds",
                lowest=0,
                highest=3600,
                required=False,
                about="time that the pod's processes get to end; 0s kills them at once",
                unset="what the pod's own manifest says",
            ),
        },
        undo="the controller replaces the pod; at the end as many pods of the role as before have to be ready again",
    ),
    "scale": ActionWords(
        about="sets the number of the target's pods",
        targets=("database", "site"),
        parameters={
            "replicas": Parameter(
                key="replicas", kind="count", lowest=0, highest=9, required=True, about="how many pods there shall be"
            ),
        },
        undo="the number from before is set again at the end, and that many pods have to be ready",
    ),
}

CONDITIONS: dict[str, str] = {
    "database/ready": "as many database pods as wanted are there and ready",
    "site/ready": "the same of the site's pods",
    "files/ready": "the same of the file server's pods",
    "stack/ready": "all three of them",
}

CLONES: dict[str, str] = {
    "resume": "the database pod comes back on the data that it had; nothing is cloned",
    "re-clone": "the database pod gets its data anew, from another one",
}


def condition_of(target: str) -> str:
    """What is waited for after a fault to this target when a step does not say: its part of the stack is ready."""
    return target.split("/", maxsplit=1)[0] + "/ready"


def has_clone(target: str) -> bool:
    """Whether a fault to this target can make a database pod resume or clone."""
    return target.split("/", maxsplit=1)[0] == "database"
