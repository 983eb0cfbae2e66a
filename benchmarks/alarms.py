"""How often the rule for slower alarms on real runs: `python -m benchmarks.alarms REPORTS...`

Takes the passing runs below each folder, whatever target they ran on, a scenario at a time. In their order of time it
counts on how many of them the rule raises a false alarm, as a user would have met it. Then it asks the same of random
orders (healthy runs could have come in any), and how often five runs at the end, each of whose figures is half as long
again, are seen.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from chaos.past import rule
from chaos.past.index import past
from chaos.past.runs import FIGURES, Run

_ORDERS = 400
_SLOWER = 1.5


def main() -> None:
    """Print a Markdown table, a row for each scenario."""
    by_scenario: dict[str, list[Run]] = defaultdict(list)
    for folder in sys.argv[1:]:
        for run in past(Path(folder)).runs:
            if run.verdict == "pass" and run.ended == "finished":
                by_scenario[run.scenario].append(run)
    print("| scenario | healthy runs | judged in order | false alarms | random orders | slowed down, seen |")
    print("|---|---|---|---|---|---|")
    for scenario, runs in sorted(by_scenario.items()):
        ordered = sorted(runs, key=lambda run: run.began)
        judged = range(rule.LEAST + rule.LAST, len(runs) + 1)
        if judged:
            alarms = sum(_alarms(ordered[:number]) for number in judged)
            false, seen = _shuffled(ordered)
            print(f"| {scenario} | {len(runs)} | {len(judged)} | {alarms} | {false:.1%} | {seen:.0%} |")


def _shuffled(runs: list[Run]) -> tuple[float, float]:
    """The shares of random orders in which the rule alarms, as they are and with the last five slowed down."""
    draw = random.Random(0)
    orders = [draw.sample(runs, len(runs)) for _ in range(_ORDERS)]
    slowed = [[*order[: -rule.LAST], *map(_slow, order[-rule.LAST :])] for order in orders]
    return sum(map(_alarms, orders)) / _ORDERS, sum(map(_alarms, slowed)) / _ORDERS


def _alarms(runs: list[Run]) -> bool:
    return bool(rule.judge([replace(run, plan="") for run in runs]).slower)


def _slow(run: Run) -> Run:
    return replace(
        run, **{figure: _SLOWER * value for figure in FIGURES if (value := getattr(run, figure)) is not None}
    )


if __name__ == "__main__":
    main()
