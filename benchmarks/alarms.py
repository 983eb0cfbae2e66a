"""How often the rule for slower alarms on real runs: `python -m benchmarks.alarms REPORTS...`

Takes the passing runs below each folder, whatever target they ran on, a scenario at a time. In their order of time it
counts on how many of them the rule raises a false alarm, as a user would have met it. Then it asks the same of random
orders (healthy runs could have come in any), and how often five runs at the end, each of whose figures is half as long
again, are seen. Last, thirty nights are drawn from the runs with replacement, and then five slow ones: how many of the
thirty alarm, in how many series no more than one, and whether the five are seen.

A second table is of the rule for one slow run: each run is held against all the others, as it was, and with one of its
figures half as long again.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from chaos.past import rule, slow_run
from chaos.past.index import past
from chaos.past.runs import FIGURES, Run

_ORDERS = 400
_SERIES = 200
_NIGHTS = 30
_SLOWER = 1.5


def main() -> None:
    """Print a Markdown table, a row for each scenario."""
    by_scenario: dict[str, list[Run]] = defaultdict(list)
    for folder in sys.argv[1:]:
        for run in past(Path(folder)).runs:
            if run.verdict == "pass" and run.ended == "finished":
                by_scenario[run.scenario].append(run)
    print(
        "| scenario | healthy runs | judged in order | false alarms | random orders | slowed down, seen "
        "| false alarms in thirty nights | at most one | then slowed down, seen |"
    )
    print("|---" * 9 + "|")
    for scenario, runs in sorted(by_scenario.items()):
        ordered = sorted(runs, key=lambda run: run.began)
        judged = range(rule.LEAST + rule.LAST, len(runs) + 1)
        cells = ["", ""]
        if judged:
            cells = [f"{share:.1%}" for share in _shuffled(ordered)]
        if len(runs) > rule.LAST:
            alarms, few, seen = _drawn(ordered)
            cells += [f"{alarms:.2f}", f"{few:.0%}", f"{seen:.0%}"]
        in_order = sum(_alarms(ordered[:number]) for number in judged)
        print(f"| {scenario} | {len(runs)} | {len(judged)} | {in_order} | {' | '.join(cells)} |")
    print()
    print(
        "| scenario | healthy runs | false alarms | " + " | ".join(f"{name}, slowed: seen" for name in FIGURES.values())
    )
    print("|---" * (3 + len(FIGURES)) + "|")
    for scenario, runs in sorted(by_scenario.items()):
        if len(runs) > slow_run.LEAST:
            false, *seen = (_stand_out(runs, slowed) for slowed in ("", *FIGURES))
            print(f"| {scenario} | {len(runs)} | {false} | {' | '.join(map(str, seen))} |")


def _shuffled(runs: list[Run]) -> tuple[float, float]:
    """The shares of random orders in which the rule alarms, as they are and with the last five slowed down."""
    draw = random.Random(0)
    orders = [draw.sample(runs, len(runs)) for _ in range(_ORDERS)]
    slowed = [[*order[: -rule.LAST], *map(_slow, order[-rule.LAST :])] for order in orders]
    return sum(map(_alarms, orders)) / _ORDERS, sum(map(_alarms, slowed)) / _ORDERS


def _drawn(runs: list[Run]) -> tuple[float, float, float]:
    """Of series of nights: the alarms in each on average, the share with one at most, and that with slow ones seen."""
    draw = random.Random(3)
    alarms, seen = [], 0
    for _ in range(_SERIES):
        nights = draw.choices(runs, k=_NIGHTS)
        alarms.append(sum(_alarms(nights[:number]) for number in range(1, _NIGHTS + 1)))
        seen += _alarms([*nights, *map(_slow, draw.choices(runs, k=rule.LAST))])
    return sum(alarms) / _SERIES, sum(count <= 1 for count in alarms) / _SERIES, seen / _SERIES


def _alarms(runs: list[Run]) -> bool:
    return bool(rule.judge([replace(run, plan="") for run in runs]).slower)


def _stand_out(runs: list[Run], slowed: str) -> int:
    """How many of the runs stand out of all the others, once one of their figures is slowed down."""
    found = 0
    for number, run in enumerate(runs):
        others = [*runs[:number], *runs[number + 1 :]]
        # Nobody looks at the four right before the one that is judged.
        series = [*others, *others[: rule.LAST - 1], _slow(run, [slowed] if slowed else [])]
        found += bool(slow_run.judge([replace(one, plan="") for one in series]).slow)
    return found


def _slow(run: Run, figures: Iterable[str] = FIGURES) -> Run:
    return replace(
        run, **{figure: _SLOWER * value for figure in figures if (value := getattr(run, figure)) is not None}
    )


if __name__ == "__main__":
    main()
