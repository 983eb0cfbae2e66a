"""What is read with the writers stopped: the contents of every pod by its own address, and what it stands on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from chaos.clock import Clock
from chaos.cluster.api import Output
from chaos.errors import ClusterError
from chaos.history import Contents, Record, ReplicaSeen, SiteContents, VolumeSeen
from chaos.monitors.pods import HTTP_PORT
from chaos.monitors.replication import look
from chaos.stack.database import Database, NoDatabase, position
from chaos.stack.http import NoAnswer, NotSent
from chaos.stack.site import Site, digest
from chaos.stack.stack import Pod, Stack

_READ_S = 20.0
_PAGE_S = 10.0
_EXEC_S = 10.0
_LOOK_EVERY_S = 0.2

# The folder of the data, since files in it come and go: born with the volume's first start or with a clone.
_BIRTH = "stat -c %W /data/mysql || exit 3; cat /data/provenance.json 2>/dev/null"
_NO_FOLDER = 3


def collect(stack: Stack, clock: Clock, step: int, write: Callable[[Record], None], timeout_s: float) -> None:
    """Wait until the replicas have what the primary has, `timeout_s` at most, then read every pod.

    Writes ReplicaSeen and Contents for each database pod and SiteContents for each site pod; what could not be read is
    a record that says so.
    """
    database, site = Database(stack.credentials, stack.binding), Site(stack)
    try:
        databases, sites = stack.pods("database"), stack.pods("site")
    except ClusterError as error:
        write(Contents(clock.now(), step, "", primary=False, error=str(error)))
        return
    for seen in _drain(database, databases, clock, timeout_s):
        write(seen)
    with ThreadPoolExecutor(max(1, len(databases) + len(sites))) as pool:
        work: list[Future[Record]] = []
        work += [pool.submit(_contents, stack, database, pod, clock, step) for pod in databases]
        work += [pool.submit(_site_contents, stack, site, pod, clock, step) for pod in sites]
        for done in work:
            write(done.result())


def volumes(stack: Stack, clock: Clock, step: int, when: str, write: Callable[[Record], None]) -> None:
    """Write what each database pod stands on: claim, volume, the data folder's birth, how its data came to be."""
    try:
        pods = stack.pods("database")
    except ClusterError as error:
        write(VolumeSeen(clock.now(), step, when, "", "", "", "", "", error=str(error)))
        return
    with ThreadPoolExecutor(max(1, len(pods))) as pool:
        for seen in pool.map(lambda pod: _volume(stack, pod, clock, step, when), pods):
            write(seen)


def _drain(database: Database, pods: list[Pod], clock: Clock, timeout_s: float) -> list[ReplicaSeen]:
    """The pods' states when all had the same position, or when the time was over."""
    deadline = time.monotonic() + timeout_s
    with ThreadPoolExecutor(max(1, len(pods))) as pool:
        while True:
            seen = list(pool.map(lambda pod: look(database, pod, clock), pods))
            positions = {each.gtid for each in seen}
            if (len(positions) == 1 and None not in positions) or time.monotonic() >= deadline:
                return seen
            time.sleep(_LOOK_EVERY_S)


def _contents(stack: Stack, database: Database, pod: Pod, clock: Clock, step: int) -> Contents:
    primary = pod.role.endswith("/primary")
    # Whatever is acknowledged from here on need not be in what is read.
    began = clock.now()
    try:
        with database.connect(database.address(pod.ip), _READ_S) as connection:
            gtid = position(connection)
            rows = tuple(database.ledger(connection))
            posts = tuple(database.posts(connection))
            articles = (*stack.seed.posts, stack.seed.page)
            baseline = {f"seed {each.id}": database.seed_hash(connection, (each.id,)) for each in articles}
            baseline["picture"] = database.seed_hash(connection, (stack.seed.picture.id,))
            baseline["options"] = database.options_hash(connection)
            baseline["users"] = database.users_hash(connection)
    except NoDatabase as error:
        return Contents(clock.now(), step, pod.name, primary, error=str(error))
    return Contents(began, step, pod.name, primary, gtid=gtid, rows=rows, posts=posts, baseline=baseline)


def _site_contents(stack: Stack, site: Site, pod: Pod, clock: Clock, step: int) -> SiteContents:
    seed, address = stack.seed, f"{pod.ip}:{HTTP_PORT}"
    baseline: dict[str, str] = {}
    try:
        for article in (*seed.posts, seed.page):
            answer = site.fetch(address, article.path, _PAGE_S)
            there = answer.status == 200 and article.text.encode() in answer.body
            baseline[f"seed {article.id}"] = digest(article.text.encode()) if there else f"missing ({answer.status})"
        picture = site.fetch(address, seed.picture.path, _PAGE_S)
        baseline["picture"] = digest(picture.body) if picture.status == 200 else f"missing ({picture.status})"
    except (NotSent, NoAnswer) as error:
        return SiteContents(clock.now(), step, pod.name, error=error.reason, baseline=baseline)
    return SiteContents(clock.now(), step, pod.name, baseline=baseline)


def _volume(stack: Stack, pod: Pod, clock: Clock, step: int, when: str) -> VolumeSeen:
    claim, uid, volume, error = f"data-{pod.name}", "", "", ""
    born, provenance = None, None
    try:
        found: dict[str, Any] = stack.api.get("PersistentVolumeClaim", claim) or {"metadata": {}, "spec": {}}
        uid, volume = found["metadata"].get("uid", ""), found["spec"].get("volumeName", "")
        container = stack.binding.controller("database").container
        said = stack.api.execute(pod.name, container, ["sh", "-c", _BIRTH], timeout_s=_EXEC_S)
        born, provenance = _birth(said)
    except (ClusterError, ValueError) as problem:
        error = str(problem)
    return VolumeSeen(
        at=clock.now(),
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
    )


def _birth(said: Output) -> tuple[float | None, dict[str, Any] | None]:
    """The data folder's time of birth, None on a file system that keeps none, and what a clone left beside it.

    Raises ValueError when there is no such folder or the file is not whole.
    """
    if said.code == _NO_FOLDER:
        raise ValueError(f"no data folder: {said.err.strip()}")
    first, _, rest = said.out.partition("\n")
    born = float(first) if first.strip().isdigit() and int(first) > 0 else None
    provenance = json.loads(rest) if rest.strip() else None
    if provenance is not None and not isinstance(provenance, dict):
        raise ValueError("provenance.json is no JSON object")
    return born, provenance
