"""Clone: volumes of a simulated cluster, each with the marks of those whose data it holds; the check has to tell them.

What truly happens to each pod decides what has to be said, whatever is written beside the data.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from chaos.checks import clone
from chaos.history import (
    BASELINE,
    ActionBegun,
    Contents,
    History,
    PodSeen,
    Record,
    RunBegun,
    RunEnded,
    StepBegun,
    StepEnded,
    VolumeSeen,
)
from chaos.verdict import CheckResult, Verdict

PODS = ("db-0", "db-1", "db-2")
EVENTS = ("nothing", "restart", "re-clone", "empty", "old data", "old copy", "dressed up")
"""What happens to a pod. `dressed up`: it keeps its data on a new folder with the word that it is a clone."""

BROKEN = {"empty": "empty", "old data": "lineage", "old copy": "lineage", "dressed up": "lineage"}
"""What is found of it, whatever was expected."""


@dataclass
class Volume:
    """A pod, and what it stands on; `marks` are its data's, `kept` is a copy of these as they were before the step."""

    pod: str
    uid: int = 0
    folder: int = 0
    marks: tuple[str, ...] = ("old",)
    said: dict[str, Any] = field(default_factory=lambda: {"how": "clone", "donor": "db-9", "gtid": "0-1-1"})

    def look(self, at: float, step: int, when: str, mark: str = "") -> VolumeSeen:
        return VolumeSeen(
            at, step, when, self.pod, f"{self.pod}-{self.uid}", f"data-{self.pod}", f"claim-{self.pod}-{self.folder}",
            f"pv-{self.pod}-{self.folder}", 100.0 + self.folder, {"began": 1.0, "finished": 2.0} | self.said,
            marks=self.marks, mark=mark,
        )  # fmt: skip


@dataclass(frozen=True)
class World:
    """What happens to each pod between the baseline and the step, then in the step; and what is expected."""

    between: tuple[str, ...]
    within: tuple[str, ...]
    expected: str | None

    def history(self) -> History:
        volumes = {pod: Volume(pod) for pod in PODS}
        records: list[Record] = [
            RunBegun(2, "r", "s", "", 1000.0, {}, {}, {}),
            *(_seen(-20.0, one, "added") for one in volumes.values()),
            StepBegun(-20.0, BASELINE, "baseline", "baseline", "stack", {}),
        ]
        records += self.mark(volumes, -19.0, -1, "before")
        records += [one.look(-2.0, BASELINE, "after") for one in volumes.values()]
        records += [StepEnded(-1.0, BASELINE)]
        records += happen(volumes, self.between, -1.0)
        limits = {} if self.expected is None else {"clone": self.expected}
        records += [StepBegun(0.0, 0, "break", "delete-pod", "database/primary", limits)]
        records += self.mark(volumes, 5.0, 0, "before")
        records += [ActionBegun(10.0, 0, "delete-pod", ())]
        records += happen(volumes, self.within, 12.0)
        records += [one.look(20.0, 0, "after") for one in volumes.values()]
        return History([*records, StepEnded(21.0, 0), RunEnded(22.0, "finished")])

    @staticmethod
    def mark(volumes: dict[str, Volume], at: float, step: int, when: str) -> list[Record]:
        """Each pod's data is given a mark of its own."""
        found: list[Record] = []
        for pod, one in volumes.items():
            mark = f"{pod} at {step}"
            one.marks = (*one.marks, mark)
            found.append(one.look(at, step, when, mark))
        return found

    def judged(self) -> CheckResult:
        history = self.history()
        return clone.check(history, history.steps[-1])


def _seen(at: float, one: Volume, change: str) -> PodSeen:
    role = "database/primary" if one.pod == PODS[0] else "database/replica"
    return PodSeen(at, change, one.pod, f"{one.pod}-{one.uid}", role, "n", "Running", True, False, 0, {})


def happen(volumes: dict[str, Volume], events: tuple[str, ...], at: float) -> list[Record]:
    """Let what happens to each pod happen; all copies are of what the donors held before."""
    before = {pod: replace(one) for pod, one in volumes.items()}
    found: list[Record] = []
    for (pod, one), event in zip(volumes.items(), events, strict=True):
        if event == "nothing":
            continue
        donor = before[PODS[PODS.index(pod) - 1]]
        one.uid += 1
        new = {"began": 1000.0 + at, "finished": 1001.0 + at, "gtid": "0-1-2"}
        if event in ("re-clone", "empty", "old copy", "dressed up"):
            one.folder += 1
            one.said = new | {"how": "bootstrap" if event == "empty" else "clone", "donor": donor.pod}
        one.marks = {
            "re-clone": donor.marks,
            "empty": (),
            "old data": one.marks[:-1],
            "old copy": donor.marks[:-1],
        }.get(event, one.marks)
        found.append(_seen(at, one, "added"))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> World:
    quiet = ["nothing"] * 4
    events = st.sampled_from([*quiet, "restart", "restart", "re-clone", "re-clone", *EVENTS[3:]])
    between = st.sampled_from([*quiet * 3, "restart", "re-clone", "empty", "old data"])
    return World(
        tuple(draw(between) for _ in PODS),
        tuple(draw(events) for _ in PODS),
        draw(st.sampled_from([None, "resume", "re-clone"])),
    )


