"""`hachaos init`: a scenario to begin with, its words explained in comments. Asks nothing, and overwrites nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

import click

from chaos import suggest
from chaos.errors import UsageError
from chaos.scenario.load import shown_path
from chaos.scenario.vocabulary import ACTIONS, CONDITIONS, STACK, condition_of, has_clone
from chaos.scenario.words import Parameter
from chaos.stack.roles import part
from chaos.units import write_duration

_WIDTH = 110
_PARTS = {
    STACK: "the stack",
    "database": "the database",
    "database/primary": "the database's primary",
    "database/replica": "a replica of the database",
    "site": "the site",
    "files": "the file server",
}
_NAMES = {
    "scale": "set how many pods {} has",
    "delete-pod": "delete a pod of {}",
    "kill-process": "kill a server process of {}",
    "delete-volume": "delete a volume of {}",
    "stop-service": "stop {}",
    "start-service": "start {} again",
    "rolling-restart": "restart {} pod by pod",
    "drain-node": "drain a node that {} runs on",
    "pause": "watch {} for a while",
    "noop": "break nothing",
}
_CLAIMS = {
    "scale": "the stack withstands it when {} is given another number of pods",
    "delete-pod": "the stack withstands it when a pod of {} is deleted",
    "kill-process": "the stack withstands it when a server process of {} is killed",
    "delete-volume": "the stack withstands it when a volume of {} is deleted",
    "stop-service": "the stack withstands it when {} is stopped",
    "start-service": "the stack withstands it when {} is stopped and started again",
    "rolling-restart": "the stack withstands it when {} is restarted pod by pod",
    "drain-node": "the stack withstands it when a node that {} runs on is drained",
    "pause": "{} serves while nothing is done to it",
    "noop": "{} serves while nothing is done to it",
}
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@click.command()
@click.argument("file", metavar="[FILE]", default="scenario.yaml", type=click.Path(path_type=Path))
@click.option(
    "--action",
    type=click.Choice(list(ACTIONS)),
    default="delete-pod",
    show_default=True,
    help="What its step does (hachaos explain ACTION tells of each).",
)
@click.option("--target", metavar="ROLE", help="What it does it to (by default the first role that it can be done to).")
def init(file: Path, action: str, target: str | None) -> None:
    """Write a scenario with comments to FILE (scenario.yaml), which is right as it stands.

    A file that is there is left as it is (exit code 4).
    """
    targets = ACTIONS[action].targets
    if target is not None and target not in targets:
        raise UsageError(f"{action} has no target {target!r}: {suggest.instead_of(target, targets)}")
    name = file.stem if _NAME.fullmatch(file.stem) else "my-scenario"
    text = written(name, action, target or targets[0])
    try:
        with file.open("x", encoding="utf-8") as made:
            made.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"{shown_path(file)}: is there already, and was left as it is", hint="name another file"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{shown_path(file)}: {error.strerror}", hint="name a file in a folder that is there"
        ) from error
    click.echo(f"{shown_path(file)} is written; try: hachaos plan {shown_path(file)}")


def written(name: str, action: str, target: str) -> str:
    """The text of a scenario with one step of this action, and what else that needs."""
    words = ACTIONS[action]
    lines = [
        "# A scenario: hachaos validate checks it, hachaos plan shows what it would do, hachaos run does it.",
        "# hachaos explain WORD tells of an action, a condition, a check; docs/scenarios.md of every key.",
    ]
    if words.nodes:
        lines.append("# It changes a node: hachaos run needs --allow-nodes for it.")
    lines += [
        "apiVersion: hachaos/v1",
        f"name: {name}  # the run's folder is called so: lower-case letters, digits, dashes",
        "# The sentence that the run proves or refutes:",
        f"claim: {_claim(action, target)}",
    ]
    if words.destructive:
        lines.append("destructive: true  # it takes data that nothing brings back")
    lines += ["", *_workload(target), "", *_needs(target), "", "steps:"]
    if action == "start-service":
        lines += [*_step("stop-service", "files"), ""]
    lines += _step(action, target)
    if action == "stop-service":
        lines += ["", *_step("start-service", "files")]
    return "\n".join(lines) + "\n"


def _workload(target: str) -> list[str]:
    uploads = "  uploads: 0.2/s  # text files of 4 KiB, which lie on the shared files"
    return [
        "# The work that goes on throughout, on schedule, whatever comes of it.",
        "workload:",
        "  reads: 5/s  # requests for the site's pages through its Service",
        "  pod_reads: 0.5/s  # requests to each of the site's pods at its own address",
        "  writes: 10/s  # rows by SQL",
        "  posts: 1/s  # posts by WordPress",
        uploads if part(target) == "files" else f"  # {uploads.strip()}",
        "  deadline: 2s  # what is answered later counts as not answered",
    ]


def _needs(target: str) -> list[str]:
    known = [each for each in ("database", "site", "files") if each == part(target)]
    return [
        "# What has to be there before the first fault, or nothing is broken. Write more where the claim counts on it.",
        "needs:",
        *(f"  {each}: 1  # ready pods" for each in known or ["site"]),
    ]


def _claim(action: str, target: str) -> str:
    # Nobody knows the words for an action of an extension.
    return _CLAIMS.get(action, f"the stack withstands {action} of {{}}").format(_PARTS[target])


def _name(action: str, target: str) -> str:
    return _NAMES.get(action, f"{action} of {{}}").format(_PARTS[target])


def _step(action: str, target: str) -> Iterator[str]:
    words = ACTIONS[action]
    yield f"  - name: {_name(action, target)}"
    yield from wrap(words.about, _WIDTH, initial_indent="    # ", subsequent_indent="    # ")
    yield f"    action: {action}"
    if len(words.targets) > 1:
        yield f"    target: {target}  # or {', '.join(each for each in words.targets if each != target)}"
    else:
        yield f"    target: {target}"
    needed = any(each.required for each in words.parameters.values())
    if words.parameters:
        yield "    parameters:" if needed else "    # parameters:"
    for name, each in words.parameters.items():
        about = each.about if each.required else f"{each.about}; left out: {each.unset}"
        yield from wrap(about, _WIDTH, initial_indent="    #   ", subsequent_indent="    #   ")
        yield f"      {name}: {_value(each)}" if each.required else f"    #   {name}: {_value(each)}"
    if words.breaks:
        stopped = action == "stop-service"
        condition = "database/ready" if stopped else condition_of(target)
        others = ", ".join(each for each in CONDITIONS if each != condition)
        yield "    wait:"
        yield f"      for: {condition}  # or {others}"
        yield "      timeout: 5m"
        yield "    # Limits. What is left out is measured and reported, and may last."
        yield "    expect:"
        yield "      reads: {longest_outage: 30s}"
        yield "      writes: {longest_outage: 60s}"
        if stopped:
            yield "      uploads: {may_stay_out: true}  # a later step brings them back"
        elif action == "start-service":
            yield "      uploads: {longest_outage: 10m}"
        if words.replaces and has_clone(target):
            how = "re-clone" if words.destructive else "resume"
            other = "resume" if words.destructive else "re-clone"
            yield f"      clone: {how}  # or {other}: how a new database pod has to come by its data"


def _value(parameter: Parameter) -> str:
    match parameter.kind:
        case "seconds":
            return write_duration(max(parameter.lowest, 60 if parameter.required else 0))
        case "count":
            return str(max(parameter.lowest, 1))
        case "word":
            return parameter.words[0]
        case "name":
            return "mysql"
