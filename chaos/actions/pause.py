"""pause: let time go by, with everything watched."""

from __future__ import annotations

import time
from typing import Any

from chaos.actions.action import Aim, Params, Undo
from chaos.cluster.rights import Rights
from chaos.stack.binding import Binding
from chaos.stack.stack import Stack


class Pause:
    """Waits for `for_s` seconds. A signal whose handler raises ends the wait at once, as it ends `time.sleep`."""

    name = "pause"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:  # noqa: ARG002
        return ()

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:  # noqa: ARG002
        return Aim(objects=(), before={}, undo={}, detail=f"{params['for_s']:g} s", params=params)

    def inject(self, stack: Stack, aim: Aim) -> None:  # noqa: ARG002
        time.sleep(aim.params["for_s"])

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[None, dict[str, Any]]:  # noqa: ARG002
        return None, {}

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        pass

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()
