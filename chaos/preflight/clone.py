"""Risks in how a database pod gets its data and begins to replicate."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chaos.preflight.objects import Objects, Script
from chaos.preflight.risk import Found, Rule

_ORDINAL_0 = re.compile(r"\[\[ \$\{?ordinal\}? -eq 0 \]\] && exit 0")
_FROM_PREVIOUS = re.compile(r"\$\(\(\s*\$?\{?ordinal\}?\s*-\s*1\s*\)\)")
_CLONE_PIPE = re.compile(r"^[^#\n]*\|\s*(?:xb|mb)stream\b.*", re.MULTILINE)
_MOVED = re.compile(
    r"^\s*(?:mv|rm)\s+(?:-f\s+)?(?:xtrabackup_slave_info|xtrabackup_binlog_info|change_master_to).*", re.M
)
_SLAVE_INFO = re.compile(r"-f xtrabackup_slave_info")
_GREEDY = re.compile(r"\^\(\.\*\?\)\[\[:space:\]\]\+\(\.\*\?\)\$")
_BACKUP_PORT = re.compile(
    r"^[^#\n]*\b(?:ncat|socat)\b[^\n]*(?:--listen|-l\b|LISTEN)[^\n]*(?:\\\n[^\n]*)?--backup[^\n]*", re.M
)
_POSITION = re.compile(r"(?:MASTER|SOURCE)_LOG_FILE")
_GTID = re.compile(r"MASTER_USE_GTID|(?:MASTER|SOURCE)_AUTO_POSITION")


def _all(objects: Objects, pattern: re.Pattern[str]) -> Iterator[tuple[Script, str]]:
    for script in objects.scripts("database"):
        found = pattern.search(script.text)
        if found:
            yield script, found[0]


def ordinal_0_never_clones(objects: Objects) -> Iterator[Found]:
    """Known problem 1: the primary's own pod skips the clone."""
    for script, at in _all(objects, _ORDINAL_0):
        yield Found(script.item, script.field, "pod 0 skips the clone: with a new volume it comes back EMPTY", at)


def resumes_by_position(objects: Objects) -> Iterator[Found]:
    """Known problems 2 and 3: a position in a binary log says nothing about whose log it is."""
    if _GTID.search(objects.text("database")):
        return
    for script, at in _all(objects, _POSITION):
        reason = "replicas resume by file and offset: a primary that began anew reuses the names, so they break or skip"
        yield Found(script.item, script.field, reason, at)


def state_moved_before_use(objects: Objects) -> Iterator[Found]:
    """Known problem 4: the file that tells where to begin is gone before replication has begun."""
    for script, at in _all(objects, _MOVED):
        rest = script.text[script.text.index(at) :]
        if "START SLAVE" in rest or "START REPLICA" in rest:
            reason = (
                "the position is moved away before replication has started: after a failure it is never tried again"
            )
            yield Found(script.item, script.field, reason, at.strip())


def empty_slave_info(objects: Objects) -> Iterator[Found]:
    """Known problem 5: `-f` takes an empty file for a position."""
    for script, at in _all(objects, _SLAVE_INFO):
        yield Found(script.item, script.field, "an empty xtrabackup_slave_info counts as a position", at)


def trailing_semicolon(objects: Objects) -> Iterator[Found]:
    """Known problem 6: the statement in xtrabackup_slave_info may end in a semicolon, and something is appended."""
    for script, at in _all(objects, re.compile(r"\$\(<change_master_to\.sql\.orig\),")):
        if "s/;" not in script.text:
            reason = "a `;` at the end of xtrabackup_slave_info cuts the statement in two"
            yield Found(script.item, script.field, reason, at)


def position_with_gtid(objects: Objects) -> Iterator[Found]:
    """Known problem 7: xtrabackup_binlog_info has a third field where GTIDs are on."""
    for script, at in _all(objects, _GREEDY):
        yield Found(script.item, script.field, "the pattern takes a GTID for a part of the position: error 1064", at)


def no_pipefail(objects: Objects) -> Iterator[Found]:
    """Known problem 8: a stream that broke off looks like a whole one."""
    for script, at in _all(objects, _CLONE_PIPE):
        if "pipefail" not in script.text:
            reason = "without pipefail a clone whose stream broke off counts as done"
            yield Found(script.item, script.field, reason, at.strip())


def one_clone_at_a_time(objects: Objects) -> Iterator[Found]:
    """Known problem 9: the second cloner gets zero bytes and no error."""
    for script, at in _all(objects, re.compile(r"--max-conns[= ]1\b")):
        yield Found(script.item, script.field, "a second pod that clones meanwhile gets 0 bytes and no error", at)


def open_backup_port(objects: Objects) -> Iterator[Found]:
    """Known problem 10: whoever connects is sent all of the data."""
    for script, at in _all(objects, _BACKUP_PORT):
        reason = "any connection to the backup port starts a backup and is sent the whole database"
        yield Found(script.item, script.field, reason, at.strip().splitlines()[0])


def previous_is_the_only_donor(objects: Objects) -> Iterator[Found]:
    """Known problem 20: divergence is handed on, and there is no other donor."""
    for script, at in _all(objects, _FROM_PREVIOUS):
        reason = "a pod clones from the one before it alone: what that one lacks or has too much is handed on"
        yield Found(script.item, script.field, reason, at)


RULES = (
    Rule(
        "ordinal-0-never-clones",
        "high",
        "let pod 0 clone from the most advanced peer when its volume is empty",
        ordinal_0_never_clones,
    ),
    Rule(
        "resumes-by-position",
        "high",
        "replicate by GTID (gtid_strict_mode, or MASTER_AUTO_POSITION=1)",
        resumes_by_position,
    ),
    Rule(
        "state-moved-before-use",
        "high",
        "move the file only after START SLAVE went well and both threads run",
        state_moved_before_use,
    ),
    Rule("trailing-semicolon", "high", "strip the semicolon before the statement is continued", trailing_semicolon),
    Rule("position-with-gtid", "high", "take the first two fields only", position_with_gtid),
    Rule(
        "no-pipefail",
        "high",
        "set -o pipefail, clone into a side folder and rename it when the backup is complete",
        no_pipefail,
    ),
    Rule(
        "open-backup-port",
        "high",
        "ask for a secret first, and allow the port to the stack's own pods only",
        open_backup_port,
    ),
    Rule("one-clone-at-a-time", "medium", "let the donor refuse loudly, or serve several", one_clone_at_a_time),
    Rule("empty-slave-info", "medium", "test with -s, and read what is in the file", empty_slave_info),
    Rule("one-donor", "medium", "ask all peers, and clone from the one that has the most", previous_is_the_only_donor),
)
