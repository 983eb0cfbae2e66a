"""kill-process: send a signal to the server process of a container; kubelet starts the container again."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

from chaos.actions.action import Aim, Params, Undo, wait_until
from chaos.actions.pods import await_enough, chosen, enough, watch_enough
from chaos.cluster.api import Object
from chaos.cluster.rights import Rights, execute, may
from chaos.errors import ClusterError, StackError
from chaos.stack.binding import Binding
from chaos.stack.roles import Pod
from chaos.stack.stack import Stack

_LAUNCHERS = ("sh", "bash", "dash", "ash", "busybox", "tini", "dumb-init", "catatonit", "s6-svscan", "apache2ctl")
"""What starts a server and waits for it, by the names that the kernel gives (`comm`); and all that ends in `.sh`."""

_EXEC_S = 10.0
_ANOTHER_WAY = "delete-pod with grace: 0s ends the whole pod as hard"

_LIST = 'for each in /proc/[0-9]*; do read -r line <"$each/stat" && echo "$line"; done 2>/dev/null; true'

# Root without CAP_KILL may not signal another user's process, but may become that user.
_SEND = """
pid=$1 began=$2 signal=$3
read -r line <"/proc/$pid/stat" || exit 3
set -- ${line##*) }
[ "${20}" = "$began" ] || exit 3
kill "-$signal" "$pid" 2>/dev/null && exit
exec setpriv --reuid="$(stat -c %u "/proc/$pid")" --clear-groups sh -c 'kill "-$0" "$1"' "$signal" "$pid"
"""
_NOT_THERE = 3


@dataclass(frozen=True)
class _Process:
    """A process as /proc/PID/stat has it; `began` in clock ticks since boot, `resident` in pages. See proc(5)."""

    pid: int
    name: str
    parent: int
    began: int
    resident: int

    @classmethod
    def of(cls, stat: str) -> _Process:
        before, _, after = stat.rpartition(")")
        pid, _, name = before.partition("(")
        fields = after.split()
        return cls(int(pid), name, int(fields[1]), int(fields[19]), int(fields[21]))


class KillProcess:
    """Signals the server of one container of one pod.

    The server is process 1 of the container; where that is but a shell or an init, the largest process below it, or
    the first of its kind where it is a worker: what is meant is that the server is lost, not that its launcher ends it
    in an orderly way. On the embedded cluster the
    signal comes from the node, as the kernel's own would, so that process 1 can be killed too. On another cluster it is
    sent from within the container, where the kernel protects process 1.
    """

    name = "kill-process"

    def rights(self, binding: Binding, target: str, params: Params) -> Rights:  # noqa: ARG002
        return (*may("list get", "Pod", why=self.name), *execute(self.name))

    def aim(self, stack: Stack, target: str, params: Params) -> Aim:
        (pod,) = chosen(stack, self.name, target, params)
        container = params.get("container") or stack.binding.controller(target).container
        number = signal.Signals[f"SIG{params.get('signal') or 'KILL'}"]
        status = _status_of(stack, pod, container)
        process = _on_node(stack, pod, status, number) if stack.local_cluster else _inside(stack, pod, container)
        return Aim(
            objects=(f"pod/{pod.name}",),
            before={
                "pod": pod.name,
                "uid": pod.uid,
                "node": pod.node,
                "container": container,
                "id": status["containerID"],
                "restarts": status["restartCount"],
                "pid": process.pid,
                "began": process.began,
                "signal": number.name,
            },
            undo=enough(stack, target),
            detail=f"{number.name} to {process.name} in {pod.name}/{container} on {pod.node}",
            params=params,
        )

    def inject(self, stack: Stack, aim: Aim) -> None:
        before = aim.before
        number = signal.Signals[before["signal"]]
        if stack.local_cluster:
            from chaos.cluster.local import containers

            containers.send(stack.local_cluster, before["node"], _bare(before["id"]), before["pid"], number)
            return
        _send_inside(stack, before["pod"], before["container"], before["pid"], before["began"], number.name[3:])

    def effect(self, stack: Stack, aim: Aim, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        before, what = aim.before, f"{aim.before['pod']}/{aim.before['container']}"
        uid, restarts, running = before["uid"], before["restarts"], before["id"]

        def restarted() -> bool:
            nonlocal uid, restarts, running
            pod = stack.api.get("Pod", before["pod"])
            uid = pod["metadata"]["uid"] if pod else "gone"
            status = _statuses(pod).get(before["container"]) if pod else None
            if status:
                restarts, running = status["restartCount"], status.get("containerID") or running
            return bool(uid != before["uid"] or restarts > before["restarts"] or running != before["id"])

        happened = wait_until(restarted, timeout_s) and uid == before["uid"]
        return happened, {
            f"restarts of {what}": [before["restarts"], restarts],
            f"container of {what}": [before["id"], running],
            f"uid of pod/{before['pod']}": [before["uid"], uid],
        }

    def put_back(self, stack: Stack, undo: Undo, timeout_s: float) -> None:
        await_enough(stack, undo, timeout_s)

    def by_hand(self, undo: Undo, namespace: str) -> tuple[str, ...]:
        return watch_enough(undo, namespace)


def server(processes: list[_Process], first: int) -> _Process:
    """Which process of a container serves; `first` is the number of its process 1. Raises StackError without one."""
    known = {process.pid: process for process in processes}
    if first not in known:
        raise StackError("kill-process: the container has no process 1 of its own", hint=_ANOTHER_WAY)
    if not _launches(known[first]):
        return known[first]
    below = {first}
    while more := {each.pid for each in processes if each.parent in below} - below:
        below |= more
    found = [known[pid] for pid in below - {first}]
    # Not a shell below the shell, unless there is nothing else.
    best = max(found, key=lambda each: (not _launches(each), each.resident), default=known[first])
    while best.parent in below and known[best.parent].name == best.name and best.parent != first:
        best = known[best.parent]
    return best


def _launches(process: _Process) -> bool:
    return process.name in _LAUNCHERS or process.name.endswith(".sh")


def _statuses(pod: Object) -> dict[str, Object]:
    return {each["name"]: each for each in pod.get("status", {}).get("containerStatuses", ())}


def _status_of(stack: Stack, pod: Pod, container: str) -> Object:
    found = _statuses(stack.api.get("Pod", pod.name) or {})
    if container not in found:
        raise StackError(
            f"kill-process: {pod.name} has no container {container!r}", hint=f"containers: {', '.join(found) or 'none'}"
        )
    if "running" not in found[container].get("state", {}):
        raise StackError(f"kill-process: container {container} of {pod.name} is not running")
    return found[container]


def _bare(container_id: str) -> str:
    return container_id.partition("://")[2]


def _on_node(stack: Stack, pod: Pod, status: Object, number: signal.Signals) -> _Process:
    """The server as the host numbers it."""
    from chaos.cluster.local import containers

    cluster, container = stack.local_cluster, _bare(status["containerID"])
    found = [_Process.of(stat) for stat in containers.processes(cluster, pod.node, container).values()]
    first = next((each.pid for each in found if containers.inner_pid(each.pid) == 1), 0)
    process = server(found, first)
    if process.pid == first and number != signal.SIGKILL and not containers.handles(first, number):
        raise StackError(
            f"kill-process: {process.name} is process 1 of {pod.name}/{status['name']} and has no handler for "
            f"{number.name}, so the kernel would drop it",
            hint="signal: KILL always ends it",
        )
    return process


def _inside(stack: Stack, pod: Pod, container: str) -> _Process:
    """The server as the container numbers it. Raises StackError when it can't be signalled from within."""
    said = stack.api.execute(pod.name, container, ["sh", "-c", _LIST], timeout_s=_EXEC_S)
    if said.code:
        raise StackError(f"kill-process: no shell in {pod.name}/{container}: {said.err.strip()}", hint=_ANOTHER_WAY)
    process = server([_Process.of(line) for line in said.out.splitlines()], 1)
    if process.pid == 1:
        raise StackError(
            f"kill-process: {process.name} is process 1 of {pod.name}/{container}, which the kernel lets nobody in the "
            "container kill; only the embedded cluster can do that, from the node",
            hint=_ANOTHER_WAY,
        )
    try:
        _send_inside(stack, pod.name, container, process.pid, process.began, "0")
    except ClusterError as error:
        raise StackError(
            f"kill-process: nobody in the container may signal {process.name}: {error}", hint=_ANOTHER_WAY
        ) from error
    return process


def _send_inside(stack: Stack, pod: str, container: str, pid: int, began: int, word: str) -> None:
    command = ["sh", "-c", _SEND, "sh", str(pid), str(began), word]
    said = stack.api.execute(pod, container, command, timeout_s=_EXEC_S)
    if said.code == _NOT_THERE:
        raise ClusterError(f"kill-process: process {pid} of {pod}/{container} is gone")
    if said.code:
        raise ClusterError(f"kill-process: {pod}/{container}: {said.err.strip() or f'exit status {said.code}'}")
