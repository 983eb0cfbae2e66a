"""Writes rights down for `kubectl apply`: a ServiceAccount, a Role, its binding; a ClusterRole if one is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from textwrap import wrap

import yaml

from chaos.cluster.rights import Right, Rights

_API = "rbac.authorization.k8s.io"
_WIDTH = 120


@dataclass(frozen=True)
class Account:
    """A ServiceAccount: its name and namespace."""

    name: str
    namespace: str


@dataclass(frozen=True)
class Rule:
    """One rule of a Role, and for what each of its verbs is needed: `(verbs, why)`."""

    group: str
    resource: str
    name: str
    verbs: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]

    def lines(self) -> Iterator[str]:
        """The rule as YAML, with its reasons as comments."""
        for verbs, why in self.reasons:
            yield from wrap(f"{verbs}: {why}", _WIDTH, initial_indent="  # ", subsequent_indent="  #   ")
        yield f"  - apiGroups: [{_scalar(self.group)}]"
        yield f"    resources: [{self.resource}]"
        if self.name:
            yield f"    resourceNames: [{_scalar(self.name)}]"
        yield f"    verbs: [{', '.join(self.verbs)}]"


def rules(rights: Iterable[Right]) -> list[Rule]:
    """Rights, sorted, as rules: one for each resource, or for each object where it is named."""
    found: dict[tuple[str, str, str], list[Right]] = {}
    for right in rights:
        found.setdefault((right.group, right.resource, right.name), []).append(right)
    return [Rule(*key, tuple(each.verb for each in rights), _reasons(rights)) for key, rights in found.items()]


def manifest(rights: Rights, account: Account, namespace: str, *, about: Iterable[str] = ()) -> str:
    """The objects that give the account these rights in the namespace, as YAML; `about` are comments at its top."""
    within = [right for right in rights if not right.cluster]
    everywhere = [right for right in rights if right.cluster]
    documents = [
        [f"# {line}" for line in about] + _object("ServiceAccount", "v1", account.name, account.namespace),
        [*_object("Role", f"{_API}/v1", account.name, namespace), *_written(within)],
        [*_object("RoleBinding", f"{_API}/v1", account.name, namespace), *_bound("Role", account.name, account)],
    ]
    if everywhere:
        # It belongs to no namespace, so that its name has to tell from whose it is.
        name = f"{account.name}-{namespace}"
        documents += [
            [*_object("ClusterRole", f"{_API}/v1", name), *_written(everywhere)],
            [*_object("ClusterRoleBinding", f"{_API}/v1", name), *_bound("ClusterRole", name, account)],
        ]
    return "---\n".join("".join(f"{line}\n" for line in document) for document in documents)


def _reasons(rights: list[Right]) -> tuple[tuple[str, str], ...]:
    verbs: dict[str, list[str]] = {}
    for right in rights:
        verbs.setdefault(right.why, []).append(right.verb)
    return tuple((", ".join(each), why) for why, each in verbs.items())


def _object(kind: str, version: str, name: str, namespace: str = "") -> list[str]:
    where = f", namespace: {_scalar(namespace)}" if namespace else ""
    return [f"apiVersion: {version}", f"kind: {kind}", f"metadata: {{name: {_scalar(name)}{where}}}"]


def _written(rights: Iterable[Right]) -> list[str]:
    return ["rules:", *(line for rule in rules(rights) for line in rule.lines())]


def _bound(kind: str, name: str, account: Account) -> list[str]:
    who = f"name: {_scalar(account.name)}, namespace: {_scalar(account.namespace)}"
    return [
        f"roleRef: {{apiGroup: {_API}, kind: {kind}, name: {_scalar(name)}}}",
        "subjects:",
        f"  - {{kind: ServiceAccount, {who}}}",
    ]


def _scalar(text: str) -> str:
    """A name as YAML has it: quoted where it would be something else (`on`, `1`, nothing at all)."""
    plain = re.fullmatch(r"[-a-z0-9.]+", text) and yaml.safe_load(f"[{text}]") == [text]
    return text if plain else json.dumps(text)
