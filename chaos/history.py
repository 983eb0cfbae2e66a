"""Everything that was observed in a run, in one time order.

Each record is one frozen dataclass and one line of the journal. Times (`at`, `due`, `start`, `end`) are seconds since
the run began. Checks and reports read a `History` and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, cast

FORMAT = 2
"""Version of the journal's format; a reader refuses a newer one."""

FIRST_READING = -2
"""The step number of what was read before the run wrote anything."""

BASELINE = -1
"""The step number of the baseline: the state before the first fault, judged like any step."""

STILL_HANGS = "an earlier one still hangs"
"""What `Skipped.reason` says where the same pod has not yet answered an earlier request for the same thing."""

INSTALL_PAGE = "install-page"
"""The `reason` of a request that WordPress answered with its installer: there is no site in the database."""

BROKEN_TABLE = "broken table"
"""What the error of a reading begins with where the server itself said of a table that it can't be read."""

TOO_LARGE = "too large to be read"
"""What `Contents.tables` says of a table that was left out."""

PERCENTILES = (50, 95, 99)
"""Which percentiles of latency are reported, and can be limited."""

END = "end"
"""What stands as the action of the state after all was put back, judged like any step."""

QUIET = ("baseline", END, "noop", "pause")
"""Actions that break nothing: no effect is looked for."""


@dataclass(frozen=True, slots=True)
class Record:
    """What all records share: a kind, which names the line's type in the journal."""

    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values, its kind first. Shares lists and the like with the record."""
        return {"kind": self.kind} | {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


@dataclass(frozen=True, slots=True)
class RunBegun(Record):
    """The first record. `plan` is the resolved plan as JSON: what would have to be known to run it again."""

    kind: ClassVar[str] = "run-begun"
    format: int
    run: str
    scenario: str
    claim: str
    started_at: float
    plan: dict[str, Any]
    stack: dict[str, Any]
    versions: dict[str, str]
    scenario_text: str = ""


@dataclass(frozen=True, slots=True)
class RunEnded(Record):
    """The last record; `how` is `finished`, `interrupted`, `aborted`, `failed` or `recovered`."""

    kind: ClassVar[str] = "run-ended"
    at: float
    how: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StepBegun(Record):
    """A step's window opens. `expect` holds its limits as in the plan's JSON (see `Limits`)."""

    kind: ClassVar[str] = "step-begun"
    at: float
    index: int
    name: str
    action: str
    target: str
    expect: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StepEnded(Record):
    """A step's window closes, after its evidence was collected. `problem` tells why it was cut short, if it was."""

    kind: ClassVar[str] = "step-ended"
    at: float
    index: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ActionBegun(Record):
    """A fault or a change starts; `objects` are what it touches, e.g. `pod/mysql-0`."""

    kind: ClassVar[str] = "action-begun"
    at: float
    step: int
    action: str
    objects: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ActionEnded(Record):
    """The fault was put in (or could not be: `error`). `effect` is what was seen of it: `{what: [before, after]}`.

    `happened` is True when the effect was seen in the cluster (a pod's uid changed, a replica count took hold), False
    when it was looked for and did not appear, None when nobody looked.
    """

    kind: ClassVar[str] = "action-ended"
    at: float
    step: int
    action: str
    happened: bool | None
    effect: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class UndoPlanned(Record):
    """How to put back what an action is about to change. On disk and synced before the action starts."""

    kind: ClassVar[str] = "undo-planned"
    at: float
    id: int
    step: int
    action: str
    undo: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UndoDone(Record):
    """The undo `id` was carried out and looked at (`verified`), or could not be (`error`)."""

    kind: ClassVar[str] = "undo-done"
    at: float
    id: int
    verified: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class WaitEnded(Record):
    """What a step waited for, whether it came, and after how many seconds.

    `unknown` = whether it came in time is not known, since the cluster did not answer when the time was over; then
    `satisfied` says what was seen when it did answer, if it did.
    """

    kind: ClassVar[str] = "wait-ended"
    at: float
    step: int
    condition: str
    satisfied: bool
    took_s: float
    detail: str = ""
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Read(Record):
    """One request to the site. `via` is `service` or a pod's name; `due` is when the schedule wanted it to leave.

    `what` was asked for: `page` (the front page: PHP, database), `static` (a file of WordPress's own, no PHP runs),
    `upload` (the seed picture, which lies on the shared files).
    `ok` means that the page carried what only this stack can have written. Else `reason` is one of: refused, timeout,
    reset, unreachable, status (with `status`), install-page, database-error, wrong-content,
    stale (a page that was made for an earlier request).
    """

    kind: ClassVar[str] = "read"
    via: str
    due: float
    start: float
    end: float
    ok: bool
    reason: str = ""
    status: int = 0
    what: str = "page"


