"""`hachaos explain`: what the words of a scenario mean, as the vocabulary has it. Touches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill, indent

import click

from chaos import suggest
from chaos.errors import ExitCode, UsageError
from chaos.scenario import keys
from chaos.scenario.keys import MAPPINGS
from chaos.scenario.vocabulary import (
    ABORTS,
    ACTIONS,
    CHECKS,
    CLONES,
    CONDITIONS,
    CONNECTIONS,
    HOLDS,
    INVARIANTS,
    LIMITS,
)
from chaos.units import shown

EXAMPLES = {
    "scale": """
- name: shrink the site to one pod
  action: scale
  target: site
  parameters: {replicas: 1}
  expect:
    reads: {longest_outage: 10s}
""",
    "delete-pod": """
- name: delete a replica's pod with no time to end
  action: delete-pod
  target: database/replica
  parameters: {grace: 0s}
  expect:
    writes: {longest_outage: 30s}
    clone: resume
""",
    "kill-process": """
- name: kill the master's server process
  action: kill-process
  target: database/primary
  parameters: {signal: KILL}
  expect:
    writes: {longest_outage: 30s}
""",
    "delete-volume": """
- name: delete a replica's volume and kill its new pod while it is cloned
  action: delete-volume
  target: database/replica
  parameters: {interrupt: itself}
  wait: {for: database/ready, timeout: 5m}
  expect:
    clone: re-clone
""",
    "stop-service": """
- name: stop the file server
  action: stop-service
  target: files
  wait: {for: database/ready}
  expect:
    reads: {longest_outage: 10s}
    uploads: {may_stay_out: true}
""",
    "start-service": """
- name: start the file server again
  action: start-service
  target: files
  wait: {for: stack/ready, timeout: 5m}
  expect:
    uploads: {longest_outage: 10m}
""",
    "rolling-restart": """
- name: restart the database pod by pod
  action: rolling-restart
  target: database
  wait: {for: database/ready, timeout: 5m}
  expect:
    writes: {longest_outage: 30s}
    clone: resume
""",
    "drain-node": """
- name: drain the node of the master
  action: drain-node
  target: database/primary
  wait: {for: stack/ready, timeout: 5m}
  expect:
    writes: {longest_outage: 60s}
""",
    "pause": """
- name: watch for a minute
  action: pause
  parameters: {for: 60s}
""",
    "noop": """
- name: break nothing
  action: noop
