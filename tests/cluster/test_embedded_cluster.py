"""The embedded cluster does what a cluster does: schedules, resolves, stores, balances, answers kubectl."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from chaos.cluster.local import cluster as embedded
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.local.images import reference
from chaos.cluster.local.namespaces import inside
from chaos.errors import UsageError
from chaos.progress import NoProgress
from embedded import ROOT, Hachaos, cut_off

NAMESPACE = "embedded"
WEB = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data, namespace: {NAMESPACE}}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: web, namespace: {NAMESPACE}}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: {reference("database")}
          command: [bash, -c, 'touch /data/$NODE; echo started on $NODE; exec socat TCP-LISTEN:80,fork,reuseaddr "$0"',
            'SYSTEM:echo HTTP/1.0 200 OK; echo; echo $NODE']
          env: [{{name: NODE, valueFrom: {{fieldRef: {{fieldPath: spec.nodeName}}}}}}]
          readinessProbe: {{tcpSocket: {{port: 80}}, periodSeconds: 1}}
          volumeMounts: [{{name: data, mountPath: /data}}]
      volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: {NAMESPACE}}}
spec: {{type: LoadBalancer, selector: {{app: web}}, ports: [{{port: 80}}]}}
"""

Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def kubectl(cluster: Cluster) -> Kubectl:
    """Call kubectl as a user does; gives its standard output."""

    def call(*arguments: str, stdin: str = "") -> str:
        command = [str(ROOT / "hachaos"), "cluster", "kubectl", "--name", cluster.name, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="module")
def web(kubectl: Kubectl) -> Iterator[None]:
    """A web server on each node, all with one volume, behind a load balancer."""
    kubectl("apply", "-f", "-", stdin=WEB)
    kubectl("-n", NAMESPACE, "rollout", "status", "daemonset/web", "--timeout=90s")
    yield
    kubectl("delete", "namespace", NAMESPACE, "--timeout=90s")


def await_value(look: Callable[[], str], timeout_s: float = 30) -> str:
    """What `look` gives, once that is not empty."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing within the deadline"
        time.sleep(0.2)
    return found


def fetch(address: str) -> str:
    """What the address answers. A Service's rules reach the nodes a moment after its endpoints are there."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def look() -> str:
        try:
            with opener.open(f"http://{address}/", timeout=5) as answer:
                return str(answer.read().decode()).strip()
        except (OSError, HTTPException):
            return ""

    return await_value(look)


def test_every_node_is_ready_and_of_the_version_that_is_promised(cluster: Cluster, kubectl: Kubectl) -> None:
    nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    assert [node["metadata"]["name"] for node in nodes] == [node.name for node in cluster.nodes]
    for node in nodes:
        assert node["status"]["nodeInfo"]["kubeletVersion"] == cluster.versions["kubernetes"]
        assert any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])
    server = json.loads(kubectl("version", "-o", "json"))["serverVersion"]
    assert server["gitVersion"] == cluster.versions["kubernetes"]
    assert server["minor"].startswith("35")


@pytest.mark.usefixtures("web")
def test_pods_run_on_every_node_and_share_a_volume(cluster: Cluster, kubectl: Kubectl) -> None:
    names = {node.name for node in cluster.nodes}
    on = kubectl("-n", NAMESPACE, "get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}").split()
    assert set(on) == names
    assert kubectl("-n", NAMESPACE, "get", "pvc", "data", "-o", "jsonpath={.status.phase}") == "Bound"
    assert set(kubectl("-n", NAMESPACE, "exec", "daemonset/web", "--", "ls", "/data").split()) == names


@pytest.mark.usefixtures("web")
def test_names_resolve_in_a_pod(kubectl: Kubectl) -> None:
    found = kubectl("-n", NAMESPACE, "exec", "daemonset/web", "--", "getent", "hosts", "web", "kubernetes.default")
    assert f"web.{NAMESPACE}.svc.cluster.local" in found
    assert "10.96.0.1 " in found


@pytest.mark.usefixtures("web")
def test_logs_and_exec_with_input_go_through_the_api_server(kubectl: Kubectl) -> None:
    assert "started on node-" in kubectl("-n", NAMESPACE, "logs", "daemonset/web")
    assert kubectl("-n", NAMESPACE, "exec", "-i", "daemonset/web", "--", "cat", stdin="said") == "said"


