"""By what a stack can be told again: the digests of the images that its pods run, the hash of what it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from chaos import paths
from chaos.cluster.own_pod import is_own
from chaos.stack.stack import Stack

_STATUSES = ("initContainerStatuses", "containerStatuses")


def digests(stack: Stack) -> dict[str, str]:
    """The digest of the image that each container runs, by `workload/container`; of all of them where pods differ.

    A container that never started has none. Raises ClusterError when the cluster does not answer.
    """
    found: dict[str, set[str]] = {}
    for controller in stack.binding.controllers.values():
        pods = stack.api.list("Pod", controller.selector)
        own = (each for each in pods if not is_own(stack.api.namespace, each["metadata"]["name"]))
        for name, image in _running(own):
            found.setdefault(f"{controller.name}/{name}", set()).add(image)
    return {name: ", ".join(sorted(images)) for name, images in found.items()}


def _running(pods: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for pod in pods:
        for status in (each for key in _STATUSES for each in pod.get("status", {}).get(key) or ()):
            # `NAME@sha256:...` of a registry's image, `sha256:...` of one that was put there.
            if digest := status.get("imageID", "").rpartition("@")[2]:
                yield status["name"], digest


def manifests(spec: str) -> str:
    """SHA-256 of what `--stack` named: of a binding's file, or of all files of a profile.

    Of a profile it is what `find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` says in its folder. Empty
    where nothing can be read there.
    """
    try:
        if paths.is_binding(spec):
            return _sha256(Path(spec).read_bytes())
        folder = paths.manifests() / spec
        files = sorted(f"./{path.relative_to(folder).as_posix()}" for path in folder.rglob("*") if path.is_file())
        return _sha256("".join(f"{_sha256((folder / name).read_bytes())}  {name}\n" for name in files).encode())
    except OSError:
        return ""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
