"""Keeps the logs of a cluster's daemons small."""

from __future__ import annotations

import os
from pathlib import Path

LARGEST = 8 << 20
KEPT = 1 << 20


def trim(machines: Path, *, largest: int = LARGEST, kept: int = KEPT) -> None:
    """Cut each `MACHINE/log/*.log` larger than `largest` bytes down to its last `kept`, whole lines.

    The daemons append, so a log that is cut goes on at its new end; a line that is written during the cut may be lost.
    """
    for log in machines.glob("*/log/*.log"):
        if log.stat().st_size <= largest:
            continue
        with log.open("r+b") as file:
            file.seek(-kept, os.SEEK_END)
            end = file.read().partition(b"\n")[2]
            file.truncate(0)
            file.seek(0)
            file.write(end)
