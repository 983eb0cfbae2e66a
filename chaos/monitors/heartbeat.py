"""One fresh row when all has settled: does it arrive on each replica? "Running, lag 0" is what a replica says."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from chaos.clock import Clock
from chaos.history import Heartbeat
from chaos.monitors.replication import look
from chaos.stack.database import Database, NoDatabase
from chaos.stack.roles import Pod

_WRITTEN_S = 5.0
_ARRIVES_S = 10.0
_LOOK_EVERY_S = 0.05


def beat(database: Database, primary: Pod, replicas: Sequence[Pod], clock: Clock, step: int) -> Heartbeat:
    """Write the row on the primary and wait for it on the replicas that say that they replicate, 10 s at most."""
    token = f"{secrets.token_hex(4)}-beat-{step + 1}"
    start = clock.now()
    written = database.insert(database.address(primary.ip), token, "heartbeat", step + 1, _WRITTEN_S)
    end = clock.now()
    arrived: dict[str, float | None] = {}
    unasked: dict[str, str] = {}
    if written.outcome == "ok":
        with ThreadPoolExecutor(max(1, len(replicas))) as pool:
            found = pool.map(lambda pod: _arrival(database, pod, token, clock, end), replicas)
            for pod, seen in zip(replicas, found, strict=True):
                if isinstance(seen, str):
                    unasked[pod.name] = seen
                else:
                    arrived[pod.name] = seen
    return Heartbeat(
        step=step,
        pod=primary.name,
        token=token,
        start=start,
        end=end,
        outcome=written.outcome,
        reason=written.reason,
        key=written.key,
        arrived=arrived,
        unasked=unasked,
    )


def _arrival(database: Database, pod: Pod, token: str, clock: Clock, since: float) -> float | str | None:
    """After how many seconds the row was there, None if not in time; in words, why that can't be known."""
    state = look(database, pod, clock)
    if state.error:
        return state.error
    if state.io_running != "Yes" or state.sql_running != "Yes":
        return "it does not replicate"
    deadline = time.monotonic() + _ARRIVES_S
    try:
        with database.connect(database.address(pod.ip), 2 * _ARRIVES_S) as connection:
            while not database.has(connection, token):
                if time.monotonic() >= deadline:
                    return None
                time.sleep(_LOOK_EVERY_S)
    except NoDatabase as error:
        return str(error)
    return round(max(0.0, clock.now() - since), 3)
