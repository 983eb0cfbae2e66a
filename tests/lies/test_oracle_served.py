"""Seed content (D7), files of uploads (D1, D3, D5), the heartbeat (R6) agree with docs/verdicts.md, value by value."""

from __future__ import annotations

from dataclasses import dataclass, replace

from examples import examples
from histories import READING, STEADY, story
from hypothesis import event, given
from hypothesis import strategies as st

from chaos.checks import continuity, replication
from chaos.history import (
    FIRST_READING,
    Contents,
    Heartbeat,
    History,
    PodSeen,
    Record,
    SiteContents,
    WaitEnded,
    Write,
)
from chaos.verdict import Verdict

DATABASES, SITES = ("mysql-0", "mysql-1", "mysql-2"), ("site-a", "site-b")
GONE, NO_LOGIN = "missing (404)", "missing (no login: refused)"
NAMES = ("seed 1", "picture", "session")

Values = dict[str, dict[str, str]]
"""By pod and name."""


@dataclass(frozen=True)
class World:
    """Seed content before the run and at the step's end; uploads, what came of each, and what each pod serves of it.

    `ending` = site-b ends, so it need not serve.
    """

    first: Values
    last: Values
    uploads: tuple[tuple[str, dict[str, str]], ...]
    ending: bool
    out: frozenset[str]

    def seed(self, one: Contents | SiteContents) -> dict[str, str]:
        return dict((self.first if one.step == FIRST_READING else self.last)[one.pod])

    def history(self) -> History:
        found: list[Record] = []
        expect = {group: {"may_stay_out": True} for group in self.out}
        for one in story(expect=expect):
            if isinstance(one, Contents) and one.step in (FIRST_READING, 0):
                found.append(replace(one, baseline=self.seed(one)))
            elif isinstance(one, SiteContents) and one.step in (FIRST_READING, 0):
                served = [(f"u{n}", each[one.pod]) for n, (_, each) in enumerate(self.uploads) if one.pod in each]
                uploads = tuple(served) if one.step == 0 else ()
                found.append(replace(one, baseline=self.seed(one), uploads=uploads))
            else:
                found.append(one)
        for n, (outcome, _) in enumerate(self.uploads):
            found.append(Write("upload", "u", n, f"u{n}", n, n, n + 0.5, outcome, "", None, "p", f"digest {n}"))
        if self.ending:
            found.append(PodSeen(12.0, "modified", "site-b", "site-b-old", "site", "n", "Running", True, True, 0, {}))
        return History(found)


def values(names: tuple[str, ...], *, before: bool) -> st.SearchStrategy[dict[str, str]]:
    # What was looked for before the run was looked for on each pod.
    others = ["other", GONE] if before else ["other", GONE, ""]
    each = {name: [*["as it was"] * 9, *others, *([NO_LOGIN] if name == "session" else [])] for name in names}
    drawn = st.fixed_dictionaries({name: st.sampled_from(usual) for name, usual in each.items()})
    return drawn.map(lambda found: {name: value for name, value in found.items() if value})


@st.composite
def worlds(draw: st.DrawFn) -> World:
    def read(*, before: bool) -> Values:
        found = {pod: draw(values(NAMES[:2], before=before)) for pod in DATABASES}
        return found | {pod: draw(values(NAMES, before=before)) for pod in SITES}

    uploads = []
    for number in range(draw(st.integers(0, 3))):
        served = st.sampled_from([f"digest {number}", "digest x", GONE])
        outcome = draw(st.sampled_from(["ok", "ok", "ok", "info", "fail"]))
        uploads.append((outcome, draw(st.dictionaries(st.sampled_from(SITES), served))))
    out = draw(st.sampled_from([frozenset(), frozenset(), frozenset({"reads"}), frozenset({"uploads"})]))
    return World(read(before=True), read(before=False), tuple(uploads), draw(st.booleans()), out)


Items = set[tuple[str, tuple[str, ...], tuple[str, ...]]]
"""Tokens, each with the pods that serve its file, and those that were asked and do not."""


