"""What pods that are not well say for themselves: state, what their containers wait for, last log lines, events."""

from __future__ import annotations

from chaos.cluster.api import Api, ApiRefused, Object
from chaos.cluster.rights import may
from chaos.errors import ClusterError

_LOG_LINES = 3
_EVENTS = 3

RIGHTS = (
    *may("list", "Event", why="what the cluster says of pods that are not well"),
    *may("list", "Pod", why="which pods are not well"),
    *may("get", "Pod", sub="log", why="what pods that are not well said last, and whom a clone was fetched from"),
)


def said(api: Api, selector: str, controller: str) -> dict[str, list[str]]:
    """The lines of each pod of a selector that is not running with all of its containers ready, by its name.

    Without any such pod, under the name `""`: the last warnings about what makes them. Raises ClusterError.
    """
    events = sorted(api.list("Event"), key=_when)
    found = {
        item["metadata"]["name"]: _pod(api, item, events) for item in api.list("Pod", selector) if not _is_well(item)
    }
    if found:
        return found
    warnings = [event for event in events if event.get("type") == "Warning" and _is_about(event, controller)]
    return {"": _events(warnings)} if warnings else {}


def _is_about(event: Object, controller: str) -> bool:
    """Whether an event is about a controller or what it keeps between itself and its pods."""
    about = event["involvedObject"]
    return about.get("kind") != "Pod" and str(about.get("name", "")).startswith(controller)


def _is_well(item: Object) -> bool:
    running = item.get("status", {}).get("phase") == "Running" and "deletionTimestamp" not in item["metadata"]
    return running and bool(_statuses(item)) and not _unwell(item) and not _is_called_unready(item)


def _is_called_unready(item: Object) -> bool:
    """What the cluster says of a pod whose node is not heard of: its containers stay as they were last told to be."""
    conditions = item.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "False" for each in conditions)


def _pod(api: Api, item: Object, events: list[Object]) -> list[str]:
    name = item["metadata"]["name"]
    ending = ", ending" if "deletionTimestamp" in item["metadata"] else ""
    phase = item.get("status", {}).get("phase", "no phase")
    lines = [f"{phase} on {item['spec'].get('nodeName') or 'no node'}{ending}"]
    unwell = _unwell(item)
    if _statuses(item) and not unwell and _is_called_unready(item):
        lines.append("not ready, though its containers were when they were last heard of")
    for each in unwell:
        lines.append(f"{each['name']}: {_state(each)}")
        lines += [f"  {line}" for line in _last_log(api, name, each["name"])]
    return lines + _events([event for event in events if event["involvedObject"].get("name") == name])


def _statuses(item: Object) -> list[Object]:
    status = item.get("status", {})
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _unwell(item: Object) -> list[Object]:
    """The states of the containers that are not ready, but for those that are done."""
    return [each for each in _statuses(item) if not each.get("ready") and not _is_done(each)]


def _is_done(container: Object) -> bool:
    return bool(container.get("state", {}).get("terminated", {}).get("reason") == "Completed")


def _state(container: Object) -> str:
    state, detail = next(iter((container.get("state") or {"waiting": {}}).items()))
    words = " ".join(str(detail[key]) for key in ("reason", "exitCode", "message") if key in detail)
    restarts = container.get("restartCount", 0)
    return f"{state} {words}".strip() + (f", {restarts} restarts" if restarts else "")


def _last_log(api: Api, pod: str, container: str) -> list[str]:
    try:
        return api.logs(pod, container, tail=_LOG_LINES).splitlines()
    except ApiRefused:
        return []
    except ClusterError as error:
        return [f"its log could not be read: {error}"]


def _events(events: list[Object]) -> list[str]:
    return [f"{event.get('reason', '')}: {event.get('message', '').strip()}" for event in events[-_EVENTS:]]


def _when(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")
