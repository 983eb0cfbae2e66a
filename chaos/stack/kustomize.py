"""The subset of kustomize that our manifests use, so that the tool and `kubectl apply -k` read the same files.

What this does not know it refuses: a key that is passed over in silence would make the two differ.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from chaos.errors import StackError

Object = dict[str, Any]

_KNOWN = {"apiVersion", "kind", "namespace", "resources", "configMapGenerator", "generatorOptions"}
_GENERATOR_KNOWN = {"name", "files", "literals"}
_CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", "Namespace", "PersistentVolume", "StorageClass"}


def render(folder: Path) -> list[Object]:
    """The objects of `folder/kustomization.yaml`, in its order, generated ConfigMaps first.

    Raises StackError for a file that is missing, is no YAML, or asks for what is not known here.
    """
    file = folder / "kustomization.yaml"
    (kustomization,) = _documents(file)
    _refuse_unknown(kustomization, _KNOWN, file)
    options = kustomization.get("generatorOptions", {})
    generators = kustomization.get("configMapGenerator", [])
    if generators and options != {"disableNameSuffixHash": True}:
        raise StackError(f"{file}: generatorOptions must be exactly disableNameSuffixHash: true")
    objects = [_config_map(folder, file, generator) for generator in generators]
    for name in kustomization.get("resources", []):
        objects += _documents(folder / name)
    namespace = kustomization.get("namespace")
    if namespace:
        for item in objects:
            if item["kind"] == "Namespace":
                item["metadata"]["name"] = namespace
            elif item["kind"] not in _CLUSTER_SCOPED:
                item["metadata"]["namespace"] = namespace
    return objects


def _config_map(folder: Path, file: Path, generator: Object) -> Object:
    _refuse_unknown(generator, _GENERATOR_KNOWN, file)
    data: dict[str, str] = {}
    for entry in generator.get("files", []):
        key, found, path = entry.partition("=")
        source = folder / (path if found else key)
        data[key if found else source.name] = _read(source)
    for entry in generator.get("literals", []):
        key, _, value = entry.partition("=")
        data[key] = value
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data}


def _documents(file: Path) -> list[Object]:
    try:
        documents = [each for each in yaml.safe_load_all(_read(file)) if each is not None]
    except yaml.YAMLError as error:
        raise StackError(f"{file}: {error}") from error
    for each in documents:
        if not isinstance(each, dict) or "kind" not in each:
            raise StackError(f"{file}: holds something that is no Kubernetes object")
    return documents


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise StackError(f"{file}: {error.strerror}") from error


def _refuse_unknown(mapping: Object, known: set[str], file: Path) -> None:
    unknown = sorted(set(mapping) - known)
    if unknown:
        raise StackError(f"{file}: {unknown[0]!r} is a part of kustomize that hachaos does not know")
