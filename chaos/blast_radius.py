"""What a run would touch on a cluster that is not the embedded one: said before it, and to be agreed to."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from chaos.actions.workload import takes_volumes
from chaos.cluster.target import Target
from chaos.errors import UsageError
from chaos.scenario.plan import Plan, PlannedStep, Suite
from chaos.scenario.vocabulary import ACTIONS
from chaos.stack.roles import part
from chaos.stack.source import Source
from chaos.stack.stack import Stack
from chaos.units import write_duration


def of(items: Sequence[Plan | Suite], target: Target, stacks: Source) -> list[str]:
    """In lines: the cluster and the namespace, what each step aims at now, what is undone, written and destroyed.

    Only looks. Raises StackError where there is no such stack.
    """
    stack = stacks.attach(target)
    plans = [plan for item in items for plan in (item.plans if isinstance(item, Suite) else (item,))]
    lasts = sum(item.budget_s if isinstance(item, Suite) else item.longest_s for item in items)
    lines = [
        f"cluster    {target.name}, {target.api.server}",
        f"namespace  {stack.api.namespace}",
        f"stack      {stacks.spec}",
        f"reached    {'by port-forward through the API server' if target.reach == 'port-forward' else 'directly'}",
    ]
    for plan in plans:
        lines += ["", f"{plan.name}: {plan.claim}"]
        for step in plan.steps:
            lines += _step(step, stack)
    return [
        *lines,
        "",
        *(f"writes     {each}" for each in _written(plans, stack)),
        "destroys   " + (", ".join(_destroyed(plans)) or "nothing"),
        f"lasts      {write_duration(lasts)} at most, every undo included",
    ]


def agreed(lines: Sequence[str], *, yes: bool, quiet: bool) -> None:
    """Print the blast radius, and have somebody agree to it: by `--yes`, or by the word yes on a terminal.

    Raises UsageError otherwise.
    """
    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if not (quiet and yes):
        print("\n".join(["This run would touch:", *(f"  {line}" if line else "" for line in lines)]), file=sys.stderr)
    if yes:
        return
    if not terminal:
        raise UsageError(
            "nobody has agreed to this, and there is no terminal to ask on: nothing was touched",
            hint="--yes agrees to what is printed above",
        )
    print('Write "yes" to go on: ', end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise UsageError(
            "not agreed to: nothing was touched", hint='the word is "yes", written out; --yes agrees beforehand'
        )


def _step(step: PlannedStep, stack: Stack) -> Iterator[str]:
    words = ACTIONS[step.action]
    given = [f"{name} {step.params[each.key]}" for name, each in words.parameters.items() if each.key in step.params]
    yield f"  {step.index + 1}. {step.name}: {' '.join([step.action, step.target, *given])}"
    if not words.breaks:
        return
    if part(step.target) in stack.binding.controllers:
        kind, name = stack.controller(step.target)
        pods = ", ".join(pod.name for pod in stack.pods(step.target)) or "none"
        yield f"     aims at  {kind} {name}; its pods of {step.target} now: {pods}"
    else:
        yield f"     aims at  {step.target}, which the stack does not have"
    yield f"     undo     {step.undo}"
    if words.nodes:
        yield "     CORDONS the node of such a pod: nothing new starts there till the undo, whosever it is"
    if takes_volumes(stack, step):
        yield "     DESTROYS the volumes of the pods that it takes away: whenScaled is Delete there"
    if words.destructive:
        yield "     DESTROYS the data that it hits"


def _written(plans: Sequence[Plan], stack: Stack) -> Iterator[str]:
    database, site = stack.binding.database, stack.binding.site
    yield f"the table {database.schema}.{database.table}, with a row for each write: removed after"
    yield f"posts, a page and a picture as {stack.credentials.admin_user!r} in the site at {site.host}: removed after"
    if any(plan.workload.uploads_per_s for plan in plans):
        yield "small uploads in the site: removed after"
    yield "objects named hachaos in the namespace, and an annotation on what is changed: removed after"


def _destroyed(plans: Sequence[Plan]) -> list[str]:
    return [f"data that nothing brings back ({plan.name})" for plan in plans if plan.destructive]
