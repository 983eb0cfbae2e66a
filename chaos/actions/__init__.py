"""Faults and changes, one a file, each with its undo."""

from __future__ import annotations

from chaos.actions.action import Action, Aim
from chaos.actions.delete_pod import DeletePod
from chaos.actions.scale import Scale

ACTIONS: dict[str, Action] = {action.name: action for action in (DeletePod(), Scale())}

__all__ = ["ACTIONS", "Action", "Aim"]
