"""The reports that nightly runs have left on their volume in a cluster, copied out by a pod that is only for that."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from chaos import paths, rights, stop
from chaos.cluster.api import Api, Object
from chaos.cluster.rights import Rights, execute, may
from chaos.errors import ClusterError, UndoIncomplete, UsageError
from chaos.past.runs import JOURNAL, NOT_RUN, REPORT
from chaos.past.unpack import MOST_BYTES, Unfit, bounded, unpack
from chaos.progress import Task
from chaos.report import NOT_YET
from chaos.suggest import instead_of
from chaos.verdict import Verdict

START_TIMEOUT_S = 120.0
"""How long the pod may take to start, its image fetched and its volume attached."""

_COPY_TIMEOUT_S: Final = 900.0
_LIST_TIMEOUT_S: Final = 60.0
_MOST_LISTED: Final = 64 << 20
_LABEL: Final = "app.kubernetes.io/name=hachaos"
_PLACE: Final = "/reports"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_HOPELESS: Final = {"ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"}
_PAUSE_S: Final = 0.3


@dataclass(frozen=True)
class Asked:
    """Which volume, and which of its runs: those of these names, else the `last` ones, else all."""

    claim: str
    names: tuple[str, ...] = ()
    last: int | None = None


@dataclass(frozen=True)
class Copied:
    """A run's folder on this machine. `verdict` is unknown for one without a report, and missing for one that was none.

    `path` is its page where it has one.
    """

    name: str
    verdict: str
    path: Path


@dataclass(frozen=True)
class Left:
    """What was not copied: runs that were here already, and those that have no report (yet)."""

    here: tuple[str, ...]
    unfinished: tuple[str, ...]


@dataclass(frozen=True)
class _There:
    """A run on the volume, of so many bytes. `ended` = it has a report, or a note of why there is none."""

    name: str
    bytes: int
    ended: bool


def needed(claim: str) -> Rights:
    """What copying takes, in the namespace of the nightly run."""
    return (
        *may("list", "CronJob", why="the image of the pod that reads"),
        *may("get", "PersistentVolumeClaim", claim, why="whether it is there"),
        *may("get create delete", "Pod", why="the pod that reads"),
        *execute("what the pod reads"),
    )


def copy(api: Api, asked: Asked, to: Path, *, task: Task, copied: Callable[[Copied], None]) -> Left:
    """Copy runs from a claim in the API's namespace into folders below `to`; those that are there already are left.

    A run without a report, which is at work or was cut off, is copied only by its name. `copied` is told of each one
    that is whole on this machine. The pod is removed however it ends. Raises UsageError where the claim, a CronJob that
    mounts it or a run of that name is not there; ClusterError for rights that are missing, a pod that does not start, a
    volume without a run, and an archive that is not whole; Unfit, once all others are copied, for folders that hold
    what no run leaves; UndoIncomplete where the pod may still be there.
    """
    api = api.fenced()
    _require_rights(api, asked.claim)
    pod = _reader(_cronjob(api, asked.claim), asked.claim, api.namespace)
    _make(to)
    with _started(api, pod, task) as name:
        container = pod["spec"]["containers"][0]["name"]

        def said(command: list[str], timeout_s: float) -> Iterator[bytes]:
            return api.stream(name, container, command, timeout_s=timeout_s)

        chosen = _chosen(_listed(said), asked, f"{api.namespace}/{asked.claim}")
        here = [run for run in chosen if (to / run.name).exists()]
        todo = [run for run in chosen if run not in here and (run.ended or run.name in asked.names)]
        unfinished = [run.name for run in chosen if run not in here and run not in todo]
        unfit: list[str] = []
        done, total = 0.0, float(sum(run.bytes for run in todo))
        for run in todo:
            task.update(run.name, done=done, total=total)
            pieces = _told(said(["tar", "-C", _PLACE, "-cf", "-", run.name], _COPY_TIMEOUT_S), task, done, total)
            done += run.bytes
            try:
                found = _fetch(run, pieces, to, even_unfinished=run.name in asked.names)
            except Unfit as error:
                unfit.append(str(error))
                continue
            if found is None:
                unfinished.append(run.name)
            else:
                copied(found)
    if unfit:
        raise Unfit("\n".join(unfit))
    return Left(tuple(run.name for run in here), tuple(unfinished))


def _require_rights(api: Api, claim: str) -> None:
    lacking = rights.missing(api, needed(claim))
    if lacking:
        number = f"{len(lacking)} right{'s are' if len(lacking) > 1 else ' is'}"
        raise ClusterError(
            f"{number} missing in namespace {api.namespace}: {', '.join(map(str, lacking))}",
            hint="docs/nightly.md has the Role that copies reports; nothing was touched",
        )


def _cronjob(api: Api, claim: str) -> Object:
    """The spec of the pods of the CronJob that mounts the claim. Raises UsageError."""
    where, hint = f"namespace {api.namespace}", "--namespace and --claim say where nightly runs leave their reports"
    if api.get("PersistentVolumeClaim", claim) is None:
        raise UsageError(f"there is no claim {claim!r} in {where}", hint=hint)
    for cronjob in api.list("CronJob", _LABEL):
        spec: Object = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        if any(each.get("persistentVolumeClaim", {}).get("claimName") == claim for each in spec.get("volumes", ())):
            return spec
    raise UsageError(f"no CronJob in {where} that is labelled {_LABEL} mounts the claim {claim!r}", hint=hint)


def _reader(nightly: Object, claim: str, namespace: str) -> Object:
    """The pod of manifests/nightly/reader.yaml, with the image, and what it takes to fetch it, of the nightly run."""
    pod: Object = yaml.safe_load((paths.manifests() / "nightly" / "reader.yaml").read_text(encoding="utf-8"))
    del pod["metadata"]["generateName"]
    pod["metadata"] |= {"name": f"hachaos-reader-{secrets.token_hex(4)}", "namespace": namespace}
    (container,), (volume,) = pod["spec"]["containers"], pod["spec"]["volumes"]
    container["image"] = nightly["containers"][0]["image"]
    volume["persistentVolumeClaim"]["claimName"] = claim
    same = ("imagePullSecrets", "nodeSelector", "tolerations")
    pod["spec"] |= {key: nightly[key] for key in same if key in nightly}
    return pod


def _make(to: Path) -> None:
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{to}: {error.strerror}", hint="--to names a folder that can be written") from error


@contextmanager
def _started(api: Api, pod: Object, task: Task) -> Iterator[str]:
    """The pod's name, once it runs. Gone afterwards, also where the answer to its creation was lost."""
    name = pod["metadata"]["name"]
    try:
        task.update("the pod that reads starts")
        api.create(pod)
        _await(api, name, task)
        yield name
    finally:
        with stop.undoing():
            _remove(api, name)


