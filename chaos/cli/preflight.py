"""`hachaos preflight`: the risks that can be read from a stack's objects."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.cli import targets
from chaos.cli.targets import elsewhere_options
from chaos.paths import CLUSTER, is_binding
from chaos.redact import plain

if TYPE_CHECKING:
    from chaos.cluster.elsewhere import Elsewhere
    from chaos.preflight.objects import Objects
    from chaos.preflight.risk import Risk


@click.command()
@click.option(
    "--stack", "spec", default="hardened", show_default=True, help="A profile, or the file of a binding (*.yaml)."
)
@click.option("--name", default=CLUSTER, show_default=True, metavar="NAME", help="The embedded cluster's name.")
@elsewhere_options
@click.option("--manifests", is_flag=True, help="Read the profile's manifests, also where it is deployed.")
@click.option("--json", "as_json", is_flag=True, help="The risks as JSON.")
def preflight(spec: str, name: str, elsewhere: Elsewhere | None, *, manifests: bool, as_json: bool) -> None:
    """List the risks in a stack's objects: rule, severity, object, reason, remedy. Touches nothing.

    Exit code 0 when the stack could be read, whatever was found: a risk is not a verdict, only a run gives one.
    """
    from chaos.preflight.risk import SEVERITIES, risks
    from chaos.preflight.rules import RULES

    read: Objects | None
    if manifests:
        read = _manifests(spec)
    elif is_binding(spec):
        read = _binding(spec, name, elsewhere)
    else:
        read = _deployed(spec, name, elsewhere)
    if read is None:
        click.echo(f"the stack {spec} is not deployed on a cluster {name}: its manifests are read", err=True)
        read = _manifests(spec)
    found = risks(read, RULES)
    if as_json:
        click.echo(json.dumps({"stack": spec, "risks": [asdict(risk) for risk in found]}, indent=2))
        return
    for risk in found:
        _show(risk)
    counted = ", ".join(f"{sum(risk.severity == each for risk in found)} {each}" for each in SEVERITIES)
    click.echo(f"{len(found)} risks: {counted}" if found else "no risks found")


def _show(risk: Risk) -> None:
    where = f" ({risk.place})" if risk.place else ""
    click.echo(plain(f"{risk.severity:6}  {risk.rule}  {risk.object} {risk.field}{where}"))
    click.echo(plain(f"        {risk.reason}"))
    click.echo(plain(f"        remedy: {risk.remedy}"))


def _manifests(spec: str) -> Objects:
    from chaos.errors import UsageError
    from chaos.preflight.objects import of_manifests
    from chaos.stack.profile import Profile

    if is_binding(spec):
        raise UsageError(f"{spec} is a binding; it has no manifests", hint="leave out --manifests to read the cluster")
    return of_manifests(Profile.load(spec))


def _binding(spec: str, name: str, elsewhere: Elsewhere | None) -> Objects:
    """The objects of a stack that is there. Raises ClusterError without the cluster, StackError without the stack."""
    from chaos.preflight import live
    from chaos.stack import bound

    file = bound.load(Path(spec))
    api = targets.require_api(name, elsewhere).in_namespace(file.namespace)
    return live.read(api, bound.look(api, file))


def _deployed(spec: str, name: str, elsewhere: Elsewhere | None) -> Objects | None:
    """The objects of a profile's stack; None where it is not deployed."""
    from chaos.preflight import live
    from chaos.stack import source
    from chaos.stack.profile import Profile
    from chaos.stack.rollout import is_ours, profile_of

    profile = Profile.load(spec)
    source.require_bound(source.Deployed(spec, profile), elsewhere)
    api = targets.api(name, None)
    namespace = api.get("Namespace", profile.namespace) if api else None
    if api is None or namespace is None or not is_ours(namespace) or profile_of(namespace) != spec:
        return None
    read = live.read(api.in_namespace(profile.namespace), profile.binding)
    return read if read.part("database") else None