def wanted(world: World) -> dict[str, Items]:
    """The findings about seed content and uploads, by the page; those about uploads with what they name."""
    found: dict[str, Items] = {}

    def changed(pod: str, name: str, peers: tuple[str, ...]) -> bool:
        """Missing, or not what the first reading found: the primary's word first, where it has a value."""
        known = [world.first[peer][name] for peer in peers if not world.first[peer][name].startswith("missing")]
        now = world.last[pod].get(name, "missing")
        return now.startswith("missing") or (bool(known) and now != known[0])

    for pod in DATABASES:
        if any(changed(pod, name, DATABASES) for name in NAMES[:2]):
            found[f"seed:{pod}"] = set()
    staying = SITES[:1] if world.ending else SITES
    for name, key in zip(NAMES, ("seed:site", "picture:site", "session:site"), strict=True):
        bad = [pod for pod in staying if changed(pod, name, SITES)]
        bad = [pod for pod in bad if world.last[pod].get(name) != NO_LOGIN]
        excused = "reads" in world.out or (name == "picture" and "uploads" in world.out)
        if bad and not excused:
            found[key] = set()
    for number, (outcome, served) in enumerate(world.uploads):
        if "uploads" in world.out:
            continue
        lacking = tuple(pod for pod in staying if pod in served and served[pod] != f"digest {number}")
        having = tuple(pod for pod in staying if pod in served and served[pod] == f"digest {number}")
        key = ""
        if outcome == "ok" and lacking:
            key = "lost-upload" if len(lacking) == len(staying) else "upload-missing:site"
        elif outcome == "fail" and having:
            key = "resurrected-upload"
        elif outcome == "info" and having and lacking:
            key = "split-upload"
        if key:
            found.setdefault(key, set()).add((f"u{number}", having, lacking))
    return found


@examples
@given(worlds())
def test_seed_content_and_uploads_are_found_missing_or_other_where_the_page_says_so(world: World) -> None:
    history = world.history()
    result = continuity.check(history, history.steps[0])
    listed = result.figures.get("findings", ())
    found = {
        one["key"]: {(item["token"], tuple(item["on"]), tuple(item["not_on"])) for item in one.get("items", ())}
        for one in listed
    }
    for key in found:
        event("found", key)
    assert found == wanted(world)
    staying = SITES[:1] if world.ending else SITES
    unasked = any(
        pod not in served and (outcome == "ok" or any(other in served for other in staying))
        for outcome, served in world.uploads
        for pod in staying
    )
    assert result.verdict is Verdict.FAIL if found else result.verdict is not Verdict.PASS or world.out or not unasked


@dataclass(frozen=True)
class Beat:
    """A fresh row: what became of its write, after how long it was on each replica, and who had stopped or gone."""

    outcome: str
    arrived: dict[str, float | None]
    gone: frozenset[str]
    waited: bool
    writes_may_be_out: bool

    def history(self) -> History:
        records = story(expect={"writes": {"may_stay_out": True}} if self.writes_may_be_out else None)
        records = [one for one in records if not isinstance(one, Heartbeat)]
        key = 990 if self.outcome == "ok" else None
        beat = Heartbeat(0, "mysql-0", "b", STEADY, STEADY + 0.1, self.outcome, "", key, self.arrived)
        found: list[Record] = [beat]
        for one in records:
            if isinstance(one, WaitEnded) and not self.waited:
                continue
            if isinstance(one, Contents) and one.step == 0:
                rows = tuple(row for row in one.rows if row[1] != "beat-0")
                rows += ((990, "b"),) if self.outcome == "ok" else ()
                found += [] if one.pod in self.gone else [replace(one, rows=rows)]
            else:
                found.append(one)
        for pod in sorted(self.gone):
            role = "database/replica"
            found.append(PodSeen(READING - 0.5, "deleted", pod, f"{pod}-old", role, "n", "Running", True, True, 0, {}))
        return History(found)


beats = st.builds(
    Beat,
    outcome=st.sampled_from(["ok", "ok", "ok", "fail", "info"]),
    arrived=st.dictionaries(st.sampled_from(DATABASES[1:]), st.sampled_from([0.1, 9.0, None])),
    gone=st.sampled_from([frozenset(), frozenset(), frozenset({"mysql-2"})]),
    waited=st.sampled_from([True, True, False]),
    writes_may_be_out=st.booleans(),
)


@examples
@given(beats)
def test_a_fresh_row_that_does_not_arrive_fails_where_the_stack_had_time_and_is_never_a_pass(beat: Beat) -> None:
    history = beat.history()
    result = replication.check(history, history.steps[0])
    late = {pod for pod, after in beat.arrived.items() if after is None and pod not in beat.gone}
    late = late if beat.outcome == "ok" else set()
    found = {one["key"] for one in result.figures.get("findings", ())} - {"missing-pods:database"}
    assert found == ({f"no-heartbeat:{pod}" for pod in late} if beat.waited else set())
    unwritten = beat.outcome != "ok" and not beat.writes_may_be_out
    fails = bool((late or beat.gone) and beat.waited)
    well = not (late or beat.gone or unwritten)
    event("verdict", result.verdict.value)
    assert result.verdict is (Verdict.FAIL if fails else Verdict.PASS if well else Verdict.UNKNOWN), result.reason
