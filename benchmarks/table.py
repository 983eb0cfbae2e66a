"""How a benchmark's figures are kept and shown."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HACHAOS = str(ROOT / "hachaos")
CLUSTER = "bench"


@dataclass(frozen=True)
class Row:
    """One thing measured: every sample in `unit`, and the target it is held against, if there is one."""

    what: str
    samples: tuple[float, ...]
    unit: str
    target: str = ""


def render(rows: Sequence[Row]) -> str:
    """A Markdown table: median, range and number of samples."""
    lines = ["| what | median | range | samples | target |", "|---|---|---|---|---|"]
    for row in rows:
        middle, low, high = statistics.median(row.samples), min(row.samples), max(row.samples)
        digits = 0 if row.unit == "ms" else 1
        span = f"{low:.{digits}f}-{high:.{digits}f}"
        lines.append(f"| {row.what} | {middle:.{digits}f} {row.unit} | {span} | {len(row.samples)} | {row.target} |")
    return "\n".join(lines)


def seconds(*arguments: str, codes: Sequence[int] = (0,)) -> float:
    """Wall time of one hachaos command. Ends the benchmark when its exit code is none of `codes`."""
    began = time.perf_counter()
    done = subprocess.run([HACHAOS, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode not in codes:
        sys.exit(f"hachaos {' '.join(arguments)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took
