"""`hachaos stack`: the stack under test, without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chaos.cli.targets import elsewhere_options, existing, name_option
from chaos.paths import CLUSTER
from chaos.redact import plain

if TYPE_CHECKING:
    from chaos.cluster.elsewhere import Elsewhere

_name = click.option("--name", default=CLUSTER, show_default=True, metavar="NAME", help="The embedded cluster's name.")
_profile = click.option(
    "--stack", "profile", default="hardened", show_default=True, help="hardened (ours) or published (the tutorial's)."
)
_quiet = click.option("--quiet", "-q", is_flag=True, help="No progress display.")


@click.group()
def stack() -> None:
    """The stack under test: WordPress, MySQL and NFS on the embedded cluster."""


@stack.command()
@click.option("--nodes", type=click.IntRange(1, 5), help="Nodes of the embedded cluster, if it has to be started (3).")
@_name
@_profile
@_quiet
def deploy(nodes: int | None, name: str, profile: str, *, quiet: bool) -> None:
    """Deploy, install and verify the stack; start the cluster if need be. A sound stack is left as it is."""
    from chaos import run_lock
    from chaos.cluster import protected
    from chaos.cluster import target as targets
    from chaos.progress import progress
    from chaos.stack import deploy as deployment
    from chaos.stack.profile import Profile

    wanted = Profile.load(profile)
    target = targets.local(name, nodes, quiet=quiet)
    protected.refuse(target.api, wanted.namespace)
    run_lock.hold(name)
    with progress(quiet=quiet) as shown:
        found = deployment.ensure(target, wanted, shown)
    click.echo(f"stack {profile} is deployed, installed and verified: {found.seed.marker!r} at {found.site_address()}")
    if profile == deployment.PUBLISHED:
        click.echo(f"what is wrong with it: hachaos stack status --stack {profile}{name_option(name)}")
    click.echo(f"to look at it: hachaos stack open{name_option(name)}")


@stack.command()
@_name
@_profile
@_quiet
def delete(name: str, profile: str, *, quiet: bool) -> None:
    """Remove the stack with all its data; the cluster stays."""
    from chaos import run_lock
    from chaos.cluster import protected
    from chaos.cluster import target as targets
    from chaos.progress import progress
    from chaos.stack import deploy as deployment
    from chaos.stack.profile import Profile

    wanted = Profile.load(profile)
    existing(name, "stack deploy")
    target = targets.local(name, None, quiet=quiet)
    protected.refuse(target.api, wanted.namespace)
    run_lock.hold(name)
    with progress(quiet=quiet) as shown:
        was_there = deployment.remove(target, wanted, shown)
    click.echo(f"stack {profile} is gone" if was_there else "there is no stack")


@stack.command()
@click.option("--stack", "profile", default="hardened", show_default=True, help="A profile, or the file of a binding.")
@_name
@elsewhere_options
def status(name: str, profile: str, elsewhere: Elsewhere | None) -> None:
    """Look at every pod: what it serves, what it holds. Exit code 0 when the stack is sound, 3 otherwise.

    Of a stack that a file binds (--stack FILE.yaml) only whether the pods are ready.
    """
    from chaos.cluster import target as targets
    from chaos.errors import ExitCode
    from chaos.stack import deploy as deployment
    from chaos.stack import source

    stacks = source.of(profile)
    source.require_bound(stacks, elsewhere)
    if elsewhere is None:
        existing(name, "stack deploy")
    found = stacks.attach(targets.of(elsewhere, name, None, quiet=True))
    for role in found.binding.controllers:
        for pod in found.pods(role):
            state = "ending" if pod.terminating else "ready" if pod.ready else "not ready"
            click.echo(f"{pod.name:32} {pod.role:18} {state:10} {pod.node} {pod.ip}")
    if stacks.borrowed:
        ready = found.ready("stack")
        click.echo("every pod is ready" if ready else "not every pod is ready")
        raise SystemExit(int(ExitCode.PASS if ready else ExitCode.TROUBLE))
    wrong, known = deployment.problems(found), deployment.known_faults(found)
    for line in wrong:
        click.echo(plain(f"wrong: {line}"))
    for line in known:
        click.echo(plain(f"known fault: {line}"))
    if wrong:
        click.echo("the stack is not sound")
    elif profile == deployment.PUBLISHED:
        click.echo("the stack is as it was deployed: it serves the site, and mysql-0 takes rows")
    else:
        click.echo("the stack is sound: every pod serves and holds the seed content")
    raise SystemExit(int(ExitCode.TROUBLE if wrong else ExitCode.PASS))


# Their names of before.
stack.add_command(deploy, "up")
stack.add_command(delete, "down")


@stack.command()
@click.option("--namespace", required=True, metavar="NS", help="Where the stack is.")
@_name
@elsewhere_options
def bind(namespace: str, name: str, elsewhere: Elsewhere | None) -> None:
    """Look at a namespace and print a binding's file for the stack in it, for `--stack FILE`. Touches nothing."""
    from chaos.cluster import target as targets
    from chaos.stack.bind import propose

    if elsewhere is None:
        existing(name, "stack deploy")
    target = targets.of(elsewhere, name, None, quiet=True)
    click.echo(propose(target.api.in_namespace(namespace)), nl=False)


@stack.command(name="open")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port on 127.0.0.1; 0 takes a free one.")
@_name
@_profile
def open_(port: int, name: str, profile: str) -> None:
    """Let a browser on this host see the site at 127.0.0.1:PORT until interrupted."""
    from chaos.cluster.local.forward import serve
    from chaos.cluster.local.targets import resolve
    from chaos.stack.profile import Profile

    wanted = Profile.load(profile)
    found = existing(name, "stack deploy")
    address, target_port = resolve(found, f"{wanted.namespace}/{wanted.controller('site').service}")
    serve(found, port, address, target_port, lambda taken: click.echo(f"http://127.0.0.1:{taken}/"))
