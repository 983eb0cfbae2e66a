"""How long a scenario usually takes: what earlier runs in the reports' folder took."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

_RUNS = 5
"""So many of the latest runs count, of at most four times as many that are looked at."""


def duration_s(reports: Path, scenario: str, profile: str) -> float | None:
    """The median of the latest runs of a scenario on a profile that went to their end, in seconds; None without any.

    A run of a suite counts as well. What cannot be read does not count: this is only a hint for who waits.
    """
    paths = [*reports.glob(f"*-{scenario}/report.json"), *reports.glob(f"*/[0-9][0-9]-{scenario}/report.json")]
    latest = sorted(paths, key=lambda path: path.relative_to(reports).parts, reverse=True)[: 4 * _RUNS]
    took = (
        float(values["duration_s"])
        for values in map(_read, latest)
        if values.get("scenario") == scenario
        and values.get("ended", {}).get("how") == "finished"
        and values.get("stack", {}).get("profile") == profile
    )
    return median(found) if (found := list(islice(took, _RUNS))) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
