"""The tables of `hachaos cluster status` and `hachaos cluster doctor`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from chaos.cluster.local import doctor, health, host, registries, state, teardown
from chaos.cluster.local.keeper import STALE_S
from chaos.cluster.local.layout import DEFAULT_NAME, Places, check_name
from chaos.errors import ExitCode

if TYPE_CHECKING:
    from chaos.cluster.local.state import Anchor

_MARKS = {"ok": "[green]ok[/]", "instead": "[yellow]instead[/]", "lacking": "[red]lacking[/]"}
_WIDTH_IN_A_PIPE = 120


def print_status(name: str) -> int:
    """Print how the cluster fares; gives the exit code."""
    host.require_root()
    console = _console()
    anchor = state.read(Places.of(check_name(name)))
    if anchor is None or anchor.phase != "up":
        left = teardown.traces(name)
        console.print(f"there is no cluster {name}" if not left else f"cluster {name} is half made: {', '.join(left)}")
        option = "" if name == DEFAULT_NAME else f" --name {name}"
        console.print(f"hint: hachaos cluster {'down' if left else 'up'}{option}")
        return int(ExitCode.TROUBLE)
    trouble = health.look(anchor)
    _print_machines(console, anchor)
    addresses, lb_trouble = health.load_balancer(anchor.places, STALE_S)
    held = ", ".join(f"{address} on {node}" for address, node in addresses.items()) or "no addresses given out"
    console.print(f"load balancer: {lb_trouble or held}")
    console.print(f"versions: {', '.join(f'{part} {version}' for part, version in anchor.versions.items())}")
    console.print(f"state: {anchor.state}")
    trouble = trouble or lb_trouble
    console.print(f"cluster {name} is sound" if trouble is None else f"cluster {name} is not sound: {trouble}")
    return int(ExitCode.PASS if trouble is None else ExitCode.TROUBLE)


def print_doctor(nodes: int, *, online: bool) -> int:
    """Print what this host has and lacks; gives the exit code."""
    from chaos.cluster.local import artifacts

    rows = doctor.examine(host.read(), nodes=nodes, disk_needed=artifacts.disk_needed(), to_make=artifacts.missing())
    if online:
        rows += registries.examine()
    table = Table(box=None, pad_edge=False)
    for title in ("what", "", "found", "instead, or what to do"):
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(row.subject, _MARKS[row.level], row.found, row.instead)
    console = _console()
    console.print(table)
    works = doctor.works(rows)
    console.print("the embedded cluster will work here" if works else "the embedded cluster will not work here")
    return int(ExitCode.PASS if works else ExitCode.TROUBLE)


def _print_machines(console: Console, anchor: Anchor) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("machine", "daemons", "ended"):
        table.add_column(title, overflow="fold")
    by_machine: dict[str, list[health.Unit]] = defaultdict(list)
    for unit in health.units(health.machines(anchor.places, anchor.nodes)):
        by_machine[unit.machine].append(unit)
    for machine, units in by_machine.items():
        running = ", ".join(f"{unit.name} ({unit.pid})" for unit in units if unit.running)
        ended = ", ".join(unit.name for unit in units if not unit.running)
        table.add_row(machine, running, f"[red]{ended}[/]" if ended else "none")
    console.print(table)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH_IN_A_PIPE)
