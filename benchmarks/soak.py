"""`make soak`: the same runs several times in a row; are the verdicts the same each time?

`python -m benchmarks.soak [TIMES] [STACK...] [--of SCENARIO...]`: 3 times go-live on both stacks, if nothing is said.
Prints a Markdown table; exit code 1 when a verdict changed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import click

from benchmarks.table import HACHAOS, ROOT

CLUSTER = "soak"


@click.command()
@click.argument("times", type=click.IntRange(min=1), default=3)
@click.argument("stacks", nargs=-1)
@click.option("--of", "scenarios", multiple=True, default=("go-live",), show_default=True)
def main(times: int, stacks: tuple[str, ...], scenarios: tuple[str, ...]) -> None:
    """Run SCENARIOS several TIMES on each of STACKS."""
    reports = ROOT / "reports" / f"soak-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    files = [f"scenarios/{name}.yaml" for name in scenarios]
    same = True
    for stack in stacks or ("hardened", "published"):
        verdicts: dict[str, list[str]] = defaultdict(list)
        took = []
        for number in range(1, times + 1):
            folder = reports / f"{stack}-{number}"
            began = time.monotonic()
            command = [HACHAOS, "run", *files, "--stack", stack, "--name", CLUSTER, "--reports", str(folder)]
            code = subprocess.run(command, cwd=ROOT, check=False).returncode
            took.append(f"{(time.monotonic() - began) / 60:.1f} min, exit {code}")
            for name, verdict in _verdicts(folder):
                verdicts[name].append(verdict)
        same = same and all(len(set(found)) == 1 and len(found) == times for found in verdicts.values())
        print(_table(stack, verdicts, took), flush=True)
    subprocess.run([HACHAOS, "cluster", "down", "--name", CLUSTER], cwd=ROOT, check=False)
    sys.exit(0 if same else 1)


def _verdicts(folder: Path) -> list[tuple[str, str]]:
    """Scenario and verdict of each run in the folder, in the order in which they were run."""
    found = [path for path in sorted(folder.rglob("report.json")) if (path.parent / "journal.jsonl").exists()]
    reports = [json.loads(path.read_text()) for path in found]
    return [(each["scenario"], each["verdict"]) for each in reports]


def _table(stack: str, verdicts: dict[str, list[str]], took: list[str]) -> str:
    head = f"| {stack} | " + " | ".join(f"{n}: {text}" for n, text in enumerate(took, start=1)) + " |"
    rows = [f"| {name} | {' | '.join(found)} |" for name, found in verdicts.items()]
    return "\n".join([head, "|---" * (len(took) + 1) + "|", *rows, ""])


main()
