"""A cluster that is not the embedded one is only touched by name, never because a kubeconfig happens to be on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from chaos.cli.main import hachaos
from chaos.cluster.elsewhere import Elsewhere, elsewhere
from chaos.errors import ExitCode, UsageError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return write(tmp_path / "config", "prod", "staging")


def write(path: Path, *names: str) -> str:
    content = {"current-context": names[0], "contexts": [{"name": name, "context": {}} for name in names]}
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_without_an_option_it_is_the_embedded_cluster_whatever_the_kubeconfig_is_on(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", file)
    assert elsewhere("", "", in_cluster=False) is None


def test_a_context_is_taken_from_the_file_that_is_named(file: str) -> None:
    assert elsewhere("staging", file, in_cluster=False) == Elsewhere("staging", file)


def test_a_context_is_looked_for_in_the_environments_kubeconfigs_and_then_at_home(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / ".kube"
    home.mkdir(parents=True)
    write(home / "config", "mine")
    assert elsewhere("mine", "", in_cluster=False) == Elsewhere("mine", str(home / "config"))
    several = f"{tmp_path / 'not-there'}:{file}:{write(tmp_path / 'other', 'test')}"
    monkeypatch.setenv("KUBECONFIG", several)
    assert elsewhere("test", "", in_cluster=False) == Elsewhere("test", several)


def test_a_kubeconfig_without_a_context_is_refused_with_the_contexts_in_it(file: str) -> None:
    with pytest.raises(UsageError, match="current one is never taken") as caught:
        elsewhere("", file, in_cluster=False)
    assert "prod, staging" in str(caught.value.hint)


def test_an_unknown_context_is_refused_with_the_nearest(file: str) -> None:
    with pytest.raises(UsageError, match="no context 'stagign'") as caught:
        elsewhere("stagign", file, in_cluster=False)
    assert "did you mean 'staging'?" in str(caught.value.hint)


@pytest.mark.parametrize("content", ["- a list", "contexts: [name]", "a: [", "\x00"])
def test_what_is_no_kubeconfig_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "config").write_text(content)
    with pytest.raises(UsageError, match="this is no kubeconfig"):
        elsewhere("prod", str(tmp_path / "config"), in_cluster=False)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        elsewhere("prod", str(tmp_path / "config"), in_cluster=False)


def test_two_clusters_at_once_are_refused(file: str) -> None:
    assert elsewhere("", "", in_cluster=True) == Elsewhere()
    with pytest.raises(UsageError, match="--in-cluster"):
        elsewhere("prod", file, in_cluster=True)


@pytest.mark.parametrize("command", [("run",), ("plan",)])
def test_a_profile_is_refused_on_a_cluster_that_is_there(file: str, command: tuple[str, ...]) -> None:
    told = [*command, "scenarios/kill-replica.yaml", "--context", "prod", "--kubeconfig", file]
    went = CliRunner().invoke(hachaos, told)
    assert isinstance(went.exception, UsageError)
    assert went.exception.exit_code is ExitCode.USAGE
    assert "hardened is a profile" in str(went.exception)
    assert "stack bind --context prod" in str(went.exception.hint)


def test_the_option_that_names_it_again_has_the_file_unless_that_is_the_one_that_is_taken_anyhow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", "a:b")
    assert Elsewhere("prod", "a:b").option == "--context prod"
    assert Elsewhere("prod", "my file").option == "--context prod --kubeconfig 'my file'"
    assert Elsewhere().option == "--in-cluster"