@pytest.mark.usefixtures("web")
def test_pod_service_and_load_balancer_answer_in_the_clusters_network(cluster: Cluster, kubectl: Kubectl) -> None:
    def read(kind: str, path: str) -> str:
        return kubectl("-n", NAMESPACE, "get", kind, "-o", f"jsonpath={{{path}}}")

    balanced = await_value(lambda: read("service/web", ".status.loadBalancer.ingress[0].ip"))
    addresses = [balanced, read("service/web", ".spec.clusterIP"), *read("pods", ".items[*].status.podIP").split()]
    names = {node.name for node in cluster.nodes}
    answers = inside(cluster.switch_netns, lambda: [fetch(address) for address in addresses])
    assert len(answers) == 2 + len(names)
    assert set(answers[:2]) <= names
    assert set(answers[2:]) == names


@pytest.mark.usefixtures("web")
def test_the_load_balancers_address_moves_when_its_node_is_cut_off(cluster: Cluster, kubectl: Kubectl) -> None:
    address = await_value(
        lambda: kubectl("-n", NAMESPACE, "get", "service/web", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
    )
    heartbeat = cluster.switch_netns.parent.parent / "load-balancer.json"
    holder = await_value(lambda: json.loads(heartbeat.read_text())["addresses"].get(address, ""))

    with cut_off(cluster, holder):
        await_value(lambda: "moved" if json.loads(heartbeat.read_text())["addresses"].get(address) != holder else "")
        assert inside(cluster.switch_netns, lambda: fetch(address)) != holder
    kubectl("wait", "node", holder, "--for=condition=Ready", "--timeout=60s")


def test_a_second_up_finds_the_cluster_as_it_is(cluster: Cluster) -> None:
    began = time.monotonic()
    assert embedded.up(name=cluster.name, nodes=len(cluster.nodes), progress=NoProgress()) == cluster
    assert time.monotonic() - began < 5


def test_an_up_with_another_number_of_nodes_is_refused_and_changes_nothing(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="has 3 nodes, not 2") as caught:
        embedded.up(name=cluster.name, nodes=2, progress=NoProgress())
    assert caught.value.hint == f"`hachaos cluster down --name {cluster.name}` takes it away."
    assert embedded.find(cluster.name) == cluster


def test_status_says_that_the_cluster_is_sound(cluster: Cluster, hachaos: Hachaos) -> None:
    done = hachaos("cluster", "status", "--name", cluster.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"cluster {cluster.name} is sound" in done.stdout


def test_nobody_gets_in_without_a_certificate(cluster: Cluster) -> None:
    def ask(address: str) -> str:
        command = ["curl", "--insecure", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", address]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    node = cluster.nodes[0].address
    addresses = ["https://172.30.0.1:6443/api", f"https://{node}:10250/pods"]
    assert inside(cluster.switch_netns, lambda: [ask(address) for address in addresses]) == ["401", "401"]


def test_the_host_reaches_the_api_server_through_a_forward_only(cluster: Cluster, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launcher = str(ROOT / "hachaos")
    forward = subprocess.Popen(
        [launcher, "cluster", "forward", "api", "--port", str(port), "--name", cluster.name],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert forward.stdout is not None
        assert forward.stdout.readline() == f"127.0.0.1:{port} -> 172.30.0.1:6443\n"
        server = f"https://127.0.0.1:{port}"
        command = [launcher, "cluster", "kubeconfig", "--name", cluster.name, "--server", server]
        config = tmp_path / "kubeconfig"
        config.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        kube = json.loads((cluster.switch_netns.parent.parent / "cluster.json").read_text())["kube"]
        get = [kube, "kubectl", "--kubeconfig", str(config), "get", "nodes", "-o", "name"]
        done = subprocess.run(get, capture_output=True, text=True, timeout=30, check=False)
        assert done.stdout.split() == [f"node/{node.name}" for node in cluster.nodes], done.stderr
    finally:
        forward.terminate()
        forward.communicate(timeout=10)


def test_a_busy_port_is_told_in_one_line(cluster: Cluster, hachaos: Hachaos) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = hachaos("cluster", "forward", "api", "--port", str(port), "--name", cluster.name)
    assert done.returncode == 3
    assert f"port {port} of 127.0.0.1 cannot be had" in done.stderr
