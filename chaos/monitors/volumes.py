"""What each database pod stands on: claim, volume, the data folder's birth, how its data came to be."""

from __future__ import annotations

import json
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from chaos.clock import Clock
from chaos.cluster.api import ApiRefused, Object, Output
from chaos.cluster.rights import execute, may
from chaos.errors import ClusterError
from chaos.history import VolumeSeen
from chaos.stack import lineage
from chaos.stack.lineage import NoMarks
from chaos.stack.stack import Pod, Stack

_EXEC_S = 10.0
_MARK_TRIES = 2

# The folder of the data, since files in it come and go: born with the volume's first start or with a clone.
_BIRTH = """
data=$1
stat -c %W "$data" || exit 3
shift
for left; do
  if [ -f "$data/$left" ]; then cat "$data/$left" || exit 4; fi
done
"""
_NO_FOLDER, _UNREADABLE = 3, 4
_LEFT_BY_CLONE = {
    "hachaos": ("provenance.json",),
    # A replica without a log of its own has no position but its source's, which the tutorial's sidecar renames twice.
    "xtrabackup": (
        "xtrabackup_info",
        "xtrabackup_slave_info",
        "change_master_to.sql.in",
        "change_master_to.sql.orig",
    ),
}
"""The files in the data folder, by `DatabaseBinding.provenance`."""

_CLONED = re.compile(r"^\+ .*--recv-only\s+(\S+)\s+\d+", re.MULTILINE)
"""Where a traced start script (set -x) fetches a clone from, as the tutorial's: `+ ncat --recv-only HOST PORT`."""

_POSITION = re.compile(r"filename '([^']*)', position '(\d+)'(?:, GTID of the last change '([^']+)')?")
_SOURCE_POSITION = re.compile(r"MASTER_LOG_FILE='([^']*)',\s*MASTER_LOG_POS=(\d+)")


RIGHTS = (
    *may("get", "Pod", why="on which claim a database pod stands"),
    *may("get", "PersistentVolumeClaim", why="which volume a database pod stands on"),
    *execute("the birth of the data folder, and what a clone left in it"),
)


class Volumes:
    """Looks at the volumes. Keeps in mind whom each clone was from: the log that told it goes with its pod."""

    def __init__(self, stack: Stack, clock: Clock) -> None:
        self._stack, self._clock = stack, clock
        self._donors: dict[str, str] = {}

    def look(self, step: int, when: str) -> list[VolumeSeen]:
        """A record for each database pod; what could not be looked at is a record that says so."""
        try:
            pods = self._stack.pods("database")
        except ClusterError as error:
            return [VolumeSeen(self._clock.now(), step, when, "", "", "", "", "", error=str(error))]
        with ThreadPoolExecutor(max(1, len(pods))) as pool:
            return list(pool.map(lambda pod: self._volume(pod, step, when), pods))

    def _volume(self, pod: Pod, step: int, when: str) -> VolumeSeen:
        bound, claim, uid, volume, error = self._stack.binding.database, "", "", "", ""
        container = self._stack.binding.controller("database").container
        born, provenance, answers = None, None, True
        try:
            claim = _claim(self._stack.api.get("Pod", pod.name) or {}, container, bound.data)
            found: Object = (claim and self._stack.api.get("PersistentVolumeClaim", claim)) or {}
            uid, volume = found.get("metadata", {}).get("uid", ""), found.get("spec", {}).get("volumeName", "")
            command = ["sh", "-c", _BIRTH, "sh", bound.data, *_LEFT_BY_CLONE.get(bound.provenance, ())]
            born, left = _birth(self._stack.api.execute(pod.name, container, command, timeout_s=_EXEC_S))
            if bound.provenance == "hachaos":
                provenance = _object(left)
            elif bound.provenance == "xtrabackup":
                provenance = self._of_xtrabackup(pod, left, born)
        except (ClusterError, ValueError) as problem:
            error, answers = str(problem), isinstance(problem, ValueError)
        # A pod in which no command ends is not asked twice more: each takes its whole deadline.
        marks, mark = self._marks(pod, container, when) if bound.marks and answers else (None, "")
        return VolumeSeen(
            at=self._clock.now(),
            step=step,
            when=when,
            pod=pod.name,
            pod_uid=pod.uid,
            claim=claim,
            claim_uid=uid,
            volume=volume,
            born=born,
            provenance=provenance,
            error=error,
            marks=marks,
            mark=mark,
        )

    def _marks(self, pod: Pod, container: str, when: str) -> tuple[tuple[str, ...] | None, str]:
        """The marks in the pod's data, None where they can't be read; before a fault it is given one more."""
        api, schema = self._stack.api, self._stack.binding.database.schema
        # A mark that is there twice is as good as one.
        mark = secrets.token_hex(8) if when == "before" else ""
        for _ in range(_MARK_TRIES):
            with suppress(NoMarks):
                if mark:
                    lineage.write(api, pod.name, container, schema, mark)
                return lineage.read(api, pod.name, container, schema), mark
        return None, ""

    def _of_xtrabackup(self, pod: Pod, left: str, born: float | None) -> dict[str, Any] | None:
        info = dict(line.split(" = ", maxsplit=1) for line in left.splitlines() if " = " in line)
        donor = self._donor(pod)
        if "uuid" not in info:
            # Fetched and not whole: nobody knows what it is. Never fetched: it began empty, when its folder was born.
            return None if donor or born is None else {"kind": "xtrabackup", "how": "bootstrap", "began": _iso(born)}
        if donor:
            self._donors[info["uuid"]] = donor
        donor = self._donors.get(info["uuid"], "")
        return {"kind": "xtrabackup", "how": "clone", "donor": donor, "gtid": _position(info, left), **_times(info)}

    def _donor(self, pod: Pod) -> str:
        """From which pod this one fetched a clone when it started; empty when it did not, or nobody knows any more.

        Raises ClusterError when the log can't be had: one that was not read does not say that nothing was fetched.
        """
        for previous in (False, True):
            try:
                log = self._stack.api.logs(pod.name, self._stack.binding.database.clone_log, previous=previous)
            except ApiRefused:  # no such container, or it has not been started
                continue
            if found := _CLONED.search(log):
                return found[1].partition(".")[0]
        return ""


