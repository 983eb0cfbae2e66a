"""Faults and changes, one a file, each with its undo."""

from __future__ import annotations

from typing import Any

from chaos import extensions
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
from chaos.errors import StackError

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
_METHODS = ("rights", "aim", "inject", "effect", "put_back", "by_hand")


class _Actions(dict[str, Action]):
    """The actions by name. One of an extension is loaded when it is asked for: it imports from this package itself."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or any(each.name == name for each in extensions.found(extensions.ACTIONS))

    def __missing__(self, name: str) -> Action:
        for each in extensions.found(extensions.ACTIONS):
            if each.name == name:
                self[name] = _fit(each)
                return self[name]
        raise StackError(f"{name}: there is no such action here; the extension that has it is not installed")


ACTIONS = _Actions({action.name: action for action in _ALL})


def _fit(extension: extensions.Extension) -> Action:
    """An extension's action. Raises HachaosError for one that is none."""
    try:
        action: Any = extension.value()
    except Exception as error:
        raise extension.wrong(f"it cannot be made: {type(error).__name__}: {error}") from error
    lacking = [name for name in _METHODS if not callable(getattr(action, name, None))]
    if lacking:
        raise extension.wrong(f"it has no {', '.join(lacking)}, as every action has")
    if getattr(action, "name", "") != extension.name:
        raise extension.wrong("its `name` is another")
    fit: Action = action
    return fit


__all__ = ["ACTIONS", "Action", "Aim"]
