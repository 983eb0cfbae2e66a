"""The closing summary: a table of the steps, the verdict in a sentence, and where the report is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chaos.checks import findings
from chaos.checks.judge import Judgement
from chaos.history import History
from chaos.progress import is_live
from chaos.redact import plain
from chaos.report import cells, claims, words
from chaos.report.summary import StepSummary, Summary, summarise
from chaos.verdict import CheckResult, Verdict

if TYPE_CHECKING:
    from rich.console import Console

    from chaos.report.comparison import Comparison, Line
    from chaos.report.suite import SuiteReport

_BESIDE: Final = 100
"""What both runs say stands on one line up to so many characters."""

STYLE: Final = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.UNKNOWN: "yellow"}


def summary(history: History, judgement: Judgement, folder: Path, *, console: Console | None = None) -> None:
    """Print the closing summary to standard output: a table in a terminal, lines that fit any log elsewhere."""
    out = console or _console()
    found = summarise(history, judgement)
    if out.is_terminal:
        _table(found, out)
    else:
        for line in _lines(found):
            out.print(plain(line), soft_wrap=True)
    out.print()
    verdict = judgement.verdict
    sentence = f"{words.MARK[verdict]} {verdict.value}: {judgement.reason}"
    out.print(plain(sentence), style=STYLE[verdict], soft_wrap=not out.is_terminal)
    row = claims.of(found.run.claim, found.run.scenario, str(found.run.stack.get("profile", "")), judgement)
    if row.change:
        out.print(plain(f"  to change: {row.change}"), soft_wrap=not out.is_terminal)
    page = folder / "report.html"
    out.print(f"  report: {page}" if page.exists() else f"  run: {folder}", soft_wrap=True)


def checks(history: History, judgement: Judgement, folder: Path) -> None:
    """Print what each check said of each step, a line each, then the verdict."""
    begun = history.run
    print(plain(f"{folder}: {begun.scenario} on {begun.stack.get('profile', 'an unnamed stack')}"))
    for step in judgement.steps:
        for check in step.checks:
            print(plain(f"{words.MARK[check.verdict]} {words.step(step.step)}: {_checked(check)}"))
    print(plain(f"{words.MARK[judgement.verdict]} {judgement.verdict.value}: {judgement.reason}"))


def comparison(found: Comparison) -> None:
    """Print two runs beside each other: all verdicts, and what else differs."""
    where = None
    for line in found.lines:
        if line.where != where:
            where = line.where
            print(plain(where or "run"))
        if line.judged or not line.same:
            for each in _differing(line):
                print(plain(f"  {each}"))
    differ = sum(line.judged and not line.same for line in found.lines)
    print("\nthe verdicts are the same" if not differ else f"\n{words.count(differ, 'verdict')} differ")


def _differing(line: Line) -> list[str]:
    if line.same:
        return [f"  {line.what}: {line.one}"]
    if len(line.one) + len(line.other) > _BESIDE:
        return [f"≠ {line.what}:", f"    - {line.one}", f"    + {line.other}"]
    return [f"≠ {line.what}: {line.one}  ->  {line.other}"]


def scenario_begins(number: int, of: int, name: str, claim: str) -> None:
    """Say which scenario of a suite comes next."""
    print(f"\n=== {number} of {of}: {plain(f'{name}: {claim}')}", flush=True)


def suite_summary(report: SuiteReport, folder: Path, *, console: Console | None = None) -> None:
    """Print a suite's claims: a block each, which any width holds, then the verdict and where the report is."""
    from rich.padding import Padding
    from rich.text import Text

    from chaos.report import suite as suites

    def say(text: str) -> None:
        if out.is_terminal:
            out.print(Padding(Text(plain(text)), (0, 0, 0, 4), expand=False))
        else:
            out.print(plain(f"    {text}"), soft_wrap=True)

    out = console or _console()
    out.print()
    for row in report.rows:
        said = f"{words.MARK[row.verdict]} {row.scenario}: {row.verdict.value}: {row.claim}"
        out.print(plain(said), style=STYLE[row.verdict], soft_wrap=not out.is_terminal)
        say(row.fact)
        if row.change:
            say(f"to change: {row.change}")
    out.print()
    said = f"{words.MARK[report.verdict]} {report.verdict.value}: {suites.sentence(report)}"
    out.print(plain(said), style=STYLE[report.verdict], soft_wrap=not out.is_terminal)
    out.print(f"  report: {folder / 'report.html'}", soft_wrap=True)


def _console() -> Console:
    """Standard output; no terminal to fold and colour for where nobody sits at it."""
    from rich.console import Console

    return Console(highlight=False, markup=False, force_terminal=is_live(sys.stdout))


def _table(found: Summary, out: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("step", ratio=2)
    table.add_column("verdict", no_wrap=True)
    for heading in ("reads out", "writes out", "lost writes", "clone", "recovered in"):
        table.add_column(heading)
    for step in found.steps:
        table.add_row(
            Text(plain(_name(step))),
            Text(f"{words.MARK[step.verdict]} {step.verdict.value}", STYLE[step.verdict]),
            Text(cells.outage(step.reads)),
            Text(cells.writes(step)),
            Text(_lost(step), STYLE[Verdict.FAIL] if step.lost else ""),
            Text(step.clone or "–"),
            Text(cells.recovery(step)),
        )
    out.print()
    out.print(table)
    for step in found.steps:
        for phrase in step.api_server_away:
            out.print(f"  {_name(step)}: {phrase}")
        for check in step.checks:
            if check.verdict is not Verdict.PASS:
                head = f"{words.MARK[check.verdict]} {_name(step)}: {_checked(check)}"
                out.print(plain(head), style=STYLE[check.verdict])
                if check.advice:
                    out.print(plain(f"  {check.advice}"))


def _lost(step: StepSummary) -> str:
    """How many acknowledged writes were lost, of how many."""
    if step.lost is None or step.acknowledged is None:
        return cells.number(step.lost)
    return f"{step.lost:,} of {step.acknowledged:,}"


def _checked(check: CheckResult) -> str:
    """What a check says, and which invariants it found broken."""
    broken = ", ".join(findings.invariants(check))
    return f"{check.name}{f' [{broken}]' if broken else ''}: {check.reason}"


def _name(step: StepSummary) -> str:
    return step.step.name if step.step.of_plan else words.step(step.step)


def _head(step: StepSummary, found: Summary) -> str:
    if not step.step.of_plan:
        return words.step(step.step).lower()
    number = sum(each.step.of_plan for each in found.steps)
    return f"step {step.step.index + 1} of {number}, {step.step.name}"


def _lines(found: Summary) -> list[str]:
    lines = []
    for step in found.steps:
        lines += [
            f"{words.MARK[step.verdict]} {_head(step, found)}: {step.verdict.value}",
            f"    reads out: {cells.outage(step.reads)}; writes out: {cells.writes(step)}",
            f"    acknowledged writes: {cells.number(step.acknowledged)}, lost: {cells.number(step.lost)}; "
            f"clone: {step.clone or '–'}; recovered in: {cells.recovery(step)}",
        ]
        lines += [f"    {phrase}" for phrase in step.api_server_away]
        for check in step.checks:
            if check.verdict is not Verdict.PASS:
                lines.append(f"  {words.MARK[check.verdict]} {_checked(check)}")
                if check.advice:
                    lines.append(f"      {check.advice}")
    return lines
