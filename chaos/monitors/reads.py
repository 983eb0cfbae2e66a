"""Reads of the site: through the Service, and of each pod by its own address."""

from __future__ import annotations

from collections.abc import Callable

from chaos.clock import Clock
from chaos.cluster.reach import NO_WAY
from chaos.history import Read, Record, Skipped
from chaos.monitors.patience import Patience, patient
from chaos.monitors.pods import Pods
from chaos.monitors.stream import Request, Stream
from chaos.stack.site import Seen, Site
from chaos.stack.stack import Stack

SERVICE = "service"
SERVICE_STREAM = "read service"
"""What the stream of reads through the Service is called where one of them was skipped."""

PAGE, STATIC, UPLOAD = "page", "static", "upload"

ReadOf = Callable[[str, float], Seen]
"""Reads one thing from `IP:port` within so many seconds."""


def through_service(
    stack: Stack, site: Site, rate: float, deadline_s: float, clock: Clock, write: Callable[[Record], None]
) -> Stream:
    """A stream of reads of the front page through the site's Service."""
    address = stack.site_address()
    request = _read(SERVICE_STREAM, site.read_front, PAGE, SERVICE, lambda: address, deadline_s, clock)
    return Stream(SERVICE_STREAM, rate, deadline_s, request, clock, write)


class PodReads:
    """A stream of reads of one thing (`what`: page, static or upload) for each site pod that is there.

    A pod that is ending or was never ready is left alone. Each pod has a stream of its own, with a bound of its own, so
    one that hangs (on NFS, say) delays no other. While a file hangs in a pod, the next reads of it are skipped: see
    `Patience`. Pages are read on, as visitors would.
    """

    def __init__(
        self,
        what: str,
        site: Site,
        pods: Pods,
        rate: float,
        deadline_s: float,
        clock: Clock,
        write: Callable[[Record], None],
    ) -> None:
        self._what, self._site = what, site
        self._pods, self._rate, self._deadline_s = pods, rate, deadline_s
        self._clock, self._write = clock, write
        self._streams: dict[str, Stream] = {}
        pods.listen(self._follow)

    def _follow(self, name: str) -> None:
        if name in self._streams or self._pods.serving(name) is None:
            return
        label = f"{'read' if self._what == PAGE else self._what} {name}"
        request = self._request(name, label)
        self._streams[name] = Stream(label, self._rate, self._deadline_s, request, self._clock, self._write)
        self._streams[name].start()

    def _request(self, name: str, label: str) -> Request:
        def address() -> str | None:
            return self._pods.serving(name)

        if self._what == PAGE:
            return _read(label, self._site.read_front, PAGE, name, address, self._deadline_s, self._clock)
        patience = Patience()
        read_file = self._site.read_static if self._what == STATIC else self._site.read_upload

        def read(where: str, deadline_s: float) -> Seen:
            return read_file(where, deadline_s, patience.keep)

        return patient(patience, label, _read(label, read, self._what, name, address, self._deadline_s, self._clock))

    def hold(self) -> None:
        """Read nothing new, without waiting for what is in flight."""
        for stream in list(self._streams.values()):
            stream.hold()

    def stop(self) -> None:
        """End all of them."""
        self.hold()
        for stream in list(self._streams.values()):
            stream.stop()


def _read(
    label: str, read: ReadOf, what: str, via: str, address: Callable[[], str | None], deadline_s: float, clock: Clock
) -> Request:
    def request(due: float) -> Record | None:
        where = address()
        if where is None:
            return None
        start = clock.now()
        seen = read(where, deadline_s)
        if seen.reason == NO_WAY:
            return Skipped(label, round(due, 6), seen.reason)
        return Read(via, round(due, 6), start, clock.now(), seen.ok, seen.reason, seen.status, what)

    return request