@examples
@given(worlds(), st.sets(st.sampled_from(PODS)), st.sets(st.sampled_from(PODS)), st.booleans())
def test_a_limit_is_not_kept_by_a_pod_whose_marks_show_nothing(
    world: World, unread: set[str], unmarked: set[str], marks: bool
) -> None:
    """Marks that could not be read, or that neither the pod nor its donor could be given in this step."""
    changes: list[Record] = []
    for one in world.history():
        if isinstance(one, VolumeSeen) and not marks:
            changes.append(replace(one, marks=None, mark=""))
        elif isinstance(one, VolumeSeen) and one.step == 0 and one.when == "before" and one.pod in unmarked:
            changes.append(replace(one, mark=""))
        elif isinstance(one, VolumeSeen) and one.step == 0 and one.when == "after" and one.pod in unread:
            changes.append(replace(one, marks=None))
        else:
            changes.append(one)
    history = History(changes)
    verdict = clone.check(history, history.steps[-1]).verdict
    bare = []
    for pod, event in zip(PODS, world.within, strict=True):
        source = {"restart": pod, "re-clone": PODS[PODS.index(pod) - 1]}.get(event)
        if source is not None and (pod in unread or source in unmarked):
            bare.append(pod)
    if marks and bare and world.expected is not None:
        assert verdict is not Verdict.PASS
    elif world.expected is None and not set(world.within + world.between) & BROKEN.keys() and not unmarked:
        assert verdict is Verdict.PASS


POSITIONS = st.one_of(
    st.tuples(st.sampled_from(["mariadb", "bin", "log", "mysql", "word", ""]), st.integers(1, 9)), st.just(("bin", 5))
)


def spelt(kind: str, number: int) -> str:
    return {
        "mariadb": f"0-100-{number}",
        "mysql": f"3e11fa47-71ca-11e1-9e33-c80aa9429562:1-{number}",
        "bin": f"bin.00000{number}:4",
        "log": f"log.00000{number}:4",
        "": "",
    }.get(kind, kind)


@examples
@given(POSITIONS, POSITIONS, st.sampled_from([*PODS[:2], "db-7"]))
def test_a_clone_is_at_a_position_that_its_primary_had_and_from_a_pod_of_the_stack(
    cloned: tuple[str, int], primary: tuple[str, int], donor: str
) -> None:
    """db-2 is cloned, and db-0 is the primary."""
    world = World(("nothing",) * 3, ("nothing", "nothing", "re-clone"), None)
    records: list[Record] = []
    for one in world.history():
        if isinstance(one, VolumeSeen):
            said = dict(one.provenance or {})
            if (one.when, one.step, one.pod) == ("after", 0, "db-2"):
                said |= {"gtid": spelt(*cloned), "donor": donor}
            records.append(replace(one, provenance=said, marks=None, mark=""))
        else:
            records.append(one)
    records += [Contents(19.0, 0, pod, pod == "db-0", "", spelt(*primary)) for pod in PODS]
    found = clone.check(History(records), History(records).steps[-1])
    own_log = donor != "db-0" and cloned[0] in ("bin", "log")
    if not cloned[0]:
        verdict = Verdict.UNKNOWN
    elif own_log:
        verdict = Verdict.PASS
    elif cloned[0] != primary[0] or "word" in (cloned[0], primary[0]):
        verdict = Verdict.UNKNOWN
    else:
        verdict = Verdict.FAIL if cloned[1] > primary[1] else Verdict.PASS
    if donor == "db-7" and verdict is Verdict.PASS:
        verdict = Verdict.UNKNOWN
    assert found.verdict is verdict, found.reason


def wanted(world: World) -> tuple[Verdict, set[str]]:
    """The verdict by what truly happened, and of what kind and pod the findings are."""
    found = set()
    for events in (world.between, world.within):
        for pod, event in zip(PODS, events, strict=True):
            if event in BROKEN:
                found.add(f"{BROKEN[event]}:{pod}")
            elif event == "re-clone" and world.expected == "resume":
                found.add(f"not-resumed:{pod}")
            elif event == "restart" and world.expected == "re-clone" and events is world.within:
                found.add(f"not-cloned:{pod}")
    if found:
        return Verdict.FAIL, found
    replaced = [event for event in world.within if event != "nothing"]
    nothing_to_judge = world.expected is not None and not replaced
    return (Verdict.UNKNOWN if nothing_to_judge else Verdict.PASS), found


@examples
@given(worlds())
def test_what_happened_to_each_pod_s_data_is_told_by_what_it_stands_on(world: World) -> None:
    found = world.judged()
    verdict, keys = wanted(world)
    assert found.verdict is verdict, found.reason
    assert {one["key"] for one in found.figures.get("findings", ())} == keys


@examples
@given(worlds())
def test_how_each_pod_came_back_is_named(world: World) -> None:
    told = world.judged().figures["pods"]
    for pod, event in zip(PODS, world.within, strict=True):
        how = {"restart": "resume", "re-clone": "re-clone", "empty": "bootstrap"}.get(event)
        if event == "nothing":
            assert pod not in told
        elif how is not None:
            assert told[pod]["how"] == how
