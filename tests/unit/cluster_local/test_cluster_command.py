from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from chaos.cli.cluster import cluster
from chaos.cluster.local import cluster as local
from chaos.cluster.local import host, layout, state, teardown
from chaos.cluster.local.images import hachaos, load, reference
from chaos.cluster.local.images.archive import Image, Layer
from chaos.cluster.local.images.hachaos import build
from chaos.cluster.local.state import Anchor
from chaos.errors import ClusterError, HostError, UsageError


@pytest.fixture(autouse=True)
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layout, "RUN", tmp_path / "run")
    monkeypatch.setattr(host, "require_root", lambda: None)


@pytest.fixture
def running(tmp_path: Path) -> Anchor:
    """A cluster `a` that was started, as far as its files say."""
    anchor = Anchor("a", 1, str(tmp_path / "state"), "/somewhere/kube", "up", {"kubernetes": "v1.35.4"})
    state.write(anchor)
    anchor.places.kubeconfig.parent.mkdir(parents=True)
    anchor.places.kubeconfig.write_text(json.dumps({"clusters": [{"cluster": {"server": "https://172.30.0.1:6443"}}]}))
    return anchor


def call(*arguments: str) -> str:
    result = CliRunner().invoke(cluster, arguments, standalone_mode=False, catch_exceptions=False)
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the process would have become."""
    calls: list[Any] = []
    monkeypatch.setattr(local, "join", lambda found: calls.append(found.switch_netns))
    monkeypatch.setattr(os, "execve", lambda *arguments: calls.extend(arguments))
    return calls


def test_a_dash_before_kubectls_own_command_is_left_out(running: Anchor, executed: list[Any]) -> None:
    call("kubectl", "--name", "a", "--", "exec", "x", "--", "sh")
    assert executed[2] == ["kubectl", "exec", "x", "--", "sh"]


@pytest.mark.parametrize("name", [["--name", "a"], ["--name=a"]])
@pytest.mark.parametrize(
    "arguments", [["get", "pods", "--help"], ["exec", "x", "--", "sh", "-c", "exit 1"], ["-n", "b", "--name", "c"], []]
)
def test_kubectl_gets_all_its_arguments_in_the_clusters_network(
    running: Anchor, executed: list[Any], name: list[str], arguments: list[str]
) -> None:
    call("kubectl", *name, *arguments)
    netns, binary, argv, environment = executed
    assert netns == running.places.netns("switch")
    assert binary == running.kube
    assert argv == ["kubectl", *arguments]
    assert environment["KUBECONFIG"] == str(running.places.kubeconfig)


def test_a_command_for_a_cluster_that_is_not_there_says_how_to_make_it() -> None:
    with pytest.raises(ClusterError, match="there is no cluster b") as caught:
        call("kubectl", "--name", "b", "get", "pods")
    assert caught.value.hint == "hachaos cluster up --name b"


def test_a_cluster_that_is_still_starting_is_not_there(running: Anchor) -> None:
    state.write(Anchor(**{**vars(running), "phase": "starting"}))
    with pytest.raises(ClusterError, match="there is no cluster a"):
        call("kubeconfig", "--name", "a")


@pytest.mark.usefixtures("running")
def test_kubeconfig_may_name_another_server() -> None:
    assert "https://172.30.0.1:6443" in call("kubeconfig", "--name", "a")
    assert "https://127.0.0.1:9" in call("kubeconfig", "--name", "a", "--server", "https://127.0.0.1:9")


@pytest.mark.parametrize("arguments", [["up"], ["down"], ["status"], ["kubeconfig"], ["kubectl"], ["forward", "api"]])
def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    def refuse() -> None:
        raise HostError("the embedded cluster needs root")

    monkeypatch.setattr(host, "require_root", refuse)
    with pytest.raises(HostError, match="needs root"):
        call(*arguments)


@pytest.mark.parametrize("nodes", ["0", "6", "x"])
def test_another_number_of_nodes_is_a_usage_error(nodes: str) -> None:
    with pytest.raises(click.BadParameter, match="range"):
        call("up", "--nodes", nodes)


def test_a_name_that_cannot_be_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="cannot name a cluster"):
        call("down", "--name", "../etc")


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Image:
    """The image of hachaos, as if it were built."""
    layer = tmp_path / "layer.tar"
    layer.write_bytes(b"layer")
    made = Image(reference("hachaos"), hachaos.RECIPE, (Layer(layer, "sha256:1"),))
    monkeypatch.setattr(build, "ensure", lambda *_: made)
    return made


def test_the_image_is_given_to_the_nodes_of_a_running_cluster(
    running: Anchor, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(load, "give", lambda made, found, _: given.append((made, found.name)))
    assert call("image", "--name", "a", "-q") == "image localhost/hachaos/hachaos:1 is on 1 nodes of cluster a\n"
    assert given == [(image, "a")]


def test_without_a_cluster_the_image_is_not_even_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "ensure", None)
    with pytest.raises(ClusterError, match="there is no cluster a"):
        call("image", "--name", "a", "-q")


def test_the_image_is_saved_to_a_file_without_a_cluster(image: Image, tmp_path: Path) -> None:
    assert call("image", "--save", str(tmp_path / "x.tar"), "-q").endswith(f"is in {tmp_path / 'x.tar'}\n")
    with tarfile.open(tmp_path / "x.tar") as tar:
        assert {"manifest.json", "1.tar"} <= set(tar.getnames())
    with pytest.raises(UsageError, match=r"nowhere/x\.tar: No such file"):
        call("image", "--save", str(tmp_path / "nowhere" / "x.tar"), "-q")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ([], "there is no cluster b\nhint: hachaos cluster up --name b\n"),
        (["netns b-1"], "cluster b is half made: netns b-1\nhint: hachaos cluster down --name b\n"),
    ],
)
def test_the_status_of_a_cluster_that_is_not_up_says_what_to_do(
    left: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teardown, "traces", lambda _: left)
    done = CliRunner().invoke(cluster, ["status", "--name", "b"], standalone_mode=False)
    assert (done.exit_code, done.output) == (3, said)
