"""The Lease `hachaos` in a stack's namespace: two runs on one stack would judge each other's faults, and undo them.

Expiry is told as client-go's leader election does: clocks differ from machine to machine, so another's Lease has
expired only once we have seen it unchanged, by our own clock, for as long as it says that it lasts.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.cluster.api import Api, ApiRefused, Object
from chaos.errors import ClusterError, HostError

NAME = "hachaos"
DURATION_S = 30
RENEW_EVERY_S = 5.0
HOLDER = "hachaos.dev/holder"
"""The annotation that says which process holds the Lease, so that one that died is seen at once on its machine."""

_LOOK_EVERY_S = 0.5


class LeaseLost(HostError):
    """Somebody else has taken the Lease from this process."""


class Held:
    """A Lease while it is held. Safe to use from many threads."""

    def __init__(self, lease: _Lease) -> None:
        self._lease = lease
        self._lock = threading.Lock()
        self._lost = False

    @property
    def lost(self) -> bool:
        """Whether somebody else is known to have taken it."""
        return self._lost

    def require(self) -> None:
        """Renew it now. Raises LeaseLost when another has taken it, ClusterError when the API server does not say."""
        try:
            self._lease.renew(threading.Event())
        except LeaseLost:
            self._note_lost()
            raise

    def renew(self, stop: threading.Event, lost: Callable[[str], None] | None) -> None:
        """Renew it until `stop` is set or it is lost; `lost` is told so, unless somebody was by `require`."""
        while not stop.wait(RENEW_EVERY_S):
            try:
                self._lease.renew(stop)
            except LeaseLost as error:
                if self._note_lost() and lost is not None:
                    lost(str(error))
                return
            except ClusterError:
                continue

    def _note_lost(self) -> bool:
        """Whether it was not known before."""
        with self._lock:
            was_lost, self._lost = self._lost, True
        return not was_lost


@contextmanager
def hold(api: Api, who: str, lost: Callable[[str], None] | None = None, *, stays: bool = False) -> Iterator[Held]:
    """Hold the Lease in the API's namespace, renewed by a thread, while the block lasts; it is deleted after.

    `who` says what it is held for (`run kill-master`). One whose holder is dead is taken over: at once where that was a
    process on this machine, else when it was not renewed for as long as it lasts. `lost` is called once, from the
    thread, when somebody else has taken it, unless `Held.require` has said so; an API server that is away is only
    waited for. `stays` says that the namespace is not deleted meanwhile, to deploy the stack anew: then one that is
    gone after it had expired was taken over, and given back.

    Raises HostError with who holds it since when, ClusterError when the API server cannot be asked.
    """
    identity = f"{socket.gethostname()} process {os.getpid()} {who}"
    lease = _Lease(api, identity, json.dumps(_this_process(), sort_keys=True), stays=stays)
    lease.take()
    stop = threading.Event()
    held = Held(lease)
    renewing = threading.Thread(target=held.renew, args=(stop, lost), daemon=True, name="lease")
    renewing.start()
    try:
        yield held
    finally:
        stop.set()
        renewing.join()
        # Where that fails it expires by itself, and says which process it was that held it.
        with suppress(ClusterError):
            lease.release()


class _Lease:
    """The Lease as one process sees it. Every write is of the version that was looked at, so two can't both have it."""

    def __init__(self, api: Api, identity: str, process: str, *, stays: bool) -> None:
        self._api, self._identity, self._process = api, identity, process
        self._stays = stays
        self._taken_at = ""
        self._renewed = time.monotonic()

    def take(self) -> None:
        """Take it, or take it over. Raises HostError when it is held, ClusterError without an answer."""
        seen: tuple[Any, ...] | None = None
        since = time.monotonic()
        while True:
            found = self._api.get("Lease", NAME)
            if found is not None and self._is_ours(found):
                return
            if found is not None and (alive := _alive(found)) is not False:
                held = _held(found)
                if alive or (seen is not None and held != seen):
                    raise self._refused(found)
                if seen is None:
                    seen, since = held, time.monotonic()
                if time.monotonic() - since < _duration_s(found):
                    time.sleep(_LOOK_EVERY_S)
                    continue
            with _lost_races():
                self._put(found)

    def renew(self, stop: threading.Event) -> None:
        """Say that it is still held. Raises LeaseLost when another has or had it, ClusterError without an answer.

        One that is gone is made again; but where it had expired and stays, who deleted it has held it.
        """
        while not stop.is_set():
            found = self._api.get("Lease", NAME)
            if found is not None and not self._is_ours(found) and (holder := _spec(found).get("holderIdentity")):
                raise self._lost(f"{holder} has it since {_since(found)}")
            expired = time.monotonic() - self._renewed >= DURATION_S
            if found is None and expired and self._stays:
                raise self._lost("it was held by another and is gone")
            with _lost_races():
                self._put(found)
                return

    def release(self) -> None:
        """Delete it, where it is still ours. Raises ClusterError."""
        while (found := self._api.get("Lease", NAME)) is not None and self._is_ours(found):
            metadata = found["metadata"]
            self._api.delete_exactly("Lease", NAME, metadata.get("uid", ""), version=metadata["resourceVersion"])

    def _put(self, found: Object | None) -> None:
        began = time.monotonic()
        self._write(found)
        self._renewed = began

    def _write(self, found: Object | None) -> None:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        self._taken_at = self._taken_at or now
        metadata: Object = {
            "name": NAME,
            "labels": {"app.kubernetes.io/managed-by": "hachaos"},
            "annotations": {HOLDER: self._process},
        }
        manifest: Object = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": DURATION_S,
                "acquireTime": self._taken_at,
                "renewTime": now,
            },
        }
        if found is None:
            self._api.create(manifest)
            return
        metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
        self._api.replace(manifest)

    def _is_ours(self, found: Object) -> bool:
        return _spec(found).get("holderIdentity") == self._identity and _annotation(found) == self._process

    def _refused(self, found: Object) -> HostError:
        holder = _spec(found).get("holderIdentity")
        return HostError(
            f"a run is under way in namespace {self._api.namespace!r} ({holder} since {_since(found)})",
            hint="wait for it to end",
        )

    def _lost(self, how: str) -> LeaseLost:
        return LeaseLost(
            f"the Lease in namespace {self._api.namespace!r} was taken over from this run, "
            f"last renewed {time.monotonic() - self._renewed:.0f} s ago: {how}"
        )


