"""How long the embedded cluster takes with everything cached."""

from __future__ import annotations

from benchmarks.table import CLUSTER, Row, seconds

_TIMES = 3


def measure() -> list[Row]:
    """`cluster up` to Ready with 1 and with 3 nodes, then the stack on the three."""
    seconds("cluster", "down", "--name", CLUSTER)
    up: dict[int, list[float]] = {1: [], 3: []}
    down: list[float] = []
    for _ in range(_TIMES):
        for nodes, samples in up.items():
            samples.append(seconds("cluster", "up", "--name", CLUSTER, "--nodes", str(nodes)))
            down.append(seconds("cluster", "down", "--name", CLUSTER))
    stack: list[float] = []
    for _ in range(_TIMES):
        seconds("cluster", "up", "--name", CLUSTER, "--nodes", "3")
        stack.append(seconds("stack", "up", "--name", CLUSTER))
        seconds("cluster", "down", "--name", CLUSTER)
    return [
        Row("cluster up, 1 node", tuple(up[1]), "s", "<= 8 s"),
        Row("cluster up, 3 nodes", tuple(up[3]), "s", "<= 11 s"),
        Row("cluster down", tuple(down), "s"),
        Row("stack deployed, installed and verified", tuple(stack), "s", "<= 60 s"),
    ]
