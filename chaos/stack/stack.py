"""A deployed stack: where its parts are, and what proves that it is this one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from chaos.cluster.api import Api
from chaos.cluster.elsewhere import Elsewhere
from chaos.cluster.own_pod import is_own
from chaos.errors import StackError
from chaos.stack.binding import Binding
from chaos.stack.credentials import Credentials
from chaos.stack.database import Database
from chaos.stack.profile import containers
from chaos.stack.roles import Pod, part, pod_of
from chaos.stack.writable import Writable

_ENDED = ("Succeeded", "Failed")

__all__ = ["Article", "Picture", "Pod", "Seed", "Stack"]


@dataclass(frozen=True)
class Article:
    """A seed post or page: its id in WordPress, its title, a text that its body carries, and its address's path."""

    id: int
    title: str
    text: str
    path: str


@dataclass(frozen=True)
class Picture:
    """The uploaded picture: its id in WordPress, the path of the file (which lies on NFS) and its bytes' hash."""

    id: int
    path: str
    sha256: str


@dataclass(frozen=True)
class Seed:
    """What the installation wrote. `marker` is on the front page of this installation and of no other."""

    marker: str
    posts: tuple[Article, ...]
    page: Article
    picture: Picture

    def to_json(self) -> dict[str, Any]:
        """The seed as JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(value: dict[str, Any]) -> Seed:
        """The reverse of `to_json`. Raises KeyError or TypeError for anything else."""
        return Seed(
            marker=value["marker"],
            posts=tuple(Article(**each) for each in value["posts"]),
            page=Article(**value["page"]),
            picture=Picture(**value["picture"]),
        )


def no_seed(marker: str) -> Seed:
    """No seed content: only what marks the site's front page."""
    return Seed(marker, (), Article(0, "", "", ""), Picture(0, "", ""))


@dataclass(frozen=True)
class Stack:
    """A stack on a target. Every method asks the cluster anew and raises ClusterError when it does not answer.

    `api` is in the stack's namespace. `local_cluster` is the name of the embedded cluster that it runs on; empty on
    another, which is the one of `elsewhere`.
    """

    binding: Binding
    api: Api
    credentials: Credentials
    seed: Seed
    local_cluster: str = ""
    elsewhere: Elsewhere | None = None
    _writable: Writable = field(default_factory=Writable, init=False, repr=False, compare=False)

    def fenced(self, *, allow_nodes: bool = False) -> Stack:
        """The same stack with an API client that changes nothing outside of its namespace. See `Api.fenced`."""
        return replace(self, api=self.api.fenced(allow_nodes=allow_nodes))

    @property
    def site_host(self) -> str:
        """The Host header that the site answers to without a redirect."""
        return self.binding.site.host

    def pods(self, role: str) -> list[Pod]:
        """The pods of a role by name, those that are ending included.

        Where the binding says that the primary is known by @@read_only, the pods are asked (see `Writable.roles`), at
        most once a second.
        """
        self.binding.controller(role)
        if part(role) != "database" or self.binding.database.primary != "read-only":
            return pods(self.api, self.binding, role)
        database = Database(self.credentials, self.binding)
        found = self._writable.roles(database, pods(self.api, self.binding, "database"))
        return [pod for pod in found if role in ("database", pod.role)]

    def controller(self, role: str) -> tuple[str, str]:
        """Kind and name of what keeps a role's pods alive."""
        controller = self.binding.controller(role)
        return controller.kind, controller.name

    def ready(self, role: str) -> bool:
        """Whether as many pods as the role's controller wants are there, all of them ready and none ending.

        `role` may also be `stack`: all of the parts.
        """
        if role == "stack":
            with ThreadPoolExecutor(len(self.binding.controllers)) as pool:
                return all(pool.map(self.ready, self.binding.controllers))
        return not unready(self.api, self.binding, role)

    def images(self) -> dict[str, str]:
        """The images that the stack's workloads name, by `workload/container`."""
        found = {}
        for controller in self.binding.controllers.values():
            item = self.api.get(controller.kind, controller.name) or {}
            for container in containers(item):
                found[f"{controller.name}/{container['name']}"] = container["image"]
        return found

    def site_address(self) -> str:
        """`IP:port` of the site's Service: its LoadBalancer address where it has one, else its cluster address."""
        return service_address(self.api, self.binding.controller("site").service)

    def database_address(self) -> str:
        """`IP:port` of where rows are written: the Service that leads to the primary, or the primary itself."""
        if self.binding.database.writes == "service":
            return service_address(self.api, self.binding.controller("database").service)
        primary = next((pod.ip for pod in self.pods("database/primary") if pod.ip), "")
        if not primary:
            raise StackError("the database's primary has no address")
        return f"{primary}:{self.binding.database.port}"


def pods(api: Api, binding: Binding, role: str) -> list[Pod]:
    """The pods of a role by name, those that are ending included; never the one that hachaos itself runs in."""
    controller = binding.controller(role)
    # A pod that has ended for good (evicted, say) is left for reading; its controller has long replaced it.
    alive = [each for each in api.list("Pod", controller.selector) if each["status"].get("phase") not in _ENDED]
    found = [
        pod_of(item, binding.narrowest(part(role), item["metadata"]["name"], item["metadata"].get("labels") or {}))
        for item in alive
        if not is_own(api.namespace, item["metadata"]["name"])
    ]
    return sorted((pod for pod in found if role in (part(role), pod.role)), key=lambda pod: pod.name)


def uid_of(stack: Stack) -> str:
    """The uid of the stack's namespace, by which it is told from one of that name elsewhere, or made anew."""
    found = stack.api.get("Namespace", stack.api.namespace) or {}
    return str(found.get("metadata", {}).get("uid", ""))


def unready(api: Api, binding: Binding, role: str) -> str:
    """What keeps a part from being ready, in a few words; empty when it is."""
    controller = binding.controller(role)
    workload = api.get(controller.kind, controller.name)
    if workload is None:
        return f"{controller.kind} {controller.name} is missing"
    wanted = workload["spec"].get("replicas", 1)
    if workload.get("status", {}).get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return f"{controller.kind} {controller.name} has not been acted on yet"
    found = pods(api, binding, part(role))
    ready = [pod for pod in found if pod.ready and not pod.terminating]
    if len(ready) == wanted == len(found):
        return ""
    waiting = [pod.name + (" (ending)" if pod.terminating else "") for pod in found if pod not in ready]
    return f"{len(ready)}/{wanted} ready" + (f", not: {', '.join(waiting)}" if waiting else "")


def service_address(api: Api, name: str) -> str:
    """`IP:port` of a Service's first port. Raises StackError when the Service is missing or has no address."""
    service = api.get("Service", name)
    if service is None:
        raise StackError(f"namespace {api.namespace}: there is no Service {name}")
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
    ip = ingress[0].get("ip") or ingress[0].get("hostname") or service["spec"].get("clusterIP")
    if not ip or ip == "None":
        raise StackError(f"Service {name} has no address")
    return f"{ip}:{service['spec']['ports'][0]['port']}"
