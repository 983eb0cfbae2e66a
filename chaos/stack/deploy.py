"""Brings a stack to where it is deployed, installed and verified, from wherever it is; and takes it away again."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from chaos.cluster.api import Api, Object
from chaos.errors import StackError
from chaos.progress import Progress
from chaos.stack import credentials, deploy_hardened, deploy_published, install, verify, verify_published
from chaos.stack.profile import Profile
from chaos.stack.rollout import Rollout, applied, is_ours, profile_of
from chaos.stack.stack import Stack

if TYPE_CHECKING:
    from chaos.cluster.target import Target

PUBLISHED = "published"
"""The profile that is the tutorial's own stack. It has its own order, secrets, installation and idea of soundness."""


def ensure(target: Target, profile: Profile, progress: Progress) -> Stack:
    """The profile's stack on the target: deployed, installed and verified.

    A sound stack is used as it is. Anything less of the hardened stack is brought there by applying the manifests and
    waiting, so a kill at any moment is made good by the next call. The published one cannot be mended so: it is removed
    and deployed anew, as is a stack of another profile. Raises StackError that says what was waited for and what the
    pods said.
    """
    rollout = Rollout(target.api.in_namespace(profile.namespace), profile, progress)
    objects = profile.manifests(local=target.local)
    version = hashlib.sha256(json.dumps(objects, sort_keys=True).encode()).hexdigest()[:16]
    with progress.task("stack: look at what is there"):
        found = _sound(rollout.api, profile, version, _local_cluster(target))
    if found is not None:
        return found
    _make_room(target, profile, progress)
    if profile.name == PUBLISHED:
        deploy_published.deploy(rollout, objects, version)
        return attach(target, profile)
    deploy_hardened.deploy(rollout, objects, version)
    stack = attach(target, profile)
    with progress.task("stack: verify what every pod serves and holds") as task:
        verify.verify(stack, task)
    return stack


def attach(target: Target, profile: Profile) -> Stack:
    """The stack that is there, without a look at its state. Raises StackError when none was ever installed."""
    api = target.api.in_namespace(profile.namespace)
    seed = install.seed_of(api) if deployed(api) in ("", profile.name) else None
    if seed is None:
        raise StackError(
            f"{target.name}: no stack {profile.name} is installed in namespace {api.namespace}",
            hint=f"hachaos stack deploy --stack {profile.name}",
        )
    return Stack(profile.binding, api, _credentials(api, profile), seed, _local_cluster(target))


def remove(target: Target, profile: Profile, progress: Progress) -> bool:
    """Take the stack away with all its data: its namespace and the volume that points into it. False: was not there.

    Where another profile's stack is deployed in its place, it is that one which is taken away.
    """
    api = target.api.in_namespace(profile.namespace)
    there = deployed(api) or profile.name
    if there != profile.name:
        progress.say(f"in namespace {api.namespace} the stack {there} is deployed: that one is removed")
        profile = Profile.load(there)
    with progress.task("stack: remove") as task:
        return Rollout(api, profile, progress).remove(task)


def problems(stack: Stack) -> list[str]:
    """What keeps the stack from being used as it is, a sentence each; empty when it is sound."""
    return verify_published.problems(stack) if stack.binding.name == PUBLISHED else verify.problems(stack)


def known_faults(stack: Stack) -> list[str]:
    """What is wrong with a stack that is as it was deployed: the published one's own faults, a sentence each."""
    return verify_published.faults(stack) if stack.binding.name == PUBLISHED else []


def _make_room(target: Target, profile: Profile, progress: Progress) -> None:
    api = target.api.in_namespace(profile.namespace)
    there = deployed(api)
    if there and there != profile.name:
        progress.say(f"namespace {api.namespace} has the stack {there}: it is removed for the stack {profile.name}")
        remove(target, Profile.load(there), progress)
    elif there and profile.name == PUBLISHED:
        progress.say("the published stack is there and is not sound: it can't be mended, so it is deployed anew")
        remove(target, profile, progress)


def deployed(api: Api) -> str:
    """The profile whose stack is in the namespace; empty for none of ours."""
    namespace = api.get("Namespace", api.namespace)
    return profile_of(namespace) if namespace is not None and is_ours(namespace) else ""


def _local_cluster(target: Target) -> str:
    return target.name.removeprefix("local/") if target.local else ""


def secrets(profile: Profile) -> tuple[str, ...]:
    """The names of the Secrets that hold the credentials of a profile's stack."""
    return ("hachaos",) if profile.name == PUBLISHED else ("mysql", "wordpress")


def _credentials(api: Api, profile: Profile) -> credentials.Credentials:
    return credentials.load_published(api) if profile.name == PUBLISHED else credentials.load(api)


def _sound(api: Api, profile: Profile, version: str, local_cluster: str) -> Stack | None:
    namespace: Object | None = api.get("Namespace", api.namespace)
    if namespace is None or profile_of(namespace) != profile.name or applied(namespace) != version:
        return None
    if profile.name != PUBLISHED and deploy_hardened.is_starting(api):
        return None
    seed = install.seed_of(api)
    if seed is None:
        return None
    try:
        stack = Stack(profile.binding, api, _credentials(api, profile), seed, local_cluster)
        return stack if stack.ready("stack") and not problems(stack) else None
    except StackError:
        return None
