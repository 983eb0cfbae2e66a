"""Continuity agrees with the definitions, spelt out pair by pair, on any small world of writes and pods."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from chaos.checks import continuity
from chaos.history import FIRST_READING, ActionBegun, Contents, History, RunBegun, StepBegun, Write

PODS = ("db-0", "db-1", "db-2")
READ_AT = 30.0
COUNTERS = {"row": "row", "post": "post", "upload": "post"}
KINDS = ("row", "post", "attachment")

Entry = tuple[str, int, str]
"""What, id, token."""


@dataclass(frozen=True)
class World:
    """Some writes, and what each pod held before the run and at the step's end.

    `old` = it was read by a version that did not look for what WordPress enters for an upload.
    """

    writes: tuple[Write, ...]
    first: dict[str, tuple[Entry, ...]]
    last: dict[str, tuple[Entry, ...]]
    old: bool

    def entered(self) -> list[tuple[str, Write]]:
        """The writes that a database has to tell of, each with what its entry is called there."""
        called = {"row": "row", "post": "post"} if self.old else {"row": "row", "post": "post", "upload": "attachment"}
        return [(called[one.what], one) for one in self.writes if one.what in called]

    def history(self) -> History:
        return History(
            [
                RunBegun(2, "r", "s", "", 0.0, {}, {}, {}),
                *self.writes,
                *(_reading(FIRST_READING, -5.0, pod, found, self.old) for pod, found in self.first.items()),
                StepBegun(0.0, 0, "break", "delete-pod", "database/primary", {}),
                ActionBegun(10.0, 0, "delete-pod", ("pod/db-0",)),
                *(_reading(0, READ_AT, pod, found, self.old) for pod, found in self.last.items()),
            ]
        )

    def found(self) -> dict[str, set[str]]:
        """What the check finds: the tokens of each key."""
        history = self.history()
        check = continuity.check(history, history.steps[0])
        listed = check.figures.get("findings", ())
        return {one["key"]: {item["token"] for item in one.get("items", ())} for one in listed}


def _reading(step: int, at: float, pod: str, found: tuple[Entry, ...], old: bool) -> Contents:
    rows, posts, attachments = (
        tuple((number, token) for what, number, token in found if what == kind) for kind in KINDS
    )
    uploads = None if old else attachments
    return Contents(at, step, pod, pod == PODS[0], rows=rows, posts=posts, uploads=uploads)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    writes = []
    for number in range(draw(st.integers(2, 8))):
        what = draw(st.sampled_from(["row", "row", "post", "upload"]))
        outcome = draw(st.sampled_from(["ok", "ok", "ok", "ok", "fail", "info"]))
        start = float(draw(st.integers(0, 28)))
        end = start + draw(st.integers(0, 5))
        own_id = draw(st.integers(0, 3)) > 0
        key = (number + 1 if own_id else draw(st.integers(1, 9))) if outcome == "ok" else None
        writer = draw(st.sampled_from(["a", "b"]))
        writes.append(Write(what, writer, number, f"t{number}", start, start, end, outcome, "", key))
    old = draw(st.booleans())
    empty = World(tuple(writes), {}, {}, old)
    known = [(what, one.key or one.seq + 20, one.token) for what, one in empty.entered()]
    known += [("row", 50, "alien"), ("row", 51, "older"), ("post", 52, "older")]
    known += [] if old else [("attachment", 53, "older")]

    def held(likely: bool) -> tuple[Entry, ...]:
        found: list[Entry] = []
        for what, number, token in known:
            usual = ["absent"] * 6 if token == "alien" else ["as it is"] * 4 if likely else []
            how = draw(st.sampled_from([*usual, "as it is", "absent", "other id", "both"]))
            found += [(what, number, token)] if how in ("as it is", "both") else []
            found += [(what, draw(st.integers(1, 9)), token)] if how in ("other id", "both") else []
        found += [("row", 60, "")] if draw(st.integers(0, 9)) == 0 else []
        if found and draw(st.integers(0, 5)) == 0:
            found[0] = (*found[0][:2], "")
        return tuple(found)

    first = {pod: held(likely=False) for pod in draw(st.sampled_from([(), PODS]))}
    read = draw(st.sampled_from([PODS, PODS[:2], PODS[1:]]))
    return replace(empty, first=first, last={pod: held(likely=True) for pod in read})


def wanted(world: World) -> dict[str, set[str]]:
    """The findings by the definitions alone."""
    found: dict[str, set[str]] = defaultdict(set)
    tried = {(what, one.token): one for what, one in world.entered()}
    done = [(what, one) for (what, _), one in tried.items() if one.end <= READ_AT]
    on = {pod: {(what, token) for what, _, token in held if token} for pod, held in world.last.items()}
    before = {pod: {(what, token) for what, _, token in held} for pod, held in world.first.items()}
    ever_before = {key for held in before.values() for key in held}
    owed = {key for key in before.get(PODS[0], set()) - tried.keys() if key[1]}
    ids: dict[tuple[str, str], set[int]] = defaultdict(set)
    for held in world.last.values():
        for what, number, token in held:
            if token:
                ids[what, token].add(number)

    def lost(key: tuple[str, str]) -> bool:
        """D1: not on the primary; where that was not read, on no pod."""
        return key not in on[PODS[0]] if PODS[0] in on else not any(key in held for held in on.values())

    for what, one in ((what, one) for what, one in done if one.outcome == "ok"):
        key = (what, one.token)
        if lost(key):
            found[f"lost-{what}"].add(one.token)
            continue
        for pod, held in on.items():
            if key in held:
                continue
            found[f"missing-{what}:{pod}"].add(one.token)
            for kind, other in done:
                later = other.outcome == "ok" and other.start > one.end and (kind, other.token) in held
                if later and (kind, other.writer) == (what, one.writer):
                    found[f"hole-{what}:{pod}"].add(one.token)
    for pod, held in on.items():
        for what, token in owed - held:
            found[f"older-{what}:{pod}"].add(token)
        acknowledged = {(what, one.token) for what, one in done if one.outcome == "ok"}
        for what, token in before.get(pod, set()) - held - acknowledged - owed:
            if token:
                found[f"vanished-{what}:{pod}"].add(token)
        for what, number, token in world.last[pod]:
            if not token:
                found[f"torn-{what}:{pod}"] |= torn_tokens(world, done, what, number)
    for (what, token), numbers in ids.items():
        one = tried.get((what, token))
        everywhere = all((what, token) in held for held in on.values())
        if one is None:
            if (what, token) not in ever_before:
                found[f"phantom-{what}"].add(token)
            continue
        if one.end <= READ_AT and one.outcome == "fail" and (what, token) not in ever_before:
            found[f"resurrected-{what}"].add(token)
        if one.end <= READ_AT and one.outcome == "info" and not everywhere:
            found[f"split-{what}"].add(token)
        if len(numbers) > 1 and (what, token) not in ever_before:
            found[f"duplicated-{what}"].add(token)
    for what, token in misplaced(world, done, ids, set(tried)):
        found[f"reassigned-{what}"].add(token)
    for what, token in going_back(world):
        found[f"rewound-{what}"].add(token)
    return dict(found)


def torn_tokens(world: World, done: list[tuple[str, Write]], what: str, number: int) -> set[str]:
    """D6: what a torn entry is called: the last write acknowledged under its id, else what another pod has there."""
    given = [one for kind, one in done if (one.outcome, kind, one.key) == ("ok", what, number)]
    if given:
        return {max(given, key=lambda one: (one.end, one.token)).token}
    there = [{(w, n): token for w, n, token in held}.get((what, number), "") for _, held in sorted(world.last.items())]
    return {next(filter(None, there), "")}


def misplaced(
    world: World, done: list[tuple[str, Write]], ids: dict[tuple[str, str], set[int]], tried: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """R8: under an id that is not its own, or that was acknowledged for others; what has several ids is D4."""
    found = set()
    acknowledged = [(kind, one) for kind, one in done if one.outcome == "ok"]
    for held in world.last.values():
        for what, number, token in held:
            if not token or (len(ids[what, token]) > 1 and (what, token) in tried):
                continue
            mine = [one for kind, one in acknowledged if (kind, one.token) == (what, token)]
            owners = [one for kind, one in acknowledged if (kind, one.key) == (what, number)]
            if any(one.key != number for one in mine) or (owners and token not in [one.token for one in owners]):
                found.add((what, token))
    return found


def going_back(world: World) -> set[tuple[str, str]]:
    """P2: of all pairs, the later one whose id is the other's, or lower though the other had ended before it left."""
    found = set()
    given = [one for one in world.writes if one.outcome == "ok" and one.end <= READ_AT]
    for place, one in enumerate(given):
        for other_place, other in enumerate(given):
            if COUNTERS[one.what] != COUNTERS[other.what] or one is other or one.key is None or other.key is None:
                continue
            twice = one.key == other.key and (other.start, other_place) < (one.start, place)
            if twice or (other.end < one.start and other.key > one.key):
                found.add((COUNTERS[one.what], one.token))
    return found


@examples
@given(worlds())
def test_continuity_finds_what_the_definitions_say_and_nothing_else(world: World) -> None:
    assert world.found() == wanted(world)
