"""docs/claims.md: the claims tables of several suites, one a stack, made from their report.json files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.errors import InputError
from chaos.report import claims
from chaos.report.claims import Claim
from chaos.verdict import Verdict

Suite = Mapping[str, Any]

_NEEDED = {"stack", "verdict", "sentence", "written", "versions", "scenarios"}
_NEEDED_OF_ROW = {"claim", "scenario", "verdict", "fact", "change", "duration_s", "acknowledged", "lost"}

_HEAD = """\
# The claims, and what holds

Made by `make claims` from real runs of `scenarios/go-live.yaml`; not written by hand. Each row is a scenario: what it
claims, whether that held on the stack, the fact that decides, and what to change in which line. A claim that fails by
something that was so before the first fault says that as well. How a verdict is reached: [verdicts.md](verdicts.md).
"""


def read(path: Path) -> Suite:
    """A suite's report.json. Raises InputError for a file that is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not found.keys() >= _NEEDED or not all(map(_is_row, found["scenarios"])):
            raise ValueError("no report of a suite")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(str(path), 1, 1, f"{reason}; name the report.json in a suite's run folder") from error
    return found


def _is_row(found: object) -> bool:
    return isinstance(found, dict) and found.keys() >= _NEEDED_OF_ROW and found["verdict"] in set(Verdict)


def render(suites: Sequence[Suite]) -> str:
    """The whole page."""
    parts = [_HEAD, _overview(suites)] if len(suites) > 1 else [_HEAD]
    return "\n".join([*parts, *(_section(suite) for suite in suites)])


def _name(suite: Suite) -> str:
    return Path(str(suite["stack"])).name


def _overview(suites: Sequence[Suite]) -> str:
    verdicts = [{each["scenario"]: each["verdict"] for each in suite["scenarios"]} for suite in suites]
    names = list(dict.fromkeys(name for found in verdicts for name in found))
    lines = [
        "| scenario | " + " | ".join(claims.markdown_of(_name(suite)) for suite in suites) + " |",
        "|---" * (len(suites) + 1) + "|",
    ]
    lines += [
        f"| {claims.markdown_of(name)} | " + " | ".join(found.get(name, "–") for found in verdicts) + " |"
        for name in names
    ]
    return "\n".join([*lines, ""])


def _section(suite: Suite) -> str:
    rows = [
        Claim(each["claim"], each["scenario"], Verdict(each["verdict"]), each["fact"], each["change"])
        for each in suite["scenarios"]
    ]
    versions = ", ".join(f"{name} {text}" for name, text in suite["versions"].items() if name != "python")
    acknowledged = sum(each["acknowledged"] or 0 for each in suite["scenarios"])
    lost = sum(each["lost"] or 0 for each in suite["scenarios"])
    took = sum(each["duration_s"] or 0 for each in suite["scenarios"])
    sentence = claims.markdown_of(suite["sentence"])
    return (
        f"## `{_name(suite)}`: {suite['verdict']}\n\n{sentence} {acknowledged:,} writes were acknowledged in "
        f"all scenarios together, {lost:,} of them were lost; the runs took {took / 60:.0f} min, on "
        f"{suite['written'][:10]} ({versions}).\n\n{claims.markdown(rows)}"
    )
