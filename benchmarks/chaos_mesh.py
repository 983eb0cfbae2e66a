"""`python -m benchmarks.chaos_mesh CHECKOUT MANAGER HELM`: Chaos Mesh's words on the tutorial's stack, and the truth.

CHECKOUT is Chaos Mesh's repository at its tag v2.8.3, MANAGER its `chaos-controller-manager` built without cgo, HELM a
Helm 3. The manager runs in the cluster as its chart has it; of what else the chart brings nothing is installed, since
neither killing pods nor checking a status asks the daemon, the dashboard or the DNS server.

Each run gets a freshly deployed published stack. A Workflow kills the master's pod while a StatusCheck asks for the
site's front page. Chaos Mesh has no fault that loses a volume: for that the claim is deleted just before.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from benchmarks import peers
from benchmarks.table import CLUSTER
from benchmarks.watch import FAULTS, Watch, longest_outage, missing
from chaos.cluster import target as targets
from chaos.cluster.kinds import Object
from chaos.cluster.local import cluster as clusters
from chaos.cluster.local import versions
from chaos.cluster.local.cluster import Cluster
from chaos.cluster.local.images import archive, load
from chaos.cluster.local.images.archive import Image
from chaos.cluster.local.images.recipe import Recipe
from chaos.progress import PlainProgress
from chaos.stack.stack import Stack

IMAGE = "localhost/chaos-mesh/chaos-mesh:v2.8.3"
"""Made here of the manager alone."""
NAMESPACE = "chaos-mesh"
WORKFLOW = "lose-the-master"
TEMPLATES = (
    "controller-manager-rbac",
    "controller-manager-service",
    "controller-manager-deployment",
    "secrets-configuration",
    "mutating-admission-webhooks",
    "validating-admission-webhooks",
)
SETTINGS = "controllerManager.replicaCount=1,images.registry=localhost"
CHECKED_S = 100
"""As long as Krkn's health check looked."""
LINGER_S = 2.0
TIMES = 2
KINDS = ("workflow", "workflownode", "statuscheck", "podchaos")


class Kubectl:
    """The cluster's own kubectl, in the cluster's network, which this process has joined."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._command = [str(peers.kubectl(folder)), "-n", NAMESPACE]
        self._environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig)}

    def __call__(self, *arguments: str, given: str = "") -> str:
        command = [*self._command, *arguments]
        done = subprocess.run(command, env=self._environment, input=given, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    @contextlib.contextmanager
    def watching(self, kind: str, file: Path) -> Iterator[None]:
        """Write each object of a kind to a file whenever it changes."""
        with file.open("w") as out:
            command = [*self._command, "get", kind, "--watch", "-o", "json"]
            process = subprocess.Popen(command, env=self._environment, stdout=out)
            try:
                yield
            finally:
                process.terminate()
                process.wait()


@click.command()
@click.argument("checkout", type=click.Path(path_type=Path, exists=True))
@click.argument("manager", type=click.Path(path_type=Path, exists=True))
@click.argument("helm", type=click.Path(path_type=Path, exists=True))
@click.option("--times", default=TIMES, show_default=True, help="How often each fault.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep what was seen of each run in this folder.")
def main(checkout: Path, manager: Path, helm: Path, times: int, keep: Path | None) -> None:
    """Print a Markdown table of Chaos Mesh's words beside the truth."""
    peers.up()
    cluster = clusters.find(CLUSTER)
    assert cluster is not None
    target = targets.local(CLUSTER, 3, quiet=True)
    with tempfile.TemporaryDirectory() as place:
        kubectl = Kubectl(cluster, Path(place))
        _give(manager, cluster)
        _install(checkout / "helm" / "chaos-mesh", helm.absolute(), kubectl)
        print("| fault | workflow | status check | chaos | pages out | rows out | not on the master |")
        print("|---" * 7 + "|", flush=True)
        for number in range(times):
            for fault in FAULTS:
                folder = Path(place) / f"{fault}-{number + 1}"
                folder.mkdir()
                print(_row(fault, peers.fresh(target), kubectl, folder), flush=True)
                if keep is not None:
                    shutil.copytree(folder, keep / folder.name, dirs_exist_ok=True)


def _give(manager: Path, cluster: Cluster) -> None:
    """Give the nodes an image that holds the manager and nothing else."""
    with tempfile.TemporaryDirectory() as place:
        programs = Path(place) / "tree" / "usr" / "local" / "bin"
        programs.mkdir(parents=True)
        shutil.copy(manager, programs / "chaos-controller-manager")
        layer = archive.write_layer(Path(place) / "tree", Path(place) / "layer.tar", newest=versions.SOURCE_DATE_EPOCH)
        load.give(Image(IMAGE, Recipe("chaos-mesh", Path(place)), (layer,)), cluster, PlainProgress())


