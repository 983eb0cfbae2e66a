"""The process of one run for pytest. It says what becomes of it in a file: a JSON object a line.

python -m chaos.pytest_plugin.child FILE ORDER
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.errors import ExitCode, HachaosError
from chaos.pytest_plugin.runs import PodSeen, StackSeen

if TYPE_CHECKING:
    from chaos.session import Options

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Carry out an order; the exit code is that of `hachaos run`."""
    told, order = Path(arguments[0]), json.loads(arguments[1])

    def tell(**said: Any) -> None:
        with told.open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")

    try:
        _end_with(order["parent"])
        code = _stack(order, tell) if order["what"] == "stack" else _run(order, tell)
    except HachaosError as error:
        hint = error.hint or ""
        tell(problem=str(error), hint=f"--hachaos-{hint[2:]}" if hint.startswith("--") else hint)
        return int(error.exit_code)
    except KeyboardInterrupt as error:
        tell(problem=f"interrupted{f' by {error}' if str(error) else ''}", hint="")
        return int(ExitCode.INTERRUPTED)
    tell(ended=int(code))
    return int(code)


def _run(order: dict[str, Any], tell: Callable[..., None]) -> ExitCode:
    from chaos.scenario.load import load

    plan = load(Path(order["path"]))

    from chaos import session
    from chaos.past.after import told

    options = _options(order, lambda folder: tell(folder=str(folder)))
    url, style = os.environ.get("HACHAOS_WEBHOOK", ""), os.environ.get("HACHAOS_WEBHOOK_FORMAT") or "json"
    with told(options.reports, [plan.name], options.stack, options.place, url, style, options.debug):
        return session.run([plan], options)


def _stack(order: dict[str, Any], tell: Callable[..., None]) -> ExitCode:
    from chaos.cluster import protected
    from chaos.cluster import target as targets
    from chaos.progress import progress
    from chaos.stack import source

    options = _options(order)
    stacks = source.of(options.stack)
    source.require_bound(stacks, options.elsewhere)
    target = targets.of(options.elsewhere, options.cluster, options.nodes, quiet=False)
    protected.refuse(target.api, stacks.namespace)
    with progress() as shown:
        found = stacks.attach(target) if stacks.borrowed else stacks.ensure(target, shown)
    pods = [pod for role in found.binding.controllers for pod in found.pods(role) if not pod.terminating]
    seen = StackSeen(
        name=found.binding.name,
        namespace=found.api.namespace,
        target=target.name,
        pods=tuple(PodSeen(pod.name, pod.role, pod.ready, pod.node, pod.ip) for pod in pods),
        images=found.images(),
    )
    tell(stack=asdict(seen))
    return ExitCode.PASS


def _options(order: dict[str, Any], began: Callable[[Path], None] | None = None) -> Options:
    from chaos.cluster.elsewhere import elsewhere
    from chaos.debug import DebugLog
    from chaos.session import Options

    return Options(
        stack=order["stack"],
        cluster=order["cluster"],
        nodes=order["nodes"],
        reports=Path(order["reports"]),
        baseline=order["baseline"],
        allow_destructive=order["allow_destructive"],
        debug=DebugLog() if order["debug"] else None,
        allow_nodes=order["allow_nodes"],
        elsewhere=elsewhere(order["context"], order["kubeconfig"], in_cluster=order["in_cluster"]),
        yes=order["yes"],
        began=began,
    )


def _end_with(parent: int) -> None:
    """Be ended by SIGTERM, which puts back what was changed, as soon as pytest is gone, however it went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise KeyboardInterrupt("the end of pytest")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
