"""The shapes in which a scenario's words are given, by hachaos itself and by extensions (docs/extending.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chaos import units


@dataclass(frozen=True)
class Parameter:
    """One parameter of an action.

    `kind`: `seconds` is a duration of whole seconds, `count` a whole number, `word` one of `words`, `name` that of a
    container. `key` is its name in the plan, with the unit where it has one. Bounds are inclusive, in the plan's unit.
    A parameter that is not required has no value in the plan when it is left out; `unset` tells what that means.
    """

    key: str
    kind: Literal["seconds", "count", "word", "name"]
    about: str
    lowest: int = 0
    highest: int = 0
    required: bool = False
    unset: str = ""
    words: tuple[str, ...] = ()

    @property
    def value(self) -> str:
        """What may be written, in words."""
        match self.kind:
            case "seconds":
                ends = f"{units.write_duration(self.lowest)} to {units.write_duration(self.highest)}"
                return f"a duration of whole seconds, {ends}"
            case "count":
                return f"a whole number from {self.lowest} to {self.highest}"
            case "word":
                return f"one of {', '.join(self.words)}"
            case "name":
                return "a name"

    @property
    def left_out(self) -> str:
        """What becomes of it when it is left out, in words."""
        return "needed" if self.required else f"left out: {self.unset}"


@dataclass(frozen=True)
class ActionWords:
    """What can be said of an action: what it does, to which roles, with which parameters, and what takes it back.

    `effect` is what proves that the fault happened, `refuses` what keeps it from being put in; empty where nothing is.
    `breaks` is False for one that does nothing to the stack: its target may be left out and is then `stack`.
    `destructive` = nothing takes it back, so the scenario has to say `destructive: true`. `replaces` = pods of the
    target may be replaced, so that a database pod resumes or clones. `nodes` = it changes a node, which is not the
    stack's alone, so that the command line has to allow it. `scales` = it may leave fewer pods, as many as its
    parameter `replicas` (without one: none); a StatefulSet with `whenScaled: Delete` then deletes the others' volumes,
    so that the scenario has to say `destructive: true` there. `example` is a step, in YAML, that is right as it stands.
    """

    about: str
    targets: tuple[str, ...]
    parameters: dict[str, Parameter]
    undo: str
    effect: str = ""
    refuses: str = ""
    breaks: bool = True
    destructive: bool = False
    replaces: bool = True
    nodes: bool = False
    scales: bool = False
    example: str = ""
