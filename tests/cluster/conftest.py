"""A real cluster and a real stack for the tests that ask for them: made once, shared, taken down at the end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos import undo_notes
from chaos.cluster.local import cluster as clusters
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.target import Target
from chaos.errors import StackError
from chaos.progress import PlainProgress
from chaos.stack import deploy
from chaos.stack.profile import Profile
from chaos.stack.stack import Stack
from embedded import NAME, ROOT, Hachaos, inside


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)
    # The tests of another stack come last: those after them would have to deploy the hardened one anew.
    items.sort(key=lambda item: item.path.name == "test_published_stack.py")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three nodes."""
    found = clusters.up(name=NAME, nodes=3, progress=PlainProgress())
    yield found
    clusters.down(NAME)


@pytest.fixture
def target(cluster: Cluster) -> Iterator[Target]:
    """The cluster with the test's own thread in its network for as long as the test lasts."""
    with inside(cluster) as found:
        yield found


_undeployable: list[StackError] = []
"""Why no stack could be deployed from nothing: the tests that need one don't each wait for another try."""


@pytest.fixture
def stack(target: Target, hachaos: Hachaos) -> Stack:
    """The hardened stack, deployed, installed and verified; one that an earlier test left sound is used again.

    What a test that failed has left changed is put back, and a stack that cannot be mended is taken away for the next
    test, so that the tests after it tell of themselves.
    """
    if _undeployable:
        pytest.fail(f"no stack could be deployed: {_undeployable[0]}", pytrace=False)
    profile = Profile.load("hardened")
    is_new = not deploy.deployed(target.api.in_namespace(profile.namespace))
    try:
        found = deploy.ensure(target, profile, PlainProgress())
    except StackError as error:
        if is_new:
            _undeployable.append(error)
        else:
            deploy.remove(target, profile, PlainProgress())
        raise
    if undo_notes.on_workloads(found):
        hachaos("recover", "--stack", "hardened", "--name", NAME)
    return found


@pytest.fixture
def hachaos() -> Hachaos:
    """Call the launcher as a user does."""

    def call(*arguments: str, timeout: float = 900, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(ROOT / "hachaos"), *arguments], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
        )

    return call
