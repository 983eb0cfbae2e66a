"""On a real stack: uploads, the files of each pod and a login are seen by all site pods, by REST and by XML-RPC."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import replace

from chaos.clock import Clock
from chaos.history import Read, Record, SiteContents, VolumeSeen, Write
from chaos.monitors.evidence import Evidence
from chaos.monitors.monitors import Monitors
from chaos.scenario.plan import Workload
from chaos.stack.database import Database
from chaos.stack.site import Site, digest, upload_content
from chaos.stack.stack import Stack

WORKLOAD = Workload(
    reads_per_s=0,
    pod_reads_per_s=0,
    writes_per_s=2,
    posts_per_s=0,
    deadline_s=5,
    uploads_per_s=2,
    file_reads_per_s=2,
)


class Sink:
    def __init__(self, listener: Callable[[Record], None]) -> None:
        self.records: list[Record] = []
        self._listener = listener
        self._changed = threading.Condition()

    def write(self, record: Record) -> None:
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()
        self._listener(record)

    def wait_for(self, enough: Callable[[list[Record]], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.records), 60), self.records[-5:]


def uploads(records: list[Record]) -> list[Write]:
    return [record for record in records if isinstance(record, Write) and record.what == "upload"]


def files(records: list[Record]) -> list[Read]:
    return [record for record in records if isinstance(record, Read)]


def test_each_site_pod_serves_each_upload_and_takes_the_bearer_of_one_login_for_one_user(stack: Stack) -> None:
    found: list[Record] = []
    clock, pods = Clock(), {pod.name for pod in stack.pods("site")}
    evidence = Evidence(stack, clock, found.append)
    sink = Sink(evidence.see)
    with Monitors(stack, clock, sink.write, WORKLOAD) as monitors:
        sink.wait_for(lambda records: len(uploads(records)) >= 5 and len(files(records)) >= 6 * len(pods))
        assert monitors.pause_writers(20) == 0
        evidence.collect(0, 30)
        evidence.volumes(0, "after")
        monitors.resume_writers()
    written, read = uploads(sink.records), files(sink.records)
    assert {write.outcome for write in written} == {"ok"}, written
    assert {(one.via, one.what) for one in read} == {(pod, what) for pod in pods for what in ("static", "upload")}
    assert all(one.ok for one in read), [one for one in read if not one.ok]
    sites = {one.pod: one for one in found if isinstance(one, SiteContents)}
    assert set(sites) == pods
    for one in sites.values():
        assert one.error == ""
        assert one.baseline["session"] == stack.credentials.admin_user
        assert not any(value.startswith("missing") for value in one.baseline.values()), one.baseline
        served = dict(one.uploads)
        assert len(served) >= 5
        assert served == {write.token: write.digest for write in written if write.token in served}
    stands_on = [one for one in found if isinstance(one, VolumeSeen)]
    assert {(one.error, bool(one.claim_uid), bool(one.provenance)) for one in stands_on} == {("", True, True)}


def test_posts_and_uploads_by_xml_rpc_are_as_those_by_rest(stack: Stack) -> None:
    binding = replace(stack.binding, site=replace(stack.binding.site, posts="xmlrpc"))
    site, address = Site(replace(stack, binding=binding)), stack.site_address()
    token = f"{secrets.token_hex(4)}-xmlrpc"
    post, upload = site.create_post(address, token, 10), site.create_upload(address, token, 10)
    assert (post.outcome, upload.outcome) == ("ok", "ok"), (post, upload)
    database = Database(stack.credentials, stack.binding)
    with database.connect(stack.database_address(), 10) as connection:
        assert (post.key, token) in database.posts(connection)
    for pod in stack.pods("site"):
        answer = site.fetch(f"{pod.ip}:{binding.site.port}", upload.path, 10)
        assert (answer.status, digest(answer.body)) == (200, digest(upload_content(token)))


def test_a_password_that_is_wrong_is_a_refusal(stack: Stack) -> None:
    binding = replace(stack.binding, site=replace(stack.binding.site, posts="xmlrpc"))
    known = replace(stack.credentials, admin_password="wrong", application_password="wrong")
    for bound in (stack.binding, binding):
        site = Site(replace(stack, binding=bound, credentials=known))
        assert site.create_post(stack.site_address(), "never", 10).outcome == "fail"


def test_reads_on_connections_that_are_kept_are_as_good_as_on_new_ones(stack: Stack) -> None:
    clock, pods = Clock(), {pod.name for pod in stack.pods("site")}
    sink = Sink(lambda record: None)
    workload = replace(WORKLOAD, reads_per_s=4, writes_per_s=0, uploads_per_s=0, connections="kept")
    with Monitors(stack, clock, sink.write, workload):
        sink.wait_for(lambda records: len(files(records)) >= 20 + 6 * len(pods))
    read = files(sink.records)
    assert {one.via for one in read} == pods | {"service"}
    assert all(one.ok for one in read), [one for one in read if not one.ok]
