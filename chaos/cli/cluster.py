"""`hachaos cluster`: the embedded Kubernetes."""

from __future__ import annotations

import os
from pathlib import Path

import click

from chaos.cli.targets import existing, name_option
from chaos.paths import CLUSTER

_DEFAULT_NODES = 3

_name = click.option("--name", default=CLUSTER, show_default=True, metavar="NAME", help="Which cluster.")
_quiet = click.option("--quiet", "-q", is_flag=True, help="No progress display.")


@click.group()
def cluster() -> None:
    """The embedded Kubernetes: its nodes are namespaces of this host, which stays as it was."""


@cluster.command()
@click.option("--nodes", type=click.IntRange(1, 5), default=_DEFAULT_NODES, show_default=True, help="How many nodes.")
@_name
@_quiet
def up(nodes: int, name: str, quiet: bool) -> None:
    """Start the cluster; the first time also build and download what it is made of."""
    from chaos.cluster.local import cluster as local
    from chaos.progress import progress

    before = local.find(name)
    with progress(quiet=quiet) as display:
        found = local.up(name=name, nodes=nodes, progress=display)
    state = "was there already" if before == found else "is up"
    click.echo(f"cluster {name} {state}: {len(found.nodes)} nodes, Kubernetes {found.versions['kubernetes']}")
    click.echo(f"try: hachaos cluster kubectl{name_option(name)} get nodes")


@cluster.command()
@_name
@_quiet
def down(name: str, quiet: bool) -> None:
    """Take the cluster away with everything on it and every trace of it."""
    from chaos.cluster.local import cluster as local
    from chaos.progress import progress

    with progress(quiet=quiet) as display:
        was_there = local.down(name, display)
    click.echo(f"cluster {name} is gone" if was_there else f"there is no cluster {name}")


@cluster.command()
@_name
def status(name: str) -> None:
    """Say how the cluster fares. Exit code 0 when it is sound, 3 otherwise."""
    from chaos.cli.cluster_tables import print_status

    raise SystemExit(print_status(name))


@cluster.command()
@_name
@click.option("--server", metavar="URL", help="Name another server, such as that of `hachaos cluster forward api`.")
def kubeconfig(name: str, server: str | None) -> None:
    """Print the administrator's kubeconfig.

    Its server is reached only from within the cluster's network. From the host: leave `hachaos cluster forward api
    --port 6443` running, and use `hachaos cluster kubeconfig --server https://127.0.0.1:6443`.
    """
    import json

    content = json.loads(existing(name, "cluster up").kubeconfig.read_text())
    if server:
        content["clusters"][0]["cluster"]["server"] = server
    click.echo(json.dumps(content, indent=1))


class _PassedOn(click.Command):
    """Takes `--name NAME` if it comes first; everything after it, `--` included, belongs to another program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        name = CLUSTER
        if args and args[0].startswith("--name="):
            name = args.pop(0).partition("=")[2]
        elif len(args) > 1 and args[0] == "--name":
            name = args[1]
            del args[:2]
        ctx.params = {"name": name, "arguments": tuple(args)}
        return []


@cluster.command(cls=_PassedOn, add_help_option=False, options_metavar="[--name NAME]")
def kubectl(name: str, arguments: tuple[str, ...]) -> None:
    """Run kubectl against the cluster, with all its own arguments."""
    from chaos.cluster.local import cluster as local
    from chaos.cluster.local import state
    from chaos.cluster.local.layout import Places

    found = existing(name, "cluster up")
    anchor = state.read(Places.of(name))
    assert anchor is not None
    local.join(found)
    environment = {**os.environ, "KUBECONFIG": str(found.kubeconfig)}
    # kubectl takes a dash before its command for a word that it does not know, and prints its help.
    given = arguments[1:] if arguments[:1] == ("--",) else arguments
    os.execve(anchor.kube, ["kubectl", *given], environment)


@cluster.command()
@click.argument("target")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port on 127.0.0.1; 0 takes a free one.")
@_name
def forward(target: str, port: int, name: str) -> None:
    """Let a program on this host, such as a browser, reach TARGET at 127.0.0.1:PORT until interrupted.

    TARGET is `api`, ADDRESS:PORT, or NAMESPACE/SERVICE[:PORT], for instance wordpress/wordpress.
    """
    from chaos.cluster.local.forward import serve
    from chaos.cluster.local.targets import resolve

    found = existing(name, "cluster up")
    address, target_port = resolve(found, target)
    serve(found, port, address, target_port, lambda taken: click.echo(f"127.0.0.1:{taken} -> {address}:{target_port}"))


@cluster.command()
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it to FILE (as `docker save` does), for another cluster's registry.",
)
@_name
@_quiet
def image(save: Path | None, name: str, quiet: bool) -> None:
    """Build the image of hachaos itself, for a run in a pod (docs/nightly.md), and give it to the cluster's nodes."""
    from chaos.cluster.local.commands import Commands
    from chaos.cluster.local.images import load, reference
    from chaos.cluster.local.images.hachaos import build
    from chaos.progress import progress

    found = None if save else existing(name, "cluster up")
    with progress(quiet=quiet) as display:
        made = build.ensure(display, Commands())
        if found is not None:
            load.give(made, found, display)
        elif save is not None:
            load.save(made, save)
    where = f"on {len(found.nodes)} nodes of cluster {name}" if found else f"in {save}"
    click.echo(f"image {reference('hachaos')} is {where}")


@cluster.command()
@click.option(
    "--nodes", type=click.IntRange(1, 5), default=_DEFAULT_NODES, show_default=True, help="For how many nodes."
)
@click.option("--online", is_flag=True, help="Also see whether the package registries answer.")
def doctor(nodes: int, online: bool) -> None:
    """Say what this host has, what it lacks, and what will be used instead. Exit code 0 when it will work, else 3."""
    from chaos.cli.cluster_tables import print_doctor

    raise SystemExit(print_doctor(nodes, online=online))