@dataclass(frozen=True, slots=True)
class Write(Record):
    """One write that was tried, once, with a token that no other attempt has.

    `what` is `row` (SQL to the primary), `post` or `upload` (WordPress through the Service); `seq` counts up by one for
    each attempt of one `writer`. `outcome`: `ok` = acknowledged, `fail` = certainly did not happen, `info` = may have
    happened. `key` is what the server called it (row id, post id) when acknowledged. Of an upload, `path` is where the
    server says that the file is, and `digest` the hash of what was sent.
    """

    kind: ClassVar[str] = "write"
    what: str
    writer: str
    seq: int
    token: str
    due: float
    start: float
    end: float
    outcome: str
    reason: str = ""
    key: int | None = None
    path: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Skipped(Record):
    """Requests that were due but never left: too many were in flight, say, or nothing led to the cluster.

    `stream` is e.g. `read service`.
    """

    kind: ClassVar[str] = "skipped"
    stream: str
    due: float
    reason: str


@dataclass(frozen=True, slots=True)
class PodSeen(Record):
    """A pod's state changed. `change` is added, modified or deleted; containers are `{name: state}` with state one of
    waiting:REASON, running, terminated:REASON; `restarts` is their sum; `terminating` = it has a deletion time.
    """

    kind: ClassVar[str] = "pod"
    at: float
    change: str
    name: str
    uid: str
    role: str
    node: str
    phase: str
    ready: bool
    terminating: bool
    restarts: int
    containers: dict[str, str]


@dataclass(frozen=True, slots=True)
class ClusterEvent(Record):
    """An Event of the cluster's, about an object of the stack."""

    kind: ClassVar[str] = "cluster-event"
    at: float
    object: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ApiServerSeen(Record):
    """The API server no longer answers, or answers again; written when that changes.

    `at` is when it was asked, `before` when it was last asked with the other outcome: it changed between the two.
    """

    kind: ClassVar[str] = "api-server"
    at: float
    answers: bool
    before: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaSeen(Record):
    """The state of one database pod, asked at its own address. Without an answer `error` says why, the rest is None."""

    kind: ClassVar[str] = "replica"
    at: float
    pod: str
    error: str = ""
    read_only: bool | None = None
    io_running: str | None = None
    sql_running: str | None = None
    lag_s: int | None = None
    gtid: str | None = None
    source: str | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class VolumeSeen(Record):
    """What a database pod stands on, before a step's fault and after it (`when` is `before` or `after`).

    After the last step, once all that was taken was put back, it is looked at once more (`end`).

    `claim_uid` and `volume` tell a new volume from a kept one; `born` is the data folder's time of birth (seconds,
    Unix time); `provenance` is what the clone left on the volume: how, donor, gtid, began, finished. `marks` are the
    marks in its data, the oldest first (see `checks.lineage`), `mark` the one that was put there by this very look;
    None and empty where nobody may write any, or could.
    """

    kind: ClassVar[str] = "volume"
    at: float
    step: int
    when: str
    pod: str
    pod_uid: str
    claim: str
    claim_uid: str
    volume: str
    born: float | None = None
    provenance: dict[str, Any] | None = None
    error: str = ""
    marks: tuple[str, ...] | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Contents(Record):
    """All that one pod holds, read at its own address with writers stopped and replication drained.

    `pod` is a database pod; `primary` tells whether it took the writes. `rows` are the ledger's `[id, token]` pairs and
    `posts` the `[id, token]` pairs of WordPress posts in that database; a token is empty where an entry is torn.
    `uploads` are those of what WordPress entered for uploads (None: nobody looked). `baseline` is `{name: hash}` of the
    seed content and of the stack's tables as read there. `gtid` is the position at which it was read. `tables` holds
    `COUNT:BIT_XOR` of each table of the stack by `schema.table`. All of it is of one moment (a consistent snapshot).
    """

    kind: ClassVar[str] = "contents"
    at: float
    step: int
    pod: str
    primary: bool
    error: str = ""
    gtid: str | None = None
    rows: tuple[tuple[int, str], ...] = ()
    posts: tuple[tuple[int, str], ...] = ()
    baseline: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    uploads: tuple[tuple[int, str], ...] | None = None

    @property
    def broken(self) -> bool:
        """Whether the server answered, and can't read its own tables."""
        return self.error.startswith(BROKEN_TABLE)


