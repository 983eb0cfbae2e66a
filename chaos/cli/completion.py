"""`hachaos completion`, and what shells complete an argument with: only what a look at a folder or two can tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

_MOST = 50
_SCENARIOS = "scenarios/"
_REPORTS = "reports/"
_RECORDS = ("journal.jsonl", "report.json")
_SUFFIXES = (".yaml", ".yml")

_HOW = {
    "bash": 'eval "$(hachaos completion bash)"  # in ~/.bashrc',
    "zsh": 'eval "$(hachaos completion zsh)"  # in ~/.zshrc, after compinit',
    "fish": "hachaos completion fish > ~/.config/fish/completions/hachaos.fish",
}


@click.command(epilog="\b\nTo have it in each shell:\n" + "\n".join(f"  {line}" for line in _HOW.values()))
@click.argument("shell", type=click.Choice(list(_HOW)))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete hachaos: commands, options, scenario files, run folders, words."""
    from chaos.cli.main import hachaos

    made = get_completion_class(shell)
    assert made is not None
    # Not its `source`, which asks the bash on the path for its version.
    script = made(hachaos, {}, "hachaos", "_HACHAOS_COMPLETE")
    click.echo(script.source_template % script.source_vars(), nl=False)


def scenarios(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Scenario files that begin so, those in `scenarios/` from the first letter on; else whatever files there are."""
    folders = [incomplete, *([_SCENARIOS] if _SCENARIOS.startswith(incomplete) else [])]
    found = [path for path in _beginning(folders) if _is_yaml(path)]
    return _items(found, incomplete)


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Folders of runs that begin so, the newest first, those in `reports/` from the first letter on; else any files."""
    folders = [incomplete, *([_REPORTS] if _REPORTS.startswith(incomplete) else [])]
    found = [path for path in _beginning(folders) if any(Path(path, each).is_file() for each in _RECORDS)]
    return _items(reversed(found), incomplete)


def checks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """The checks that begin so."""
    from chaos.scenario.vocabulary import CHECKS

    return [CompletionItem(name, help=about) for name, about in CHECKS.items() if name.startswith(incomplete)]


def stacks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """The profiles that begin so, and files of bindings."""
    from chaos import paths

    profiles = sorted(each.parent.name for each in paths.manifests().glob("*/profile.yaml"))
    files = [path for path in _beginning([incomplete]) if _is_yaml(path)]
    return _items([*(name for name in profiles if name.startswith(incomplete)), *files], incomplete)


def _beginning(starts: Iterable[str]) -> Iterator[str]:
    """What is there and begins like one of these, as it would be typed, each folder's in order."""
    for start in starts:
        folder, slash, name = start.rpartition("/")
        try:
            there = sorted(each.name for each in Path(folder + slash).iterdir() if each.name.startswith(name))
        except (OSError, ValueError):
            continue
        yield from (folder + slash + each for each in there if name or not each.startswith("."))


def _is_yaml(path: str) -> bool:
    return path.endswith(_SUFFIXES) and Path(path).is_file()


def _items(found: Iterable[str], incomplete: str) -> list[CompletionItem]:
    # A shell reads one a line.
    wanted = [path for path in dict.fromkeys(found) if path.isprintable()][:_MOST]
    return [CompletionItem(path) for path in wanted] or [CompletionItem(incomplete, type="file")]
