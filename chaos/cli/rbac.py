"""`hachaos rbac`: the Role that a run needs. No cluster is touched."""

from __future__ import annotations

from pathlib import Path

import click

from chaos.cli.targets import scenarios_argument, stack_option


@click.command()
@scenarios_argument
@stack_option
@click.option("--in-cluster", is_flag=True, help="For a run in a pod: it reaches the stack without port-forward.")
@click.option("--service-account", "account", default="hachaos", show_default=True, metavar="NAME", help="Who runs it.")
@click.option("--namespace", metavar="NS", help="The ServiceAccount's namespace, if it is not the stack's.")
def rbac(scenario: tuple[Path, ...], stack: str, account: str, namespace: str | None, *, in_cluster: bool) -> None:
    """Print what a run of the SCENARIO and suite files on the stack has to be allowed to do, and touch nothing.

    That is YAML for `kubectl apply -f -`: a ServiceAccount, a Role in the stack's namespace and its binding; a
    ClusterRole and its binding only where a step needs what belongs to no namespace. It is all that the run needs, and
    nothing else.
    """
    from chaos import rights, role
    from chaos.errors import UsageError
    from chaos.scenario.load import load_any
    from chaos.scenario.plan import plans_of
    from chaos.stack import source
    from chaos.stack.bound_file import is_name

    for option, name in (("--service-account", account), ("--namespace", namespace)):
        if name is not None and not is_name(name):
            raise UsageError(f"{option}: {name!r} is no name of an object", hint="lower-case letters, digits, dashes")
    items = [load_any(path) for path in scenario]
    stacks = source.of(stack)
    there = stacks.named.namespace
    needed = rights.needed(plans_of(items), stacks, outside=not in_cluster)
    about = [
        f"What a run of {', '.join(item.name for item in items)} needs on the stack {stacks.named.name} "
        f"({'in a pod' if in_cluster else 'from outside the cluster'}), and nothing else.",
        "Made by: hachaos rbac. Each rule says which verb is needed for what.",
    ]
    if not stacks.borrowed:
        about.append("The stack has to be there: who deploys it has to be an administrator of the cluster.")
    text = role.manifest(needed, role.Account(account, namespace or there), there, about=about)
    click.echo(text, nl=False)
