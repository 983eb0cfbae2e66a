"""Why a pod is not well: in its own words and in those of the cluster, and nothing of pods that are well."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from chaos.clock import Clock
from chaos.errors import ClusterError
from chaos.history import PodSaid, Record
from chaos.monitors import evidence
from chaos.stack.profile import Profile
from chaos.stack.stack import Stack


def container(name: str, state: dict[str, Any], *, ready: bool = False) -> dict[str, Any]:
    return {"name": name, "ready": ready, "restartCount": 0 if ready else 2, "state": state}


def pod(name: str, phase: str, *statuses: dict[str, Any], ending: bool = False) -> dict[str, Any]:
    metadata = {"name": name} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if ending else {})
    return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": {"phase": phase, "containerStatuses": statuses}}


def event(about: str, reason: str, at: int, kind: str = "Pod") -> dict[str, Any]:
    when = f"2026-01-01T00:00:{at:02}Z"
    about_it = {"involvedObject": {"kind": kind, "name": about}, "reason": reason, "message": f"{reason} happened"}
    return about_it | {"type": "Warning", "lastTimestamp": when, "metadata": {"name": reason}}


WELL = pod("mysql-0", "Running", container("mysql", {"running": {}}, ready=True))
WAITING = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}


def said(pods: list[Any], events: list[Any], *, logs_hang: bool = False, api_error: str = "") -> list[PodSaid]:
    def listed(kind: str, selector: str = "") -> list[Any]:
        if api_error:
            raise ClusterError(api_error)
        return events if kind == "Event" else pods

    def logs(name: str, container: str, *, tail: int) -> str:
        if logs_hang:
            raise ClusterError("no answer")
        return f"{name}/{container} says {tail}\nand ends\n"

    api = SimpleNamespace(list=listed, logs=logs)
    records: list[Record] = []
    stack = cast("Stack", SimpleNamespace(api=api, binding=Profile.load("hardened").binding))
    evidence.pods_say(stack, Clock(), 3, "database", records.append)
    return [record for record in records if isinstance(record, PodSaid)]


def test_a_pod_that_is_not_well_says_its_state_its_last_lines_and_its_last_events() -> None:
    events = [event("mysql-1", f"Reason{at}", at) for at in (4, 1, 3, 2)] + [event("mysql-0", "Other", 9)]
    unwell = pod("mysql-1", "Running", container("mysql", WAITING), container("log", {"running": {}}, ready=True))
    (record,) = said([WELL, unwell], events)
    assert (record.step, record.pod) == (3, "mysql-1")
    assert record.lines == (
        "Running on n1",
        "mysql: waiting CrashLoopBackOff back-off 10s, 2 restarts",
        "  mysql-1/mysql says 3",
        "  and ends",
        "Reason2: Reason2 happened",
        "Reason3: Reason3 happened",
        "Reason4: Reason4 happened",
    )


def test_a_pod_whose_log_cannot_be_had_still_says_its_state() -> None:
    (record,) = said([pod("mysql-1", "Pending", container("mysql", {}))], [], logs_hang=True)
    unread = "  its log could not be read: no answer"
    assert record.lines == ("Pending on n1", "mysql: waiting, 2 restarts", unread)


def test_a_pod_that_is_ending_is_not_well() -> None:
    (record,) = said([pod("mysql-1", "Running", container("mysql", {"running": {}}, ready=True), ending=True)], [])
    assert record.lines == ("Running on n1, ending",)


def test_a_pod_whose_node_is_not_heard_of_is_not_well() -> None:
    lost = pod("mysql-0", "Running", container("mysql", {"running": {}}, ready=True))
    lost["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    (record,) = said([lost], [event("mysql-0", "NodeNotReady", 1)])
    assert record.lines == (
        "Running on n1",
        "not ready, though its containers were when they were last heard of",
        "NodeNotReady: NodeNotReady happened",
    )


def test_a_start_container_that_is_done_needs_no_word() -> None:
    done = container("prepare", {"terminated": {"reason": "Completed"}})
    assert said([pod("mysql-0", "Running", done, container("mysql", {"running": {}}, ready=True))], []) == []


def test_without_pods_what_was_to_make_them_says_why() -> None:
    about = "StatefulSet"
    (record,) = said([], [event("mysql", "FailedCreate", 1, about), event("wordpress", "Other", 2, about)])
    assert (record.pod, record.lines) == ("", ("FailedCreate: FailedCreate happened",))


def test_of_pods_that_are_well_again_nothing_is_said() -> None:
    assert said([WELL], [event("mysql-0", "Unhealthy", 1)]) == []


def test_a_cluster_that_does_not_answer_says_so() -> None:
    (record,) = said([], [], api_error="no answer from the API server")
    assert (record.pod, record.lines) == ("", ("database: no answer from the API server",))
