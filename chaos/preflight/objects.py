"""The objects of a stack as rules look at them: by kind, by part, and by what the containers run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from chaos import paths
from chaos.stack.binding import Binding
from chaos.stack.profile import Profile

Object = dict[str, Any]
Field = tuple[str | int, ...]

TEMPLATE = ("spec", "template", "spec")
WORKLOADS = ("StatefulSet", "Deployment")


@dataclass(frozen=True)
class Container:
    """A container of a workload and where it stands in it; `first` = it runs before the others."""

    item: Object
    field: Field
    body: Object
    first: bool


@dataclass(frozen=True)
class Script:
    """A text that the containers of a part run or read as configuration, and where it stands."""

    item: Object
    field: Field
    text: str


@dataclass(frozen=True)
class Source:
    """Where an object was read from: a file, and its node in it; `whole` names the files of a generated ConfigMap."""

    file: Path
    node: yaml.Node | None = None
    whole: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Objects:
    """A stack's objects. `sources` is empty for live ones."""

    binding: Binding
    items: tuple[Object, ...]
    sources: Mapping[tuple[str, str], Source] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[Object]:
        """All objects of these kinds."""
        return [item for item in self.items if item["kind"] in kinds]

    def get(self, kind: str, name: str) -> Object | None:
        """One object, or None."""
        return next((each for each in self.of(kind) if each["metadata"]["name"] == name), None)

    def part(self, part: str) -> Object | None:
        """The workload of a part, or None for a part that the stack does not have."""
        known = self.binding.controllers.get(part)
        return self.get(known.kind, known.name) if known else None

    def main(self, part: str) -> Container | None:
        """The container of a part that does its work."""
        item = self.part(part)
        known = self.binding.controllers.get(part)
        if item is None or known is None:
            return None
        return next((each for each in containers(item) if each.body["name"] == known.container), None)

    def scripts(self, part: str) -> Iterator[Script]:
        """What the containers of a part are told to run, and the ConfigMaps that they see."""
        item = self.part(part)
        if item is None:
            return
        for container in containers(item):
            for key in ("command", "args"):
                for number, word in enumerate(container.body.get(key) or ()):
                    if "\n" in word or " " in word:
                        yield Script(item, (*container.field, key, number), word)
        for name in sorted(_config_maps(item)):
            found = self.get("ConfigMap", name)
            for key, text in ((found or {}).get("data") or {}).items():
                yield Script(found or {}, ("data", key), text)

    def text(self, part: str) -> str:
        """All scripts and settings of a part in one."""
        return "\n".join(script.text for script in self.scripts(part))

    def place(self, item: Object, path: Field, at: str = "") -> str:
        """FILE:LINE of a field, or of the text `at` in it; empty for a live object."""
        source = self.sources.get((item["kind"], item["metadata"]["name"]))
        if source is None:
            return ""
        if len(path) == 2 and path[0] == "data" and path[1] in source.whole:
            file = source.whole[str(path[1])]
            before, found, _ = file.read_text(encoding="utf-8").partition(at)
            return f"{_shown(file)}:{before.count(chr(10)) + 1 if found else 1}"
        node = _descend(source.node, path)
        if node is None:
            return _shown(source.file)
        line = node.start_mark.line + 1
        if at and isinstance(node, yaml.ScalarNode):
            before, found, _ = node.value.partition(at)
            line += (before.count("\n") + (node.style in ("|", ">"))) if found else 0
        return f"{_shown(source.file)}:{line}"


def containers(item: Object) -> Iterator[Container]:
    """The containers of a workload, those of its start first."""
    spec = item["spec"]["template"]["spec"]
    for key in ("initContainers", "containers"):
        for number, body in enumerate(spec.get(key) or ()):
            yield Container(item, (*TEMPLATE, key, number), body, key == "initContainers")


def replicas(item: Object) -> int:
    """How many pods a workload wants."""
    return int(item["spec"].get("replicas", 1))


def pod_labels(item: Object) -> dict[str, str]:
    """The labels that a workload's pods carry."""
    return dict(item["spec"]["template"].get("metadata", {}).get("labels") or {})


def of_manifests(profile: Profile) -> Objects:
    """The objects as a profile's manifests have them, with their places."""
    folder = paths.manifests() / profile.name
    sources: dict[tuple[str, str], Source] = {}
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    for generator in kustomization.get("configMapGenerator", ()):
        files = [entry.rpartition("=") for entry in generator.get("files", ())]
        whole = {key or Path(path).name: folder / path for key, _, path in files}
        sources["ConfigMap", generator["name"]] = Source(folder / "kustomization.yaml", whole=whole)
    for name in kustomization["resources"]:
        for node in yaml.compose_all((folder / name).read_text(encoding="utf-8"), Loader=yaml.SafeLoader):
            kind, called = _descend(node, ("kind",)), _descend(node, ("metadata", "name"))
            if kind is not None and called is not None:
                sources[kind.value, called.value] = Source(folder / name, node)
    return Objects(profile.binding, profile.objects, sources)


def _config_maps(item: Object) -> set[str]:
    spec = item["spec"]["template"]["spec"]
    names = {each["configMap"]["name"] for each in spec.get("volumes") or () if "configMap" in each}
    for container in containers(item):
        names |= {
            each["configMapRef"]["name"] for each in container.body.get("envFrom") or () if "configMapRef" in each
        }
    return names


def _descend(node: yaml.Node | None, path: Field) -> yaml.Node | None:
    """The node of a field, or the nearest above it that is there."""
    for key in path:
        below: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            below = next((value for name, value in node.value if name.value == key), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            below = node.value[key]
        if below is None:
            return node
        node = below
    return node


def _shown(file: Path) -> str:
    return str(Path("manifests") / file.relative_to(paths.manifests()))
