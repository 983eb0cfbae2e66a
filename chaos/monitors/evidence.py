"""What is read with the writers stopped: the contents of every pod by its own address, and what it stands on."""

from __future__ import annotations

import posixpath
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from chaos.clock import Clock
from chaos.cluster.rights import may
from chaos.errors import ClusterError, StackError
from chaos.history import FIRST_READING, Contents, PodSaid, Record, ReplicaSeen, SiteContents, Write
from chaos.monitors import heartbeat, site_contents
from chaos.monitors.replication import look
from chaos.monitors.site_contents import Session
from chaos.monitors.volumes import Volumes
from chaos.stack import unwell
from chaos.stack.database import Database, NoDatabase
from chaos.stack.http import NoAnswer, NotSent
from chaos.stack.site import NotSignedIn, Site, upload_name
from chaos.stack.stack import Pod, Stack

_READ_S = 20.0
_LOGIN_S = 10.0
_SIZES_S = 5.0
_READ_AGAIN = 3
_LOOK_EVERY_S = 0.2
_UNSURE = 100
"""So many uploads that were not acknowledged are looked for, the last ones."""

RIGHTS = may("list", "Pod", why="which pods are to be read")

_SETTLED_S = 5.0
"""Replicas of which some will never have what the primary has are read when nothing has moved for so long."""


class Evidence:
    """The readings of one run. Keeps what lasts from one to the next: the login's session, the uploads."""

    def __init__(self, stack: Stack, clock: Clock, write: Callable[[Record], None]) -> None:
        self._stack, self._clock, self._write = stack, clock, write
        self._database, self._site = Database(stack.credentials, stack.binding), Site(stack)
        self._volumes = Volumes(stack, clock)
        self._session = Session()
        self._address = ""
        self._uploads: dict[str, str] = {}
        self._unsure: dict[str, str] = {}
        self._folder = ""
        self._lock = threading.Lock()

    def see(self, record: Record) -> None:
        """Take note of one record: uploads are looked for from then on.

        One that was not acknowledged is looked for in the folder that WordPress put the last one into that was.
        """
        if not isinstance(record, Write) or record.what != "upload":
            return
        with self._lock:
            if record.outcome == "ok":
                self._uploads[record.token] = record.path
                self._folder = posixpath.dirname(record.path) or self._folder
            else:
                self._unsure[record.token] = self._folder
                for oldest in list(self._unsure)[:-_UNSURE]:
                    del self._unsure[oldest]

    def collect(self, step: int, timeout_s: float) -> None:
        """Wait until the replicas have what the primary has, `timeout_s` at most, then read every pod.

        Writes ReplicaSeen and Contents for each database pod and SiteContents for each site pod; what could not be read
        is a record that says so.
        """
        try:
            databases, sites = self._stack.pods("database"), self._stack.pods("site")
        except ClusterError as error:
            self._write(Contents(self._clock.now(), step, "", primary=False, error=str(error)))
            return
        deadline = time.monotonic() + timeout_s
        self._sign_in()
        for seen in _drain(self._database, databases, self._clock, timeout_s):
            self._write(seen)
        if step > FIRST_READING:
            databases = self._beat(databases, step, deadline)
        with self._lock:
            uploads, folders = dict(self._uploads), {token: at or self._folder for token, at in self._unsure.items()}
        unsure = {token: f"{folder}/{upload_name(token)}" for token, folder in folders.items() if folder}

        def of_site(number: int) -> SiteContents:
            # Where the time for a pod runs out, it is not the same uploads that no pod was asked for.
            turned = _turned(uploads, number, len(sites)) | _turned(unsure, number, len(sites))
            return site_contents.read(self._stack, self._site, sites[number], self._clock, step, self._session, turned)

        with ThreadPoolExecutor(max(1, len(databases) + len(sites))) as pool:
            work = [pool.submit(of_site, number) for number in range(len(sites))]
            for contents in self._of_one_position(databases, step, pool):
                self._write(contents)
            served = [done.result() for done in work]
            if _came_between(served, unsure):
                served = list(pool.map(of_site, range(len(sites))))
            for site in served:
                self._write(site)

    def _of_one_position(self, pods: list[Pod], step: int, pool: ThreadPoolExecutor) -> list[Contents]:
        """What the database pods hold; read again where somebody wrote between the readings of two of them."""
        left_out = self._too_large(pods)

        def read(pod: Pod) -> Contents:
            return _contents(self._stack, self._database, pod, self._clock, step, left_out)

        for _ in range(_READ_AGAIN):
            found = list(pool.map(read, pods))
            positions = {one.gtid for one in found if not one.error}
            if len(positions) <= 1 or not self._alike(pods):
                break
        return found

    def _too_large(self, pods: list[Pod]) -> frozenset[str]:
        """The tables that no pod is read for: by the primary's word, else by that of the first that answers."""
        for pod in sorted(pods, key=lambda pod: not _is_primary(pod)):
            try:
                with self._database.connect(self._database.address(pod.ip), _SIZES_S) as connection:
                    return self._database.too_large(connection)
            except NoDatabase:
                continue
        return frozenset()

    def _alike(self, pods: list[Pod]) -> bool:
        """Whether the pods that answer have come to one position by now."""
        seen = [look(self._database, pod, self._clock) for pod in pods]
        return len({one.gtid for one in seen if not one.error}) == 1

    def volumes(self, step: int, when: str) -> None:
        """Write what each database pod stands on; `when` is `before` or `after` the step's fault."""
        for seen in self._volumes.look(step, when):
            self._write(seen)

    def _beat(self, databases: list[Pod], step: int, until: float) -> list[Pod]:
        """Write a fresh row to the primary; the database pods as they are then.

        Where none of several is the primary, one may be about to become it: that is waited for until the deadline.
        """
        while len(databases) > 1 and not any(map(_is_primary, databases)) and time.monotonic() < until:
            time.sleep(_LOOK_EVERY_S)
            with suppress(ClusterError):
                databases = self._stack.pods("database")
        primary = next(filter(_is_primary, databases), None)
        if primary is not None:
            replicas = [pod for pod in databases if pod is not primary]
            self._write(heartbeat.beat(self._database, primary, replicas, self._clock, step))
        return databases

    def _sign_in(self) -> None:
        """Sign in through the Service if nobody has yet: once in a run, if it is taken."""
        if self._session.cookie:
            return
        try:
            self._address = self._address or self._stack.site_address()
            self._session = Session(self._site.sign_in(self._address, _LOGIN_S), "")
        except (ClusterError, StackError, NotSignedIn, NotSent, NoAnswer) as error:
            self._session = Session(problem=f"no login: {error}")


