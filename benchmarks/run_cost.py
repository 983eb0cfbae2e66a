"""What a whole run costs while it measures a real stack: all its monitors, its display, its journal.

`python -m benchmarks.run_cost [SECONDS]`: a quiet step of 120 s, if nothing is said, at 20 reads and 10 rows a second
with posts, reads of each pod and uploads beside them. The stack under test shares the cores with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import CLUSTER, HACHAOS, ROOT
from chaos import journal
from chaos.history import Read, Write

SCENARIO = """
apiVersion: hachaos/v1
name: quiet
claim: it is only measured
baseline: record
workload: {{reads: 20/s, writes: 10/s, posts: 1/s, pod_reads: 1/s, uploads: 0.2/s}}
steps:
  - {{name: a while, action: pause, parameters: {{for: {seconds}s}}}}
"""
_MARGIN_S = 5.0


def main() -> None:
    """Print a Markdown table."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "quiet.yaml").write_text(SCENARIO.format(seconds=seconds))
        command = [HACHAOS, "run", str(folder / "quiet.yaml"), "--name", CLUSTER, "--reports", place]
        with subprocess.Popen(command, cwd=ROOT) as running:
            while not any('"kind":"action-begun"' in path.read_text() for path in folder.glob("*/journal.jsonl")):
                if running.poll() is not None:
                    sys.exit("the run ended before its step")
                time.sleep(0.2)
            cpu_s, began = _cpu_s(running.pid), time.monotonic()
            time.sleep(seconds - _MARGIN_S)
            share = (_cpu_s(running.pid) - cpu_s) / (time.monotonic() - began)
            memory_mb = _peak_mb(running.pid)
        (run,) = (path.parent for path in folder.glob("*/journal.jsonl"))
        history = journal.read(run)
        late = sorted(one.start - one.due for one in history.of(Read))
        late_ms = late[int(len(late) * 0.99)] * 1000
        writes = len(history.of(Write))
    print("| share of one core | memory at most | 99 of 100 reads leave late by at most | reads | writes |")
    print("|---" * 5 + "|")
    print(f"| {share:.1%} | {memory_mb:.0f} MB | {late_ms:.0f} ms | {len(late)} | {writes} |")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


if __name__ == "__main__":
    main()
