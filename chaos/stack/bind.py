"""Proposes a binding's file by looking at a namespace. What was guessed, or can't be seen, is said in a comment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chaos.cluster.api import Api, Object
from chaos.errors import StackError
from chaos.stack.bound_file import API_VERSION

_SITE_IMAGE = re.compile(r"(?:^|[/_-])wordpress\b")
_DATABASE_IMAGE = re.compile(r"(?:^|[/_-])(?:mysql|mariadb|percona|database)\b")
_FILES_IMAGE = re.compile(r"nfs|ganesha")
_ROOT_PASSWORDS = ("MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD")


@dataclass(frozen=True)
class _Found:
    """A workload, the container of it that matters, and why it was taken (a comment; empty when it is plain)."""

    item: Object
    container: Object
    why: str = ""

    @property
    def name(self) -> str:
        return f"{self.item['kind']}/{self.item['metadata']['name']}"

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.item["spec"]["template"]["metadata"].get("labels") or {})


def propose(api: Api) -> str:
    """The text of a binding's file for the stack in the API's namespace; it loads as it is.

    Raises StackError when there is no namespace, no WordPress or no StatefulSet with a database in it.
    """
    if api.get("Namespace", api.namespace) is None:
        raise StackError(f"there is no namespace {api.namespace}", hint="kubectl get namespaces")
    sets = [item | {"kind": "StatefulSet"} for item in api.list("StatefulSet")]
    workloads = [item | {"kind": "Deployment"} for item in api.list("Deployment")] + sets
    services = api.list("Service")
    site = _pick(api, workloads, "WordPress", ("WORDPRESS_DB_HOST",), _SITE_IMAGE, 80)
    database = _pick(
        api, [item for item in sets if item is not site.item], "database", _ROOT_PASSWORDS, _DATABASE_IMAGE, 3306
    )
    rest = [item for item in workloads if item is not site.item and item is not database.item]
    lines = [
        "# Proposed by hachaos stack bind. See to what a comment stands at; docs/binding.md describes each key.",
        f"apiVersion: {API_VERSION}",
        f"name: {api.namespace}",
        f"namespace: {api.namespace}",
        *_site(api.namespace, site, services),
        *_database(database, site, services),
        *_files(rest, services),
    ]
    return "\n".join(lines) + "\n"


def _pick(
    api: Api, workloads: Sequence[Object], what: str, names: Sequence[str], image: re.Pattern[str], port: int
) -> _Found:
    """The workload that looks most like it: by its environment, else by its image, else by its port."""
    candidates = []
    for item in workloads:
        for container in item["spec"]["template"]["spec"]["containers"]:
            ports = [each["containerPort"] for each in container.get("ports") or ()]
            by_environment = any(name in _environment(container) for name in names)
            by_image = bool(image.search(container["image"].rpartition(":")[0] or container["image"]))
            points = 4 * by_environment + 2 * by_image + (port in ports)
            if points:
                candidates.append((points, _Found(item, container)))
    if not candidates:
        kinds = "StatefulSet" if port == 3306 else "Deployment or StatefulSet"
        there = ", ".join(f"{each['kind']}/{each['metadata']['name']}" for each in workloads) or "none"
        raise StackError(f"namespace {api.namespace}: no {kinds} looks like {what}", hint=f"there are: {there}")
    best = max(points for points, _ in candidates)
    found = [each for points, each in candidates if points == best]
    others = ", ".join(each.name for each in found[1:])
    why = f"could as well be {others}" if others else "" if best > 1 else f"a guess: it has port {port}"
    return _Found(found[0].item, found[0].container, why)


def _site(namespace: str, site: _Found, services: Sequence[Object]) -> list[str]:
    known = _environment(site.container)
    mine = _services_of(site, services)
    service = mine[0]["metadata"]["name"] if mine else "fill-in"
    host = f"{service}.{namespace}.svc"
    schema = known.get("WORDPRESS_DB_NAME", {}).get("value", "wordpress")
    prefix = known.get("WORDPRESS_TABLE_PREFIX", {}).get("value", "wp_")
    port = next((each["containerPort"] for each in site.container.get("ports") or ()), 80)
    return [
        "site:",
        _line("workload", site.name, site.why),
        _line("container", site.container["name"]),
        _line("service", service, "" if len(mine) == 1 else f"of {len(mine)} Services that lead to it"),
        _line("host", host, "a guess: the name under which the site answers without a redirect"),
        _line("port", port),
        _line("user", "{secret: fill-in, key: user}", "a Secret with an editor's or administrator's name"),
        _line("password", "{secret: fill-in, key: password}", "and his password; nobody but you knows where it is"),
        _line("schema", schema, "" if "WORDPRESS_DB_NAME" in known else "a guess: the image's default"),
        _line("prefix", prefix or '""', "" if "WORDPRESS_TABLE_PREFIX" in known else "a guess: the image's default"),
        *_uploads(site),
    ]


def _uploads(site: _Found) -> list[str]:
    mounts = [each["mountPath"] for each in site.container.get("volumeMounts") or ()]
    found = next((path for path in mounts if path.endswith("/uploads")), "")
    return [_line("uploads", found)] if found else []


def _database(database: _Found, site: _Found, services: Sequence[Object]) -> list[str]:
    item, labels = database.item, database.labels
    wanted = _environment(site.container).get("WORDPRESS_DB_HOST", {}).get("value", "")
    host, _, said_port = wanted.partition(":")
    used = next((each for each in services if each["metadata"]["name"] == host.partition(".")[0]), None)
    selector = (used or {}).get("spec", {}).get("selector") or {}
    to_all = bool(selector) and selector.items() <= labels.items()
    port = next((each["containerPort"] for each in database.container.get("ports") or ()), int(said_port or 3306))
    lines = ["database:", _line("workload", database.name, database.why)]
    lines.append(_line("container", database.container["name"]))
    lines.append(_line("port", port))
    extra = {key: value for key, value in selector.items() if labels.get(key) != value}
    pod_name = extra.pop("statefulset.kubernetes.io/pod-name", "")
    if used is not None and not to_all and (pod_name or extra):
        lines.append(_line("service", used["metadata"]["name"], "where WordPress writes"))
        lines.append(_line("writes", "service"))
    else:
        why = f"Service {host} leads to every pod, so rows go to the primary itself" if to_all else ""
        lines.append(_line("writes", "primary", why))
    if extra:
        key, value = next(iter(extra.items()))
        lines.append(_line("primary", f'{{label: "{key}={value}"}}', "the label by which the Service finds it"))
    elif pod_name.endswith("-0"):
        lines.append(_line("primary", "ordinal"))
    else:
        why = "a guess: pod 0; write read-only to have the pods asked, or {label: KEY=VALUE}"
        lines.append(_line("primary", "ordinal", why))
    lines += _login(database, site)
    mounts = [each["mountPath"] for each in database.container.get("volumeMounts") or ()]
    data = next((path for path in mounts if path.endswith("/mysql")), "/var/lib/mysql")
    lines.append(_line("data", data, "" if data in mounts else "a guess: the image's default"))
    cloners = [
        each["name"]
        for each in item["spec"]["template"]["spec"].get("initContainers") or ()
        if "xtrabackup" in " ".join(each.get("command") or ()) or "clone" in each["name"]
    ]
    if cloners:
        lines += [_line("provenance", "xtrabackup", "how a clone is told"), _line("clone_log", cloners[0])]
    return lines


def _login(database: _Found, site: _Found) -> list[str]:
    """The user for the ledger: root where its password is in a Secret, else WordPress's own."""
    own, its = _environment(database.container), _environment(site.container)
    for name in _ROOT_PASSWORDS:
        secret = _secret(own.get(name, {}))
        if secret:
            why = "a guess: root may sign in from other hosts; the user has to read every pod's state"
            return [_line("user", "root", why), _line("password", secret)]
    user = its.get("WORDPRESS_DB_USER", {})
    password = its.get("WORDPRESS_DB_PASSWORD", {})
    why = "WordPress's own; it needs REPLICATION CLIENT (to see each pod's state) and CREATE as well"
    named = _secret(user) or user.get("value") or "root"
    empty = password.get("value") == "" or any("ALLOW_EMPTY" in name for name in own)
    found = _secret(password) or ('""' if empty else "{secret: fill-in, key: password}")
    return [_line("user", named, why), _line("password", found, "" if "fill-in" not in found else "name the Secret")]


