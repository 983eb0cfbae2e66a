"""Runs benchmarks by name and prints a Markdown table of medians."""

from __future__ import annotations

import sys

from benchmarks import check, cluster, history, load, outages, report, runs, startup
from benchmarks.table import Row, render

BENCHMARKS = {
    "startup": startup.measure,
    "check": check.measure,
    "history": history.measure,
    "report": report.measure,
    "load": load.measure,
    "outages": outages.measure,
    "cluster": cluster.measure,
    "runs": runs.measure,
}


def main() -> None:
    unknown = [name for name in sys.argv[1:] if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    rows: list[Row] = []
    for name in sys.argv[1:] or list(BENCHMARKS):
        print(f"- {name}", file=sys.stderr, flush=True)
        rows += BENCHMARKS[name]()
    print(render(rows))


main()
