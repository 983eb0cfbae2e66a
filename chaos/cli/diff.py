"""`hachaos diff`: two runs side by side."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from chaos.cli import completion, run_folders
from chaos.errors import ExitCode


@click.command()
@click.argument("one", metavar="RUN", type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.argument("other", metavar="RUN", type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.option("--json", "as_json", is_flag=True, help="Print all lines, those that are the same as well, as JSON.")
def diff(one: Path, other: Path, *, as_json: bool) -> int:
    """Compare two RUN folders: the verdicts of their steps and checks, outages, losses, versions, images.

    Both are judged anew by the checks of this version. Exit code: 0 the same verdicts, 1 others, 4 usage.
    """
    for folder in (one, other):
        run_folders.require_there(folder)
    histories = [run_folders.read(folder) for folder in (one, other)]

    from chaos.checks.judge import judge
    from chaos.report import terminal
    from chaos.report.comparison import compare
    from chaos.report.summary import summarise

    found = compare(*(summarise(history, judge(history)) for history in histories))
    if as_json:
        lines = [dataclasses.asdict(line) | {"same": line.same} for line in found.lines]
        click.echo(json.dumps({"same_verdicts": found.same_verdicts, "lines": lines}, ensure_ascii=False, indent=2))
    else:
        terminal.comparison(found)
    return ExitCode.PASS if found.same_verdicts else ExitCode.FAIL