def _is_primary(pod: Pod) -> bool:
    return pod.role.endswith("/primary")


def _turned(uploads: dict[str, str], number: int, of: int) -> dict[str, str]:
    items = list(uploads.items())
    by = number * len(items) // of
    return dict(items[by:] + items[:by])


def _came_between(served: list[SiteContents], unsure: Collection[str]) -> bool:
    """Whether pods differ in an upload that was never answered: it may have been stored while they were read."""
    values = {entry for one in served for entry in one.uploads if entry[0] in unsure}
    return len({token for token, _ in values}) < len(values)


def pods_say(stack: Stack, clock: Clock, step: int, role: str, write: Callable[[Record], None]) -> None:
    """Write what each pod of a part that is not well says for itself: its state, last events and log lines."""
    controller = stack.binding.controller(role)
    try:
        said = unwell.said(stack.api, controller.selector, controller.name)
    except ClusterError as error:
        said = {"": [f"{role}: {error}"]}
    for pod, lines in said.items():
        write(PodSaid(clock.now(), step, pod, tuple(lines)))


def _drain(database: Database, pods: list[Pod], clock: Clock, timeout_s: float) -> list[ReplicaSeen]:
    """The pods' states when all had the same position, when nothing moves any more, or when the time was over."""
    deadline = time.monotonic() + timeout_s
    before: list[tuple[str | None, str | None, str | None]] = []
    since = time.monotonic()
    with ThreadPoolExecutor(max(1, len(pods))) as pool:
        while True:
            seen = list(pool.map(lambda pod: look(database, pod, clock), pods))
            state = [(each.gtid, each.io_running, each.sql_running) for each in seen]
            if state != before:
                before, since = state, time.monotonic()
            positions = {each.gtid for each in seen}
            alike = len(positions) == 1 and None not in positions
            settled = time.monotonic() - since >= _SETTLED_S and all(map(_is_at_rest, seen))
            if alike or settled or time.monotonic() >= deadline:
                return seen
            time.sleep(_LOOK_EVERY_S)


def _is_at_rest(seen: ReplicaSeen) -> bool:
    """Whether nothing can be on its way to this pod: it answered, is not behind, and does not try to connect."""
    return not seen.error and not seen.lag_s and seen.io_running in (None, "Yes", "No")


def _contents(
    stack: Stack, database: Database, pod: Pod, clock: Clock, step: int, left_out: Collection[str]
) -> Contents:
    primary = _is_primary(pod)
    # Whatever is acknowledged from here on need not be in what is read.
    began = clock.now()
    try:
        with database.connect(database.address(pod.ip), _READ_S) as connection:
            gtid = database.snapshot(connection)
            rows = tuple(database.ledger(connection))
            posts = tuple(database.posts(connection))
            uploads = tuple(database.uploads(connection))
            articles = (*stack.seed.posts, stack.seed.page)
            baseline = {f"seed {each.id}": database.seed_hash(connection, (each.id,)) for each in articles}
            baseline["picture"] = database.seed_hash(connection, (stack.seed.picture.id,))
            baseline["options"] = database.options_hash(connection)
            baseline["users"] = database.users_hash(connection)
            tables = database.tables(connection, left_out)
    except NoDatabase as error:
        return Contents(clock.now(), step, pod.name, primary, error=str(error))
    return Contents(
        began,
        step,
        pod.name,
        primary,
        gtid=gtid,
        rows=rows,
        posts=posts,
        baseline=baseline,
        tables=tables,
        uploads=uploads,
    )