def _files(workloads: Sequence[Object], services: Sequence[Object]) -> list[str]:
    for item in workloads:
        for container in item["spec"]["template"]["spec"]["containers"]:
            ports = [each["containerPort"] for each in container.get("ports") or ()]
            if 2049 in ports or _FILES_IMAGE.search(container["image"]):
                found = _Found(item, container)
                mine = _services_of(found, services)
                lines = ["files:", _line("workload", found.name), _line("container", container["name"])]
                return lines + ([_line("service", mine[0]["metadata"]["name"])] if mine else [])
    return ["# files: no server of shared files was found in this namespace"]


def _services_of(found: _Found, services: Sequence[Object]) -> list[Object]:
    """The Services that lead to all pods of a workload, those that users reach first."""
    mine = [
        each
        for each in services
        if each["spec"].get("selector") and each["spec"]["selector"].items() <= found.labels.items()
    ]
    return sorted(mine, key=lambda each: (each["spec"].get("clusterIP") == "None", each["metadata"]["name"]))


def _environment(container: Object) -> dict[str, Any]:
    return {each["name"]: each for each in container.get("env") or ()}


def _secret(variable: Object) -> str:
    found = (variable.get("valueFrom") or {}).get("secretKeyRef")
    return f"{{secret: {found['name']}, key: {found['key']}}}" if found else ""


def _line(key: str, value: object, comment: str = "") -> str:
    return f"  {key}: {value}" + (f"  # {comment}" if comment else "")
