"""For each invariant a history that breaks exactly it: the lie has to be found, and to be called by its name.

What else is broken by it of necessity is named beside it. The same history without the lie passes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

import pytest
from histories import FAULT, SEED, TABLES, a, change, drop, pod
from truth import (
    BOUNCED,
    CLONED,
    HUNG,
    MARK,
    UNANSWERED,
    UPLOADS,
    after,
    cloned,
    hold,
    plus,
    renamed,
    resumed,
    serve,
    without,
)

from chaos.checks.findings import INVARIANTS
from chaos.checks.judge import Judgement, judge
from chaos.history import Contents, Heartbeat, History, PodSeen, Record, ReplicaSeen, VolumeSeen, Write
from chaos.scenario.vocabulary import HOLDS
from chaos.verdict import Verdict

HALF = tuple(f"row-{n}" for n in range(50))
REFUSED = next(r.token for r in resumed() if isinstance(r, Write) and (r.what, r.outcome) == ("row", "fail"))


@dataclass(frozen=True)
class Lie:
    """A history with one lie in it, the check that has to say so and in which words; `also` breaks with it.

    A lie about the evidence itself has no finding: it is `unknown`.
    """

    records: list[Record]
    check: str
    says: str
    also: Collection[str] = ()
    verdict: Verdict = Verdict.FAIL


@cache
def lies() -> dict[str, Lie]:
    """One lie for each invariant, by its name."""
    up, new = resumed(), cloned()
    return {
        "D1": Lie(hold(up, "rows", without("row-160")), "continuity", "1 of 292 acknowledged rows was lost"),
        "D2": Lie(hold(up, "rows", plus((501, "who"))), "continuity", "there is 1 row that nobody tried"),
        "D3": Lie(hold(up, "rows", plus((501, REFUSED))), "continuity", "there is 1 row that had failed"),
        "D4": Lie(hold(up, "rows", plus((501, "row-160"))), "continuity", "there is 1 row under two ids"),
        "D5": Lie(
            hold(up, "rows", without(UNANSWERED.token), ["mysql-1"]),
            "continuity",
            "there is 1 row without an answer on some pods and not on others",
            also={"R3", "R4"},
        ),
        "D6": Lie(hold(up, "rows", plus((501, ""))), "continuity", "1 row of mysql-0 can't be read whole"),
        "D7": Lie(
            change(up, a(Contents, step=0), baseline=SEED | {"seed 2": "1:cc"}),
            "continuity",
            "the seed content of mysql-0 changed (seed 2)",
        ),
        "R1": Lie(
            hold(up, "posts", plus((901 + 1, "older post, again")), ["mysql-1"]),
            "replication",
            "mysql-1 says that it replicates (IO Yes, SQL Yes, lag 0 s), but holds other content than mysql-0: "
            "it has 1 entry more",
            also={"D2"},
        ),
        "R2": Lie(
            hold(up, "rows", without("row-50"), ["mysql-2"]),
            "continuity",
            "mysql-2 skipped 1 row: it holds what was written after it",
            also={"R4"},
        ),
        "R3": Lie(
            hold(up, "rows", without(UNANSWERED.token)),
            "continuity",
            "1 row that mysql-0 was seen to hold is gone from it",
        ),
        "R4": Lie(
            hold(up, "rows", without("row-168", "row-169", "beat-0"), ["mysql-2"]),
            "continuity",
            "3 of 292 acknowledged rows are missing on mysql-2",
        ),
        "R5": Lie(
            change(up, a(Contents, step=0, pod="mysql-2"), tables=TABLES | {"wordpress.wp_options": "120:2f"}),
            "replication",
            "1 table of it is other: wordpress.wp_options (120:2f, not 120:2e)",
        ),
        "R6": Lie(
            change(up, a(Heartbeat, step=0), arrived={"mysql-1": 0.1, "mysql-2": None}),
            "replication",
            "mysql-2 says that it replicates, but a fresh row of mysql-0 did not arrive there",
        ),
        "R7": Lie(
            change(up, a(ReplicaSeen, pod="mysql-1"), read_only=False),
            "replication",
            "2 pods take writes (mysql-0, mysql-1)",
        ),
        "R8": Lie(
            hold(up, "rows", renamed({"row-160": 162, "row-161": 161})),
            "continuity",
            "2 rows on mysql-0, mysql-1, mysql-2 are under another id than the one that was acknowledged",
        ),
        "P1": Lie(after(up, "mysql-0", marks=("old",)), "clone", "mysql-0 came back as if on its own data, but that"),
        "P2": Lie(
            hold(change(up, a(Write, token="row-169"), key=-20), "rows", renamed({"row-169": -20})),
            "continuity",
            "the ids of 1 row go back: row row-169 was given id -20 after row row-168 had been given 169",
        ),
        "C1": Lie(
            after(up, "mysql-0", marks=("old", MARK["mysql-1"]), provenance=CLONED, claim_uid="claim-new", born=2000.0),
            "clone",
            "mysql-0 was to resume, but was cloned anew",
        ),
        "C2": Lie(
            after(
                change(new, a(VolumeSeen, step=-1, pod="mysql-1"), mark="earlier", when="before"),
                "mysql-2",
                marks=("old", "earlier"),
            ),
            "clone",
            "earlier in the run, and not that of this step: it is old data",
        ),
        "C3": Lie(
            after(new, "mysql-2", provenance=CLONED | {"donor": "mysql-2"}),
            "clone",
            "with a clone from mysql-2, itself",
        ),
        "C4": Lie(
            after(new, "mysql-2", provenance=CLONED | {"gtid": "0-100-51"}),
            "clone",
            "mysql-2 was cloned at position 0-100-51, which the primary, at 0-100-50, never had",
        ),
        "C5": Lie(
            hold(new, "rows", without(*HALF), ["mysql-2"]),
            "clone",
            "mysql-2 was cloned anew, and lacks 50 of",
            also={"R2", "R4"},
        ),
        "C6": Lie(
            after(new, "mysql-2", marks=("old", MARK["mysql-2"])),
            "clone",
            "its data bears the mark that was written to mysql-2 alone before the fault",
        ),
        "A1": Lie(
            resumed(reads={"longest_outage_s": 1.0}), "availability", "reads were out for 1.93 s to 2.07 s of at most"
        ),
        "A2": Lie(
            drop(up, lambda r: isinstance(r, PodSeen) and r.name == "mysql-0" and r.at > FAULT),
            "effect",
            "the action says that the fault took hold, but mysql-0 was not seen to change",
            verdict=Verdict.UNKNOWN,
        ),
        "A3": Lie(
            hold(
                drop(up, lambda r: isinstance(r, Write) and r.what == "post" and r.start > FAULT),
                "posts",
                lambda found: tuple(one for one in found if one[1] not in {f"post-{n}" for n in range(10, 20)}),
            ),
            "continuity",
            "no post was acknowledged after the fault",
            verdict=Verdict.UNKNOWN,
        ),
    }


@cache
def lies_about_uploads() -> dict[str, Lie]:
    """The same lies about what WordPress entered for uploads, and about their files."""
    up = resumed()
    digest_of = {one.token: one.digest for one in UPLOADS}
    torn = hold(up, "uploads", lambda found: (*found[:-1], (found[-1][0], "")), ["mysql-1"])
    return {
        "D1 entry": Lie(hold(up, "uploads", without("upload-5")), "continuity", "acknowledged attachments was lost"),
        "D1 file": Lie(serve(up, "upload-5", "missing (404)"), "continuity", "acknowledged uploads was lost"),
        "D1 file of one pod": Lie(serve(up, "upload-5", "x", ["site-b"]), "continuity", "is not served by site-b"),
        "D2": Lie(hold(up, "uploads", plus((9000, "who"))), "continuity", "there is 1 attachment that nobody tried"),
        "D3 entry": Lie(
            hold(up, "uploads", plus((9000, BOUNCED))), "continuity", "there is 1 attachment that had failed"
        ),
        "D3 file": Lie(serve(up, BOUNCED, digest_of[BOUNCED]), "continuity", "there is 1 upload that had failed"),
        "D4": Lie(hold(up, "uploads", plus((9000, "upload-5"))), "continuity", "there is 1 attachment under two ids"),
        "D5 entry": Lie(
            hold(up, "uploads", without(HUNG), ["mysql-1"]),
            "continuity",
            "there is 1 attachment without an answer on some pods and not on others",
        ),
        "D5 file": Lie(
            serve(up, HUNG, "missing (404)", ["site-a"]),
            "continuity",
            "there is 1 upload without an answer, served by some pods and not by others",
        ),
        "D6": Lie(torn, "continuity", "1 attachment of mysql-1 can't be read whole", also={"R4"}),
        "R2": Lie(
            hold(up, "uploads", without("upload-5"), ["mysql-2"]),
            "continuity",
            "mysql-2 skipped 1 attachment: it holds what was written after it",
            also={"R4"},
        ),
        "R4": Lie(
            hold(up, "uploads", without(UPLOADS[-1].token), ["mysql-2"]),
            "continuity",
            "acknowledged attachments is missing on mysql-2, though not lost",
        ),
    }


NAMES = (
    *(f"D{n}" for n in range(1, 8)),
    *(f"R{n}" for n in range(1, 9)),
    *(f"P{n}" for n in range(1, 3)),
    *(f"C{n}" for n in range(1, 7)),
    *(f"A{n}" for n in range(1, 4)),
)


def broken(found: Judgement) -> set[str]:
    """The invariants that a run is found to break."""
    return {
        one["invariant"] for step in found.steps for check in step.checks for one in check.figures.get("findings", ())
    }


@pytest.mark.parametrize("truth", [resumed, cloned])
def test_what_is_true_passes(truth) -> None:
    found = judge(History(truth()))
    assert found.verdict is Verdict.PASS, found.reason


@pytest.mark.parametrize("name", NAMES)
def test_a_lie_is_found_and_called_by_its_name(name: str) -> None:
    lie = lies()[name]
    found = judge(History(lie.records))
    assert found.verdict is lie.verdict, found.reason
    (check,) = [check for check in found.steps[-1].checks if check.name == lie.check]
    assert check.verdict is lie.verdict
    assert lie.says in check.reason
    assert broken(found) == ({name, *lie.also} if lie.verdict is Verdict.FAIL else set())
    assert name in HOLDS[lie.check]
    for each in found.steps[-1].checks:
        assert {one["invariant"] for one in each.figures["findings"]} <= set(HOLDS[each.name])


@pytest.mark.parametrize("name", lies_about_uploads())
def test_a_lie_about_an_upload_is_found_and_names_the_upload_and_the_pods(name: str) -> None:
    lie, invariant = lies_about_uploads()[name], name.partition(" ")[0]
    found = judge(History(lie.records))
    assert found.verdict is Verdict.FAIL, found.reason
    (check,) = [check for check in found.steps[-1].checks if check.name == lie.check]
    assert lie.says in check.reason
    assert broken(found) == {invariant, *lie.also}
    (listed,) = [one["items"] for one in check.figures["findings"] if one["invariant"] == invariant]
    (item,) = listed
    assert item["token"]
    assert item["on"] or item["not_on"]


def test_there_is_a_lie_for_each_invariant() -> None:
    assert set(lies()) == set(NAMES)
    assert set(INVARIANTS.values()) <= set(NAMES)
    assert {each for held in HOLDS.values() for each in held} == set(NAMES)


def test_each_finding_that_a_lie_leads_to_names_what_it_is_about() -> None:
    for name in ("D1", "D2", "D3", "D4", "D5", "R2", "R3", "R4", "R8", "P2", "C5"):
        found = judge(History(lies()[name].records)).steps[-1]
        listed = [one for check in found.checks for one in check.figures["findings"] if one["invariant"] == name]
        for one in (one for one in listed if not one["key"].startswith("differs")):
            assert one["items"], name
            assert all(item["token"] for item in one["items"])
            assert all(item["on"] or item["not_on"] for item in one["items"])


@pytest.mark.parametrize(
    ("records", "also"),
    [
        (hold(resumed(), "rows", without("row-160"), ["mysql-0"]), {"D1", "R1"}),
        (hold(resumed(), "rows", without("row-160"), ["mysql-1"]), {"R2", "R4"}),
        (hold(resumed(), "rows", plus((501, REFUSED)), ["mysql-1"]), {"D3", "R1"}),
        (
            change(
                hold(hold(resumed(), "rows", without(*HALF), ["mysql-0"]), "rows", plus((600, "x")), ["mysql-0"]),
                a(ReplicaSeen),
                gtid="mysql-bin.000002:900",
            ),
            {"D1", "D2", "R1"},
        ),
        (change(resumed(), a(ReplicaSeen, pod="mysql-1"), sql_running="No"), {"R6"}),
        (change(cloned(), a(Contents, step=0, pod="mysql-2"), error="broken table, error 1932"), {"D6", "C5"}),
        ([*resumed(), pod(11.0, "mysql-1", "database/replica", change="deleted")], {"R7"}),
    ],
    ids=[
        "a row deleted on the primary",
        "a row deleted on one replica",
        "a refused row that shows up on a replica",
        "a replica at an offset of a wiped primary's log",
        "a replica that stopped and is ready",
        "a clone that was cut off half-way and is ready",
        "a replica that never came back",
    ],
)
def test_lies_that_break_several_at_once(records: list[Record], also: set[str]) -> None:
    found = judge(History(records))
    assert found.verdict is Verdict.FAIL
    assert broken(found) >= also
