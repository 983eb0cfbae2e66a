"""pause: let time go by, with everything watched."""

from __future__ import annotations

import time

from chaos.actions.action import Aim, Params
from chaos.actions.noop import Noop
from chaos.stack.stack import Stack


class Pause(Noop):
    """Waits for `for_s` seconds. A signal whose handler raises ends the wait at once, as it ends `time.sleep`."""

    name = "pause"

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:  # noqa: ARG002
        return Aim(objects=(), before={}, undo={}, detail=f"{params['for_s']:g} s", params=params)

    def inject(self, stack: Stack, aim: Aim) -> None:  # noqa: ARG002
        time.sleep(aim.params["for_s"])
