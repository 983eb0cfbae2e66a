"""No password gets out: not into a run's files, not onto the terminal, not into any process's arguments."""

from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from chaos.cluster.local.cluster import Cluster
from chaos.stack.stack import Stack
from embedded import NAME, ROOT

SHORT = """\
apiVersion: hachaos/v1
name: short
claim: the master comes back
baseline: record
workload: {reads: 5/s, writes: 5/s, posts: 1/s, uploads: 0.5/s, file_reads: 1/s}
steps:
  - name: delete the master, which takes more than a second to be back
    action: delete-pod
    target: database/primary
    wait: {for: database/ready, timeout: TIMEOUT}
"""


def secrets_in_use(stack: Stack, cluster: Cluster) -> dict[bytes, str]:
    """Each password and key in each form in which it could be found, and what it is."""
    found = {}
    for item in stack.api.list("Secret"):
        for key, value in (item.get("data") or {}).items():
            if key not in ("ADMIN_USER", "SITE_ID"):
                found[f"{item['metadata']['name']}/{key}"] = base64.b64decode(value).decode()
    known = stack.credentials
    found["basic"] = base64.b64encode(f"{known.admin_user}:{known.application_password}".encode()).decode()
    found["spaceless"] = known.application_password.replace(" ", "")
    (user,) = yaml.safe_load(cluster.kubeconfig.read_text())["users"]
    found["kubeconfig"] = user["user"]["client-key-data"]
    forms = {}
    for name, text in found.items():
        assert len(text) > 8, name
        for form in (text, quote(text, safe=""), base64.b64encode(text.encode()).decode().rstrip("=")):
            forms[form.encode()] = name
    return forms


@contextmanager
def arguments_of_all_processes() -> Iterator[set[bytes]]:
    """The arguments that any process had meanwhile, those in pods too, as this machine sees them."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@contextmanager
def events_that_tell_secrets(stack: Stack) -> Iterator[None]:
    """Events about a database pod, once a second, whose messages have a password of the run in it."""
    over = threading.Event()

    def tell() -> None:
        number = 0
        while not over.wait(1):
            number += 1
            stack.api.create(
                {
                    "apiVersion": "v1",
                    "kind": "Event",
                    "metadata": {"generateName": "leak-", "name": f"leak-{number}", "namespace": stack.api.namespace},
                    "involvedObject": {"kind": "Pod", "name": "mysql-1", "namespace": stack.api.namespace},
                    "type": "Warning",
                    "reason": "Leaky",
                    "message": f"attempt {number}: no answer to {stack.credentials.ledger_password}",
                }
            )

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for item in stack.api.list("Event"):
            if item.get("reason") == "Leaky":
                stack.api.delete("Event", item["metadata"]["name"])


@pytest.mark.parametrize(("timeout", "fails"), [pytest.param("3m", False, marks=pytest.mark.long), ("1s", True)])
def test_no_password_is_in_any_file_output_or_argument_of_a_run(
    stack: Stack, cluster: Cluster, tmp_path: Path, timeout: str, fails: bool
) -> None:
    scenario = tmp_path / "short.yaml"
    scenario.write_text(SHORT.replace("TIMEOUT", timeout))
    command = [str(ROOT / "hachaos"), "run", str(scenario), "--name", NAME, "--debug"]
    command += ["--reports", str(tmp_path / "reports")]
    with arguments_of_all_processes() as arguments, events_that_tell_secrets(stack):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=600, check=False)
    (folder,) = (tmp_path / "reports").glob("2*")
    texts = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(texts) >= {"journal.jsonl", "debug.log", "report.html", "report.json", "junit.xml"}
    texts |= {"stdout": done.stdout, "stderr": done.stderr, "arguments": b"\n".join(arguments)}
    for form, what in secrets_in_use(stack, cluster).items():
        assert [name for name, text in texts.items() if form in text] == [], what
    # It was really there to be found, and the files are no empty ones.
    assert b"no answer to [redacted]" in texts["journal.jsonl"]
    assert b"no answer to [redacted]" in texts["report.html"]
    assert (b"the stack did not recover in time" in texts["journal.jsonl"]) is fails
    assert b": 200, " in texts["debug.log"]
    assert b"exec in mysql-0/" in texts["debug.log"]
    assert b"debug.log" in done.stderr
    assert any(b"mariadb" in each for each in arguments)
