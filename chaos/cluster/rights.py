"""What a caller of the API may do, as RBAC has it: one verb on one resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from chaos.cluster.kinds import resource_of

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")
"""In the order in which they are written."""


@dataclass(frozen=True)
class Right:
    """One verb on one resource of an API group (`""` is the core's); `resource` is like `pods` or `pods/exec`.

    `name` is that of the one object that it is about, empty for all. `cluster` = it is about what belongs to no
    namespace, so that no Role grants it. `why` says what needs it, in words; two that differ in it alone are the same.
    """

    group: str
    resource: str
    verb: str
    name: str = ""
    cluster: bool = False
    why: str = field(default="", compare=False)

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}" + (f" {self.name}" if self.name else "")

    @property
    def order(self) -> tuple[bool, str, str, str, int]:
        """By what they are sorted where they are shown."""
        return self.cluster, self.group, self.resource, self.name, VERBS.index(self.verb)


Rights = tuple[Right, ...]


def may(verbs: str, kind: str, name: str = "", *, sub: str = "", why: str = "") -> Rights:
    """The rights to a kind of object, a subresource of it where there is one; `verbs` is like `get list`.

    The namespace itself may be read by a Role in it, as long as it is named.
    """
    group, plural, namespaced = resource_of(kind)
    resource = f"{plural}/{sub}" if sub else plural
    cluster = not namespaced and kind != "Namespace"
    return tuple(Right(group, resource, verb, name, cluster, why) for verb in verbs.split())


def execute(why: str) -> Rights:
    """The rights to run a command in pods: the channel is opened by a GET, and from v1.35 on `create` is asked for too.

    See the feature gate AuthorizePodWebsocketUpgradeCreatePermission.
    """
    return may("get create", "Pod", sub="exec", why=why)


def port_forward(why: str) -> Rights:
    """As `execute`, for connections to ports of pods."""
    return may("get create", "Pod", sub="portforward", why=why)


def merged(rights: Iterable[Right]) -> Rights:
    """Each right once, sorted, with all that needs it."""
    found: dict[Right, list[str]] = {}
    for right in rights:
        found.setdefault(right, []).append(right.why)
    return tuple(sorted(_with_reasons(found), key=lambda right: right.order))


def _with_reasons(found: dict[Right, list[str]]) -> Iterator[Right]:
    for right, reasons in found.items():
        yield replace(right, why="; ".join(dict.fromkeys(filter(None, reasons))))
