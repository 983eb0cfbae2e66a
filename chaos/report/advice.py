"""What to change so that a finding goes away, and in which line of which manifest.

`manifests/PROFILE/advice.yaml` says for each kind of finding what to change; the line is looked up in the manifest as
it is now. A stack that was not deployed from manifests of ours gets the place within the object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from chaos import paths

NAME = "advice.yaml"


@dataclass(frozen=True)
class Advice:
    """One piece of advice: for findings with these keys (what stands before their colon), after these actions.

    `file` and `find`, a part of one line of it, name the line to change; `place` is the same within the object. Without
    `actions` it is for all.
    """

    keys: tuple[str, ...]
    place: str
    change: str
    file: str = ""
    find: str = ""
    actions: tuple[str, ...] = ()

    def fits(self, key: str, action: str) -> bool:
        """Whether it is for a finding of a step with this action."""
        named = key in self.keys or key.partition(":")[0] in self.keys
        return named and (not self.actions or action in self.actions)


def change(profile: str, key: str, action: str) -> str:
    """What to change, with `FILE:LINE` where the profile has manifests; empty when nobody knows."""
    known = profile if (paths.manifests() / profile / NAME).is_file() else "published"
    for advice in load(known):
        if advice.fits(key, action):
            line = line_of(known, advice) if known == profile else None
            where = f"manifests/{profile}/{advice.file}:{line}" if line else advice.place
            return f"{where}: {advice.change}"
    return ""


@cache
def load(profile: str) -> tuple[Advice, ...]:
    """A profile's advice, the most particular first as the file has it; empty where it has none."""
    file = paths.manifests() / profile / NAME
    try:
        said: Sequence[Mapping[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8")) or ()
    except OSError:
        return ()
    return tuple(
        Advice(
            keys=tuple(each["keys"]),
            place=each["place"],
            change=each["change"],
            file=each.get("file", ""),
            find=each.get("find", ""),
            actions=tuple(each.get("actions", ())),
        )
        for each in said
    )


def line_of(profile: str, advice: Advice) -> int | None:
    """The number of the line that the advice is about; None where the manifest does not have it any more."""
    file: Path = paths.manifests() / profile / advice.file
    if not advice.file or not file.is_file():
        return None
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, start=1) if advice.find in line), None)


def quoted(where: str) -> str:
    """The line that `manifests/PROFILE/FILE:LINE` names, as it is now; empty where there is none."""
    named = re.fullmatch(r"manifests/([\w-]+)/([\w-]+\.yaml):(\d+)", where)
    if named is None:
        return ""
    file = paths.manifests() / named[1] / named[2]
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    number = int(named[3])
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""