@dataclass(frozen=True, slots=True)
class Heartbeat(Record):
    """A row that was written into the ledger of `pod`, the primary, when all had settled, and its way to the replicas.

    `start`, `end`, `outcome`, `reason` and `key` are as of a `Write`. `arrived` holds by replica after how many seconds
    from its acknowledgement on it was there; None: not within the time that was given to it. `unasked` are the
    replicas of which that is not known, and why.
    """

    kind: ClassVar[str] = "heartbeat"
    step: int
    pod: str
    token: str
    start: float
    end: float
    outcome: str
    reason: str = ""
    key: int | None = None
    arrived: dict[str, float | None] = field(default_factory=dict)
    unasked: dict[str, str] = field(default_factory=dict)

    @property
    def write(self) -> Write:
        """The row as one of the run's writes."""
        return Write(
            "row", "heartbeat", self.step, self.token, self.start, self.start, self.end, self.outcome, self.reason,
            self.key,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SiteContents(Record):
    """What one WordPress pod serves with writers stopped: `{name: hash}` of seed posts, page and picture.

    A value that begins with `missing` was not served as it should be, and says what came instead. `session` among them
    is who the pod takes the bearer of the run's one login cookie for. `uploads` are the run's acknowledged uploads, and
    the last of those that were not acknowledged, as the pod serves them: `[token, hash or "missing (...)"]`.
    """

    kind: ClassVar[str] = "site-contents"
    at: float
    step: int
    pod: str
    error: str = ""
    baseline: dict[str, str] = field(default_factory=dict)
    uploads: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PodSaid(Record):
    """Why a pod was not well when a step gave up waiting: its state, its last events and log lines, as text."""

    kind: ClassVar[str] = "pod-said"
    at: float
    step: int
    pod: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note(Record):
    """Something worth a line in the report that no other record holds."""

    kind: ClassVar[str] = "note"
    at: float
    text: str


# With slots a class is made twice, and the later one is the one that its name stands for.
KINDS: dict[str, type[Record]] = {cls.kind: cls for cls in Record.__subclasses__()}
"""The record of each kind of journal line."""

_R = TypeVar("_R", bound=Record)
_IS_FLOAT = float.__instancecheck__


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def from_json(line: dict[str, Any]) -> Record | None:
    """The record of one journal line; None for a kind that this version does not know."""
    cls = KINDS.get(line.get("kind", ""))
    if cls is None:
        return None
    known = {f.name: f for f in dataclasses.fields(cls)}
    values = {name: value for name, value in line.items() if name in known}
    return cls(
        **{
            name: _tuples(value) if str(known[name].type).startswith("tuple") else value
            for name, value in values.items()
        }
    )


@dataclass(frozen=True)
class Limits:
    """What a step's `expect` allows. None = no limit was set; then the check only reports.

    `clone` is `resume`, `re-clone` or None (whichever happened is judged for soundness only). `may_stay_out` are the
    kinds (`reads`, `writes`, `uploads`) that need not be back at the step's end; a later step judges their outage.
    `writes` are rows and posts; `uploads` are written and read. `slowest` has, for each percentile that is limited, its
    kind, which it is, and how many seconds it may take at most: `("reads", 95, 2.0)`. `others` are the limits that
    checks of extensions know, as the plan's JSON has them.
    """

    reads_longest_outage_s: float | None = None
    writes_longest_outage_s: float | None = None
    clone: str | None = None
    uploads_longest_outage_s: float | None = None
    may_stay_out: frozenset[str] = frozenset()
    slowest: tuple[tuple[str, int, float], ...] = ()
    others: dict[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_json(cls, expect: dict[str, Any]) -> Limits:
        """From the plan's JSON.

        `{"reads": {"longest_outage_s": 30.0, "p95_s": 2.0, "may_stay_out": true}, "writes": {...},
        "uploads": {...}, "clone": "resume"}`
        """
        kinds: dict[str, dict[str, Any]] = {kind: expect.get(kind, {}) for kind in ("reads", "writes", "uploads")}
        return cls(
            reads_longest_outage_s=kinds["reads"].get("longest_outage_s"),
            writes_longest_outage_s=kinds["writes"].get("longest_outage_s"),
            clone=expect.get("clone"),
            uploads_longest_outage_s=kinds["uploads"].get("longest_outage_s"),
            may_stay_out=frozenset(kind for kind, said in kinds.items() if said.get("may_stay_out")),
            slowest=tuple(
                (kind, percentile, limit)
                for kind, said in kinds.items()
                for percentile in PERCENTILES
                if (limit := said.get(f"p{percentile}_s")) is not None
            ),
            others={key: value for key, value in expect.items() if key not in {*kinds, "clone"}},
        )


@dataclass(frozen=True)
class Step:
    """One step's window on the history."""

    index: int
    name: str
    action: str
    target: str
    limits: Limits
    begin: float
    end: float
    ended: bool
    problem: str

    @property
    def of_plan(self) -> bool:
        """Whether it is one of the scenario's own, and not the baseline or the end."""
        return self.index != BASELINE and self.action != END


class History:
    """The records of one run, in the order in which they were written down. What is worked out of them is kept."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records: tuple[Record, ...] = tuple(records)
        self._by_class: dict[type[Record], list[Record]] = defaultdict(list)
        for record in self.records:
            self._by_class[type(record)].append(record)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def of(self, cls: type[_R], *, step: int | None = None) -> list[_R]:
        """All records of one class, those of one step only where they carry one."""
        found = cast("list[_R]", self._by_class.get(cls, []))
        if step is None:
            return found.copy()
        return [record for record in found if getattr(record, "step", step) == step]

    @property
    def run(self) -> RunBegun:
        """The first record. Raises LookupError when there is none."""
        found = self.of(RunBegun)
        if not found:
            raise LookupError("the history has no run-begun record")
        return found[0]

    @property
    def ended(self) -> RunEnded | None:
        """The last record of a run that came to its end, whichever end."""
        return next(reversed(self.of(RunEnded)), None)

    @cached_property
    def last_time(self) -> float:
        """The latest time of any record, in seconds since the run began."""
        times = (
            max(filter(_IS_FLOAT, map(attrgetter(name), records)), default=0.0)
            for cls, records in self._by_class.items()
            for name in sorted({"at", "end"} & {field.name for field in dataclasses.fields(cls)})
        )
        return max(times, default=0.0)

    @property
    def steps(self) -> list[Step]:
        """The steps that began, in order. One that never ended lasts to the end of what was recorded."""
        return list(self._steps)

    @cached_property
    def _steps(self) -> list[Step]:
        ends = {r.index: r for r in self.of(StepEnded)}
        found = []
        for r in self.of(StepBegun):
            end = ends.get(r.index)
            found.append(
                Step(
                    index=r.index,
                    name=r.name,
                    action=r.action,
                    target=r.target,
                    limits=Limits.from_json(r.expect),
                    begin=r.at,
                    end=end.at if end else self.last_time,
                    ended=end is not None,
                    problem=end.problem if end else "the run ended within this step",
                )
            )
        return found