def _claim(pod: Object, container: str, data: str) -> str:
    """The claim that holds the container's data folder; empty when it is on none."""
    spec = pod.get("spec", {})
    claims = {
        each["name"]: (each.get("persistentVolumeClaim") or {}).get("claimName") for each in spec.get("volumes", ())
    }
    mounts = [
        mount for each in spec.get("containers", ()) if each["name"] == container for mount in each["volumeMounts"]
    ]
    holding = [mount for mount in mounts if f"{data}/".startswith(mount["mountPath"].rstrip("/") + "/")]
    holding.sort(key=lambda mount: len(mount["mountPath"]))
    return (claims.get(holding[-1]["name"]) if holding else "") or ""


def _birth(said: Output) -> tuple[float | None, str]:
    """The data folder's time of birth, None on a file system that keeps none, and what a clone left in it.

    Raises ValueError when there is no such folder, when what a clone left can't be read, or nobody could look.
    """
    if said.code in (_NO_FOLDER, _UNREADABLE):
        what = "no data folder" if said.code == _NO_FOLDER else "what a clone left can't be read"
        raise ValueError(f"{what}: {said.err.strip()}")
    if said.code:
        raise ValueError(f"exit status {said.code}: {said.err.strip() or 'nothing was said'}")
    first, _, rest = said.out.partition("\n")
    return float(first) if first.strip().isdigit() and int(first) > 0 else None, rest


def _object(text: str) -> dict[str, Any] | None:
    found = json.loads(text) if text.strip() else None
    if found is not None and not isinstance(found, dict):
        raise ValueError("provenance.json is no JSON object")
    return found


def _position(info: dict[str, str], left: str) -> str:
    """Where the backup ends: a GTID or FILE:OFFSET in the log of its donor, else in that of the donor's source."""
    if found := _POSITION.search(info.get("binlog_pos", "")):
        return found[3] or f"{found[1]}:{found[2]}"
    found = _SOURCE_POSITION.search(left)
    return f"{found[1]}:{found[2]}" if found else ""


def _times(info: dict[str, str]) -> dict[str, str]:
    """When the backup began and finished. It names no zone; a container's is UTC where nobody says otherwise."""
    times = {"began": info.get("start_time", ""), "finished": info.get("end_time", "")}
    return {name: f"{time.strip().replace(' ', 'T')}Z" for name, time in times.items() if time}


def _iso(unix: float) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%SZ}"
