"""A profile: the manifests of one kind of stack, and what has to be known to use them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from chaos import paths
from chaos.errors import StackError, UsageError
from chaos.stack import kustomize
from chaos.stack.binding import PARTS, Binding, DatabaseBinding, SiteBinding
from chaos.stack.roles import Controller

Object = dict[str, Any]

FILL_IN = "fill-in"
"""Values in the manifests that begin so stand for what only the cluster at hand can tell."""


@dataclass(frozen=True)
class Profile:
    """A stack's manifests (`objects`, in the order of kustomization.yaml) and what profile.yaml says of them.

    `local_images` maps the public images of the manifests to those of the embedded cluster, `local_provisioners`
    storage classes to its provisioner, and `local_containers` `KIND/NAME/CONTAINER` to what it says of itself there.
    """

    binding: Binding
    objects: tuple[Object, ...]
    local_images: Mapping[str, str]
    local_provisioners: Mapping[str, str]
    local_containers: Mapping[str, Object] = field(default_factory=dict)

    @staticmethod
    def load(name: str) -> Profile:
        """The profile in `manifests/NAME`. Raises UsageError when there is none, StackError when it is not sound."""
        folder = paths.manifests() / name
        file = folder / "profile.yaml"
        if not file.is_file():
            there = sorted(each.parent.name for each in paths.manifests().glob("*/profile.yaml"))
            raise UsageError(f"no stack profile {name!r}", hint=f"there are: {', '.join(there) or 'none'}")
        try:
            said = yaml.safe_load(file.read_text(encoding="utf-8"))
            local = said["local"]
            return Profile(
                binding=Binding(
                    name=name,
                    namespace=said["namespace"],
                    controllers={role: Controller(**said["roles"][role]) for role in PARTS},
                    site=SiteBinding(**said["site"]),
                    database=DatabaseBinding(**said["database"]),
                ),
                objects=tuple(kustomize.render(folder)),
                local_images={public: _local_image(image) for public, image in local["images"].items()},
                local_provisioners=local["provisioners"],
                local_containers=local.get("containers", {}),
            )
        except (yaml.YAMLError, KeyError, TypeError) as error:
            raise StackError(f"{file}: {error!r}") from error

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.binding.name

    @property
    def namespace(self) -> str:
        """Where the stack is deployed."""
        return self.binding.namespace

    def controller(self, role: str) -> Controller:
        """What keeps the pods of a role alive."""
        return self.binding.controller(role)

    def manifests(self, *, local: bool) -> list[Object]:
        """The objects for the embedded cluster (`local`) or for another: public images, the cluster's own storage.

        Raises StackError when a container's image is not in the profile's table of local images, or when the profile
        changes a container that is not there.
        """
        objects = copy.deepcopy(list(self.objects))
        if local:
            for item in objects:
                self._make_local(item)
            there = {_path(item, container) for item in objects for container in containers(item)}
            for path in self.local_containers.keys() - there:
                raise StackError(f"profile {self.name}: local.containers names {path}, which the manifests do not have")
        return objects

    def _make_local(self, item: Object) -> None:
        name = item["metadata"]["name"]
        if item["kind"] == "StorageClass":
            item["provisioner"] = self.local_provisioners.get(name, item["provisioner"])
        for container in containers(item):
            try:
                container["image"] = self.local_images[container["image"]]
            except KeyError as error:
                raise StackError(
                    f"profile {self.name}: {item['kind']} {name} uses the image {error}, which is not under"
                    " local.images in profile.yaml"
                ) from error
            container.update(copy.deepcopy(self.local_containers.get(_path(item, container), {})))


def containers(item: Object) -> Iterator[Object]:
    """All containers of a workload, those of its start included; of another object none."""
    spec = item.get("spec", {}).get("template", {}).get("spec", {})
    yield from spec.get("initContainers", ())
    yield from spec.get("containers", ())


def _path(item: Object, container: Object) -> str:
    return f"{item['kind']}/{item['metadata']['name']}/{container['name']}"


def _local_image(name: str) -> str:
    from chaos.cluster.local import images

    return images.reference(name)


def fill_in(objects: list[Object], values: Mapping[tuple[str, str], tuple[tuple[str, ...], str]]) -> None:
    """Put values where the manifests say fill-in: `{(kind, name): (path of keys, value)}`.

    Raises StackError when a value has no place to go to, or when a place is left over.
    """
    for (kind, name), (path, value) in values.items():
        places = [item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name)]
        if len(places) != 1:
            raise StackError(f"the manifests hold {len(places)} objects {kind} {name}, one was expected")
        *way, last = path
        place = places[0]
        for key in way:
            place = place[key]
        place[last] = value
    for item in objects:
        for left in _left_over(item):
            raise StackError(
                f"{item['kind']} {item['metadata']['name']}: nobody knows what to put for {left!r}",
                hint="make the object yourself, or put the value into the manifest",
            )


def _left_over(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(FILL_IN):
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _left_over(each)
    elif isinstance(value, list):
        for each in value:
            yield from _left_over(each)
