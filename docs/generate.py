"""`make docs-reference`: writes the pages of docs/reference that tell of words which the code has, from the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click

from chaos.cli.explain import BESIDE, DESTROYS, EXAMPLES, EXIT_CODES
from chaos.cli.main import hachaos
from chaos.scenario.keys import LIMITS, MAPPINGS
from chaos.scenario.vocabulary import ABORTS, ACTIONS, CHECKS, CLONES, CONDITIONS, CONNECTIONS, HOLDS, INVARIANTS

FOLDER = Path(__file__).parent / "reference"
_MADE = "<!-- Made from the code by make docs-reference: change it there. -->"


def pages() -> dict[str, str]:
    """The text of each page by the name of its file."""
    made = {"actions": _actions(), "checks": _checks(), "scenario": _scenario(), "cli": _cli(), "exit-codes": _codes()}
    return {f"{name}.md": "\n".join(lines).rstrip() + "\n" for name, lines in made.items()}


def _actions() -> Iterator[str]:
    yield from _head(
        "Reference: actions",
        "What a step may do to the stack. How each action goes about it is told in [actions](../actions.md);",
        "`hachaos explain ACTION` prints the same as this page.",
    )
    for name in EXAMPLES:  # those of extensions are not among them
        words = ACTIONS[name]
        yield from ("", f"## {name}", f"{_sentence(words.about)}", "")
        yield f"- **Targets**: {_codes_of(words.targets)}{'' if words.breaks else '; may be left out'}"
        if words.effect:
            yield f"- **Effect**: {words.effect}"
        if words.refuses:
            yield f"- **Refuses**: {words.refuses}"
        yield f"- **Undo**: {words.undo}"
        if words.destructive:
            yield f"- **Destroys**: {DESTROYS}"
        if words.parameters:
            yield ""
            yield from _table(
                ("parameter", "value", "left out"),
                (
                    (f"`{key}`", f"{each.value}: {each.about}", "needed" if each.required else each.unset)
                    for key, each in words.parameters.items()
                ),
            )
        yield from ("", "```yaml", *EXAMPLES[name].strip().splitlines(), "```")
        if name in BESIDE:
            yield from ("", BESIDE[name])


def _checks() -> Iterator[str]:
    yield from _head(
        "Reference: checks",
        "What each step is judged by, the baseline and the end too. By which rules is told in",
        "[how a verdict is reached](../verdicts.md), with the keys of what they find.",
    )
    for name, held in HOLDS.items():
        yield from ("", f"## {name}", f"Passes when {CHECKS[name]}.", "")
        yield from _table(("invariant", "what holds"), ((each, INVARIANTS[each]) for each in held))
    yield from ("", "## Limits", "What `expect` may say of `reads`, `writes` and `uploads`.", "")
    yield from _table(
        ("limit", "value", "left out"), ((f"`{key}`", one.about, one.unset) for key, one in LIMITS.items())
    )


def _scenario() -> Iterator[str]:
    yield from _head(
        "Reference: the scenario's file",
        "Each key of a scenario and of a suite. What they are for is told in [writing a scenario](../scenarios.md),",
        "with the [units](../scenarios.md#units); `hachaos explain KEY` tells of one.",
    )
    for mapping in MAPPINGS:
        yield from ("", f"## {_title(mapping.of)}", "")
        yield from _table(
            ("key", "value", "left out"),
            ((f"`{key}`", one.about, one.unset or "needed") for key, one in mapping.keys.items()),
        )
    for title, first, words in (
        ("Conditions", "condition", CONDITIONS),
        ("Kinds of clone", "clone", CLONES),
        ("Kinds of connection", "connection", CONNECTIONS),
        ("Abort conditions", "condition", ABORTS),
    ):
        yield from ("", f"## {title}", "")
        yield from _table((first, "what it means"), _named(words))


def _codes() -> Iterator[str]:
    yield from _head(
        "Reference: exit codes",
        "What the exit status of `hachaos run` means; other commands have those of them that fit. What to do about it",
        "is in [troubleshooting](../troubleshooting.md#by-exit-code), what comes before it in [how a run",
        "ends](../ends.md).",
    )
    yield ""
    rows = ((str(int(code)), code.name.lower().replace("_", " "), about) for code, about in EXIT_CODES.items())
    yield from _table(("code", "name", "when"), rows)


def _cli() -> Iterator[str]:
    yield from _head(
        "Reference: the command line",
        "What `hachaos COMMAND --help` (or `-h`) prints. Exit codes are in [a page of their own](exit-codes.md).",
    )
    yield from _command(hachaos, click.Context(hachaos, info_name="hachaos", **hachaos.context_settings))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield from ("", f"## {context.command_path}", "```", usage, "```")
    for text in (command.help, command.epilog):
        yield from _prose(text or "")
    records = [
        record
        for each in command.params
        if isinstance(each, click.Option) and not each.hidden and (record := each.get_help_record(context))
    ]
    if records:
        yield ""
    yield from (f"- `{names}`: {_plain(about)}" for names, about in records)
    if isinstance(command, click.Group):
        inner = {name: command.get_command(context, name) for name in command.list_commands(context)}
        for name, each in inner.items():
            if each is not None and not each.hidden:
                yield from _command(each, click.Context(each, info_name=name, parent=context))


def _prose(text: str) -> Iterator[str]:
    """A command's help as Markdown: what click keeps as it is written is a block of code."""
    for paragraph in filter(None, inspect.cleandoc(text).split("\n\n")):
        yield ""
        if paragraph.startswith("\b"):
            yield from ("```", *paragraph.splitlines()[1:], "```")
        else:
            yield from (_plain(line) for line in paragraph.splitlines())


def _plain(text: str) -> str:
    """Text in which Markdown sees no marks but those of code."""
    return re.sub(r"([\\*_<>\[\]|])", r"\\\1", re.sub(" +", " ", text))


def _head(title: str, *about: str) -> Iterator[str]:
    yield from (f"# {title}", *about, "", _MADE)


def _named(words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((f"`{word}`", about) for word, about in words.items())


def _title(of: str) -> str:
    """A heading; a key's own name stays as it is written."""
    return f"A {of[2:]}" if of.startswith("a ") else of


def _codes_of(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
