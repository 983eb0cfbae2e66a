"""Reads of the site: through the Service, and of each pod by its own address."""

from __future__ import annotations

from collections.abc import Callable

from chaos.clock import Clock
from chaos.history import Read, Record
from chaos.monitors.pods import Pods
from chaos.monitors.stream import Request, Stream
from chaos.stack.site import Site
from chaos.stack.stack import Stack

SERVICE = "service"


def through_service(
    stack: Stack, site: Site, rate: float, deadline_s: float, clock: Clock, write: Callable[[Record], None]
) -> Stream:
    """A stream of reads of the front page through the site's Service."""
    address = stack.site_address()
    return Stream(
        "read service", rate, deadline_s, _read(site, SERVICE, lambda: address, deadline_s, clock), clock, write
    )


class PodReads:
    """A stream of reads for each site pod that is there. A pod that is ending or was never ready is left alone."""

    def __init__(
        self, site: Site, pods: Pods, rate: float, deadline_s: float, clock: Clock, write: Callable[[Record], None]
    ) -> None:
        self._site, self._pods, self._rate, self._deadline_s = site, pods, rate, deadline_s
        self._clock, self._write = clock, write
        self._streams: dict[str, Stream] = {}
        pods.listen(self._follow)

    def _follow(self, name: str) -> None:
        if name in self._streams or self._pods.serving(name) is None:
            return
        request = _read(self._site, name, lambda: self._pods.serving(name), self._deadline_s, self._clock)
        self._streams[name] = Stream(f"read {name}", self._rate, self._deadline_s, request, self._clock, self._write)
        self._streams[name].start()

    def stop(self) -> None:
        """End all of them."""
        streams = list(self._streams.values())
        for stream in streams:
            stream.hold()
        for stream in streams:
            stream.stop()


def _read(site: Site, via: str, address: Callable[[], str | None], deadline_s: float, clock: Clock) -> Request:
    def request(due: float) -> Record | None:
        where = address()
        if where is None:
            return None
        start = clock.now()
        seen = site.read_front(where, deadline_s)
        return Read(via, round(due, 6), start, clock.now(), seen.ok, seen.reason, seen.status)

    return request