""",
}
"""One step for each action that is right as it stands, in a scenario that has what `BESIDE` says."""

BESIDE = {
    "drain-node": "The command line needs --allow-nodes, on every target.",
    "stop-service": "The scenario needs uploads in its workload, and a later step with start-service.",
    "start-service": "The scenario needs uploads in its workload, and an earlier step with stop-service.",
}

DESTROYS = (
    "yes: the scenario has to say `destructive: true`, and on a target that is not local hachaos run needs "
    "--allow-destructive"
)

EXIT_CODES: dict[ExitCode, str] = {
    ExitCode.PASS: "pass: every check of every step passed",
    ExitCode.FAIL: "fail: a check failed; the report says which, and by what",
    ExitCode.UNKNOWN: "unknown: something could not be judged, which is never a pass",
    ExitCode.TROUBLE: "the tool or the cluster failed, or the stack lacks what the scenario needs",
    ExitCode.USAGE: "the command line or a file is wrong; nothing was touched",
    ExitCode.UNDO_INCOMPLETE: "something that the run changed could not be put back; hachaos recover tries again",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C, SIGTERM or SIGHUP, after everything was put back",
}


_OF_REPORTS = {
    "steady": "each stream of requests (reads through the Service, rows, posts, uploads) has had nothing but good "
    "answers for 2 s; waited for before a fault, without which nothing is broken, and after it",
}

_LIMITS = {name: f"{each.about}; {each.value}" for name, each in LIMITS.items()}
_EXIT_CODES = {str(int(code)): about for code, about in EXIT_CODES.items()}
_LISTS: dict[str, dict[str, str]] = {
    "Actions": {name: words.about for name, words in ACTIONS.items()},
    "Conditions": CONDITIONS,
    "Kinds of clone": CLONES,
    "Kinds of connection": CONNECTIONS,
    "Checks": CHECKS,
    "Invariants": INVARIANTS,
    "Limits": {name: key.about for name, key in keys.LIMITS.items()},
    "Abort conditions": ABORTS,
    "Exit codes": _EXIT_CODES,
    "Words of reports": _OF_REPORTS,
} | ({"Limits of extensions": _LIMITS} if _LIMITS else {})


def _words(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    known = [word for words in _LISTS.values() for word in words]
    return [word for word in known if word.casefold().startswith(incomplete.casefold())]


@click.command()
@click.argument("word", metavar="[WORD]...", nargs=-1, shell_complete=_words)
def explain(word: tuple[str, ...]) -> None:
    """Tell what each WORD means: an action, a condition, a kind of clone or connection, a check, an invariant, a limit,
    an abort condition, an exit code, a word of reports, a parameter, a key of a scenario's file.

    Without WORD it lists them all but parameters and keys.
    """
    click.echo("\n".join(_of(word) if word else _all()))


def _of(words: Sequence[str]) -> list[str]:
    """What the words mean: together, as in `exit 3`, or each of them. Raises UsageError where one means nothing."""
    known = _topics()

    def found(text: str) -> list[str] | None:
        return known.get(text.casefold().replace(" ", "-"))

    together = found(" ".join(words))
    each = [together] if together is not None else list(map(found, words))
    for number, lines in enumerate(each):
        if lines is None:
            # Where none is known they may be one that is misspelt.
            word = words[number] if any(each) else " ".join(words)
            near = suggest.nearest(word, known)
            right = f"did you mean {near!r}?" if near else "hachaos explain lists what there is"
            raise UsageError(f"nothing to explain about {shown(word)}; {right}")
    return "\n\n".join("\n".join(lines) for lines in each if lines).split("\n")


def _topics() -> dict[str, list[str]]:
    """Every word, and the lines that explain it. One that means several things is told as each of them."""
    topics = {name: _action(name) for name in ACTIONS}
    for words, what in (
        (CONDITIONS, "a condition"),
        (CLONES, "a kind of clone"),
        (CONNECTIONS, "a kind of connection"),
        (CHECKS, "a check"),
        (INVARIANTS, "an invariant"),
        (ABORTS, "an abort condition"),
        (_OF_REPORTS, "a word of reports"),
    ):
        for word, about in words.items():
            topics.setdefault(word.casefold(), []).extend(_word(word, what, about))
    for word, about in _LIMITS.items():  # may be called as its check is
        topics.setdefault(word, []).extend(_word(word, "a limit in `expect`", about))
    for code, about in EXIT_CODES.items():
        number = str(int(code))
        for word in (number, f"exit-{number}", f"exit-code-{number}", code.name.lower().replace("_", "-")):
            topics[word] = _word(number, "an exit code", about)
    for check, held in HOLDS.items():
        topics[check] += ["  holds", *(_wrapped(f"    {each}  ", INVARIANTS[each]) for each in held)]
    for name, action in ACTIONS.items():
        for word, each in action.parameters.items():
            lines = _word(word, f"a parameter of {name}", f"{each.about}; {each.value}; {each.left_out}")
            topics.setdefault(word, []).extend(lines)
    for mapping in MAPPINGS:
        for word, key in mapping.keys.items():
            lines = _word(word, f"a key of {mapping.of}", f"{key.about}; {key.left_out}")
            topics.setdefault(word.casefold(), []).extend(lines)
    return topics | {title.casefold().replace(" ", "-"): _list(title, words) for title, words in _LISTS.items()}


def _all() -> list[str]:
    lines: list[str] = []
    for title, words in _LISTS.items():
        lines += [*_list(title, words), ""]
    return [*lines, "hachaos explain WORD tells of one, and of each parameter and key of a scenario."]


def _list(title: str, words: dict[str, str]) -> list[str]:
    width = max(map(len, words))
    return [f"{title}:", *(_wrapped(f"  {word:<{width}}  ", about) for word, about in words.items())]


def _word(word: str, what: str, about: str) -> list[str]:
    return [f"{word} ({what})", _wrapped("  ", about)]


def _action(name: str) -> list[str]:
    words = ACTIONS[name]
    lines = [
        f"{name} (an action)",
        _wrapped("  does      ", words.about),
        _wrapped("  targets   ", ", ".join(words.targets) + ("" if words.breaks else " (may be left out)")),
    ]
    if words.effect:
        lines.append(_wrapped("  effect    ", words.effect))
    if words.refuses:
        lines.append(_wrapped("  refuses   ", words.refuses))
    lines.append(_wrapped("  undo      ", words.undo))
    if words.destructive:
        lines.append(
            _wrapped("  destroys  ", DESTROYS),
        )
    lines.append("  parameters" + ("" if words.parameters else ": none"))
    for each, parameter in words.parameters.items():
        lines.append(_wrapped(f"    {each:<9}  ", f"{parameter.about}; {parameter.value}; {parameter.left_out}"))
    if example := EXAMPLES.get(name, words.example):
        lines += ["  example", indent(example.strip(), "    ")]
    if name in BESIDE:
        lines.append(_wrapped("    ", BESIDE[name]))
    return lines


def _wrapped(head: str, text: str) -> str:
    """The text behind a head, later lines below its first word."""
    return fill(text, 100, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
