"""The tutorial's stack is deployed with its faults: it serves its site, and each fault that is claimed of it shows."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from chaos.cluster.target import Target
from chaos.progress import NoProgress, PlainProgress
from chaos.stack import deploy
from chaos.stack.clients import NotYet, WordPress, connect, run
from chaos.stack.profile import Profile
from chaos.stack.stack import Stack


@pytest.fixture
def published(target: Target) -> Stack:
    """The published stack; one that an earlier test left as it was deployed is used again."""
    return deploy.ensure(target, Profile.load("published"), PlainProgress())


def test_it_serves_the_site_and_is_used_again_as_it_is(published: Stack, target: Target) -> None:
    front = WordPress(published.site_address(), published.site_host).request("GET", "/")
    assert published.seed.marker in front.text
    assert deploy.problems(published) == []
    before = {pod.uid for pod in published.pods("database")}
    again = deploy.ensure(target, Profile.load("published"), NoProgress())
    assert {pod.uid for pod in again.pods("database")} == before


def test_its_order_leaves_posts_that_are_not_on_every_pod(published: Stack) -> None:
    assert any(" only" in line or "does not replicate" in line for line in deploy.known_faults(published))


def test_root_has_no_password_on_any_pod_and_may_write_to_each(published: Stack) -> None:
    for pod in published.pods("database"):
        with closing(connect(f"{pod.ip}:3306", "root", "", "mysql")) as connection:
            assert run(connection, "SELECT @@read_only") == ((0,),)


@pytest.mark.long
def test_a_primary_that_lost_its_disk_comes_back_empty_and_the_stack_is_deployed_anew(
    published: Stack, target: Target
) -> None:
    (lost,) = published.pods("database/primary")
    published.api.delete("PersistentVolumeClaim", "data-mysql-0")
    published.api.delete_exactly("Pod", lost.name, lost.uid, grace_s=1)
    deadline = time.monotonic() + 90
    while not (found := [pod for pod in published.pods("database/primary") if pod.uid != lost.uid and pod.ready]):
        assert time.monotonic() < deadline, "mysql-0 did not come back"
        time.sleep(0.5)
    address = f"{found[0].ip}:3306"
    with closing(connect(address, "root", "", "mysql")) as connection:
        assert run(connection, "SHOW DATABASES LIKE 'hachaos'") == ()
    with closing(connect(address, "root", "", "wordpress")) as connection:
        assert run(connection, "SHOW TABLES") == ()
    assert any("mysql-0 does not hold the site" in line or "wp_options" in line for line in deploy.problems(published))
    with pytest.raises(NotYet):
        connect(address, "root", "", published.credentials.ledger_database)
    again = deploy.ensure(target, Profile.load("published"), PlainProgress())
    assert again.seed.marker != published.seed.marker
    assert deploy.problems(again) == []
