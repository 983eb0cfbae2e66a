"""`hachaos check`: judge runs again, from their folders alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos import journal
from chaos.cli import completion, run_folders
from chaos.cli.colors import no_color
from chaos.errors import UsageError, raise_each

if TYPE_CHECKING:
    from chaos.checks.judge import Judgement
    from chaos.history import History


@click.command()
@click.argument(
    "runs",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=completion.runs,
)
@click.option(
    "--only",
    metavar="CHECK",
    multiple=True,
    shell_complete=completion.checks,
    help="Judge by this check alone; may be given more than once.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each run's report.json, one on a line.")
@click.option("--markdown", is_flag=True, help="Print each run's report.md, for a pull-request comment.")
@no_color
@click.option(
    "--write",
    is_flag=True,
    help="Draw the reports in the run folders anew as well, and that of their suite.",
)
def check(runs: tuple[Path, ...], only: tuple[str, ...], *, as_json: bool, markdown: bool, write: bool) -> int:
    """Judge RUN folders again by their journals, with the checks of this version. Needs no cluster and no network.

    RUN is a run's folder, a suite's, or one that holds such. Exit code: of the worst verdict, 0 pass, 1 fail,
    2 unknown; 4 usage, or if a run could not be read (it is named, and all others are judged).
    """
    run_folders.require_checks(only)
    if as_json and markdown:
        raise UsageError("--json and --markdown: only one of them can be printed", hint="leave one of them out")

    from chaos.checks.judge import judge
    from chaos.report import json_, redraw_suite, terminal
    from chaos.report import markdown as markdown_
    from chaos.report import write as write_reports
    from chaos.report.summary import summarise
    from chaos.verdict import EXIT, merge

    verdicts = []
    unread: list[UsageError] = []
    judged: dict[Path, tuple[History, Judgement]] = {}

    def again(folder: Path) -> tuple[History, Judgement]:
        if folder in judged:
            return judged[folder]
        history = journal.read(folder)
        return history, judge(history, only=only)

    with journal.without_collector():
        for folder, history in run_folders.each(run_folders.find(runs), unread):
            judgement = judge(history, only=only)
            verdicts.append(judgement.verdict)
            if write:
                write_reports(folder, history, judgement)
                judged[folder] = history, judgement
            if as_json:
                click.echo(json.dumps(json_.render(summarise(history, judgement)), allow_nan=False))
            elif markdown:
                click.echo(markdown_.render(summarise(history, judgement)))
            elif only:
                terminal.checks(history, judgement, folder)
            else:
                terminal.summary(history, judgement, folder)
        for suite in dict.fromkeys(folder.parent for folder in judged):
            try:
                redraw_suite(suite, again)
            except UsageError as error:
                unread.append(error)
    raise_each(unread)
    return EXIT[merge(verdicts)]
