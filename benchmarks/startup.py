"""What a user waits for before anything happens."""

from __future__ import annotations

import subprocess

from benchmarks.table import ROOT, Row, seconds

_TIMES = 21


def measure() -> list[Row]:
    """`--help` and `validate` through the launcher, beside a Python that does nothing."""
    python = str(ROOT / ".venv/bin/python")
    commands = {
        "./hachaos --help": (["--help"], "<= 100 ms"),
        "./hachaos validate scenarios/kill-master.yaml": (["validate", "scenarios/kill-master.yaml"], "<= 150 ms"),
    }
    samples: dict[str, list[float]] = {name: [] for name in commands}
    bare: list[float] = []
    for _ in range(_TIMES):
        bare.append(_bare(python))
        for name, (arguments, _target) in commands.items():
            samples[name].append(1000 * seconds(*arguments))
    rows = [Row(name, tuple(samples[name]), "ms", target) for name, (_arguments, target) in commands.items()]
    return [*rows, Row("python -c pass (for comparison)", tuple(bare), "ms")]


def _bare(python: str) -> float:
    import time

    began = time.perf_counter()
    subprocess.run([python, "-c", "pass"], check=True)
    return 1000 * (time.perf_counter() - began)
