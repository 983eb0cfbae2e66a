"""The rule by which a database pod serves, clones, bootstraps or waits: every row of the table in the docs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "manifests" / "hardened" / "mysql"

EMPTY, STARTING, SILENT = "EMPTY", "STARTING", "SILENT"
OLD, NOW, NEXT = "0-1700000000-50", "0-1700000000-80", "0-1700000000-81"
NEW_VOLUME = "0-1700009999-45"
"""What the primary wrote on a volume that it got later: ahead of all before, whatever the sequence numbers say."""


def live(position: str) -> str:
    return f"DATA:{position}:live"


def disk(position: str) -> str:
    return f"DATA:{position}:disk"


def decide(
    ordinal: int,
    mine: str,
    *peers: str,
    bootstrap: bool = False,
    allow_missing: bool = False,
    patient: bool = True,
) -> str:
    """The decision's first words; `peers` are the answers of the other ordinals, in order."""
    others = [number for number in range(len(peers) + 1) if number != ordinal]
    arguments = [
        str(ordinal),
        mine,
        *("yes" if flag else "no" for flag in (bootstrap, allow_missing, patient)),
        *(f"{number}={answer}" for number, answer in zip(others, peers, strict=True)),
    ]
    done = subprocess.run(
        ["bash", "-uc", f'. {SCRIPTS}/lib.sh; . {SCRIPTS}/decide.sh; decide "$@"', "decide", *arguments],
        env={"HOSTNAME": f"mysql-{ordinal}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.partition(":")[0].strip()


ROWS = [
    # An empty mysql-0.
    ("bootstrap when all are empty and it is allowed", "BOOTSTRAP", (0, EMPTY, EMPTY, EMPTY), {"bootstrap": True}),
    ("no bootstrap without leave, however empty all are", "WAIT", (0, EMPTY, EMPTY, EMPTY), {}),
    ("no bootstrap while a peer is silent", "WAIT", (0, EMPTY, EMPTY, SILENT), {"bootstrap": True}),
    ("no bootstrap while a peer is starting", "WAIT", (0, EMPTY, EMPTY, STARTING), {"bootstrap": True}),
    (
        "no bootstrap beside silent peers even where they may be missing",
        "WAIT",
        (0, EMPTY, SILENT, SILENT),
        {"bootstrap": True, "allow_missing": True},
    ),
    ("clone though bootstrap was left on", f"CLONE 1 {NOW}", (0, EMPTY, live(NOW), EMPTY), {"bootstrap": True}),
    ("clone the most advanced", f"CLONE 2 {NEXT}", (0, EMPTY, live(NOW), live(NEXT)), {}),
    (
        "clone the later volume, not the higher number",
        f"CLONE 1 {NEW_VOLUME}",
        (0, EMPTY, live(NEW_VOLUME), live(NOW)),
        {},
    ),
    ("wait for the most advanced to be up", "WAIT", (0, EMPTY, live(NOW), disk(NEXT)), {}),
    ("of two that are equal, the one that is up", f"CLONE 1 {NOW}", (0, EMPTY, live(NOW), disk(NOW)), {}),
    ("no clone while one that may have more is silent", "WAIT", (0, EMPTY, live(NOW), SILENT), {"patient": False}),
    ("no clone while one that may have more is starting", "WAIT", (0, EMPTY, live(NOW), STARTING), {}),
    (
        "clone without the silent one by the operator's word",
        f"CLONE 1 {NOW}",
        (0, EMPTY, live(NOW), SILENT),
        {"allow_missing": True},
    ),
    # A mysql-0 with data.
    ("serve when no peer is ahead", "START", (0, f"DATA:{NOW}", live(NOW), live(OLD)), {}),
    ("serve when the peers are all empty", "START", (0, f"DATA:{NOW}", EMPTY, EMPTY), {}),
    ("serve when a peer's disk says that it is not ahead", "START", (0, f"DATA:{NOW}", disk(NOW), disk(OLD)), {}),
    ("an old volume is cloned anew", f"CLONE 2 {NEXT}", (0, f"DATA:{OLD}", live(NOW), live(NEXT)), {}),
    (
        "an old volume is cloned anew though its number is higher",
        f"CLONE 2 {NEW_VOLUME}",
        (0, f"DATA:{NOW}", live(NEW_VOLUME), live(NEW_VOLUME)),
        {},
    ),
    ("one transaction behind is behind", f"CLONE 2 {NEXT}", (0, f"DATA:{NOW}", live(NEXT), live(NEXT)), {}),
    (
        "an old volume is never served, not even by the operator's word",
        "WAIT",
        (0, f"DATA:{OLD}", disk(NOW), SILENT),
        {"allow_missing": True, "patient": False},
    ),
    ("an old volume waits for the silent peer", "WAIT", (0, f"DATA:{OLD}", live(NOW), SILENT), {"patient": False}),
    ("a witness, and another that does not answer yet", "WAIT", (0, f"DATA:{NOW}", live(NOW), SILENT), {}),
    ("a witness is enough after a while", "START", (0, f"DATA:{NOW}", live(NOW), SILENT), {"patient": False}),
    ("no witness, no service, however long", "WAIT", (0, f"DATA:{NOW}", SILENT, SILENT), {"patient": False}),
    ("an empty peer is no witness", "WAIT", (0, f"DATA:{NOW}", EMPTY, SILENT), {"patient": False}),
    ("no witness, but the operator's word", "START", (0, f"DATA:{NOW}", SILENT, SILENT), {"allow_missing": True}),
    ("alone by design", "START", (0, f"DATA:{NOW}"), {}),
    # A replica.
    ("a replica with data starts, whatever its peers say", "START", (1, f"DATA:{OLD}", SILENT, live(NOW)), {}),
    ("an empty replica never bootstraps", "WAIT", (1, EMPTY, EMPTY, EMPTY), {"bootstrap": True}),
    ("an empty replica clones from who is there", f"CLONE 2 {NOW}", (1, EMPTY, SILENT, live(NOW)), {}),
    ("an empty replica spares the primary", f"CLONE 2 {NOW}", (1, EMPTY, live(NOW), live(NOW)), {}),
    ("an empty replica takes the most advanced", f"CLONE 0 {NEXT}", (1, EMPTY, live(NEXT), live(NOW)), {}),
    ("a marked replica clones who is ahead", f"CLONE 0 {NOW}", (1, f"MARKED:{OLD}", live(NOW), SILENT), {}),
    ("a marked replica keeps what no peer is ahead of", "WAIT", (1, f"MARKED:{NOW}", live(NOW), live(OLD)), {}),
    ("a marked replica keeps what it has while all are empty", "WAIT", (1, f"MARKED:{NOW}", EMPTY, EMPTY), {}),
    ("a marked primary never bootstraps", "WAIT", (0, f"MARKED:{NOW}", EMPTY, EMPTY), {"bootstrap": True}),
]


@pytest.mark.parametrize(("decision", "asked", "flags"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_decision(decision: str, asked: tuple[Any, ...], flags: dict[str, Any]) -> None:
    assert decide(*asked, **flags) == decision
