"""`hachaos preflight`: the risks that can be read from a stack's objects."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from chaos.preflight.objects import Objects
    from chaos.preflight.risk import Risk


@click.command()
@click.option(
    "--stack", "spec", default="hardened", show_default=True, help="A profile, or the file of a binding (*.yaml)."
)
@click.option("--name", default="hachaos", show_default=True, metavar="NAME", help="The embedded cluster's name.")
@click.option("--manifests", is_flag=True, help="Read the profile's manifests; needs no cluster.")
@click.option("--json", "as_json", is_flag=True, help="The risks as JSON.")
def preflight(spec: str, name: str, *, manifests: bool, as_json: bool) -> None:
    """List the risks in a stack's objects: rule, severity, object, reason, remedy. Touches nothing.

    Exit code 0 when the stack could be read, whatever was found: a risk is not a verdict, only a run gives one.
    """
    from chaos.preflight.risk import SEVERITIES, risks
    from chaos.preflight.rules import RULES

    found = risks(_manifests(spec) if manifests else _live(spec, name), RULES)
    if as_json:
        click.echo(json.dumps({"stack": spec, "risks": [asdict(risk) for risk in found]}, indent=2))
        return
    for risk in found:
        _show(risk)
    counted = ", ".join(f"{sum(risk.severity == each for risk in found)} {each}" for each in SEVERITIES)
    click.echo(f"{len(found)} risks: {counted}" if found else "no risks found")


def _show(risk: Risk) -> None:
    where = f" ({risk.place})" if risk.place else ""
    click.echo(f"{risk.severity:6}  {risk.rule}  {risk.object} {risk.field}{where}")
    click.echo(f"        {risk.reason}")
    click.echo(f"        remedy: {risk.remedy}")


def _is_file(spec: str) -> bool:
    return spec.endswith((".yaml", ".yml"))


def _manifests(spec: str) -> Objects:
    from chaos.errors import UsageError
    from chaos.preflight.objects import of_manifests
    from chaos.stack.profile import Profile

    if _is_file(spec):
        raise UsageError(f"{spec} is a binding; it has no manifests", hint="leave out --manifests to read the cluster")
    return of_manifests(Profile.load(spec))


def _live(spec: str, name: str) -> Objects:
    from chaos.cluster.api import connect
    from chaos.cluster.local import cluster as local
    from chaos.cluster.local.host import require_root
    from chaos.errors import ClusterError, StackError
    from chaos.preflight import live
    from chaos.stack import bound
    from chaos.stack.profile import Profile

    file = bound.load(Path(spec)) if _is_file(spec) else None
    profile = None if file else Profile.load(spec)
    require_root()
    found = local.find(name)
    if found is None:
        raise ClusterError(f"there is no cluster {name}", hint="--manifests reads a profile without one")
    local.join(found)
    api = connect(found.kubeconfig)
    if file is not None:
        api = api.in_namespace(file.namespace)
        return live.read(api, bound.look(api, file))
    assert profile is not None
    api = api.in_namespace(profile.namespace)
    read = live.read(api, profile.binding)
    if read.part("database") is None:
        raise StackError(
            f"namespace {profile.namespace} has no {profile.binding.controller('database').name}",
            hint="--manifests reads the profile's manifests instead",
        )
    return read
