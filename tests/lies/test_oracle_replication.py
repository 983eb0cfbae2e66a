"""Replication: a primary's log and replicas that apply it; what each is read at decides what may differ."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from chaos.checks import replication
from chaos.history import (
    TOO_LARGE,
    ActionBegun,
    Contents,
    Heartbeat,
    History,
    PodSeen,
    ReplicaSeen,
    RunBegun,
    StepBegun,
    StepEnded,
    WaitEnded,
    Write,
)
from chaos.verdict import CheckResult, Verdict

PRIMARY, REPLICAS = "db-0", ("db-1", "db-2")
PODS = (PRIMARY, *REPLICAS)
READ_AT = 20.0

Entry = tuple[str, int, str]


@dataclass(frozen=True)
class World:
    """The primary's log: of each commit whether the run wrote it and had its acknowledgement before the reading.

    `read` is after how many commits each pod was read. `lies` are what a pod lacks of the log (by number) or has of its
    own (None). `blind` are the pods that were written to all the while, so that nobody knows at which position they
    were read. `beat` = a fresh row was written; `tables` are which of two (`a`, `b`) could be read of each pod.
    """

    log: tuple[bool, ...]
    read: dict[str, int]
    lies: tuple[tuple[str, int | None], ...]
    gtid: str
    blind: frozenset[str] = frozenset()
    beat: bool = True
    tables: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PODS, "ab"))

    def entry(self, number: int) -> Entry:
        return ("row" if number % 2 else "post"), number + 1, f"t{number}"

    def held(self, pod: str) -> set[Entry]:
        """What a pod holds when it is read: the log up to then, and what is wrong with it."""
        found = {self.entry(number) for number in range(self.read[pod])}
        for liar, number in self.lies:
            if liar == pod:
                found ^= {("row", 900, "errant")} if number is None else {self.entry(number)}
        return found

    def position(self, number: int) -> str:
        return {
            "mariadb": f"0-100-{100 + number}",
            "mysql": f"3e11fa47-71ca-11e1-9e33-c80aa9429562:1-{100 + number}",
            "file": f"binlog.000002:{100 + number}",
        }[self.gtid]

    def history(self) -> History:
        writes = [
            Write(what, what, number, token, 1.0, 1.0, 2.0, "ok", "", key)
            for number, ours in enumerate(self.log)
            if ours
            for what, key, token in [self.entry(number)]
        ]
        readings = [
            Contents(
                READ_AT, 0, pod, pod == PRIMARY, "", "" if pod in self.blind else self.position(self.read[pod]),
                tuple(sorted((number, token) for what, number, token in self.held(pod) if what == "row")),
                tuple(sorted((number, token) for what, number, token in self.held(pod) if what == "post")),
                tables={name: "1:1" if name in self.tables[pod] else TOO_LARGE for name in "ab"},
            )
            for pod in PODS
        ]  # fmt: skip
        end = self.position(len(self.log))
        states = [
            ReplicaSeen(READ_AT - 1, pod, "", True, "Yes", "Yes", 0, end, "source")
            if pod != PRIMARY
            else ReplicaSeen(READ_AT - 1, pod, read_only=False, gtid=end)
            for pod in PODS
        ]
        role = {PRIMARY: "database/primary"}
        pods = [
            PodSeen(0.0, "added", pod, pod, role.get(pod, "database/replica"), "n", "Running", True, False, 0, {})
            for pod in PODS
        ]
        return History(
            [
                RunBegun(2, "r", "s", "", 0.0, {}, {"database_pods": 3}, {}),
                *pods,
                *writes,
                StepBegun(0.0, 0, "break", "delete-pod", "database/primary", {}),
                ActionBegun(5.0, 0, "delete-pod", ()),
                WaitEnded(10.0, 0, "database/ready", True, 5.0),
                *states,
                *readings,
                *([Heartbeat(0, PRIMARY, "t1", 1.0, 2.0, "ok")] if self.beat else []),
                StepEnded(READ_AT + 1, 0),
            ]
        )

    def judged(self) -> CheckResult:
        history = self.history()
        return replication.check(history, history.steps[0])


@st.composite
def worlds(draw: st.DrawFn, *, honest: bool = False) -> World:
    log = tuple(draw(st.lists(st.booleans(), min_size=1, max_size=8)))
    last = st.integers(max(0, len(log) - 3), len(log))
    read = {pod: draw(st.one_of(st.just(len(log)), last)) for pod in PODS}
    lies = []
    for pod in () if honest else draw(st.lists(st.sampled_from(PODS), max_size=2, unique=True)):
        below = st.integers(0, read[pod] - 1) if read[pod] else st.none()
        lies.append((pod, draw(st.one_of(st.none(), below))))
    gtid = draw(st.sampled_from(["mariadb", "mysql", "file"]))
    blind = draw(st.sampled_from([frozenset(), frozenset(), *map(frozenset, ([PRIMARY], REPLICAS[:1], PODS))]))
    tables = draw(st.fixed_dictionaries({pod: st.sampled_from(["ab", "ab", "ab", "a", "b", ""]) for pod in PODS}))
    return World(log, read, tuple(lies), gtid, blind, draw(st.integers(0, 5)) > 0, tables)


def acknowledged(world: World) -> set[int]:
    """What the run wrote of the log, the fresh row among it."""
    return {number for number, ours in enumerate(world.log) if ours or (number == 1 and world.beat)}


def unexplained(world: World, pod: str) -> bool:
    """Whether anything differs that no commit between the two readings can have brought about.

    The one that was read later may have more of the log. Nothing else may differ, and of what had been acknowledged by
    then nothing at all. Where one of them was read at nobody knows which position, either may have been the later one.
    """
    mine, other = world.held(pod), world.held(PRIMARY)
    owed = {world.entry(number) for number in acknowledged(world)}
    if world.blind & {pod, PRIMARY}:
        return bool((mine ^ other) & owed)
    if world.read[pod] == world.read[PRIMARY]:
        return mine != other
    early, late = (mine, other) if world.read[pod] < world.read[PRIMARY] else (other, mine)
    return bool(early - late) or bool((late - early) & owed)


@examples
@given(worlds())
def test_a_replica_differs_where_positions_do_not_explain_it_and_nowhere_else(world: World) -> None:
    found = world.judged()
    differs = {one["key"] for one in found.figures.get("findings", ())}
    assert differs == {f"differs:{pod}" for pod in REPLICAS if unexplained(world, pod)}


@examples
@given(worlds())
def test_what_differs_is_never_a_pass(world: World) -> None:
    differing = any(world.held(pod) != world.held(PRIMARY) for pod in REPLICAS)
    assert world.judged().verdict is not Verdict.PASS or not differing


@examples
@given(worlds())
def test_without_a_fresh_row_or_with_a_pod_of_which_no_table_was_compared_it_is_never_a_pass(world: World) -> None:
    found = world.judged()
    bare = [pod for pod in REPLICAS if not set(world.tables[pod]) & set(world.tables[PRIMARY])]
    assert found.verdict is not Verdict.PASS or (world.beat and not bare)
    left_out = {name for name in "ab" if any(name not in world.tables[pod] for pod in PODS)}
    assert set(found.figures["not_compared"]) == left_out
    if found.verdict is Verdict.PASS:
        assert all(name in found.reason.partition("not compared")[2] for name in left_out)


@examples
@given(worlds())
def test_what_is_the_same_everywhere_at_one_position_passes(world: World) -> None:
    same = replace(world, read=dict.fromkeys(PODS, len(world.log)), lies=(), beat=True, blind=frozenset())
    assert replace(same, tables=dict.fromkeys(PODS, "a")).judged().verdict is Verdict.PASS


@examples
@given(worlds(honest=True))
def test_replicas_that_hold_what_their_position_says_do_not_fail_but_by_what_was_acknowledged(world: World) -> None:
    reached = min(world.read.values())
    assert world.judged().verdict is not Verdict.FAIL or any(number >= reached for number in acknowledged(world))


@examples
@given(worlds(), st.sampled_from(REPLICAS))
def test_whatever_a_replica_says_a_second_writable_one_and_one_that_stopped_fail(world: World, pod: str) -> None:
    history = world.history()
    for changes, key in ((("read_only", False), "two-writable"), (("sql_running", "No"), f"not-replicating:{pod}")):
        spoiled = [
            replace(one, **dict([changes])) if isinstance(one, ReplicaSeen) and one.pod == pod else one
            for one in history
        ]
        found = replication.check(History(spoiled), history.steps[0])
        assert key in {one["key"] for one in found.figures["findings"]}