@contextmanager
def _lost_races() -> Iterator[None]:
    """Another was faster: it has to be looked at anew."""
    try:
        yield
    except ApiRefused as error:
        if error.status not in (404, 409):
            raise


def _spec(lease: Object) -> dict[str, Any]:
    return lease.get("spec") or {}


def _since(lease: Object) -> str:
    since = _spec(lease).get("acquireTime")
    return f"{str(since)[:19]}Z" if since else "a time that it does not tell"


def _annotation(lease: Object) -> str:
    return str((lease["metadata"].get("annotations") or {}).get(HOLDER, ""))


def _held(lease: Object) -> tuple[Any, ...]:
    return tuple(_spec(lease).get(key) for key in ("holderIdentity", "acquireTime", "renewTime"))


def _duration_s(lease: Object) -> float:
    return float(_spec(lease).get("leaseDurationSeconds") or DURATION_S)


def _alive(lease: Object) -> bool | None:
    """Whether the holder lives; None where that can't be known from here."""
    if not _spec(lease).get("holderIdentity"):
        return False
    try:
        holder = json.loads(_annotation(lease))
        pid, started = int(holder["pid"]), str(holder["started"])
        here = (holder["boot"], holder["pids"]) == (_boot(), _pids())
    except (ValueError, LookupError, TypeError):
        return None
    return _started(pid) == started if here else None


def _this_process() -> dict[str, Any]:
    pid = os.getpid()
    return {"host": socket.gethostname(), "boot": _boot(), "pids": _pids(), "pid": pid, "started": _started(pid)}


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _pids() -> str:
    """The namespace in which process numbers mean something: a pod has its own on the same kernel."""
    return str(Path("/proc/self/ns/pid").readlink())


def _started(pid: int) -> str:
    """When a process began, in the kernel's ticks: a number is given to another process one day. Empty for none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]
