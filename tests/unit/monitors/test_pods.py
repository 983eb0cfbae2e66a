"""What is written of a pod: only changes, and never an empty answer for a look that failed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.clock import Clock
from chaos.history import ClusterEvent, PodSeen, Record
from chaos.monitors.events import Events
from chaos.monitors.pods import Pods
from chaos.stack.profile import Profile
from chaos.stack.stack import Stack


def pod(name: str, *, ready: bool = True, version: str = "1", ending: bool = False, app: str = "wordpress") -> Any:
    metadata: dict[str, Any] = {"name": name, "uid": f"uid-{name}", "labels": {"app": app}, "resourceVersion": version}
    if ending:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    status = {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [{"name": "wordpress", "restartCount": 2, "state": {"running": {}}}],
    }
    return {"metadata": metadata, "spec": {"nodeName": "node-1"}, "status": status}


def stack(*changes: tuple[str, Any]) -> Stack:
    """A stack whose watch yields these changes, and then nothing until it is stopped."""

    def watch(kind: str, *, selector: str = "", stop: threading.Event) -> Iterator[tuple[str, Any]]:
        yield from changes
        stop.wait(20)

    binding = Profile.load("hardened").binding
    return cast("Stack", SimpleNamespace(api=SimpleNamespace(watch=watch, namespace="wordpress"), binding=binding))


def seen(monitor_of: type[Pods] | type[Events], *changes: tuple[str, Any]) -> tuple[list[Record], Any]:
    """What the monitor wrote of these changes, and the monitor itself."""
    records: list[Record] = []
    last = threading.Event()
    marker = ("ADDED", pod("the-last", app="mysql") | {"reason": "the-last", "involvedObject": {}})

    def write(record: Record) -> None:
        if getattr(record, "name", "") == "the-last" or getattr(record, "reason", "") == "the-last":
            last.set()
        else:
            records.append(record)

    monitor = monitor_of(stack(*changes, marker), Clock(), write)
    monitor.start()
    assert last.wait(20)
    monitor.stop()
    return records, monitor


def test_the_pod_that_hachaos_runs_in_is_none_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "hachaos")
    monkeypatch.setenv("POD_NAMESPACE", "wordpress")
    records, monitor = seen(Pods, ("ADDED", pod("hachaos")), ("ADDED", pod("web")))
    assert [record.name for record in records if isinstance(record, PodSeen)] == ["web"]
    assert (monitor.serving("hachaos"), monitor.serving("web")) == (None, "10.0.0.7:80")


def test_a_pod_is_written_down_with_what_its_containers_do() -> None:
    (record,), _ = seen(Pods, ("ADDED", pod("web-1")))
    assert isinstance(record, PodSeen)
    assert (record.role, record.node, record.ready, record.restarts) == ("site", "node-1", True, 2)
    assert record.containers == {"wordpress": "running"}


def test_a_pod_that_loses_its_labels_is_gone_to_the_stack_once() -> None:
    apart = [(change, pod("web-1", app="")) for change in ("MODIFIED", "MODIFIED", "DELETED")]
    records, monitor = seen(Pods, ("ADDED", pod("web-1")), *apart, ("ADDED", pod("stranger", app="")))
    assert [(record.name, record.change) for record in records if isinstance(record, PodSeen)] == [
        ("web-1", "added"),
        ("web-1", "deleted"),
    ]
    assert (monitor.serving("web-1"), monitor.of("site")) == (None, [])


def test_a_change_that_says_nothing_new_is_not_written() -> None:
    records, _ = seen(Pods, ("ADDED", pod("web-1")), ("MODIFIED", pod("web-1", version="2")))
    assert len(records) == 1


def test_pods_of_others_are_passed_over() -> None:
    assert seen(Pods, ("ADDED", pod("other", app="something-else")))[0] == []


def test_a_site_pod_is_read_from_when_it_is_ready_until_it_is_ending() -> None:
    _, pods = seen(Pods, ("ADDED", pod("web-1", ready=False)))
    assert pods.serving("web-1") is None
    _, pods = seen(Pods, ("ADDED", pod("web-1")))
    assert pods.serving("web-1") == "10.0.0.7:80"
    _, pods = seen(Pods, ("ADDED", pod("web-1")), ("MODIFIED", pod("web-1", ending=True)))
    assert pods.serving("web-1") is None


def test_a_pod_that_is_not_ready_for_a_while_is_still_read_from() -> None:
    _, pods = seen(Pods, ("ADDED", pod("web-1")), ("MODIFIED", pod("web-1", ready=False)))
    assert pods.serving("web-1") == "10.0.0.7:80"


def test_what_is_known_of_the_pods_of_a_part_is_what_was_last_seen() -> None:
    gone = pod("mysql-1", app="mysql")
    changes = [
        ("ADDED", pod("web-1")),
        ("ADDED", gone),
        ("ADDED", pod("mysql-0", app="mysql", ready=False)),
        ("MODIFIED", pod("mysql-0", app="mysql", version="2")),
        ("DELETED", gone),
    ]
    _, pods = seen(Pods, *changes)
    known = {each.name: each for each in pods.of("database") if each.name != "the-last"}
    assert set(known) == {"mysql-0"}
    assert (known["mysql-0"].ready, known["mysql-0"].ip, known["mysql-0"].role) == (
        True,
        "10.0.0.7",
        "database/primary",
    )
    assert [each.name for each in pods.of("site")] == ["web-1"]


def event(uid: str, count: int, when: str) -> Any:
    return {
        "metadata": {"uid": uid},
        "count": count,
        "lastTimestamp": when,
        "reason": "Killing",
        "message": "stopping",
        "involvedObject": {"kind": "Pod", "name": "mysql-0"},
    }


def test_an_event_is_written_once_for_each_time_that_it_happened_since_the_run_began() -> None:
    new, old = "2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
    records, _ = seen(
        Events,
        ("ADDED", event("a", 1, old)),
        ("ADDED", event("b", 1, new)),
        ("MODIFIED", event("b", 1, new)),
        ("MODIFIED", event("b", 2, new)),
    )
    assert [(record.object, record.reason) for record in records if isinstance(record, ClusterEvent)] == [
        ("pod/mysql-0", "Killing"),
        ("pod/mysql-0", "Killing"),
    ]
