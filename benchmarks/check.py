"""How long `hachaos check` takes to judge a run, and how much memory, by the run's size."""

from __future__ import annotations

import math
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks import long_run
from benchmarks.table import HACHAOS, ROOT, Row

SIZES = (10_000, 100_000, 1_000_000)
_TIMES = 3


def measure() -> list[Row]:
    """Judge journals of three sizes.

    What it costs the processor is what its growth is worked out of: it does not depend on what else runs. The growth is
    held against that of n log n, so 1 is as much and less is better.
    """
    rows = []
    before: tuple[int, float] | None = None
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            run = Path(folder) / str(size)
            run.mkdir()
            long_run.write(run, size)
            took, worked, memory = zip(*(_judge(run) for _ in range(_TIMES)), strict=True)
            limits = ("<= 6 s", "<= 600 MB") if size == SIZES[-1] else ("", "")
            rows.append(Row(f"`hachaos check`, {size:,} operations", took, "s", limits[0]))
            rows.append(Row("its processor time", worked, "s"))
            rows.append(Row("its peak memory", memory, "MB", limits[1]))
            if before is not None:
                growth = median(worked) / before[1] / (size * math.log(size) / (before[0] * math.log(before[0])))
                rows.append(Row(f"growth from {before[0]:,}, as a share of n log n", (growth,), "", "<= 1"))
            before = size, median(worked)
    return rows


def _judge(run: Path) -> tuple[float, float, float]:
    """Wall and processor seconds and peak resident MB of one `hachaos check`, which has to find that the run passes."""
    began = time.perf_counter()
    process = subprocess.Popen([HACHAOS, "check", str(run)], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"hachaos check {run}: exit {process.returncode}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
