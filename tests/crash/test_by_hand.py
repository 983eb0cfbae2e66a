"""What is said to be left to do by hand is true: the commands, given to a shell, leave the stack as it was found."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from benchmarks.crash import state_of
from chaos import undo_notes
from chaos.actions import ACTIONS
from chaos.actions.action import wait_until
from chaos.history import UndoPlanned
from chaos.stack.stack import Stack
from chaos.undo import by_hand
from embedded import NAME, ROOT, Hachaos


@pytest.mark.parametrize(
    ("action", "role", "params"),
    [("scale", "site", {"replicas": 1}), ("stop-service", "files", {}), ("delete-pod", "database/primary", {})],
)
def test_the_commands_put_back_what_the_action_took(
    stack: Stack, action: str, role: str, params: dict[str, Any]
) -> None:
    found = state_of(stack)
    aim = ACTIONS[action].aim(stack, role, params)
    planned = UndoPlanned(0.0, 0, 0, action, json.loads(json.dumps(aim.undo)))
    undo_notes.note(stack, "reports/by-hand", planned)
    ACTIONS[action].inject(stack, aim)
    assert ACTIONS[action].effect(stack, aim, 90)[0]
    for command in by_hand(stack, "reports/by-hand", [planned]):
        done = subprocess.run(command.replace("hachaos", str(ROOT / "hachaos"), 1), shell=True, check=False)
        assert done.returncode == 0, command
    assert wait_until(lambda: state_of(stack) == found, 120), (found, state_of(stack))


def test_what_was_changed_is_put_back_when_the_runs_folder_is_lost(
    stack: Stack, hachaos: Hachaos, tmp_path: Any
) -> None:
    found = state_of(stack)
    aim = ACTIONS["scale"].aim(stack, "site", {"replicas": 1})
    undo_notes.note(stack, "reports/lost", UndoPlanned(0.0, 0, 0, "scale", aim.undo))
    ACTIONS["scale"].inject(stack, aim)
    assert ACTIONS["scale"].effect(stack, aim, 90)[0]
    shown = hachaos("recover", "--name", NAME, "--reports", str(tmp_path), "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "reports/lost (whose folder is not here): step 1 (scale): deployment/wordpress" in shown.stdout
    assert stack.api.get("Deployment", "wordpress")["spec"]["replicas"] == 1  # type: ignore[index]
    done = hachaos("recover", "--name", NAME, "--reports", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert state_of(stack) == found
    assert hachaos("recover", "--name", NAME, "--reports", str(tmp_path)).stdout.startswith("nothing to recover")
