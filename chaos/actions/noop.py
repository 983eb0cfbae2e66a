"""noop: do nothing, so that the step is judged like any other."""

from __future__ import annotations

from typing import Any

from chaos.actions.action import Aim, Params, Undo
from chaos.cluster.rights import Rights
from chaos.stack.binding import Binding
from chaos.stack.stack import Stack


class Noop:
    """Touches nothing."""

    name = "noop"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:  # noqa: ARG002
        return ()

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:  # noqa: ARG002
        return Aim(objects=(), before={}, undo={}, detail="nothing is done", params=params)

    def inject(self, stack: Stack, aim: Aim) -> None:
        pass

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[None, dict[str, Any]]:  # noqa: ARG002
        return None, {}

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        pass

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()
