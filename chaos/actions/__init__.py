"""Faults and changes, one a file, each with its undo."""

from __future__ import annotations

from chaos.actions.action import Action, Aim
from chaos.actions.delete_pod import DeletePod
from chaos.actions.delete_volume import DeleteVolume
from chaos.actions.drain_node import DrainNode
from chaos.actions.kill_process import KillProcess
from chaos.actions.noop import Noop
from chaos.actions.pause import Pause
from chaos.actions.rolling_restart import RollingRestart
from chaos.actions.scale import Scale
from chaos.actions.start_service import StartService
from chaos.actions.stop_service import StopService

_ALL: tuple[Action, ...] = (
    Scale(),
    DeletePod(),
    KillProcess(),
    DeleteVolume(),
    StopService(),
    StartService(),
    RollingRestart(),
    DrainNode(),
    Pause(),
    Noop(),
)
ACTIONS: dict[str, Action] = {action.name: action for action in _ALL}

__all__ = ["ACTIONS", "Action", "Aim"]
