"""The plan of a run: a scenario with everything filled in, and nothing left to be decided but the pods' names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from chaos.scenario import vocabulary

STEADY_TIMEOUT_S = 60.0
"""How long a run waits at least for nothing but good answers, before a fault and after recovery."""

EFFECT_TIMEOUT_S = 90.0
"""How long a run looks for a fault's effect."""

ROLL_OUT_TIMEOUT_S = 540.0
"""How long it looks for that of a rolling restart: 60 s for each of nine pods."""

EVICT_TIMEOUT_S = 60.0
"""How long it asks for the eviction of pods that a disruption budget keeps."""

CATCH_TIMEOUT_S = 60.0
"""How long it waits for a new database pod to be filled, where that is to be interrupted."""

DRAIN_TIMEOUT_S = 30.0
"""How long a run waits for rows in flight, then for posts, then for replication, before it reads what the pods hold."""

PUT_BACK_TIMEOUT_S = 300.0
"""How long the undo of one step may take."""

READING_S = 60.0
"""What reading all pods once is taken to last at most. An allowance: each request in it has a deadline of its own."""


@dataclass(frozen=True)
class Workload:
    """The streams of requests, per second: reads through the Service and of each site pod, SQL rows, posts, uploads.

    `file_reads_per_s` are reads of each site pod of a static file and of the seed picture. `deadline_s` is how long one
    request may take. `connections` is `new` (each read has one of its own, as a browser's first visit) or `kept`.
    """

    reads_per_s: float
    pod_reads_per_s: float
    writes_per_s: float
    posts_per_s: float
    deadline_s: float
    uploads_per_s: float = 0.0
    file_reads_per_s: float = 0.0
    connections: str = "new"


@dataclass(frozen=True)
class Needs:
    """What the cluster and the stack have to have before the first fault: nodes, and ready pods of each part."""

    nodes: int = 1
    database: int = 1
    site: int = 1
    files: int = 1


@dataclass(frozen=True)
class Wait:
    """What has to come true after a fault (one of `vocabulary.CONDITIONS`), and within how many seconds."""

    condition: str
    timeout_s: float


@dataclass(frozen=True)
class PlannedStep:
    """One step. `params` has the action's parameters by `vocabulary.Parameter.key`; `expect` is `history.Limits`' JSON.

    `index` counts from 0.
    """

    index: int
    name: str
    action: str
    target: str
    params: dict[str, Any]
    wait: Wait
    expect: dict[str, Any]

    @property
    def longest_s(self) -> float:
        """No step takes longer: the sum of the deadlines kept in it and what reading takes (undo comes after all)."""
        before = STEADY_TIMEOUT_S + READING_S
        effect = ROLL_OUT_TIMEOUT_S if self.action == "rolling-restart" else EFFECT_TIMEOUT_S
        effect += float(self.params.get("for_s", 0)) + (CATCH_TIMEOUT_S if self.params.get("interrupt") else 0)
        effect += EVICT_TIMEOUT_S if self.action == "drain-node" else 0
        recovery = effect + self.wait.timeout_s + max(STEADY_TIMEOUT_S, self.wait.timeout_s)
        return before + recovery + 3 * DRAIN_TIMEOUT_S + READING_S

    @property
    def undo(self) -> str:
        """What puts back what the step takes, in words."""
        return vocabulary.ACTIONS[self.action].undo


@dataclass(frozen=True)
class HttpCondition:
    """A GET every `every_s` seconds: so many in a row that fail (no answer in `timeout_s`, not a 2xx) abort the run."""

    url: str
    every_s: float
    fails: int
    timeout_s: float


@dataclass(frozen=True)
class PrometheusCondition:
    """An instant query every `every_s` seconds: any of its values beyond the bound for `for_s` aborts the run.

    `missing`: a query without an answer is only noted (`ignore`), or aborts the run as well (`abort`).
    """

    url: str
    query: str
    above: float | None
    below: float | None
    every_s: float
    for_s: float
    timeout_s: float
    missing: str

    def is_bad(self, value: float) -> bool:
        """Whether a value is beyond the bound; what is not a number is not."""
        return (self.above is not None and value > self.above) or (self.below is not None and value < self.below)

    @property
    def limit(self) -> str:
        """The bound, in words."""
        return f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"


@dataclass(frozen=True)
class Abort:
    """When a run has to stop and to put everything back. `error_budget` is in seconds by kind (`vocabulary.KINDS`)."""

    wall_time_s: float | None = None
    error_budget: dict[str, float] = field(default_factory=dict)
    http: HttpCondition | None = None
    prometheus: PrometheusCondition | None = None


@dataclass(frozen=True)
class Plan:
    """A whole run on a stack that is up. `path` and `text` are the file that it was read from.

    `baseline`: a baseline that does not pass stops the run before the first fault (`stop`), or is only written down
    (`record`). `destructive` = some step takes what nothing can bring back.
    """

    name: str
    claim: str
    path: str
    text: str
    workload: Workload
    steps: tuple[PlannedStep, ...]
    baseline: str = "stop"
    destructive: bool = False
    needs: Needs = Needs()
    abort: Abort = Abort()

    @property
    def longest_s(self) -> float:
        """No run takes longer, once the stack is up: first reading, baseline, each step and its undo, and the end.

        As long as the API server answers: one that does not is waited for.
        """
        reading = DRAIN_TIMEOUT_S + READING_S
        watched = STEADY_TIMEOUT_S + 3 * DRAIN_TIMEOUT_S + READING_S
        return reading + 2 * watched + sum(step.longest_s + PUT_BACK_TIMEOUT_S for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values, without the file's text; times in seconds, rates per second."""
        return {
            "name": self.name,
            "claim": self.claim,
            "path": self.path,
            "workload": asdict(self.workload),
            "baseline": self.baseline,
            "destructive": self.destructive,
            "needs": asdict(self.needs),
            "abort": asdict(self.abort),
            "steps": [asdict(step) | {"undo": step.undo, "longest_s": step.longest_s} for step in self.steps],
            "longest_s": self.longest_s,
        }


@dataclass(frozen=True)
class Suite:
    """Several scenarios, one after another, with one report. `path` and `text` are the file that it was read from.

    `budget_s` is for all of them together: a scenario that would begin after it is not begun. `between_s` lies between
    two. `baseline` is for all of them where it is not empty.
    """

    name: str
    claim: str
    path: str
    text: str
    budget_s: float
    between_s: float
    plans: tuple[Plan, ...]
    baseline: str = ""

    def to_json(self) -> dict[str, Any]:
        """The suite as JSON values, with the plans of its scenarios and without the files' texts; times in seconds."""
        return {
            "name": self.name,
            "claim": self.claim,
            "path": self.path,
            "budget_s": self.budget_s,
            "between_s": self.between_s,
            "baseline": self.baseline,
            "scenarios": [plan.to_json() for plan in self.plans],
        }


def plans_of(items: Iterable[Plan | Suite]) -> tuple[Plan, ...]:
    """The plans of scenarios and suites, in their order."""
    return tuple(plan for item in items for plan in (item.plans if isinstance(item, Suite) else (item,)))
