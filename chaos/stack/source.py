"""Where a run's stack comes from: a profile that is deployed for it, or a stack that is there and is only borrowed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from chaos.cluster.elsewhere import Elsewhere
from chaos.cluster.rights import Rights
from chaos.errors import UsageError
from chaos.paths import is_binding
from chaos.progress import Progress
from chaos.stack import access, deploy
from chaos.stack.binding import Binding
from chaos.stack.profile import Profile
from chaos.stack.stack import Stack

if TYPE_CHECKING:
    from chaos.cluster.target import Target
    from chaos.stack.bound import BoundFile


class Source(Protocol):
    """Gives a stack that is fit for a run."""

    @property
    def spec(self) -> str:
        """What `of` makes the same source from, in another process too."""

    @property
    def namespace(self) -> str:
        """The namespace that the stack is in."""

    @property
    def borrowed(self) -> bool:
        """Whether a run that is killed leaves something in the stack that `release` would have taken away."""

    @property
    def named(self) -> Binding:
        """The stack's binding as far as it is known without a cluster: selectors may be empty."""

    @property
    def rights(self) -> Rights:
        """What a caller of the API has to be allowed to do to use the stack, and to give it back.

        A profile has to be there already: who deploys it has to be an administrator.
        """

    def ensure(self, target: Target, progress: Progress) -> Stack:
        """The stack, ready to be broken. Raises StackError when it can't be had."""

    def attach(self, target: Target) -> Stack:
        """The stack as it is, without a look at its state."""

    def left(self, stack: Stack) -> list[str]:
        """What `release` would take away, a phrase each. Looks only."""

    def release(self, stack: Stack, progress: Progress) -> bool:
        """Take away what only a run needs; whether there was anything. Raises StackError with what is left."""


def of(spec: str) -> Source:
    """The source that `--stack` names: a profile, or a binding's file where it ends in .yaml or .yml.

    Raises UsageError when there is no such profile, InputError for what is wrong with the file.
    """
    if is_binding(spec):
        from chaos.stack import bound

        path = Path(spec)
        # Not resolved: in a pod the file is a link into a folder that is gone with the ConfigMap's next version.
        return Borrowed(str(path.absolute()), bound.load(path))
    return Deployed(spec, Profile.load(spec))


def require_bound(source: Source, elsewhere: Elsewhere | None) -> None:
    """Refuse to deploy a profile on a cluster that is not the embedded one. Raises UsageError."""
    if elsewhere is not None and not source.borrowed:
        raise UsageError(
            f"--stack {source.spec} is a profile: those are deployed on the embedded cluster and nowhere else",
            hint=f"bind the stack that is there: hachaos stack bind {elsewhere.option} --namespace NS > my-stack.yaml, "
            "then --stack my-stack.yaml",
        )


@dataclass(frozen=True)
class Deployed:
    """A profile's stack: deployed if need be, and left there for the next run."""

    spec: str
    profile: Profile
    borrowed = False

    @property
    def namespace(self) -> str:
        return self.profile.namespace

    @property
    def named(self) -> Binding:
        return self.profile.binding

    @property
    def rights(self) -> Rights:
        return access.rights(self.named, deploy.secrets(self.profile))

    def ensure(self, target: Target, progress: Progress) -> Stack:
        return deploy.ensure(target, self.profile, progress)

    def attach(self, target: Target) -> Stack:
        return deploy.attach(target, self.profile)

    def left(self, stack: Stack) -> list[str]:  # noqa: ARG002
        return []

    def release(self, stack: Stack, progress: Progress) -> bool:  # noqa: ARG002
        return False


@dataclass(frozen=True)
class Borrowed:
    """Somebody's stack: nothing is deployed, and what a run wrote into it is removed after."""

    spec: str
    file: BoundFile
    borrowed = True

    @property
    def namespace(self) -> str:
        return self.file.namespace

    @property
    def named(self) -> Binding:
        return self.file.binding(dict.fromkeys(self.file.workloads, ""))

    @property
    def rights(self) -> Rights:
        return access.rights(self.named, self.file.secrets)

    def ensure(self, target: Target, progress: Progress) -> Stack:
        from chaos.stack import bound

        return bound.attach(target, self.file, progress)

    def attach(self, target: Target) -> Stack:
        from chaos.stack import bound

        return bound.resume(target, self.file)

    def left(self, stack: Stack) -> list[str]:
        from chaos.stack import bound

        return bound.left(stack)

    def release(self, stack: Stack, progress: Progress) -> bool:
        from chaos.stack import bound

        return bound.detach(stack, progress)
