"""Only one may hold a stack's Lease: a dead holder's is taken over, a living one's never; nothing is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, cast

import pytest
from fake_api import FakeApi

from chaos.cluster import lease
from chaos.cluster.api import Api
from chaos.cluster.lease import LeaseLost
from chaos.errors import ClusterError, HostError


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY_S", 0.02)
    monkeypatch.setattr(lease, "_LOOK_EVERY_S", 0.02)


def hold(api: FakeApi, who: str = "run a", lost: Callable[[str], None] | None = None) -> Any:
    return lease.hold(cast("Api", api), who, lost)


def held_by(identity: str = "elsewhere process 7 run b", *, holder: Any = None, lasts_s: int = 30) -> dict[str, Any]:
    spec = {"holderIdentity": identity, "leaseDurationSeconds": lasts_s}
    spec |= {"acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z"}
    metadata: dict[str, Any] = {"name": lease.NAME, "annotations": {lease.HOLDER: json.dumps(holder)}}
    return {"kind": "Lease", "metadata": metadata, "spec": spec}


def this_process() -> dict[str, Any]:
    """What a Lease says of the process that holds it, when that is this one."""
    api = FakeApi()
    with hold(api):
        found: dict[str, Any] = json.loads(read(api)["metadata"]["annotations"][lease.HOLDER])
    return found


def read(api: FakeApi) -> dict[str, Any]:
    found = api.get("Lease", lease.NAME)
    assert found is not None
    return found


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def test_it_is_held_and_renewed_in_the_block_and_gone_after() -> None:
    api = FakeApi()
    with hold(api):
        first = read(api)["spec"]
        assert first["holderIdentity"].endswith(" run a")
        until(lambda: read(api)["spec"]["renewTime"] != first["renewTime"])
        assert read(api)["spec"]["acquireTime"] == first["acquireTime"]
    assert api.get("Lease", lease.NAME) is None


def test_one_of_a_living_process_on_this_machine_is_refused_at_once_with_its_holder_and_nothing_is_touched() -> None:
    api = FakeApi(held_by("here process 7 run b", holder=this_process()))
    with pytest.raises(HostError, match=r"here process 7 run b since 2026-01-01T00:00:00Z"), hold(api):
        pass
    assert api.calls == []


def test_one_of_a_process_that_died_on_this_machine_is_taken_over_at_once() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(60)
    api = FakeApi(held_by(holder=this_process() | {"pid": gone.pid}))
    with hold(api):
        assert read(api)["spec"]["holderIdentity"].endswith(" run a")


def test_a_number_that_another_process_has_by_now_does_not_make_its_old_bearer_alive() -> None:
    api = FakeApi(held_by(holder=this_process() | {"started": "1"}))
    with hold(api):
        assert read(api)["spec"]["holderIdentity"].endswith(" run a")


@pytest.mark.parametrize("holder", [None, {"boot": "another", "pids": "pid:[1]", "pid": 1, "started": "1"}])
def test_one_from_elsewhere_is_taken_over_once_it_was_not_renewed_for_as_long_as_it_lasts(holder: Any) -> None:
    api = FakeApi(held_by(holder=holder, lasts_s=1))
    began = time.monotonic()
    with hold(api):
        assert time.monotonic() - began >= 1


def test_one_from_elsewhere_that_is_renewed_meanwhile_is_refused_whatever_its_clock_says() -> None:
    api = FakeApi(held_by())
    threading.Timer(0.1, lambda: api.patch("Lease", lease.NAME, {"spec": {"renewTime": "1999-01-01"}})).start()
    with pytest.raises(HostError, match="elsewhere process 7"), hold(api):
        pass


def test_of_two_that_find_it_free_at_the_same_time_one_gets_it() -> None:
    class Raced(FakeApi):
        def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
            super().create(held_by("the faster one", holder=other))
            return super().create(manifest)

    other = this_process()
    api = Raced()
    with pytest.raises(HostError, match="the faster one"), hold(api):
        pass
    assert read(api)["spec"]["holderIdentity"] == "the faster one"


def test_the_holder_is_told_when_another_took_it_and_leaves_that_one_alone() -> None:
    api, told = FakeApi(), []
    with hold(api, lost=told.append):
        api.apply(held_by("the thief"))
        until(lambda: told)
    assert "the thief has it since 2026-01-01T00:00:00Z" in told[0]
    assert len(told) == 1
    assert read(api)["spec"]["holderIdentity"] == "the thief"


def test_an_api_server_that_is_away_is_waited_for() -> None:
    class Away(FakeApi):
        failed = 0

        def get(self, kind: str, name: str) -> dict[str, Any] | None:
            if 0 < self.failed < 5:
                self.failed += 1
                raise ClusterError("no answer")
            return super().get(kind, name)

    api, told = Away(), []
    with hold(api, lost=told.append):
        api.failed = 1
        until(lambda: api.failed == 5)
        before = read(api)["spec"]["renewTime"]
        until(lambda: read(api)["spec"]["renewTime"] != before)
    assert told == []


def test_one_that_was_deleted_under_its_holder_is_made_again() -> None:
    api, told = FakeApi(), []
    with hold(api, lost=told.append):
        api.delete("Lease", lease.NAME)
        until(lambda: api.get("Lease", lease.NAME))
    assert told == []


def test_before_a_fault_it_is_renewed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY_S", 60.0)
    api = FakeApi()
    with hold(api) as held:
        before = read(api)["spec"]["renewTime"]
        held.require()
        assert read(api)["spec"]["renewTime"] != before
        assert not held.lost


def test_who_asks_for_it_before_a_fault_learns_that_another_has_it_and_nobody_is_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY_S", 0.2)
    api, told = FakeApi(), []
    with hold(api, lost=told.append) as held:
        renewing = next(thread for thread in threading.enumerate() if thread.name == "lease")
        api.apply(held_by("the thief"))
        with pytest.raises(LeaseLost, match="from this run, last renewed 0 s ago: the thief has it since 2026"):
            held.require()
        assert held.lost
        until(lambda: not renewing.is_alive())
    assert told == []
    assert read(api)["spec"]["holderIdentity"] == "the thief"


@pytest.mark.parametrize("stays", [True, False])
def test_one_that_is_gone_after_it_had_expired_was_held_by_another_unless_the_namespace_may_have_been_made_anew(
    monkeypatch: pytest.MonkeyPatch, *, stays: bool
) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY_S", 60.0)
    api = FakeApi()
    with lease.hold(cast("Api", api), "run a", stays=stays) as held:
        monkeypatch.setattr(lease, "DURATION_S", 0)
        held.require()
        api.delete("Lease", lease.NAME)
        with pytest.raises(LeaseLost, match="held by another and is gone") if stays else nullcontext():
            held.require()
    assert api.get("Lease", lease.NAME) is None