def _install(chart: Path, helm: Path, kubectl: Kubectl) -> None:
    shown = [argument for name in TEMPLATES for argument in ("--show-only", f"templates/{name}.yaml")]
    rendered = subprocess.run(
        [str(helm), "template", "chaos-mesh", str(chart), "--namespace", NAMESPACE, "--set", SETTINGS, *shown],
        capture_output=True,
        text=True,
        check=False,
    )
    if rendered.returncode:
        sys.exit(f"helm: {rendered.stderr.strip()}")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    kubectl(*apply, "-", given=json.dumps(namespace))
    kubectl(*apply, str(chart / "crds"))
    kubectl(*apply, "-", given=rendered.stdout)
    kubectl("rollout", "status", "deployment/chaos-controller-manager", "--timeout=180s")


def _row(fault: str, stack: Stack, kubectl: Kubectl, folder: Path) -> str:
    tokens = peers.write(stack)
    with Watch(stack, fault, folder) as watch:
        since = time.time()
        seen = _followed(_workflow(stack), kubectl, folder)
    (folder / "events.json").write_text(kubectl("get", "events", "-o", "json"))
    (folder / "manager.log").write_text(kubectl("logs", "deployment/chaos-controller-manager"))
    kubectl("delete", "workflow", WORKFLOW, "--timeout=60s")
    words = [
        FAULTS[fault],
        f"{_conditions(seen, 'Workflow')}; its check: {_conditions(seen, 'check')}",
        f"{_checked(seen)}; {_conditions(seen, 'StatusCheck')}",
        _conditions(seen, "PodChaos"),
        longest_outage(watch.pages, since),
        longest_outage(watch.rows, since),
        missing(stack, tokens, watch.rows),
    ]
    return f"| {' | '.join(words)} |"


def _workflow(stack: Stack) -> Object:
    """The form that its documentation gives a status check beside a fault."""
    check = {
        "mode": "Continuous",
        "type": "HTTP",
        "intervalSeconds": 1,
        "timeoutSeconds": 1,
        "successThreshold": 1,
        "failureThreshold": 3,
        "http": {"url": f"http://{stack.site_host}/", "method": "GET", "criteria": {"statusCode": "200"}},
    }
    kill = {
        "action": "pod-kill",
        "mode": "one",
        "gracePeriod": 0,
        "selector": {"pods": {stack.api.namespace: ["mysql-0"]}},
    }
    deadline = {"deadline": f"{CHECKED_S}s"}
    templates = [
        {
            "name": "the-entry",
            "templateType": "Parallel",
            "children": ["check", "kill"],
            "deadline": f"{CHECKED_S + 20}s",
        },
        {"name": "check", "templateType": "StatusCheck", "abortWithStatusCheck": True, "statusCheck": check} | deadline,
        {"name": "kill", "templateType": "PodChaos", "podChaos": kill} | deadline,
    ]
    return {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": WORKFLOW, "namespace": NAMESPACE},
        "spec": {"entry": "the-entry", "templates": templates},
    }


def _followed(workflow: Object, kubectl: Kubectl, folder: Path) -> list[Object]:
    """Each object of the workflow's as it was last seen when that had ended: it deletes its own as it goes."""
    files = {kind: folder / f"{kind}.json" for kind in KINDS}
    with contextlib.ExitStack() as watches:
        for kind, file in files.items():
            watches.enter_context(kubectl.watching(kind, file))
        kubectl("create", "-f", "-", given=json.dumps(workflow))
        kubectl("wait", f"workflow/{WORKFLOW}", "--for=condition=Accomplished", f"--timeout={CHECKED_S + 60}s")
        time.sleep(LINGER_S)
    return [each for file in files.values() for each in {one["metadata"]["uid"]: one for one in _read(file)}.values()]


def _read(file: Path) -> Iterator[Object]:
    text, place, decoder = file.read_text(), 0, json.JSONDecoder()
    while (place := text.find("{", place)) >= 0:
        found, place = decoder.raw_decode(text, place)
        yield found


def _conditions(seen: Iterable[Object], name: str) -> str:
    """The conditions that hold, of each object whose kind or template is of that name, with their reasons."""
    told_of = []
    for each in seen:
        if name in {each["kind"], each["spec"].get("templateName")}:
            held = [one for one in each.get("status", {}).get("conditions", []) if one["status"] == "True"]
            told_of += [one["type"] + (f" ({one['reason']})" if one.get("reason") else "") for one in held]
    return ", ".join(told_of) or "nothing"


def _checked(seen: Iterable[Object]) -> str:
    (check,) = (each for each in seen if each["kind"] == "StatusCheck")
    records = check.get("status", {}).get("records", [])
    return f"{sum(one['outcome'] != 'Success' for one in records)} of {len(records)} failed"


if __name__ == "__main__":
    main()
