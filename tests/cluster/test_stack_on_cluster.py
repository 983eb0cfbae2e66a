"""The hardened stack on a real cluster: deployed by what it serves, brought back when it is not, and taken away."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
import yaml

from chaos.cluster.local.cluster import Cluster
from chaos.cluster.target import Target
from chaos.errors import StackError
from chaos.progress import NoProgress, PlainProgress
from chaos.stack import deploy
from chaos.stack.profile import Profile
from chaos.stack.stack import Pod, Stack
from chaos.stack.verify import problems, verify
from embedded import ROOT, Hachaos, in_network_of, sql


def test_a_sound_stack_is_recognised_fast_and_not_touched(stack: Stack, target: Target) -> None:
    before = {pod.uid for role in ("database", "site", "files") for pod in stack.pods(role)}
    began = time.monotonic()
    again = deploy.ensure(target, Profile.load(stack.binding.name), NoProgress())
    assert time.monotonic() - began < 6.0  # 0.5 s on an idle machine
    assert again.seed == stack.seed
    assert {pod.uid for role in ("database", "site", "files") for pod in again.pods(role)} == before


def test_the_manifests_are_read_as_kubectl_reads_them(cluster: Cluster, hachaos: Hachaos) -> None:
    said = hachaos("cluster", "kubectl", "--name", cluster.name, "kustomize", str(ROOT / "manifests" / "hardened"))
    theirs = {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(said.stdout)}
    ours = {(item["kind"], item["metadata"]["name"]): item for item in Profile.load("hardened").objects}
    assert ours == theirs


def test_the_parts_are_spread_over_the_nodes(stack: Stack) -> None:
    for role in ("database", "site"):
        assert len({pod.node for pod in stack.pods(role)}) == 3


def test_the_database_may_no_longer_start_empty(stack: Stack) -> None:
    settings = stack.api.get("ConfigMap", "mysql")
    assert settings is not None
    assert settings["data"]["BOOTSTRAP"] == "no"


def test_a_picture_that_is_gone_from_the_files_is_noticed_on_every_pod(stack: Stack) -> None:
    # Through NFS: the server does not look whether somebody else changed its volume.
    file = f"/var/www/html{stack.seed.picture.path}"
    site = {pod.name for pod in stack.pods("site")}
    one = min(site)
    assert stack.api.execute(one, "wordpress", ["mv", file, file + ".away"], timeout_s=10).code == 0
    try:
        deadline = time.monotonic() + 30  # nodes remember names and contents for some seconds
        while not site <= {line.partition(" ")[0] for line in problems(stack) if "another picture" in line}:
            assert time.monotonic() < deadline, problems(stack)
            time.sleep(0.5)
    finally:
        stack.api.execute(one, "wordpress", ["mv", file + ".away", file], timeout_s=10)
    verify(stack, NoProgress())


def test_a_stack_left_scaled_down_and_without_files_is_brought_back(stack: Stack, target: Target) -> None:
    stack.api.patch("Deployment", "wordpress", {"spec": {"replicas": 1}}, subresource="scale")
    stack.api.delete("Pod", "nfs-0", grace_s=0)
    again = deploy.ensure(target, Profile.load(stack.binding.name), PlainProgress())
    assert again.seed == stack.seed
    assert len(again.pods("site")) == 3
    assert problems(again) == []


def test_a_roll_out_of_the_site_loses_no_request(stack: Stack) -> None:
    stop, bad, good = threading.Event(), [], []

    def read() -> None:
        while not stop.is_set():
            try:
                page = requests.get(f"http://{stack.site_address()}/", headers={"Host": stack.site_host}, timeout=10)
                (good if stack.seed.marker in page.text else bad).append(f"{page.status_code} {page.text[:80]}")
            except requests.RequestException as error:
                bad.append(str(error))
            stop.wait(0.1)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        now = str(time.time())
        template = {"metadata": {"annotations": {"rolled-at": now}}}
        before = {pod.uid for pod in stack.pods("site")}
        stack.api.patch("Deployment", "wordpress", {"spec": {"template": template}})
        deadline = time.monotonic() + 120
        while before & {pod.uid for pod in stack.pods("site")} or not stack.ready("site"):
            assert time.monotonic() < deadline, "the roll-out did not end"
            time.sleep(0.5)
    finally:
        stop.set()
        reader.join()
    assert bad == []
    assert len(good) > 10


def test_a_page_commits_nothing_to_the_database(stack: Stack) -> None:
    """Else it would hang while no replica acknowledges a commit."""
    sql(stack, "mysql-0", "DELETE FROM wordpress.wp_options WHERE option_name LIKE '%transient%'")
    before = sql(stack, "mysql-0", "SELECT @@gtid_binlog_pos")
    for pod in stack.pods("site"):
        for path in ("/", stack.seed.page.path):
            page = requests.get(f"http://{pod.ip}{path}", headers={"Host": stack.site_host}, timeout=10)
            assert stack.seed.marker in page.text
    assert sql(stack, "mysql-0", "SELECT @@gtid_binlog_pos") == before


@contextmanager
def one_port_in_32_leads_nowhere(pod: Pod, service: str) -> Iterator[None]:
    """The pod's node sends what comes from these ports to a database that is gone, as it does for 120 s after one went.

    Of the even ports, as the kernel takes those for connections. Those that are in use are left.
    """
    gone = f"{pod.ip.rpartition('.')[0]}.250"
    add = f"conntrack -I -p tcp --state SYN_SENT -t 120 -s {pod.ip} -d {service} --dport 3306 --sport $port"
    add += f" --reply-src {gone} --reply-port-src 3306 --reply-dst {pod.ip} --reply-port-dst $port"
    take_away = f"conntrack -D -p tcp --state SYN_SENT -s {pod.ip}"
    run = [*in_network_of(pod.node), "sh", "-c"]
    subprocess.run([*run, f"for port in $(seq 32768 64 60999); do {add}; done"], capture_output=True, check=False)
    try:
        yield
    finally:
        subprocess.run([*run, take_away], capture_output=True, check=False)


def test_a_page_is_made_though_its_first_connection_to_the_database_leads_nowhere(stack: Stack) -> None:
    """Of pages that met such a port three are made before three are not: the second port may be such a one as well."""
    pod = stack.pods("site")[0]
    service = (stack.api.get("Service", "mysql-primary") or {})["spec"]["clusterIP"]
    late: list[bool] = []
    with one_port_in_32_leads_nowhere(pod, service):
        deadline = time.monotonic() + 100
        while max(late.count(True), late.count(False)) < 3:
            assert time.monotonic() < deadline, f"no such port was met often enough: {late}"
            page = requests.get(f"http://{pod.ip}/", headers={"Host": stack.site_host}, timeout=30)
            made = stack.seed.marker in page.text
            if page.elapsed.total_seconds() >= 1 or not made:
                late.append(made)
    assert late.count(True) == 3


def test_pages_are_served_while_the_files_are_away(stack: Stack) -> None:
    stack.api.patch("StatefulSet", "nfs", {"spec": {"replicas": 0}}, subresource="scale")
    try:
        deadline = time.monotonic() + 60
        while stack.pods("files"):
            assert time.monotonic() < deadline, "the NFS server did not end"
            time.sleep(0.25)
        for pod in stack.pods("site"):
            page = requests.get(f"http://{pod.ip}{stack.seed.page.path}", headers={"Host": stack.site_host}, timeout=10)
            assert stack.seed.page.text in page.text
        assert stack.ready("site")
    finally:
        stack.api.patch("StatefulSet", "nfs", {"spec": {"replicas": 1}}, subresource="scale")
    verify(stack, NoProgress(), timeout_s=120)


@pytest.mark.parametrize("after_s", [1.5, pytest.param(8.0, marks=pytest.mark.long)])
def test_a_deployment_that_was_killed_is_resumed(cluster: Cluster, target: Target, after_s: float) -> None:
    profile = Profile.load("hardened")
    deploy.remove(target, profile, PlainProgress())
    with pytest.raises(StackError, match="no stack hardened is installed"):
        deploy.attach(target, profile)
    up = subprocess.Popen([ROOT / "hachaos", "stack", "up", "--name", cluster.name, "--quiet"])
    time.sleep(after_s)  # any moment will do: what follows must hold for each
    up.send_signal(signal.SIGKILL)
    up.wait()
    again = deploy.ensure(target, profile, PlainProgress())
    assert problems(again) == []
