"""The anchor: the small host-wide record that says where a cluster is and how far its start has come."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from chaos.cluster.local.layout import Places

Phase = Literal["starting", "up"]
_FORMAT = 1


@dataclass(frozen=True)
class Anchor:
    """What `down`, `status` and a second `up` need to know. `kube` is the binary that runs the cluster."""

    name: str
    nodes: int
    state: str
    kube: str
    phase: Phase
    versions: dict[str, str]

    @property
    def places(self) -> Places:
        return Places(self.name, Path(self.state))


def write(anchor: Anchor) -> None:
    """Put the record down in one piece."""
    path = anchor.places.anchor
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"format": _FORMAT, **asdict(anchor)}, indent=1))
    temporary.rename(path)


def read(places: Places) -> Anchor | None:
    """The record of the cluster of that name; None where there is none that can be read."""
    try:
        found = json.loads(places.anchor.read_text())
        if found.pop("format") != _FORMAT:
            return None
        return Anchor(**found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