def _await(api: Api, name: str, task: Task) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while True:
        found = api.get("Pod", name)
        if found is None:
            raise ClusterError(f"pod {name} was removed by somebody before anything was copied")
        status = found.get("status", {})
        if status.get("phase") == "Running":
            return
        reason, why = _waits_for(status)
        if status.get("phase") in ("Failed", "Succeeded") or reason in _HOPELESS:
            raise ClusterError(f"pod {name} does not start: {why}")
        if time.monotonic() > end:
            raise ClusterError(f"pod {name} did not start within {START_TIMEOUT_S:g} s: {why}")
        task.update(f"the pod that reads starts: {why}")
        time.sleep(_PAUSE_S)


def _waits_for(status: Object) -> tuple[str, str]:
    """Why a pod does not run, as a word and as a sentence."""
    for container in status.get("containerStatuses", ()):
        for state in container.get("state", {}).values():
            if reason := (state or {}).get("reason"):
                return reason, ": ".join(filter(None, (reason, state.get("message", ""))))
    for condition in status.get("conditions", ()):
        if condition.get("status") == "False" and condition.get("message"):
            return condition.get("reason", ""), f"{condition.get('reason', '')}: {condition['message']}"
    return "", status.get("message") or str(status.get("phase", "no phase"))


def _remove(api: Api, name: str) -> None:
    try:
        found = api.get("Pod", name)
        if found is not None:
            api.delete_exactly("Pod", name, found["metadata"]["uid"])
    except ClusterError as error:
        raise UndoIncomplete(
            f"the pod that reads may still be there: {error}", hint=f"kubectl -n {api.namespace} delete pod {name}"
        ) from error


def _listed(said: Callable[[list[str], float], Iterator[bytes]]) -> list[_There]:
    command = ["find", _PLACE, "-ignore_readdir_race", "-name", "lost+found", "-prune"]
    pieces = said([*command, "-o", "-type", "f", "-printf", "%s %P\\0"], _LIST_TIMEOUT_S)
    files: dict[str, dict[str, int]] = {}
    for line in b"".join(bounded(pieces, _MOST_LISTED, "the list of runs")).split(b"\0"):
        size, _, path = line.decode(errors="replace").partition(" ")
        name, _, rest = path.partition("/")
        if rest and size.isdecimal() and _NAME.fullmatch(name):
            files.setdefault(name, {})[rest] = int(size)
    return [
        _There(name, sum(inside.values()), bool({REPORT, NOT_RUN} & inside.keys()))
        for name, inside in sorted(files.items())
        if any(path.rpartition("/")[2] in (REPORT, NOT_RUN, JOURNAL) for path in inside)
    ]


def _chosen(there: list[_There], asked: Asked, volume: str) -> list[_There]:
    if not there:
        raise ClusterError(f"{volume}: no run has left anything there yet", hint="docs/nightly.md starts one by hand")
    known = {run.name: run for run in there}
    for name in asked.names:
        if name not in known:
            raise UsageError(f"{volume}: there is no run {name!r}", hint=instead_of(name, list(known)))
    if asked.names:
        return [known[name] for name in dict.fromkeys(asked.names)]
    return there[-asked.last :] if asked.last else there


def _told(pieces: Iterator[bytes], task: Task, done: float, total: float) -> Iterator[bytes]:
    for piece in pieces:
        done += len(piece)
        task.update(done=min(done, total))
        yield piece


def _fetch(run: _There, pieces: Iterator[bytes], to: Path, *, even_unfinished: bool) -> Copied | None:
    """Make the run's folder, whole or not at all; None for a suite that is still at work."""
    if run.bytes > MOST_BYTES:
        raise Unfit(f"{run.name}: it is larger than {MOST_BYTES >> 20} MiB, so it is not copied")
    beside: Path | None = None
    try:
        beside = Path(tempfile.mkdtemp(prefix=".copying-", dir=to))
        unpack(pieces, run.name, beside)
        verdict = _verdict(beside / run.name)
        if verdict is None and not even_unfinished:
            return None
        folder = (beside / run.name).rename(to / run.name)
    except OSError as error:
        raise ClusterError(f"{to / run.name}: {error.strerror or error}", hint="is there room on the disk?") from error
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)
    page = folder / "report.html"
    return Copied(run.name, verdict or "unknown", page if page.is_file() else folder)


def _verdict(folder: Path) -> str | None:
    """What its report says; None while a suite goes on."""
    if (folder / NOT_RUN).is_file():
        return "missing"
    try:
        report: Any = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        if any(row.get("not_run") == NOT_YET for row in report.get("scenarios", ())):
            return None
        return Verdict(report["verdict"]).value
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return "unknown"
