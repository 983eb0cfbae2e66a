"""What a run may change: the stack's own namespace, and nothing else of the cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chaos.errors import ClusterError

_SEGMENT = re.compile(r"[A-Za-z0-9._:-]+")
_REVIEW = "apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_NODE = re.compile(r"api/v1/nodes/[^/]+")


class Fenced(ClusterError):
    """What was asked for lies outside of the stack, so it was not sent."""


@dataclass(frozen=True)
class Fence:
    """Around one namespace. `allow_nodes` opens it for changes to nodes, which belong to none."""

    namespace: str
    allow_nodes: bool = False

    def require(self, verb: str, path: str) -> None:
        """Let through what changes something inside, by the path of its URL. Raises Fenced for all else.

        A path with anything unusual in it (`..`, an escaped slash) is outside: a server may read it as another one.
        """
        segments = path.split("/")
        plain = all(_SEGMENT.fullmatch(each) and each not in (".", "..") for each in segments)
        # api/v1/namespaces/NS/... or apis/GROUP/VERSION/namespaces/NS/..., and not the namespace itself.
        start = 2 if segments[0] == "api" else 3
        inside = len(segments) > start + 2 and segments[start : start + 2] == ["namespaces", self.namespace]
        if plain and (inside or path == _REVIEW or (self.allow_nodes and _for_nodes(verb, path))):
            return
        nodes = plain and not self.allow_nodes and _for_nodes(verb, path)
        raise Fenced(
            f"{verb} {path}: refused, it lies outside of the stack's namespace {self.namespace}",
            hint="--allow-nodes lets a run change nodes" if nodes else None,
        )


def _for_nodes(verb: str, path: str) -> bool:
    return verb == "PATCH" and bool(_NODE.fullmatch(path))
